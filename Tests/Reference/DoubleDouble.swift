/// The unevaluated sum of two Doubles, about 106 bits (Dekker 1971; Knuth's sum, FMA products).
public struct DoubleDouble: Sendable {
  public var high: Double
  public var low: Double

  public init(_ high: Double, _ low: Double = 0) {
    self.high = high
    self.low = low
  }

  /// a + b, exactly.
  static func sum(_ a: Double, _ b: Double) -> DoubleDouble {
    let s = a + b
    let t = s - a
    return DoubleDouble(s, (a - (s - t)) + (b - t))
  }

  public static func + (a: DoubleDouble, b: DoubleDouble) -> DoubleDouble {
    let high = sum(a.high, b.high)
    let low = sum(a.low, b.low)
    let first = sum(high.high, high.low + low.high)
    return sum(first.high, first.low + low.low)
  }
  public static prefix func - (a: DoubleDouble) -> DoubleDouble { DoubleDouble(-a.high, -a.low) }
  public static func - (a: DoubleDouble, b: DoubleDouble) -> DoubleDouble { a + -b }

  public static func * (a: DoubleDouble, b: DoubleDouble) -> DoubleDouble {
    let p = a.high * b.high
    let rest = (-p).addingProduct(a.high, b.high)
    return sum(p, rest + (a.high * b.low + a.low * b.high))
  }

  public static func / (a: DoubleDouble, b: DoubleDouble) -> DoubleDouble {
    let first = a.high / b.high
    var rest = a - b * DoubleDouble(first)
    let second = rest.high / b.high
    rest = rest - b * DoubleDouble(second)
    return sum(first, second) + DoubleDouble(rest.high / b.high)
  }

  /// self * 2^exponent.
  public func scaled(_ exponent: Int) -> DoubleDouble {
    let power = Double(sign: .plus, exponent: exponent, significand: 1)
    return DoubleDouble(high * power, low * power)
  }

  /// ln 2, its rest below 2^-107.
  static let ln2 = DoubleDouble(0x1.62e42fefa39efp-1, 0x1.abc9e3b39803fp-56)
}

/// An exact result to test against: `value * 2^exponent`, with 1 <= |value| < 2, or zero. The exponent has no bounds,
/// so results that a type can't hold have their place too.
public struct Exact: Sendable {
  public var value: DoubleDouble
  public var exponent: Int

  public init(_ value: DoubleDouble, exponent: Int = 0) {
    self.value = value
    self.exponent = exponent
    if value.high == 0 { return }
    var shift = Int(value.high.exponent)
    let high = Double(sign: .plus, exponent: 0, significand: value.high.significand)
    if high == 1 && (value.high > 0) == (value.low < 0) && value.low != 0 { shift -= 1 }  // just under a power of two
    self.value = value.scaled(-shift)
    self.exponent += shift
  }

  /// How far `result` is from the exact value, in units of the last place of the latter in the type of `result`.
  ///
  /// Infinity where `result` is of the wrong kind. Right for an exact value under the smallest normal number is zero,
  /// and for one that rounds past the largest number infinity.
  public func ulps<Scalar: BinaryFloatingPoint>(of result: Scalar) -> Double {
    let places = Scalar.significandBitCount
    let lowest = Int(Scalar.leastNormalMagnitude.exponent)
    if result.isNaN || (result.sign == .minus) != (value.high.sign == .minus) { return .infinity }
    if value.high == 0 { return result == 0 ? 0 : .infinity }
    let largest = 2 - Double(sign: .plus, exponent: -places - 1, significand: 1)
    let highest = Int(Scalar.greatestFiniteMagnitude.exponent)
    let tooLarge = exponent > highest || (exponent == highest && abs(value.high) >= largest)
    if result.isInfinite || tooLarge { return result.isInfinite == tooLarge ? 0 : .infinity }
    if result == 0 { return exponent < lowest ? 0 : .infinity }
    if result.isSubnormal { return .infinity }
    let distance = Double(
      sign: result.sign, exponent: Int(result.exponent) - exponent, significand: Double(result.significand))
    let error = abs((distance - value.high) - value.low)
    let unit = max(exponent, lowest) - exponent - places
    return error * Double(sign: .plus, exponent: -unit, significand: 1)
  }
}
