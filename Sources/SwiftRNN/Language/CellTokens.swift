// A text of equations cut into words: names, numbers and signs. Untrusted: any bytes at all.

struct CellToken {
  enum Kind: Equatable {
    case name(String)
    /// Digits only, and what they are worth; nil if that is more than an Int holds.
    case integer(Int?)
    case number
    /// One of `'[]()=,+-*/@<>` or `<=`, `>=`.
    case sign(StaticSign)
    /// The end of a line: of one that says anything, outside of parentheses.
    case newline
    case end
  }

  let kind: Kind
  let place: CellPlace
  /// Of a number.
  let value: Double

  /// As an error message calls it.
  var description: String {
    switch kind {
    case .name(let name): "\"\(name)\""
    case .integer, .number: "a number"
    case .sign(let sign): "\"\(sign.rawValue)\""
    case .newline: "the end of the line"
    case .end: "the end of the text"
    }
  }
}

enum StaticSign: String {
  case prime = "'"
  case open = "("
  case close = ")"
  case openIndex = "["
  case closeIndex = "]"
  case equals = "="
  case comma = ","
  case plus = "+"
  case minus = "-"
  case times = "*"
  case over = "/"
  case product = "@"
  case less = "<"
  case lessOrEqual = "<="
  case greater = ">"
  case greaterOrEqual = ">="
}

enum CellTokens {
  /// Bytes of the longest text.
  static let longestText = 1 << 16

  /// All tokens of a text, the last one `.end`. Blank lines and comments leave none.
  static func of(_ source: CellSource) throws(CellError) -> [CellToken] {
    var scanner = Scanner(source: source)
    guard source.bytes.count <= longestText else {
      throw scanner.place.error("the text has \(source.bytes.count) bytes, must have at most \(longestText)")
    }
    var tokens: [CellToken] = []
    var opened: [CellPlace] = []
    while let token = try scanner.next() {
      switch token.kind {
      case .sign(.open): opened.append(token.place)
      case .sign(.close): _ = opened.popLast()
      case .newline:
        // A line goes on inside parentheses, and a blank one says nothing.
        if !opened.isEmpty || tokens.isEmpty || tokens[tokens.count - 1].kind == .newline { continue }
      default: break
      }
      tokens.append(token)
    }
    if let place = opened.last { throw place.error("expected \")\" for this \"(\" before the end of the text") }
    if let last = tokens.last, last.kind != .newline {
      tokens.append(CellToken(kind: .newline, place: scanner.place, value: 0))
    }
    tokens.append(CellToken(kind: .end, place: scanner.place, value: 0))
    return tokens
  }

  private struct Scanner {
    let source: CellSource
    var offset = 0

    init(source: CellSource) { self.source = source }

    var place: CellPlace { CellPlace(source: source, offset: offset) }

    private func byte(_ ahead: Int = 0) -> UInt8? {
      offset + ahead < source.bytes.count ? source.bytes[offset + ahead] : nil
    }

    private static func isDigit(_ byte: UInt8?) -> Bool { byte.map { (0x30...0x39).contains($0) } ?? false }

    private static func isLetter(_ byte: UInt8?) -> Bool {
      byte.map { (0x41...0x5a).contains($0) || (0x61...0x7a).contains($0) } ?? false
    }

    /// nil at the end.
    mutating func next() throws(CellError) -> CellToken? {
      while let byte = byte(), byte == 0x20 || byte == 0x09 || byte == 0x0d { offset += 1 }
      if byte() == UInt8(ascii: "#") {
        while let byte = byte(), byte != UInt8(ascii: "\n") { offset += 1 }
      }
      guard let first = byte() else { return nil }
      if Self.isLetter(first) { return name() }
      if Self.isDigit(first) || (first == UInt8(ascii: ".") && Self.isDigit(byte(1))) { return try number() }
      let start = place
      offset += 1
      if first == UInt8(ascii: "\n") { return CellToken(kind: .newline, place: start, value: 0) }
      var text = String(UnicodeScalar(first))
      if first == UInt8(ascii: "<") || first == UInt8(ascii: ">"), byte() == UInt8(ascii: "=") {
        text += "="
        offset += 1
      }
      guard let sign = StaticSign(rawValue: text) else {
        throw start.error("this character has no meaning here; names are ASCII letters, digits and \"_\"")
      }
      return CellToken(kind: .sign(sign), place: start, value: 0)
    }

    private mutating func name() -> CellToken {
      let start = place
      while Self.isLetter(byte()) || Self.isDigit(byte()) || byte() == UInt8(ascii: "_") { offset += 1 }
      let name = String(decoding: source.bytes[start.offset..<offset], as: UTF8.self)
      return CellToken(kind: .name(name), place: start, value: 0)
    }

    private mutating func digits() {
      while Self.isDigit(byte()) { offset += 1 }
    }

    private mutating func number() throws(CellError) -> CellToken {
      let start = place
      digits()
      var isInteger = true
      if byte() == UInt8(ascii: ".") {
        isInteger = false
        offset += 1
        digits()
      }
      if byte() == UInt8(ascii: "e") || byte() == UInt8(ascii: "E") {
        let signed = byte(1) == UInt8(ascii: "-") || byte(1) == UInt8(ascii: "+")
        guard Self.isDigit(byte(signed ? 2 : 1)) else { throw place.error("expected the digits of an exponent") }
        isInteger = false
        offset += signed ? 2 : 1
        digits()
      }
      if Self.isLetter(byte()) || byte() == UInt8(ascii: "_") || byte() == UInt8(ascii: ".") {
        throw place.error("expected the end of the number; names start with a letter, products need \"*\"")
      }
      let text = String(decoding: source.bytes[start.offset..<offset], as: UTF8.self)
      // "1." is a number in C and Python, and not in Swift.
      guard let value = Double(text.hasSuffix(".") ? text + "0" : text), value.isFinite else {
        throw start.error("this number is too large")
      }
      return CellToken(kind: isInteger ? .integer(Int(text)) : .number, place: start, value: value)
    }
  }
}
