// Losses on tensors: for loops in which every value has a shape. The calls on buffers have the equations and the bits.

extension CrossEntropy {
  /// The loss of `logits` `[…, classes]` and its gradient for them.
  ///
  /// - Parameters:
  ///   - logits: `[…, classes]`
  ///   - targets: one for each row of logits, in `0 ..< classes` or equal to `ignoring`.
  ///   - ignored: the target of rows that do not count.
  ///   - labelSmoothing: in [0, 1].
  ///   - classWeights: `[classes]`, finite and 0 or more; nil: 1.
  ///   - rowWeights: one for each row, finite and 0 or more; nil: 1.
  ///   - reduction: whether the loss is the mean or the sum of the rows' losses.
  /// - Returns: loss, perplexity, count and weight; and the gradient, as `logits`.
  public static func evaluate<Scalar: RNNScalar>(
    _ logits: Tensor<Scalar>, targets: [Int], ignoring ignored: Int = ignoredTarget, labelSmoothing: Double = 0,
    classWeights: Tensor<Scalar>? = nil, rowWeights: Tensor<Scalar>? = nil, reduction: LossReduction = .mean
  ) throws(RNNError) -> (result: Result, dlogits: Tensor<Scalar>) {
    let (rows, classes) = try logits.rows("the rank of logits")
    try Check.count("targets", targets.count, rows)
    let dlogits = try Tensor<Scalar>(uninitialized: logits.shape)
    defer { withExtendedLifetime((logits, classWeights, rowWeights)) {} }
    let result = try targets.withUnsafeBufferPointer { (targets) throws(RNNError) in
      try evaluate(
        logits: logits.constant, classes: classes, targets: targets, ignoring: ignored, labelSmoothing: labelSmoothing,
        classWeights: classWeights?.constant, rowWeights: rowWeights?.constant, reduction: reduction,
        dlogits: dlogits.buffer)
    }
    return (result, dlogits)
  }
}

extension LinearCrossEntropy {
  /// The loss of the logits `x weight^T + bias` of x `[…, inputs]`, and its gradients for all three; the logits are never
  /// there as a whole.
  ///
  /// - Parameters:
  ///   - x: `[…, inputs]`
  ///   - weight: `[classes, inputs]`
  ///   - bias: `[classes]`; nil: zeros, and the gradient is what its would be.
  ///   - targets: one for each row of x; and what follows, as of ``CrossEntropy``.
  ///   - ignored: as for ``CrossEntropy``, like the parameters from here to `reduction`.
  ///   - labelSmoothing: in [0, 1].
  ///   - classWeights: `[classes]`; nil: 1.
  ///   - rowWeights: one for each row; nil: 1.
  ///   - reduction: the mean or the sum of the rows' losses.
  ///   - memoryLimit: bytes of logits that are there at once.
  public static func evaluate<Scalar: RNNScalar>(
    _ x: Tensor<Scalar>, weight: Tensor<Scalar>, bias: Tensor<Scalar>? = nil, targets: [Int],
    ignoring ignored: Int = CrossEntropy.ignoredTarget, labelSmoothing: Double = 0,
    classWeights: Tensor<Scalar>? = nil, rowWeights: Tensor<Scalar>? = nil, reduction: LossReduction = .mean,
    memoryLimit: Int = defaultMemoryLimit
  ) throws(RNNError) -> (result: CrossEntropy.Result, gradients: Linear.Gradients<Scalar>) {
    let (rows, width) = try x.rows("the rank of x")
    let (classes, inputs) = try weight.matrix("the rank of weight")
    try Check.size("the last dimension of x", width, inputs)
    let gradients = Linear.Gradients(
      x: try Tensor<Scalar>(uninitialized: x.shape), weight: try Tensor<Scalar>(uninitialized: weight.shape),
      bias: try Tensor<Scalar>(uninitialized: [classes]))
    defer { withExtendedLifetime((x, weight, bias, classWeights, rowWeights)) {} }
    let result = try targets.withUnsafeBufferPointer { (targets) throws(RNNError) in
      try evaluate(
        rows: rows, inputs: inputs, classes: classes, x: x.constant, weight: weight.constant, bias: bias?.constant,
        targets: targets, ignoring: ignored, labelSmoothing: labelSmoothing, classWeights: classWeights?.constant,
        rowWeights: rowWeights?.constant, reduction: reduction, memoryLimit: memoryLimit, dx: gradients.x.buffer,
        dweight: gradients.weight.buffer, dbias: gradients.bias.buffer)
    }
    return (result, gradients)
  }
}

extension ElementwiseLoss {
  /// The loss of `predictions` `[…, width]` and its gradient for them.
  ///
  /// - Parameters:
  ///   - predictions: `[…, width]`
  ///   - targets: as many rows of as many numbers.
  ///   - rowWeights: one for each row, finite and 0 or more; nil: 1.
  ///   - positiveWeights: `[width]`, of binary cross-entropy only; nil: 1.
  ///   - lengths: of predictions `[T, N, width]`: how many steps of each sequence count; nil: all.
  ///   - reduction: whether the loss is the mean or the sum.
  public func evaluate<Scalar: RNNScalar>(
    _ predictions: Tensor<Scalar>, targets: Tensor<Scalar>, rowWeights: Tensor<Scalar>? = nil,
    positiveWeights: Tensor<Scalar>? = nil, lengths: [Int]? = nil, reduction: LossReduction = .mean
  ) throws(RNNError) -> (loss: Double, gradient: Tensor<Scalar>) {
    let (rows, width) = try predictions.rows("the rank of predictions")
    let own = try targets.rows("the rank of targets")
    try Check.size("the number of rows of targets", own.rows, rows)
    try Check.size("the last dimension of targets", own.width, width)
    if let lengths {
      try Check.size("the rank of predictions", predictions.shape.count, 3)
      try Check.count("lengths", lengths.count, predictions.shape[1])
    }
    let gradient = try Tensor<Scalar>(uninitialized: predictions.shape)
    defer { withExtendedLifetime((predictions, targets, rowWeights, positiveWeights)) {} }
    func evaluate(_ lengths: UnsafeBufferPointer<Int>?) throws(RNNError) -> Double {
      try self.evaluate(
        predictions: predictions.constant, targets: targets.constant, rows: rows, width: width,
        rowWeights: rowWeights?.constant, positiveWeights: positiveWeights?.constant, lengths: lengths,
        reduction: reduction, gradient: gradient.buffer)
    }
    guard let lengths else { return (try evaluate(nil), gradient) }
    let loss = try lengths.withUnsafeBufferPointer { (lengths) throws(RNNError) in try evaluate(lengths) }
    return (loss, gradient)
  }
}
