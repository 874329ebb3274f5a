// The vocabulary of the kernels: a vector of one instruction set's own width. L1; everything in this module is generic
// over it and inlined into the module of each instruction set.
//
// Why a protocol of ours and not SIMD: a function generic over SIMD binds to the standard library's element-by-element
// versions of comparison, replacement and conversion, 10 to 60 times slower. Here each operation is a requirement that
// the concrete type witnesses with its own.

/// A number that kernels compute with: Float or Double.
public protocol Real: BinaryFloatingPoint, SIMDScalar, Codable, ElementaryConstants, BitwiseCopyable, Sendable {}

extension Float: Real {}
extension Double: Real {}

/// Vectors that are computed with, wherever they came from: what the elementary functions and the gates need.
///
/// `a + b`, `a - b`, `a * b`, `a / b` are defined for all lanes; each operation rounds once, to nearest.
public protocol LaneArithmetic: BitwiseCopyable, Sendable {
  associatedtype Scalar: Real
  associatedtype Mask

  /// All lanes the same.
  init(repeating scalar: Scalar)

  static func add(_ a: Self, _ b: Self) -> Self
  static func subtract(_ a: Self, _ b: Self) -> Self
  static func multiply(_ a: Self, _ b: Self) -> Self
  static func divide(_ a: Self, _ b: Self) -> Self
  static prefix func - (a: Self) -> Self

  /// `a * b + c`, the one multiply-add of the library: fused (rounded once) where the instruction set can.
  static func multiplyAdd(_ a: Self, _ b: Self, _ c: Self) -> Self

  /// Lanes where `a < b`; false where either is NaN.
  static func less(_ a: Self, _ b: Self) -> Mask
  /// `a` where the mask is set, else `b`.
  static func select(_ mask: Mask, _ a: Self, _ b: Self) -> Self

  /// The magnitude of self with the sign of `other`.
  func sign(from other: Self) -> Self

  /// `2^n` from `sum`, which is n + the exponent's bias (127 or 1023) added to 1.5 * 2^(significand bits), so that
  /// n + bias stands in its lowest bits. For normal results and for 0, which n + bias = 0 gives.
  static func powerOfTwo(biased sum: Self) -> Self
}

/// One SIMD register of `count` scalars.
public protocol Lanes: LaneArithmetic {
  /// The Double vector of the same instruction set: itself, or half as many lanes as a Float vector.
  associatedtype Wide: Lanes where Wide.Scalar == Double

  /// How many scalars a vector holds.
  static var count: Int { get }
  /// How many vectors a tile may accumulate in, with registers left for operands: 12 of 16, 24 of 32.
  static var accumulators: Int { get }

  /// Reads `count` scalars; no alignment needed beyond the scalar's.
  static func load(_ p: UnsafePointer<Scalar>) -> Self
  /// Writes `count` scalars; no alignment needed beyond the scalar's.
  func store(_ p: UnsafeMutablePointer<Scalar>)
  /// Reads `Wide.count` scalars as Doubles, exactly.
  static func loadWide(_ p: UnsafePointer<Scalar>) -> Wide

  /// Reads the first `n` scalars, 0 <= n; the other lanes are zero. Touches nothing behind them; all of them for
  /// n >= count.
  static func load(_ p: UnsafePointer<Scalar>, first n: Int) -> Self
  /// Writes the first `n` scalars, 0 <= n, and nothing behind them; all of them for n >= count.
  func store(_ p: UnsafeMutablePointer<Scalar>, first n: Int)

  func squareRoot() -> Self

  /// Lanes where `a == b`; false where either is NaN.
  static func equal(_ a: Self, _ b: Self) -> Mask

  /// `self * 2^n` by adding n to the exponent bits, for normal self and a normal result. `sum` is n added to
  /// 1.5 * 2^(significand bits), so that n stands in its lowest bits.
  func addingToExponent(roundedBy sum: Self) -> Self

  /// self = significand * 2^exponent with the significand in [sqrt(1/2), sqrt(2)), for positive normal numbers.
  func exponentAndSignificand() -> (exponent: Self, significand: Self)
}

extension LaneArithmetic {
  @_alwaysEmitIntoClient @inline(__always) public static func + (a: Self, b: Self) -> Self { add(a, b) }
  @_alwaysEmitIntoClient @inline(__always) public static func - (a: Self, b: Self) -> Self { subtract(a, b) }
  @_alwaysEmitIntoClient @inline(__always) public static func * (a: Self, b: Self) -> Self { multiply(a, b) }
  @_alwaysEmitIntoClient @inline(__always) public static func / (a: Self, b: Self) -> Self { divide(a, b) }

  @_alwaysEmitIntoClient @inline(__always) public static var zero: Self { Self(repeating: 0) }
  @_alwaysEmitIntoClient @inline(__always) public static var one: Self { Self(repeating: 1) }

  /// The larger of the two; `b` where either is NaN.
  @_alwaysEmitIntoClient @inline(__always) public static func max(_ a: Self, _ b: Self) -> Self {
    select(less(b, a), a, b)
  }

  /// The smaller of the two; `b` where either is NaN.
  @_alwaysEmitIntoClient @inline(__always) public static func min(_ a: Self, _ b: Self) -> Self {
    select(less(a, b), a, b)
  }

  /// self limited to `low...high`; NaN stays NaN.
  @_alwaysEmitIntoClient @inline(__always) public func clamped(_ low: Scalar, _ high: Scalar) -> Self {
    let low = Self(repeating: low)
    let high = Self(repeating: high)
    let raised = Self.select(Self.less(self, low), low, self)
    return Self.select(Self.less(high, raised), high, raised)
  }
}
