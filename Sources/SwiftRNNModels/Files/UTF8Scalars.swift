// Scalars out of bytes that may be anything, for JSON, which refuses what is ill-formed, and for texts, which replace it.

/// A Unicode scalar at the beginning of some bytes.
struct UTF8Scalar {
  /// The scalar; of an ill-formed sequence U+FFFD.
  let value: UInt32
  /// Its bytes, 1 to 4.
  let length: Int
  let isWellFormed: Bool

  static let replacement: UInt32 = 0xfffd

  /// Reads the scalar that `bytes` starts with. RFC 3629 has no overlong forms, no surrogates and nothing above U+10FFFF;
  /// an ill-formed sequence ends before the first byte that cannot belong to it, as the Unicode Standard (section 3.9,
  /// "maximal subparts") and Swift's strings do it.
  ///
  /// - Parameter count: how many bytes there are, 1 or more.
  @inline(__always)
  init(_ bytes: UnsafePointer<UInt8>, _ count: Int) {
    let lead = bytes[0]
    if lead < 0x80 {
      (value, length, isWellFormed) = (UInt32(lead), 1, true)
    } else {
      self = Self.long(bytes, count)
    }
  }

  private init(value: UInt32, length: Int, isWellFormed: Bool) {
    (self.value, self.length, self.isWellFormed) = (value, length, isWellFormed)
  }

  @inline(never)
  private static func long(_ bytes: UnsafePointer<UInt8>, _ count: Int) -> UTF8Scalar {
    func illFormed(_ length: Int) -> UTF8Scalar { UTF8Scalar(value: replacement, length: length, isWellFormed: false) }
    let lead = bytes[0]
    guard lead >= 0xc2, lead <= 0xf4 else { return illFormed(1) }
    let length = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4
    // The second byte's range is where overlong forms, surrogates and too large numbers are kept out.
    var (low, high): (UInt8, UInt8) =
      switch lead {
      case 0xe0: (0xa0, 0xbf)
      case 0xed: (0x80, 0x9f)
      case 0xf0: (0x90, 0xbf)
      case 0xf4: (0x80, 0x8f)
      default: (0x80, 0xbf)
      }
    var value = UInt32(lead) & (0xff &>> UInt32(length + 1))
    for i in 1..<length {
      guard i < count, bytes[i] >= low, bytes[i] <= high else { return illFormed(i) }
      value = value &<< 6 | UInt32(bytes[i] & 0x3f)
      (low, high) = (0x80, 0xbf)
    }
    return UTF8Scalar(value: value, length: length, isWellFormed: true)
  }
}

/// A name that is compared byte by byte. Strings of Swift are equal where Unicode calls them equivalent, as `é` in one
/// scalar and in two; names in files are equal where their bytes are.
struct ByteName: Hashable, Comparable, Sendable {
  let text: String

  init(_ text: String) { self.text = text }

  static func == (a: ByteName, b: ByteName) -> Bool { a.text.utf8.elementsEqual(b.text.utf8) }

  /// The order of the bytes, which is that of the scalars.
  static func < (a: ByteName, b: ByteName) -> Bool { a.text.utf8.lexicographicallyPrecedes(b.text.utf8) }

  func hash(into hasher: inout Hasher) {
    for byte in text.utf8 { hasher.combine(byte) }
  }
}
