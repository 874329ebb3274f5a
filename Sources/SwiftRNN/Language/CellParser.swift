// From a text's words to its lines: one function per rule of the grammar, of expressions one for all of them
// (`CellExpressions.swift`).
//
//     text   = { blank } [ "like" NAME blank ] { [ line ] blank }        a line goes on inside parentheses
//     blank  = [ "#" comment ] NL
//     line   = "size" names "=" size | "input" names | "init" names "=" first | target {"," target} "=" sum
//     names  = NAME {"," NAME}       target = NAME ["'"]
//     size   = INTEGER | NAME | INTEGER "*" NAME | NAME "/" INTEGER
//     first  = number | NAME ["(" number {"," number} ")"]      number = ["-"] NUMBER
//     sum    = term {("+"|"-") term}          term = signed {("*"|"/") signed}
//     signed = "-" signed | atom ["@" signed]
//     atom   = NUMBER | NAME ["'" | "[" INTEGER "]"] | NAME "(" arg {"," arg} ")" | "(" sum ")"
//     arg    = sum [("<"|"<="|">"|">=") sum] | "per_sequence"

struct CellParser {
  /// Parentheses, minus signs and products within each other.
  static let deepest = 64
  /// Sizes, factors of sizes and numbers of children.
  static let largestFactor = 1 << 31

  private let tokens: [CellToken]
  private var position = 0

  static func parse(_ source: CellSource) throws(CellError) -> CellSyntax {
    var parser = CellParser(tokens: try CellTokens.of(source))
    return try parser.text()
  }

  private init(tokens: [CellToken]) { self.tokens = tokens }

  // The last token is `.end`, and nothing goes past it.
  var token: CellToken { tokens[position] }
  private var following: CellToken { tokens[min(position + 1, tokens.count - 1)] }

  mutating func advance() { position = min(position + 1, tokens.count - 1) }

  mutating func take(_ sign: StaticSign) -> Bool {
    guard token.kind == .sign(sign) else { return false }
    advance()
    return true
  }

  func expected(_ what: String, _ hint: String = "") -> CellError {
    token.place.error("expected \(what), found \(token.description)\(hint)")
  }

  mutating func expect(_ sign: StaticSign) throws(CellError) {
    guard take(sign) else { throw expected("\"\(sign.rawValue)\"") }
  }

  private mutating func name(_ what: String) throws(CellError) -> PlacedName {
    guard case .name(let name) = token.kind else { throw expected(what) }
    defer { advance() }
    return PlacedName(name: name, place: token.place)
  }

  mutating func integer(_ what: String) throws(CellError) -> Int {
    guard case .integer(let value) = token.kind else { throw expected(what) }
    guard let value, value >= 1, value < Self.largestFactor else {
      throw token.place.error("\(what) must be in 1...\(Self.largestFactor - 1)")
    }
    advance()
    return value
  }

  // MARK: Lines

  private mutating func text() throws(CellError) -> CellSyntax {
    var like: PlacedName?
    if startsLine("like") {
      advance()
      like = try name("the name of a cell")
      try endOfLine()
    }
    var lines: [Line] = []
    while token.kind != .end {
      if startsLine("like") { throw token.place.error("\"like\" must be the first line") }
      lines.append(Line(kind: try line()))
      try endOfLine()
    }
    return CellSyntax(like: like, lines: lines)
  }

  /// A word is one only before a name: `size = 3` is an equation.
  private func startsLine(_ word: String) -> Bool {
    guard token.kind == .name(word), case .name = following.kind else { return false }
    return true
  }

  private mutating func endOfLine() throws(CellError) {
    guard token.kind == .newline else { throw expected("an operator or the end of the line") }
    advance()
  }

  private mutating func line() throws(CellError) -> Line.Kind {
    if startsLine("size") {
      advance()
      let names = try names()
      guard take(.equals) else { throw expected("\"=\" and a size, as in \"size y = O\"") }
      return .size(names, try size())
    }
    if startsLine("input") {
      advance()
      return .input(try names())
    }
    if startsLine("init") {
      advance()
      let names = try names()
      try expect(.equals)
      return .initial(names, try firstValue())
    }
    var targets = [try target()]
    while take(.comma) { targets.append(try target()) }
    guard take(.equals) else {
      // A name alone is how Python asks for a cell of the library.
      let name = targets.count == 1 && !targets[0].isNext ? targets[0].name : ""
      let hint = BuiltInCells.text(name) == nil ? "" : " (did you mean \"like \(name)\"?)"
      throw expected("\"=\"", hint)
    }
    return .equation(targets, try expression())
  }

  private mutating func names() throws(CellError) -> [PlacedName] {
    var names = [try name("a name")]
    while take(.comma) { names.append(try name("a name")) }
    return names
  }

  private mutating func target() throws(CellError) -> Target {
    let name = try name("a name, \"size\", \"input\" or \"init\"")
    return Target(name: name.name, isNext: take(.prime), place: name.place)
  }

  private mutating func size() throws(CellError) -> SizeTerm {
    if case .name(let name) = token.kind {
      advance()
      return take(.over) ? SizeTerm(name, over: try integer("the divisor of a size")) : SizeTerm(name)
    }
    let number = try integer("a size")
    return take(.times) ? SizeTerm(number, times: try name("the name of a size").name) : SizeTerm(number)
  }

  private mutating func firstValue() throws(CellError) -> Initializer.Distribution {
    guard case .name(let word) = token.kind else { return .constant(try number("a number or a distribution")) }
    let place = token.place
    advance()
    var numbers: [Double] = []
    if take(.open) {
      repeat { numbers.append(try number("a number")) } while take(.comma)
      try expect(.close)
    }
    return try FirstValues.distribution(word, numbers, place)
  }

  private mutating func number(_ what: String) throws(CellError) -> Double {
    let isNegative = take(.minus)
    guard token.kind == .number || isInteger(token.kind) else { throw expected(what) }
    defer { advance() }
    return isNegative ? -token.value : token.value
  }

  private func isInteger(_ kind: CellToken.Kind) -> Bool {
    if case .integer = kind { true } else { false }
  }
}
