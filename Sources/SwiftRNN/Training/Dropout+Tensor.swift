// Dropout on tensors.

extension DropoutLayer {
  /// `y = mask * x / (1 - p)` for `[…, N, width]`: all dimensions before the last two are steps.
  ///
  /// - Returns: y, of x's shape, and the seed of its mask: with it, the same call on dy gives dx.
  public func apply<Scalar: RNNScalar>(
    _ x: Tensor<Scalar>, seed: UInt64? = nil, firstStep: Int = 0, firstSequence: Int = 0
  ) throws(RNNError) -> (y: Tensor<Scalar>, seed: UInt64) {
    let width = try x.rows("the rank of x").width
    let sequences = x.shape.count > 1 ? x.shape[x.shape.count - 2] : 1
    let steps = try Tensor<Scalar>.count(Array(x.shape.dropLast(2)))
    let y = try Tensor<Scalar>(uninitialized: x.shape)
    defer { withExtendedLifetime(x) {} }
    let seed = try apply(
      steps: steps, sequences: sequences, width: width, x: x.constant, y: y.buffer, seed: seed, firstStep: firstStep,
      firstSequence: firstSequence)
    return (y, seed)
  }
}
