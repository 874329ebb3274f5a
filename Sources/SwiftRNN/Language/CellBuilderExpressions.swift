// What an expression gives: its parts one after the other, each from the nodes of those before it.

/// The parts of an expression while they become nodes.
final class WrittenParts {
  let parts: [Expression.Part]
  /// Of each part that has been computed.
  fileprivate(set) var nodes: [Int]
  fileprivate let uses: [Use]

  fileprivate enum Use {
    case value
    /// Left of `@`, or what a matrix is made of.
    case matrix
    /// A name itself: of a parameter, or of a size.
    case name
  }

  fileprivate init(_ expression: Expression) throws(CellError) {
    parts = expression.parts
    nodes = Array(repeating: 0, count: parts.count)
    var uses = Array(repeating: Use.value, count: parts.count)
    var unknown: (name: String, place: CellPlace)?
    for part in parts {
      switch part.kind {
      case .product(let matrix, _): uses[matrix] = .matrix
      case .call(let name, let arguments):
        for (number, use) in Self.arguments(name).enumerated().prefix(arguments.count) {
          if case .value(let argument) = arguments[number] { uses[argument] = use }
        }
        if CellFunction(name) != nil { break }
        if unknown.map({ part.place.offset < $0.place.offset }) ?? true { unknown = (name, part.place) }
      default: break
      }
    }
    self.uses = uses
    if let (name, place) = unknown { throw CellFunction.unknown(name, place) }
  }

  /// How the first arguments of a function are used.
  private static func arguments(_ name: String) -> [Use] {
    switch name {
    case SpecialFunction.dropConnect.rawValue: [.matrix]
    case SpecialFunction.blocks.rawValue: [.matrix, .name]
    case SpecialFunction.scalar.rawValue: [.name]
    default: []
    }
  }
}

extension CellBuilder {
  mutating func value(of expression: Expression) throws(CellError) -> Int {
    let written = try WrittenParts(expression)
    for number in written.parts.indices where written.uses[number] != .name {
      written.nodes[number] = try value(number, written)
    }
    return written.nodes[expression.whole]
  }

  /// A vector or number.
  func operand(_ part: Int, _ written: WrittenParts) throws(CellError) -> Int {
    let node = written.nodes[part]
    guard values.kind(node) != .matrix else {
      let shown = written.text(part)
      throw written.parts[part].place.error(
        "\"\(shown)\" is a matrix, which can only be left of \"@\": write \(shown) @ v, with a vector v")
    }
    return node
  }

  private mutating func value(_ number: Int, _ written: WrittenParts) throws(CellError) -> Int {
    let place = written.parts[number].place
    switch written.parts[number].kind {
    case .number(let number): return try constant(number, place)
    case .name(let name):
      return try named(name, wanted: written.uses[number] == .matrix ? .matrix : .vector, place)
    case .next(let name):
      guard let number = definition.numbers[name] else { throw place.error("no equation gives \(name)'") }
      return try vector(ofEquation: number)
    case .child(let name, let child):
      return try values.make(.childState(stateNumbers[name] ?? 0, child: child), [], .vector, place)
    case .call(let name, let arguments):
      return try call(Call(name: name, place: place, arguments: arguments, written: written))
    case .negated(let inner): return try negated(try operand(inner, written), place)
    case .product(let left, let right):
      let (matrix, vector) = (written.nodes[left], try operand(right, written))
      guard values.kind(matrix) == .matrix else {
        throw written.parts[left].place.error(
          "left of \"@\" is \"\(written.text(left))\", a \(Self.noun(values.kind(matrix))), and must be a matrix: the name "
            + "of a parameter, drop_connect(U, p) or blocks(U, k). Products of two vectors, element by element, are "
            + "written \"*\"")
      }
      guard values.kind(vector) == .vector else {
        throw written.parts[right].place.error(
          "right of \"@\" is \"\(written.text(right))\", a number, and must be a vector")
      }
      return try values.make(.product, [matrix, vector], .vector, place)
    case .sum(let terms): return try sum(terms, written, place)
    case .factors(let factors): return try multiplied(factors, written, place)
    }
  }

  private mutating func constant(_ value: Double, _ place: CellPlace) throws(CellError) -> Int {
    guard value.isFinite else { throw place.error("this is not a finite number") }
    return try values.make(.constant(value), [], .number, place)
  }

  private mutating func negated(_ node: Int, _ place: CellPlace) throws(CellError) -> Int {
    if let value = values.constant(node) { return try constant(-value, place) }
    if case .negate = values.nodes[node].operation { return values.nodes[node].operands[0] }
    return try values.make(.negate, [node], values.kind(node), place)
  }

  /// The kind of what is made of these, number by number.
  func joined(_ nodes: [Int]) -> ValueKind {
    nodes.contains { values.kind($0) == .vector } ? .vector : .number
  }

  private mutating func sum(
    _ terms: [(isNegative: Bool, part: Int)], _ written: WrittenParts, _ place: CellPlace
  ) throws(CellError) -> Int {
    var (operands, negative): ([Int], [Bool]) = ([], [])
    var rest = 0.0
    for (isNegative, term) in terms {
      let node = try operand(term, written)
      if let value = values.constant(node) {
        rest += isNegative ? -value : value
      } else {
        operands.append(node)
        negative.append(isNegative)
      }
    }
    if operands.isEmpty { return try constant(rest, place) }
    if rest != 0 {
      operands.append(try constant(rest, place))
      negative.append(false)
    }
    if operands.count == 1 { return negative[0] ? try negated(operands[0], place) : operands[0] }
    return try values.make(.sum(negative: negative), operands, joined(operands), place)
  }

  private mutating func multiplied(
    _ factors: [(isDivisor: Bool, part: Int)], _ written: WrittenParts, _ place: CellPlace
  ) throws(CellError) -> Int {
    var result = try operand(factors[0].part, written)
    for (isDivisor, factor) in factors.dropFirst() {
      let other = try operand(factor, written)
      let (a, b) = (values.constant(result), values.constant(other))
      if let a, let b {
        result = try constant(isDivisor ? a / b : a * b, written.parts[factor].place)
      } else if b == 1 {
        continue
      } else if a == 1 && !isDivisor {
        result = other
      } else {
        result = try values.make(isDivisor ? .divide : .multiply, [result, other], joined([result, other]), place)
      }
    }
    return result
  }
}
