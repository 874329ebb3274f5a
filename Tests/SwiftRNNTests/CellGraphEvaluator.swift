import Reference

@testable import SwiftRNN

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A cell's graph and the graph of its gradients, value by value for one sequence in Double: what the compiler made of
/// a text, without its schedule.
struct CellGraphEvaluator {
  let cell: Cell
  let extents: CellExtents
  /// By the cell's parameters; matrices by rows, in one array.
  let parameters: [[Double]]
  /// nil: inference.
  var keeps: ((_ call: Int, _ unit: Int) -> Bool)?
  /// The same for masks of a step; the step is a number in the order of the sequence.
  var keepsInStep: ((_ call: Int, _ unit: Int, _ step: Int) -> Bool)?

  struct Gradients {
    var inputs: [[[Double]]]
    var states: [[Double]]
    var parameters: [[Double]]
  }

  private typealias Values = [Int: [Double]]

  private func size(_ node: Int) -> Int { node < extents.rows.count ? extents.rows[node] : 0 }

  private func parameterNumber(_ node: Int) -> Int? { cell.graph.parameters.firstIndex { $0.node == node } }

  /// With the masks of a step.
  private func at(_ step: Int) -> CellGraphEvaluator {
    guard let keepsInStep else { return self }
    var evaluator = self
    evaluator.keeps = { keepsInStep($0, $1, step) }
    return evaluator
  }

  /// All values of a step.
  private func values(_ inputs: [[Double]], _ states: [[Double]]) -> Values {
    var values: Values = [:]
    for node in cell.graph.nodes.indices { values[node] = value(node, cell.graph.nodes, values, inputs, states) }
    return values
  }

  private func wide(_ values: [Double], _ count: Int) -> [Double] {
    values.count == 1 && count > 1 ? Array(repeating: values[0], count: count) : values
  }

  private func value(
    _ number: Int, _ nodes: [CellNode], _ values: Values, _ inputs: [[Double]] = [], _ states: [[Double]] = []
  ) -> [Double] {
    let node = nodes[number]
    let operands = node.operands.map { values[$0] ?? [] }
    let count = operands.map(\.count).max() ?? 0
    func each(_ f: ([Double]) -> Double) -> [Double] {
      let all = operands.map { wide($0, count) }
      return (0..<count).map { i in f(all.map { $0[i] }) }
    }
    func holds(_ sign: Expression.Comparison, _ a: Double, _ b: Double) -> Bool {
      switch sign {
      case .less: a < b
      case .lessOrEqual: a <= b
      case .greater: a > b
      case .greaterOrEqual: a >= b
      }
    }
    switch node.operation {
    case .constant(let value): return [value]
    case .input(let input): return inputs[input]
    case .state(let state): return states[state]
    case .childState(let state, let child): return child == 1 ? states[state] : states[state].map { _ in 0 }
    case .parameter: return parameterNumber(number).map { parameters[$0] } ?? []
    case .sum(let negative): return each { zip($0, negative).reduce(0) { $1.1 ? $0 - $1.0 : $0 + $1.0 } }
    case .multiply: return each { $0[0] * $0[1] }
    case .divide: return each { $0[0] / $0[1] }
    case .minimum: return each { min($0[0], $0[1]) }
    case .maximum: return each { max($0[0], $0[1]) }
    case .negate: return each { -$0[0] }
    case .unary(let function, let constants):
      return each { ActivationReference.value(function.rawValue, $0[0], constants) }
    case .select(let sign): return each { holds(sign, $0[0], $0[1]) ? $0[2] : $0[3] }
    case .vector(let function):
      switch function {
      case .sum: return [operands[0].reduce(0, +)]
      case .mean: return [operands[0].reduce(0, +) / Double(count)]
      case .layerNorm: return ActivationReference.layerNorm(operands[0])
      case .rmsNorm: return ActivationReference.rmsNorm(operands[0])
      case .softmax: return ActivationReference.softmax(operands[0])
      }
    case .batchNorm: return each { ($0[0] - $0[1]) / ($0[2] + 1e-5).squareRoot() }
    case .dropout(let draw):
      guard let keeps else { return operands[0] }
      return operands[0].indices.map { keeps(draw.number, $0) ? operands[0][$0] / (1 - draw.probability) : 0 }
    case .zoneout(let draw):
      guard let keeps else { return each { (1 - draw.probability) * $0[0] + draw.probability * $0[1] } }
      let all = operands.map { wide($0, count) }
      return (0..<count).map { keeps(draw.number, $0) ? all[0][$0] : all[1][$0] }
    case .zoneoutGradient(let draw, let toPrevious):
      guard let keeps else {
        return each { $0[0] * (toPrevious ? draw.probability : 1 - draw.probability) }
      }
      return operands[0].indices.map { keeps(draw.number, $0) != toPrevious ? operands[0][$0] : 0 }
    case .sumChildren: return operands[0]
    case .cut(let part, let parts):
      let size = operands[0].count / parts
      return Array(operands[0][(part * size)..<((part + 1) * size)])
    case .placed(let part, let parts):
      let size = operands[0].count
      return (0..<(size * parts)).map { $0 / size == part ? operands[0][$0 % size] : 0 }
    case .product:
      let columns = operands[1].count
      return (0..<(operands[0].count / columns)).map { r in
        (0..<columns).reduce(0) { $0 + operands[0][r * columns + $1] * operands[1][$1] }
      }
    case .transposedProduct:
      let rows = operands[1].count
      let columns = operands[0].count / rows
      return (0..<columns).map { c in (0..<rows).reduce(0) { $0 + operands[0][$1 * columns + c] * operands[1][$1] } }
    case .dropConnect(let draw):
      guard let keeps else { return operands[0] }
      return operands[0].indices.map { keeps(draw.number, $0) ? operands[0][$0] / (1 - draw.probability) : 0 }
    case .blocks:
      let (rows, columns) = (extents.rows[number], extents.columns[number])
      let k = extents.blocks[number]
      return operands[0].indices.map { i in
        (i / columns) / (rows / k) == (i % columns) / (columns / k) ? operands[0][i] : 0
      }
    case .unaryGradient(let function, let constants):
      return each {
        let x = function.isDerivedFromResult ? inverse(function, $0[0]) : $0[0]
        return $0[1] * ActivationReference.derivative(function.rawValue, x, constants)
      }
    case .minimumGradient: return each { $0[0] < $0[1] ? $0[2] : $0[0] == $0[1] ? $0[2] / 2 : 0 }
    case .maximumGradient: return each { $0[0] > $0[1] ? $0[2] : $0[0] == $0[1] ? $0[2] / 2 : 0 }
    case .vectorGradient(let function): return vectorGradient(function, operands[0], operands[1])
    case .batchNormGradient: return each { $0[3] / ($0[2] + 1e-5).squareRoot() }
    case .outputGradient, .nextGradient, .overRows: return []
    }
  }

  /// x from f(x).
  private func inverse(_ function: UnaryFunction, _ y: Double) -> Double {
    switch function {
    case .sigmoid: log(y / (1 - y))
    case .tanh: atanh(y)
    case .exp: log(y)
    case .sqrt: y * y
    default: y
    }
  }

  private func vectorGradient(_ function: VectorFunction, _ x: [Double], _ dy: [Double]) -> [Double] {
    let count = Double(x.count)
    switch function {
    case .sum: return x.map { _ in dy[0] }
    case .mean: return x.map { _ in dy[0] / count }
    case .softmax:
      let dot = zip(x, dy).reduce(0) { $0 + $1.0 * $1.1 }
      return zip(x, dy).map { $0 * ($1 - dot) }
    case .layerNorm:
      let y = ActivationReference.layerNorm(x)
      let mean = x.reduce(0, +) / count
      let deviation = (x.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / count + 1e-5).squareRoot()
      let (sum, dot) = (dy.reduce(0, +) / count, zip(y, dy).reduce(0) { $0 + $1.0 * $1.1 } / count)
      return zip(y, dy).map { ($1 - sum - $0 * dot) / deviation }
    case .rmsNorm:
      let y = ActivationReference.rmsNorm(x)
      let root = (x.reduce(0) { $0 + $1 * $1 } / count + 1e-5).squareRoot()
      let dot = zip(y, dy).reduce(0) { $0 + $1.0 * $1.1 } / count
      return zip(y, dy).map { ($1 - $0 * dot) / root }
    }
  }

  private func nextStates(_ values: Values) -> [[Double]] {
    cell.graph.states.map { wide(values[$0.next] ?? [], extents.rows[$0.previous]) }
  }

  /// The outputs and the final states.
  func forward(_ inputs: [[[Double]]], _ states: [[Double]]) -> (outputs: [[Double]], states: [[Double]]) {
    var (outputs, states) = ([[Double]](), states)
    for (t, step) in inputs.enumerated() {
      let values = at(t).values(step, states)
      outputs.append(values[cell.graph.output] ?? [])
      states = nextStates(values)
    }
    return (outputs, states)
  }

  /// The gradients of a loss whose gradients for outputs and final states are given.
  func backward(
    _ inputs: [[[Double]]], _ states: [[Double]], dOutputs: [[Double]], dStates: [[Double]]
  ) -> Gradients {
    var trail: [Values] = []
    var now = states
    for (t, step) in inputs.enumerated() {
      trail.append(at(t).values(step, now))
      now = nextStates(trail[trail.count - 1])
    }
    let backward = cell.backward
    let own = cell.graph.nodes.count
    var gradients = Gradients(
      inputs: inputs.map { $0.map { $0.map { _ in 0 } } }, states: dStates,
      parameters: parameters.map { $0.map { _ in 0 } })
    var overRows: Values = [:]
    for t in inputs.indices.reversed() {
      var values = trail[t]
      for node in own..<backward.nodes.count {
        switch backward.nodes[node].operation {
        case .overRows: break
        case .outputGradient: values[node] = dOutputs[t]
        case .nextGradient(let state): values[node] = gradients.states[state]
        default:
          // What hangs from a sum over the rows comes last.
          guard backward.nodes[node].operands.allSatisfy({ values[$0] != nil }) else { break }
          values[node] = at(t).value(node, backward.nodes, values)
        }
      }
      for node in own..<backward.nodes.count {
        guard case .overRows = backward.nodes[node].operation else { continue }
        let row = values[backward.nodes[node].operands[0]] ?? []
        overRows[node] = overRows[node].map { zip($0, row).map(+) } ?? row
      }
      for state in gradients.states.indices {
        gradients.states[state] =
          backward.previous[state].map { values[$0] ?? [] } ?? gradients.states[state].map { _ in 0 }
      }
      for child in backward.children where child.child == 1 {
        gradients.states[child.state] = zip(gradients.states[child.state], values[child.gradient] ?? []).map(+)
      }
      for (input, node) in backward.inputs.enumerated() {
        if let node { gradients.inputs[t][input] = values[node] ?? [] }
      }
      for matrix in backward.matrices where backward.isOfRows[matrix.left] {
        at(t).add(values[matrix.left] ?? [], values[matrix.right] ?? [], to: matrix.matrix, &gradients)
      }
      for parameter in backward.parameters where parameter.isOfRows {
        add(values[parameter.gradient] ?? [], to: parameter.parameter, &gradients)
      }
    }
    // What hangs from sums over the rows, once.
    var values = trail.last ?? [:]
    for node in own..<backward.nodes.count where !backward.isOfRows[node] {
      values[node] = overRows[node] ?? value(node, backward.nodes, values)
    }
    for parameter in backward.parameters where !parameter.isOfRows {
      add(values[parameter.gradient] ?? [], to: parameter.parameter, &gradients)
    }
    for matrix in backward.matrices where !backward.isOfRows[matrix.left] {
      add(values[matrix.left] ?? [], values[matrix.right] ?? [], to: matrix.matrix, &gradients)
    }
    return gradients
  }

  /// Adds to a parameter, or to a part of one.
  private func add(_ gradient: [Double], to node: Int, _ gradients: inout Gradients) {
    var (root, first) = (node, 0)
    if case .cut(let part, _) = cell.graph.nodes[node].operation {
      root = cell.graph.nodes[node].operands[0]
      first = part * gradient.count
    }
    guard let number = parameterNumber(root) else { return }
    for (i, value) in gradient.enumerated() { gradients.parameters[number][first + i] += value }
  }

  private func add(_ left: [Double], _ right: [Double], to node: Int, _ gradients: inout Gradients) {
    var (root, first) = (node, 0)
    var weight: (Int) -> Double = { _ in 1 }
    let columns = right.count
    while true {
      switch cell.graph.nodes[root].operation {
      case .cut(let part, _): first += part * extents.rows[root]
      case .dropConnect(let draw):
        // Numbers of the matrix count from its own first row.
        let start = first * columns
        if let keeps { weight = { keeps(draw.number, start + $0) ? 1 / (1 - draw.probability) : 0 } }
      case .blocks:
        let (rows, k, start) = (extents.rows[root] / extents.blocks[root], extents.blocks[root], first)
        weight = { (start + $0 / columns) / rows == ($0 % columns) / (columns / k) ? 1 : 0 }
      default:
        guard let number = parameterNumber(root) else { return }
        for r in left.indices {
          for c in right.indices {
            gradients.parameters[number][(first + r) * columns + c] += left[r] * right[c] * weight(r * columns + c)
          }
        }
        return
      }
      root = cell.graph.nodes[root].operands[0]
    }
  }
}
