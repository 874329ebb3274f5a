// Passes over trees on tensors.

extension Network {
  /// Runs all nodes of a forest, for inference. The cell has `sum_children` or `h[k]` (docs/cells.md).
  ///
  /// - Parameters:
  ///   - forest: the trees.
  ///   - x: `[M, I]`, a row for each node.
  ///   - parameters: of this network; the same as for sequences.
  ///   - inputs: of the cell beside x, by their names, each `[M, width]`.
  /// - Returns: y, `[M, O]`, and the states of all nodes, each `[L, M, width]`.
  /// - Throws: ``RNNError/unsupported(_:)`` for a cell that is not recursive or a network of two directions; what does
  ///   not fit; ``RNNError/outOfMemory(bytes:)``
  @_specialize(where Scalar == Float)
  @_specialize(where Scalar == Double)
  public func callAsFunction(
    _ forest: Forest, x: Tensor<Scalar>, parameters: NetworkParameters<Scalar>,
    inputs: KeyValuePairs<String, Tensor<Scalar>> = [:]
  ) throws(RNNError) -> (y: Tensor<Scalar>, state: State) {
    let (y, state, _) = try run(forest, x, parameters, inputs, seed: nil, firstNode: 0, isTraining: false)
    return (y, state)
  }

  /// The same for training: with dropout and masks, and a tape for the backward pass.
  ///
  /// - Parameters:
  ///   - forest: M nodes.
  ///   - x: `[M, I]`: a row for each node.
  ///   - parameters: of this network.
  ///   - inputs: inputs beside x by name, each `[M, width]`.
  ///   - seed: of the masks: the same seed, the same masks; nil: each call draws one, ``ForestPassTape/seed``.
  ///   - firstNode: 0 ... 2^32 - M, added to a node's index in the masks.
  @_specialize(where Scalar == Float)
  @_specialize(where Scalar == Double)
  public func forward(
    _ forest: Forest, x: Tensor<Scalar>, parameters: NetworkParameters<Scalar>,
    inputs: KeyValuePairs<String, Tensor<Scalar>> = [:], seed: UInt64? = nil, firstNode: Int = 0
  ) throws(RNNError) -> (y: Tensor<Scalar>, state: State, tape: ForestPassTape<Scalar>) {
    let (y, state, memory) = try run(forest, x, parameters, inputs, seed: seed, firstNode: firstNode, isTraining: true)
    guard let memory else { throw .nullPointer("tape") }
    return (
      y, state,
      ForestPassTape(
        network: self, forest: forest, x: x, inputs: try ordered(inputs, nodes: forest.nodeCount),
        parameters: parameters, memory: memory)
    )
  }

  private func ordered(
    _ given: KeyValuePairs<String, Tensor<Scalar>>, nodes: Int
  ) throws(RNNError) -> [Tensor<Scalar>] {
    guard given.count == inputCount else {
      throw .mismatch("the cell has inputs of other names than those that are given")
    }
    var tensors: [Tensor<Scalar>] = []
    for input in inputs {
      guard let tensor = given.first(where: { $0.key == input.name })?.value else {
        throw .mismatch("the cell has inputs of other names than those that are given")
      }
      guard tensor.shape == [nodes, input.width] else {
        throw .countMismatch("an input", tensor.count, expected: nodes * input.width)
      }
      tensors.append(tensor)
    }
    return tensors
  }

  private func run(
    _ forest: Forest, _ x: Tensor<Scalar>, _ parameters: NetworkParameters<Scalar>,
    _ inputs: KeyValuePairs<String, Tensor<Scalar>>, seed: UInt64?, firstNode: Int, isTraining: Bool
  ) throws(RNNError) -> (y: Tensor<Scalar>, state: State, tape: Block<UInt8>?) {
    try check(parameters, "parameters.flat")
    guard x.shape.count == 2 else { throw .sizeMismatch(TensorName.x.rank, x.shape.count, expected: 2) }
    guard x.shape[0] == forest.nodeCount else {
      throw .sizeMismatch("x.shape[0], M,", x.shape[0], expected: forest.nodeCount)
    }
    guard x.shape[1] == configuration.inputSize else {
      throw .sizeMismatch("x.shape[1], input_size,", x.shape[1], expected: configuration.inputSize)
    }
    let tensors = try ordered(inputs, nodes: forest.nodeCount)
    let y = try Tensor<Scalar>(uninitialized: [forest.nodeCount, configuration.stateWidth])
    let state = try uninitializedState(sequences: forest.nodeCount)
    let pointers = try parameters.pointers("parameters.flat")
    let workspace = try Block<UInt8>(count: forestWorkspaceSize(.forward, forest))
    var forward = ForestForward()
    forward.x = UnsafePointer(x.pointer)
    forward.y = y.pointer
    forward.final = state.pointers
    for (number, tensor) in tensors.enumerated() { forward.inputs[number] = tensor.pointer }
    forward.parameters = pointers.constant
    forward.workspace = UnsafeMutableRawPointer(workspace.pointer)
    forward.workspaceBytes = workspace.count
    (forward.seed, forward.firstNode) = (seed, firstNode)
    var memory: Block<UInt8>?
    if isTraining {
      let tape = try Block<UInt8>(count: forestTapeSize(forest))
      forward.tape = UnsafeMutableRawPointer(tape.pointer)
      forward.tapeBytes = tape.count
      memory = tape
    }
    defer { withExtendedLifetime((x, tensors, parameters, pointers, workspace, memory)) {} }
    try self.forward(forest, forward)
    return (y, state, memory)
  }
}

/// What a forward pass over a forest left for its backward pass. Immutable: threads may share it.
public struct ForestPassTape<Scalar: RNNScalar>: Sendable {
  public let network: Network<Scalar>
  public let forest: Forest
  let x: Tensor<Scalar>
  let inputs: [Tensor<Scalar>]
  let parameters: NetworkParameters<Scalar>
  let memory: Block<UInt8>

  /// Of the masks: the one that was given, or drawn; 0 if none was, because nothing is random.
  public var seed: UInt64 { TapeHeader.read(from: memory.pointer).seed }

  /// The gradients of a loss.
  public struct Gradients: Sendable {
    /// `[M, I]`
    public var x: Tensor<Scalar>
    /// In the order of ``Network/inputs``, each `[M, width]`.
    public var inputs: [Tensor<Scalar>]
    public var parameters: NetworkParameters<Scalar>
  }

  /// The gradients of a loss whose gradients for y and the states of all nodes are given. May be called again.
  ///
  /// - Parameters:
  ///   - dy: `[M, O]`; nil: zeros.
  ///   - dState: each `[L, M, width]`; nil: zeros.
  /// - Throws: ``RNNError/nullPointer(_:)`` if both are nil, and as `forward`.
  @_specialize(where Scalar == Float)
  @_specialize(where Scalar == Double)
  public func backward(
    _ dy: Tensor<Scalar>? = nil, dState: Network<Scalar>.State? = nil
  ) throws(RNNError) -> Gradients {
    try RNNError.checkGiven(dy: dy != nil, dState: dState != nil)
    let c = network.configuration
    if let dy { try dy.check(.dy, forest.nodeCount, c.stateWidth) }
    if let dState { try network.check(dState, sequences: forest.nodeCount) }
    let gradients = NetworkParameters(network.layout, try Tensor<Scalar>(uninitialized: [network.flatCount]))
    let dx = try Tensor<Scalar>(uninitialized: x.shape)
    var dInputs: [Tensor<Scalar>] = []
    for input in inputs { dInputs.append(try Tensor(uninitialized: input.shape)) }
    let (own, out) = (try parameters.pointers("parameters.flat"), try gradients.pointers("gradients.flat"))
    let workspace = try Block<UInt8>(count: network.forestWorkspaceSize(.backward, forest))
    var backward = Network<Scalar>.ForestBackward()
    backward.x = UnsafePointer(x.pointer)
    backward.dy = dy.map { UnsafePointer($0.pointer) }
    backward.dx = dx.pointer
    if let dState { backward.finalGradients = dState.pointers }
    for (number, input) in inputs.enumerated() {
      backward.inputs[number] = input.pointer
      backward.inputGradients[number] = dInputs[number].pointer
    }
    backward.parameters = own.constant
    backward.gradients = out.mutable
    backward.tape = UnsafeRawPointer(memory.pointer)
    backward.tapeBytes = memory.count
    backward.workspace = UnsafeMutableRawPointer(workspace.pointer)
    backward.workspaceBytes = workspace.count
    defer { withExtendedLifetime((self, own, out, workspace, dy, dState)) {} }
    try network.backward(forest, backward)
    return Gradients(x: dx, inputs: dInputs, parameters: gradients)
  }
}
