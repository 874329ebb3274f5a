// Attention on tensors.

extension Attention {
  /// Parameters, or their gradients: those that the kind has.
  public struct Tensors<Scalar: RNNScalar>: Sendable {
    /// `[A, Q]`
    public var queryWeight: Tensor<Scalar>?
    /// `[Q, K]`, `[A, Q + K]` or `[A, K]`
    public var weight: Tensor<Scalar>?
    /// `[A]`
    public var bias: Tensor<Scalar>?
    /// `[A]`
    public var score: Tensor<Scalar>?

    public init(
      queryWeight: Tensor<Scalar>? = nil, weight: Tensor<Scalar>? = nil, bias: Tensor<Scalar>? = nil,
      score: Tensor<Scalar>? = nil
    ) {
      (self.queryWeight, self.weight, self.bias, self.score) = (queryWeight, weight, bias, score)
    }

    var constant: Parameters<Scalar> {
      .init(
        queryWeight: queryWeight?.constant, weight: weight?.constant, bias: bias?.constant, score: score?.constant)
    }
  }

  /// Results of a backward pass.
  public struct TensorGradients<Scalar: RNNScalar>: Sendable {
    /// As the queries.
    public var queries: Tensor<Scalar>
    /// As the keys: all that reaches them.
    public var keys: Tensor<Scalar>
    /// As the values; nil where the keys are the values.
    public var values: Tensor<Scalar>?
    public var parameters: Tensors<Scalar>
  }

  private func check<Scalar: RNNScalar>(
    _ queries: Tensor<Scalar>, _ keys: Tensor<Scalar>, _ values: Tensor<Scalar>?
  ) throws(RNNError) {
    guard queries.shape.count == 3 else {
      throw .sizeMismatch("the rank of queries", queries.shape.count, expected: 3)
    }
    try Check.size("queries.shape[1], N,", queries.shape[1], keys.shape[1])
    try Check.size("queries.shape[2], query_size,", queries.shape[2], querySize)
    try Check.size("keys.shape[2], key_size,", keys.shape[2], keySize)
    guard let values else { return }
    guard values.shape.count == 3 else { throw .sizeMismatch("the rank of values", values.shape.count, expected: 3) }
    try Check.size("values.shape[0], Tk,", values.shape[0], keys.shape[0])
    try Check.size("values.shape[1], N,", values.shape[1], keys.shape[1])
    try Check.size("values.shape[2], value_size,", values.shape[2], valueSize)
  }

  /// Computes the memory of keys, `[Tk, N, M]`: for a decoder that attends once for each of its steps.
  public func memory<Scalar: RNNScalar>(
    _ keys: Tensor<Scalar>, lengths: [Int]? = nil, mask: [Bool]? = nil, parameters: Tensors<Scalar> = .init()
  ) throws(RNNError) -> Tensor<Scalar> {
    try withCounted(keys, "the rank of keys", lengths: lengths, mask: mask) { (counted) throws(RNNError) in
      try Check.size("keys.shape[2], key_size,", keys.shape[2], keySize)
      try checkSizes()
      let memory = try Tensor<Scalar>(uninitialized: [counted.steps, counted.sequences, memorySize])
      try self.memory(
        keys: keys.constant, counted: counted, parameters: parameters.constant, memory: memory.buffer)
      withExtendedLifetime((keys, parameters)) {}
      return memory
    }
  }

  /// - Parameters:
  ///   - queries: `[Tq, N, Q]`
  ///   - keys: `[Tk, N, K]`
  ///   - memory: of `memory(_:lengths:mask:parameters:)`; nil: made from the keys.
  ///   - values: `[Tk, N, V]`; nil: the keys.
  ///   - lengths: `[N]`, of the keys; nil: all.
  ///   - mask: `[Tk, N]`, row-major: false where a key does not count; nil: all do.
  ///   - parameters: the tensors of the kind: `queryWeight`, `weight`, `bias`, `score`.
  /// - Returns: the context `[Tq, N, V]`, and the weights `[Tq, N, Tk]`.
  public func forward<Scalar: RNNScalar>(
    _ queries: Tensor<Scalar>, keys: Tensor<Scalar>, memory: Tensor<Scalar>? = nil, values: Tensor<Scalar>? = nil,
    lengths: [Int]? = nil, mask: [Bool]? = nil, parameters: Tensors<Scalar> = .init()
  ) throws(RNNError) -> (context: Tensor<Scalar>, weights: Tensor<Scalar>) {
    try withCounted(keys, "the rank of keys", lengths: lengths, mask: mask) { (counted) throws(RNNError) in
      try check(queries, keys, values)
      try checkSizes()
      let (querySteps, sequences) = (queries.shape[0], counted.sequences)
      let context = try Tensor<Scalar>(uninitialized: [querySteps, sequences, valueSize])
      let weights = try Tensor<Scalar>(uninitialized: [querySteps, sequences, counted.steps])
      try forward(
        .init(
          querySteps: querySteps, counted: counted, queries: queries.constant, keys: keys.constant,
          memory: memory?.constant, values: values?.constant, parameters: parameters.constant,
          context: context.buffer, weights: weights.buffer))
      withExtendedLifetime((queries, keys, memory, values, parameters)) {}
      return (context, weights)
    }
  }

  /// The gradients of a loss whose gradient for the context, `[Tq, N, V]`, is `dcontext`.
  ///
  /// - Parameters:
  ///   - dcontext: `[Tq, N, V]`
  ///   - queries: as for the forward pass, like the next two.
  ///   - keys: `[Tk, N, K]`
  ///   - values: `[Tk, N, V]`; nil: the keys.
  ///   - weights: what the forward pass gave.
  ///   - lengths: as for the forward pass.
  ///   - mask: as for the forward pass.
  ///   - parameters: as for the forward pass.
  public func backward<Scalar: RNNScalar>(
    _ dcontext: Tensor<Scalar>, queries: Tensor<Scalar>, keys: Tensor<Scalar>, values: Tensor<Scalar>? = nil,
    weights: Tensor<Scalar>, lengths: [Int]? = nil, mask: [Bool]? = nil, parameters: Tensors<Scalar> = .init()
  ) throws(RNNError) -> TensorGradients<Scalar> {
    try withCounted(keys, "the rank of keys", lengths: lengths, mask: mask) { (counted) throws(RNNError) in
      try check(queries, keys, values)
      func like(_ tensor: Tensor<Scalar>?) throws(RNNError) -> Tensor<Scalar>? {
        try tensor.map { (tensor) throws(RNNError) in try Tensor<Scalar>(uninitialized: tensor.shape) }
      }
      let gradients = TensorGradients(
        queries: try Tensor<Scalar>(uninitialized: queries.shape), keys: try Tensor<Scalar>(uninitialized: keys.shape),
        values: try like(values),
        parameters: Tensors(
          queryWeight: try like(parameters.queryWeight), weight: try like(parameters.weight),
          bias: try like(parameters.bias), score: try like(parameters.score)))
      var b = Backward(
        querySteps: queries.shape[0], counted: counted, queries: queries.constant, keys: keys.constant,
        values: values?.constant, parameters: parameters.constant, weights: weights.constant,
        dcontext: dcontext.constant)
      (b.dqueries, b.dkeys, b.dvalues) = (gradients.queries.buffer, gradients.keys.buffer, gradients.values?.buffer)
      b.gradients = .init(
        queryWeight: gradients.parameters.queryWeight?.buffer, weight: gradients.parameters.weight?.buffer,
        bias: gradients.parameters.bias?.buffer, score: gradients.parameters.score?.buffer)
      try backward(b)
      withExtendedLifetime((queries, keys, values, weights, dcontext, parameters)) {}
      return gradients
    }
  }
}
