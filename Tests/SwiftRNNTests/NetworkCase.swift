import Reference
import SwiftRNN

/// A network with parameters and a batch for it, drawn at random: what every test of the networks begins with.
struct NetworkCase<Scalar: RNNScalar> {
  var configuration: NetworkConfiguration
  var network: Network<Scalar>
  var parameters: NetworkParameters<Scalar>
  var x: Tensor<Scalar>
  var lengths: [Int]?
  var state: Network<Scalar>.State?
  var dy: Tensor<Scalar>
  var dState: Network<Scalar>.State
  var seed: UInt64 = 7

  var steps: Int { x.shape[0] }
  var sequences: Int { x.shape[1] }

  init(
    _ configuration: NetworkConfiguration, steps: Int, sequences: Int, lengths: Bool = true, state: Bool = true,
    seed: UInt64
  ) throws {
    try self.init(
      Network(configuration), steps: steps, sequences: sequences, lengths: lengths, state: state, seed: seed)
  }

  init(
    _ network: Network<Scalar>, steps: Int, sequences: Int, lengths: Bool = true, state: Bool = true, seed: UInt64
  ) throws {
    var random = SplitMix(seed)
    configuration = network.configuration
    self.network = network
    parameters = try network.makeParameters(seed: random.next())
    x = try random.tensor([steps, sequences, configuration.inputSize])
    if lengths {
      var drawn = random.integers(sequences, 0..<steps + 1)
      // Always among them: nothing, and everything.
      if sequences > 1 { drawn[Int(random.next() % UInt64(sequences))] = 0 }
      if sequences > 2, let other = drawn.indices.first(where: { drawn[$0] != 0 }) { drawn[other] = steps }
      self.lengths = drawn
    }
    dy = try random.tensor([steps, sequences, configuration.outputSize])
    dState = try network.randomState(sequences: sequences, &random)
    if state { self.state = try network.randomState(sequences: sequences, &random) }
  }

  func forward() throws -> (y: Tensor<Scalar>, state: Network<Scalar>.State, tape: Tape<Scalar>) {
    try network.forward(x, parameters: parameters, lengths: lengths, state: state, seed: seed)
  }

  func infer() throws -> (y: Tensor<Scalar>, state: Network<Scalar>.State) {
    try network(x, parameters: parameters, lengths: lengths, state: state)
  }

  func backward() throws -> Tape<Scalar>.Gradients { try forward().tape.backward(dy, dState: dState) }

  /// The same batch on another network.
  func on(_ other: Network<Scalar>) -> NetworkCase {
    var copy = self
    copy.network = other
    copy.configuration = other.configuration
    return copy
  }

  /// The same with another thread count.
  func threads(_ count: Int) throws -> NetworkCase {
    var configuration = configuration
    configuration.threads = count
    return on(try Network(configuration))
  }

  /// Some of the sequences, as a batch of their own.
  func part(_ range: Range<Int>) throws -> NetworkCase {
    var copy = self
    copy.x = try x.sequences(range)
    copy.dy = try dy.sequences(range)
    copy.lengths = lengths.map { Array($0[range]) }
    copy.state = try state?.sequences(range)
    copy.dState = try dState.sequences(range)
    return copy
  }

  /// The same sequences in a batch that is `more` steps longer, with `filler` in all padding.
  func padded(by more: Int, filler: Scalar = 0) throws -> NetworkCase {
    var copy = self
    let own = lengths ?? Array(repeating: steps, count: sequences)
    copy.lengths = own
    copy.x = try x.padded(to: steps + more, lengths: own, filler: filler)
    copy.dy = try dy.padded(to: steps + more, lengths: own, filler: filler)
    return copy
  }

  /// The plain scalar version with the same parameters.
  var reference: RecurrentReference {
    let c = configuration
    let cell: RecurrentReference.Cell =
      switch c.cell {
      case .rnnTanh: .rnnTanh
      case .rnnRelu: .rnnRelu
      case .lstm: .lstm
      case .gru: .gru
      case .gruResetBefore, .equations: .gruResetBefore  // no equations here
      }
    var reference = RecurrentReference(cell, inputSize: c.inputSize, hiddenSize: c.hiddenSize)
    reference.projectionSize = c.projectionSize
    reference.layers = c.layers
    reference.bidirectional = c.bidirectional
    for info in parameters.infos {
      reference.parameters[info.name] = parameters[info.name]?.elements.map { Double($0) }
    }
    return reference
  }

  func runReference(mask: (@Sendable (Int, Int, Int, Int) -> Double)? = nil) -> RecurrentReference.Result {
    var reference = reference
    reference.mask = mask
    return reference.run(
      x.doubles, steps: steps, sequences: sequences, lengths: lengths, h: state?.h.doubles, c: state?.c?.doubles)
  }
}

extension SplitMix {
  mutating func tensor<Scalar: RNNScalar>(_ shape: [Int]) throws -> Tensor<Scalar> {
    try Tensor(numbers(shape.reduce(1, *)), shape: shape)
  }

  mutating func choose<Element>(_ elements: [Element]) -> Element { elements[Int(next() % UInt64(elements.count))] }
}

extension Network {
  func randomState(sequences: Int, _ random: inout SplitMix) throws -> State {
    var state = try makeState(sequences: sequences)
    state.h = try random.tensor(state.h.shape)
    if let c = state.c { state.c = try random.tensor(c.shape) }
    return state
  }
}

extension Network.State {
  func sequences(_ range: Range<Int>) throws -> Self { Self(h: try h.sequences(range), c: try c?.sequences(range)) }
}

extension Tensor {
  var doubles: [Double] { elements.map { Double($0) } }

  /// `[:, range, :]`
  func sequences(_ range: Range<Int>) throws -> Tensor {
    let (rows, width) = (shape[0], shape[2])
    let all = elements
    var out: [Scalar] = []
    for t in 0..<rows { for n in range { out += all[(t * shape[1] + n) * width..<(t * shape[1] + n + 1) * width] } }
    return try Tensor(out, shape: [rows, range.count, width])
  }

  func padded(to steps: Int, lengths: [Int], filler: Scalar) throws -> Tensor {
    let (sequences, width) = (shape[1], shape[2])
    let all = elements
    var out = [Scalar](repeating: filler, count: steps * sequences * width)
    for n in 0..<sequences {
      for t in 0..<lengths[n] {
        for j in 0..<width { out[(t * sequences + n) * width + j] = all[(t * sequences + n) * width + j] }
      }
    }
    return try Tensor(out, shape: [steps, sequences, width])
  }

  /// The first steps.
  func prefix(steps: Int) throws -> Tensor {
    try Tensor(Array(elements.prefix(steps * shape[1] * shape[2])), shape: [steps, shape[1], shape[2]])
  }
}

/// The largest difference, relative to max(1, the largest expected number).
func relativeError(_ a: [Double], _ expected: [Double]) -> Double {
  guard a.count == expected.count else { return .infinity }
  let scale = max(1, expected.reduce(0) { max($0, abs($1)) })
  var worst = 0.0
  for (a, b) in zip(a, expected) {
    let difference = abs(a - b)
    if !(difference <= worst) { worst = difference }
  }
  return worst / scale
}

/// All cells with sizes of the test's choosing.
func configurations(
  inputSize: Int, hiddenSize: Int, projectionSize: Int, layers: Int = 1, bias: Bool = true, dropout: Double = 0,
  bidirectional: Bool = false
) -> [NetworkConfiguration] {
  let all: [NetworkConfiguration] = [
    .rnn(inputSize: inputSize, hiddenSize: hiddenSize), .rnn(inputSize: inputSize, hiddenSize: hiddenSize, relu: true),
    .lstm(inputSize: inputSize, hiddenSize: hiddenSize),
    .lstm(inputSize: inputSize, hiddenSize: hiddenSize, projectionSize: projectionSize),
    .gru(inputSize: inputSize, hiddenSize: hiddenSize),
    .gru(inputSize: inputSize, hiddenSize: hiddenSize, resetAfter: false),
  ]
  return all.map {
    var configuration = $0
    configuration.layers = layers
    configuration.bias = bias
    configuration.dropout = dropout
    configuration.bidirectional = bidirectional
    return configuration
  }
}
