// The backward pass of a cell: reverse-mode differentiation of its graph (Linnainmaa 1970; Griewank, Walther 2008), once,
// when the cell is made. The gradients are values of the same kind as those of the cell, and stand behind them in one
// graph.

/// A graph of a cell's values and of their gradients.
struct CellBackward: Sendable {
  /// A parameter, or a part of one, and what adds to its gradient.
  struct ParameterGradient: Sendable {
    let parameter: Int
    let gradient: Int
    /// Each row of the batch adds its own; else it is of all rows already.
    let isOfRows: Bool
  }

  /// A matrix, or rows of one, whose gradient is the sum of `left` times `right` transposed over all rows of the batch.
  struct MatrixGradient: Sendable {
    let matrix: Int
    let left: Int
    let right: Int
  }

  /// The cell's own first.
  let nodes: [CellNode]
  /// Of each node: it is another in each row of the batch.
  let isOfRows: [Bool]
  /// Of each node: in a tree it is another for each child.
  let isOfChild: [Bool]
  /// What reaches the state of one child, by its number; on a chain child 1 is the step before.
  struct ChildGradient: Sendable {
    let state: Int
    let child: Int
    let gradient: Int
  }

  /// Of each state, what reaches its value before the step; nil: nothing does.
  let previous: [Int?]
  let children: [ChildGradient]
  /// Of each input.
  let inputs: [Int?]
  let parameters: [ParameterGradient]
  let matrices: [MatrixGradient]

  init(_ graph: CellGraph, _ phases: CellPhases) throws(CellError) {
    var derivation = CellDerivation(graph, phases)
    try derivation.run()
    nodes = derivation.values.nodes
    isOfRows = derivation.isOfRows
    isOfChild = derivation.isOfChild
    previous = graph.states.map { derivation.gradients[$0.previous] }
    children = graph.nodes.enumerated().compactMap { number, node in
      guard case .childState(let state, let child) = node.operation else { return nil }
      return derivation.gradients[number].map { ChildGradient(state: state, child: child, gradient: $0) }
    }
    inputs = graph.inputs.map { derivation.gradients[$0.node] }
    parameters = derivation.parameters
    matrices = derivation.matrices
  }
}

private struct CellDerivation {
  let graph: CellGraph
  let phases: CellPhases
  var values: CellValues
  /// Of the cell's nodes, once all that reads them has been passed.
  var gradients: [Int?]
  /// What has been added to each gradient so far.
  private var terms: [[(isNegative: Bool, Int)]]
  /// The same, from values of rows to a value of parameters, before the sum over all rows.
  private var rowTerms: [[(isNegative: Bool, Int)]]
  private(set) var parameters: [CellBackward.ParameterGradient] = []
  private(set) var matrices: [CellBackward.MatrixGradient] = []
  /// Of each value.
  private(set) var isOfRows: [Bool]
  private(set) var isOfChild: [Bool]
  /// The value whose gradient is being handed to its operands is one for each child.
  private var isFromChild = false

  init(_ graph: CellGraph, _ phases: CellPhases) {
    self.graph = graph
    self.phases = phases
    values = CellValues(graph.nodes, most: CellGraph.mostDerived)
    isOfRows = phases.phases.map { $0 != .parameters }
    isOfChild = phases.isOfChild
    gradients = Array(repeating: nil, count: graph.nodes.count)
    terms = Array(repeating: [], count: graph.nodes.count)
    rowTerms = terms
  }

  private mutating func make(
    _ operation: Operation, _ operands: [Int] = [], _ kind: ValueKind, _ place: CellPlace
  ) throws(CellError) -> Int {
    let value = try values.make(operation, operands, kind, place)
    if value == isOfRows.count {
      switch operation {
      case .outputGradient, .nextGradient: isOfRows.append(true)
      case .overRows: isOfRows.append(false)
      default: isOfRows.append(operands.contains { isOfRows[$0] })
      }
      // The masks of a child's value are the child's, also where what reaches it is the same for all children.
      let isMasked: Bool =
        switch operation {
        case .dropout, .zoneoutGradient: isFromChild
        default: false
        }
      isOfChild.append(operation != .sumChildren && (isMasked || operands.contains { isOfChild[$0] }))
    }
    return value
  }

  mutating func run() throws(CellError) {
    let output = graph.nodes[graph.output]
    try add(try make(.outputGradient, [], output.kind, output.place), to: graph.output, of: output)
    for (number, state) in graph.states.enumerated() {
      let next = graph.nodes[state.next]
      // A state is a vector, also where its next value is a number, the same for all units.
      try add(try make(.nextGradient(number), [], .vector, next.place), to: state.next, of: next)
    }
    for number in graph.nodes.indices.reversed() {
      guard let gradient = try gradient(of: number) else { continue }
      gradients[number] = gradient
      isFromChild = isOfChild[number]
      try pass(gradient, from: number)
    }
  }

  /// All that was added to the gradient of a value. Of a value of parameters: what each row adds, summed over the rows.
  private mutating func gradient(of number: Int) throws(CellError) -> Int? {
    let node = graph.nodes[number]
    if let row = try sum(rowTerms[number], node) {
      terms[number].append((false, try make(.overRows, [row], node.kind, node.place)))
    }
    return try sum(terms[number], node)
  }

  private mutating func sum(_ terms: [(isNegative: Bool, Int)], _ node: CellNode) throws(CellError) -> Int? {
    if terms.isEmpty { return nil }
    if terms.count == 1 { return terms[0].isNegative ? try negated(terms[0].1, node.place) : terms[0].1 }
    return try make(.sum(negative: terms.map(\.isNegative)), terms.map { $0.1 }, node.kind, node.place)
  }

  private mutating func negated(_ value: Int, _ place: CellPlace) throws(CellError) -> Int {
    try make(.negate, [value], values.kind(value), place)
  }

  /// Adds to the gradient of an operand: of a number that has joined a vector, the sum over the vector.
  private mutating func add(
    _ gradient: Int, to operand: Int, isNegative: Bool = false, of node: CellNode
  ) throws(CellError) {
    if values.constant(operand) != nil { return }
    var gradient = gradient
    if graph.nodes[operand].kind == .number && values.kind(gradient) == .vector {
      gradient = try make(.vector(.sum), [gradient], .number, node.place)
    }
    // What reaches a value of the node from values of its children, it reaches from each. On a chain there is one.
    let isParameter = if case .parameter = graph.nodes[operand].operation { true } else { false }
    if isFromChild && !isOfChild[operand] && !(isParameter && isOfChild[gradient]) {
      gradient = try make(.sumChildren, [gradient], values.kind(gradient), node.place)
    }
    if isParameter {
      record(isNegative ? try negated(gradient, node.place) : gradient, of: operand)
    } else if !isOfRows[operand], isOfRows[gradient] {
      rowTerms[operand].append((isNegative, gradient))
    } else {
      terms[operand].append((isNegative, gradient))
    }
  }

  private mutating func record(_ gradient: Int, of parameter: Int) {
    parameters.append(.init(parameter: parameter, gradient: gradient, isOfRows: isOfRows[gradient]))
  }

  private mutating func product(_ a: Int, _ b: Int, _ place: CellPlace) throws(CellError) -> Int {
    if values.constant(a) == 1 { return b }
    if values.constant(b) == 1 { return a }
    let kind: ValueKind = values.kind(a) == .vector || values.kind(b) == .vector ? .vector : .number
    return try make(.multiply, [a, b], kind, place)
  }

  /// What a value's gradient gives to those of its operands.
  private mutating func pass(_ dy: Int, from number: Int) throws(CellError) {
    let node = graph.nodes[number]
    let (operands, place) = (node.operands, node.place)
    switch node.operation {
    case .constant, .input, .state, .childState, .parameter: break
    case .sum(let negative):
      for (operand, isNegative) in zip(operands, negative) {
        try add(dy, to: operand, isNegative: isNegative, of: node)
      }
    case .multiply:
      try add(try product(dy, operands[1], place), to: operands[0], of: node)
      try add(try product(dy, operands[0], place), to: operands[1], of: node)
    case .divide:
      // y = a / b: dy / b, and - dy y / b
      let da = try make(.divide, [dy, operands[1]], node.kind, place)
      try add(da, to: operands[0], of: node)
      try add(try product(da, number, place), to: operands[1], isNegative: true, of: node)
    case .negate: try add(dy, to: operands[0], isNegative: true, of: node)
    case .minimum, .maximum:
      let operation: Operation = node.operation == .minimum ? .minimumGradient : .maximumGradient
      for (own, other) in [(0, 1), (1, 0)] where values.constant(operands[own]) == nil {
        try add(
          try make(operation, [operands[own], operands[other], dy], node.kind, place), to: operands[own],
          of: node)
      }
    case .unary(let function, let constants):
      let from = function.isDerivedFromResult ? number : operands[0]
      try add(
        try make(.unaryGradient(function, constants: constants), [from, dy], node.kind, place), to: operands[0],
        of: node)
    case .select(let comparison):
      let zero = try make(.constant(0), [], .number, place)
      let (a, b) = (operands[0], operands[1])
      try add(try make(.select(comparison), [a, b, dy, zero], node.kind, place), to: operands[2], of: node)
      try add(try make(.select(comparison), [a, b, zero, dy], node.kind, place), to: operands[3], of: node)
    case .vector(let function):
      let from = function == .softmax ? number : operands[0]
      try add(
        try make(.vectorGradient(function), [from, dy], .vector, place), to: operands[0], of: node)
    case .dropout(let draw):
      try add(try make(.dropout(draw), [dy], node.kind, place), to: operands[0], of: node)
    case .zoneout(let draw):
      for (operand, toPrevious) in [(0, false), (1, true)] {
        try add(
          try make(.zoneoutGradient(draw, toPrevious: toPrevious), [dy], node.kind, place),
          to: operands[operand], of: node)
      }
    case .batchNorm:
      // With r = 1 / sqrt(variance + eps) and n the result: dv = r dy, dmean = -r dy, dvariance = -r^2 n dy / 2.
      let dv = try make(.batchNormGradient, operands + [dy], .vector, place)
      try add(dv, to: operands[0], of: node)
      try add(dv, to: operands[1], isNegative: true, of: node)
      let scaled = try make(.batchNormGradient, operands + [try product(dv, number, place)], .vector, place)
      let half = try make(.constant(-0.5), [], .number, place)
      try add(try product(scaled, half, place), to: operands[2], of: node)
    case .sumChildren:
      // A child's value gets dy; a value of the node has been added up once for each child.
      let isOfNode = !isOfChild[operands[0]]
      try add(isOfNode ? try make(.sumChildren, [dy], node.kind, place) : dy, to: operands[0], of: node)
    case .cut(let part, let parts):
      if node.kind == .matrix { break }
      let whole = operands[0]
      if case .parameter = graph.nodes[whole].operation {
        record(isFromChild && !isOfChild[dy] ? try make(.sumChildren, [dy], node.kind, place) : dy, of: number)
      } else {
        try add(try make(.placed(part: part, parts: parts), [dy], .vector, place), to: whole, of: node)
      }
    case .product:
      matrices.append(.init(matrix: operands[0], left: dy, right: operands[1]))
      try add(try make(.transposedProduct, [operands[0], dy], .vector, place), to: operands[1], of: node)
    case .dropConnect, .blocks: break
    case .outputGradient, .nextGradient, .overRows, .transposedProduct, .placed, .unaryGradient, .minimumGradient,
      .maximumGradient, .vectorGradient, .zoneoutGradient, .batchNormGradient:
      break  // none of a cell
    }
  }
}

extension UnaryFunction {
  /// Whether the derivative is computed from f(x), which is at hand, and not from x.
  var isDerivedFromResult: Bool {
    switch self {
    case .sigmoid, .tanh, .relu, .exp, .sqrt: true
    default: false
    }
  }
}
