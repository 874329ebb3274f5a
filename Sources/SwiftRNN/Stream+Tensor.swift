// Streams on arrays and tensors.

extension Network {
  /// A stream of `batch` parallel sequences, all states zero; packs `parameters`.
  ///
  /// - Throws: ``RNNError/unsupported(_:)`` for a bidirectional network, ``RNNError/outOfMemory(bytes:)``
  @_specialize(where Scalar == Float)
  @_specialize(where Scalar == Double)
  public func makeStream(_ parameters: NetworkParameters<Scalar>, batch: Int) throws(RNNError) -> Stream<Scalar> {
    try makeStream(pack(parameters), batch: batch)
  }

  /// The same with weights that other streams may share.
  @_specialize(where Scalar == Float)
  @_specialize(where Scalar == Double)
  public func makeStream(_ weights: PackedWeights<Scalar>, batch: Int) throws(RNNError) -> Stream<Scalar> {
    guard (0...NetworkConfiguration.largestSize).contains(batch) else {
      throw .invalidSize("batch", batch, low: 0, high: NetworkConfiguration.largestSize)
    }
    return try Stream(self, weights: weights, sequences: batch)
  }
}

extension Stream {
  private var inputs: Int { sequences * network.configuration.inputSize }
  /// Compared number by number: an array to compare with would be allocated.
  private func isBatch(_ tensor: Tensor<Scalar>, _ width: Int) -> Bool {
    tensor.shape.count == 2 && tensor.shape[0] == sequences && tensor.shape[1] == width
  }

  private var outputs: Int { sequences * network.configuration.outputSize }

  /// One step: `input` `[N, I]`, `output` `[N, P]`, dense. Allocates nothing.
  ///
  /// - Throws: ``RNNError/countMismatch(_:_:expected:)``
  @_specialize(where Scalar == Float)
  @_specialize(where Scalar == Double)
  public func step(_ input: [Scalar], into output: inout [Scalar]) throws(RNNError) {
    try input.withUnsafeBufferPointer { (x) throws(RNNError) in
      try output.withUnsafeMutableBufferPointer { (y) throws(RNNError) in try step(x, into: y) }
    }
  }

  /// One step: `input` `[N, I]`, `output` `[N, P]`. Allocates nothing if no other tensor shares the output's memory.
  @_specialize(where Scalar == Float)
  @_specialize(where Scalar == Double)
  public func step(_ input: Tensor<Scalar>, into output: inout Tensor<Scalar>) throws(RNNError) {
    guard isBatch(input, network.configuration.inputSize) else {
      throw .mismatch("the shape of input differs from [N, I]")
    }
    guard isBatch(output, network.configuration.outputSize) else {
      throw .mismatch("the shape of output differs from [N, P]")
    }
    try input.withUnsafeBufferPointer { (x) throws(RNNError) in
      try output.withUnsafeMutableBufferPointer { (y) throws(RNNError) in try step(x, into: y) }
    }
  }

  /// One step: `input` `[N, I]`, `output` `[N, P]`, dense. Allocates nothing.
  @_specialize(where Scalar == Float)
  @_specialize(where Scalar == Double)
  public func step(_ input: Span<Scalar>, into output: inout MutableSpan<Scalar>) throws(RNNError) {
    try input.withUnsafeBufferPointer { (x) throws(RNNError) in
      try output.withUnsafeMutableBufferPointer { (y) throws(RNNError) in try step(x, into: y) }
    }
  }

  /// One step: `input` `[N, I]`, `output` `[N, P]`, dense. Allocates nothing.
  @_specialize(where Scalar == Float)
  @_specialize(where Scalar == Double)
  public func step(
    _ input: UnsafeBufferPointer<Scalar>, into output: UnsafeMutableBufferPointer<Scalar>
  ) throws(RNNError) {
    guard input.count == inputs else { throw .countMismatch("input", input.count, expected: inputs) }
    guard output.count == outputs else { throw .countMismatch("output", output.count, expected: outputs) }
    try step(unsafe: input.baseAddress, into: output.baseAddress)
  }

  /// Several steps, one after the other: x `[steps, N, I]`. The bits of as many single steps.
  ///
  /// - Returns: y `[steps, N, P]`
  @_specialize(where Scalar == Float)
  @_specialize(where Scalar == Double)
  public func run(_ x: Tensor<Scalar>) throws(RNNError) -> Tensor<Scalar> {
    let steps = x.shape.first ?? 0
    try x.check(.x, steps, sequences, network.configuration.inputSize)
    let y = try Tensor<Scalar>(uninitialized: [steps, sequences, network.configuration.outputSize])
    try run(unsafe: UnsafePointer(x.pointer), into: y.pointer, steps: steps)
    return y
  }

  /// A copy of the states.
  ///
  /// - Throws: ``RNNError/outOfMemory(bytes:)``
  public var state: Network<Scalar>.State {
    get throws(RNNError) {
      let state = try network.uninitializedState(sequences: sequences)
      try getState(state.pointers)
      return state
    }
  }

  /// Goes on from `state`. Allocates nothing.
  ///
  /// - Throws: ``RNNError/sizeMismatch(_:_:expected:)``
  @_specialize(where Scalar == Float)
  @_specialize(where Scalar == Double)
  public func setState(_ state: Network<Scalar>.State) throws(RNNError) {
    try network.check(state, sequences: sequences)
    try setState(state.pointers)
  }
}
