// The exponential, and the reduction that sigmoid and tanh share with it.

extension LaneArithmetic {
  /// t with e^x = 2^n (1 + t), |t| < 0.42, for n the integer next to x / ln 2.
  @_alwaysEmitIntoClient @inline(__always)
  static func reducedExpMinusOne(_ x: Self, _ n: Self) -> Self {
    var r = multiplyAdd(n, Self(repeating: -Scalar.ln2High), x)
    r = multiplyAdd(n, Self(repeating: -Scalar.ln2Low), r)
    return multiplyAdd(r * r, Scalar.expTail(r), r)
  }

  /// 2^n (`scale`) and t with e^x = 2^n (1 + t), |t| < 0.42. 2^n must be normal or under that, where scale is 0 for the
  /// first n. NaN gives a NaN t.
  @_alwaysEmitIntoClient @inline(__always)
  static func scaledExpMinusOne(_ x: Self) -> (scale: Self, t: Self) {
    let rounding = Self(repeating: Scalar.biasedRounding)
    let sum = multiplyAdd(x, Self(repeating: Scalar.log2e), rounding)
    return (powerOfTwo(biased: sum), reducedExpMinusOne(x, sum - rounding))
  }
}

extension Lanes {
  /// e^x; 0 where the result would be subnormal, infinity where it would be too large.
  ///
  /// Largest error: 1.03 ulp over all Floats (0.99 without fused multiply-add), 1.02 over 16 million Doubles.
  @_alwaysEmitIntoClient @inline(__always)
  public static func exp(_ x: Self) -> Self {
    let rounding = Self(repeating: Scalar.rounding)
    let sum = multiplyAdd(x, Self(repeating: Scalar.log2e), rounding)
    let y = (one + reducedExpMinusOne(x, sum - rounding)).addingToExponent(roundedBy: sum)
    // Outside the range y is noise. x + infinity: infinity above it, NaN for NaN.
    let finite = select(less(x, Self(repeating: Scalar.expHigh)), y, x + Self(repeating: .infinity))
    return select(less(x, Self(repeating: Scalar.expLow)), zero, finite)
  }
}
