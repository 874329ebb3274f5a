// CRC-32, by which a file's own numbers tell that they are damaged.

/// The cyclic redundancy check of 32 bits of ISO 3309 and zlib (polynomial 0x04c11db7, reflected), which finds every
/// damage of up to 32 bits in a row. Python: `zlib.crc32`.
struct Checksum: Sendable {
  private var remainder: UInt32 = 0xffff_ffff

  /// Checksum of the bytes added so far.
  var value: UInt32 { ~remainder }

  /// `tables[256 * k + byte]`: what a byte adds that is followed by k more of a group of eight.
  private static let tables: [UInt32] = {
    var tables = [UInt32](repeating: 0, count: 8 * 256)
    for byte in 0..<256 {
      var value = UInt32(byte)
      for _ in 0..<8 { value = value & 1 == 0 ? value >> 1 : value >> 1 ^ 0xedb8_8320 }
      tables[byte] = value
    }
    for i in 256..<8 * 256 { tables[i] = tables[i - 256] >> 8 ^ tables[Int(tables[i - 256] & 0xff)] }
    return tables
  }()

  /// Adds bytes, eight at a time (Kounavis, Berry 2005): byte by byte each lookup waits for the one before.
  mutating func add(_ bytes: UnsafeRawBufferPointer) {
    guard let start = bytes.baseAddress else { return }
    var value = remainder
    Self.tables.withUnsafeBufferPointer { tables in
      @inline(__always) func entry(_ table: Int, _ byte: UInt64) -> UInt32 { tables[table &* 256 &+ Int(byte & 0xff)] }
      var i = 0
      while i + 8 <= bytes.count {
        let group = UInt64(littleEndian: start.loadUnaligned(fromByteOffset: i, as: UInt64.self)) ^ UInt64(value)
        value = entry(7, group) ^ entry(6, group >> 8) ^ entry(5, group >> 16) ^ entry(4, group >> 24)
        value ^= entry(3, group >> 32) ^ entry(2, group >> 40) ^ entry(1, group >> 48) ^ entry(0, group >> 56)
        i += 8
      }
      while i < bytes.count {
        value = value >> 8 ^ entry(0, UInt64(value & 0xff) ^ UInt64(start.load(fromByteOffset: i, as: UInt8.self)))
        i += 1
      }
    }
    remainder = value
  }

  /// Adds a text's UTF-8 and a zero byte.
  mutating func add(_ text: String) {
    var bytes = Array(text.utf8)
    bytes.append(0)
    bytes.withUnsafeBytes { add($0) }
  }
}
