// The loss of a classifier, its gradient and its perplexity.
import Kernels

/// Softmax cross-entropy over rows of logits.
public enum CrossEntropy {
  /// The target of rows that do not count, unless a call is given another one: torch's -100.
  public static let ignoredTarget = -100

  /// What a batch came to.
  public struct Result: Sendable {
    /// The mean over the rows that count, or their sum; 0 if there are none. In nats.
    public let loss: Double
    /// The exponential of the mean, be the loss that or the sum.
    public let perplexity: Double
    /// Number of rows that counted.
    public let count: Int
    /// Weight of all rows together, the divisor of the mean: without weights, their number.
    public let weight: Double
  }

  /// loss = mean over the rows whose target is not `ignoring` of `log Σ exp(logits) - logits[target]`, and
  /// `dlogits = (softmax(logits) - onehot(target)) / count`.
  ///
  /// With options, as torch has them, the loss of a row is
  ///
  ///     rowWeight ((1 - ε) w[target] (-log p[target]) + ε / classes Σ w[c] (-log p[c]))     p = softmax(logits)
  ///
  /// where ε is the label smoothing (Szegedy, Vanhoucke, Ioffe, Shlens, Wojna, "Rethinking the Inception architecture for
  /// computer vision", 2016) and w the class weights. The mean is the sum of these divided by the sum of
  /// `rowWeight w[target]`, both over the rows that count; 0, with a gradient of 0, where that is 0.
  ///
  /// One pass over the logits. A row with NaN or +infinity has the loss NaN; one that weighs nothing has the loss 0,
  /// whatever its logits. Each row is reduced in its own type, smoothed targets and the rows in Double; the bits do not
  /// depend on the thread count.
  ///
  /// - Parameters:
  ///   - logits: `[rows, classes]`, dense.
  ///   - classes: elements of a row.
  ///   - targets: `[rows]`, each in `0 ..< classes` or equal to `ignoring`.
  ///   - ignored: the target of rows that do not count.
  ///   - labelSmoothing: ε in [0, 1].
  ///   - classWeights: `[classes]`, finite and 0 or more; nil: 1.
  ///   - rowWeights: `[rows]`, finite and 0 or more; nil: 1. Rows of weight 0 have valid targets nevertheless.
  ///   - reduction: whether the loss is the mean or the sum of the rows' losses.
  ///   - rowLosses: `[rows]`: the loss of each row, 0 where ignored; nil if not wanted.
  ///   - dlogits: `[rows, classes]`: the gradient of the loss, zeros where ignored; nil if not wanted. May be `logits`.
  /// - Throws: ``RNNError`` for sizes that do not fit, targets outside the classes, and weights that are none; nothing is
  ///   written then.
  @_specialize(exported:true,where Scalar == Float)
  @_specialize(exported:true,where Scalar == Double)
  public static func evaluate<Scalar: RNNScalar>(
    logits: UnsafeBufferPointer<Scalar>, classes: Int, targets: UnsafeBufferPointer<Int>,
    ignoring ignored: Int = ignoredTarget, labelSmoothing: Double = 0,
    classWeights: UnsafeBufferPointer<Scalar>? = nil, rowWeights: UnsafeBufferPointer<Scalar>? = nil,
    reduction: LossReduction = .mean, rowLosses: UnsafeMutableBufferPointer<Double>? = nil,
    dlogits: UnsafeMutableBufferPointer<Scalar>? = nil
  ) throws(RNNError) -> Result {
    let rows = targets.count
    try Check.size("classes", classes)
    let elements = try Size.product(rows, classes, of: "logits")
    try Check.count("logits", logits.count, elements)
    if let dlogits { try Check.count("dlogits", dlogits.count, elements) }
    let kernels = try Scalar.kernels
    let doubles = try Double.kernels
    let plan = try CrossEntropyPlan(
      kernels, doubles, classes: classes, targets: targets, ignoring: ignored, labelSmoothing: labelSmoothing,
      classWeights: classWeights, rowWeights: rowWeights, reduction: reduction, rowLosses: rowLosses)
    guard let logits = logits.baseAddress else {
      // No classes: every row is ignored.
      rowLosses?.update(repeating: 0)
      return Result(loss: 0, perplexity: 1, count: 0, weight: 0)
    }
    return withFloatControl {
      plan.evaluate(kernels, first: 0, count: rows, logits: logits, gradient: dlogits?.baseAddress)
      return plan.result(doubles)
    }
  }
}
