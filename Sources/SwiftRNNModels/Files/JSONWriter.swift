// A value of JSON to bytes, the same ones for the same value, on every machine.

extension JSON {
  /// The text, without white space: members in order; doubles with the fewest digits that are read as the same number, and
  /// with a point or exponent, so that they are read as doubles; of the escapes only those that must be.
  ///
  /// - Throws: ``ModelError/value(name:reason:)`` for a double that JSON has no number for, and for nesting deeper than
  ///   ``depthLimit``.
  public func bytes() throws(ModelError) -> [UInt8] {
    var out: [UInt8] = []
    try write(to: &out, depth: 0)
    return out
  }

  /// The same as a string.
  public func text() throws(ModelError) -> String { String(decoding: try bytes(), as: UTF8.self) }

  private func write(to out: inout [UInt8], depth: Int) throws(ModelError) {
    switch self {
    case .null: out.append(contentsOf: "null".utf8)
    case .bool(let value): out.append(contentsOf: (value ? "true" : "false").utf8)
    case .integer(let value): out.append(contentsOf: String(value).utf8)
    case .double(let value):
      guard value.isFinite else { throw .value(name: "a number for JSON", reason: "is \(value), must be finite") }
      // The standard library's are the shortest digits, by whole numbers alone.
      out.append(contentsOf: value.description.utf8)
    case .string(let value): Self.write(value, to: &out)
    case .array(let elements):
      try Self.check(depth)
      out.append(UInt8(ascii: "["))
      for (i, element) in elements.enumerated() {
        if i > 0 { out.append(UInt8(ascii: ",")) }
        try element.write(to: &out, depth: depth + 1)
      }
      out.append(UInt8(ascii: "]"))
    case .object(let object):
      try Self.check(depth)
      out.append(UInt8(ascii: "{"))
      for (i, member) in object.members.enumerated() {
        if i > 0 { out.append(UInt8(ascii: ",")) }
        Self.write(member.key, to: &out)
        out.append(UInt8(ascii: ":"))
        try member.value.write(to: &out, depth: depth + 1)
      }
      out.append(UInt8(ascii: "}"))
    }
  }

  private static func check(_ depth: Int) throws(ModelError) {
    guard depth < depthLimit else {
      throw .value(name: "a value for JSON", reason: "is nested more than \(depthLimit) deep")
    }
  }

  private static func write(_ text: String, to out: inout [UInt8]) {
    out.append(UInt8(ascii: "\""))
    for byte in text.utf8 {
      switch byte {
      case UInt8(ascii: "\""), UInt8(ascii: "\\"):
        out.append(UInt8(ascii: "\\"))
        out.append(byte)
      case 0x0a: out.append(contentsOf: "\\n".utf8)
      case 0x0d: out.append(contentsOf: "\\r".utf8)
      case 0x09: out.append(contentsOf: "\\t".utf8)
      case 0..<0x20:
        let digits = Array("0123456789abcdef".utf8)
        out.append(contentsOf: "\\u00".utf8)
        out.append(digits[Int(byte >> 4)])
        out.append(digits[Int(byte & 15)])
      default: out.append(byte)
      }
    }
    out.append(UInt8(ascii: "\""))
  }
}
