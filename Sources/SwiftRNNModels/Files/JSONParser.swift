// Bytes that may be anything to a value of JSON, or to an error that says where.

extension JSON {
  /// Reads a text of JSON, all of it.
  ///
  /// Refused, though RFC 8259 leaves it open: a key that an object has twice; nesting deeper than `depth`; whole numbers
  /// outside Int64, numbers that are infinite as doubles, numbers of more than 1024 characters; halves of surrogate
  /// pairs; a byte order mark. Memory is in proportion to the text: 64 bytes for each of its own at most, and the stack's
  /// does not depend on it.
  ///
  /// - Parameters:
  ///   - bytes: UTF-8.
  ///   - name: what errors call the text, such as a path.
  ///   - depth: how deep objects and arrays may be nested: 0 allows none.
  /// - Throws: ``ModelError/format(where:what:)`` with the byte, counted from 0, and what was expected there.
  public init(
    parsing bytes: UnsafeRawBufferPointer, name: String = "JSON", depth: Int = JSON.depthLimit
  ) throws(ModelError) {
    var parser = JSONParser(bytes, name, depth)
    self = try parser.document()
  }

  public init(parsing bytes: [UInt8], name: String = "JSON", depth: Int = JSON.depthLimit) throws(ModelError) {
    self = try bytes.withUnsafeBufferPointer { (buffer) throws(ModelError) in
      try JSON(parsing: UnsafeRawBufferPointer(buffer), name: name, depth: depth)
    }
  }

  public init(parsing text: String, name: String = "JSON", depth: Int = JSON.depthLimit) throws(ModelError) {
    try self.init(parsing: Array(text.utf8), name: name, depth: depth)
  }
}

private struct JSONParser {
  let bytes: UnsafePointer<UInt8>
  let count: Int
  let name: String
  let depth: Int
  var at = 0

  /// An object or array that is not closed yet.
  private struct Open {
    let isObject: Bool
    var elements: [JSON] = []
    var object = JSON.Object()
    /// The key whose value comes next.
    var key = ""
  }

  init(_ raw: UnsafeRawBufferPointer, _ name: String, _ depth: Int) {
    // An empty buffer may have no address; no byte is read there.
    bytes = raw.baseAddress?.assumingMemoryBound(to: UInt8.self) ?? ("" as StaticString).utf8Start
    (count, self.name, self.depth) = (raw.count, name, depth)
  }

  /// Objects and arrays are kept in a list instead of on the stack, so that no text is too deep for that.
  mutating func document() throws(ModelError) -> JSON {
    var open: [Open] = []
    while true {
      var value: JSON
      skipSpace()
      if take("{") {
        skipSpace()
        if take("}") {
          value = .object(JSON.Object())
          try check(open.count + 1)
        } else {
          open.append(Open(isObject: true))
          try check(open.count)
          open[open.count - 1].key = try key(of: open[open.count - 1].object)
          continue
        }
      } else if take("[") {
        skipSpace()
        if take("]") {
          value = .array([])
          try check(open.count + 1)
        } else {
          open.append(Open(isObject: false))
          try check(open.count)
          continue
        }
      } else {
        value = try scalar()
      }
      // The value is complete; so may be what it is in.
      var isComplete = true
      while isComplete {
        skipSpace()
        guard !open.isEmpty else {
          guard at == count else { throw fail("expected the end of the text") }
          return value
        }
        let last = open.count - 1
        if open[last].isObject {
          open[last].object.append(open[last].key, value)
          if take("}") {
            value = .object(open.removeLast().object)
          } else {
            guard take(",") else { throw fail("expected ',' or '}'") }
            skipSpace()
            open[last].key = try key(of: open[last].object)
            isComplete = false
          }
        } else {
          open[last].elements.append(value)
          if take("]") {
            value = .array(open.removeLast().elements)
          } else {
            guard take(",") else { throw fail("expected ',' or ']'") }
            isComplete = false
          }
        }
      }
    }
  }

  private func fail(_ what: String, at offset: Int? = nil) -> ModelError {
    .format(where: name, what: "byte \(offset ?? at): \(what)")
  }

  private func check(_ open: Int) throws(ModelError) {
    guard open <= depth else { throw fail("expected objects and arrays nested at most \(depth) deep") }
  }

  private mutating func skipSpace() {
    while at < count, bytes[at] == 0x20 || bytes[at] == 0x0a || bytes[at] == 0x0d || bytes[at] == 0x09 { at += 1 }
  }

  private mutating func take(_ mark: Unicode.Scalar) -> Bool {
    guard at < count, bytes[at] == UInt8(ascii: mark) else { return false }
    at += 1
    return true
  }

  private mutating func key(of object: JSON.Object) throws(ModelError) -> String {
    let start = at
    guard take("\"") else { throw fail("expected a key in '\"'") }
    let key = try string()
    guard object.number(of: key) == nil else {
      throw fail("the key \"\(ModelError.printable(key))\" is there twice", at: start)
    }
    skipSpace()
    guard take(":") else { throw fail("expected ':'") }
    return key
  }

  private mutating func scalar() throws(ModelError) -> JSON {
    if take("\"") { return .string(try string()) }
    if at < count, bytes[at] == UInt8(ascii: "-") || isDigit(at) { return try number() }
    if word("true") { return .bool(true) }
    if word("false") { return .bool(false) }
    if word("null") { return .null }
    throw fail("expected a value")
  }

  private mutating func word(_ word: StaticString) -> Bool {
    let size = word.utf8CodeUnitCount
    guard count - at >= size else { return false }
    for i in 0..<size where bytes[at + i] != word.utf8Start[i] { return false }
    at += size
    return true
  }

  // MARK: Strings

  /// What is behind the opening '"', which has been taken.
  private mutating func string() throws(ModelError) -> String {
    let start = at
    // Most strings have no escapes and are taken as they are.
    try skipCharacters()
    if take("\"") { return text(start, at - 1) }
    var decoded: [UInt8] = []
    var first = start
    while true {
      decoded.append(contentsOf: UnsafeBufferPointer(start: bytes + first, count: at - first))
      if take("\"") { break }
      guard take("\\") else { throw fail("expected '\"', but the text ends inside a string") }
      try escape(&decoded)
      first = at
      try skipCharacters()
    }
    return String(decoding: decoded, as: UTF8.self)
  }

  private func text(_ start: Int, _ end: Int) -> String {
    String(decoding: UnsafeBufferPointer(start: bytes + start, count: end - start), as: UTF8.self)
  }

  /// Moves on to the next '"' or '\', or to the end.
  private mutating func skipCharacters() throws(ModelError) {
    while at < count {
      let byte = bytes[at]
      if byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { return }
      guard byte >= 0x20 else { throw fail("expected no control character inside a string") }
      let scalar = UTF8Scalar(bytes + at, count - at)
      guard scalar.isWellFormed else { throw fail("expected UTF-8") }
      at += scalar.length
    }
  }

  /// What follows a backslash.
  private mutating func escape(_ out: inout [UInt8]) throws(ModelError) {
    let start = at - 1
    guard at < count else { throw fail("expected an escape, but the text ends inside a string") }
    let letter = bytes[at]
    at += 1
    switch letter {
    case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): out.append(letter)
    case UInt8(ascii: "b"): out.append(0x08)
    case UInt8(ascii: "f"): out.append(0x0c)
    case UInt8(ascii: "n"): out.append(0x0a)
    case UInt8(ascii: "r"): out.append(0x0d)
    case UInt8(ascii: "t"): out.append(0x09)
    case UInt8(ascii: "u"):
      var value = try hexadecimal()
      if (0xd800..<0xdc00).contains(value) {
        guard take("\\"), take("u") else { throw fail("expected the second half of a surrogate pair", at: start) }
        let low = try hexadecimal()
        guard (0xdc00..<0xe000).contains(low) else {
          throw fail("expected the second half of a surrogate pair", at: start)
        }
        value = 0x10000 + (value - 0xd800) << 10 + (low - 0xdc00)
      }
      guard let scalar = Unicode.Scalar(value) else {
        throw fail("expected no second half of a surrogate pair without a first", at: start)
      }
      if let bytes = UTF8.encode(scalar) { out.append(contentsOf: bytes) }
    default: throw fail("expected an escape of JSON", at: start)
    }
  }

  private mutating func hexadecimal() throws(ModelError) -> UInt32 {
    var value: UInt32 = 0
    for _ in 0..<4 {
      guard at < count, let digit = Unicode.Scalar(bytes[at]).hexadecimal else {
        throw fail("expected four hexadecimal digits")
      }
      value = value << 4 | digit
      at += 1
    }
    return value
  }

  // MARK: Numbers

  private func isDigit(_ index: Int) -> Bool { index < count && bytes[index] &- UInt8(ascii: "0") < 10 }

  private mutating func digits() throws(ModelError) {
    guard isDigit(at) else { throw fail("expected a digit") }
    while isDigit(at) { at += 1 }
  }

  private mutating func number() throws(ModelError) -> JSON {
    let start = at
    let isNegative = take("-")
    let first = at
    if !take("0") { try digits() }
    guard !isDigit(at) else { throw fail("expected no digit behind a leading 0") }
    let end = at
    var (digitsEnd, exponent, isNegativeExponent) = (end, 0, false)
    if take(".") {
      try digits()
      digitsEnd = at
    }
    if take("e") || take("E") {
      isNegativeExponent = take("-")
      if !isNegativeExponent { _ = take("+") }
      let start = at
      try digits()
      // What is larger makes no difference to a number of at most 1024 characters.
      for i in start..<at { exponent = min(10 * exponent + Int(bytes[i] - UInt8(ascii: "0")), 100_000) }
    }
    if at == end {
      // Below zero there is one number more.
      var value: Int64 = 0
      for i in first..<end {
        let (tenfold, overflow) = value.multipliedReportingOverflow(by: 10)
        let (sum, overflow2) = tenfold.subtractingReportingOverflow(Int64(bytes[i] - UInt8(ascii: "0")))
        guard !overflow, !overflow2 else { throw fail("expected a whole number of 64 bits", at: start) }
        value = sum
      }
      guard isNegative || value != .min else { throw fail("expected a whole number of 64 bits", at: start) }
      return .integer(isNegative ? value : -value)
    }
    guard at - start <= 1024 else { throw fail("expected a number of at most 1024 characters", at: start) }
    let fraction = max(digitsEnd - end - 1, 0)
    let value = Double(
      digits: UnsafeBufferPointer(start: bytes + first, count: digitsEnd - first),
      exponent: (isNegativeExponent ? -exponent : exponent) - fraction, isNegative: isNegative)
    guard value.isFinite else { throw fail("expected a number in the range of doubles", at: start) }
    return .double(value)
  }
}

extension Unicode.Scalar {
  /// The value of a hexadecimal digit.
  fileprivate var hexadecimal: UInt32? {
    switch self {
    case "0"..."9": value - 0x30
    case "a"..."f": value - 0x61 + 10
    case "A"..."F": value - 0x41 + 10
    default: nil
    }
  }
}
