// Expressions of a text, by a list of what is open: parentheses, calls, and what waits for its right operand. A list and
// no recursion, because a text comes from a stranger, and the stack is its reader's.

/// What is being read between two parentheses, or of the whole expression.
private struct OpenSum {
  enum Kind {
    case whole, parentheses
    case call(String)
  }

  let kind: Kind
  let place: CellPlace
  /// Of a call.
  var arguments: [Expression.Argument] = []
  var compared: (part: Int, with: Expression.Comparison)?

  /// What stands before the sum, its term and its factor that come next.
  var sumPlace: CellPlace?
  var termPlace: CellPlace?
  var terms: [(isNegative: Bool, part: Int)] = []
  var factors: [(isDivisor: Bool, part: Int)] = []
  var isNegative = false
  var isDivisor = false
  /// Minus signs, and matrices left of `@`, that wait for what is right of them.
  var waiting: [(place: CellPlace, matrix: Int?)] = []
}

extension CellParser {
  /// `sum` of the grammar.
  mutating func expression() throws(CellError) -> Expression {
    var expression = Expression()
    var open = [OpenSum(kind: .whole, place: token.place)]
    var waiting = 0
    while true {
      let (last, place) = (open.count - 1, token.place)
      guard open.count + waiting <= Self.deepest else {
        throw place.error("more than \(Self.deepest) levels within each other")
      }
      if open[last].sumPlace == nil { open[last].sumPlace = place }
      if open[last].termPlace == nil { open[last].termPlace = place }
      if take(.minus) {
        open[last].waiting.append((place, nil))
        waiting += 1
        continue
      }
      guard let atom = try atom(&expression, &open) else { continue }
      guard try close(atom, place, &expression, &open, &waiting) else { return expression }
    }
  }

  /// A part that is there, or nil: a sum has been opened, and comes first.
  private mutating func atom(_ expression: inout Expression, _ open: inout [OpenSum]) throws(CellError) -> Int? {
    let place = token.place
    switch token.kind {
    case .number, .integer:
      defer { advance() }
      return expression.append(.number(token.value), place)
    case .sign(.open):
      advance()
      open.append(OpenSum(kind: .parentheses, place: place))
      return nil
    case .name(let name):
      advance()
      if take(.prime) { return expression.append(.next(name), place) }
      if take(.openIndex) {
        let child = try integer("the number of a child")
        try expect(.closeIndex)
        return expression.append(.child(name, child), place)
      }
      guard take(.open) else { return expression.append(.name(name), place) }
      open.append(OpenSum(kind: .call(name), place: place))
      return try opensArgument(&open[open.count - 1]) ? nil : called(&expression, &open)
    default: throw expected("a number, a name or \"(\"")
    }
  }

  /// Whether an argument that is a sum comes next; else the call is complete.
  private mutating func opensArgument(_ call: inout OpenSum) throws(CellError) -> Bool {
    while token.kind == .name("per_sequence") {
      call.arguments.append(.perSequence(token.place))
      advance()
      if !take(.comma) {
        try expect(.close)
        return false
      }
    }
    return true
  }

  /// The call that is open last, which is complete.
  private func called(_ expression: inout Expression, _ open: inout [OpenSum]) -> Int? {
    guard let call = open.popLast(), case .call(let name) = call.kind else { return nil }
    return expression.append(.call(name, call.arguments), call.place)
  }

  /// Puts a part where it belongs, and what is complete by it where that belongs.
  ///
  /// - Returns: whether another operand comes; else the expression is complete.
  private mutating func close(
    _ atom: Int, _ place: CellPlace, _ expression: inout Expression, _ open: inout [OpenSum], _ waiting: inout Int
  ) throws(CellError) -> Bool {
    var (part, place) = (atom, place)
    while true {
      let last = open.count - 1
      if take(.product) {
        open[last].waiting.append((place, part))
        waiting += 1
        return true
      }
      while let before = open[last].waiting.popLast() {
        part = expression.append(before.matrix.map { .product($0, part) } ?? .negated(part), before.place)
        waiting -= 1
      }
      // Most terms are one factor, and most sums one term: no lists of one.
      let isFactor = token.kind == .sign(.times) || token.kind == .sign(.over)
      if isFactor || !open[last].factors.isEmpty { open[last].factors.append((open[last].isDivisor, part)) }
      if isFactor {
        open[last].isDivisor = token.kind == .sign(.over)
        advance()
        return true
      }
      part = Self.term(part, &open[last], &expression)
      let isTerm = token.kind == .sign(.plus) || token.kind == .sign(.minus)
      if isTerm || !open[last].terms.isEmpty { open[last].terms.append((open[last].isNegative, part)) }
      if isTerm {
        open[last].isNegative = token.kind == .sign(.minus)
        advance()
        return true
      }
      part = Self.sum(part, &open[last], &expression)
      place = open[last].place
      switch open[last].kind {
      case .whole: return false
      case .parentheses:
        try expect(.close)
        open.removeLast()
      case .call:
        guard try !hasMore(part, &open[last]), let call = called(&expression, &open) else { return true }
        part = call
      }
    }
  }

  /// A term that ends with a part.
  private static func term(_ last: Int, _ sum: inout OpenSum, _ expression: inout Expression) -> Int {
    var part = last
    if !sum.factors.isEmpty, let place = sum.termPlace {
      part = expression.append(.factors(sum.factors), place)
      (sum.factors, sum.isDivisor) = ([], false)
    }
    sum.termPlace = nil
    return part
  }

  /// A sum that ends with a term.
  private static func sum(_ last: Int, _ sum: inout OpenSum, _ expression: inout Expression) -> Int {
    var part = last
    if !sum.terms.isEmpty, let place = sum.sumPlace {
      part = expression.append(.sum(sum.terms), place)
      (sum.terms, sum.isNegative) = ([], false)
    }
    sum.sumPlace = nil
    return part
  }

  /// Takes in a sum of a call's arguments, and whether another one comes.
  private mutating func hasMore(_ part: Int, _ call: inout OpenSum) throws(CellError) -> Bool {
    if let (other, comparison) = call.compared {
      call.arguments.append(.comparison(other, comparison, part))
      call.compared = nil
    } else if case .sign(let sign) = token.kind, let comparison = Expression.Comparison(rawValue: sign.rawValue) {
      advance()
      call.compared = (part, comparison)
      return true
    } else {
      call.arguments.append(.value(part))
    }
    if take(.comma) { return try opensArgument(&call) }
    try expect(.close)
    return false
  }
}
