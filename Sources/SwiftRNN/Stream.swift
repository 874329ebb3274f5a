// Streams: state that lives between calls.
import Kernels

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A network that is fed step by step: audio, sensors, text. Belongs to one thread at a time.
///
/// All memory is had when it is made; `step` and `run` allocate nothing, lock nothing, stay on the calling
/// thread, and give the bits that whole sequences give.
///
/// Foundation has a `Stream` of its own: beside it write `SwiftRNN.Stream<Float>`.
public final class Stream<Scalar: RNNScalar>: @unchecked Sendable {
  public let network: Network<Scalar>
  public let sequences: Int
  private let weights: PackedWeights<Scalar>
  private let memory: Block<UInt8>
  private let scratch: StreamScratch<Scalar>
  private let layers: UnsafeMutablePointer<StreamLayer<Scalar>>
  private let layerCount: Int
  /// Of a network whose equations are interpreted: it has no layers above.
  private let cells: CellStream<Scalar>?
  /// Of a network with layer options, which has neither.
  private let stack: StackStream<Scalar>?
  private var odd = false

  /// A stream of `sequences` parallel sequences, all states zero. Retains network and weights.
  ///
  /// - Throws: ``RNNError/unsupported(_:)`` for a bidirectional network, ``RNNError/mismatch(_:)`` for weights of
  ///   another network's configuration, ``RNNError/outOfMemory(bytes:)``.
  @_specialize(where Scalar == Float)
  @_specialize(where Scalar == Double)
  public convenience init(
    _ network: Network<Scalar>, weights: PackedWeights<Scalar>, sequences: Int
  ) throws(RNNError) {
    try self.init(of: network, weights, sequences: sequences)
  }

  /// - Parameter other: another stream of the same network, whose way to step this one takes.
  @inline(never)
  init(
    of network: Network<Scalar>, _ weights: PackedWeights<Scalar>, sequences: Int, like other: Stream? = nil
  ) throws(RNNError) {
    let c = network.executed
    guard !c.bidirectional else {
      throw .unsupported("a bidirectional network needs the end of its input first: no stream")
    }
    guard weights.isFor(network) else { throw .mismatch("the weights are of another network's configuration") }
    try Network<Scalar>.checkBatch(steps: 1, sequences: sequences)
    _ = try Size.product(sequences, c.inputSize, MemoryLayout<Scalar>.stride, of: "x")
    self.network = network
    self.weights = weights
    self.sequences = sequences
    if let own = network.stack {
      stack = try StackStream(own, weights, sequences: sequences)
      cells = nil
      var none = Arena(nil)
      memory = try Block(count: 0)
      scratch = StreamScratch(&none, network.plan, sequences: 0)
      layers = none.take(StreamLayer<Scalar>.self, 0)
      layerCount = 0
      reset()
      return
    }
    stack = nil
    if let equations = network.interpreter {
      for input in network.inputs {
        _ = try Size.product(sequences, input.width, MemoryLayout<Scalar>.stride, of: "inputs")
      }
      var counter = Arena(nil)
      _ = CellStream(&counter, network, equations, weights, sequences: sequences, counting: true)
      memory = try Block(count: counter.size("a stream"))
      var arena = Arena(memory.pointer)
      cells = CellStream(&arena, network, equations, weights, sequences: sequences, counting: false)
      var none = Arena(nil)
      scratch = StreamScratch(&none, network.plan, sequences: 0)
      layers = none.take(StreamLayer<Scalar>.self, 0)
      layerCount = 0
      try stepOnce()
      reset()
      return
    }
    self.cells = nil
    let cells = (0..<c.layers).map { CellStep(network, layer: $0, weights.packed($0, 0)) }
    func lay(_ arena: inout Arena) -> (StreamScratch<Scalar>, [StreamLayer<Scalar>]) {
      let scratch = StreamScratch<Scalar>(&arena, network.plan, sequences: sequences)
      return (scratch, cells.map { StreamLayer(&arena, $0, sequences: sequences) })
    }
    var counter = Arena(nil)
    _ = counter.take(StreamLayer<Scalar>.self, c.layers)
    _ = lay(&counter)
    memory = try Block(count: counter.size("a stream"))
    var arena = Arena(memory.pointer)
    layers = arena.take(StreamLayer<Scalar>.self, c.layers)
    layerCount = c.layers
    let laid: [StreamLayer<Scalar>]
    (scratch, laid) = lay(&arena)

    scratch.prepare(network.plan, sequences: sequences)
    let x = UnsafePointer(scratch.xRows)
    for (index, layer) in laid.enumerated() {
      (layers + index).initialize(to: layer)
      let below = index > 0 ? laid[index - 1].turns : nil
      layer.prepare(
        cells[index], scratch, inputs: below.map { (constant($0.0.hRows), constant($0.1.hRows)) } ?? (x, x))
    }
    try chooseSteps(like: other)
    reset()
  }

  /// Decides whether each of few sequences steps alone, by doing both: a tile of several rows reads the weights once, and a
  /// single step has less around it. Two sequences together took 0.5 to 1.5 of the time of two streams, from one cell, size,
  /// instruction set and processor to another. The bits are the same.
  private func chooseSteps(like other: Stream?) throws(RNNError) {
    guard sequences > 1, sequences <= StreamLayer<Scalar>.mostAlone else { return }
    // Weights that no first- or second-level cache holds are better read once.
    guard network.flatCount <= Self.mostParametersAlone else { return }
    if let other {
      for index in 0..<layerCount { layers[index].stepsAlone = other.layers[index].stepsAlone }
      return
    }
    let steps = network.flatCount < 4096 ? 4 : 2
    let zeros = try Block<Scalar>(count: Size.product(steps, sequences, network.executed.inputSize, of: "x"))
    zeros.pointer.update(repeating: 0, count: zeros.count)
    var best = (together: UInt64.max, alone: UInt64.max)
    for round in 0..<10 {
      let alone = round % 2 == 1
      for index in 0..<layerCount { layers[index].stepsAlone = alone }
      let start = Self.nanoseconds()
      withFloatControl { run(zeros.pointer, nil, steps: steps) }
      let time = Self.nanoseconds() &- start
      if alone { best.alone = min(best.alone, time) } else { best.together = min(best.together, time) }
    }
    for index in 0..<layerCount { layers[index].stepsAlone = best.alone < best.together }
    withExtendedLifetime(zeros) {}
  }

  private static var mostParametersAlone: Int { 1 << 16 }

  private static func nanoseconds() -> UInt64 {
    var now = timespec()
    clock_gettime(CLOCK_MONOTONIC, &now)
    return UInt64(truncatingIfNeeded: now.tv_sec &* 1_000_000_000 &+ now.tv_nsec)
  }

  /// A step of zeros. The first one of a cell of equations asks the runtime for types, which allocates: not in `step`.
  private func stepOnce() throws(RNNError) {
    guard let cells, sequences > 0 else { return }
    reset()
    let widest = network.inputs.reduce(network.configuration.inputSize) { max($0, $1.width) }
    let zeros = try Block<Scalar>(count: Size.product(sequences, widest, of: "x"))
    zeros.pointer.update(repeating: 0, count: zeros.count)
    var inputs = Inputs<Scalar>()
    for input in 0..<network.inputCount { inputs[input] = zeros.pointer }
    withFloatControl { cells.step(odd: false, zeros.pointer, inputs, nil) }
    withExtendedLifetime(zeros) {}
  }

  /// All states to zero.
  @_specialize(where Scalar == Float)
  @_specialize(where Scalar == Double)
  public func reset() {
    cells?.reset(odd: odd)
    stack?.reset()
    for index in 0..<layerCount { layers[index].reset() }
  }

  /// One step: x `[N, I]` dense, y `[N, P]` dense or nil.
  @_specialize(where Scalar == Float)
  @_specialize(where Scalar == Double)
  public func step(unsafe x: UnsafePointer<Scalar>?, into y: UnsafeMutablePointer<Scalar>?) throws(RNNError) {
    try check(x, y)
    withFloatControl { run(x, y, steps: 1) }
  }

  /// One step of a network of equations that has inputs beside x, each `[N, width]` dense.
  @_specialize(where Scalar == Float)
  @_specialize(where Scalar == Double)
  public func step(
    unsafe x: UnsafePointer<Scalar>?, inputs: Inputs<Scalar>, into y: UnsafeMutablePointer<Scalar>?
  ) throws(RNNError) {
    try check(x, y, inputs: inputs)
    guard let x, sequences > 0 else { return }
    withFloatControl { advance(x, inputs, y) }
  }

  /// One step of checked arguments, in the library's floating-point control.
  @inline(never)
  func advance(_ x: UnsafePointer<Scalar>, _ inputs: Inputs<Scalar>, _ y: UnsafeMutablePointer<Scalar>?) {
    if let cells {
      cells.step(odd: odd, x, inputs, y)
      odd.toggle()
      return
    }
    if let stack { return stack.step(x, inputs, y) }
    run(x, y, steps: 1)
  }

  /// The same for a caller that has set the library's floating-point control: setting it takes 40 ns, as much as a
  /// small cell's gates.
  @_spi(Door)
  @_specialize(where Scalar == Float)
  @_specialize(where Scalar == Double)
  public func controlledStep(
    unsafe x: UnsafePointer<Scalar>?, into y: UnsafeMutablePointer<Scalar>?
  ) throws(RNNError) {
    try check(x, y)
    run(x, y, steps: 1)
  }

  /// Several steps, one after the other: x `[steps, N, I]` dense, y `[steps, N, P]` dense or nil.
  @_specialize(where Scalar == Float)
  @_specialize(where Scalar == Double)
  public func run(
    unsafe x: UnsafePointer<Scalar>?, into y: UnsafeMutablePointer<Scalar>?, steps: Int
  ) throws(RNNError) {
    try Network<Scalar>.checkBatch(steps: steps, sequences: sequences)
    let c = network.executed
    let width = try Size.product(sequences, max(c.inputSize, c.outputSize), of: "x")
    _ = try Size.product(steps, width, MemoryLayout<Scalar>.stride, of: "x")
    if steps == 0 { return }
    try check(x, y)
    withFloatControl { run(x, y, steps: steps) }
  }

  private func check(
    _ x: UnsafePointer<Scalar>?, _ y: UnsafeMutablePointer<Scalar>?, inputs: Inputs<Scalar> = Inputs()
  ) throws(RNNError) {
    if network.executed.cell == .equations {
      for input in 0..<network.inputCount {
        if inputs[input] == nil && sequences > 0 { throw .nullPointer("an entry of inputs") }
        try Check.aligned(inputs[input], "an entry of inputs")
      }
    }
    if x == nil && sequences > 0 { throw .nullPointer("x") }
    try Check.aligned(x, "x")
    try Check.aligned(y, "y")
  }

  /// Never inlined, so that no arithmetic moves past the change of the floating-point control.
  @inline(never)
  private func run(_ x: UnsafePointer<Scalar>?, _ y: UnsafeMutablePointer<Scalar>?, steps: Int) {
    guard var x, sequences > 0 else { return }
    var y = y
    let c = network.executed
    if cells != nil || stack != nil {
      for _ in 0..<steps {
        advance(x, Inputs(), y)
        x += sequences &* c.inputSize
        y = y.map { $0 + sequences &* c.outputSize }
      }
      return
    }
    for _ in 0..<steps {
      if sequences > 1 {
        for n in 0..<sequences { scratch.xRows[n] = x + n &* c.inputSize }
      }
      var (input, stride) = (x, c.inputSize)
      for index in 0..<layerCount {
        StreamLayer.step(layers + index, network, odd: odd, x: input, stride: stride, scratch)
        (input, stride) = (UnsafePointer(layers[index].h(odd: !odd)), layers[index].width)
      }
      odd.toggle()
      if let out = y {
        let last = layers[layerCount &- 1]
        copy(last.h(odd: odd), last.width, to: out, c.stateWidth, c.stateWidth)
        y = out + sequences &* c.stateWidth
      }
      x += sequences &* c.inputSize
    }
  }

  /// Rows of `count` numbers, one per sequence.
  @inline(__always)
  private func copy(
    _ from: UnsafePointer<Scalar>, _ fromStride: Int, to: UnsafeMutablePointer<Scalar>, _ toStride: Int, _ count: Int
  ) {
    for n in 0..<sequences { (to + n &* toStride).update(from: from + n &* fromStride, count: count) }
  }

  /// c of the last layer, `[N, H]`; nothing of other cells than LSTM.
  func copyCells(to cells: UnsafeMutablePointer<Scalar>) {
    let c = network.executed
    guard c.cell == .lstm, layerCount > 0 else { return }
    let last = layers[layerCount &- 1]
    copy(last.c, last.hidden, to: cells, c.hiddenSize, c.hiddenSize)
  }

  /// Copies the states out; nil entries are skipped.
  @_specialize(where Scalar == Float)
  @_specialize(where Scalar == Double)
  public func getState(_ states: States<Scalar>) throws(RNNError) {
    try states.check(network.executed, sequences: sequences, "states")
    copyState(to: states)
  }

  /// Of states that have been checked.
  func copyState(to states: States<Scalar>) {
    let c = network.executed
    cells?.getState(states, odd: odd)
    stack?.getState(states)
    for index in 0..<layerCount {
      let layer = layers[index]
      let (h, cell) = states.part(c, layer: index, direction: 0, sequences: sequences)
      if let h { copy(layer.h(odd: odd), layer.width, to: h, c.stateWidth, c.stateWidth) }
      if let cell { copy(layer.c, layer.hidden, to: cell, c.hiddenSize, c.hiddenSize) }
    }
  }

  /// Copies states in; nil entries become zeros.
  @_specialize(where Scalar == Float)
  @_specialize(where Scalar == Double)
  public func setState(_ states: States<Scalar>) throws(RNNError) {
    try states.check(network.executed, sequences: sequences, "states")
    takeState(states)
  }

  /// Of states that have been checked.
  func takeState(_ states: States<Scalar>) {
    let c = network.executed
    cells?.setState(states, odd: odd)
    stack?.setState(states)
    for index in 0..<layerCount {
      let layer = layers[index]
      let (h, cell) = states.part(constant: c, layer: index, direction: 0, sequences: sequences)
      layer.reset()
      if let h { copy(h, c.stateWidth, to: layer.h(odd: odd), layer.width, c.stateWidth) }
      if let cell { copy(cell, c.hiddenSize, to: layer.c, layer.hidden, c.hiddenSize) }
    }
  }
}
