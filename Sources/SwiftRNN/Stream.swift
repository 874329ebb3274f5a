// Streams: state that lives between calls.
import Kernels

/// A network that is fed step by step: audio, sensors, text. Belongs to one thread at a time.
///
/// All memory is had when it is made; `step` and `run` allocate nothing, lock nothing, stay on the calling
/// thread, and give the bits that whole sequences give.
public final class Stream<Scalar: RNNScalar>: @unchecked Sendable {
  public let network: Network<Scalar>
  public let sequences: Int
  private let weights: PackedWeights<Scalar>
  private let h: Block<Scalar>
  private let c: Block<Scalar>
  private let workspace: Block<UInt8>

  /// A stream of `sequences` parallel sequences, all states zero. Retains network and weights.
  ///
  /// - Throws: ``RNNError/unsupported(_:)`` for a bidirectional network, ``RNNError/mismatch(_:)`` for weights of another
  ///   network's configuration, ``RNNError/outOfMemory(bytes:)``.
  @_specialize(where Scalar == Float)
  @_specialize(where Scalar == Double)
  public init(_ network: Network<Scalar>, weights: PackedWeights<Scalar>, sequences: Int) throws(RNNError) {
    let configuration = network.configuration
    guard !configuration.bidirectional else {
      throw .unsupported("a bidirectional network needs the end of its input first: no stream")
    }
    guard weights.isFor(network) else { throw .mismatch("the weights are of another network's configuration") }
    try Network<Scalar>.checkBatch(steps: 1, sequences: sequences)
    // One thread: a stream's step may not wait for others.
    var single = configuration
    single.threads = 1
    self.network = try Network(single)
    self.weights = weights
    self.sequences = sequences
    let rows = try Size.product(configuration.layers, sequences, of: "state")
    h = try Block(count: Size.product(rows, configuration.stateWidth, of: "state"))
    c = try Block(count: configuration.cell == .lstm ? Size.product(rows, configuration.hiddenSize, of: "state") : 0)
    workspace = try Block(count: network.workspaceSize(.forwardWeights, steps: 1, sequences: sequences))
    reset()
    // A step of no sequences: the runtime makes some types' metadata when they are first used, which allocates and locks.
    try step(nil, into: nil, sequences: 0)
  }

  /// All states to zero.
  @_specialize(where Scalar == Float)
  @_specialize(where Scalar == Double)
  public func reset() {
    h.pointer.update(repeating: 0, count: h.count)
    c.pointer.update(repeating: 0, count: c.count)
  }

  private var states: States<Scalar> { States(h: h.pointer, c: c.count > 0 ? c.pointer : nil) }

  /// One step: x `[N, I]` dense, y `[N, P]` dense or nil.
  @_specialize(where Scalar == Float)
  @_specialize(where Scalar == Double)
  public func step(unsafe x: UnsafePointer<Scalar>?, into y: UnsafeMutablePointer<Scalar>?) throws(RNNError) {
    try step(x, into: y, sequences: sequences)
  }

  @inline(__always)
  private func step(
    _ x: UnsafePointer<Scalar>?, into y: UnsafeMutablePointer<Scalar>?, sequences: Int
  ) throws(RNNError) {
    var forward = Network<Scalar>.Forward(steps: 1, sequences: sequences)
    forward.x = x
    forward.y = y
    forward.initial = states
    forward.final = states
    forward.weights = weights
    forward.workspace = UnsafeMutableRawPointer(workspace.pointer)
    forward.workspaceBytes = workspace.count
    try network.forward(forward)
  }

  /// Several steps, one after the other: x `[steps, N, I]` dense, y `[steps, N, P]` dense or nil.
  @_specialize(where Scalar == Float)
  @_specialize(where Scalar == Double)
  public func run(
    unsafe x: UnsafePointer<Scalar>?, into y: UnsafeMutablePointer<Scalar>?, steps: Int
  ) throws(RNNError) {
    try Network<Scalar>.checkBatch(steps: steps, sequences: sequences)
    let (inputs, outputs) = (sequences * network.configuration.inputSize, sequences * network.configuration.outputSize)
    _ = try Size.product(steps, max(inputs, outputs), MemoryLayout<Scalar>.stride, of: "x")
    if x == nil && steps > 0 && sequences > 0 { throw .nullPointer("x") }
    for s in 0..<steps { try step(unsafe: x.map { $0 + s * inputs }, into: y.map { $0 + s * outputs }) }
  }

  /// Copies the states out; nil entries are skipped.
  @_specialize(where Scalar == Float)
  @_specialize(where Scalar == Double)
  public func getState(_ states: States<Scalar>) throws(RNNError) {
    try states.check(network.configuration, sequences: sequences, "states")
    states.h?.update(from: h.pointer, count: h.count)
    if c.count > 0 { states.c?.update(from: c.pointer, count: c.count) }
  }

  /// Copies states in; nil entries become zeros.
  @_specialize(where Scalar == Float)
  @_specialize(where Scalar == Double)
  public func setState(_ states: States<Scalar>) throws(RNNError) {
    try states.check(network.configuration, sequences: sequences, "states")
    if let from = states.h {
      h.pointer.update(from: from, count: h.count)
    } else {
      h.pointer.update(repeating: 0, count: h.count)
    }
    if let from = states.c, c.count > 0 {
      c.pointer.update(from: from, count: c.count)
    } else {
      c.pointer.update(repeating: 0, count: c.count)
    }
  }
}
