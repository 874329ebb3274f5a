// Whole sequences on tensors: the calls that most programs need. Each makes the memory that the pass below asks for.

extension Network {
  /// The states of all layers and directions; the tensor of layer l and direction d is at index l * D + d.
  public struct State: Sendable, Equatable {
    /// `[L * D, N, P]`
    public var h: Tensor<Scalar>
    /// `[L * D, N, H]`: LSTM only. nil for other cells; as an input nil means zeros.
    public var c: Tensor<Scalar>?

    public init(h: Tensor<Scalar>, c: Tensor<Scalar>? = nil) {
      self.h = h
      self.c = c
    }

    var pointers: States<Scalar> { States(h: h.pointer, c: c?.pointer) }
  }

  /// Zero states for `sequences` sequences.
  ///
  /// - Throws: ``RNNError/invalidSize(_:_:low:high:)``, ``RNNError/outOfMemory(bytes:)``
  @_specialize(where Scalar == Float)
  @_specialize(where Scalar == Double)
  public func makeState(sequences: Int) throws(RNNError) -> State {
    try Self.checkBatch(steps: 0, sequences: sequences)
    let c = configuration
    let rows = c.layers * c.directions
    return State(
      h: try Tensor(shape: [rows, sequences, c.stateWidth]),
      c: c.cell == .lstm ? try Tensor(shape: [rows, sequences, c.hiddenSize]) : nil)
  }

  func check(_ state: State, sequences: Int) throws(RNNError) {
    let c = configuration
    try state.h.check(.h, c.layers * c.directions, sequences, c.stateWidth)
    guard let cell = state.c else { return }
    guard c.cell == .lstm else { throw .mismatch("only the state of an LSTM has c") }
    try cell.check(.c, c.layers * c.directions, sequences, c.hiddenSize)
  }

  /// Runs whole sequences, for inference: no dropout, nothing kept.
  ///
  /// - Parameters:
  ///   - x: `[T, N, I]`: steps, sequences, features; or `[N, T, I]`, with `batchFirst`.
  ///   - parameters: of this network. Packed on each call; ``pack(_:)`` does it once.
  ///   - lengths: `[N]`, each in 0 ... T, in any order; nil: all T. Past a sequence's end y is zero; the reverse
  ///     direction starts at its own end; length 0 hands the initial state through.
  ///   - state: the initial states; nil: zeros.
  ///   - batchFirst: x and y have their sequences first; read and written in place. States do not change their shape.
  /// - Returns: y, `[T, N, D * P]`, the directions side by side; and the states after each sequence's last step.
  /// - Throws: ``RNNError/sizeMismatch(_:_:expected:)`` and others for shapes that do not fit, with the numbers;
  ///   ``RNNError/outOfMemory(bytes:)``.
  @_specialize(where Scalar == Float)
  @_specialize(where Scalar == Double)
  public func callAsFunction(
    _ x: Tensor<Scalar>, parameters: NetworkParameters<Scalar>, lengths: [Int]? = nil, state: State? = nil,
    batchFirst: Bool = false
  ) throws(RNNError) -> (y: Tensor<Scalar>, state: State) {
    try check(parameters, "parameters.flat")
    let pointers = try parameters.pointers("parameters.flat")
    defer { withExtendedLifetime((parameters, pointers)) {} }
    let batch = try Batch(self, x: x, lengths: lengths, state: state, batchFirst: batchFirst)
    return try infer(batch, purpose: .forward) { $0.parameters = pointers.constant }
  }

  /// The same with parameters that have been packed once. The same bits.
  @_specialize(where Scalar == Float)
  @_specialize(where Scalar == Double)
  public func callAsFunction(
    _ x: Tensor<Scalar>, weights: PackedWeights<Scalar>, lengths: [Int]? = nil, state: State? = nil,
    batchFirst: Bool = false
  ) throws(RNNError) -> (y: Tensor<Scalar>, state: State) {
    let batch = try Batch(self, x: x, lengths: lengths, state: state, batchFirst: batchFirst)
    return try infer(batch, purpose: .forwardWeights) { $0.weights = weights }
  }

  /// An immutable snapshot of `parameters` in the layout of the kernels, for inference and streams. Threads may share
  /// it.
  @_specialize(where Scalar == Float)
  @_specialize(where Scalar == Double)
  public func pack(_ parameters: NetworkParameters<Scalar>) throws(RNNError) -> PackedWeights<Scalar> {
    try check(parameters, "parameters.flat")
    let pointers = try parameters.pointers("parameters.flat")
    defer { withExtendedLifetime((parameters, pointers)) {} }
    return try PackedWeights(self, parameters: pointers.constant)
  }

  private func infer(
    _ batch: Batch, purpose: Purpose, with weights: (inout Forward) -> Void
  ) throws(RNNError) -> (y: Tensor<Scalar>, state: State) {
    let y = try Tensor<Scalar>(uninitialized: batch.shape(configuration.outputSize))
    let final = try uninitializedState(sequences: batch.sequences)
    let workspace = try Block<UInt8>(
      count: workspaceSize(purpose, steps: batch.steps, sequences: batch.sequences))
    var forward = batch.forward
    weights(&forward)
    forward.y = y.pointer
    (forward.yStepStride, forward.ySequenceStride) = batch.strides(configuration.outputSize)
    forward.final = final.pointers
    forward.workspace = UnsafeMutableRawPointer(workspace.pointer)
    forward.workspaceBytes = workspace.count
    defer { withExtendedLifetime((batch, workspace)) {} }
    try self.forward(forward)
    return (y, final)
  }

  func uninitializedState(sequences: Int) throws(RNNError) -> State {
    let c = configuration
    let rows = c.layers * c.directions
    return State(
      h: try Tensor(uninitialized: [rows, sequences, c.stateWidth]),
      c: c.cell == .lstm ? try Tensor(uninitialized: [rows, sequences, c.hiddenSize]) : nil)
  }

  /// The inputs of a pass, checked, and kept alive.
  struct Batch {
    let x: Tensor<Scalar>
    let lengths: Block<Int64>?
    let state: State?
    let batchFirst: Bool

    var steps: Int { x.shape[batchFirst ? 1 : 0] }
    var sequences: Int { x.shape[batchFirst ? 0 : 1] }
    /// The shape of another array over the same steps and sequences.
    func shape(_ width: Int) -> [Int] { [x.shape[0], x.shape[1], width] }
    /// Its strides, by steps and by sequences; both 0: dense, steps first.
    func strides(_ width: Int) -> (Int, Int) { batchFirst && x.count > 0 ? (width, steps * width) : (0, 0) }

    init(
      _ network: Network, x: Tensor<Scalar>, lengths: [Int]?, state: State?, batchFirst: Bool
    ) throws(RNNError) {
      guard x.shape.count == 3 else { throw .sizeMismatch(TensorName.x.rank, x.shape.count, expected: 3) }
      try x.check(.x, x.shape[0], x.shape[1], network.configuration.inputSize)
      self.x = x
      self.state = state
      self.batchFirst = batchFirst
      let (steps, sequences) = batchFirst ? (x.shape[1], x.shape[0]) : (x.shape[0], x.shape[1])
      try Network.checkBatch(steps: steps, sequences: sequences)
      if let state { try network.check(state, sequences: sequences) }
      guard let lengths else {
        self.lengths = nil
        return
      }
      guard lengths.count == sequences else { throw .countMismatch("lengths", lengths.count, expected: sequences) }
      let block = try Block<Int64>(count: sequences)
      for n in 0..<sequences { block.pointer[n] = Int64(lengths[n]) }
      self.lengths = block
    }

    var forward: Forward {
      var forward = Forward(steps: steps, sequences: sequences)
      forward.x = UnsafePointer(x.pointer)
      (forward.xStepStride, forward.xSequenceStride) = strides(x.shape[2])
      forward.lengths = lengths.map { UnsafePointer($0.pointer) }
      if let state { forward.initial = state.pointers }
      return forward
    }
  }
}

extension Block where Element == UnsafeMutableRawPointer? {
  /// The same pointers, to read.
  var constant: UnsafeBufferPointer<UnsafeRawPointer?> {
    UnsafeBufferPointer(
      start: UnsafeRawPointer(pointer).assumingMemoryBound(to: UnsafeRawPointer?.self), count: count)
  }

  var mutable: UnsafeBufferPointer<UnsafeMutableRawPointer?> { UnsafeBufferPointer(start: pointer, count: count) }
}
