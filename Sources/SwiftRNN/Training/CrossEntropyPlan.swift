// The loss of a classifier before and behind its rows: what they weigh together, which gradients are divided by, and the
// sum of their losses. Whoever has the logits, all at once or some rows at a time, calls the kernel in between.
import Kernels

/// Targets and weights of a batch, checked, and its row losses. Nothing is inlined, and tables of kernels, of more
/// than a kilobyte, are the caller's: that takes little stack.
struct CrossEntropyPlan<Scalar: RNNScalar> {
  /// Rows whose target is not ignored.
  let counted: Int
  /// Weight of all rows together: the divisor of the mean.
  let weight: Double
  private let rows: Int
  private let classes: Int
  private let targets: UnsafeBufferPointer<Int>
  private let ignored: Int
  private let reduction: LossReduction
  private let weighting: CrossEntropyWeighting<Scalar>?
  private let losses: UnsafeMutablePointer<Double>
  private let sums: Block<Double>
  /// Row losses that the caller does not want.
  private let scratch: Block<Double>?

  /// - Throws: what does not fit; nothing is written then.
  @inline(never)
  init(
    _ kernels: KernelTable<Scalar>, _ doubles: KernelTable<Double>, classes: Int, targets: UnsafeBufferPointer<Int>,
    ignoring ignored: Int, labelSmoothing: Double,
    classWeights: UnsafeBufferPointer<Scalar>?, rowWeights: UnsafeBufferPointer<Scalar>?, reduction: LossReduction,
    rowLosses: UnsafeMutableBufferPointer<Double>?
  ) throws(RNNError) {
    let rows = targets.count
    try Check.share("label_smoothing", labelSmoothing)
    try Check.weights("class_weights", classWeights, classes)
    try Check.weights("row_weights", rowWeights, rows)
    if let rowLosses { try Check.count("row_losses", rowLosses.count, rows) }
    let counted = try Check.ids("targets", targets, below: classes, ignored: ignored)
    let isWeighted = labelSmoothing > 0 || classWeights != nil || rowWeights != nil
    let all = isWeighted ? max(rows, classWeights?.count ?? 0) : rows
    let sums = try Block<Double>(count: all / chunkLength + 1)
    let scratch: Block<Double>? = rowLosses == nil ? try Block(count: rows) : nil
    var weight = Double(counted)
    var weighting: CrossEntropyWeighting<Scalar>?
    if isWeighted {
      let ownWeights = try Block<Double>(count: rows)
      (weight, weighting) = withFloatControl {
        let rowWeights = rowWeights?.baseAddress
        var classSum = Double(classes)
        if let classWeights, let start = classWeights.baseAddress {
          kernels.training.sums(start, classes, 1, sums.pointer)
          classSum = sumInOrder(sums.pointer, chunkCount(classes))
        }
        Self.fill(
          ownWeights.pointer, targets: targets, ignored: ignored, classWeights: classWeights?.baseAddress,
          rowWeights: rowWeights)
        doubles.training.sums(ownWeights.pointer, rows, 1, sums.pointer)
        return (
          sumInOrder(sums.pointer, chunkCount(rows)),
          CrossEntropyWeighting(
            smoothing: labelSmoothing, classWeights: classWeights?.baseAddress, classSum: classSum,
            rowWeights: rowWeights)
        )
      }
      guard weight < .infinity, (weighting?.classSum ?? 0) < .infinity else {
        throw .invalidNumber("the sum of the weights", .infinity, allowed: "finite")
      }
    }
    (self.rows, self.classes, self.targets) = (rows, classes, targets)
    (self.ignored, self.reduction) = (ignored, reduction)
    (self.counted, self.weight, self.weighting) = (counted, weight, weighting)
    losses = rowLosses?.baseAddress ?? scratch?.pointer ?? sums.pointer
    (self.sums, self.scratch) = (sums, scratch)
  }

  /// Fills in the weight of each row in the mean: 0 if it is ignored. Never inlined, so that no arithmetic moves past the
  /// change of the floating-point control.
  @inline(never)
  private static func fill(
    _ weights: UnsafeMutablePointer<Double>, targets: UnsafeBufferPointer<Int>, ignored: Int,
    classWeights: UnsafePointer<Scalar>?, rowWeights: UnsafePointer<Scalar>?
  ) {
    for row in 0..<targets.count {
      let target = targets[row]
      weights[row] =
        target == ignored
        ? 0 : (rowWeights.map { Double($0[row]) } ?? 1) * (classWeights.map { Double($0[target]) } ?? 1)
    }
  }

  /// The losses, and gradients if wanted, of rows `first ..< first + count`, whose logits begin at `logits`. Inside
  /// `withFloatControl`.
  @inline(never)
  func evaluate(
    _ kernels: KernelTable<Scalar>, first: Int, count: Int, logits: UnsafePointer<Scalar>,
    gradient: UnsafeMutablePointer<Scalar>?
  ) {
    guard let targets = targets.baseAddress else { return }
    var weighting = weighting
    if let own = weighting?.rowWeights { weighting?.rowWeights = own + first }
    let batch = CrossEntropyRows(
      logits: logits, classes: classes, targets: targets + first, ignored: ignored, scale: scale,
      losses: losses + first, gradient: gradient, weighting: weighting)
    Shards(count, work: count &* classes).run { rows in
      withUnsafePointer(to: batch) { kernels.training.crossEntropy($0, rows) }
    }
  }

  /// Factor of a row's gradient. Never inlined: see `fill`.
  private var scale: Double {
    @inline(never) get { reduction == .sum ? 1 : weight > 0 ? 1 / weight : 0 }
  }

  /// The loss of all rows, whose losses are there. Inside `withFloatControl`.
  @inline(never)
  func result(_ doubles: KernelTable<Double>) -> CrossEntropy.Result {
    // Without classes every row is ignored.
    guard rows > 0, classes > 0 else { return CrossEntropy.Result(loss: 0, perplexity: 1, count: 0, weight: 0) }
    func total(over divisor: Double) -> Double {
      func total(times factor: Double) -> Double {
        doubles.training.sums(losses, rows, factor, sums.pointer)
        return mean(of: sums.pointer, chunkCount(rows), over: divisor, factor: factor)
      }
      let loss = total(times: 1)
      // The sum of losses that a Double holds, as their mean, may be one that it does not.
      return loss == .infinity ? total(times: 0x1p-64) : loss
    }
    var average = weight > 0 ? total(over: weight) : 0
    let loss = reduction == .mean ? average : total(over: 1)
    var perplexity = 0.0
    doubles.elementary.exp(&average, &perplexity, 1)
    return CrossEntropy.Result(loss: loss, perplexity: perplexity, count: counted, weight: weight)
  }
}

/// Number of chunks in which `count` numbers are summed.
func chunkCount(_ count: Int) -> Int { count / chunkLength + (count % chunkLength == 0 ? 0 : 1) }
