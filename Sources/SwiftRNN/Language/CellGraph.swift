// The graph of a cell: values and the operations that make them, each one once. Names are gone; so are cuts of what was
// put together only to be cut.

/// What a value is.
enum ValueKind: Hashable, Sendable {
  /// One number, which joins vectors of any size.
  case number
  case vector
  /// Stands left of `@` only.
  case matrix
}

/// Which draw of random numbers a mask is: one for each call that is written.
struct MaskDraw: Hashable, Sendable {
  /// Calls before it, as the texts write them.
  let number: Int
  let probability: Double
  /// The same for all steps of a sequence.
  let isPerSequence: Bool
}

enum Operation: Hashable, Sendable {
  case constant(Double)
  /// 0 is x.
  case input(Int)
  /// The value before the step; in a tree of one child, of which `sumChildren` makes one of all.
  case state(Int)
  /// Of child `child`, from 1; zero if there is none.
  case childState(Int, child: Int)
  case parameter(Int)
  /// Adds up operands; those whose bit is set in `negative` are subtracted.
  case sum(negative: [Bool])
  case multiply, divide, minimum, maximum
  case negate
  case unary(UnaryFunction, constants: [Double])
  case vector(VectorFunction)
  /// Operands a, b, u, v: u where a compares so with b, else v.
  case select(Expression.Comparison)
  /// Operands v, mean, variance.
  case batchNorm
  case dropout(MaskDraw)
  /// Operands next, previous.
  case zoneout(MaskDraw)
  case sumChildren
  /// Part `part` of `parts` equal ones: of a vector, or of a matrix's rows.
  case cut(part: Int, parts: Int)
  /// Operands matrix, vector.
  case product
  case dropConnect(MaskDraw)
  /// A matrix of so many blocks on its diagonal.
  case blocks(SizeTerm)

  // Of gradients only, `CellGradient.swift`.

  /// What reaches the cell's output from outside, and state `i`'s next value from the step after.
  case outputGradient
  case nextGradient(Int)
  /// The sum over all rows of the batch.
  case overRows
  /// Operands matrix, vector: the transposed matrix times the vector.
  case transposedProduct
  /// A vector of `parts` parts, all zero but the given one.
  case placed(part: Int, parts: Int)
  /// Operands x or f(x), dy.
  case unaryGradient(UnaryFunction, constants: [Double])
  /// Operands a, b, dy: what reaches a; half of it where they are equal.
  case minimumGradient, maximumGradient
  /// Operands x, or of softmax its result, dy.
  case vectorGradient(VectorFunction)
  case zoneoutGradient(MaskDraw, toPrevious: Bool)
  /// Operands v, mean, variance, dy.
  case batchNormGradient
}

/// A value: an operation on values before it.
struct CellNode: Sendable {
  let operation: Operation
  let operands: [Int]
  let kind: ValueKind
  /// Where it was first written.
  let place: CellPlace
}

/// A parameter, as the texts name it.
struct CellParameter: Sendable {
  let name: String
  let kind: ValueKind
  /// The node.
  let node: Int
  let place: CellPlace
}

struct CellState: Sendable {
  let name: String
  /// Nodes: its previous value, if that is read, and its next one.
  let previous: Int
  let next: Int
  /// Where every sequence starts, without an initial state of the caller.
  let initial: Double
}

struct CellGraph: Sendable {
  /// Operations of the largest cell.
  static let mostNodes = 4096
  /// And with those of its backward pass.
  static let mostDerived = 16 * mostNodes
  /// Operands of all operations, for each operation that there may be; and where cuts are at the leaves, for each operand
  /// that the text has.
  static let operandsOfNode = 16

  /// Operands stand before what is made of them.
  let nodes: [CellNode]
  /// x, then the others.
  let inputs: [(name: String, node: Int)]
  /// h first, then in the order of their equations.
  let states: [CellState]
  /// Matrices, then vectors and numbers, in the order of the texts.
  let parameters: [CellParameter]
  let output: Int
  /// First values of parameters that the texts give, by the parts that they are given for: nodes that are cuts of a
  /// parameter, or the parameter itself.
  let initials: [(node: Int, value: Initializer.Distribution)]
  /// Sizes that the texts give, by node; of a matrix, its rows.
  let givenSizes: [(node: Int, size: SizeTerm, place: CellPlace)]
}

extension CellGraph {
  /// What some nodes need of a graph; the others are left as numbers, so that all keep theirs.
  init(
    keeping roots: [Int], of whole: CellGraph, nodes: [CellNode], inputs: [(name: String, node: Int)],
    states: [CellState], output: Int
  ) {
    var isNeeded = Array(repeating: false, count: nodes.count)
    for root in roots + whole.parameters.map(\.node) + inputs.map(\.node) { isNeeded[root] = true }
    // The shape of a parameter is told by the blocks that are made of it.
    for (number, node) in nodes.enumerated() { if case .blocks = node.operation { isNeeded[number] = true } }
    for number in nodes.indices.reversed() where isNeeded[number] {
      for operand in nodes[number].operands { isNeeded[operand] = true }
    }
    self.init(
      nodes: nodes.enumerated().map { number, node in
        isNeeded[number] ? node : CellNode(operation: .constant(0), operands: [], kind: .number, place: node.place)
      }, inputs: inputs, states: states, parameters: whole.parameters, output: output, initials: [],
      givenSizes: whole.givenSizes.filter { isNeeded[$0.node] })
  }
}
