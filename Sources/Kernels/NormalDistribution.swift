// The normal distribution and its density, for gelu (Hendrycks, Gimpel 2016).
//
// The tail Q(z) = e^(-z^2 / 2) R(z), z >= 0, where R falls slowly: a polynomial in u = (z - 4) / (z + 4). Chebyshev fits
// (mpmath, 50 digits), each coefficient then rounded to the type.

extension Lanes {
  /// The probability that a standard normal number is under x. The error is absolute, a few units in the last place of 1.
  @_alwaysEmitIntoClient @inline(__always)
  static func normalDistribution(_ x: Self) -> Self {
    let z = x.absolute()
    let four = Self(repeating: 4)
    // Beyond, e^(-z^2 / 2) is zero.
    let bounded = min(z, Self(repeating: 64))
    let tail = exp(Self(repeating: -0.5) * bounded * bounded) * Scalar.normalTail((bounded - four) / (bounded + four))
    return select(less(x, zero), tail, one - tail)
  }

  /// e^(-x^2 / 2) / sqrt(2 pi)
  @_alwaysEmitIntoClient @inline(__always)
  static func normalDensity(_ x: Self) -> Self {
    let bounded = min(x.absolute(), Self(repeating: 64))
    return Self(repeating: 0.3989422804014327) * exp(Self(repeating: -0.5) * bounded * bounded)
  }
}

extension Float {
  /// R, for z up to 14; error of Q: 2^-29.05.
  @_alwaysEmitIntoClient @inline(__always) public static func normalTail<V: LaneArithmetic>(_ u: V) -> V
  where V.Scalar == Float {
    var p = V(repeating: -0x1.348e2ap-14)
    p = V.multiplyAdd(p, u, V(repeating: -0x1.7dc77cp-13))
    p = V.multiplyAdd(p, u, V(repeating: 0x1.58f096p-11))
    p = V.multiplyAdd(p, u, V(repeating: 0x1.0c7a14p-11))
    p = V.multiplyAdd(p, u, V(repeating: -0x1.166698p-7))
    p = V.multiplyAdd(p, u, V(repeating: 0x1.f9aa5p-6))
    p = V.multiplyAdd(p, u, V(repeating: -0x1.25b65ap-4))
    p = V.multiplyAdd(p, u, V(repeating: 0x1.fd7538p-4))
    p = V.multiplyAdd(p, u, V(repeating: -0x1.5cf97cp-3))
    return V.multiplyAdd(p, u, V(repeating: 0x1.82b4bcp-4))
  }
}

extension Double {
  /// R, for z up to 39; error of Q: 2^-55.68.
  @_alwaysEmitIntoClient @inline(__always) public static func normalTail<V: LaneArithmetic>(_ u: V) -> V
  where V.Scalar == Double {
    var p = V(repeating: -0x1.aa87f4b00f53ep-32)
    p = V.multiplyAdd(p, u, V(repeating: -0x1.87a7e4bafa432p-30))
    p = V.multiplyAdd(p, u, V(repeating: 0x1.d96885cab5624p-31))
    p = V.multiplyAdd(p, u, V(repeating: 0x1.7f39abdb7d92p-27))
    p = V.multiplyAdd(p, u, V(repeating: 0x1.1b3e868445746p-27))
    p = V.multiplyAdd(p, u, V(repeating: -0x1.c1bc9f52b1a44p-25))
    p = V.multiplyAdd(p, u, V(repeating: -0x1.902ff29e46028p-24))
    p = V.multiplyAdd(p, u, V(repeating: 0x1.ba2c3a2f454b4p-23))
    p = V.multiplyAdd(p, u, V(repeating: 0x1.62dae45afd4f2p-21))
    p = V.multiplyAdd(p, u, V(repeating: -0x1.bd4e39ecbe494p-21))
    p = V.multiplyAdd(p, u, V(repeating: -0x1.20cb68a0da283p-18))
    p = V.multiplyAdd(p, u, V(repeating: 0x1.36d21419d863ap-18))
    p = V.multiplyAdd(p, u, V(repeating: 0x1.e0a38845306adp-16))
    p = V.multiplyAdd(p, u, V(repeating: -0x1.7e2468c65202ap-15))
    p = V.multiplyAdd(p, u, V(repeating: -0x1.888dc958468dap-13))
    p = V.multiplyAdd(p, u, V(repeating: 0x1.4eec24db5364dp-11))
    p = V.multiplyAdd(p, u, V(repeating: 0x1.0a1bd416909c6p-11))
    p = V.multiplyAdd(p, u, V(repeating: -0x1.1644dc2f71195p-7))
    p = V.multiplyAdd(p, u, V(repeating: 0x1.f9b05f0efc94ep-6))
    p = V.multiplyAdd(p, u, V(repeating: -0x1.25b6aa96581fcp-4))
    p = V.multiplyAdd(p, u, V(repeating: 0x1.fd751a1fba3d3p-4))
    p = V.multiplyAdd(p, u, V(repeating: -0x1.5cf97b0ae882cp-3))
    return V.multiplyAdd(p, u, V(repeating: 0x1.82b4bb8c94dcep-4))
  }
}
