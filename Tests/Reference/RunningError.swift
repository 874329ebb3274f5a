// Arithmetic that keeps account of how wrong it may be when it is done in fewer digits.

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A number in Double, and how far a computation of it with the unit roundoff u may be from it, in units of u: running
/// error analysis (Wilkinson 1963). Each operation passes on the errors of its operands, to first order, and adds its
/// own: half an ulp for arithmetic, 2 ulp (4 u of the result) for the elementary functions.
public struct RunningError {
  public var value: Double
  public var error: Double

  /// A number that is exact.
  public init(_ value: Double) {
    self.value = value
    error = 0
  }

  private init(_ value: Double, passedOn: Double, own: Double) {
    self.value = value
    error = passedOn + own * abs(value)
  }

  public static func + (a: Self, b: Self) -> Self { Self(a.value + b.value, passedOn: a.error + b.error, own: 1) }
  public static func - (a: Self, b: Self) -> Self { Self(a.value - b.value, passedOn: a.error + b.error, own: 1) }
  public static func * (a: Self, b: Self) -> Self {
    Self(a.value * b.value, passedOn: abs(a.value) * b.error + abs(b.value) * a.error, own: 1)
  }

  public static func sigmoid(_ x: Self) -> Self {
    let y = 1 / (1 + exp(-x.value))
    return Self(y, passedOn: y * (1 - y) * x.error, own: 4)
  }

  public static func tanh(_ x: Self) -> Self {
    #if canImport(Glibc)
      let y = Glibc.tanh(x.value)
    #else
      let y = Darwin.tanh(x.value)
    #endif
    return Self(y, passedOn: (1 - y * y) * x.error, own: 4)
  }

  /// Whether `y`, computed with the unit roundoff `unit`, is as near as the analysis says. `smallest` stands for what
  /// flushing to zero takes. In Double the number above is no better than `y`: twice the error then.
  public func allows(_ y: Double, unit: Double, smallest: Double) -> Bool {
    let factor = unit > 0x1p-50 ? 1.001 : 2.001
    return abs(y - value) <= factor * error * unit + 8 * smallest
  }
}
