import Testing

@testable import SwiftRNNModels

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// What large texts take: the process's own peak before and after, with what other tests take at that time.
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
    let before = peak()
    let builder = try VocabularyBuilder(.words)
    try builder.add(file: path)
    let vocabulary = try builder.build()
    #expect(vocabulary.size == 1000)
    let stream = try TextStream(file: path, vocabulary, sequences: 32, steps: 1000)
    #expect(stream.tokens == 60_000 * copies)
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
    #expect(peak() - before < 32 << 10, "KB")
  }

  /// The most memory that the process has had so far; in KB on Linux.
  private func peak() -> Int {
    var usage = rusage()
    getrusage(0, &usage)
    return usage.ru_maxrss
  }

  /// Texts of JSON that take most for each of their bytes.
  @Test(arguments: ["0", "[]", "[0]", "{\"\":0}", "\"\\n\"", "\"sixteen bytes ..\""])
  func aValueIsInProportionToItsText(_ element: String) throws {
    let count = (2 << 20) / (element.utf8.count + 1)
    let text = Array(("[" + String(repeating: element + ",", count: count) + element + "]").utf8)
    let before = peak()
    let json = try JSON(parsing: text)
    #expect((peak() - before) * 1024 < 64 * text.count)
    guard case .array(let elements) = json else {
      Issue.record("no array")
      return
    }
    #expect(elements.count == count + 1)
  }

  @Test func anObjectIsInProportionToItsText() throws {
    var text = Array("{".utf8)
    for i in 0..<200_000 { text += Array("\"\(String(i, radix: 36))\":0,".utf8) }
    text += Array("\"\":1}".utf8)
    let before = peak()
    let json = try JSON(parsing: text)
    #expect((peak() - before) * 1024 < 64 * text.count)
    #expect(json["4abk"] == nil && json["49"] == 0 && json[""] == 1)
  }
}
