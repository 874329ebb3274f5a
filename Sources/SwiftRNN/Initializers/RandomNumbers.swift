// Random numbers of initialisers: in Double by +, -, *, / and square roots alone, so that every machine draws the same.

/// The random numbers of one tensor: a function of the seed, the tensor and the element.
struct RandomNumbers {
  let philox: Philox
  let tensor: Int

  /// A multiple of 2^-53 in [0, 1).
  @inline(__always)
  func uniform(_ element: Int) -> Double {
    let words = philox.words(UInt64(truncatingIfNeeded: element), UInt64(truncatingIfNeeded: tensor))
    return Philox.uniform53(words.0, words.1)
  }

  /// From N(0, 1), by the polar method (Marsaglia, Bray 1964). The last word of the counter is the attempt.
  @inline(never)
  func normal(_ element: Int) -> Double {
    let (low, high) = (UInt32(truncatingIfNeeded: element), UInt32(truncatingIfNeeded: element &>> 32))
    // An attempt fails with probability 0.21: 64 in a row, never.
    for attempt in 0..<UInt32(64) {
      let words = philox.words(low, high, UInt32(truncatingIfNeeded: tensor), attempt)
      let a = 2 * Philox.uniform53(words.0, words.1) - 1
      let b = 2 * Philox.uniform53(words.2, words.3) - 1
      let square = a * a + b * b
      if square < 1 && square > 0 { return a * (-2 * Self.log(square) / square).squareRoot() }
    }
    return 0
  }

  /// An element of a tensor, from a distribution that has been resolved, and is neither orthogonal nor identity.
  @inline(__always)
  func number(_ distribution: Initializer.Distribution, _ element: Int) -> Double {
    let scale = distribution.scale
    switch distribution.kind {
    case .uniform:
      let center = distribution.center
      let value = center + (2 * uniform(element) - 1) * scale
      return min(max(value, center - scale), center + scale)
    case .normal: return normal(element) * scale
    case .chrono: return Self.log(1 + uniform(element) * (scale - 2))
    default: return scale
    }
  }

  /// ln x, at most 2 ulp, for normal x above zero. The library's logarithm has fused multiply-adds where the instruction
  /// set has them, and other bits then.
  static func log(_ x: Double) -> Double {
    var (exponent, significand) = (Double(x.exponent), x.significand)
    if significand > 1.4142135623730951 { (exponent, significand) = (exponent + 1, 0.5 * significand) }
    // ln m = 2 artanh(s) = 2 (s + s^3 / 3 + s^5 / 5 + …) with s = (m - 1) / (m + 1), |s| < 0.172.
    let s = (significand - 1) / (significand + 1)
    let z = s * s
    var tail = 0.0
    for k in stride(from: 25, through: 3, by: -2) { tail = tail * z + 2 / Double(k) }
    let high = exponent * 0x1.62e42feep-1
    let low = exponent * 0x1.a39ef35793c76p-33
    return high + (2 * s + (s * z * tail + low))
  }
}
