// A cell's values in a layer, ready to be scheduled: numbers for all sizes, and what is only another name for a value.

/// The values of a graph, with numbers for their sizes.
struct SizedGraph {
  let nodes: [CellNode]
  /// Numbers of a vector, 1 of a number; rows of a matrix.
  let rows: [Int]
  /// Of a matrix.
  let columns: [Int]
  let blocks: [Int]
  /// By node: which parameter it is.
  let parameters: [Int: Int]
  /// The node of each state's value before the step.
  let states: [Int]
  /// Masks are drawn.
  let isTraining: Bool
  /// Nodes of trees: else a chain, where the only child is the step before.
  let isTree: Bool
  /// In a tree: of each value, it is another for each child.
  let isOfChild: [Bool]
  /// Of each node, once: a chain of products would be looked through from each of them, and by recursion.
  private var constants: [Double?] = []

  /// - Parameters:
  ///   - nodes: the cell's own, and those of gradients behind them.
  ///   - isOfChild: of all of them; nil: a chain.
  init(_ cell: Cell, _ extents: CellExtents, nodes: [CellNode], isTraining: Bool, isOfChild: [Bool]? = nil) {
    self.nodes = nodes
    self.isTraining = isTraining
    isTree = isOfChild != nil
    self.isOfChild = isOfChild ?? []
    let graph = cell.graph
    var (rows, columns, blocks) = (extents.rows, extents.columns, extents.blocks)
    for node in nodes.dropFirst(rows.count) {
      func size(_ operand: Int) -> Int { rows[node.operands[operand]] }
      let size: Int =
        switch node.operation {
        case .outputGradient: nodes[graph.output].kind == .number ? 1 : rows[graph.output]
        case .nextGradient(let state): rows[graph.states[state].previous]
        case .transposedProduct: columns[node.operands[0]]
        case .placed(_, let parts): parts * size(0)
        case .vectorGradient: size(0)
        default:
          node.kind == .number
            ? 1 : node.operands.lazy.filter { nodes[$0].kind == .vector }.map { rows[$0] }.max() ?? 1
        }
      rows.append(size)
      columns.append(1)
      blocks.append(1)
    }
    (self.rows, self.columns, self.blocks) = (rows, columns, blocks)
    var parameters: [Int: Int] = [:]
    for (number, parameter) in graph.parameters.enumerated() { parameters[parameter.node] = number }
    self.parameters = parameters
    states = graph.states.map(\.previous)
    constants = Array(repeating: nil, count: nodes.count)
    for number in nodes.indices { constants[number] = constant(of: nodes[number]) }
  }

  /// The value that a node is, or is a part of, and where in it: on a chain the sum over children is the one child, and
  /// nothing is dropped at inference.
  func resolved(_ node: Int) -> (node: Int, column: Int) {
    var (node, column) = (node, 0)
    while true {
      switch nodes[node].operation {
      case .sumChildren where !isTree: node = nodes[node].operands[0]
      case .childState(let state, child: 1) where !isTree: node = states[state]
      case .dropout where !isTraining: node = nodes[node].operands[0]
      case .cut(let part, _) where nodes[node].kind == .vector:
        column += part * rows[node]
        node = nodes[node].operands[0]
      default: return (node, column)
      }
    }
  }

  /// What a number is, if it is known when the cell is made. There is no second child on a chain.
  func constant(_ node: Int) -> Double? { constants[node] }

  private func constant(of node: CellNode) -> Double? {
    switch node.operation {
    case .constant(let value): value
    case .childState(_, let child): child == 1 || isTree ? nil : 0
    case .product: constants[resolved(node.operands[1]).node] == 0 ? 0 : nil
    default: nil
    }
  }

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
    var (number, first, blocks) = (node, 0, 1)
    var mask: MaskDraw?
    while true {
      let value = nodes[number]
      switch value.operation {
      case .cut(let part, _): first += part * rows[number]
      case .dropConnect(let draw): if isTraining { mask = draw }
      case .blocks: blocks = self.blocks[number]
      default:
        let (rows, columns) = (self.rows[node], self.columns[node])
        let width = columns / blocks
        return (
          MatrixSource(
            parameter: parameters[number] ?? 0, offset: first * columns, kStride: transposed ? width : 1,
            unitStride: transposed ? 1 : width, mask: mask), blocks, rows, columns
        )
      }
      number = value.operands[0]
    }
  }
}
