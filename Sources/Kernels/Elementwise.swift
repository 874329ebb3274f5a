// What happens to each number by itself.

/// Calls `body(i, n)` for each vector of `count` numbers: i where it starts, n how many of its lanes count, all but the
/// last time V.count.
@_alwaysEmitIntoClient @inline(__always)
func vectors<V: Lanes>(_: V.Type, _ count: Int, _ body: (_ i: Int, _ n: Int) -> Void) {
  var i = 0
  while i &+ V.count <= count {
    body(i, V.count)
    i &+= V.count
  }
  if i < count { body(i, count &- i) }
}

/// `x[i] *= factor`
@_alwaysEmitIntoClient @inline(__always)
func multiply<V: Lanes>(_: V.Type, _ x: UnsafeMutablePointer<V.Scalar>, _ factor: V.Scalar, _ count: Int) {
  let factor = V(repeating: factor)
  vectors(V.self, count) { i, n in (V.load(x + i, first: n) * factor).store(x + i, first: n) }
}

/// `sum[i] += x[i]`
@_alwaysEmitIntoClient @inline(__always)
func add<V: Lanes>(
  _: V.Type, _ x: UnsafePointer<V.Scalar>, _ sum: UnsafeMutablePointer<V.Scalar>, _ count: Int
) {
  vectors(V.self, count) { i, n in
    (V.load(sum + i, first: n) + V.load(x + i, first: n)).store(sum + i, first: n)
  }
}

/// `x[i]` limited to `-limit ... limit`; NaN stays NaN.
@_alwaysEmitIntoClient @inline(__always)
func clamp<V: Lanes>(_: V.Type, _ x: UnsafeMutablePointer<V.Scalar>, _ limit: V.Scalar, _ count: Int) {
  vectors(V.self, count) { i, n in V.load(x + i, first: n).clamped(-limit, limit).store(x + i, first: n) }
}
