// What the elementary functions need to know about each type of numbers, and what they share.
//
// All of them: at most 2 ulp of the exact value on every instruction set, results under the smallest normal number
// flushed to zero, NaN for NaN, no calls and no branches. They need the rounding mode to nearest and the flush of
// subnormal operands and results that every entry of the library sets. FloatX8 and FloatX16, DoubleX4 and DoubleX8
// give the same bits: the same operations in the same order.
//
// Polynomials: minimax fits by the Remez exchange in 60 digits (mpmath), each coefficient then rounded to the type; the
// errors stated with them are those after rounding.

/// The constants of exp, log, sigmoid and tanh for one type.
public protocol ElementaryConstants {
  /// 1.5 * 2^(significand bits): adding it rounds a small number to an integer, which then stands in the lowest bits.
  static var rounding: Self { get }
  /// The same plus the exponent's bias.
  static var biasedRounding: Self { get }
  /// 1 / ln 2.
  static var log2e: Self { get }
  /// The leading bits of ln 2, so few that their product with any exponent is exact.
  static var ln2High: Self { get }
  /// ln 2 - ln2High.
  static var ln2Low: Self { get }

  /// The smallest number whose exponential is normal.
  static var expLow: Self { get }
  /// The smallest number whose exponential is infinite.
  static var expHigh: Self { get }
  /// Beyond -sigmoidLimit the sigmoid is under the smallest normal number; e^sigmoidLimit is finite.
  static var sigmoidLimit: Self { get }
  /// From here on tanh is 1.
  static var tanhLimit: Self { get }
  /// From here on tanh is computed from the exponential: tanh of it is just over 1/4.
  static var tanhSmall: Self { get }

  /// q with e^r = 1 + r + r^2 q(r), for |r| <= ln 2 / 2.
  static func expTail<V: LaneArithmetic>(_ r: V) -> V where V.Scalar == Self
  /// R with ln((1 + s) / (1 - s)) = 2s + s z R(z), z = s^2, for |s| <= 3 - 2 sqrt 2.
  static func logTail<V: Lanes>(_ z: V) -> V where V.Scalar == Self
  /// T with tanh a = a + a z T(z), z = a^2, for |a| < tanhSmall.
  static func tanhTail<V: LaneArithmetic>(_ z: V) -> V where V.Scalar == Self
  /// R with Q(z) = e^(-z^2 / 2) R, the tail of the normal distribution, for u = (z - 4) / (z + 4).
  static func normalTail<V: LaneArithmetic>(_ u: V) -> V where V.Scalar == Self
}

extension Float: ElementaryConstants {
  @_alwaysEmitIntoClient @inline(__always) public static var rounding: Float { 0x1.8p23 }
  @_alwaysEmitIntoClient @inline(__always) public static var biasedRounding: Float { 0x1.8p23 + 127 }
  @_alwaysEmitIntoClient @inline(__always) public static var log2e: Float { 0x1.715476p+0 }
  @_alwaysEmitIntoClient @inline(__always) public static var ln2High: Float { 0x1.62e4p-1 }
  @_alwaysEmitIntoClient @inline(__always) public static var ln2Low: Float { 0x1.7f7d1cp-20 }
  @_alwaysEmitIntoClient @inline(__always) public static var expLow: Float { -0x1.5d589ep+6 }
  @_alwaysEmitIntoClient @inline(__always) public static var expHigh: Float { 0x1.62e43p+6 }
  @_alwaysEmitIntoClient @inline(__always) public static var sigmoidLimit: Float { 88 }
  @_alwaysEmitIntoClient @inline(__always) public static var tanhLimit: Float { 10 }
  @_alwaysEmitIntoClient @inline(__always) public static var tanhSmall: Float { 0.2555 }

  /// Error of e^r: 2^-27.9.
  @_alwaysEmitIntoClient @inline(__always) public static func expTail<V: LaneArithmetic>(_ r: V) -> V
  where V.Scalar == Float {
    var q = V(repeating: 0x1.6a5dbcp-10)
    q = V.multiplyAdd(q, r, V(repeating: 0x1.1237aep-7))
    q = V.multiplyAdd(q, r, V(repeating: 0x1.555892p-5))
    q = V.multiplyAdd(q, r, V(repeating: 0x1.555496p-3))
    return V.multiplyAdd(q, r, V(repeating: 0x1.fffffcp-2))
  }

  /// Error of the logarithm: 2^-30.2.
  @_alwaysEmitIntoClient @inline(__always) public static func logTail<V: Lanes>(_ z: V) -> V where V.Scalar == Float {
    var p = V(repeating: 0x1.31e0dep-2)
    p = V.multiplyAdd(p, z, V(repeating: 0x1.995ed4p-2))
    return V.multiplyAdd(p, z, V(repeating: 0x1.55557ap-1))
  }

  /// Error of the hyperbolic tangent: 2^-27.9.
  @_alwaysEmitIntoClient @inline(__always) public static func tanhTail<V: LaneArithmetic>(_ z: V) -> V
  where V.Scalar == Float {
    var p = V(repeating: -0x1.a47f28p-5)
    p = V.multiplyAdd(p, z, V(repeating: 0x1.10ddap-3))
    return V.multiplyAdd(p, z, V(repeating: -0x1.55551p-2))
  }
}

extension Double: ElementaryConstants {
  @_alwaysEmitIntoClient @inline(__always) public static var rounding: Double { 0x1.8p52 }
  @_alwaysEmitIntoClient @inline(__always) public static var biasedRounding: Double { 0x1.8p52 + 1023 }
  @_alwaysEmitIntoClient @inline(__always) public static var log2e: Double { 0x1.71547652b82fep+0 }
  @_alwaysEmitIntoClient @inline(__always) public static var ln2High: Double { 0x1.62e42fefa4p-1 }
  @_alwaysEmitIntoClient @inline(__always) public static var ln2Low: Double { -0x1.8432a1b0e2634p-43 }
  @_alwaysEmitIntoClient @inline(__always) public static var expLow: Double { -0x1.6232bdd7abcd2p+9 }
  @_alwaysEmitIntoClient @inline(__always) public static var expHigh: Double { 0x1.62e42fefa39fp+9 }
  @_alwaysEmitIntoClient @inline(__always) public static var sigmoidLimit: Double { 709 }
  @_alwaysEmitIntoClient @inline(__always) public static var tanhLimit: Double { 20 }
  @_alwaysEmitIntoClient @inline(__always) public static var tanhSmall: Double { 0.2555 }

  /// Error of e^r: 2^-56.5.
  @_alwaysEmitIntoClient @inline(__always) public static func expTail<V: LaneArithmetic>(_ r: V) -> V
  where V.Scalar == Double {
    var q = V(repeating: 0x1.ad8af040d6c2fp-26)
    q = V.multiplyAdd(q, r, V(repeating: 0x1.28a9e4e60ac96p-22))
    q = V.multiplyAdd(q, r, V(repeating: 0x1.71df1936e5285p-19))
    q = V.multiplyAdd(q, r, V(repeating: 0x1.a0199e6429877p-16))
    q = V.multiplyAdd(q, r, V(repeating: 0x1.a01a0132a0a3fp-13))
    q = V.multiplyAdd(q, r, V(repeating: 0x1.6c16c1824f807p-10))
    q = V.multiplyAdd(q, r, V(repeating: 0x1.11111111257c2p-7))
    q = V.multiplyAdd(q, r, V(repeating: 0x1.55555555512b0p-5))
    q = V.multiplyAdd(q, r, V(repeating: 0x1.5555555555507p-3))
    return V.multiplyAdd(q, r, V(repeating: 0x1.0000000000007p-1))
  }

  /// Error of the logarithm: 2^-59.5.
  @_alwaysEmitIntoClient @inline(__always) public static func logTail<V: Lanes>(_ z: V) -> V where V.Scalar == Double {
    var p = V(repeating: 0x1.2f05377a8a8a2p-3)
    p = V.multiplyAdd(p, z, V(repeating: 0x1.39a1c683502ffp-3))
    p = V.multiplyAdd(p, z, V(repeating: 0x1.74663e19a30efp-3))
    p = V.multiplyAdd(p, z, V(repeating: 0x1.c71c520f7ba8cp-3))
    p = V.multiplyAdd(p, z, V(repeating: 0x1.24924941e5f2ap-2))
    p = V.multiplyAdd(p, z, V(repeating: 0x1.999999997fee6p-2))
    return V.multiplyAdd(p, z, V(repeating: 0x1.5555555555592p-1))
  }

  /// Error of the hyperbolic tangent: 2^-57.1.
  @_alwaysEmitIntoClient @inline(__always) public static func tanhTail<V: LaneArithmetic>(_ z: V) -> V
  where V.Scalar == Double {
    var p = V(repeating: -0x1.58352711b2974p-10)
    p = V.multiplyAdd(p, z, V(repeating: 0x1.d4eb84619224fp-9))
    p = V.multiplyAdd(p, z, V(repeating: -0x1.2267b54fbba1dp-7))
    p = V.multiplyAdd(p, z, V(repeating: 0x1.664f302651e88p-6))
    p = V.multiplyAdd(p, z, V(repeating: -0x1.ba1ba1897a54cp-5))
    p = V.multiplyAdd(p, z, V(repeating: 0x1.11111110fa4bdp-3))
    return V.multiplyAdd(p, z, V(repeating: -0x1.55555555554e5p-2))
  }
}
