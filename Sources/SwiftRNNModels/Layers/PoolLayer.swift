// One vector of the outputs of all steps, with the parameters that attention has for that.
import SwiftRNN

/// Pooling over the steps of a sequence (`Pool`). Keeps the memory of its results: one thread at a time.
public final class PoolLayer<Scalar: RNNScalar> {
  public let pool: Pool
  /// Parameters of attention; nil: other kinds of pooling.
  private let parameters: (weight: Parameter<Scalar>, bias: Parameter<Scalar>, query: Parameter<Scalar>)?
  private let (pooled, gradient) = (Buffer<Scalar>(), Buffer<Scalar>())

  static func tensors(_ pool: Pool) -> [(name: String, shape: [Int])] {
    let size = pool.attentionSize
    return pool.kind == .attention ? [("weight", [size, pool.width]), ("bias", [size]), ("query", [size])] : []
  }

  init(_ store: ParameterStore<Scalar>, _ name: String, _ pool: Pool) throws(RNNError) {
    self.pool = pool
    parameters =
      pool.kind == .attention
      ? (
        try Parameter(store, "\(name).weight"), try Parameter(store, "\(name).bias"),
        try Parameter(store, "\(name).query")
      ) : nil
  }

  private var values: Pool.Parameters<Scalar> {
    Pool.Parameters(weight: parameters?.weight.values, bias: parameters?.bias.values, query: parameters?.query.values)
  }

  /// - Parameters:
  ///   - y: `[T, N, W]`; the backward pass reads it again.
  ///   - counted: T, N, and which steps count.
  /// - Returns: `[N, W]`, until the next call.
  @_specialize(where Scalar == Float)
  @_specialize(where Scalar == Double)
  public func forward(
    _ y: UnsafeBufferPointer<Scalar>, _ counted: CountedSteps
  ) throws(RNNError) -> UnsafeMutableBufferPointer<Scalar> {
    let out = try pooled.take(Sizes.product(counted.sequences, pool.width, name: "what is pooled"))
    try pool.forward(y: y, counted: counted, parameters: values, out: out)
    return out
  }

  /// The gradients of the parameters, and of y.
  ///
  /// - Parameters:
  ///   - y: as it was, and `counted` too.
  ///   - counted: the steps that count, as for the forward pass.
  ///   - dout: `[N, W]`
  ///   - accumulate: adds to the gradients of the parameters that are there.
  /// - Returns: dL/dy, `[T, N, W]`, until the next call.
  @_specialize(where Scalar == Float)
  @_specialize(where Scalar == Double)
  public func backward(
    _ y: UnsafeBufferPointer<Scalar>, _ counted: CountedSteps, dout: UnsafeBufferPointer<Scalar>,
    accumulate: Bool = false
  ) throws(RNNError) -> UnsafeMutableBufferPointer<Scalar> {
    let dy = try gradient.take(y.count)
    try pool.backward(
      y: y, counted: counted, parameters: values, dout: dout, accumulate: accumulate, dy: dy,
      gradients: Pool.Gradients(
        weight: parameters?.weight.gradient, bias: parameters?.bias.gradient, query: parameters?.query.gradient))
    return dy
  }
}

extension BatchShape {
  var counted: CountedSteps {
    CountedSteps(
      steps: steps, sequences: sequences, lengths: lengths.map { UnsafeBufferPointer(start: $0, count: sequences) })
  }
}

extension ModelConfiguration {
  /// The pooling of a classifier or regressor.
  ///
  /// - Parameter width: of the network's outputs.
  func pool(width: Int) -> Pool {
    switch pooling {
    case .last: Pool(.last, width: width, directions: recurrent.bidirectional ? 2 : 1)
    case .mean: Pool(.mean, width: width)
    case .max: Pool(.max, width: width)
    case .attention: Pool(.attention, width: width, attentionSize: attentionSize)
    }
  }
}
