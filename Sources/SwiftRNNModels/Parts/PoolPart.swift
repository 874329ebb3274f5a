// The part of a model that makes one vector of the outputs of all steps.
import SwiftRNN

/// Pooling over the steps of a sequence: the last one, mean, maximum, or by attention.
final class PoolPart<Scalar: RNNScalar> {
  private let pool: Pool
  /// Of attention: weight `[A, W]`, bias `[A]`, query `[A]`.
  private let parameters: (weight: Parameter<Scalar>, bias: Parameter<Scalar>, query: Parameter<Scalar>)?
  private let (pooled, gradient) = (Buffer<Scalar>(), Buffer<Scalar>())
  private var last: (y: UnsafeBufferPointer<Scalar>, counted: CountedSteps)?

  static func add(
    _ pooling: ModelConfiguration.Pooling, width: Int, size: Int, to list: inout ParameterList
  ) throws(RNNError) {
    if pooling == .attention {
      try list.add("pool", [("weight", [size, width]), ("bias", [size]), ("query", [size])])
    }
  }

  init(
    _ pooling: ModelConfiguration.Pooling, width: Int, size: Int, directions: Int, _ store: ParameterStore<Scalar>
  ) throws(RNNError) {
    let kind: Pool.Kind =
      switch pooling {
      case .last: .last
      case .mean: .mean
      case .max: .max
      case .attention: .attention
      }
    pool = Pool(
      kind, width: width, directions: kind == .last ? directions : 1, attentionSize: kind == .attention ? size : 0)
    parameters =
      kind == .attention
      ? (
        try Parameter(store, "pool.weight"), try Parameter(store, "pool.bias"), try Parameter(store, "pool.query")
      ) : nil
  }

  private var values: Pool.Parameters<Scalar> {
    Pool.Parameters(weight: parameters?.weight.values, bias: parameters?.bias.values, query: parameters?.query.values)
  }

  /// - Parameter y: `[T, N, W]`; the backward pass reads it again.
  /// - Returns: `[N, W]`, until the next call.
  func forward(
    _ y: UnsafeBufferPointer<Scalar>, _ shape: BatchShape
  ) throws(RNNError) -> UnsafeMutableBufferPointer<Scalar> {
    let out = try pooled.take(Sizes.product(shape.sequences, pool.width, name: "what is pooled"))
    try pool.forward(y: y, counted: shape.counted, parameters: values, out: out)
    last = (y, shape.counted)
    return out
  }

  /// - Returns: dL/dy of the last forward pass, until the next call.
  func backward(_ dout: UnsafeBufferPointer<Scalar>) throws(RNNError) -> UnsafeMutableBufferPointer<Scalar> {
    guard let (y, counted) = last else { throw .mismatch("a backward pass follows a forward pass for training") }
    let dy = try gradient.take(y.count)
    try pool.backward(
      y: y, counted: counted, parameters: values, dout: dout, accumulate: false, dy: dy,
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
