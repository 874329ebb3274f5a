import Reference
import Testing

/// The reference in about 100 bits against constants computed with 60 digits, each rounded to two Doubles.
@Suite struct ReferenceTests {
  static let constants: [(ElementaryFunction, Double, DoubleDouble, Int)] = [
    (.exp, 1, DoubleDouble(0x1.5bf0a8b145769p+1, 0x1.4d57ee2b1013ap-53), 0),
    (.exp, -20.5, DoubleDouble(0x1.57a3afeed00abp-30, 0x1.3f4d19cefc8abp-84), 0),
    (.exp, 700, DoubleDouble(0x1.d945df4f8ec8ep+1009, 0x1.183392684a46ep+954), 0),
    (.exp, -740, DoubleDouble(0x1.531fc8b1a3c7bp+0, 0x1.04cceed14f65dp-56), -1068),
    (.log, 10, DoubleDouble(0x1.26bb1bbb55516p+1, -0x1.f48ad494ea3e9p-53), 0),
    (.log, 1 + 0x1p-30, DoubleDouble(0x1.fffffffc00000p-31, 0x1.5555555155555p-92), 0),
    (.log, 1e-300, DoubleDouble(-0x1.5963447f87fb5p+9, -0x1.aa670d35324e6p-46), 0),
    (.tanh, 0.25, DoubleDouble(0x1.f597ea69a1c86p-3, -0x1.d94e51c4f71acp-60), 0),
    (.tanh, 0x1p-20, DoubleDouble(0x1.ffffffffff555p-21, 0x1.5555556666666p-75), 0),
    (.tanh, 9, DoubleDouble(0x1.fffffefa59d78p-1, -0x1.df75af12fa18fp-56), 0),
    (.sigmoid, -3, DoubleDouble(0x1.848343c905445p-5, -0x1.a76ea8d718ee6p-63), 0),
    (.sigmoid, 2, DoubleDouble(0x1.c2f7d5a8a79cap-1, 0x1.5618caf8a4f11p-56), 0),
    (.sigmoid, -40, DoubleDouble(0x1.39792499b1a24p-58, 0x1.1aa9dba73f8d7p-113), 0),
  ]

  @Test func agreesWithConstants() {
    for (function, x, constant, exponent) in Self.constants {
      let expected = Exact(constant, exponent: exponent)
      let exact = function.exact(x)
      #expect(exact.exponent == expected.exponent, "\(function)(\(x))")
      let error = exact.value - expected.value
      #expect(abs(error.high) < 0x1p-95, "\(function)(\(x)): \(error.high)")
    }
  }

  /// What counts as how many ulp.
  @Test func ulps() {
    let exact = Exact(DoubleDouble(1, 0x1p-54))
    #expect(exact.ulps(of: 1.0) == 0.25)
    #expect(exact.ulps(of: 1.0.nextUp) == 0.75)
    #expect(exact.ulps(of: -1.0) == .infinity)
    #expect(exact.ulps(of: Float(1).nextUp) == 1 - 0x1p-31)
    // Under a power of two the units are half as large.
    #expect(Exact(DoubleDouble(1, -0x1p-55)).ulps(of: 1.0) == 0.25)
    #expect(Exact(DoubleDouble(-4, 0x1p-53)).ulps(of: -4.0) == 0.25)
    // Past the ends of a type's range, infinity and zero.
    #expect(Exact(DoubleDouble(1), exponent: 128).ulps(of: Float.infinity) == 0)
    #expect(Exact(DoubleDouble(1), exponent: 128).ulps(of: Float.greatestFiniteMagnitude) == .infinity)
    #expect(Exact(DoubleDouble(1.5), exponent: 127).ulps(of: Float.infinity) == .infinity)
    #expect(Exact(DoubleDouble(1.5), exponent: -127).ulps(of: Float.zero) == 0)
    #expect(Exact(DoubleDouble(1.5), exponent: -127).ulps(of: Float.leastNonzeroMagnitude) == .infinity)
    #expect(Exact(DoubleDouble(1.5), exponent: -126).ulps(of: Float.zero) == .infinity)
    #expect(Exact(DoubleDouble(2 - 0x1p-24), exponent: -127).ulps(of: Float.leastNormalMagnitude) == 0x1p-2)
    #expect(Exact(DoubleDouble(0)).ulps(of: Float.zero) == 0)
    #expect(Exact(DoubleDouble(-0.0)).ulps(of: Float.zero) == .infinity)
    #expect(Exact(DoubleDouble(1)).ulps(of: Float.nan) == .infinity)
  }
}
