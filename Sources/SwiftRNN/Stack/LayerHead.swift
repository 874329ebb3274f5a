// Layers whose output is made of the states of a fused cell: its kernels run all steps, then a network without states
// makes y of h' and c', all steps at once.
import Kernels

/// The two networks of such a layer.
struct LayerHead<Scalar: RNNScalar>: Sendable {
  /// Of the states; its y is h'. It has all parameters of the layer, and reads its own.
  let core: Network<Scalar>
  /// Of the output; its inputs are h' and, if ``readsC``, c', of both directions side by side.
  let network: Network<Scalar>
  /// Whether each parameter of a direction is the output's.
  let isOwn: [Bool]
  let readsC: Bool

  /// nil: the layer's network is one.
  static func of(_ whole: Network<Scalar>) throws(RNNError) -> LayerHead? {
    guard let equations = whole.equations, let head = equations.cell.head else { return nil }
    var c = whole.configuration
    c.equationsWidth = equations.first.states[head.core.h].width
    c.equationsFingerprint ^= 1 << 61
    guard equations.fused(c, isCore: true) != nil else { return nil }
    let core = try Network(c, kernels: whole.kernels, equations: equations, isCore: true)
    let own: Equations<Scalar>
    do throws(CellError) {
      own = try Equations(head.cell, of: equations, lanes: whole.kernels.lanes)
    } catch {
      throw .cell(error)
    }
    c.equationsWidth = own.first.outputWidth
    c.equationsFingerprint ^= 1 << 60
    let parameters = equations.cell.graph.parameters.indices
    return LayerHead(
      core: core, network: try Network(c, kernels: whole.kernels, equations: own, isInterpreted: true),
      isOwn: parameters.map(head.parameters.contains), readsC: head.readsC)
  }
}

/// Where a layer's head is in a tape, in bytes: c' of each step, if the output reads it, and the head's tape.
struct HeadPlace {
  let cells: Int
  let tape: Int
  let tapeBytes: Int
}

extension StackPass {
  private func place(_ block: Block) -> HeadPlace? { layout.heads[block.flow &* stack.layers &+ block.layer] }

  /// Where h' of each step is: in the tape of the states' network, or in the workspace.
  private func hidden(_ block: Block, _ head: LayerHead<Scalar>) throws(RNNError) -> Rows<Scalar> {
    guard let (start, _) = blockTape(block) else {
      return Rows(dense: workspace.hidden, sequences: sequences, width: head.core.executed.outputSize)
    }
    let batch = try stack.batch(block, steps: rows.steps, sequences: sequences)
    return try head.core.tapeLayout(steps: batch.steps, sequences: batch.sequences).output(start, layer: 0)
  }

  /// Where c' of each step is, as the rows of a block's network; nil: the output does not read it.
  private func cells(_ block: Block, _ head: LayerHead<Scalar>) throws(RNNError) -> Rows<Scalar>? {
    guard head.readsC else { return nil }
    let batch = try stack.batch(block, steps: rows.steps, sequences: sequences)
    let taped = tape.flatMap { tape in place(block).map { (tape + $0.cells).assumingMemoryBound(to: Scalar.self) } }
    return Rows(dense: taped ?? workspace.cells, sequences: batch.sequences, width: head.cellWidth)
  }

  /// The inputs of a head.
  private func headInputs(_ block: Block, _ head: LayerHead<Scalar>) throws(RNNError) -> Inputs<Scalar> {
    var inputs = Inputs<Scalar>()
    inputs[0] = try hidden(block, head).base
    inputs[1] = try cells(block, head)?.base
    return inputs
  }

  /// Runs a block that has a head.
  ///
  /// - Parameter f: the arguments of a block's pass.
  func forward(_ block: Block, _ head: LayerHead<Scalar>, _ f: Network<Scalar>.Forward) throws(RNNError) {
    var states = f
    if tape == nil { states.y = try hidden(block, head).base }
    states.cells = try cells(block, head)
    try head.core.pass(states)
    var own = f
    (own.initial, own.final) = (States(), States())
    own.inputs = try headInputs(block, head)
    own.weights = weights?.head(block.flow &* stack.layers &+ block.layer)
    if let tape, let place = place(block) { (own.tape, own.tapeBytes) = (tape + place.tape, place.tapeBytes) }
    try head.network.pass(own)
  }

  /// What a head gives out, in training.
  func headOutput(_ block: Block, _ head: LayerHead<Scalar>) throws(RNNError) -> Rows<Scalar>? {
    guard let tape, let place = place(block) else { return nil }
    let batch = try stack.batch(block, steps: rows.steps, sequences: sequences)
    let layout = try head.network.tapeLayout(steps: batch.steps, sequences: batch.sequences)
    return layout.output(tape + place.tape, layer: 0)
  }

  /// Backward through a block that has a head: the output's pass, then the states'.
  ///
  /// - Parameter b: the arguments of a block's pass; `dy` is that of the head.
  func backward(_ block: Block, _ head: LayerHead<Scalar>, _ b: Network<Scalar>.Backward) throws(RNNError) {
    var own = b
    (own.initial, own.finalGradients, own.initialGradients) = (States(), States(), States())
    own.dx = nil
    own.inputs = try headInputs(block, head)
    let batch = try stack.batch(block, steps: rows.steps, sequences: sequences)
    let cells =
      head.readsC
      ? Rows(dense: workspace.cellGradients, sequences: batch.sequences, width: head.cellWidth) : nil
    own.inputGradients[0] = workspace.hiddenGradients
    own.inputGradients[1] = cells?.base
    if let tape, let place = place(block) {
      (own.tape, own.tapeBytes) = (UnsafeRawPointer(tape + place.tape), place.tapeBytes)
    }
    // The network has all parameters of the layer, and would write zeros for the states'.
    let gradients = b.gradients.enumerated().map { head.isOwn[$0 % head.isOwn.count] ? $1 : nil }
    try gradients.withUnsafeBufferPointer { (buffer) throws(RNNError) in
      if b.gradients.baseAddress != nil { own.gradients = buffer }
      try head.network.pass(own)
    }
    var states = b
    states.dy = UnsafePointer(workspace.hiddenGradients)
    states.cellGradients = cells
    try head.core.pass(states)
  }
}

extension LayerHead {
  /// Numbers of c' in a row, of all directions.
  var cellWidth: Int { core.executed.directions &* core.executed.hiddenSize }
}
