// Whole sequences on tensors: the calls that most programs need. Each makes the memory that the pass below asks for.

extension Network {
  /// The states of all layers and directions; the tensor of layer l and direction d is at index l * D + d.
  public struct State: Sendable, Equatable {
    /// In the order of ``Network/states``, each `[L * D, N, width]`. As an input the last ones may be missing: they are
    /// where the cell starts, which is zeros unless its text says otherwise.
    public var tensors: [Tensor<Scalar>]

    /// - Parameter tensors: one or more.
    public init(_ tensors: [Tensor<Scalar>]) { self.tensors = tensors }

    public init(h: Tensor<Scalar>, c: Tensor<Scalar>? = nil) { tensors = [h] + (c.map { [$0] } ?? []) }

    /// The first state, of all cells but those of equations `[L * D, N, P]`. A cell may have no states: then ``tensors`` is
    /// empty, and to read `h` ends the process, as an array's first element does.
    public var h: Tensor<Scalar> {
      get {
        precondition(!tensors.isEmpty, "this cell has no states: State.tensors is empty, and there is no h")
        return tensors[0]
      }
      set { tensors = [newValue] + tensors.dropFirst() }
    }

    /// The second state, LSTM's `[L * D, N, H]`; nil for cells with one or none. Set behind `h`.
    public var c: Tensor<Scalar>? {
      get { tensors.count > 1 ? tensors[1] : nil }
      set { tensors = [h] + (newValue.map { [$0] } ?? []) + tensors.dropFirst(2) }
    }

    var pointers: States<Scalar> {
      var pointers = States<Scalar>()
      for (number, tensor) in tensors.enumerated() { pointers[number] = tensor.pointer }
      return pointers
    }
  }

  /// Zero states for `sequences` sequences; of equations, where the cell starts.
  ///
  /// - Throws: ``RNNError/invalidSize(_:_:low:high:)``, ``RNNError/outOfMemory(bytes:)``
  @_specialize(where Scalar == Float)
  @_specialize(where Scalar == Double)
  public func makeState(sequences: Int) throws(RNNError) -> State {
    try Self.checkBatch(steps: 0, sequences: sequences)
    var tensors: [Tensor<Scalar>] = []
    for state in 0..<stateCount {
      tensors.append(try Tensor(repeating: start(ofState: state), shape: shape(ofState: state, sequences: sequences)))
    }
    return State(tensors)
  }

  func check(_ state: State, sequences: Int) throws(RNNError) {
    let isFused = configuration.cell != .equations
    guard !state.tensors.isEmpty || stateCount == 0 else { throw .mismatch("the state has no tensors") }
    guard state.tensors.count <= stateCount else {
      throw .mismatch(
        isFused ? "only the state of an LSTM has c" : "the state has more tensors than the cell has states")
    }
    for (number, tensor) in state.tensors.enumerated() {
      let shape = try shape(ofState: number, sequences: sequences)
      guard shape.count == 3 else {
        guard tensor.count == shape[0] else { throw .countMismatch("a state", tensor.count, expected: shape[0]) }
        continue
      }
      let name: TensorName = !isFused ? .state : number == 0 ? .h : .c
      try tensor.check(name, shape[0], sequences, shape[2])
    }
  }

  /// Runs whole sequences, for inference: no dropout, nothing kept.
  ///
  /// - Parameters:
  ///   - x: `[T, N, I]`: steps, sequences, features; or `[N, T, I]`, with `batchFirst`.
  ///   - parameters: of this network. Packed on each call; ``pack(_:)`` does it once.
  ///   - lengths: `[N]`, each in 0 ... T, in any order; nil: all T. Past a sequence's end y is zero; the reverse
  ///     direction starts at its own end; length 0 hands the initial state through.
  ///   - mask: of a network with the option ``LayerOptions/gaps``: for each step of each sequence, in the order of x,
  ///     whether it counts; nil: all do.
  ///   - state: the initial states; nil: zeros.
  ///   - inputs: of a cell of equations, its inputs beside x by their names, each `[T, N, width]` (`[N, T, width]` with
  ///     `batchFirst`).
  ///   - batchFirst: x and y have their sequences first; read and written in place. States do not change their shape.
  /// - Returns: y, `[T, N, D * P]`, the directions side by side; and the states after each sequence's last step.
  /// - Throws: ``RNNError/sizeMismatch(_:_:expected:)`` and others for shapes that do not fit, with the numbers;
  ///   ``RNNError/outOfMemory(bytes:)``.
  @_specialize(where Scalar == Float)
  @_specialize(where Scalar == Double)
  public func callAsFunction(
    _ x: Tensor<Scalar>, parameters: NetworkParameters<Scalar>, lengths: [Int]? = nil, mask: [Bool]? = nil,
    state: State? = nil, inputs: KeyValuePairs<String, Tensor<Scalar>> = [:], batchFirst: Bool = false
  ) throws(RNNError) -> (y: Tensor<Scalar>, state: State) {
    try check(parameters, "parameters.flat")
    let pointers = try parameters.pointers("parameters.flat")
    defer { withExtendedLifetime((parameters, pointers)) {} }
    let batch = try Batch(
      self, x: x, lengths: lengths, mask: mask, state: state, inputs: inputs, batchFirst: batchFirst)
    return try infer(batch, purpose: .forward) { $0.parameters = pointers.constant }
  }

  /// The same with parameters that have been packed once. The same bits.
  @_specialize(where Scalar == Float)
  @_specialize(where Scalar == Double)
  public func callAsFunction(
    _ x: Tensor<Scalar>, weights: PackedWeights<Scalar>, lengths: [Int]? = nil, mask: [Bool]? = nil,
    state: State? = nil, inputs: KeyValuePairs<String, Tensor<Scalar>> = [:], batchFirst: Bool = false
  ) throws(RNNError) -> (y: Tensor<Scalar>, state: State) {
    let batch = try Batch(
      self, x: x, lengths: lengths, mask: mask, state: state, inputs: inputs, batchFirst: batchFirst)
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
    var tensors: [Tensor<Scalar>] = []
    for state in 0..<stateCount {
      tensors.append(try Tensor(uninitialized: shape(ofState: state, sequences: sequences)))
    }
    return State(tensors)
  }

  /// The inputs of a pass, checked, and kept alive.
  struct Batch {
    let x: Tensor<Scalar>
    let lengths: Block<Int64>?
    /// Steps first.
    let mask: Block<UInt8>?
    let state: State?
    /// Steps first.
    let inputs: [Tensor<Scalar>]
    let batchFirst: Bool

    var steps: Int { x.shape[batchFirst ? 1 : 0] }
    var sequences: Int { x.shape[batchFirst ? 0 : 1] }
    /// The shape of another array over the same steps and sequences.
    func shape(_ width: Int) -> [Int] { [x.shape[0], x.shape[1], width] }
    /// Its strides, by steps and by sequences; both 0: dense, steps first.
    func strides(_ width: Int) -> (Int, Int) { batchFirst && x.count > 0 ? (width, steps * width) : (0, 0) }

    init(
      _ network: Network, x: Tensor<Scalar>, lengths: [Int]?, mask: [Bool]? = nil, state: State?,
      inputs: KeyValuePairs<String, Tensor<Scalar>>, batchFirst: Bool
    ) throws(RNNError) {
      guard x.shape.count == 3 else { throw .sizeMismatch(TensorName.x.rank, x.shape.count, expected: 3) }
      try x.check(.x, x.shape[0], x.shape[1], network.configuration.inputSize)
      self.x = x
      self.state = state
      self.batchFirst = batchFirst
      let (steps, sequences) = batchFirst ? (x.shape[1], x.shape[0]) : (x.shape[0], x.shape[1])
      try Network.checkBatch(steps: steps, sequences: sequences)
      if let state { try network.check(state, sequences: sequences) }
      self.inputs = try network.ordered(inputs, x, batchFirst: batchFirst)
      if let mask {
        guard mask.count == steps * sequences else {
          throw .countMismatch("mask", mask.count, expected: steps * sequences)
        }
        let block = try Block<UInt8>(count: mask.count)
        for t in 0..<steps {
          for n in 0..<sequences {
            block.pointer[t * sequences + n] = mask[batchFirst ? n * steps + t : t * sequences + n] ? 1 : 0
          }
        }
        self.mask = block
      } else {
        self.mask = nil
      }
      guard let lengths else {
        self.lengths = nil
        return
      }
      guard lengths.count == sequences else { throw .countMismatch("lengths", lengths.count, expected: sequences) }
      let block = try Block<Int64>(count: sequences)
      for n in 0..<sequences { block.pointer[n] = Int64(lengths[n]) }
      self.lengths = block
    }

    /// Tensors of steps first, as the caller has its own.
    func ordered(_ tensors: [Tensor<Scalar>]) throws(RNNError) -> [Tensor<Scalar>] {
      if !batchFirst { return tensors }
      var swapped: [Tensor<Scalar>] = []
      for tensor in tensors { swapped.append(try tensor.withFirstAxesSwapped()) }
      return swapped
    }

    var forward: Forward {
      var forward = Forward(steps: steps, sequences: sequences)
      forward.x = UnsafePointer(x.pointer)
      (forward.xStepStride, forward.xSequenceStride) = strides(x.shape[2])
      forward.lengths = lengths.map { UnsafePointer($0.pointer) }
      forward.mask = mask.map { UnsafePointer($0.pointer) }
      if let state { forward.initial = state.pointers }
      for (number, input) in inputs.enumerated() { forward.inputs[number] = input.pointer }
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
