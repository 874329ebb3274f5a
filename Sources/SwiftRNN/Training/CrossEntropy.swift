// The loss of a classifier, its gradient and its perplexity.
import Kernels

/// Softmax cross-entropy over rows of logits.
public enum CrossEntropy {
  /// The target of rows that do not count, unless a call is given another one: torch's -100.
  public static let ignoredTarget = -100

  /// What a batch came to.
  public struct Result: Sendable {
    /// The mean over the rows that count; 0 if there are none. In nats.
    public let loss: Double
    /// exp(loss)
    public let perplexity: Double
    /// How many rows counted.
    public let count: Int
  }

  /// loss = mean over the rows whose target is not `ignoring` of `log Σ exp(logits) - logits[target]`, and
  /// `dlogits = (softmax(logits) - onehot(target)) / count`.
  ///
  /// One pass over the logits. A row with NaN or +infinity has the loss NaN. Each row is reduced in its own type, the
  /// rows in Double; the bits do not depend on the thread count.
  ///
  /// - Parameters:
  ///   - logits: `[rows, classes]`, dense.
  ///   - classes: elements of a row.
  ///   - targets: `[rows]`, each in `0 ..< classes` or equal to `ignoring`.
  ///   - ignoring: the target of rows that do not count.
  ///   - rowLosses: `[rows]`: the loss of each row, 0 where ignored; nil if not wanted.
  ///   - dlogits: `[rows, classes]`: the gradient of the loss, zeros where ignored; nil if not wanted. May be `logits`.
  /// - Throws: ``RNNError`` for sizes that do not fit and targets outside the classes; nothing is written then.
  @_specialize(exported:true,where Scalar == Float)
  @_specialize(exported:true,where Scalar == Double)
  public static func evaluate<Scalar: RNNScalar>(
    logits: UnsafeBufferPointer<Scalar>, classes: Int, targets: UnsafeBufferPointer<Int>,
    ignoring ignored: Int = ignoredTarget,
    rowLosses: UnsafeMutableBufferPointer<Double>? = nil, dlogits: UnsafeMutableBufferPointer<Scalar>? = nil
  ) throws(RNNError) -> Result {
    let rows = targets.count
    try Check.size("classes", classes)
    let elements = try Size.product(rows, classes, of: "logits")
    try Check.count("logits", logits.count, elements)
    if let rowLosses { try Check.count("row_losses", rowLosses.count, rows) }
    if let dlogits { try Check.count("dlogits", dlogits.count, elements) }
    let counted = try Check.ids("targets", targets, below: classes, ignored: ignored)
    let kernels = try Scalar.kernels.training
    let doubles = try Double.kernels
    guard let targets = targets.baseAddress, let logits = logits.baseAddress, rows > 0 else {
      rowLosses?.update(repeating: 0)
      return Result(loss: 0, perplexity: 1, count: 0)
    }
    let scratch: Block<Double>? = rowLosses == nil ? try Block(count: rows) : nil
    let sums = try Block<Double>(count: rows / chunkLength + 1)
    guard let losses = rowLosses?.baseAddress ?? scratch?.pointer else { throw .nullPointer("row_losses") }
    return withFloatControl {
      let batch = CrossEntropyRows(
        logits: logits, classes: classes, targets: targets, ignored: ignored, counted: counted, losses: losses,
        gradient: dlogits?.baseAddress)
      Shards(rows, work: elements).run { rows in withUnsafePointer(to: batch) { kernels.crossEntropy($0, rows) } }
      guard counted > 0 else { return Result(loss: 0, perplexity: 1, count: 0) }
      func meanLoss(times factor: Double) -> Double {
        doubles.training.sums(losses, rows, factor, sums.pointer)
        return mean(of: sums.pointer, (rows - 1) / chunkLength + 1, over: counted, factor: factor)
      }
      var loss = meanLoss(times: 1)
      // The sum of losses that a Double holds, as their mean, may be one that it does not.
      if loss == .infinity { loss = meanLoss(times: 0x1p-64) }
      var perplexity = 0.0
      doubles.elementary.exp(&loss, &perplexity, 1)
      return Result(loss: loss, perplexity: perplexity, count: counted)
    }
  }
}
