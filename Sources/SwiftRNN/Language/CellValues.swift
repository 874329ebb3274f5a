// The values of a graph while it is made.

/// Values by what makes them: the same operation on the same values is made once.
struct CellValues {
  private struct Key: Hashable {
    let operation: Operation
    let operands: [Int]
  }

  private(set) var nodes: [CellNode] = []
  private var numbers: [Key: Int] = [:]

  private let most: Int
  /// Operands of all nodes together: a sum may have as many as the text has terms, and each part of it as many again.
  private let mostOperands: Int
  private var operandCount = 0

  /// - Parameter written: operands that the text has; nil: they are being counted.
  init(written: Int? = nil) {
    most = CellGraph.mostNodes
    let largest = most * CellGraph.operandsOfNode
    mostOperands = written.map { min(largest, 1024 + CellGraph.operandsOfNode * $0) } ?? largest
  }

  /// Goes on with the values of a graph, to `most` of them.
  init(_ nodes: [CellNode], most: Int) {
    self.nodes = nodes
    self.most = most
    mostOperands = most * CellGraph.operandsOfNode
    for (number, node) in nodes.enumerated() {
      numbers[Key(operation: node.operation, operands: node.operands)] = number
      operandCount += node.operands.count
    }
  }

  func kind(_ node: Int) -> ValueKind { nodes[node].kind }

  func constant(_ node: Int) -> Double? {
    if case .constant(let value) = nodes[node].operation { value } else { nil }
  }

  mutating func make(
    _ operation: Operation, _ operands: [Int] = [], _ kind: ValueKind, _ place: CellPlace
  ) throws(CellError) -> Int {
    let key = Key(operation: operation, operands: operands)
    if let number = numbers[key] { return number }
    guard nodes.count < most else {
      throw place.error("the cell has more than \(most) operations")
    }
    operandCount += operands.count
    guard operandCount <= mostOperands else {
      throw place.error("the operations of the cell have more than \(mostOperands) operands together")
    }
    nodes.append(CellNode(operation: operation, operands: operands, kind: kind, place: place))
    numbers[key] = nodes.count - 1
    return nodes.count - 1
  }
}
