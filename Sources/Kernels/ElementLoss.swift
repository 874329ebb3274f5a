// Losses of pairs of numbers, a prediction and its target, and their gradients: each pair is read once. Sixteen pairs at
// a time, whose losses go into 16 partial sums in Double, as in Reductions.swift.

/// Loss of a pair of numbers.
@frozen public enum ElementLossKind: Sendable {
  /// Binary cross-entropy of a logit z and a probability t: -t log σ(z) - (1 - t) log σ(-z).
  case binaryCrossEntropy
  /// (p - t)²
  case squared
  /// |p - t|
  case absolute
  /// (p - t)² / 2 up to a distance of delta, delta (|p - t| - delta / 2) beyond.
  case huber
}

/// Predictions and targets `[count]`, rows of `width` numbers, and where losses and gradients go.
@frozen public struct ElementLossBatch<Scalar: Real> {
  public var kind: ElementLossKind
  /// Threshold of the Huber loss; above 0.
  public var delta: Double
  public var count: Int
  public var width: Int
  public var predictions: UnsafePointer<Scalar>
  public var targets: UnsafePointer<Scalar>
  /// `[count / width]`, or nil: 1
  public var rowWeights: UnsafePointer<Scalar>?
  /// `[width]`, or nil: 1. Of binary cross-entropy: multiplies t.
  public var positiveWeights: UnsafePointer<Scalar>?
  /// Factor of the gradients.
  public var scale: Double
  /// Factor of each loss before the losses are added.
  public var factor: Double
  /// A sum for each chunk of 4096 pairs.
  public var sums: UnsafeMutablePointer<Double>
  /// `[count]`, or nil; may be `predictions`
  public var gradient: UnsafeMutablePointer<Scalar>?

  @inlinable public init(
    kind: ElementLossKind, delta: Double, count: Int, width: Int, predictions: UnsafePointer<Scalar>,
    targets: UnsafePointer<Scalar>, rowWeights: UnsafePointer<Scalar>?, positiveWeights: UnsafePointer<Scalar>?,
    scale: Double, factor: Double, sums: UnsafeMutablePointer<Double>, gradient: UnsafeMutablePointer<Scalar>?
  ) {
    self.kind = kind
    self.delta = delta
    self.count = count
    self.width = width
    self.predictions = predictions
    self.targets = targets
    self.rowWeights = rowWeights
    self.positiveWeights = positiveWeights
    self.scale = scale
    self.factor = factor
    self.sums = sums
    self.gradient = gradient
  }
}

extension Lanes {
  @_alwaysEmitIntoClient @inline(__always) var magnitude: Self { sign(from: .zero) }

  /// `a * b`; 0 where a is, whatever b is.
  @_alwaysEmitIntoClient @inline(__always) static func weighted(_ a: Self, _ b: Self) -> Self {
    select(equal(a, .zero), .zero, a * b)
  }

  /// ln(1 + e) for e in [0, 1]: where 1 + e rounds, the logarithm is off by as much as e / (1 + e - 1) makes good.
  @_alwaysEmitIntoClient @inline(__always) static func logOfOnePlus(_ e: Self) -> Self {
    let sum = one + e
    let rounded = sum - one
    return select(equal(rounded, .zero), e, log(sum) * (e / rounded))
  }

  /// Binary cross-entropy of logits z, and its derivative. `positive` multiplies t.
  @_alwaysEmitIntoClient @inline(__always)
  static func binaryCrossEntropy(_ z: Self, _ t: Self, _ positive: Self) -> (loss: Self, slope: Self) {
    let e = exp(-z.magnitude)
    let denominator = one + e
    let (large, small) = (one / denominator, e / denominator)
    let isNegative = less(z, .zero)
    let (own, other) = (select(isNegative, small, large), select(isNegative, large, small))
    let (no, yes) = (one - t, t * positive)
    let tail = logOfOnePlus(e)
    // -log σ(-z) and -log σ(z). `max` has its second operand for NaN, which tail has, too.
    let loss = weighted(no, max(z, .zero) + tail) + weighted(yes, max(-z, .zero) + tail)
    return (loss, no * own - yes * other)
  }
}

@_alwaysEmitIntoClient @inline(__always)
func elementLossOfChunk<V: Lanes, let vectors: Int>(
  _: V.Type, _: InlineArray<vectors, V.Wide>.Type, _ b: ElementLossBatch<V.Scalar>, _ range: Range<Int>
) -> Double {
  let delta = V(repeating: V.Scalar(b.delta))
  let wideDelta = V.Wide(repeating: b.delta)
  let scale = V(repeating: V.Scalar(b.scale))
  let factor = V.Wide(repeating: b.factor)
  var sums = InlineArray<vectors, V.Wide>(repeating: .zero)

  @inline(__always) func add(_ v: Int, _ loss: V.Wide, _ weights: UnsafePointer<V.Scalar>?) {
    let loss = weights.map { V.Wide.weighted(V.loadWide($0 + v &* V.Wide.count), loss) } ?? loss
    sums[v] = sums[v] + loss * factor
  }
  /// Sixteen pairs.
  @inline(__always) func pairs(
    _ predictions: UnsafePointer<V.Scalar>, _ targets: UnsafePointer<V.Scalar>, _ weights: UnsafePointer<V.Scalar>?,
    _ positive: UnsafePointer<V.Scalar>?, _ out: UnsafeMutablePointer<V.Scalar>?,
    _ losses: UnsafeMutablePointer<V.Scalar>
  ) {
    if b.kind != .binaryCrossEntropy {
      // In Double: squares of Floats do not overflow there.
      for v in 0..<vectors {
        let at = v &* V.Wide.count
        let d = V.loadWide(predictions + at) - V.loadWide(targets + at)
        let distance = d.magnitude
        switch b.kind {
        case .squared: add(v, d * d, weights)
        case .absolute: add(v, distance, weights)
        default:
          let near = V.Wide.min(distance, wideDelta)
          add(v, near * (distance - near * V.Wide(repeating: 0.5)), weights)
        }
      }
      if out == nil { return }
    }
    for v in 0..<(16 / V.count) {
      let at = v &* V.count
      let (p, t) = (V.load(predictions + at), V.load(targets + at))
      let slope: V
      switch b.kind {
      case .binaryCrossEntropy:
        let both = V.binaryCrossEntropy(p, t, positive.map { V.load($0 + at) } ?? .one)
        both.loss.store(losses + at)
        slope = both.slope
      case .squared: slope = (p - t) + (p - t)
      case .absolute:
        let d = p - t
        slope = V.select(V.less(.zero, d), .one, V.select(V.less(d, .zero), -V.one, d))
      case .huber:
        let d = p - t
        slope = V.min(delta, V.select(V.less(d, -delta), -delta, d))
      }
      if let out {
        let weight = weights.map { V.load($0 + at) * scale } ?? scale
        V.weighted(weight, slope).store(out + at)
      }
    }
    if b.kind == .binaryCrossEntropy {
      for v in 0..<vectors { add(v, V.loadWide(losses + v &* V.Wide.count), weights) }
    }
  }

  // Memory for sixteen losses, weights of rows and columns, and the pairs that are left with their gradient.
  withUnsafeTemporaryAllocation(of: V.Scalar.self, capacity: 96) { buffer in
    let losses = buffer.baseAddress.unsafelyUnwrapped
    let (rowWeights, positive, rest) = (losses + 16, losses + 32, losses + 48)
    var (row, column) = (0, 0)
    if b.rowWeights != nil || b.positiveWeights != nil {
      (row, column) = (range.lowerBound / b.width, range.lowerBound % b.width)
    }
    /// Fills the weights of the next `count` of sixteen numbers, 0 for those behind.
    @inline(__always) func spread(_ count: Int) {
      for i in 0..<16 {
        rowWeights[i] = i < count ? b.rowWeights.map { $0[row] } ?? 1 : 0
        positive[i] = i < count ? b.positiveWeights.map { $0[column] } ?? 1 : 0
        if i < count {
          column &+= 1
          if column == b.width { (row, column) = (row &+ 1, 0) }
        }
      }
    }
    let spreads = b.rowWeights != nil || b.positiveWeights != nil
    let whole = range.lowerBound &+ (range.count & ~15)
    var i = range.lowerBound
    while i < whole {
      if spreads { spread(16) }
      pairs(
        b.predictions + i, b.targets + i, b.rowWeights == nil ? nil : UnsafePointer(rowWeights),
        b.positiveWeights == nil ? nil : UnsafePointer(positive), b.gradient.map { $0 + i }, losses)
      i &+= 16
    }
    let left = range.upperBound &- i
    if left > 0 {
      spread(left)
      for j in 0..<32 { rest[j] = 0 }
      rest.update(from: b.predictions + i, count: left)
      (rest + 16).update(from: b.targets + i, count: left)
      pairs(
        rest, rest + 16, rowWeights, b.positiveWeights == nil ? nil : UnsafePointer(positive),
        b.gradient == nil ? nil : rest + 32, losses)
      if let out = b.gradient { (out + i).update(from: rest + 32, count: left) }
    }
  }
  return V.Wide.join(sums)
}

@_alwaysEmitIntoClient @inline(__always)
func elementLoss<V: Lanes>(_: V.Type, _ batch: UnsafePointer<ElementLossBatch<V.Scalar>>, _ chunks: Range<Int>) {
  let b = batch.pointee
  for chunk in chunks {
    let first = chunk &* chunkLength
    let range = first..<Swift.min(first &+ chunkLength, b.count)
    switch V.Wide.count {
    case 2: b.sums[chunk] = elementLossOfChunk(V.self, InlineArray<8, V.Wide>.self, b, range)
    case 4: b.sums[chunk] = elementLossOfChunk(V.self, InlineArray<4, V.Wide>.self, b, range)
    default: b.sums[chunk] = elementLossOfChunk(V.self, InlineArray<2, V.Wide>.self, b, range)
    }
  }
}
