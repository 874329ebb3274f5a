// The 2-norm of many numbers, right where their squares overflow or vanish, and what scales them to another one.
//
// Two sums are enough (Blue 1978 and Anderson 2017 keep three at once): of the squares as they are, and, where that
// sum tells that it may be wrong, of the squares of all numbers times a power of two, which is exact. Numbers whose
// squares are as they should be so keep the bits of the plain sum, and pay for nothing.
import CPrimitives

/// `root * 2^exponent`: a norm that may be larger than a Double.
///
/// Nothing here is inlined: the caller sets the floating-point control around these calls, and the compiler does not
/// know that arithmetic must stay inside.
public struct EuclideanNorm: Sendable {
  /// Not finite if a number is not.
  public let root: Double
  /// 0, or what numbers were divided by before they were squared, as a power of two.
  public let exponent: Int

  /// Exponent of the scale: 2^-600 shrinks the largest numbers so that 2^100 of their squares have a finite sum, and 2^600
  /// makes the square of the smallest normal number a normal one.
  private static let shift = 600
  /// Below it, squares that are flushed to zero might count: up to 2^60 of them come to less than a rounding of it.
  private static let least = 0x1p-900

  /// Factor of the numbers before they are squared: 1 at first.
  @inline(never)
  public static func factor(exponent: Int) -> Double { powerOfTwo(-exponent) }

  /// - Parameters:
  ///   - squares: sums of squares, added one after the other.
  ///   - exponent: that of the factor which the numbers had.
  @inline(never)
  public init(squares: UnsafePointer<Double>, _ count: Int, exponent: Int) {
    var sum = 0.0
    for i in 0..<count { sum += squares[i] }
    root = swiftrnn_square_root_double(sum)
    self.exponent = exponent
    better =
      exponent != 0 ? nil : sum < Self.least ? -Self.shift : sum < .infinity ? nil : Self.shift
  }

  /// The exponent with which sums have to be made once more; nil: this is the norm.
  public let better: Int?

  /// Infinity where the norm is above the largest Double.
  public var value: Double {
    @inline(never) get { root * Self.powerOfTwo(exponent) }
  }

  /// Whether numbers have to be scaled for their norm to be `most`: never if one is not finite.
  @inline(never)
  public func isAbove(_ most: Double) -> Bool { root < .infinity && value > most }

  /// Factors of a clip, whose norm becomes `most`, a smaller one: `steps` times 2^-`shift`, a power of two of the type,
  /// and then `factor`. One multiplication with `most / norm` unless that is too small for a
  /// normal number of the type, while what it makes of the largest numbers need not be.
  @inline(never)
  public func scaling(to most: Double, leastExponent: Int) -> (steps: Int, shift: Int, factor: Double) {
    let shift = -leastExponent / 2
    let ratio = most.significand / root.significand
    var (exponent, steps) = (Int(most.exponent) &- Int(root.exponent) &- exponent, 0)
    while exponent <= leastExponent { (exponent, steps) = (exponent &+ shift, steps &+ 1) }
    return (steps, shift, ratio * Self.powerOfTwo(exponent))
  }

  /// For -1022 ... 1023.
  private static func powerOfTwo(_ exponent: Int) -> Double {
    Double(bitPattern: UInt64(truncatingIfNeeded: 1023 &+ exponent) &<< 52)
  }
}
