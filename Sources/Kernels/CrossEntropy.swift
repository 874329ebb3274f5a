// Softmax cross-entropy of a row and its gradient. The row is read once from memory: its maximum, its exponentials and
// its gradient follow each other while it is in the cache.

/// Rows of logits with their targets, and where their losses and gradients go.
@frozen public struct CrossEntropyRows<Scalar: Real> {
  /// `[rows, classes]`
  public var logits: UnsafePointer<Scalar>
  public var classes: Int
  /// `[rows]`, each in `0 ..< classes` or `ignored`
  public var targets: UnsafePointer<Int>
  public var ignored: Int
  /// How many rows of the whole batch are not ignored: the loss is their mean.
  public var counted: Int
  /// `[rows]`
  public var losses: UnsafeMutablePointer<Double>
  /// `[rows, classes]`, or nil; may be `logits`
  public var gradient: UnsafeMutablePointer<Scalar>?

  @inlinable public init(
    logits: UnsafePointer<Scalar>, classes: Int, targets: UnsafePointer<Int>, ignored: Int, counted: Int,
    losses: UnsafeMutablePointer<Double>, gradient: UnsafeMutablePointer<Scalar>?
  ) {
    self.logits = logits
    self.classes = classes
    self.targets = targets
    self.ignored = ignored
    self.counted = counted
    self.losses = losses
    self.gradient = gradient
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

@_alwaysEmitIntoClient @inline(__always)
func crossEntropy<V: Lanes>(_: V.Type, _ batch: UnsafePointer<CrossEntropyRows<V.Scalar>>, _ rows: Range<Int>) {
  let b = batch.pointee
  let scale = V.Scalar(1 / Double(b.counted))
  for row in rows {
    let x = b.logits + row &* b.classes
    let out = b.gradient.map { $0 + row &* b.classes }
    let target = b.targets[row]
    if target == b.ignored {
      b.losses[row] = 0
      if let out { for j in 0..<b.classes { out[j] = 0 } }
      continue
    }
    let largest = maximum(V.self, x, b.classes)
    let distance = Double(largest) - Double(x[target])
    let sum =
      switch V.count {
      case 2: sumOfExponentials(InlineArray<8, V>.self, x, b.classes, largest, out)
      case 4: sumOfExponentials(InlineArray<4, V>.self, x, b.classes, largest, out)
      case 8: sumOfExponentials(InlineArray<2, V>.self, x, b.classes, largest, out)
      default: sumOfExponentials(InlineArray<1, V>.self, x, b.classes, largest, out)
      }
    b.losses[row] = Double(logarithm(V.self, sum)) + distance
    if let out {
      multiply(V.self, out, scale / sum, b.classes)
      out[target] = out[target] - scale
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
