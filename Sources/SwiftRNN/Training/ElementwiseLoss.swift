// Losses of numbers against numbers: of logits against probabilities, and of regression.
import Kernels

/// A loss over pairs of numbers, predictions p and targets t.
public enum ElementwiseLoss: Sendable, Equatable {
  /// Binary cross-entropy of logits: `-(w t log σ(p) + (1 - t) log σ(-p))`, without overflow; w: the positive weights.
  case binaryCrossEntropy
  /// `(p - t)²`
  case squaredError
  /// `|p - t|`; the gradient is 0 where p = t.
  case absoluteError
  /// `(p - t)² / 2` where that distance is up to delta, `delta (|p - t| - delta / 2)` beyond (Huber, "Robust estimation of
  /// a location parameter", 1964). Delta is above 0.
  case huber(delta: Double)

  /// The mean of all pairs' losses, each times the weight of its row, divided by the sum of these weights, or their sum;
  /// and its gradient, in one pass. 0 where that sum of weights is 0.
  ///
  /// Losses are added in Double, in chunks of 4096 pairs; the bits do not depend on the thread count. What weighs nothing
  /// adds nothing, be it NaN.
  ///
  /// - Parameters:
  ///   - predictions: `[rows, width]`, dense.
  ///   - targets: `[rows, width]`. Of binary cross-entropy probabilities, which is not checked.
  ///   - rows: the number of rows.
  ///   - width: elements of a row.
  ///   - rowWeights: `[rows]`, finite and 0 or more; nil: 1.
  ///   - positiveWeights: `[width]`, finite and 0 or more, of binary cross-entropy only; nil: 1.
  ///   - lengths: rows are those of T steps of as many sequences, `[T, N]`, and rows behind the length of a sequence, in
  ///     `0 ... T`, weigh nothing; nil: all count.
  ///   - reduction: whether the loss is the mean or the sum.
  ///   - gradient: `[rows, width]`: the gradient of the loss for the predictions; nil if not wanted. May be `predictions`.
  /// - Throws: ``RNNError`` for sizes that do not fit and weights that are none; nothing is written then.
  @_specialize(exported:true,where Scalar == Float)
  @_specialize(exported:true,where Scalar == Double)
  public func evaluate<Scalar: RNNScalar>(
    predictions: UnsafeBufferPointer<Scalar>, targets: UnsafeBufferPointer<Scalar>, rows: Int, width: Int,
    rowWeights: UnsafeBufferPointer<Scalar>? = nil, positiveWeights: UnsafeBufferPointer<Scalar>? = nil,
    lengths: UnsafeBufferPointer<Int>? = nil, reduction: LossReduction = .mean,
    gradient: UnsafeMutableBufferPointer<Scalar>? = nil
  ) throws(RNNError) -> Double {
    try Check.size("rows", rows)
    try Check.size("width", width)
    let count = try Size.product(rows, width, of: "predictions")
    try Check.count("predictions", predictions.count, count)
    try Check.count("targets", targets.count, count)
    if let gradient { try Check.count("dpredictions", gradient.count, count) }
    try Check.weights("row_weights", rowWeights, rows)
    try Check.weights("positive_weights", positiveWeights, width)
    guard positiveWeights == nil || self == .binaryCrossEntropy else {
      throw .unsupported("positive_weights are of binary cross-entropy only")
    }
    var delta = 1.0
    if case .huber(let own) = self {
      guard own > 0, own < .infinity else { throw .invalidNumber("delta", own, allowed: "finite and above 0") }
      delta = own
    }
    let kernels = try Scalar.kernels.training
    let valid = try lengths.map { (lengths) throws(RNNError) in
      try Self.weights(lengths, rowWeights, rows: rows)
    }
    let weights = valid.map { UnsafePointer($0.pointer) } ?? rowWeights?.baseAddress
    let isWeighted = valid != nil || rowWeights != nil
    let sums = try Block<Double>(count: max(chunkCount(count), isWeighted ? chunkCount(rows) : 0))
    guard count > 0, let predictions = predictions.baseAddress, let targets = targets.baseAddress else { return 0 }
    let kind: ElementLossKind =
      switch self {
      case .binaryCrossEntropy: .binaryCrossEntropy
      case .squaredError: .squared
      case .absoluteError: .absolute
      case .huber: .huber
      }
    var weight = Double(rows)
    if let weights, isWeighted {
      weight = withFloatControl {
        kernels.sums(weights, rows, 1, sums.pointer)
        return sumInOrder(sums.pointer, chunkCount(rows))
      }
      guard weight < .infinity else { throw .invalidNumber("the sum of the weights", weight, allowed: "finite") }
    }
    return withFloatControl {
      let divisor = Self.divisor(reduction, weight: weight, width: width)
      // The sum of losses that a Double holds, as their mean, may be one that it does not. A power of two changes no bit.
      let factor = 0x1p-32
      let batch = ElementLossBatch(
        kind: kind, delta: delta, count: count, width: width, predictions: predictions, targets: targets,
        rowWeights: isWeighted ? weights : nil, positiveWeights: positiveWeights?.baseAddress,
        scale: Self.scale(divisor), factor: factor, sums: sums.pointer, gradient: gradient?.baseAddress)
      Shards(chunkCount(count), work: count).run { chunks in
        withUnsafePointer(to: batch) { kernels.elementLoss($0, chunks) }
      }
      return divisor > 0 ? mean(of: sums.pointer, chunkCount(count), over: divisor, factor: factor) : 0
    }
  }

  /// Divisor of the sum of all losses. Neither is inlined, so that no arithmetic moves past the change of the
  /// floating-point control.
  @inline(never)
  private static func divisor(_ reduction: LossReduction, weight: Double, width: Int) -> Double {
    reduction == .sum ? 1 : weight * Double(width)
  }

  @inline(never)
  private static func scale(_ divisor: Double) -> Double { divisor > 0 ? 1 / divisor : 0 }

  /// The weights of the rows of sequences with these lengths: 0 behind them.
  private static func weights<Scalar: RNNScalar>(
    _ lengths: UnsafeBufferPointer<Int>, _ rowWeights: UnsafeBufferPointer<Scalar>?, rows: Int
  ) throws(RNNError) -> Block<Scalar> {
    let sequences = lengths.count
    let steps = sequences > 0 ? rows / sequences : 0
    guard rows == steps * sequences else { throw .sizeMismatch("rows", rows, expected: steps * sequences) }
    for n in 0..<sequences where lengths[n] < 0 || lengths[n] > steps {
      throw .invalidLength(index: n, lengths[n], steps: steps)
    }
    let weights = try Block<Scalar>(count: rows)
    for t in 0..<steps {
      for n in 0..<sequences {
        let row = t * sequences + n
        weights.pointer[row] = t < lengths[n] ? rowWeights?[row] ?? 1 : 0
      }
    }
    return weights
  }
}
