// Attention of one sequence: softmax of scores and its gradient, sums of weighted rows, and scores by tanh. Products of
// matrices are Product.swift's; rows are given by pointers, so that steps that do not count are left out and never read.

/// Arguments of the gradient of scores by tanh, for one query and the keys that count.
@frozen public struct TanhScoreGradient<Scalar: Real> {
  /// `[width]`: the query's projection
  public var query: UnsafePointer<Scalar>
  /// `count` rows of `width`: the keys' projections
  public var keys: UnsafePointer<UnsafePointer<Scalar>>
  /// `[width]`
  public var vector: UnsafePointer<Scalar>
  /// `[count]`: gradients of the scores
  public var scores: UnsafePointer<Scalar>
  public var count: Int
  public var width: Int
  /// `[width]`, overwritten
  public var dquery: UnsafeMutablePointer<Scalar>
  /// `count` rows of `width`, added to
  public var dkeys: UnsafePointer<UnsafeMutablePointer<Scalar>>
  /// `[width]`, added to
  public var dvector: UnsafeMutablePointer<Scalar>

  @inlinable public init(
    query: UnsafePointer<Scalar>, keys: UnsafePointer<UnsafePointer<Scalar>>, vector: UnsafePointer<Scalar>,
    scores: UnsafePointer<Scalar>, count: Int, width: Int, dquery: UnsafeMutablePointer<Scalar>,
    dkeys: UnsafePointer<UnsafeMutablePointer<Scalar>>, dvector: UnsafeMutablePointer<Scalar>
  ) {
    (self.query, self.keys, self.vector, self.scores) = (query, keys, vector, scores)
    (self.count, self.width) = (count, width)
    (self.dquery, self.dkeys, self.dvector) = (dquery, dkeys, dvector)
  }
}

/// The sum of `term(i, n)` over vectors of `count` numbers, i where one starts, n how many of its lanes count: a
/// multiply-add onto one of 16 partial sums by index mod 16. Lanes that do not count must give 0.
@_alwaysEmitIntoClient @inline(__always)
func partialSums<V: Lanes, let vectors: Int>(
  _: InlineArray<vectors, V>.Type, _ count: Int, _ add: (_ sum: V, _ i: Int, _ n: Int) -> V
) -> V.Scalar {
  var sums = InlineArray<vectors, V>(repeating: .zero)
  let whole = count & ~15
  var i = 0
  while i < whole {
    for v in 0..<vectors { sums[v] = add(sums[v], i &+ v &* V.count, V.count) }
    i &+= 16
  }
  if i < count {
    for v in 0..<vectors {
      let at = i &+ v &* V.count
      if at < count { sums[v] = add(sums[v], at, Swift.min(V.count, count &- at)) }
    }
  }
  return V.join(sums)
}

@_alwaysEmitIntoClient @inline(__always)
func partialSums<V: Lanes>(_: V.Type, _ count: Int, _ add: (_ sum: V, _ i: Int, _ n: Int) -> V) -> V.Scalar {
  switch V.count {
  case 2: partialSums(InlineArray<8, V>.self, count, add)
  case 4: partialSums(InlineArray<4, V>.self, count, add)
  case 8: partialSums(InlineArray<2, V>.self, count, add)
  default: partialSums(InlineArray<1, V>.self, count, add)
  }
}

/// `x = softmax(scale * x)`; zeros if all of it is -infinity. `count` is 1 or more.
@_alwaysEmitIntoClient @inline(__always)
func softmax<V: Lanes>(_: V.Type, _ x: UnsafeMutablePointer<V.Scalar>, _ count: Int, _ scale: V.Scalar) {
  if scale != 1 { multiply(V.self, x, scale, count) }
  let largest = maximum(V.self, x, count)
  // -infinity less itself would be NaN; NaN stays, because the largest leaves it out and its exponential does not.
  let shift = largest == -.infinity ? 0 : largest
  let sum =
    switch V.count {
    case 2: sumOfExponentials(InlineArray<8, V>.self, x, count, shift, x)
    case 4: sumOfExponentials(InlineArray<4, V>.self, x, count, shift, x)
    case 8: sumOfExponentials(InlineArray<2, V>.self, x, count, shift, x)
    default: sumOfExponentials(InlineArray<1, V>.self, x, count, shift, x)
    }
  if sum != 0 { multiply(V.self, x, 1 / sum, count) }
}

/// `d = weights * (d - sum of weights * d) * scale`: from the gradient of a softmax's results to that of its arguments.
@_alwaysEmitIntoClient @inline(__always)
func softmaxGradient<V: Lanes>(
  _: V.Type, _ weights: UnsafePointer<V.Scalar>, _ d: UnsafeMutablePointer<V.Scalar>, _ count: Int, _ scale: V.Scalar
) {
  let sum = partialSums(V.self, count) { sum, i, n in
    V.multiplyAdd(V.load(weights + i, first: n), V.load(d + i, first: n), sum)
  }
  let (mean, factor) = (V(repeating: sum), V(repeating: scale))
  vectors(V.self, count) { i, n in
    (V.load(weights + i, first: n) * (V.load(d + i, first: n) - mean) * factor).store(d + i, first: n)
  }
}

/// `out[j] = sum over k of weights[k] * rows[k][j]`: for each j one chain of multiply-adds, k ascending.
@_alwaysEmitIntoClient @inline(__always)
func weightedRows<V: Lanes>(
  _: V.Type, _ weights: UnsafePointer<V.Scalar>, _ rows: UnsafePointer<UnsafePointer<V.Scalar>>, _ count: Int,
  _ width: Int, _ out: UnsafeMutablePointer<V.Scalar>
) {
  var j = 0
  while j &+ 4 &* V.count <= width {
    var (a, b, c, d) = (V.zero, V.zero, V.zero, V.zero)
    for k in 0..<count {
      let weight = V(repeating: weights[k])
      let row = rows[k] + j
      a = V.multiplyAdd(weight, V.load(row), a)
      b = V.multiplyAdd(weight, V.load(row + V.count), b)
      c = V.multiplyAdd(weight, V.load(row + 2 &* V.count), c)
      d = V.multiplyAdd(weight, V.load(row + 3 &* V.count), d)
    }
    a.store(out + j)
    b.store(out + (j &+ V.count))
    c.store(out + (j &+ 2 &* V.count))
    d.store(out + (j &+ 3 &* V.count))
    j &+= 4 &* V.count
  }
  vectors(V.self, width &- j) { i, n in
    var sum = V.zero
    for k in 0..<count {
      sum = V.multiplyAdd(V(repeating: weights[k]), V.load(rows[k] + (j &+ i), first: n), sum)
    }
    sum.store(out + (j &+ i), first: n)
  }
}

/// `scores[k] = sum over j of vector[j] * tanh(query[j] + keys[k][j])`, by 16 partial sums.
@_alwaysEmitIntoClient @inline(__always)
func tanhScores<V: Lanes>(
  _: V.Type, _ query: UnsafePointer<V.Scalar>, _ keys: UnsafePointer<UnsafePointer<V.Scalar>>,
  _ vector: UnsafePointer<V.Scalar>, _ count: Int, _ width: Int, _ scores: UnsafeMutablePointer<V.Scalar>
) {
  for k in 0..<count {
    let key = keys[k]
    scores[k] = partialSums(V.self, width) { sum, i, n in
      let z = V.tanh(V.load(query + i, first: n) + V.load(key + i, first: n))
      return V.multiplyAdd(V.load(vector + i, first: n), z, sum)
    }
  }
}

/// The gradient of `tanhScores`: the query's is one chain over the keys; each key's and the vector's go on with what is
/// there.
@_alwaysEmitIntoClient @inline(__always)
func tanhScoreGradient<V: Lanes>(_: V.Type, _ a: TanhScoreGradient<V.Scalar>) {
  vectors(V.self, a.width) { i, n in
    let query = V.load(a.query + i, first: n)
    let vector = V.load(a.vector + i, first: n)
    var dquery = V.zero
    var dvector = V.load(a.dvector + i, first: n)
    for k in 0..<a.count {
      let z = V.tanh(query + V.load(a.keys[k] + i, first: n))
      let score = V(repeating: a.scores[k])
      dvector = V.multiplyAdd(score, z, dvector)
      let d = (score * vector) * V.multiplyAdd(-z, z, .one)
      dquery = dquery + d
      let dkey = a.dkeys[k] + i
      (V.load(dkey, first: n) + d).store(dkey, first: n)
    }
    dquery.store(a.dquery + i, first: n)
    dvector.store(a.dvector + i, first: n)
  }
}

/// Entries for attention. Pointers need only their elements' alignment.
public struct AttentionKernels<Scalar: Real>: Sendable {
  /// `(x, count, scale)`: `x = softmax(scale * x)`
  public let softmax: @Sendable (UnsafeMutablePointer<Scalar>, Int, Scalar) -> Void
  /// `(weights, d, count, scale)`
  public let softmaxGradient: @Sendable (UnsafePointer<Scalar>, UnsafeMutablePointer<Scalar>, Int, Scalar) -> Void
  /// `(weights, rows, count, width, out)`
  public let weightedRows:
    @Sendable (UnsafePointer<Scalar>, UnsafePointer<UnsafePointer<Scalar>>, Int, Int, UnsafeMutablePointer<Scalar>) ->
      Void
  /// `(query, keys, vector, count, width, scores)`
  public let tanhScores:
    @Sendable (
      UnsafePointer<Scalar>, UnsafePointer<UnsafePointer<Scalar>>, UnsafePointer<Scalar>, Int, Int,
      UnsafeMutablePointer<Scalar>
    ) -> Void
  public let tanhScoreGradient: @Sendable (UnsafePointer<TanhScoreGradient<Scalar>>) -> Void

  @_alwaysEmitIntoClient @inline(__always)
  public init<V: Lanes>(_: V.Type) where V.Scalar == Scalar {
    softmax = { Kernels.softmax(V.self, $0, $1, $2) }
    softmaxGradient = { Kernels.softmaxGradient(V.self, $0, $1, $2, $3) }
    weightedRows = { Kernels.weightedRows(V.self, $0, $1, $2, $3, $4) }
    tanhScores = { Kernels.tanhScores(V.self, $0, $1, $2, $3, $4, $5) }
    tanhScoreGradient = { Kernels.tanhScoreGradient(V.self, $0.pointee) }
  }
}
