import SwiftRNN
import Testing

@testable import SwiftRNNModels

@Suite struct SafetensorsTests {
  static let weight: [Float] = (0..<15).map { Float($0) * 0.5 - 3 }
  static let bias: [Double] = [.pi, -0.0, 1e300, .leastNonzeroMagnitude]

  /// Three tensors and metadata.
  static func write(_ path: String, calls: WritingCalls = WritingCalls()) throws {
    try weight.withUnsafeBufferPointer { weight in
      try bias.withUnsafeBufferPointer { bias in
        let empty = UnsafeBufferPointer<Float>(start: nil, count: 0)
        let sources: [Safetensors.Source] = [
          .init("layer.weight", shape: [3, 5], weight), .init("layer.bias", shape: [4], bias),
          .init("none", shape: [0, 7], empty),
        ]
        try Safetensors.write(sources, metadata: [("kind", "test"), ("a", "\u{e9}\"\n")], to: path, calls: calls)
      }
    }
  }

  static func read<Scalar>(
    _ count: Int, _ zero: Scalar, _ body: (UnsafeMutableBufferPointer<Scalar>) throws -> Void
  ) throws -> [Scalar] {
    var numbers = [Scalar](repeating: zero, count: count)
    try numbers.withUnsafeMutableBufferPointer { try body($0) }
    return numbers
  }

  /// Whether a file has these tensors, bit by bit. Throws where it is refused.
  static func matches(_ path: String) throws -> Bool {
    let file = try SafetensorsFile(path)
    try file.check(names: ["layer.weight", "layer.bias", "none"])
    let weight = try read(15, Float(0)) { try file.read("layer.weight", shape: [3, 5], into: $0) }
    let bias = try read(4, 0.0) { try file.read("layer.bias", shape: [4], into: $0) }
    _ = try read(0, Float(0)) { try file.read("none", shape: [0, 7], into: $0) }
    return weight.map(\.bitPattern) == Self.weight.map(\.bitPattern)
      && bias.map(\.bitPattern) == Self.bias.map(\.bitPattern)
  }

  @Test func writesWhatItReads() throws {
    let folder = try TemporaryFolder()
    let path = folder.file("m.safetensors")
    try Self.write(path)
    // By Python's zlib, from the file's own header and data.
    #expect(try SafetensorsFile(path).value(Safetensors.checksumKey) == "crc32:8716f82d")
    #expect(try Self.matches(path))
    let file = try SafetensorsFile(path)
    #expect(file.tensors.map(\.name) == ["layer.bias", "layer.weight", "none"])
    #expect(file["layer.weight"]?.shape == [3, 5] && file["layer.weight"]?.elements == 15)
    #expect(file.metadata.map(\.key) == ["a", "kind", Safetensors.checksumKey])
    #expect(file.value("a") == "\u{e9}\"\n" && file.value("b") == nil)
    let bytes = try folder.read("m.safetensors")
    #expect((bytes.count - 32 - 60) % 64 == 0)
    try Self.write(path)
    #expect(try folder.read("m.safetensors") == bytes)
    // Float32 is read into doubles, not the other way round.
    #expect(
      try Self.read(15, 0.0) { try file.read("layer.weight", shape: [3, 5], into: $0) } == Self.weight.map(Double.init))
    let refused = message {
      _ = try Self.read(4, Float(0)) { try file.read("layer.bias", shape: [4], into: $0) }
    }
    #expect(refused.hasSuffix("tensor layer.bias: is of F64, must be of F32, F16 or BF16"))
    let shape = message {
      _ = try Self.read(15, Float(0)) { try file.read("layer.weight", shape: [5, 3], into: $0) }
    }
    #expect(shape.hasSuffix("tensor layer.weight: has the shape [3, 5], must have [5, 3]"))
    #expect(throws: ModelError.self) {
      _ = try Self.read(14, Float(0)) { try file.read("layer.weight", shape: [3, 5], into: $0) }
    }
    #expect(throws: ModelError.self) { try file.check(names: ["layer.weight", "layer.bias"]) }
    #expect(throws: ModelError.self) { try file.check(names: ["layer.weight", "layer.bias", "none", "more"]) }
  }

  @Test func everyTruncationIsRefused() throws {
    let folder = try TemporaryFolder()
    try Self.write(folder.file("m"))
    let bytes = try folder.read("m")
    for count in 0..<bytes.count {
      try folder.write(Array(bytes[..<count]), "short")
      #expect(throws: ModelError.self, "\(count)") { try SafetensorsFile(folder.file("short")) }
    }
    try folder.write(bytes + [0], "long")
    #expect(throws: ModelError.self) { try SafetensorsFile(folder.file("long")) }
  }

  /// Every bit of each byte, and what JSON has for structure: refused, or the same tensors.
  @Test func everyDamagedByteIsFoundOrHarmless() throws {
    let folder = try TemporaryFolder()
    try Self.write(folder.file("m"))
    let bytes = try folder.read("m")
    var loaded = 0
    for at in bytes.indices {
      let marks = Array(" \t\",:[]{}09".utf8).map { $0 ^ bytes[at] }
      for change in (0..<8).map({ 1 << $0 }) + marks where change != 0 {
        var damaged = bytes
        damaged[at] ^= change
        try folder.write(damaged, "d")
        do {
          let same = try Self.matches(folder.file("d"))
          #expect(same, "byte \(at) ^ \(change)")
          loaded += 1
        } catch {
          #expect(error is ModelError)
        }
      }
    }
    // White space in the padding, and other names of the checksum's key.
    #expect(loaded > 0)
  }

  @Test func randomDamagesNeverTrap() throws {
    let folder = try TemporaryFolder()
    var parameters = ParameterList()
    for i in 0..<40 { try parameters.add("layer\(i)", [("weight", [7, i]), ("bias", [i])]) }
    var random = Numbers(3)
    let flat = (0..<parameters.flatCount).map { _ in Float.random(in: -1...1, using: &random) }
    try flat.withUnsafeBufferPointer {
      try Safetensors.write(Safetensors.sources(parameters, prefix: "m.", $0), to: folder.file("m"))
    }
    func load(_ name: String) throws -> [Float] {
      let file = try SafetensorsFile(folder.file(name))
      return try Self.read(flat.count, Float(0)) { try file.read(parameters, prefix: "m.", into: $0) }
    }
    let isWhole = try load("m") == flat
    #expect(isWhole)
    let bytes = try folder.read("m")
    for _ in 0..<3000 {
      var damaged = bytes
      for _ in 0..<Int.random(in: 1...8, using: &random) {
        let at = Int.random(in: 0..<damaged.count, using: &random)
        switch random.next() % 4 {
        case 0: damaged[at] = UInt8(truncatingIfNeeded: random.next())
        case 1: damaged[at] = Array("{}[]:,\"0123456789 ".utf8).randomElement(using: &random)!
        case 2: damaged.remove(at: at)
        default: damaged.insert(damaged.randomElement(using: &random)!, at: at)
        }
      }
      try folder.write(damaged, "d")
      // Several damages may be one of the checksum's key and one of the data.
      guard let file = try? SafetensorsFile(folder.file("d")), file.value(Safetensors.checksumKey) != nil else {
        continue
      }
      if let read = try? load("d") {
        let isSame = read == flat
        #expect(isSame)
      }
    }
  }

  /// A file of a header and zeros as data.
  private func refusal(_ header: String, data: Int = 0, _ folder: TemporaryFolder) throws -> String {
    let text = Array(header.utf8)
    let prefix = (0..<8).map { UInt8(truncatingIfNeeded: text.count >> (8 * $0)) }
    try folder.write(prefix + text + [UInt8](repeating: 0, count: data), "h")
    return message { _ = try SafetensorsFile(folder.file("h")) }
  }

  @Test(arguments: [
    ("{}", 0, "no error"), ("{\"__metadata__\":{}}  ", 0, "no error"), ("{}", 1, "1 bytes behind the last tensor"),
    ("[]", 0, "the header is an array, not an object"), ("", 0, "byte 0: expected a value"),
    (tensor("F32", "[2]", "[0,8]"), 8, "no error"), (tensor("F32", "[]", "[0,4]"), 4, "no error"),
    (tensor("F32", "[2]", "[0,8]"), 7, "the file ends 1 bytes early"),
    (tensor("F32", "[2]", "[0,4]"), 4, "data_offsets are [0, 4], but dtype and shape make 8 bytes"),
    (tensor("F32", "[2]", "[8,0]"), 8, "data_offsets are [8, 0], but dtype and shape make 8 bytes"),
    (tensor("F32", "[2]", "[4,12]"), 12, "its data leaves a hole: it begins at 4, the data before ends at 0"),
    (tensor("F32", "[2]", "[-8,0]"), 8, "data_offsets has what is no whole number of 0 or more"),
    (tensor("F32", "[2]", "[0,8,8]"), 8, "data_offsets has 3 numbers, must have 2"),
    (tensor("F32", "[2]", "[0]"), 8, "data_offsets has 1 numbers, must have 2"),
    (tensor("F32", "[2.0]", "[0,8]"), 8, "shape has what is no whole number of 0 or more"),
    (tensor("F32", "[-1]", "[0,8]"), 8, "shape has what is no whole number of 0 or more"),
    (tensor("F32", "[4611686018427387904,4]", "[0,0]"), 0, "its size is no whole number of bytes, or too large"),
    (tensor("F32", "[9223372036854775807]", "[0,8]"), 8, "its size is no whole number of bytes, or too large"),
    (tensor("F32", "[9223372036854775808]", "[0,8]"), 8, "expected a whole number of 64 bits"),
    (tensor("F32", "[0,9223372036854775807,9]", "[0,0]"), 0, "no error"),
    (tensor("F4", "[3]", "[0,1]"), 1, "its size is no whole number of bytes, or too large"),
    (tensor("F33", "[2]", "[0,8]"), 8, "unknown dtype F33"), (tensor("I64", "[1]", "[0,8]"), 8, "no error"),
    ("{\"t\":{\"dtype\":\"F32\",\"shape\":[2]}}", 8, "data_offsets is missing"),
    ("{\"t\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8],\"x\":1}}", 8, "unknown key \"x\""),
    ("{\"t\":{\"dtype\":\"F32\",\"shape\":[2],\"shape\":[2],\"data_offsets\":[0,8]}}", 8, "\"shape\" is there twice"),
    ("{\"t\":[]}", 0, "is an array, not an object"),
    ("{\"__metadata__\":null}", 0, "__metadata__ is null, not an object"),
    ("{\"__metadata__\":{\"a\":1}}", 0, "a in the metadata is a whole number, not a string"),
    ("{\"__metadata__\":{\"a\":\"\\u0000\"}}", 0, "a zero character in \"?\""),
    ("{\"__metadata__\":{},\"__metadata__\":{}}", 0, "the key \"__metadata__\" is there twice"),
    (
      "{\"a\":\(body(0, 4)),\"b\":\(body(0, 4))}", 4,
      "its data overlaps another's: it begins at 0, the data before ends at 4"
    ),
    ("{\"a\":\(body(0, 4)),\"a\":\(body(4, 8))}", 8, "the key \"a\" is there twice"),
    ("{\"a\":\(body(4, 8)),\"b\":\(body(0, 4))}", 8, "no error"),
    ("{\"a\":\(body(0, 4)),\"b\":\(body(8, 12))}", 12, "leaves a hole: it begins at 8, the data before ends at 4"),
    ("{\"__metadata__\":{\"swiftrnn.checksum\":\"crc32:12345678\"}}", 0, "must take that key away"),
  ])
  func headersAreChecked(_ header: String, _ data: Int, _ expected: String) throws {
    let found = try refusal(header, data: data, try TemporaryFolder())
    #expect(found.hasSuffix(expected), "\(found)")
  }

  private static func body(_ begin: Int, _ end: Int) -> String {
    "{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[\(begin),\(end)]}"
  }

  private static func tensor(_ type: String, _ shape: String, _ offsets: String) -> String {
    "{\"t\":{\"dtype\":\"\(type)\",\"shape\":\(shape),\"data_offsets\":\(offsets)}}"
  }

  @Test func largeHeadersCostNothing() throws {
    let folder = try TemporaryFolder()
    for (size, expected) in [
      (UInt64.max, "stand for 18446744073709551615 bytes, and the whole file has 10"),
      (100_000_001, "stand for 100000001 bytes, and the whole file has 10"), (3, "3 bytes, and the whole file has 10"),
    ] as [(UInt64, String)] {
      try folder.write((0..<8).map { UInt8(truncatingIfNeeded: size >> (8 * $0)) } + [0x7b, 0x7d], "h")
      let found = message { _ = try SafetensorsFile(folder.file("h")) }
      #expect(found.hasSuffix(expected), "\(found)")
      #expect(found.contains(": not a safetensors file, or only the beginning of one: its first 8 bytes, "), "\(found)")
    }
    try folder.write([2, 0, 0, 0, 0, 0, 0, 0, 0x7b, 0x7d], "h")
    let found = message { _ = try SafetensorsFile(folder.file("h"), headerLimit: 1) }
    #expect(found.hasSuffix("the length of the header, stand for 2 bytes, and at most 1 are allowed"), "\(found)")
  }

  /// All 65536 of each: against arithmetic on the bits' meaning.
  @Test func halfPrecisionIsExact() throws {
    let folder = try TemporaryFolder()
    for (type, exponentBits, fractionBits) in [("F16", 5, 10), ("BF16", 8, 7)] {
      let text = Array(Self.tensor(type, "[65536]", "[0,131072]").utf8)
      let data = (0..<65536).flatMap { [UInt8($0 & 255), UInt8($0 >> 8)] }
      try folder.write((0..<8).map { UInt8(truncatingIfNeeded: text.count >> (8 * $0)) } + text + data, "h")
      let file = try SafetensorsFile(folder.file("h"))
      let singles = try Self.read(65536, Float(0)) { try file.read("t", shape: [65536], into: $0) }
      let doubles = try Self.read(65536, 0.0) { try file.read("t", shape: [65536], into: $0) }
      let bias = 1 << (exponentBits - 1) - 1
      var wrong = 0
      for bits in 0..<65536 {
        let exponent = bits >> fractionBits & (1 << exponentBits - 1)
        let fraction = Double(bits & (1 << fractionBits - 1)) / Double(1 << fractionBits)
        var expected: Double
        if exponent == 1 << exponentBits - 1 {
          expected = fraction == 0 ? .infinity : .nan
        } else if exponent == 0 {
          expected = fraction * Double(sign: .plus, exponent: 1 - bias, significand: 1)
        } else {
          expected = (1 + fraction) * Double(sign: .plus, exponent: exponent - bias, significand: 1)
        }
        if bits >> 15 == 1 { expected.negate() }
        let same =
          expected.isNaN
          ? singles[bits].isNaN && doubles[bits].isNaN
          : doubles[bits].bitPattern == expected.bitPattern && Double(singles[bits]).bitPattern == expected.bitPattern
        if !same { wrong += 1 }
      }
      #expect(wrong == 0)
    }
  }

  @Test func namesThatCannotBeAreNotWritten() throws {
    let folder = try TemporaryFolder()
    func refusal(_ names: [String], shape: [Int] = [15], metadata: [(key: String, value: String)] = []) -> String {
      message {
        try Self.weight.withUnsafeBufferPointer { numbers in
          let sources = names.map { Safetensors.Source($0, shape: shape, numbers) }
          try Safetensors.write(sources, metadata: metadata, to: folder.file("m"))
        }
      }
    }
    #expect(refusal(["a", "a"]) == "the tensor's name a is there twice, or reserved")
    #expect(refusal(["__metadata__"]) == "the tensor's name __metadata__ is there twice, or reserved")
    #expect(refusal(["a\0"]) == "the tensor's name a? has a zero character")
    #expect(refusal(["a"], shape: [4, 4]) == "the tensor a has the shape [4, 4], but 15 numbers")
    #expect(refusal(["a"], shape: [-15]) == "the tensor a has the shape [-15], but 15 numbers")
    #expect(refusal(["a"], shape: [.max, .max]).hasSuffix("but 15 numbers"))
    #expect(refusal(["a"], metadata: [("k", "v"), ("k", "w")]) == "the metadata's key k is there twice, or reserved")
    #expect(refusal(["a"], metadata: [(Safetensors.checksumKey, "v")]).hasSuffix("is there twice, or reserved"))
    #expect(refusal(["a"], metadata: [("k", "\0")]) == "the metadata's k has a zero character")
    #expect(folder.names == [])
  }

  /// The check value of CRC-32, and all ways to cut a text.
  @Test func checksumsAreThoseOfZlib() {
    let text = Array("123456789 and some more bytes".utf8)
    var nine = Checksum()
    text[..<9].withUnsafeBytes { nine.add($0) }
    #expect(nine.value == 0xcbf4_3926)
    var whole = Checksum()
    text.withUnsafeBytes { whole.add($0) }
    for cut in 0...text.count {
      var parts = Checksum()
      text[..<cut].withUnsafeBytes { parts.add($0) }
      text[cut...].withUnsafeBytes { parts.add($0) }
      #expect(parts.value == whole.value)
    }
  }

  @Test func aFailedWriteLeavesTheOldModel() throws {
    let folder = try TemporaryFolder()
    try Self.write(folder.file("m"))
    let bytes = try folder.read("m")
    var calls = WritingCalls()
    calls.flush = { _ in -1 }
    #expect(throws: ModelError.self) { try Self.write(folder.file("m"), calls: calls) }
    #expect(try folder.read("m") == bytes)
    #expect(folder.names == ["m"])
    #expect(throws: ModelError.self) { try Self.write("/proc/m") }
  }
}
