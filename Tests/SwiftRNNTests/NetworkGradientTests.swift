import Reference
import SwiftRNN
import Testing

/// Gradients against central finite differences of the library's own forward pass, in Double.
@Suite struct NetworkGradientTests {
  struct Options: CustomTestStringConvertible, Sendable {
    var layers = 1
    var bidirectional = false
    var bias = true
    var dropout = 0.0
    var lengths = true
    var state = true
    var testDescription: String {
      "\(layers) layers, \(bidirectional ? 2 : 1) directions, bias \(bias), dropout \(dropout), "
        + "lengths \(lengths), state \(state)"
    }
  }

  static let options: [Options] = [
    Options(), Options(lengths: false, state: false), Options(bidirectional: true, bias: false),
    Options(layers: 2, bidirectional: true), Options(layers: 2, bias: false, dropout: 0.4, lengths: false),
    Options(layers: 2, bidirectional: true, dropout: 0.3), Options(layers: 3, state: false),
  ]

  /// The derivative of the loss sum(dy * y) + sum(dState * final state), whose gradients the backward pass is asked
  /// for, where `change` moves a case by a multiple of some step. y is zero past each length, where dy is not read.
  private func derivative(
    _ run: NetworkCase<Double>, step: Double, _ change: (inout NetworkCase<Double>, Double) throws -> Void
  ) throws -> Double {
    func results(_ scale: Double) throws -> [Double] {
      var moved = run
      try change(&moved, scale)
      let (y, state, _) = try moved.forward()
      return y.elements + state.h.elements + (state.c?.elements ?? [])
    }
    let weights = run.dy.elements + run.dState.h.elements + (run.dState.c?.elements ?? [])
    let (above, below) = (try results(step), try results(-step))
    // The difference first: sums of many results would lose its digits.
    var sum = 0.0
    for (i, weight) in weights.enumerated() { sum += weight * (above[i] - below[i]) }
    return sum / (2 * step)
  }

  /// The derivatives of the loss by the numbers of one tensor of `run`.
  private func differences(
    _ run: NetworkCase<Double>, _ tensor: WritableKeyPath<NetworkCase<Double>, Tensor<Double>>
  ) throws -> [Double] {
    try (0..<run[keyPath: tensor].count).map { i in
      try derivative(run, step: 1e-6) { run, scale in
        try run[keyPath: tensor].withUnsafeMutableBufferPointer { $0[i] += scale }
      }
    }
  }

  @Test(arguments: 0..<6, options)
  func matchFiniteDifferences(_ cell: Int, _ options: Options) throws {
    let configuration = configurations(
      inputSize: 3, hiddenSize: 5, projectionSize: 3, layers: options.layers, bias: options.bias,
      dropout: options.dropout, bidirectional: options.bidirectional)[cell]
    var run = try NetworkCase<Double>(
      configuration, steps: 4, sequences: 4, lengths: options.lengths, state: true, seed: UInt64(31 + cell))
    let gradients = try {
      var run = run
      if !options.state { run.state = nil }
      return try run.backward()
    }()
    // Without initial states they are zeros, and have gradients as well.
    if !options.state {
      run.state = try run.network.makeState(sequences: 4)
      #expect(try run.backward().parameters.flat == gradients.parameters.flat)
    }
    func check(_ name: String, _ analytic: Tensor<Double>, _ numeric: [Double]) {
      #expect(relativeError(analytic.elements, numeric) < 1e-6, "\(configuration.cell): \(name)")
      #expect(numeric.contains { abs($0) > 1e-3 }, "\(name) has gradients to speak of")
    }
    check("parameters", gradients.parameters.flat, try differences(run, \.parameters.flat))
    check("x", gradients.x, try differences(run, \.x))
    check("h0", gradients.state.h, try differences(run, \.h0))
    if let c = gradients.state.c { check("c0", c, try differences(run, \.c0)) }
  }

  /// Sizes beyond one vector, one tile and one chain of 256 rows, where each of the kernels' loops runs more than once.
  /// One derivative in a random direction checks all numbers of a tensor at once.
  @Test(arguments: 0..<6) func matchDirectionalDerivatives(_ cell: Int) throws {
    let configuration = configurations(
      inputSize: 37, hiddenSize: 41, projectionSize: 23, layers: 2, dropout: 0.2, bidirectional: true)[cell]
    let run = try NetworkCase<Double>(configuration, steps: 40, sequences: 17, seed: UInt64(cell))
    let gradients = try run.backward()
    var random = SplitMix(5)
    func check(
      _ name: String, _ gradient: Tensor<Double>, _ tensor: WritableKeyPath<NetworkCase<Double>, Tensor<Double>>
    ) throws {
      let direction: [Double] = random.numbers(gradient.count)
      // Relu has kinks: its step must be small enough to cross none.
      let numeric = try derivative(run, step: configuration.cell == .rnnRelu ? 1e-7 : 1e-5) { run, scale in
        try run[keyPath: tensor].withUnsafeMutableBufferPointer {
          for i in 0..<$0.count { $0[i] += scale * direction[i] }
        }
      }
      let analytic = zip(gradient.elements, direction).reduce(0) { $0 + $1.0 * $1.1 }
      #expect(abs(analytic - numeric) < 1e-6 * max(1, abs(numeric)), "\(configuration.cell): \(name)")
    }
    // One tensor at a time: an error in a small one does not drown in the others.
    for info in run.parameters.infos {
      let gradient = try #require(gradients.parameters[info.name])
      try check(info.name, gradient, \.parameters[known: info.name])
    }
    try check("x", gradients.x, \.x)
    try check("h0", gradients.state.h, \.h0)
    if let c = gradients.state.c { try check("c0", c, \.c0) }
  }
}

extension NetworkParameters {
  /// A tensor that exists, for key paths.
  subscript(known name: String) -> Tensor<Scalar> {
    get { self[name].unsafelyUnwrapped }
    set { do { try set(name, to: newValue) } catch { Issue.record(error) } }
  }
}

extension NetworkCase {
  /// The initial states of a case that has them.
  var h0: Tensor<Scalar> {
    get { state.unsafelyUnwrapped.h }
    set { state?.h = newValue }
  }

  var c0: Tensor<Scalar> {
    get { state.unsafelyUnwrapped.c.unsafelyUnwrapped }
    set { state?.c = newValue }
  }
}
