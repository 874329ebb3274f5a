// The natural logarithm.

extension Lanes {
  /// ln x, at most 2 ulp; -infinity at zero and for subnormal x, which counts as zero; NaN under it.
  ///
  /// Largest error: 1.52 ulp over all Floats and over 24 million Doubles, with and without fused multiply-add: where
  /// n ln 2 + f rounds just above a power of two and the result falls below it. From 0.3 to 3: 1.05.
  @_alwaysEmitIntoClient @inline(__always)
  public static func log(_ x: Self) -> Self {
    let (exponent, significand) = x.exponentAndSignificand()
    let f = significand - one
    // ln(1 + f) = 2s + s z R(z) with s = f / (2 + f), z = s^2, and 2s = f - f^2/2 + s f^2/2: f itself stays exact.
    let s = f / (f + Self(repeating: 2))
    let z = s * s
    let half = f * f * Self(repeating: 0.5)
    let small =
      multiplyAdd(s, multiplyAdd(z, Scalar.logTail(z), half), exponent * Self(repeating: Scalar.ln2Low)) - half
    let y = multiplyAdd(exponent, Self(repeating: Scalar.ln2High), f) + small

    let infinity = Self(repeating: .infinity)
    let finite = select(less(x, infinity), y, x)
    let atZero = select(less(x, zero), Self(repeating: .nan), -infinity)
    return select(less(x, Self(repeating: .leastNormalMagnitude)), atZero, finite)
  }
}
