import Testing

@testable import SwiftRNNModels

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// What large texts take.
@Suite(.serialized) struct MemoryTests {
  /// 64 MB of words, of which a few are in memory at a time.
  @Test func aLargeTextTakesLittleMemory() throws {
    let folder = try TemporaryFolder()
    let path = folder.file("large")
    var block: [UInt8] = []
    for i in 0..<20_000 { block += Array("word\(i * 31 % 997) the, ".utf8) }
    let copies = (64 << 20) / block.count + 1
    let file = try AtomicFile(path)
    for _ in 0..<copies { try block.withUnsafeBytes { try file.write($0) } }
    try file.commit()
    #expect(try FileSystem.size(of: path) >= 64 << 20)
    let growth = try growth { try readAll(path, tokens: 60_000 * copies) }
    #expect(growth < 16 << 20)
  }

  private func readAll(_ path: String, tokens: Int) throws {
    let builder = try VocabularyBuilder(.words)
    try builder.add(file: path)
    let vocabulary = try builder.build()
    #expect(vocabulary.size == 1000)
    let stream = try TextStream(file: path, vocabulary, sequences: 32, steps: 1000)
    #expect(stream.tokens == tokens)
    let count = 32 * 1000
    let (inputs, targets) = (try GrowingBuffer<Int>(capacity: count), try GrowingBuffer<Int>(capacity: count))
    var (steps, sum) = (0, 0)
    while true {
      let now = try stream.next(
        inputs: UnsafeMutableBufferPointer(start: inputs.pointer, count: count),
        targets: UnsafeMutableBufferPointer(start: targets.pointer, count: count))
      if now == 0 { break }
      steps += now
      inputs.setCount(now * 32)
      for i in 0..<now * 32 { sum += inputs[i] }
    }
    #expect(steps == stream.length - 1 && sum > 0)
  }

  /// How much more memory the process has had at once in `body` than before, in bytes: the least of three times, because
  /// other tests run beside it. Linux forgets its peak when asked to.
  private func growth(_ body: () throws -> Void) throws -> Int {
    var least = Int.max
    for _ in 0..<3 where least > 16 << 20 {
      if let file = fopen("/proc/self/clear_refs", "w") {
        fputs("5", file)
        fclose(file)
      }
      let before = try kilobytes("VmRSS:")
      try body()
      least = min(least, (try kilobytes("VmHWM:") - before) * 1024)
    }
    return least
  }

  /// A number in the system's words about the process.
  private func kilobytes(_ key: String) throws -> Int {
    let file = try #require(fopen("/proc/self/status", "r"))
    defer { fclose(file) }
    var line = [CChar](repeating: 0, count: 256)
    while fgets(&line, 256, file) != nil {
      let words = line.prefix { $0 != 0 }.split { $0 == 9 || $0 == 32 || $0 == 10 }.map {
        String(decoding: $0.map { UInt8(bitPattern: $0) }, as: UTF8.self)
      }
      if words.first == key { return try #require(words.dropFirst().first.flatMap { Int($0) }) }
    }
    return try #require(nil as Int?)
  }

  /// Texts of JSON that take most for each of their bytes.
  @Test(arguments: ["0", "[]", "[0]", "{\"\":0}", "\"\\n\"", "\"sixteen bytes ..\""])
  func aValueIsInProportionToItsText(_ element: String) throws {
    let count = (2 << 20) / (element.utf8.count + 1)
    let text = Array(("[" + String(repeating: element + ",", count: count) + element + "]").utf8)
    let growth = try growth {
      guard case .array(let elements) = try JSON(parsing: text) else {
        Issue.record("no array")
        return
      }
      #expect(elements.count == count + 1)
    }
    #expect(growth < 64 * text.count)
  }

  @Test func anObjectIsInProportionToItsText() throws {
    var text = Array("{".utf8)
    for i in 0..<200_000 { text += Array("\"\(String(i, radix: 36))\":0,".utf8) }
    text += Array("\"\":1}".utf8)
    let growth = try growth {
      let json = try JSON(parsing: text)
      #expect(json["4abk"] == nil && json["49"] == 0 && json[""] == 1)
    }
    #expect(growth < 64 * text.count)
  }
}
