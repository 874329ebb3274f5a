// Rows made orthogonal to each other, for initialisers. In Double and without fused multiply-adds: the same bits on every
// machine.

/// Modified Gram-Schmidt with reorthogonalisation (Daniel, Gragg, Kaufman, Stewart 1976): what is left of a row is passed
/// over again until a pass takes no more than half of its length.
public enum Orthonormal {
  /// Replaces each row, in order, by what is orthogonal to all rows before it, with length 1 and the direction that it
  /// had. Of random normal rows that makes rows of a matrix that is uniform among the orthogonal ones.
  ///
  /// A row that is a sum of those before, or zero, becomes some unit vector that is orthogonal to them.
  ///
  /// - Parameters:
  ///   - matrix: `[count, width]`, dense.
  ///   - count: at most `width`.
  /// - Complexity: about 1.5 `count`² `width` multiply-adds; no memory of its own.
  @inline(never)
  public static func rows(_ matrix: UnsafeMutablePointer<Double>, count: Int, width: Int) {
    for k in 0..<count {
      let row = matrix + k &* width
      normalize(row, width, unit: k, least: 0)
      // Two passes are enough for all but a row that was a sum of others: unit vectors are tried then, one of which is
      // none.
      for pass in 0..<width &+ 8 {
        for j in 0..<k {
          let before = matrix + j &* width
          add(-dot(before, row, width), before, to: row, width)
        }
        if normalize(row, width, unit: (k &+ pass &+ 1) % width, least: 1e-10) >= 0.5 { break }
      }
    }
  }

  /// Gives a row length 1, and says which length it had; one of no more than `least` becomes the given unit vector.
  @discardableResult
  private static func normalize(
    _ row: UnsafeMutablePointer<Double>, _ width: Int, unit: Int, least: Double
  ) -> Double {
    let length = dot(row, row, width).squareRoot()
    if length > least {
      for i in 0..<width { row[i] /= length }
    } else {
      for i in 0..<width { row[i] = i == unit ? 1 : 0 }
    }
    return length
  }

  /// Eight partial sums, then what is left in one.
  private static func dot(_ a: UnsafePointer<Double>, _ b: UnsafePointer<Double>, _ width: Int) -> Double {
    var (s0, s1, s2, s3) = (DoubleX2.zero, DoubleX2.zero, DoubleX2.zero, DoubleX2.zero)
    var i = 0
    while i &+ 8 <= width {
      s0 = s0 + DoubleX2.load(a + i) * DoubleX2.load(b + i)
      s1 = s1 + DoubleX2.load(a + (i &+ 2)) * DoubleX2.load(b + (i &+ 2))
      s2 = s2 + DoubleX2.load(a + (i &+ 4)) * DoubleX2.load(b + (i &+ 4))
      s3 = s3 + DoubleX2.load(a + (i &+ 6)) * DoubleX2.load(b + (i &+ 6))
      i &+= 8
    }
    let sums = ((s0 + s1) + (s2 + s3)).simd
    var rest = 0.0
    while i < width {
      rest += a[i] * b[i]
      i &+= 1
    }
    return sums[0] + sums[1] + rest
  }

  /// row += factor * a
  private static func add(
    _ factor: Double, _ a: UnsafePointer<Double>, to row: UnsafeMutablePointer<Double>, _ width: Int
  ) {
    let factors = DoubleX2(repeating: factor)
    var i = 0
    while i &+ 2 <= width {
      (DoubleX2.load(row + i) + factors * DoubleX2.load(a + i)).store(row + i)
      i &+= 2
    }
    if i < width { row[i] += factor * a[i] }
  }
}
