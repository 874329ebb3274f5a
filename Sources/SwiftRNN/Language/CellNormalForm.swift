// Equal cells written in different ways become one graph: cuts go to the leaves, and sums of sums are one sum.
//
//     ai, af = W @ x + b;  i = sigmoid(ai)        i = sigmoid(rows 1 of 2 of W @ x + part 1 of 2 of b)
//
// So the LSTM with stacked matrices and the one with a matrix for each gate have the same operations, and a product is
// never made of rows that nothing reads.

struct CellNormalForm {
  private let graph: CellGraph
  private var values = CellValues()
  /// What has become of each node; nil: nothing has needed it yet.
  private var images: [Int?]

  static func of(_ graph: CellGraph) throws(CellError) -> CellGraph {
    var pushed = CellNormalForm(graph)
    let cut = try pushed.rebuilt { form, node throws(CellError) in try form.withCutsAtLeaves(node) }
    var flattened = CellNormalForm(cut)
    let uses = Self.uses(cut)
    return try flattened.rebuilt { form, node throws(CellError) in try form.flat(node, uses) }
  }

  private init(_ graph: CellGraph) {
    self.graph = graph
    images = Array(repeating: nil, count: graph.nodes.count)
  }

  // MARK: Walking the graph

  /// Nodes that the output, the states or the lists of the graph need.
  private static func roots(_ graph: CellGraph) -> [Int] {
    [graph.output] + graph.states.flatMap { [$0.previous, $0.next] } + graph.inputs.map(\.node)
      + graph.parameters.map(\.node) + graph.initials.map(\.node) + graph.givenSizes.map(\.node)
  }

  /// How many operands, and how many of the graph's lists, each node is.
  private static func uses(_ graph: CellGraph) -> [Int] {
    var uses = Array(repeating: 0, count: graph.nodes.count)
    for node in graph.nodes {
      for operand in node.operands { uses[operand] += 1 }
    }
    for root in roots(graph) { uses[root] += 1 }
    return uses
  }

  private mutating func rebuilt(
    _ make: (inout CellNormalForm, Int) throws(CellError) -> Int
  ) throws(CellError) -> CellGraph {
    var isNeeded = Array(repeating: false, count: graph.nodes.count)
    for root in Self.roots(graph) { isNeeded[root] = true }
    for number in graph.nodes.indices.reversed() where isNeeded[number] {
      for operand in graph.nodes[number].operands { isNeeded[operand] = true }
    }
    for number in graph.nodes.indices where isNeeded[number] { images[number] = try make(&self, number) }
    func image(_ node: Int) -> Int { images[node] ?? 0 }
    return CellGraph(
      nodes: values.nodes, inputs: graph.inputs.map { ($0.name, image($0.node)) },
      states: graph.states.map {
        CellState(name: $0.name, previous: image($0.previous), next: image($0.next), initial: $0.initial)
      },
      parameters: graph.parameters.map {
        CellParameter(name: $0.name, kind: $0.kind, node: image($0.node), place: $0.place)
      },
      output: image(graph.output), initials: graph.initials.map { (image($0.node), $0.value) },
      givenSizes: graph.givenSizes.map { (image($0.node), $0.size, $0.place) })
  }

  // MARK: Cuts

  private mutating func withCutsAtLeaves(_ number: Int) throws(CellError) -> Int {
    let node = graph.nodes[number]
    let operands = node.operands.map { images[$0] ?? 0 }
    if case .cut(let part, let parts) = node.operation { return try cut(operands[0], part, parts, node.place) }
    return try values.make(node.operation, operands, node.kind, node.place)
  }

  /// Part `part` of a value. As deep as the value: a long chain of sums would be deep, so what is to be cut is listed
  /// first, and cut from its operands on.
  private mutating func cut(_ whole: Int, _ part: Int, _ parts: Int, _ place: CellPlace) throws(CellError) -> Int {
    var pieces: [Int: Int] = [:]
    var waiting = [whole]
    while let value = waiting.last {
      let node = values.nodes[value]
      guard pieces[value] == nil, passesCuts(node) else {
        if pieces[value] == nil { pieces[value] = try leafCut(value, part, parts, place) }
        waiting.removeLast()
        continue
      }
      // Left of a product stand rows to cut, right of it nothing.
      let cutOperands = node.operation == .product ? [node.operands[0]] : node.operands
      let missing = cutOperands.filter { values.kind($0) != .number && pieces[$0] == nil }
      if missing.isEmpty {
        let operands = node.operands.map { pieces[$0] ?? $0 }
        let made = node.operation == .product ? [operands[0], node.operands[1]] : operands
        pieces[value] = try values.make(node.operation, made, node.kind, node.place)
        waiting.removeLast()
      } else {
        waiting += missing
      }
    }
    return pieces[whole] ?? whole
  }

  /// Whether a part of the value is the same operation on parts of its operands. Not of masks, whose bits belong to a
  /// unit's place in the whole.
  private func passesCuts(_ node: CellNode) -> Bool {
    switch node.operation {
    case .sum, .multiply, .divide, .minimum, .maximum, .negate, .unary, .select, .sumChildren: true
    // Rows of diagonal blocks are no diagonal blocks.
    case .product: !hasBlocks(node.operands[0])
    default: false
    }
  }

  private func hasBlocks(_ matrix: Int) -> Bool {
    var number = matrix
    while true {
      let node = values.nodes[number]
      if case .blocks = node.operation { return true }
      guard let operand = node.operands.first else { return false }
      number = operand
    }
  }

  private mutating func leafCut(
    _ whole: Int, _ part: Int, _ parts: Int, _ place: CellPlace
  ) throws(CellError) -> Int {
    if case .cut(let outer, let of) = values.nodes[whole].operation {
      // Sizes have been found: so many parts can be counted.
      return try values.make(
        .cut(part: outer * parts + part, parts: of * parts), values.nodes[whole].operands, values.kind(whole), place)
    }
    return try values.make(.cut(part: part, parts: parts), [whole], values.kind(whole), place)
  }

  // MARK: Sums

  /// A sum takes in those of its operands that are sums nothing else reads.
  private mutating func flat(_ number: Int, _ uses: [Int]) throws(CellError) -> Int {
    let node = graph.nodes[number]
    guard case .sum(let negative) = node.operation else {
      return try values.make(node.operation, node.operands.map { images[$0] ?? 0 }, node.kind, node.place)
    }
    var (operands, signs): ([Int], [Bool]) = ([], [])
    for (operand, isNegative) in zip(node.operands, negative) {
      let inner = values.nodes[images[operand] ?? 0]
      guard uses[operand] == 1, inner.kind == node.kind, case .sum(let innerSigns) = inner.operation else {
        operands.append(images[operand] ?? 0)
        signs.append(isNegative)
        continue
      }
      operands += inner.operands
      signs += innerSigns.map { $0 != isNegative }
    }
    return try values.make(.sum(negative: signs), operands, node.kind, node.place)
  }
}
