// Pooling over the steps of one sequence: each column by itself, over rows that are given by pointers.

/// `out[j] = (sum over k of factor * rows[k][j]) / count / factor`, k ascending, for a factor that is a power of two.
@_alwaysEmitIntoClient @inline(__always)
func meanOfRows<V: Lanes>(
  _: V.Type, _ rows: UnsafePointer<UnsafePointer<V.Scalar>>, _ count: Int, _ width: Int, _ factor: V.Scalar,
  _ out: UnsafeMutablePointer<V.Scalar>
) {
  let (scale, divisor) = (V(repeating: factor), V(repeating: V.Scalar(count)))
  vectors(V.self, width) { i, n in
    var sum = V.zero
    for k in 0..<count { sum = V.multiplyAdd(V.load(rows[k] + i, first: n), scale, sum) }
    (sum / divisor / scale).store(out + i, first: n)
  }
}

/// `out[j]` = the largest of `rows[k][j]`, the first of equals; NaN where one of them is. `count` is 1 or more.
@_alwaysEmitIntoClient @inline(__always)
func maximumOfRows<V: Lanes>(
  _: V.Type, _ rows: UnsafePointer<UnsafePointer<V.Scalar>>, _ count: Int, _ width: Int,
  _ out: UnsafeMutablePointer<V.Scalar>
) {
  vectors(V.self, width) { i, n in
    var largest = V.load(rows[0] + i, first: n)
    for k in 1..<max(count, 1) { largest = V.maximumOrNaN(V.load(rows[k] + i, first: n), largest) }
    largest.store(out + i, first: n)
  }
}

/// `drows[k][j] = dout[j]` for the first row whose number is the largest of its column, or is NaN; else 0.
@_alwaysEmitIntoClient @inline(__always)
func maximumOfRowsGradient<V: Lanes>(
  _: V.Type, _ rows: UnsafePointer<UnsafePointer<V.Scalar>>, _ count: Int, _ width: Int,
  _ dout: UnsafePointer<V.Scalar>, _ drows: UnsafePointer<UnsafeMutablePointer<V.Scalar>>
) {
  vectors(V.self, width) { i, n in
    var largest = V.load(rows[0] + i, first: n)
    for k in 1..<max(count, 1) { largest = V.maximumOrNaN(V.load(rows[k] + i, first: n), largest) }
    // What has found no row yet.
    var open = V.load(dout + i, first: n)
    for k in 0..<count {
      let x = V.load(rows[k] + i, first: n)
      // NaN equals nothing: where the largest is NaN, a row that is not has no gradient.
      let isNumber = V.equal(x, x)
      let found = V.select(isNumber, V.select(V.equal(x, largest), open, .zero), open)
      open = V.select(isNumber, V.select(V.equal(x, largest), .zero, open), .zero)
      found.store(drows[k] + i, first: n)
    }
  }
}

/// Entries for pooling. Pointers need only their elements' alignment.
public struct PoolKernels<Scalar: Real>: Sendable {
  /// `(rows, count, width, factor, out)`
  public let mean:
    @Sendable (UnsafePointer<UnsafePointer<Scalar>>, Int, Int, Scalar, UnsafeMutablePointer<Scalar>) -> Void
  /// `(rows, count, width, out)`
  public let maximum: @Sendable (UnsafePointer<UnsafePointer<Scalar>>, Int, Int, UnsafeMutablePointer<Scalar>) -> Void
  /// `(rows, count, width, dout, drows)`
  public let maximumGradient:
    @Sendable (
      UnsafePointer<UnsafePointer<Scalar>>, Int, Int, UnsafePointer<Scalar>,
      UnsafePointer<UnsafeMutablePointer<Scalar>>
    ) -> Void

  @_alwaysEmitIntoClient @inline(__always)
  public init<V: Lanes>(_: V.Type) where V.Scalar == Scalar {
    mean = { meanOfRows(V.self, $0, $1, $2, $3, $4) }
    maximum = { maximumOfRows(V.self, $0, $1, $2, $3) }
    maximumGradient = { maximumOfRowsGradient(V.self, $0, $1, $2, $3, $4) }
  }
}
