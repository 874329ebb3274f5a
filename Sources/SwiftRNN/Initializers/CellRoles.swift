// What each parameter of a cell of equations is to an initialiser: seen from the graph, never from names.

extension ParameterRoles {
  init(_ layer: CellInLayer) {
    let roles = CellRoles(layer)
    parameters = roles.parameters
    gates = roles.gates
    for statistic in layer.cell.statistics {
      for (number, value) in [(statistic.mean, 0.0), (statistic.variance, 1.0)] {
        if let part = roles.part(layer.graph.parameters[number].node) { firstValues.append((part, .constant(value))) }
      }
    }
    for (node, distribution) in layer.graph.initials {
      if let part = roles.part(node) { firstValues.append((part, distribution)) }
    }
  }
}

private struct CellRoles {
  let layer: CellInLayer
  let nodes: [CellNode]
  /// Of nodes that are a parameter.
  private var numbers: [Int?]

  init(_ layer: CellInLayer) {
    self.layer = layer
    nodes = layer.graph.nodes
    numbers = Array(repeating: nil, count: nodes.count)
    for (number, parameter) in layer.graph.parameters.enumerated() { numbers[parameter.node] = number }
  }

  /// The rows of a parameter that a node is; nil: it is something else.
  func part(_ node: Int) -> ParameterPart? {
    let rows = nodes[node].kind == .number ? 1 : layer.extents.rows[node]
    var (node, row) = (node, 0)
    while true {
      switch nodes[node].operation {
      case .cut(let part, _): row += part * layer.extents.rows[node]
      case .dropConnect, .blocks: break
      default:
        return numbers[node].map { ParameterPart(parameter: $0, row: row, rows: rows) }
      }
      node = nodes[node].operands[0]
    }
  }

  // MARK: Roles

  var parameters: [(role: ParameterRoles.Role, blockRows: Int)] {
    let (heights, multiplied) = (self.heights, self.multiplied)
    var matrices = [ParameterRoles.Role](repeating: .input, count: layer.graph.parameters.count)
    let (previous, derived) = statesInValues
    for node in nodes where node.operation == .product {
      guard let number = part(node.operands[0])?.parameter else { continue }
      let operand = node.operands[1]
      let role: ParameterRoles.Role = previous[operand] ? .recurrent : derived[operand] ? .other : .input
      if role.rawValue > matrices[number].rawValue { matrices[number] = role }
    }
    return layer.graph.parameters.enumerated().map { number, parameter in
      let (rows, height) = (layer.shape(ofParameter: number).rows, max(heights[parameter.node], 1))
      switch parameter.kind {
      case .matrix: return (matrices[number], rows % height == 0 ? height : rows)
      case .vector: return (multiplied[parameter.node] ? .rest : .bias, rows)
      case .number: return (.rest, 1)
      }
    }
  }

  /// Of each node, whether it is made of a state's value of the step before without a product, and whether of any state
  /// at all.
  private var statesInValues: (previous: [Bool], derived: [Bool]) {
    var previous = Array(repeating: false, count: nodes.count)
    var (derived, isNext) = (previous, previous)
    for state in layer.graph.states { isNext[state.next] = true }
    for (number, node) in nodes.enumerated() {
      switch node.operation {
      case .state, .childState: (previous[number], derived[number]) = (true, true)
      default:
        derived[number] = node.operands.contains { derived[$0] }
        previous[number] = node.operation != .product && !isNext[number] && node.operands.contains { previous[$0] }
      }
    }
    return (previous, derived)
  }

  /// Of each node, how many rows it has, or fewer: those of the smallest part that it, or what is made of it number by
  /// number, is cut into.
  private var heights: [Int] {
    var heights = layer.extents.rows
    func lower(_ operand: Int, to height: Int) {
      if nodes[operand].kind != .number { heights[operand] = min(heights[operand], height) }
    }
    for (number, node) in nodes.enumerated().reversed() where node.kind != .number {
      switch node.operation {
      case .blocks:
        let block = layer.extents.rows[number] / max(layer.extents.blocks[number], 1)
        lower(node.operands[0], to: min(heights[number], block))
      case .product: lower(node.operands[0], to: heights[number])
      default: for operand in node.operands { lower(operand, to: heights[number]) }
      }
    }
    return heights
  }

  /// Of each node, whether something else is done with it than to add it.
  private var multiplied: [Bool] {
    var multiplied = Array(repeating: false, count: nodes.count)
    for (number, node) in nodes.enumerated().reversed() {
      switch node.operation {
      case .sum: break
      case .cut: if multiplied[number] { multiplied[node.operands[0]] = true }
      default: for operand in node.operands { multiplied[operand] = true }
      }
    }
    return multiplied
  }

  // MARK: Gates

  /// Of each state whose next value is a sum that has `sigmoid(…) * its value before` among its terms.
  var gates: [GateBiases] {
    var gates: [GateBiases] = []
    for (number, state) in layer.graph.states.enumerated() {
      let sum = nodes[withoutMasks(state.next)]
      guard case .sum(let negative) = sum.operation else { continue }
      var biases = GateBiases()
      var keeps = false
      for (term, isNegative) in zip(sum.operands, negative) where !isNegative {
        let product = nodes[ofChildren(term)]
        guard product.operation == .multiply else { continue }
        let (a, b) = (product.operands[0], product.operands[1])
        if let kept = isPrevious(a, number) ? b : isPrevious(b, number) ? a : nil {
          guard let gate = sumOfGate(kept) else { continue }
          keeps = true
          biases.forget.append(self.biases(gate))
        } else if let gate = sumOfGate(a) ?? sumOfGate(b), sumOfGate(a) == nil || sumOfGate(b) == nil {
          biases.input.append(self.biases(gate))
        }
      }
      if keeps { gates.append(biases) }
    }
    return gates
  }

  /// The value under zoneout, dropout and clipping.
  private func withoutMasks(_ node: Int) -> Int {
    var node = node
    while true {
      switch nodes[node].operation {
      case .zoneout, .dropout, .unary(.clip, constants: _): node = nodes[node].operands[0]
      default: return node
      }
    }
  }

  private func ofChildren(_ node: Int) -> Int {
    nodes[node].operation == .sumChildren ? nodes[node].operands[0] : node
  }

  private func isPrevious(_ node: Int, _ state: Int) -> Bool {
    switch nodes[node].operation {
    case .state(let number), .childState(let number, _): number == state
    default: false
    }
  }

  /// What a gate is a sigmoid of.
  private func sumOfGate(_ node: Int) -> Int? {
    switch nodes[node].operation {
    case .unary(.sigmoid, constants: _), .unary(.hardSigmoid, constants: _): withoutMasks(nodes[node].operands[0])
    default: nil
    }
  }

  private func biases(_ gate: Int) -> [ParameterPart] {
    guard case .sum(let negative) = nodes[gate].operation else { return [] }
    var parts: [ParameterPart] = []
    for (term, isNegative) in zip(nodes[gate].operands, negative) where !isNegative && nodes[term].kind == .vector {
      if let part = part(term) { parts.append(part) }
    }
    return parts
  }
}
