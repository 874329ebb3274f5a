// Pooling on tensors.

/// Calls `body` with the steps of `[T, N, …]` that count.
func withCounted<Scalar: RNNScalar, Result>(
  _ x: Tensor<Scalar>, _ rank: StaticString, lengths: [Int]?, mask: [Bool]?,
  _ body: (CountedSteps) throws(RNNError) -> Result
) throws(RNNError) -> Result {
  guard x.shape.count == 3 else { throw .sizeMismatch(rank, x.shape.count, expected: 3) }
  var counted = CountedSteps(steps: x.shape[0], sequences: x.shape[1])
  let (lengths, mask) = (lengths?.map { Int64($0) }, mask?.map { $0 ? UInt8(1) : 0 })
  func withMask(_ counted: CountedSteps) throws(RNNError) -> Result {
    guard let mask else { return try body(counted) }
    return try mask.withUnsafeBufferPointer { (mask) throws(RNNError) in
      var counted = counted
      counted.mask = mask
      return try body(counted)
    }
  }
  guard let lengths else { return try withMask(counted) }
  return try lengths.withUnsafeBufferPointer { (lengths) throws(RNNError) in
    counted.lengths = lengths
    return try withMask(counted)
  }
}

extension Pool {
  /// Parameters of `attention`, and their gradients.
  public struct Tensors<Scalar: RNNScalar>: Sendable {
    /// `[A, W]`
    public var weight: Tensor<Scalar>
    /// `[A]`
    public var bias: Tensor<Scalar>
    /// `[A]`
    public var query: Tensor<Scalar>

    public init(weight: Tensor<Scalar>, bias: Tensor<Scalar>, query: Tensor<Scalar>) {
      (self.weight, self.bias, self.query) = (weight, bias, query)
    }

    var constant: Parameters<Scalar> {
      .init(weight: weight.constant, bias: bias.constant, query: query.constant)
    }
  }

  /// - Parameters:
  ///   - y: `[T, N, W]`
  ///   - lengths: `[N]`; nil: all steps.
  ///   - mask: `[T, N]`, row-major: false where a step does not count; nil: all do.
  ///   - parameters: of `attention`.
  /// - Returns: `[N, W]`, and of `attention` the weights `[T, N]`.
  public func forward<Scalar: RNNScalar>(
    _ y: Tensor<Scalar>, lengths: [Int]? = nil, mask: [Bool]? = nil, parameters: Tensors<Scalar>? = nil
  ) throws(RNNError) -> (out: Tensor<Scalar>, weights: Tensor<Scalar>?) {
    try withCounted(y, "the rank of y", lengths: lengths, mask: mask) { (counted) throws(RNNError) in
      try Check.size("y.shape[2], width,", y.shape[2], width)
      let out = try Tensor<Scalar>(uninitialized: [counted.sequences, width])
      let weights =
        kind == .attention ? try Tensor<Scalar>(uninitialized: [counted.steps, counted.sequences]) : nil
      try forward(
        y: y.constant, counted: counted, parameters: parameters?.constant ?? .init(), out: out.buffer,
        weights: weights?.buffer)
      withExtendedLifetime((y, parameters)) {}
      return (out, weights)
    }
  }

  /// The gradients of a loss whose gradient for the result, `[N, W]`, is `dout`.
  ///
  /// - Returns: dy, as y, and of `attention` the gradients of the parameters.
  public func backward<Scalar: RNNScalar>(
    _ dout: Tensor<Scalar>, y: Tensor<Scalar>, lengths: [Int]? = nil, mask: [Bool]? = nil,
    parameters: Tensors<Scalar>? = nil
  ) throws(RNNError) -> (dy: Tensor<Scalar>, gradients: Tensors<Scalar>?) {
    try withCounted(y, "the rank of y", lengths: lengths, mask: mask) { (counted) throws(RNNError) in
      try Check.size("y.shape[2], width,", y.shape[2], width)
      let dy = try Tensor<Scalar>(uninitialized: y.shape)
      let gradients = try parameters.map { (p) throws(RNNError) in
        Tensors(
          weight: try Tensor<Scalar>(uninitialized: p.weight.shape),
          bias: try Tensor<Scalar>(uninitialized: p.bias.shape),
          query: try Tensor<Scalar>(uninitialized: p.query.shape))
      }
      try backward(
        y: y.constant, counted: counted, parameters: parameters?.constant ?? .init(), dout: dout.constant,
        dy: dy.buffer,
        gradients: .init(
          weight: gradients?.weight.buffer, bias: gradients?.bias.buffer, query: gradients?.query.buffer))
      withExtendedLifetime((y, dout, parameters)) {}
      return (dy, gradients)
    }
  }
}
