// A cell's values in a layer, ready to be scheduled: numbers for all sizes, and what is only another name for a value.

/// The values of a graph, with numbers for their sizes.
struct SizedGraph {
  private(set) var nodes: [CellNode]
  /// Numbers of a vector, 1 of a number; rows of a matrix.
  private(set) var rows: [Int]
  /// Of a matrix.
  private(set) var columns: [Int]
  private(set) var blocks: [Int]
  /// By node: which parameter it is.
  let parameters: [Int: Int]
  /// The node of each state's value before the step.
  let states: [Int]
  let output: Int
  /// Masks are drawn.
  let isTraining: Bool
  /// Nodes of trees: else a chain, where the only child is the step before.
  let isTree: Bool
  /// In a tree: of each value, it is another for each child.
  private(set) var isOfChild: [Bool]
  // Of each node, once: what is a name for a name, or a product of a product, would be looked through from each of them.
  private var constants: [Double?] = []
  private var names: [(node: Int, column: Int)] = []
  private var matrices: [Int: MatrixRows] = [:]

  /// What a matrix is: rows of a parameter from one on, in blocks, behind a mask.
  private struct MatrixRows {
    var parameter: Int
    var first = 0
    var blocks = 1
    var mask: MaskDraw?
  }

  /// - Parameters:
  ///   - nodes: the cell's own, and those of gradients behind them.
  ///   - isOfChild: of all of them; nil: a chain.
  init(_ cell: Cell, _ extents: CellExtents, nodes: [CellNode], isTraining: Bool, isOfChild: [Bool]? = nil) {
    self.nodes = nodes
    self.isTraining = isTraining
    isTree = isOfChild != nil
    self.isOfChild = isOfChild ?? []
    let graph = cell.graph
    (rows, columns, blocks) = (extents.rows, extents.columns, extents.blocks)
    output = graph.output
    var parameters: [Int: Int] = [:]
    for (number, parameter) in graph.parameters.enumerated() { parameters[parameter.node] = number }
    self.parameters = parameters
    states = graph.states.map(\.previous)
    for node in nodes.dropFirst(rows.count) { appendSize(of: node) }
    for number in nodes.indices { describe(number) }
  }

  /// A value behind all others.
  ///
  /// - Parameter isOfChild: of a tree.
  mutating func append(_ node: CellNode, isOfChild: Bool) {
    nodes.append(node)
    if isTree { self.isOfChild.append(isOfChild) }
    appendSize(of: node)
    describe(nodes.count - 1)
  }

  private mutating func appendSize(of node: CellNode) {
    rows.append(size(of: node))
    columns.append(1)
    blocks.append(1)
  }

  private func size(of node: CellNode) -> Int {
    func size(_ operand: Int) -> Int { rows[node.operands[operand]] }
    switch node.operation {
    case .outputGradient: return nodes[output].kind == .number ? 1 : rows[output]
    case .nextGradient(let state): return rows[states[state]]
    case .transposedProduct: return columns[node.operands[0]]
    case .placed(_, let parts): return parts * size(0)
    case .vectorGradient: return size(0)
    default:
      if node.kind == .number { return 1 }
      return node.operands.lazy.filter { nodes[$0].kind == .vector }.map { rows[$0] }.max() ?? 1
    }
  }

  /// What is known of a node whose operands have been described.
  private mutating func describe(_ number: Int) {
    let node = nodes[number]
    names.append(name(of: node, number))
    constants.append(constant(of: node))
    if node.kind == .matrix { matrices[number] = matrixRows(of: node, number) }
  }

  private func name(of node: CellNode, _ number: Int) -> (node: Int, column: Int) {
    switch node.operation {
    case .sumChildren where !isTree: return names[node.operands[0]]
    case .childState(let state, child: 1) where !isTree: return (states[state], 0)
    case .dropout where !isTraining: return names[node.operands[0]]
    case .cut(let part, _) where node.kind == .vector:
      let whole = names[node.operands[0]]
      return (whole.node, whole.column + part * rows[number])
    default: return (number, 0)
    }
  }

  private func matrixRows(of node: CellNode, _ number: Int) -> MatrixRows {
    guard let operand = node.operands.first, var found = matrices[operand] else {
      return MatrixRows(parameter: parameters[number] ?? 0)
    }
    switch node.operation {
    case .cut(let part, _): found.first += part * rows[number]
    case .dropConnect(let draw): if isTraining && found.mask == nil { found.mask = draw }
    case .blocks: found.blocks = blocks[number]
    default: break
    }
    return found
  }

  /// The value that a node is, or is a part of, and where in it: on a chain the sum over children is the one child, and
  /// nothing is dropped at inference.
  func resolved(_ node: Int) -> (node: Int, column: Int) { names[node] }

  /// What a number is, if it is known when the cell is made. There is no second child on a chain.
  func constant(_ node: Int) -> Double? { constants[node] }

  private func constant(of node: CellNode) -> Double? {
    switch node.operation {
    case .constant(let value): value
    case .childState(_, let child): child == 1 || isTree ? nil : 0
    case .product: isZero(resolved(node.operands[1]).node) ? 0 : nil
    default: nil
    }
  }

  /// A state's own value may stand behind what is named by it, and is no constant.
  private func isZero(_ node: Int) -> Bool { node < constants.count && constants[node] == 0 }

  /// Whether a value is one for each child.
  func isChilds(_ node: Int) -> Bool { isTree && isOfChild[node] }

  /// Whether rows of children are added up.
  func isReduction(_ node: Int) -> Bool {
    guard isTree, case .sumChildren = nodes[node].operation else { return false }
    return isOfChild[resolved(nodes[node].operands[0]).node]
  }

  func isProduct(_ node: Int) -> Bool {
    switch nodes[node].operation {
    case .product, .transposedProduct: true
    default: false
    }
  }

  /// What reads a matrix: the parameter and its rows, and how many blocks of a diagonal they are.
  func matrix(_ node: Int, transposed: Bool) -> (source: MatrixSource, blocks: Int, rows: Int, columns: Int) {
    let found = matrices[node] ?? MatrixRows(parameter: 0)
    let (rows, columns) = (self.rows[node], self.columns[node])
    let width = columns / found.blocks
    return (
      MatrixSource(
        parameter: found.parameter, offset: found.first * columns, kStride: transposed ? width : 1,
        unitStride: transposed ? 1 : width, mask: found.mask), found.blocks, rows, columns
    )
  }
}
