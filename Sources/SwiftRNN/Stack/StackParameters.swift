// Parameters of a network with layer options: those of its layers, and initial states that are learned.
import Kernels

extension Network {
  /// With kernels of the caller's choice. Options that say nothing make a plain network, unless `isStacked`.
  convenience init(
    _ configuration: NetworkConfiguration, options: LayerOptions, kernels: KernelTable<Scalar>, isStacked: Bool = false
  ) throws(RNNError) {
    try configuration.check()
    let options = try options.checked(configuration)
    guard isStacked || options != LayerOptions() else {
      try self.init(configuration, kernels: kernels)
      return
    }
    let stack = try Stack<Scalar>(configuration, options) { (own) throws(RNNError) in
      try Network(own, kernels: kernels)
    }
    try self.init(configuration, kernels, stack)
  }

  /// The same of a cell of equations.
  convenience init(
    _ cell: Cell, _ configuration: NetworkConfiguration, sizes: [String: Int], options: LayerOptions,
    kernels: KernelTable<Scalar>, isStacked: Bool = false
  ) throws(RNNError) {
    var configuration = try configuration.forCell()
    let options = try options.checked(configuration)
    guard isStacked || options != LayerOptions() || !cell.statistics.isEmpty || cell.head != nil else {
      try self.init(cell, configuration, sizes: sizes, kernels: kernels)
      return
    }
    let stack = try Stack<Scalar>(configuration, options) { (own) throws(RNNError) in
      try Network(cell, own, sizes: sizes, kernels: kernels)
    }
    let first = stack.block(0, 0).network.configuration
    configuration.cell = .equations
    (configuration.equationsFingerprint, configuration.equationsWidth) = (
      first.equationsFingerprint, first.equationsWidth
    )
    try self.init(configuration, kernels, stack)
  }

  private convenience init(
    _ configuration: NetworkConfiguration, _ kernels: KernelTable<Scalar>, _ stack: Stack<Scalar>
  ) throws(RNNError) {
    var configuration = configuration
    (configuration.optionsFingerprint, configuration.optionsOutput) = (stack.options.fingerprint, stack.outputSize)
    try self.init(configuration, kernels: kernels, stack: stack)
  }
}

extension Network {
  /// Whether a forward pass makes small arrays and objects. With packed weights, on one thread, the kernels of the plain
  /// cells make none.
  @_spi(Door)
  public func allocates(packed: Bool, steps: Int, sequences: Int) -> Bool {
    !packed || stack != nil || interpreter != nil || threads(steps: steps, sequences: sequences) > 1
  }

  /// Bytes that the small arrays and objects of a call have at most: some for each layer, more with layer options, and in
  /// a stream for each chain.
  @_spi(Door)
  public func spareBytes(isStream: Bool = false) -> Int {
    let all = (1 << 16) &+ configuration.layers &* 1024
    guard let stack else { return all }
    let chains = isStream ? stack.blocks.reduce(0) { $0 &+ $1.dilation } : 0
    return all &+ stack.blocks.count &* 4096 &+ stack.parameters.count &* 64 &+ chains &* 2048
  }
}

extension Stack {
  /// Learned states start where the cell's do.
  func startInitialStates(_ parameters: UnsafeBufferPointer<UnsafeMutableRawPointer?>) {
    guard options.learnedInitialStates else { return }
    for block in blocks {
      let network = block.network
      for direction in 0..<block.directions {
        for state in 0..<network.stateCount {
          let index = firstInitialState[block.layer] + (block.flow + direction) * network.stateCount + state
          parameters[index]?.assumingMemoryBound(to: Scalar.self)
            .update(repeating: network.start(ofState: state), count: network.width(ofState: state))
        }
      }
    }
  }

  /// Each block's weights, and those of its head.
  func pack(
    _ parameters: UnsafeBufferPointer<UnsafeRawPointer?>
  ) throws(RNNError) -> (blocks: [PackedWeights<Scalar>], heads: [PackedWeights<Scalar>?]) {
    var (packed, heads): ([PackedWeights<Scalar>], [PackedWeights<Scalar>?]) = ([], [])
    for block in blocks {
      let own = UnsafeBufferPointer(
        rebasing: parameters[block.firstParameter..<block.firstParameter + block.parameterCount])
      packed.append(try PackedWeights(of: block.head?.core ?? block.network, own))
      heads.append(try block.head.map { (head) throws(RNNError) in try PackedWeights(of: head.network, own) })
    }
    return (packed, heads)
  }

  func copyInitialStates(
    _ from: UnsafeBufferPointer<UnsafeRawPointer?>
  ) throws(RNNError) -> SwiftRNN.Block<UInt8> {
    // A cell may have no parameters at all.
    let last = options.learnedInitialStates ? parameters.last?.elements ?? 0 : 0
    let count = (initialStateOffsets.last ?? 0) + last
    let memory = try SwiftRNN.Block<UInt8>(count: Size.bytes(count, of: Scalar.self, "weights"))
    let start = UnsafeMutableRawPointer(memory.pointer).assumingMemoryBound(to: Scalar.self)
    for (index, info) in parameters.enumerated() where index >= firstInitialState[info.layer] {
      guard let tensor = from[index] else { continue }
      (start + initialStateOffsets[index]).update(
        from: tensor.assumingMemoryBound(to: Scalar.self), count: info.elements)
    }
    return memory
  }
}
