// The two functions of the gates.

extension LaneArithmetic {
  /// 1 / (1 + e^-x); 0 where the result would be subnormal.
  ///
  /// Largest error: 1.9991 ulp over all Floats, 1.998 over 32 million Doubles, with and without fused multiply-add, for
  /// x just under zero. Three roundings make it: of 1 + t, worth up to half an ulp of the result, of the denominator
  /// just over 2, up to one, and of the quotient, up to half; so it stays under 2.
  @_alwaysEmitIntoClient @inline(__always)
  public static func sigmoid(_ x: Self) -> Self {
    let limit = Scalar.sigmoidLimit
    let (scale, t) = scaledExpMinusOne((-x).clamped(-limit, limit))
    // 1 + scale (1 + t) with the largest term added last: 1 + e^-x from a rounded e^-x may be off by 2.5 ulp where e^-x
    // is just over 2^24 (2^53 in Double).
    let denominator = max(scale, one) + multiplyAdd(scale, t, min(scale, one))
    return one / denominator
  }

  /// tanh x, with the sign of x at zero too; subnormal x counts as zero.
  ///
  /// Largest error: 1.50 ulp over all Floats and over 24 million Doubles, with and without fused multiply-add.
  @_alwaysEmitIntoClient @inline(__always)
  public static func tanh(_ x: Self) -> Self {
    let a = x.sign(from: zero)
    // (e^2a - 1) / (e^2a + 1) from tanh a = 1/4 upward, where its roundings can't add up to 1.9 ulp; under that they
    // could come to 2.6, so there a polynomial. (1 - e^-2a) / (1 + e^-2a) came to 1.91 in Float, and could to 2.6.
    let b = min(Self(repeating: Scalar.tanhLimit), a)
    let (scale, t) = scaledExpMinusOne(b + b)
    let expMinusOne = multiplyAdd(scale, t, scale - one)
    let large = expMinusOne / (expMinusOne + Self(repeating: 2))
    let z = a * a
    let small = multiplyAdd(z * a, Scalar.tanhTail(z), a)
    return select(less(a, Self(repeating: Scalar.tanhSmall)), small, large).sign(from: x)
  }
}
