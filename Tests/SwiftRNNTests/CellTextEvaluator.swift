import Reference

@testable import SwiftRNN

/// One sequence through a cell, equation by equation as the text is written, in Double: no graph, no cuts moved, no
/// sums joined, nothing shared. Of the compiler it uses the parser, and `like`.
///
/// Numbers are vectors of one element, which join all others.
struct CellTextEvaluator {
  let definition: CellDefinition
  /// Matrices by rows; numbers and vectors as one row.
  let parameters: [String: [[Double]]]
  let blocks: [String: Int]
  var states: [String: [Double]]
  private var inputs: [String: [Double]] = [:]
  private var known: [String: [Double]] = [:]
  /// Whether the masks are drawn: `keeps(call, unit)` says what stays. nil: inference.
  var keeps: ((_ call: Int, _ unit: Int) -> Bool)?
  private let draws: [CallPlace: Int]

  init(
    _ text: String, parameters: [String: [[Double]]], states: [String: [Double]], blocks: [String: Int] = [:]
  ) throws {
    definition = try CellDefinition(
      CellSource(Array(text.utf8)), builtIn: { BuiltInCells.text($0) }, names: { [] })
    self.parameters = parameters
    self.blocks = blocks
    self.states = states
    draws = CellNames(definition).draws
  }

  /// Makes a step.
  ///
  /// - Returns: the output.
  mutating func step(_ inputs: [String: [Double]]) -> [Double] {
    self.inputs = inputs
    known = [:]
    let output = definition.numbers["y"] ?? definition.numbers["h"] ?? 0
    let y = given(definition.equations[output])
    var next: [String: [Double]] = [:]
    for name in states.keys {
      let value = definition.equation(of: name).map { given($0) } ?? []
      // A number is the same for all units.
      next[name] = value.count == 1 ? Array(repeating: value[0], count: states[name]?.count ?? 1) : value
    }
    states = next
    return y
  }

  private mutating func given(_ equation: Equation) -> [Double] {
    if let value = known[equation.target] { return value }
    let expression = definition.expressions[equation.expression]
    let whole = value(expression.whole, expression)
    let size = whole.count / equation.parts
    let value = Array(whole[(equation.part * size)..<((equation.part + 1) * size)])
    known[equation.target] = value
    return value
  }

  private mutating func named(_ name: String) -> [Double] {
    if let equation = definition.equation(of: name) {
      return equation.isNext ? states[name] ?? [] : given(equation)
    }
    return inputs[name] ?? parameters[name]?[0] ?? []
  }

  /// Rows of what stands left of `@`.
  private func matrix(_ part: Int, _ expression: Expression) -> [[Double]] {
    switch expression.parts[part].kind {
    case .name(let name):
      guard let equation = definition.equation(of: name) else { return parameters[name] ?? [] }
      let given = definition.expressions[equation.expression]
      let whole = matrix(given.whole, given)
      let size = whole.count / equation.parts
      return Array(whole[(equation.part * size)..<((equation.part + 1) * size)])
    case .call("blocks", let arguments):
      guard case .value(let inner) = arguments[0], case .value(let count) = arguments[1] else { return [] }
      let full = matrix(inner, expression)
      let k: Int
      switch expression.parts[count].kind {
      case .number(let value): k = Int(value)
      case .name(let name): k = blocks[name] ?? 1
      default: return []
      }
      // Off the diagonal blocks the matrix that stands for the blocks is zero here.
      let (rows, columns) = (full.count / k, (full.first?.count ?? 0) / k)
      return full.enumerated().map { r, row in
        row.enumerated().map { c, value in r / rows == c / columns ? value : 0 }
      }
    case .call("drop_connect", let arguments):
      guard case .value(let inner) = arguments[0], case .value(let p) = arguments[1] else { return [] }
      let full = matrix(inner, expression)
      guard let keeps, case .number(let probability) = expression.parts[p].kind else { return full }
      let call = draws[CallPlace(expression.parts[part].place)] ?? 0
      let columns = full.first?.count ?? 0
      return full.enumerated().map { r, row in
        row.enumerated().map { c, value in keeps(call, r * columns + c) ? value / (1 - probability) : 0 }
      }
    default: return []
    }
  }

  private static func zip2(_ a: [Double], _ b: [Double], _ f: (Double, Double) -> Double) -> [Double] {
    if a.count == 1 && b.count > 1 { return b.map { f(a[0], $0) } }
    if b.count == 1 && a.count > 1 { return a.map { f($0, b[0]) } }
    return zip(a, b).map(f)
  }

  private mutating func value(_ part: Int, _ expression: Expression) -> [Double] {
    switch expression.parts[part].kind {
    case .number(let number): return [number]
    case .name(let name): return named(name)
    case .next(let name): return definition.equation(of: name).map { given($0) } ?? []
    case .child(let name, let child): return child == 1 ? states[name] ?? [] : (states[name] ?? []).map { _ in 0 }
    case .negated(let inner): return value(inner, expression).map { -$0 }
    case .sum(let terms):
      var sum = [0.0]
      for (isNegative, term) in terms {
        sum = Self.zip2(sum, value(term, expression)) { isNegative ? $0 - $1 : $0 + $1 }
      }
      return sum
    case .factors(let factors):
      var product = [1.0]
      for (isDivisor, factor) in factors {
        product = Self.zip2(product, value(factor, expression)) { isDivisor ? $0 / $1 : $0 * $1 }
      }
      return product
    case .product(let left, let right):
      let vector = value(right, expression)
      return matrix(left, expression).map { row in zip(row, vector).reduce(0) { $0 + $1.0 * $1.1 } }
    case .call(let name, let arguments): return call(name, arguments, expression.parts[part].place, expression)
    }
  }

  private mutating func call(
    _ name: String, _ arguments: [Expression.Argument], _ place: CellPlace, _ expression: Expression
  ) -> [Double] {
    var values: [[Double]] = []
    var comparison: (Expression.Comparison, [Double], [Double])?
    for argument in arguments {
      switch argument {
      case .value(let part): values.append(value(part, expression))
      case .comparison(let a, let sign, let b): comparison = (sign, value(a, expression), value(b, expression))
      case .perSequence: break
      }
    }
    let x = values[0]
    let draw = draws[CallPlace(place)] ?? 0
    switch name {
    case "min": return Self.zip2(x, values[1], Swift.min)
    case "max": return Self.zip2(x, values[1], Swift.max)
    case "where":
      guard let (sign, a, b) = comparison else { return [] }
      let holds = Self.zip2(a, b) { a, b in
        switch sign {
        case .less: a < b ? 1 : 0
        case .lessOrEqual: a <= b ? 1 : 0
        case .greater: a > b ? 1 : 0
        case .greaterOrEqual: a >= b ? 1 : 0
        }
      }
      let count = max(holds.count, x.count, values[1].count)
      func at(_ v: [Double], _ i: Int) -> Double { v.count == 1 ? v[0] : v[i] }
      return (0..<count).map { at(holds, $0) == 1 ? at(x, $0) : at(values[1], $0) }
    case "scalar", "sum_children": return x
    case "sum": return [x.reduce(0, +)]
    case "mean": return [x.reduce(0, +) / Double(x.count)]
    case "layer_norm": return ActivationReference.layerNorm(x)
    case "rms_norm": return ActivationReference.rmsNorm(x)
    case "softmax": return ActivationReference.softmax(x)
    case "batch_norm": return x.indices.map { (x[$0] - values[1][$0]) / (values[2][$0] + 1e-5).squareRoot() }
    case "dropout":
      guard let keeps else { return x }
      return x.indices.map { keeps(draw, $0) ? x[$0] / (1 - values[1][0]) : 0 }
    case "zoneout":
      let p = values[2][0]
      guard let keeps else { return Self.zip2(x, values[1]) { (1 - p) * $0 + p * $1 } }
      return x.indices.map { keeps(draw, $0) ? x[$0] : values[1][$0] }
    default:
      let function = UnaryFunction(rawValue: name)
      var constants = (function?.constants ?? []).map { $0.byDefault ?? 0 }
      for (i, given) in values.dropFirst().enumerated() { constants[i] = given[0] }
      return x.map { ActivationReference.value(name, $0, constants) }
    }
  }
}
