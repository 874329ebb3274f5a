// Training on tensors: a forward pass that leaves a tape, and the gradients from it.

extension Network {
  /// Runs whole sequences for training: with dropout, and a tape of what the backward pass needs.
  ///
  /// - Parameters:
  ///   - x: `[T, N, I]`, or `[N, T, I]` with `batchFirst`.
  ///   - parameters: of this network.
  ///   - lengths: `[N]`, each in 0 ... T; nil: all T.
  ///   - mask: as for a call.
  ///   - state: the initial states; nil: zeros.
  ///   - inputs: inputs beside x by name, each `[T, N, width]`, in the order of x.
  ///   - seed: of the dropout masks: the same seed, the same masks; nil: each call draws one, ``Tape/seed``.
  ///   - firstSequence: added to a sequence's index in the masks, 0 … 2^32 - N: parts of a batch, the same masks.
  ///   - batchFirst: x, y and their gradients have their sequences first.
  /// - Returns: y, `[T, N, D * P]`; the final states; and the tape.
  /// - Throws: as ``callAsFunction(_:parameters:lengths:mask:state:inputs:batchFirst:)``.
  @_specialize(where Scalar == Float)
  @_specialize(where Scalar == Double)
  public func forward(
    _ x: Tensor<Scalar>, parameters: NetworkParameters<Scalar>, lengths: [Int]? = nil, mask: [Bool]? = nil,
    state: State? = nil, inputs: KeyValuePairs<String, Tensor<Scalar>> = [:], seed: UInt64? = nil,
    firstSequence: Int = 0, batchFirst: Bool = false
  ) throws(RNNError) -> (y: Tensor<Scalar>, state: State, tape: Tape<Scalar>) {
    try check(parameters, "parameters.flat")
    let batch = try Batch(
      self, x: x, lengths: lengths, mask: mask, state: state, inputs: inputs, batchFirst: batchFirst)
    let pointers = try parameters.pointers("parameters.flat")
    let y = try Tensor<Scalar>(uninitialized: batch.shape(configuration.outputSize))
    let final = try uninitializedState(sequences: batch.sequences)
    let memory = try Block<UInt8>(count: tapeSize(steps: batch.steps, sequences: batch.sequences))
    let workspace = try Block<UInt8>(
      count: workspaceSize(.forward, steps: batch.steps, sequences: batch.sequences))
    var forward = batch.forward
    forward.parameters = pointers.constant
    forward.y = y.pointer
    (forward.yStepStride, forward.ySequenceStride) = batch.strides(configuration.outputSize)
    forward.final = final.pointers
    forward.tape = UnsafeMutableRawPointer(memory.pointer)
    forward.tapeBytes = memory.count
    forward.workspace = UnsafeMutableRawPointer(workspace.pointer)
    forward.workspaceBytes = workspace.count
    forward.seed = seed
    forward.firstSequence = firstSequence
    defer { withExtendedLifetime((parameters, pointers, batch, memory, workspace)) {} }
    try self.forward(forward)
    return (y, final, Tape(network: self, batch: batch, parameters: parameters, memory: memory))
  }
}

/// What a forward pass for training left for its backward pass. Holds x, the initial states and the parameters as they
/// were, so that changing them afterwards does not disturb it. Immutable: threads may share it.
public struct Tape<Scalar: RNNScalar>: Sendable {
  public let network: Network<Scalar>
  let batch: Network<Scalar>.Batch
  let parameters: NetworkParameters<Scalar>
  let memory: Block<UInt8>

  /// Of the dropout masks: the one that was given, or drawn; 0 if none was, because nothing is random.
  public var seed: UInt64 { TapeHeader.read(from: memory.pointer).seed }

  /// The gradients of a loss.
  public struct Gradients: Sendable {
    /// dL/dx, of the shape of x; zero past each length.
    public var x: Tensor<Scalar>
    /// dL/d of the initial states.
    public var state: Network<Scalar>.State
    /// dL/d of the inputs beside x, in the order of ``Network/inputs``; of the shapes that they have.
    public var inputs: [Tensor<Scalar>]
    /// dL/d of the parameters, by name and flat.
    public var parameters: NetworkParameters<Scalar>
  }

  /// Back-propagation through time: the gradients of a loss whose gradients for y and the final states are given. May
  /// be called again.
  ///
  /// - Parameters:
  ///   - dy: dL/dy, of the shape of y, read only up to each length; nil: zeros.
  ///   - dState: dL/d of the final states; nil: zeros.
  /// - Throws: ``RNNError/nullPointer(_:)`` if both are nil, ``RNNError/sizeMismatch(_:_:expected:)``,
  ///   ``RNNError/outOfMemory(bytes:)``
  @_specialize(where Scalar == Float)
  @_specialize(where Scalar == Double)
  public func backward(
    _ dy: Tensor<Scalar>? = nil, dState: Network<Scalar>.State? = nil
  ) throws(RNNError) -> Gradients {
    let gradients = NetworkParameters(network.layout, try Tensor<Scalar>(uninitialized: [network.flatCount]))
    let dx = try Tensor<Scalar>(uninitialized: batch.x.shape)
    let state = try network.uninitializedState(sequences: batch.sequences)
    let inputs = try uninitializedInputs()
    try run(dy, dState, dx: dx, state: state, inputs: inputs, gradients: gradients, accumulate: false)
    return Gradients(x: dx, state: state, inputs: try batch.ordered(inputs), parameters: gradients)
  }

  /// The same, with the gradients of the parameters added to `total`, as for a batch in parts.
  ///
  /// - Returns: dL/dx and dL/d of the initial states.
  @_specialize(where Scalar == Float)
  @_specialize(where Scalar == Double)
  public func backward(
    _ dy: Tensor<Scalar>? = nil, dState: Network<Scalar>.State? = nil, addingTo total: inout NetworkParameters<Scalar>
  ) throws(RNNError) -> (x: Tensor<Scalar>, state: Network<Scalar>.State) {
    try network.check(total, "total.flat")
    try total.flat.makeUnique()
    let dx = try Tensor<Scalar>(uninitialized: batch.x.shape)
    let state = try network.uninitializedState(sequences: batch.sequences)
    try run(dy, dState, dx: dx, state: state, inputs: [], gradients: total, accumulate: true)
    return (dx, state)
  }

  /// Moves the running means and variances of `batch_norm` towards those of this pass: `m += momentum * (batch - m)`, the
  /// variance with M - 1 for M rows, as in torch. Nothing without `batch_norm`.
  ///
  /// - Parameters:
  ///   - parameters: the parameters of the forward pass; running means and variances are changed.
  ///   - momentum: in [0, 1]; torch's is 0.1.
  /// - Throws: ``RNNError/invalidNumber(_:_:allowed:)``, ``RNNError/mismatch(_:)``, ``RNNError/outOfMemory(bytes:)``
  @_specialize(where Scalar == Float)
  @_specialize(where Scalar == Double)
  public func updateStatistics(
    of parameters: inout NetworkParameters<Scalar>, momentum: Double = 0.1
  ) throws(RNNError) {
    try network.check(parameters, "parameters.flat")
    try parameters.flat.makeUnique()
    let pointers = try parameters.pointers("parameters.flat")
    defer { withExtendedLifetime((self, pointers)) {} }
    try network.moveStatistics(
      tape: memory.pointer, tapeBytes: memory.count, steps: batch.steps, sequences: batch.sequences,
      momentum: momentum, parameters: pointers.mutable)
  }

  private func uninitializedInputs() throws(RNNError) -> [Tensor<Scalar>] {
    var tensors: [Tensor<Scalar>] = []
    for input in network.inputs {
      tensors.append(try Tensor(uninitialized: [batch.steps, batch.sequences, input.width]))
    }
    return tensors
  }

  /// Writes to the memory of `dx`, `state` and `gradients`, which nothing else shares.
  private func run(
    _ dy: Tensor<Scalar>?, _ dState: Network<Scalar>.State?, dx: Tensor<Scalar>, state: Network<Scalar>.State,
    inputs: [Tensor<Scalar>], gradients: NetworkParameters<Scalar>, accumulate: Bool
  ) throws(RNNError) {
    try RNNError.checkGiven(dy: dy != nil, dState: dState != nil)
    let (steps, sequences) = (batch.steps, batch.sequences)
    let (features, outputs) = (network.configuration.inputSize, network.configuration.outputSize)
    if let dy { try dy.check(.dy, batch.x.shape[0], batch.x.shape[1], outputs) }
    if let dState { try network.check(dState, sequences: sequences) }
    let own = try parameters.pointers("parameters.flat")
    let out = try gradients.pointers("gradients.flat")
    let workspace = try Block<UInt8>(
      count: network.workspaceSize(.backward, steps: steps, sequences: sequences))
    var backward = Network<Scalar>.Backward(steps: steps, sequences: sequences)
    backward.x = UnsafePointer(batch.x.pointer)
    backward.dy = dy.map { UnsafePointer($0.pointer) }
    backward.dx = dx.pointer
    (backward.xStepStride, backward.xSequenceStride) = batch.strides(features)
    (backward.dyStepStride, backward.dySequenceStride) = dy == nil ? (0, 0) : batch.strides(outputs)
    (backward.dxStepStride, backward.dxSequenceStride) = batch.strides(features)
    backward.lengths = batch.lengths.map { UnsafePointer($0.pointer) }
    backward.mask = batch.mask.map { UnsafePointer($0.pointer) }
    if let state = batch.state { backward.initial = state.pointers }
    if let dState { backward.finalGradients = dState.pointers }
    backward.initialGradients = state.pointers
    for (number, input) in batch.inputs.enumerated() { backward.inputs[number] = input.pointer }
    for (number, input) in inputs.enumerated() { backward.inputGradients[number] = input.pointer }
    backward.parameters = own.constant
    backward.gradients = out.mutable
    backward.accumulate = accumulate
    backward.tape = UnsafeRawPointer(memory.pointer)
    backward.tapeBytes = memory.count
    backward.workspace = UnsafeMutableRawPointer(workspace.pointer)
    backward.workspaceBytes = workspace.count
    defer { withExtendedLifetime((self, own, out, workspace, dy, dState)) {} }
    try network.backward(backward)
  }
}
