// Softmax cross-entropy of a row and its gradient. The row is read once from memory: its maximum, its exponentials and
// its gradient follow each other while it is in the cache.

/// Weights of rows and classes, and the part of a target that all classes share.
@frozen public struct CrossEntropyWeighting<Scalar: Real> {
  /// In [0, 1]: the part of a row's target that is spread evenly over all classes.
  public var smoothing: Double
  /// `[classes]`, each 0 or more; nil: 1
  public var classWeights: UnsafePointer<Scalar>?
  /// Sum of the weights of all classes.
  public var classSum: Double
  /// `[rows]`, each 0 or more; nil: 1
  public var rowWeights: UnsafePointer<Scalar>?

  @inlinable public init(
    smoothing: Double, classWeights: UnsafePointer<Scalar>?, classSum: Double, rowWeights: UnsafePointer<Scalar>?
  ) {
    self.smoothing = smoothing
    self.classWeights = classWeights
    self.classSum = classSum
    self.rowWeights = rowWeights
  }
}

/// Rows of logits with their targets, and where their losses and gradients go.
@frozen public struct CrossEntropyRows<Scalar: Real> {
  /// `[rows, classes]`
  public var logits: UnsafePointer<Scalar>
  public var classes: Int
  /// `[rows]`, each in `0 ..< classes` or `ignored`
  public var targets: UnsafePointer<Int>
  public var ignored: Int
  /// Factor of the gradients: one over the weight of the whole batch, where its loss is their mean.
  public var scale: Double
  /// `[rows]`
  public var losses: UnsafeMutablePointer<Double>
  /// `[rows, classes]`, or nil; may be `logits`
  public var gradient: UnsafeMutablePointer<Scalar>?
  /// nil: every row and class weighs 1, and a target is one class.
  public var weighting: CrossEntropyWeighting<Scalar>?

  @inlinable public init(
    logits: UnsafePointer<Scalar>, classes: Int, targets: UnsafePointer<Int>, ignored: Int, scale: Double,
    losses: UnsafeMutablePointer<Double>, gradient: UnsafeMutablePointer<Scalar>?,
    weighting: CrossEntropyWeighting<Scalar>? = nil
  ) {
    self.logits = logits
    self.classes = classes
    self.targets = targets
    self.ignored = ignored
    self.scale = scale
    self.losses = losses
    self.gradient = gradient
    self.weighting = weighting
  }
}

/// Shares of a row's loss: `own` times -log p of its target, and `each` times the weight of every class times -log
/// p of that; `all` is the weight of both together.
@usableFromInline struct CrossEntropyShares {
  @usableFromInline var own = 1.0
  @usableFromInline var each = 0.0
  @usableFromInline var all = 1.0

  @_alwaysEmitIntoClient @inline(__always) init() {}

  @_alwaysEmitIntoClient @inline(__always)
  init<Scalar: Real>(_ w: CrossEntropyWeighting<Scalar>, _ row: Int, _ target: Int, _ classes: Int) {
    let weight = w.rowWeights.map { Double($0[row]) } ?? 1
    own = weight * (1 - w.smoothing) * (w.classWeights.map { Double($0[target]) } ?? 1)
    each = weight * (w.smoothing / Double(classes))
    all = own + each * w.classSum
  }
}

/// The sum of exp(x - maximum), which are stored if `out` is given.
@_alwaysEmitIntoClient @inline(__always)
func sumOfExponentials<V: Lanes, let vectors: Int>(
  _: InlineArray<vectors, V>.Type, _ x: UnsafePointer<V.Scalar>, _ count: Int, _ maximum: V.Scalar,
  _ out: UnsafeMutablePointer<V.Scalar>?
) -> V.Scalar {
  let maximum = V(repeating: maximum)
  var sums = InlineArray<vectors, V>(repeating: .zero)
  let whole = count & ~15
  var i = 0
  while i < whole {
    for v in 0..<vectors {
      let at = i &+ v &* V.count
      let e = V.exp(V.load(x + at) - maximum)
      if let out { e.store(out + at) }
      sums[v] = sums[v] + e
    }
    i &+= 16
  }
  if i < count {
    withPadded(x + i, count &- i, -.infinity) { rest in
      for v in 0..<vectors {
        let e = V.exp(V.load(rest + v &* V.count) - maximum)
        e.store(rest + v &* V.count)
        sums[v] = sums[v] + e
      }
      if let out { for j in 0..<(count &- i) { out[i &+ j] = rest[j] } }
    }
  }
  return V.join(sums)
}

/// The sum of `weights[i] (largest - x[i])` in Double, times `factor`; classes of no weight add nothing, whatever they
/// are.
@_alwaysEmitIntoClient @inline(__always)
func sumOfDistances<V: Lanes, let vectors: Int>(
  _: V.Type, _: InlineArray<vectors, V.Wide>.Type, _ x: UnsafePointer<V.Scalar>, _ weights: UnsafePointer<V.Scalar>?,
  _ count: Int, _ largest: V.Scalar, _ factor: Double
) -> Double {
  let top = V.Wide(repeating: Double(largest) * factor)
  let factor = V.Wide(repeating: factor)
  var sums = InlineArray<vectors, V.Wide>(repeating: .zero)
  @inline(__always) func add(_ x: UnsafePointer<V.Scalar>, _ weights: UnsafePointer<V.Scalar>?) {
    for v in 0..<vectors {
      let distance = top - V.loadWide(x + v &* V.Wide.count) * factor
      guard let weights else {
        sums[v] = sums[v] + distance
        continue
      }
      let weight = V.loadWide(weights + v &* V.Wide.count)
      sums[v] = sums[v] + V.Wide.select(V.Wide.equal(weight, .zero), .zero, weight * distance)
    }
  }
  let whole = count & ~15
  var i = 0
  while i < whole {
    add(x + i, weights.map { $0 + i })
    i &+= 16
  }
  if i < count {
    withPadded(x + i, count &- i, largest) { rest in
      guard let weights else { return add(rest, nil) }
      withPadded(weights + i, count &- i, 0) { add(rest, $0) }
    }
  }
  return V.Wide.join(sums)
}

@_alwaysEmitIntoClient @inline(__always)
func sumOfDistances<V: Lanes>(
  _: V.Type, _ x: UnsafePointer<V.Scalar>, _ weights: UnsafePointer<V.Scalar>?, _ count: Int, _ largest: V.Scalar,
  _ factor: Double
) -> Double {
  switch V.Wide.count {
  case 2: sumOfDistances(V.self, InlineArray<8, V.Wide>.self, x, weights, count, largest, factor)
  case 4: sumOfDistances(V.self, InlineArray<4, V.Wide>.self, x, weights, count, largest, factor)
  default: sumOfDistances(V.self, InlineArray<2, V.Wide>.self, x, weights, count, largest, factor)
  }
}

/// `x[i] -= weights[i] * share`
@_alwaysEmitIntoClient @inline(__always)
func subtract<V: Lanes>(
  _: V.Type, _ weights: UnsafePointer<V.Scalar>?, _ share: V.Scalar, _ x: UnsafeMutablePointer<V.Scalar>, _ count: Int
) {
  let share = V(repeating: -share)
  vectors(V.self, count) { i, n in
    let old = V.load(x + i, first: n)
    let new = weights.map { V.multiplyAdd(V.load($0 + i, first: n), share, old) } ?? old + share
    new.store(x + i, first: n)
  }
}

@_alwaysEmitIntoClient @inline(__always)
func crossEntropy<V: Lanes>(_: V.Type, _ batch: UnsafePointer<CrossEntropyRows<V.Scalar>>, _ rows: Range<Int>) {
  let b = batch.pointee
  for row in rows {
    let x = b.logits + row &* b.classes
    let out = b.gradient.map { $0 + row &* b.classes }
    let target = b.targets[row]
    let isIgnored = target == b.ignored
    var shares = CrossEntropyShares()
    if !isIgnored, let weighting = b.weighting { shares = CrossEntropyShares(weighting, row, target, b.classes) }
    if isIgnored || shares.all == 0 {
      b.losses[row] = 0
      if let out { for j in 0..<b.classes { out[j] = 0 } }
      continue
    }
    let largest = maximum(V.self, x, b.classes)
    let distance = Double(largest) - Double(x[target])
    var distances = 0.0
    if shares.each > 0 {
      let weights = b.weighting?.classWeights
      distances = shares.each * sumOfDistances(V.self, x, weights, b.classes, largest, 1)
      // The logits' differences may be too large for a Double where their mean is not.
      if distances == .infinity {
        distances = shares.each * sumOfDistances(V.self, x, weights, b.classes, largest, 0x1p-64) * 0x1p64
      }
    }
    let sum =
      switch V.count {
      case 2: sumOfExponentials(InlineArray<8, V>.self, x, b.classes, largest, out)
      case 4: sumOfExponentials(InlineArray<4, V>.self, x, b.classes, largest, out)
      case 8: sumOfExponentials(InlineArray<2, V>.self, x, b.classes, largest, out)
      default: sumOfExponentials(InlineArray<1, V>.self, x, b.classes, largest, out)
      }
    let logarithmOfSum = Double(logarithm(V.self, sum))
    // A target of no weight may have a probability of 0.
    var loss = shares.own == 0 ? 0 : shares.own * (logarithmOfSum + distance)
    if shares.each > 0 { loss += (shares.all - shares.own) * logarithmOfSum + distances }
    b.losses[row] = loss
    if let out {
      multiply(V.self, out, V.Scalar(shares.all * b.scale) / sum, b.classes)
      if shares.each > 0 {
        subtract(V.self, b.weighting?.classWeights, V.Scalar(shares.each * b.scale), out, b.classes)
      }
      out[target] = out[target] - V.Scalar(shares.own * b.scale)
    }
  }
}

/// The logarithm of one number, by the vector's own function.
@_alwaysEmitIntoClient @inline(__always)
func logarithm<V: Lanes>(_: V.Type, _ x: V.Scalar) -> V.Scalar {
  withUnsafeTemporaryAllocation(of: V.Scalar.self, capacity: V.count) { buffer in
    let scratch = buffer.baseAddress.unsafelyUnwrapped
    V.log(V(repeating: x)).store(scratch)
    return scratch[0]
  }
}
