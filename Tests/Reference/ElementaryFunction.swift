#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The elementary functions of the kernels, one element at a time: in Double by the C library, and in about 100 bits.
public enum ElementaryFunction: String, CaseIterable, Sendable {
  case exp, log, sigmoid, tanh

  /// In Double, within about 2 of its ulp.
  public func callAsFunction(_ x: Double) -> Double {
    switch self {
    case .exp: exponential(x)
    case .log: logarithm(x)
    case .sigmoid: 1 / (1 + exponential(-x))
    case .tanh: hyperbolicTangent(x)
    }
  }

  /// The value at a finite x to at least 2^-95 of it; for log, x > 0.
  public func exact(_ x: Double) -> Exact {
    switch self {
    case .exp:
      let (part, n) = Self.expMinusOne(DoubleDouble(x))
      return Exact(DoubleDouble(1) + part, exponent: n)
    case .log:
      return Exact(Self.series(x))
    case .sigmoid:
      let (part, n) = Self.expMinusOne(DoubleDouble(-x))
      let e = DoubleDouble(1) + part
      if n <= 0 { return Exact(DoubleDouble(1) / (DoubleDouble(1) + e.scaled(n))) }
      return Exact(DoubleDouble(1) / (e + DoubleDouble(1).scaled(-n)), exponent: -n)
    case .tanh:
      if abs(x) < 0x1p-60 { return Exact(DoubleDouble(x)) }  // the next term, x^3 / 3, is 2^-121 of it
      let (part, n) = Self.expMinusOne(DoubleDouble(2 * Swift.min(Swift.max(x, -50), 50)))
      let e = part.scaled(n) + (DoubleDouble(1).scaled(n) - DoubleDouble(1))
      return Exact(e / (e + DoubleDouble(2)))
    }
  }

  /// The value at a finite x from the Double of the C library, for comparison with a Float; for log, x > 0.
  public func exact(_ x: Float) -> Exact {
    let y = self(Double(x))
    if y.isInfinite { return Exact(DoubleDouble(1), exponent: 10_000) }
    if y.isSubnormal || (y == 0 && x != 0 && x != 1) { return Exact(DoubleDouble(1), exponent: -10_000) }
    return Exact(DoubleDouble(y))
  }

  /// p and n with e^x = 2^n (1 + p), |p| < 0.42; p exact relative to itself. x counts as at most 4000 in magnitude.
  static func expMinusOne(_ x: DoubleDouble) -> (part: DoubleDouble, exponent: Int) {
    if abs(x.high) > 4000 { return expMinusOne(DoubleDouble(x.high > 0 ? 4000 : -4000)) }
    let n = (x.high / DoubleDouble.ln2.high).rounded()
    let r = (x - DoubleDouble(n) * DoubleDouble.ln2).scaled(-8)
    // Taylor's series of e^r - 1 for |r| < 0.0014, then eight times (1 + p)^2 - 1.
    var p = DoubleDouble(1)
    for k in stride(from: 12, to: 1, by: -1) { p = DoubleDouble(1) + p * r / DoubleDouble(Double(k)) }
    p = p * r
    for _ in 0..<8 { p = p + p + p * p }
    return (p, Int(n))
  }

  /// ln x = n ln 2 + 2 artanh s, s = (m - 1) / (m + 1), m in [sqrt(1/2), sqrt(2)].
  static func series(_ x: Double) -> DoubleDouble {
    var n = Double(x.exponent)
    var m = x.significand
    if m > 1.4142135 {
      m /= 2
      n += 1
    }
    let s = DoubleDouble(m - 1) / (DoubleDouble(m) + DoubleDouble(1))
    let z = s * s
    var sum = DoubleDouble(0)
    for k in stride(from: 45, through: 1, by: -2) { sum = sum * z + DoubleDouble(2) / DoubleDouble(Double(k)) }
    return DoubleDouble(n) * DoubleDouble.ln2 + s * sum
  }
}

// Inside the enumeration its cases hide the C functions.
private func exponential(_ x: Double) -> Double { exp(x) }
private func logarithm(_ x: Double) -> Double { log(x) }
private func hyperbolicTangent(_ x: Double) -> Double { tanh(x) }
