// The functions that cells given as equations use beside those of the gates, and their derivatives.
//
// Sources: selu Klambauer 2017, gelu Hendrycks, Gimpel 2016, silu Elfwing 2017, softplus Dugas 2000, softsign Turian
// 2009, elu Clevert 2015. At kinks the derivative is torch's.

/// The two constants of selu (Klambauer 2017, eq 14).
@_alwaysEmitIntoClient @inline(__always) var seluScale: Double { 1.0507009873554804934193349852946 }
@_alwaysEmitIntoClient @inline(__always) var seluAlpha: Double { 1.6732632423543772848170429916717 }

extension Lanes {
  @_alwaysEmitIntoClient @inline(__always) func absolute() -> Self { sign(from: Self.zero) }

  /// e^x - 1 for x <= 0, which x above zero counts as: without cancellation near zero.
  @_alwaysEmitIntoClient @inline(__always) static func expMinusOneBelowZero(_ x: Self) -> Self {
    let (scale, t) = scaledExpMinusOne(x.clamped(-Scalar.sigmoidLimit, 0))
    return multiplyAdd(scale, t, scale - one)
  }

  /// ln(1 + t) for 0 <= t <= 1; the quotient makes up for what 1 + t has lost of t.
  @_alwaysEmitIntoClient @inline(__always) static func logOnePlus(_ t: Self) -> Self {
    let u = one + t
    return select(equal(u, one), t, log(u) * (t / (u - one)))
  }

  /// ln(1 + e^-|x|)
  @_alwaysEmitIntoClient @inline(__always) static func softTail(_ x: Self) -> Self { logOnePlus(exp(-x.absolute())) }

  /// NaN stays NaN.
  @_alwaysEmitIntoClient @inline(__always) static func relu(_ x: Self) -> Self { max(zero, x) }

  /// NaN where either is.
  @_alwaysEmitIntoClient @inline(__always) static func minimumOrNaN(_ a: Self, _ b: Self) -> Self {
    select(equal(a, a), min(a, b), a)
  }

  @_alwaysEmitIntoClient @inline(__always) static func maximumOrNaN(_ a: Self, _ b: Self) -> Self {
    select(equal(a, a), max(a, b), a)
  }

  @_alwaysEmitIntoClient @inline(__always) static func softplus(_ x: Self) -> Self { max(x, zero) + softTail(x) }

  @_alwaysEmitIntoClient @inline(__always) static func logSigmoid(_ x: Self) -> Self { min(x, zero) - softTail(x) }

  /// -1, 0 or 1.
  @_alwaysEmitIntoClient @inline(__always) static func signum(_ x: Self) -> Self {
    select(less(zero, x), one, select(less(x, zero), -one, x))
  }

  /// `positive x` above zero, `negative (e^x - 1)` below.
  @_alwaysEmitIntoClient @inline(__always) static func elu(_ x: Self, positive: Scalar, negative: Scalar) -> Self {
    select(less(zero, x), Self(repeating: positive) * x, Self(repeating: negative) * expMinusOneBelowZero(x))
  }

  /// Below zero by e^x itself: the function's value plus `negative` is zero from x = -17 on (in Double, -37).
  @_alwaysEmitIntoClient @inline(__always) static func eluDerivative(_ x: Self, positive: Scalar, negative: Scalar)
    -> Self
  {
    select(less(zero, x), Self(repeating: positive), Self(repeating: negative) * exp(x))
  }

  /// s (1 + x (1 - s)), s the sigmoid of x, and 1 - s that of -x: the difference would be off by x units in the last
  /// place.
  @_alwaysEmitIntoClient @inline(__always) static func siluDerivative(_ x: Self) -> Self {
    sigmoid(x) * multiplyAdd(x, sigmoid(-x), one)
  }

  @_alwaysEmitIntoClient @inline(__always) static func softsignDerivative(_ x: Self) -> Self {
    let d = one + x.absolute()
    return one / (d * d)
  }

  /// b where k < a < l, else 0.
  @_alwaysEmitIntoClient @inline(__always) static func inside(_ a: Self, _ b: Self, _ k: Scalar, _ l: Scalar) -> Self {
    let below = select(less(a, Self(repeating: l)), b, zero)
    return select(less(Self(repeating: k), a), below, zero)
  }

  /// b where k <= a <= l, else 0.
  @_alwaysEmitIntoClient @inline(__always) static func within(_ a: Self, _ b: Self, _ k: Scalar, _ l: Scalar) -> Self {
    let below = select(less(Self(repeating: l), a), zero, b)
    return select(less(a, Self(repeating: k)), zero, below)
  }
}
