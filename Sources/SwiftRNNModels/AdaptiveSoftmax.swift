// A softmax over a large vocabulary in two steps: the frequent words, and clusters of rarer ones, whose layers are narrower
// and which only the rows pay for that have such a target.
@_spi(Door) import SwiftRNN

/// Adaptive softmax (Grave, Joulin, Cissé, Grangier, Jégou, "Efficient softmax approximation for GPUs", 2017), as torch's
/// `AdaptiveLogSoftmaxWithLoss` has it.
///
/// Classes are in falling order of frequency. The head is a linear layer over the first `cutoffs[0]` of them and the
/// clusters; cluster i, of the classes `cutoffs[i] ..< cutoffs[i + 1]`, where the last one ends with `classes`, is two
/// linear layers without bias, by way of `inputs / divisor^(i + 1)` numbers, one at least.
///
///     log p(class) = log softmax(head x)[class]                                                  of the frequent
///     log p(class) = log softmax(head x)[cutoffs[0] + i] + log softmax(out_i in_i x)[class - cutoffs[i]]     of cluster i
///
/// Parameters lie in one flat vector, by torch's names: `head.weight`, `head.bias` if there is one, `tail.i.0.weight`
/// `[width, inputs]`, `tail.i.1.weight` `[classes of the cluster, width]`.
public struct AdaptiveSoftmax: Sendable {
  public let inputs: Int
  public let classes: Int
  /// Rising, above 0 and below `classes`.
  public let cutoffs: [Int]
  public let hasHeadBias: Bool
  /// Names, shapes and places of the parameters.
  public let parameters: ParameterList
  private let widths: [Int]

  /// - Parameters:
  ///   - inputs: 1 or more.
  ///   - classes: 2 or more.
  ///   - cutoffs: rising, each in `1 ..< classes`; one at least.
  ///   - divisor: above 0, by which each cluster's width is smaller than that of the one before; torch's 4.
  ///   - headBias: whether the head has a bias.
  /// - Throws: `RNNError` for what is outside these bounds.
  public init(
    inputs: Int, classes: Int, cutoffs: [Int], divisor: Int = 4, headBias: Bool = false
  ) throws(RNNError) {
    guard inputs >= 1 else { throw .invalidSize("inputs", inputs, low: 1, high: .max) }
    guard classes >= 2 else { throw .invalidSize("classes", classes, low: 2, high: .max) }
    guard divisor >= 1 else { throw .invalidValue("divisor", divisor, low: 1, high: .max) }
    guard !cutoffs.isEmpty else { throw .invalidSize("the number of cutoffs", 0, low: 1, high: .max) }
    var last = 0
    for (index, cutoff) in cutoffs.enumerated() {
      guard cutoff > last, cutoff < classes else {
        throw .invalidElement("cutoffs", index: index, cutoff, low: last + 1, high: classes - 1)
      }
      last = cutoff
    }
    (self.inputs, self.classes, self.cutoffs, hasHeadBias) = (inputs, classes, cutoffs, headBias)
    var (list, widths, width) = (ParameterList(), [Int](), inputs)
    let head = cutoffs[0] + cutoffs.count
    try list.add("head", [("weight", [head, inputs])] + (headBias ? [("bias", [head])] : []))
    for cluster in cutoffs.indices {
      width = max(1, width / divisor)
      widths.append(width)
      let end = cluster + 1 < cutoffs.count ? cutoffs[cluster + 1] : classes
      try list.add(
        "tail.\(cluster)", [("0.weight", [width, inputs]), ("1.weight", [end - cutoffs[cluster], width])])
    }
    (parameters, self.widths) = (list, widths)
  }

  /// The number of classes of a cluster.
  func size(of cluster: Int) -> Int {
    (cluster + 1 < cutoffs.count ? cutoffs[cluster + 1] : classes) - cutoffs[cluster]
  }

  /// The width of a cluster: the numbers between its two layers.
  func width(of cluster: Int) -> Int { widths[cluster] }

  /// The outputs of the head: frequent classes, then clusters.
  var headClasses: Int { cutoffs[0] + cutoffs.count }

  // MARK: Training

  /// Result of ``evaluate(_:parameters:targets:ignoring:)``.
  public struct Result<Scalar: RNNScalar>: Sendable {
    /// The mean of -log p(target) over the rows that count; 0 if there are none.
    public var loss: Double
    /// Number of rows that counted.
    public var count: Int
    /// As x.
    public var dx: Tensor<Scalar>
    /// As the parameters, flat.
    public var gradients: Tensor<Scalar>
  }

  /// The mean loss of x `[…, inputs]` and its gradients for x and the parameters.
  ///
  /// - Parameters:
  ///   - x: `[…, inputs]`
  ///   - flat: `parameters.flatCount` numbers.
  ///   - targets: one for each row, in `0 ..< classes` or equal to `ignoring`.
  ///   - ignored: the target of rows that do not count.
  /// - Throws: `RNNError`
  public func evaluate<Scalar: RNNScalar>(
    _ x: Tensor<Scalar>, parameters flat: Tensor<Scalar>, targets: [Int],
    ignoring ignored: Int = CrossEntropy.ignoredTarget
  ) throws(RNNError) -> Result<Scalar> {
    let control = FloatControl()
    defer { control.leave() }
    let rows = try check(x, parameters: flat, targets)
    let passes = AdaptivePasses<Scalar>(self)
    // Pointers to the memory of the passes are read as long as a call runs.
    defer { withExtendedLifetime(passes) {} }
    var (dx, gradients) = (try Tensor<Scalar>(shape: x.shape), try Tensor<Scalar>(shape: [parameters.flatCount]))
    var result = (loss: 0.0, count: 0)
    try dx.withUnsafeMutableBufferPointer { (dx) throws(RNNError) in
      try gradients.withUnsafeMutableBufferPointer { (gradients) throws(RNNError) in
        try x.withUnsafeBufferPointer { (x) throws(RNNError) in
          try flat.withUnsafeBufferPointer { (flat) throws(RNNError) in
            try targets.withUnsafeBufferPointer { (targets) throws(RNNError) in
              result = try passes.evaluate(
                rows: rows, x: x, parameters: flat, targets: targets, ignoring: ignored, dx: dx, gradients: gradients)
            }
          }
        }
      }
    }
    return Result(loss: result.loss, count: result.count, dx: dx, gradients: gradients)
  }

  // MARK: Probabilities

  /// -log p(target) of each row of x `[…, inputs]`; 0 where ignored.
  ///
  /// - Returns: `[rows]`
  /// - Throws: `RNNError`
  public func losses<Scalar: RNNScalar>(
    _ x: Tensor<Scalar>, parameters flat: Tensor<Scalar>, targets: [Int],
    ignoring ignored: Int = CrossEntropy.ignoredTarget
  ) throws(RNNError) -> Tensor<Double> {
    let control = FloatControl()
    defer { control.leave() }
    let rows = try check(x, parameters: flat, targets)
    let passes = AdaptivePasses<Scalar>(self)
    defer { withExtendedLifetime(passes) {} }
    var losses = try Tensor<Double>(shape: [rows])
    try losses.withUnsafeMutableBufferPointer { (losses) throws(RNNError) in
      try x.withUnsafeBufferPointer { (x) throws(RNNError) in
        try flat.withUnsafeBufferPointer { (flat) throws(RNNError) in
          try targets.withUnsafeBufferPointer { (targets) throws(RNNError) in
            _ = try passes.evaluate(
              rows: rows, x: x, parameters: flat, targets: targets, ignoring: ignored, rowLosses: losses)
          }
        }
      }
    }
    return losses
  }

  /// log p of all classes for each row of x `[…, inputs]`.
  ///
  /// - Returns: `[rows, classes]`
  /// - Throws: `RNNError`
  public func logProbabilities<Scalar: RNNScalar>(
    _ x: Tensor<Scalar>, parameters flat: Tensor<Scalar>
  ) throws(RNNError) -> Tensor<Scalar> {
    let control = FloatControl()
    defer { control.leave() }
    let rows = try check(x, parameters: flat, nil)
    let passes = AdaptivePasses<Scalar>(self)
    defer { withExtendedLifetime(passes) {} }
    return try Tensor(shape: [rows, classes]) { (y) throws(RNNError) in
      try x.withUnsafeBufferPointer { (x) throws(RNNError) in
        try flat.withUnsafeBufferPointer { (flat) throws(RNNError) in
          try passes.logProbabilities(rows: rows, x: x, parameters: flat, y: y)
        }
      }
    }
  }

  /// - Parameter targets: nil: there are none.
  /// - Returns: the number of rows.
  private func check<Scalar: RNNScalar>(
    _ x: Tensor<Scalar>, parameters flat: Tensor<Scalar>, _ targets: [Int]?
  ) throws(RNNError) -> Int {
    guard let width = x.shape.last, width == inputs else {
      throw .sizeMismatch("the last dimension of x", x.shape.last ?? 0, expected: inputs)
    }
    guard flat.count == parameters.flatCount else {
      throw .countMismatch("parameters", flat.count, expected: parameters.flatCount)
    }
    let rows = x.count / inputs
    guard let targets else { return rows }
    guard targets.count == rows else { throw .countMismatch("targets", targets.count, expected: rows) }
    return rows
  }
}
