// Whether a cell's graph is one that has kernels of its own, whatever its text calls things:
//
//     RNN                  h' = tanh(a), or relu(a)
//     LSTM                 h' = o * tanh(c'), or V @ (o * tanh(c')), where c' = f * c + i * g
//     GRU, reset after     h' = (1 - z) * n + z * h, or n + z * (h - n), where n = tanh(W @ x + b + r * (U @ h + d))
//     GRU, reset before    the same, where n = tanh(W @ x + U @ (r * h) + b + d)
//
// Here i, f, o, r, z are sigmoid(a) and g is tanh(a), where each a is a sum W @ x + U @ h + b + d of its own. Sums and
// products may stand in any order; b, d or both may be missing (of the last two lines: each). Matrices and biases are
// parameters, or parts of parameters that are cut; every part of every parameter is read, and in one place. There is no
// input but x, states start at zero, and h' is the output, or what CellHead.swift allows. Whatever differs from that in
// any way is another cell.

struct FusedCell: Sendable {
  let kind: CellKind
  let parameters: GateParameters
  /// The numbers of the states that are h and, of the LSTM, c.
  let h: Int
  let c: Int?

  /// - Parameters:
  ///   - h: the state that is h; nil: the one whose next value is the output.
  ///   - others: parameters that the states do not need, because an output equation reads them.
  /// - Returns: nil: the kernels of no cell compute the states of this one.
  init?(_ graph: CellGraph, h: Int? = nil, without others: Set<Int> = []) {
    guard graph.inputs.count == 1, graph.states.allSatisfy({ $0.initial == 0 }),
      let h = h ?? graph.states.firstIndex(where: { $0.next == graph.output })
    else { return nil }
    var match = FusedCellMatch(graph, h: graph.states[h].previous)
    let next = graph.states[h].next
    let found: CellKind?
    switch graph.states.count {
    case 1: found = match.vanilla(next) ?? match.gru(next)
    case 2: found = match.lstm(next, graph.states[1 - h])
    default: found = nil
    }
    guard let kind = found, match.hasRead(allBut: others) else { return nil }
    (self.kind, parameters, self.h) = (kind, match.parameters, h)
    c = kind == .lstm ? 1 - h : nil
  }
}

/// What has been found of a cell. Where a question is answered by nil or false after it has looked at parameters, the
/// graph is no fused cell: no parameter is read twice, so that there is no other way to read it.
private struct FusedCellMatch {
  private let graph: CellGraph
  private let h: Int
  private(set) var parameters = GateParameters()
  /// Parts of parameters: one of how many.
  private var read: [GateRows: Int] = [:]

  /// - Parameter h: the node of its value before the step.
  init(_ graph: CellGraph, h: Int) { (self.graph, self.h) = (graph, h) }

  /// Whether every part of every parameter but the `others` has been read, and no part of these. None has been twice.
  func hasRead(allBut others: Set<Int>) -> Bool {
    graph.parameters.indices.allSatisfy { number in
      let parts = read.filter { $0.key.tensor == number }
      if others.contains(number) { return parts.isEmpty }
      return !parts.isEmpty && parts.allSatisfy { $0.value == parts.count }
    }
  }

  // MARK: Cells

  mutating func vanilla(_ next: Int) -> CellKind? {
    for (function, kind) in [(UnaryFunction.tanh, CellKind.rnnTanh), (.relu, .rnnRelu)] {
      if let sum = argument(next, function) { return reads(gate: 0, sum) ? kind : nil }
    }
    return nil
  }

  mutating func lstm(_ next: Int, _ c: CellState) -> CellKind? {
    var output = next
    if graph.nodes[next].operation == .product {
      let operands = graph.nodes[next].operands
      // A whole parameter: its rows are not as many as a gate's.
      guard case .parameter = graph.nodes[operands[0]].operation, let rows = self.rows(operands[0], .matrix) else {
        return nil
      }
      (parameters.weightHR, output) = (rows, operands[1])
    }
    guard let o = factor(output, .sigmoid, besides: { argument($0, .tanh) == c.next }) else { return nil }
    for (kept, new) in orders(addends(c.next)) {
      guard let f = factor(kept, .sigmoid, besides: { $0 == c.previous }) else { continue }
      for (a, b) in orders(factors(new)) {
        guard let i = argument(a, .sigmoid), let g = argument(b, .tanh) else { continue }
        return reads(gate: 0, i) && reads(gate: 1, f) && reads(gate: 2, g) && reads(gate: 3, o) ? .lstm : nil
      }
    }
    return nil
  }

  mutating func gru(_ next: Int) -> CellKind? {
    guard let (z, n) = blend(next), let zSum = argument(z, .sigmoid), let nSum = argument(n, .tanh),
      reads(gate: 1, zSum), let sum = self.sum(nSum)
    else { return nil }
    if let gated = sum.others.first {
      guard sum.others.count == 1, sum.biases.count <= 1, sum.products.count == 1 else { return nil }
      for (a, b) in orders(factors(gated)) {
        guard let r = argument(a, .sigmoid) else { continue }
        guard let m = self.sum(b), m.others.isEmpty, m.biases.count <= 1, m.products.count == 1,
          graph.nodes[m.products[0]].operands[1] == h, reads(gate: 2, sum.products + m.products, of: h),
          reads(gate: 2, bias: sum.biases.first, isSecond: false), reads(gate: 2, bias: m.biases.first, isSecond: true)
        else { return nil }
        return reads(gate: 0, r) ? .gru : nil
      }
      return nil
    }
    for product in sum.products {
      let operand = graph.nodes[product].operands[1]
      guard let r = factor(operand, .sigmoid, besides: { $0 == h }) else { continue }
      return reads(gate: 2, nSum, of: operand) && reads(gate: 0, r) ? .gruResetBefore : nil
    }
    return nil
  }

  /// z and n of (1 - z) * n + z * h, or of n + z * (h - n).
  private func blend(_ node: Int) -> (z: Int, n: Int)? {
    for (kept, new) in orders(addends(node)) {
      for (z, rest) in orders(factors(kept)) {
        if isDifference(rest, of: new, from: h) { return (z, new) }
        if rest != h { continue }
        for (share, n) in orders(factors(new)) where isDifference(share, of: z) { return (z, n) }
      }
    }
    return nil
  }

  /// Whether a node is `value - other`, or 1 - other.
  private func isDifference(_ node: Int, of other: Int, from value: Int? = nil) -> Bool {
    guard let terms = self.terms(node), terms.count == 2,
      let plus = terms.first(where: { !$0.isNegative }), let minus = terms.first(where: { $0.isNegative })
    else { return false }
    if let value { return minus.node == other && plus.node == value }
    return minus.node == other && graph.nodes[plus.node].operation == .constant(1)
  }

  // MARK: Gates

  /// Reads `W @ x + U @ state + b + d` of a gate.
  private mutating func reads(gate: Int, _ node: Int, of state: Int? = nil) -> Bool {
    guard let sum = self.sum(node), sum.others.isEmpty, sum.biases.count <= 2 else { return false }
    return reads(gate: gate, sum.products, of: state ?? h)
      && reads(gate: gate, bias: sum.biases.first, isSecond: false)
      && reads(gate: gate, bias: sum.biases.dropFirst().first, isSecond: true)
  }

  private mutating func reads(gate: Int, _ products: [Int], of state: Int) -> Bool {
    guard products.count == 2 else { return false }
    for product in products {
      let (matrix, vector) = (graph.nodes[product].operands[0], graph.nodes[product].operands[1])
      if vector == graph.inputs[0].node, parameters.weightIH[gate] == nil {
        parameters.weightIH[gate] = rows(matrix, .matrix)
      } else if vector == state, parameters.weightHH[gate] == nil {
        parameters.weightHH[gate] = rows(matrix, .matrix)
      } else {
        return false
      }
    }
    return parameters.weightIH[gate] != nil && parameters.weightHH[gate] != nil
  }

  /// - Parameter node: nil: the bias is missing.
  private mutating func reads(gate: Int, bias node: Int?, isSecond: Bool) -> Bool {
    guard let node else { return true }
    guard let rows = self.rows(node, .vector) else { return false }
    if isSecond { parameters.biasHH[gate] = rows } else { parameters.biasIH[gate] = rows }
    return true
  }

  /// A parameter, or a part of one, that nothing has read before.
  private mutating func rows(_ node: Int, _ kind: ValueKind) -> GateRows? {
    var (source, part, parts) = (node, 0, 1)
    if case .cut(let number, let of) = graph.nodes[node].operation {
      (source, part, parts) = (graph.nodes[node].operands[0], number, of)
    }
    guard graph.nodes[node].kind == kind, let number = graph.parameters.firstIndex(where: { $0.node == source }),
      let tensor = UInt8(exactly: number), let place = UInt8(exactly: part)
    else { return nil }
    let rows = GateRows(tensor: tensor, part: place)
    return read.updateValue(parts, forKey: rows) == nil ? rows : nil
  }

  // MARK: Nodes

  /// The argument of a function.
  private func argument(_ node: Int, _ function: UnaryFunction) -> Int? {
    let node = graph.nodes[node]
    return node.operation == .unary(function, constants: []) ? node.operands[0] : nil
  }

  private func factors(_ node: Int) -> (Int, Int)? {
    let node = graph.nodes[node]
    return node.operation == .multiply ? (node.operands[0], node.operands[1]) : nil
  }

  private func addends(_ node: Int) -> (Int, Int)? {
    guard let terms = self.terms(node), terms.count == 2, !terms.contains(where: { $0.isNegative }) else { return nil }
    return (terms[0].node, terms[1].node)
  }

  /// Which of two is which: both ways.
  private func orders(_ two: (Int, Int)?) -> [(Int, Int)] { two.map { [$0, ($0.1, $0.0)] } ?? [] }

  /// The argument of the factor that is a function of something, where the other factor is as wanted.
  private func factor(_ node: Int, _ function: UnaryFunction, besides isOther: (Int) -> Bool) -> Int? {
    for (a, b) in orders(factors(node)) where isOther(b) {
      if let found = argument(a, function) { return found }
    }
    return nil
  }

  private struct Term {
    let node: Int
    let isNegative: Bool
  }

  /// What a sum adds up, sums within it too; nil: more than any fused cell does. Another node is the only term.
  private func terms(_ node: Int) -> [Term]? {
    var (found, waiting): ([Term], [Term]) = ([], [Term(node: node, isNegative: false)])
    while let next = waiting.popLast() {
      let operands = graph.nodes[next.node].operands
      switch graph.nodes[next.node].operation {
      case .sum(let negative):
        for (operand, isNegative) in zip(operands, negative).reversed() {
          waiting.append(Term(node: operand, isNegative: isNegative != next.isNegative))
        }
      case .negate: waiting.append(Term(node: operands[0], isNegative: !next.isNegative))
      default: found.append(next)
      }
      // Sums of sums of the same values could be as many as there are numbers.
      if found.count + waiting.count > 8 { return nil }
    }
    return found
  }

  /// A sum by what its terms are, in their order; nil: a term is subtracted, or there are too many.
  private func sum(_ node: Int) -> (products: [Int], biases: [Int], others: [Int])? {
    guard let terms = self.terms(node), !terms.contains(where: { $0.isNegative }) else { return nil }
    var (products, biases, others): ([Int], [Int], [Int]) = ([], [], [])
    for term in terms {
      switch graph.nodes[term.node].operation {
      case .product: products.append(term.node)
      case .parameter, .cut: biases.append(term.node)
      default: others.append(term.node)
      }
    }
    return (products, biases, others)
  }
}
