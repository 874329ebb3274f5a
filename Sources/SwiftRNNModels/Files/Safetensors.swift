// What the files of the format safetensors have (https://huggingface.co/docs/safetensors): 8 bytes, the size of the header;
// the header, JSON; the tensors' data, row-major and little-endian. SafetensorsHeader.swift reads and checks the header,
// SafetensorsFile.swift the data, SafetensorsWriter.swift writes both.

/// The format safetensors.
public enum Safetensors {
  /// The format's own limit on a header, in bytes.
  public static let headerLimit = 100_000_000
  /// The key in the metadata under which files of this library have the checksum of the rest (``SafetensorsFile``).
  public static let checksumKey = "swiftrnn.checksum"

  /// The types of the format, as it calls them. Only floating-point types of 16 bits and more can be read as numbers.
  public enum ElementType: String, Sendable, CaseIterable {
    case f4 = "F4"
    case f6E2M3 = "F6_E2M3"
    case f6E3M2 = "F6_E3M2"
    case bool = "BOOL"
    case u8 = "U8"
    case i8 = "I8"
    case f8E5M2 = "F8_E5M2"
    case f8E4M3 = "F8_E4M3"
    case f8E8M0 = "F8_E8M0"
    case f8E4M3FNUZ = "F8_E4M3FNUZ"
    case f8E5M2FNUZ = "F8_E5M2FNUZ"
    case u16 = "U16"
    case i16 = "I16"
    case f16 = "F16"
    case bf16 = "BF16"
    case u32 = "U32"
    case i32 = "I32"
    case f32 = "F32"
    case u64 = "U64"
    case i64 = "I64"
    case f64 = "F64"
    case c64 = "C64"

    /// Bits of an element.
    var bits: Int {
      switch self {
      case .f4: 4
      case .f6E2M3, .f6E3M2: 6
      case .bool, .u8, .i8, .f8E5M2, .f8E4M3, .f8E8M0, .f8E4M3FNUZ, .f8E5M2FNUZ: 8
      case .u16, .i16, .f16, .bf16: 16
      case .u32, .i32, .f32: 32
      case .u64, .i64, .f64, .c64: 64
      }
    }

    /// Bytes of a tensor's data: the only place where sizes are made of shapes. Nil: more bits than an Int counts, or a last
    /// byte that is not full. Where an extent is 0 it is 0, however large the others are.
    func bytes(of shape: [Int]) -> Int? {
      if shape.contains(0) { return 0 }
      var size = bits
      for extent in shape {
        let (product, overflow) = size.multipliedReportingOverflow(by: extent)
        guard !overflow, extent > 0 else { return nil }
        size = product
      }
      return size % 8 == 0 ? size / 8 : nil
    }
  }

  /// A tensor of a file.
  public struct Tensor: Sendable, Equatable {
    public let name: String
    public let type: ElementType
    /// Each 0 or more; none: a single number.
    public let shape: [Int]
    /// Where its bytes are, counted from the header's end.
    public let bytes: Range<Int>

    /// The product of the shape.
    public var elements: Int { bytes.count * 8 / type.bits }
  }

  static func write(_ shape: [Int]) -> String {
    // A stranger's shape may have a million extents.
    let extents = shape.prefix(8).map(String.init).joined(separator: ", ")
    return shape.count > 8 ? "[\(extents), \u{2026}]" : "[\(extents)]"
  }

  /// The checksum of a file's contents, wherever they lie in it: first of the metadata, by key, then of the tensors, by
  /// name. Of each entry: the key, a zero byte, the value, a zero byte. Of each tensor: the name, a zero byte, the type, a
  /// zero byte, the extents with commas between them, a zero byte, and the data, which `data` adds.
  static func checksum(
    metadata: [(key: String, value: String)], tensors: [Tensor],
    data: (_ number: Int, _ checksum: inout Checksum) throws(ModelError) -> Void
  ) throws(ModelError) -> String {
    var checksum = Checksum()
    for entry in metadata.sorted(by: { ByteName($0.key) < ByteName($1.key) }) where entry.key != checksumKey {
      checksum.add(entry.key)
      checksum.add(entry.value)
    }
    for number in tensors.indices.sorted(by: { ByteName(tensors[$0].name) < ByteName(tensors[$1].name) }) {
      checksum.add(tensors[number].name)
      checksum.add(tensors[number].type.rawValue)
      checksum.add(tensors[number].shape.map(String.init).joined(separator: ","))
      try data(number, &checksum)
    }
    let digits = String(checksum.value, radix: 16)
    return "crc32:" + String(repeating: "0", count: 8 - digits.count) + digits
  }
}
