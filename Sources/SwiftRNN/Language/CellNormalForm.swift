// Equal cells written in different ways become one graph: cuts go to the leaves, and sums of sums are one sum.
//
//     ai, af = W @ x + b;  i = sigmoid(ai)        i = sigmoid(rows 1 of 2 of W @ x + part 1 of 2 of b)
//
// So the LSTM with stacked matrices and the one with a matrix for each gate have the same operations, and a product is
// never made of rows that nothing reads.

struct CellNormalForm {
  private let graph: CellGraph
  private var values: CellValues
  /// What has become of each node; nil: nothing has needed it yet.
  private var images: [Int?]
  /// Parts of values that have been made.
  private var pieces: [Piece: Int] = [:]

  private struct Piece: Hashable {
    let whole: Int
    let part: Int
    let parts: Int
  }

  static func of(_ graph: CellGraph) throws(CellError) -> CellGraph {
    var pushed = CellNormalForm(graph)
    let cut = try pushed.rebuilt { form, node throws(CellError) in try form.withCutsAtLeaves(node) }
    var flattened = CellNormalForm(cut)
    let absorbed = Self.absorbed(cut)
    return try flattened.rebuilt { form, node throws(CellError) in
      absorbed[node] ? nil : try form.flat(node, absorbed)
    }
  }

  private init(_ graph: CellGraph) {
    self.graph = graph
    values = CellValues(written: graph.nodes.reduce(0) { $0 + $1.operands.count })
    images = Array(repeating: nil, count: graph.nodes.count)
  }

  // MARK: Walking the graph

  /// Nodes that the output, the states or the lists of the graph need.
  private static func roots(_ graph: CellGraph) -> [Int] {
    [graph.output] + graph.states.flatMap { [$0.previous, $0.next] } + graph.inputs.map(\.node)
      + graph.parameters.map(\.node) + graph.initials.map(\.node) + graph.givenSizes.map(\.node)
  }

  /// Of each node: whether it is a sum that only another sum reads, once, which takes in its terms.
  private static func absorbed(_ graph: CellGraph) -> [Bool] {
    // How many operands, and how many of the graph's lists, each node is.
    var uses = Array(repeating: 0, count: graph.nodes.count)
    var isTerm = Array(repeating: false, count: graph.nodes.count)
    func isSum(_ node: Int) -> Bool { if case .sum = graph.nodes[node].operation { true } else { false } }
    for (number, node) in graph.nodes.enumerated() {
      let sums = isSum(number)
      for operand in node.operands {
        uses[operand] += 1
        if sums && isSum(operand) && graph.nodes[operand].kind == node.kind { isTerm[operand] = true }
      }
    }
    for root in roots(graph) { uses[root] += 1 }
    return graph.nodes.indices.map { isTerm[$0] && uses[$0] == 1 }
  }

  private mutating func rebuilt(
    _ make: (inout CellNormalForm, Int) throws(CellError) -> Int?
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
  /// first, and cut from its operands on; and each part once, because thousands of cuts may be of one long sum.
  private mutating func cut(_ whole: Int, _ part: Int, _ parts: Int, _ place: CellPlace) throws(CellError) -> Int {
    func piece(_ value: Int) -> Int? { pieces[Piece(whole: value, part: part, parts: parts)] }
    var waiting = [whole]
    while let value = waiting.last {
      if piece(value) != nil {
        waiting.removeLast()
        continue
      }
      let node = values.nodes[value]
      guard passesCuts(node) else {
        pieces[Piece(whole: value, part: part, parts: parts)] = try leafCut(value, part, parts, place)
        waiting.removeLast()
        continue
      }
      // Left of a product stand rows to cut, right of it nothing.
      let cutOperands = node.operation == .product ? [node.operands[0]] : node.operands
      let missing = cutOperands.filter { values.kind($0) != .number && piece($0) == nil }
      if missing.isEmpty {
        let made =
          node.operation == .product
          ? [piece(node.operands[0]) ?? node.operands[0], node.operands[1]]
          : node.operands.map { values.kind($0) == .number ? $0 : piece($0) ?? $0 }
        pieces[Piece(whole: value, part: part, parts: parts)] = try values.make(
          node.operation, made, node.kind, node.place)
        waiting.removeLast()
      } else {
        waiting += missing
      }
    }
    return piece(whole) ?? whole
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

  /// A sum takes in those of its operands that are sums nothing else reads, and theirs.
  private mutating func flat(_ number: Int, _ absorbed: [Bool]) throws(CellError) -> Int {
    let node = graph.nodes[number]
    guard case .sum = node.operation else {
      return try values.make(node.operation, node.operands.map { images[$0] ?? 0 }, node.kind, node.place)
    }
    var (operands, signs): ([Int], [Bool]) = ([], [])
    var waiting = [(node: number, isNegative: false)]
    while let (term, isNegative) = waiting.popLast() {
      guard term == number || absorbed[term], case .sum(let negative) = graph.nodes[term].operation else {
        operands.append(images[term] ?? 0)
        signs.append(isNegative)
        continue
      }
      for (operand, sign) in zip(graph.nodes[term].operands, negative).reversed() {
        waiting.append((operand, sign != isNegative))
      }
    }
    return try values.make(.sum(negative: signs), operands, node.kind, node.place)
  }
}
