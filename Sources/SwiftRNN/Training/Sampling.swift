// Drawing classes from logits.
import Kernels

/// How a class is drawn from a row of logits, token after token.
///
///     var sampler = Sampler(temperature: 0.7, seed: 1)
///     for _ in 0..<100 { let id = try sampler.sample(logits)[0]  … }
///
/// Without a seed each draw takes a new one from the system. With a seed, seed, ``position`` and row decide, and each
/// draw moves the position on by one: the same seed, the same text.
///
/// 1. weights = exp((logits - largest) / temperature)
/// 2. only the `topK` most likely classes stay;
/// 3. of those, only the smallest set of most likely ones whose share of their sum reaches `topP` (Holtzman et al.,
///    "The curious case of neural text degeneration", 2020), one at least;
/// 4. the class is the first, in ascending order, at which the sum of the weights exceeds u times their whole sum.
///
/// Among equal logits the lower index comes first. Weights and sums are Doubles, each sum one chain in ascending order.
/// u comes from one draw of Philox4x32-10: key = seed, counter = (position, row), low words first; its words 1 and 0
/// are the high and low halves of 64 bits, of which u has the upper 53.
public struct Sampler: Sendable, Equatable {
  /// Divides the logits; 0: the largest logit, the first of equals.
  public var temperature: Double
  /// 0: all.
  public var topK: Int
  /// In 0...1; 0 or 1: all.
  public var topP: Double
  /// nil: each draw has one of its own.
  public var seed: UInt64?
  /// Of the next draw: how many tokens there are so far, if they are drawn one after the other. Set it to draw again,
  /// or to go on elsewhere.
  public var position: UInt64
  /// Added to a row's index in the draw: parts of a batch draw as the whole does.
  public var firstRow: UInt64 = 0

  public init(
    temperature: Double = 1, topK: Int = 0, topP: Double = 1, seed: UInt64? = nil, position: UInt64 = 0
  ) {
    self.temperature = temperature
    self.topK = topK
    self.topP = topP
    self.seed = seed
    self.position = position
  }

  /// Draws a class per row, and moves the position on. Equal seed, position and row give equal draws, whatever came
  /// before, on any thread.
  ///
  /// - Parameters:
  ///   - logits: `[rows, classes]`, dense. -infinity is a class that is never drawn.
  ///   - classes: 1 or more if there are rows.
  ///   - ids: `[rows]`, receives the classes.
  /// - Throws: ``RNNError``: also for NaN, +infinity, or a row of nothing but -infinity; nothing is written then, and
  ///   the position stays.
  @_specialize(exported:true,where Scalar == Float)
  @_specialize(exported:true,where Scalar == Double)
  public mutating func sample<Scalar: RNNScalar>(
    logits: UnsafeBufferPointer<Scalar>, classes: Int, ids: UnsafeMutableBufferPointer<Int>
  ) throws(RNNError) {
    try draw(logits, classes: classes, ids: ids)
    position &+= 1
  }

  @inline(never)
  private func draw<Scalar: RNNScalar>(
    _ logits: UnsafeBufferPointer<Scalar>, classes: Int, ids: UnsafeMutableBufferPointer<Int>
  ) throws(RNNError) {
    let rows = ids.count
    try Check.notNegative("temperature", temperature)
    guard topK >= 0 else { throw .invalidValue("top_k", topK, low: 0, high: .max) }
    guard topP >= 0, topP <= 1 else { throw .invalidNumber("top_p", topP, allowed: "in 0...1") }
    guard classes >= (rows > 0 ? 1 : 0) else { throw .invalidSize("classes", classes, low: 1, high: .max) }
    let elements = try Size.product(rows, classes, of: "logits")
    try Check.count("logits", logits.count, elements)
    let kernels = try Scalar.kernels.training
    guard let start = logits.baseAddress, rows > 0 else { return }
    let shards = Shards(rows, work: elements)
    // A temperature so small that it would be flushed to zero is zero.
    let greedy = temperature < .leastNormalMagnitude
    let filters = !greedy && ((topK > 0 && topK < classes) || (share > 0 && share < 1))
    let places = try Size.product(shards.tasks, classes, of: "scratch")
    let weights = try Block<Double>(count: greedy ? 0 : places)
    let keys = try Block<Int>(count: filters ? places : 0)
    let entries = try Block<LikelihoodOrder.Entry>(count: filters ? places : 0)

    let refused = withFloatControl { () -> Int? in
      for row in 0..<rows where !kernels.isSampleable(start + row * classes, classes) { return row }
      return nil
    }
    if let refused { throw refusal(ofRow: refused, of: start, classes) }
    let philox = Philox(seed: greedy ? 0 : seed ?? DrawnSeed.next())

    withFloatControl {
      parallel(shards.tasks, threads: shards.tasks) { task in
        let weights = weights.pointer + (greedy ? 0 : task * classes)
        let own = filters ? task * classes : 0
        for row in shards.range(task) {
          let x = start + row * classes
          if greedy {
            ids[row] = kernels.largestIndex(x, classes)
            continue
          }
          kernels.samplingWeights(x, classes, temperature, weights)
          if filters {
            kernels.orderedKeys(x, classes, keys.pointer + own)
            keepMostLikely(weights, keys: keys.pointer + own, entries: entries.pointer + own, classes)
          }
          let words = philox.words(position, firstRow &+ UInt64(row))
          ids[row] = Kernels.draw(weights, classes, Philox.uniform53(words.0, words.1))
        }
      }
    }
  }

  /// `topP`, where the smallest numbers, which are flushed to zero here, do not mean "all".
  private var share: Double { topP.bitPattern << 1 == 0 ? 0 : max(topP, .leastNormalMagnitude) }

  /// Sets the weights to zero that neither `topK` nor `topP` keeps. Never inlined, so that no arithmetic moves past the
  /// change of the floating-point control.
  @inline(never)
  private func keepMostLikely(
    _ weights: UnsafeMutablePointer<Double>, keys: UnsafePointer<Int>,
    entries: UnsafeMutablePointer<LikelihoodOrder.Entry>, _ classes: Int
  ) {
    for i in 0..<classes { entries[i] = LikelihoodOrder.Entry(key: keys[i], index: i) }
    var order = LikelihoodOrder(entries, count: classes)
    let most = topK > 0 ? min(topK, classes) : classes
    if most < classes {
      while order.taken < most { order.take() }
      for i in 0..<order.remaining { weights[order.untaken(i)] = 0 }
    }
    guard share > 0, share < 1 else { return }
    let enough = share * sumInOrder(weights, classes)
    var sum = 0.0
    var kept = 0
    while kept < most, sum < enough || kept == 0 {
      if kept == order.taken { order.take() }
      sum += weights[order.taken(kept)]
      kept += 1
    }
    for rank in kept..<order.taken { weights[order.taken(rank)] = 0 }
    if most == classes { for i in 0..<order.remaining { weights[order.untaken(i)] = 0 } }
  }

  private func refusal<Scalar: RNNScalar>(ofRow row: Int, of logits: UnsafePointer<Scalar>, _ classes: Int) -> RNNError
  {
    let numbers = UnsafeBufferPointer(start: logits + row * classes, count: classes)
    let value = numbers.first { !($0 < .infinity) } ?? -.infinity
    return .invalidRow("logits", index: row, Double(value), allowed: "finite or -infinity, and not all -infinity")
  }
}
