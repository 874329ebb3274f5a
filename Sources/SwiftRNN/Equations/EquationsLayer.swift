// A layer of a network whose cell is given as equations: everything that is known before a pass.
import Kernels

/// What a layer's passes read. Layers with the same number of inputs share one. Immutable.
final class EquationsLayer<Scalar: RNNScalar>: Sendable {
  let layer: CellInLayer
  let inference: CellProgram<Scalar>
  let training: CellProgram<Scalar>
  let backward: CellProgram<Scalar>
  let backwardPlan: EquationsBackwardPlan
  /// Where each state is in a row of states, how wide, and where it starts.
  let states: [(column: Int, width: Int, initial: Scalar)]
  let statesWidth: Int
  let inputCount: Int
  let outputWidth: Int
  let outputState: Int?
  /// Of trees: values such as `h[2]`, and where each is in a row of them. Kept: runners ask for it for each node.
  let childStates: [(state: Int, child: Int, column: Int)]
  let childStatesWidth: Int
  /// Places of a backward step whose rows are those of steps and sequences, and rows of the gradient of x.
  var rowPlaces: Int { 6 + inputCount + states.count }
  /// Whether dL/dx is one product, in whole vectors, which can be made where it is wanted.
  let makesInputGradientInPlace: Bool

  init(_ layer: CellInLayer) throws(CellError) {
    try layer.check()
    self.layer = layer
    let plan = try EquationsBackwardPlan(layer)
    backwardPlan = plan
    inference = CellProgram(layer.forward(isTraining: false, tape: nil).program)
    training = CellProgram(layer.forward(isTraining: true, tape: plan.tape).program)
    backward = CellProgram(plan.program)
    var column = 0
    var states: [(column: Int, width: Int, initial: Scalar)] = []
    for (number, state) in layer.graph.states.enumerated() {
      let width = layer.width(ofState: number)
      states.append((column, width, Scalar(state.initial)))
      column += layer.padded(width)
    }
    self.states = states
    statesWidth = column
    inputCount = layer.graph.inputs.count
    let after = backward.sections[BackwardSection.after].stages
    makesInputGradientInPlace =
      layer.graph.inputs.count == 1 && plan.inputs[0] == 0 && layer.width(ofInput: 0) % layer.lanes == 0
      && after.count == 1 && after.allSatisfy { $0.groups.count == 1 && $0.instructions.isEmpty && $0.sums.isEmpty }
      && backward.aheadWidth == layer.width(ofInput: 0)
    outputWidth = layer.outputWidth
    outputState = layer.outputState
    var childStates: [(state: Int, child: Int, column: Int)] = []
    var childColumn = 0
    for child in layer.childStates {
      childStates.append((child.state, child.child, childColumn))
      childColumn += layer.padded(states[child.state].width)
    }
    self.childStates = childStates
    childStatesWidth = childColumn
  }

  func forward(isTraining: Bool) -> CellProgram<Scalar> { isTraining ? training : inference }

  /// Numbers of an input of a step.
  func inputWidths(_ input: Int) -> Int { layer.width(ofInput: input) }

  /// Elements of the matrices that a program reads through masks.
  func maskedElements(_ program: CellProgram<Scalar>) -> Int {
    program.masked.reduce(0) { $0 + layer.elements(ofParameter: $1.parameter) }
  }
}

extension CellInLayer {
  /// Numbers of all values of a step and of its backward pass together, at most. Operands of instructions have columns
  /// of 32 bits; a place may hold a value, where its sum starts, and whatever it reads as a vector: eight times as many.
  private static var mostNumbers: Int { 1 << 28 }
  /// Products of all diagonal blocks: each is one of its own, forward and backward.
  private static var mostBlocks: Int { 4096 }

  /// What is larger is refused before anything is made as large as it.
  fileprivate func check() throws(CellError) {
    let nodes = cell.backward.nodes
    let sized = SizedGraph(cell, extents, nodes: nodes, isTraining: true)
    var (numbers, blocks) = (0, 0)
    for (number, node) in nodes.enumerated() {
      // Up to 2^16 values of 2^31 numbers.
      numbers += padded(sized.rows[number]) + padded(sized.columns[number])
      guard numbers <= Self.mostNumbers else {
        throw node.place.error("the values of a step have more than \(Self.mostNumbers) numbers together")
      }
      guard node.operation == .product else { continue }
      let of = sized.matrix(node.operands[0], transposed: false).blocks
      if of > 1 { blocks += of }
      guard blocks <= Self.mostBlocks else {
        throw node.place.error("the cell multiplies by more than \(Self.mostBlocks) diagonal blocks")
      }
    }
  }
}
