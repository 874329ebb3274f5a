import Testing

@testable import SwiftRNNModels

@Suite struct BucketsTests {
  private func lengths(_ count: Int, _ longest: Int, _ seed: UInt64) -> [Int] {
    var random = Numbers(seed)
    return (0..<count).map { _ in Int.random(in: 0...longest, using: &random) }
  }

  @Test func eachSequenceIsThereOnceAndBoundsHold() throws {
    for withTargets in [false, true] {
      let (sources, targets) = (lengths(500, 60, 1), withTargets ? lengths(500, 40, 2) : [])
      let buckets = try Buckets(
        lengths: sources, targetLengths: targets, tokenLimit: 400, sequenceLimit: 16, width: 5, seed: 3)
      for shuffles in [false, true] {
        let batches = buckets.batches(epoch: 2, shuffles: shuffles)
        #expect(batches.flatMap(\.self).sorted() == Array(0..<500))
        var (padded, real) = (0, 0)
        for batch in batches {
          let longest = batch.map { sources[$0] }.max() ?? 0
          let longestTarget = withTargets ? batch.map { targets[$0] }.max() ?? 0 : 0
          #expect(!batch.isEmpty && batch.count <= 16)
          #expect(batch.count * (longest + longestTarget) <= 400)
          padded += batch.count * longest
          real += batch.map { sources[$0] }.reduce(0, +)
        }
        // With two lengths there is more padding than with one.
        #expect(Double(padded) < Double(real) * 1.4)
      }
    }
  }

  @Test func epochsDifferAndAreTheSameAgain() throws {
    let sources = lengths(300, 50, 4)
    func batches(_ seed: UInt64, _ epoch: Int) throws -> [[Int]] {
      try Buckets(lengths: sources, tokenLimit: 256, seed: seed).batches(epoch: epoch)
    }
    #expect(try batches(1, 0) == batches(1, 0))
    #expect(try batches(1, 0) != batches(1, 1))
    #expect(try batches(1, 0) != batches(2, 0))
    #expect(try batches(1, .max) != batches(1, .min))
    // Not the same batches in another order.
    #expect(try Set(batches(1, 0).map { Set($0) }) != Set(batches(1, 1).map { Set($0) }))
  }

  /// Written down by a program of its own, in Python: checkpoints rely on these.
  @Test func shufflingIsFixed() throws {
    let buckets = try Buckets(lengths: [3, 3, 3, 3, 3, 3, 3, 3], tokenLimit: 9, seed: 42)
    #expect(buckets.batches(epoch: 0) == [[5, 3], [2, 4, 1], [7, 0, 6]])
    #expect(buckets.batches(epoch: 5) == [[3, 6], [7, 5, 2], [4, 1, 0]])
    #expect(buckets.batches(epoch: 0, shuffles: false) == [[0, 1, 2], [3, 4, 5], [6, 7]])
    let sorted = try Buckets(lengths: [5, 1, 4, 0, 9, 1], tokenLimit: 10)
    #expect(sorted.batches(epoch: 7, shuffles: false) == [[3, 1, 5], [2, 0], [4]])
  }

  /// Every order of three is drawn about as often.
  @Test func shufflingIsFair() throws {
    let buckets = try Buckets(lengths: [1, 1, 1], tokenLimit: 3, seed: 9)
    var counts: [[Int]: Int] = [:]
    for epoch in 0..<6000 { counts[buckets.batches(epoch: epoch)[0], default: 0] += 1 }
    #expect(counts.count == 6)
    #expect(counts.values.allSatisfy { $0 > 850 && $0 < 1150 })
  }

  @Test func whatMakesNoSenseIsRefused() throws {
    #expect(throws: ModelError.self) { try Buckets(lengths: [1], tokenLimit: 0) }
    #expect(throws: ModelError.self) { try Buckets(lengths: [1], tokenLimit: 1, sequenceLimit: 0) }
    #expect(throws: ModelError.self) { try Buckets(lengths: [1], tokenLimit: 1, width: 0) }
    #expect(throws: ModelError.self) { try Buckets(lengths: [-1], tokenLimit: 1) }
    #expect(throws: ModelError.self) { try Buckets(lengths: [1], targetLengths: [1, 2], tokenLimit: 9) }
    #expect(throws: ModelError.self) { try Buckets(lengths: [.max], targetLengths: [.max], tokenLimit: .max) }
    let long = message { _ = try Buckets(lengths: [3, 9], tokenLimit: 8) }
    #expect(long == "sequence 1 has the length 9 and a target of 0, more than tokenLimit, 8")
    #expect(try Buckets(lengths: [], tokenLimit: 1).batches(epoch: 0) == [])
    #expect(try Buckets(lengths: [0, 0], tokenLimit: 1).batches(epoch: 0, shuffles: false) == [[0, 1]])
    let halves = try Buckets(lengths: [.max / 2 + 1, 0], targetLengths: [0, .max / 2 + 1], tokenLimit: .max)
    #expect(halves.batches(epoch: 0).count == 2)
  }

  @Test func padsIDs() throws {
    let sequences = [[1, 2, 3], [], [4]]
    var out = [Int](repeating: -1, count: 9)
    #expect(try Padding.longest(sequences.map(\.count), [2, 0]) == 3)
    try out.withUnsafeMutableBufferPointer { try Padding.fill(sequences, [2, 0, 1], steps: 3, padding: 9, into: $0) }
    #expect(out == [4, 1, 9, 9, 2, 9, 9, 3, 9])
    out.withUnsafeMutableBufferPointer { out in
      #expect(throws: ModelError.self) { try Padding.fill(sequences, [3, 0, 1], steps: 3, padding: 9, into: out) }
      #expect(throws: ModelError.self) { try Padding.fill(sequences, [0, 1], steps: 3, padding: 9, into: out) }
      #expect(throws: ModelError.self) { try Padding.fill(sequences, [0, 1], steps: .max, padding: 9, into: out) }
      #expect(throws: ModelError.self) { try Padding.longest([1], [-1]) }
    }
    #expect(out == [4, 1, 9, 9, 2, 9, 9, 3, 9])
  }

  @Test func padsFeatures() throws {
    let sequences: [[Float]] = [[1, 2, 3, 4], [5, 6]]
    var out = [Float](repeating: -1, count: 8)
    try out.withUnsafeMutableBufferPointer { try Padding.fill(sequences, [1, 0], steps: 2, width: 2, into: $0) }
    #expect(out == [5, 6, 1, 2, 0, 0, 3, 4])
    out.withUnsafeMutableBufferPointer { out in
      #expect(throws: ModelError.self) { try Padding.fill(sequences, [1, 0], steps: 1, width: 2, into: out) }
      #expect(throws: ModelError.self) { try Padding.fill([[1, 2, 3]], [0], steps: 4, width: 2, into: out) }
      #expect(throws: ModelError.self) { try Padding.fill(sequences, [1, 0], steps: 2, width: 0, into: out) }
    }
  }
}
