import Testing

@testable import SwiftRNNModels

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

@Suite struct TextStreamTests {
  @Test func batchesAreThePartsSideBySide() throws {
    let stream = try TextStream(ids: Array(0..<17), sequences: 3, steps: 2)
    #expect(stream.tokens == 17 && stream.length == 5 && stream.batches == 2 && stream.position == 0)
    #expect(try stream.next() == .init(steps: 2, inputs: [0, 5, 10, 1, 6, 11], targets: [1, 6, 11, 2, 7, 12]))
    #expect(stream.position == 2)
    #expect(try stream.next() == .init(steps: 2, inputs: [2, 7, 12, 3, 8, 13], targets: [3, 8, 13, 4, 9, 14]))
    #expect(try stream.next() == nil)
    #expect(stream.position == 4)
    try stream.seek(to: 3)
    #expect(try stream.next() == .init(steps: 1, inputs: [3, 8, 13], targets: [4, 9, 14]))
    try stream.seek(to: 0)
    #expect(try stream.next()?.inputs == [0, 5, 10, 1, 6, 11])
    #expect(throws: ModelError.self) { try stream.seek(to: 5) }
    #expect(throws: ModelError.self) { try stream.seek(to: -1) }
  }

  @Test func whatMakesNoSenseIsRefused() throws {
    let folder = try TemporaryFolder()
    try folder.write(Array("some words".utf8), "t")
    let words = try Vocabulary(.words, texts: ["some"], specials: [])
    let bytes = try Vocabulary(.bytes)
    #expect(throws: ModelError.self) { try TextStream(ids: [1, 2], sequences: 0, steps: 1) }
    #expect(throws: ModelError.self) { try TextStream(ids: [1, 2], sequences: 1, steps: 0) }
    let few = message { _ = try TextStream(ids: [1, 2, 3], sequences: 2, steps: 1) }
    #expect(few == "the text has 3 tokens, too few for 2 sequences of 2")
    #expect(throws: ModelError.self) { try TextStream(file: folder.file("t"), bytes, sequences: .max, steps: 1) }
    let unknown = message { _ = try TextStream(file: folder.file("t"), words, sequences: 1, steps: 1) }
    #expect(unknown == "\(folder.file("t")) has \"words\" at byte 5, which the vocabulary lacks, and it has no <unk>")
    try folder.write([UInt8](repeating: 7, count: 131_074), "many")
    let many = message { _ = try TextStream(file: folder.file("many"), bytes, sequences: 65537, steps: 1) }
    #expect(many == "sequences is 65537, must be in 1...65536 for a file")
    let stream = try TextStream(file: folder.file("t"), bytes, sequences: 2, steps: 3)
    var memory = [Int](repeating: 0, count: 6)
    memory.withUnsafeMutableBufferPointer { whole in
      let part = UnsafeMutableBufferPointer(rebasing: whole[..<5])
      let refused = message { _ = try stream.next(inputs: whole, targets: part) }
      #expect(refused == "targets has 5 elements, must have 6")
    }
    let huge = try TextStream(ids: [1, 2, 3, 4], sequences: 2, steps: .max)
    #expect(throws: ModelError.self) { try huge.next() }
  }

  /// A file gives what its ids in memory give, with any number of sequences and from any position.
  @Test func filesAreReadAsTheirIDs() throws {
    let folder = try TemporaryFolder()
    var random = Numbers(11)
    let pieces = [
      "a", "Be", "\u{e9}", "\u{20ac}", "\u{1f600}", " ", "\n", ",", "\u{130}", "   ", "word", "x y z ", "\u{2003}",
    ]
    var text = ""
    for _ in 0..<60_000 { text += pieces.randomElement(using: &random) ?? "" }
    text += String(repeating: "x", count: 30_000) + String(repeating: " ", count: 30_000) + "y z"
    var bytes = Array(text.utf8)
    for _ in 0..<500 {
      bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8(truncatingIfNeeded: random.next())
    }
    try folder.write(bytes, "t")
    for kind in Vocabulary.Kind.allCases {
      let vocabulary = try Vocabulary(kind, texts: [text], specials: .all, isLowercase: true, maximumSize: 300)
      let ids = try vocabulary.encode(bytes)
      for (sequences, steps) in [(1, 1000), (3, 64), (32, 35), (500, 7)] {
        let memory = try TextStream(ids: ids, sequences: sequences, steps: steps)
        let file = try TextStream(file: folder.file("t"), vocabulary, sequences: sequences, steps: steps)
        #expect(file.tokens == ids.count)
        var batches = 0
        while let expected = try memory.next() {
          let batch = try file.next()
          #expect(batch == expected)
          #expect(file.position == memory.position)
          batches += 1
        }
        #expect(try file.next() == nil)
        #expect(batches == file.batches)
        for _ in 0..<20 {
          let position = Int.random(in: 0..<file.length, using: &random)
          try memory.seek(to: position)
          try file.seek(to: position)
          for _ in 0..<2 {
            let expected = try memory.next()
            #expect(try file.next() == expected)
          }
        }
      }
    }
  }

  /// More places than the index keeps.
  @Test func theIndexStaysSmall() throws {
    let folder = try TemporaryFolder()
    let bytes = (0..<3_000_000).map { UInt8(truncatingIfNeeded: 97 + ($0 * $0 / 7) % 26) }
    try folder.write(bytes, "t")
    let vocabulary = try Vocabulary(.characters, texts: ["abcdefghijklmnopqrstuvwxyz"], specials: [])
    let stream = try TextStream(file: folder.file("t"), vocabulary, sequences: 1, steps: 4)
    for position in [2_999_990, 1_048_576, 1_048_575, 17, 2_097_153, 0] {
      try stream.seek(to: position)
      let expected = bytes[position..<position + 4].map { Int($0) - 97 }
      #expect(try stream.next()?.inputs == expected)
    }
  }

  @Test func aFileThatChangesIsAnErrorAndTheStreamGoesOn() throws {
    let folder = try TemporaryFolder()
    let bytes = (0..<400_000).map { UInt8($0 % 251) }
    try folder.write(bytes, "t")
    let vocabulary = try Vocabulary(.bytes, specials: [])
    let stream = try TextStream(file: folder.file("t"), vocabulary, sequences: 2, steps: 100_000)
    _ = try stream.next()
    try folder.write(Array(bytes[..<250_000]), "t")
    #expect(throws: ModelError.self) { try stream.next() }
    #expect(stream.position == 100_000)
    try folder.write(bytes, "t")
    let batch = try stream.next()
    let expected = [100_000, 300_000, 100_001, 300_001].map { $0 % 251 }
    #expect(batch.map { Array($0.inputs.prefix(4)) } == expected)
    #expect(batch?.steps == 99_999)
  }
}
