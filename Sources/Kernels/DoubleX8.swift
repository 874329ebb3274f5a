// Written by scripts/vectors.py.
import Builtin
import CPrimitives

/// 8 Double lanes: the vector of AVX-512.
///
/// Arithmetic is on the compiler's builtin vectors. The operators of `SIMD8<Double>` are loops over the elements
/// until LLVM joins them: dozens of instructions for each addition, which the Swift optimizer then carries through every
/// pass.
@frozen public struct DoubleX8: Lanes {
  public typealias Scalar = Double

  /// One bit for each lane.
  @frozen public struct Mask: BitwiseCopyable {
    @usableFromInline let lanes: Builtin.Vec8xInt1
    @inlinable @inline(__always) init(_ lanes: Builtin.Vec8xInt1) { self.lanes = lanes }
  }

  @usableFromInline let value: Builtin.Vec8xFPIEEE64

  @inlinable @inline(__always) init(_ value: Builtin.Vec8xFPIEEE64) { self.value = value }
  @inlinable @inline(__always) init(_ simd: SIMD8<Double>) { value = simd._storage._value }
  @inlinable @inline(__always) init(bits: Builtin.Vec8xInt64) {
    value = Builtin.bitcast_Vec8xInt64_Vec8xFPIEEE64(bits)
  }
  @inlinable @inline(__always) public init(repeating scalar: Double) { self.init(SIMD8(repeating: scalar)) }

  @inlinable @inline(__always) var simd: SIMD8<Double> {
    var simd = SIMD8<Double>()
    simd._storage._value = value
    return simd
  }
  @inlinable @inline(__always) var bits: Builtin.Vec8xInt64 {
    Builtin.bitcast_Vec8xFPIEEE64_Vec8xInt64(value)
  }
  @inlinable @inline(__always) static func bits(_ pattern: UInt64) -> Builtin.Vec8xInt64 {
    SIMD8(repeating: pattern)._storage._value
  }

  @inlinable @inline(__always) public static var count: Int { 8 }
  @inlinable @inline(__always) public static var accumulators: Int { 24 }

  @inlinable @inline(__always) public static func load(_ p: UnsafePointer<Double>) -> Self {
    UnsafeRawPointer(p).loadUnaligned(as: Self.self)
  }
  @inlinable @inline(__always) public func store(_ p: UnsafeMutablePointer<Double>) {
    UnsafeMutableRawPointer(p).storeBytes(of: self, as: Self.self)
  }
  @inlinable @inline(__always) public static func load(_ p: UnsafePointer<Double>, first n: Int) -> Self {
    Self(swiftrnn_load_f64x8(p, n))
  }
  @inlinable @inline(__always) public func store(_ p: UnsafeMutablePointer<Double>, first n: Int) {
    swiftrnn_store_f64x8(simd, p, n)
  }

  @inlinable @inline(__always) public static func add(_ a: Self, _ b: Self) -> Self {
    Self(Builtin.fadd_Vec8xFPIEEE64(a.value, b.value))
  }
  @inlinable @inline(__always) public static func subtract(_ a: Self, _ b: Self) -> Self {
    Self(Builtin.fsub_Vec8xFPIEEE64(a.value, b.value))
  }
  @inlinable @inline(__always) public static func multiply(_ a: Self, _ b: Self) -> Self {
    Self(Builtin.fmul_Vec8xFPIEEE64(a.value, b.value))
  }
  @inlinable @inline(__always) public static func divide(_ a: Self, _ b: Self) -> Self {
    Self(Builtin.fdiv_Vec8xFPIEEE64(a.value, b.value))
  }
  @inlinable @inline(__always) public static prefix func - (a: Self) -> Self {
    Self(bits: Builtin.xor_Vec8xInt64(a.bits, bits(1 &<< 63)))
  }
  @inlinable @inline(__always) public func squareRoot() -> Self { Self(swiftrnn_square_root_f64x8(simd)) }

  @inlinable @inline(__always) public static func multiplyAdd(_ a: Self, _ b: Self, _ c: Self) -> Self {
    Self(Builtin.int_fma_Vec8xFPIEEE64(a.value, b.value, c.value))
  }

  @inlinable @inline(__always) public static func less(_ a: Self, _ b: Self) -> Mask {
    Mask(Builtin.fcmp_olt_Vec8xFPIEEE64(a.value, b.value))
  }
  @inlinable @inline(__always) public static func equal(_ a: Self, _ b: Self) -> Mask {
    Mask(Builtin.fcmp_oeq_Vec8xFPIEEE64(a.value, b.value))
  }
  @inlinable @inline(__always) public static func select(_ mask: Mask, _ a: Self, _ b: Self) -> Self {
    Self(Builtin.select_Vec8xInt1_Vec8xFPIEEE64(mask.lanes, a.value, b.value))
  }

  @inlinable @inline(__always) public func sign(from other: Self) -> Self {
    let magnitude = Builtin.and_Vec8xInt64(bits, Self.bits(~(1 &<< 63)))
    let sign = Builtin.and_Vec8xInt64(other.bits, Self.bits(1 &<< 63))
    return Self(bits: Builtin.or_Vec8xInt64(magnitude, sign))
  }

  @inlinable @inline(__always) public static func powerOfTwo(biased sum: Self) -> Self {
    Self(bits: Builtin.shl_Vec8xInt64(sum.bits, bits(52)))
  }

  @inlinable @inline(__always) public func addingToExponent(roundedBy sum: Self) -> Self {
    let steps = Builtin.shl_Vec8xInt64(sum.bits, Self.bits(52))
    return Self(bits: Builtin.add_Vec8xInt64(bits, steps))
  }

  @inlinable @inline(__always) public func exponentAndSignificand() -> (exponent: Self, significand: Self) {
    // Adding 1 - sqrt(1/2) in the top bits moves the border between exponents from 1 to sqrt(1/2).
    let shifted = Builtin.add_Vec8xInt64(bits, Self.bits(0x3ff0_0000_0000_0000 &- 0x3fe6_a09e_667f_3bcd))
    let biased = Builtin.lshr_Vec8xInt64(shifted, Self.bits(52))
    let exponent = Builtin.sub_Vec8xInt64(biased, Self.bits(1023))
    let fraction = Builtin.and_Vec8xInt64(shifted, Self.bits(0x000f_ffff_ffff_ffff))
    let significand = Builtin.add_Vec8xInt64(fraction, Self.bits(0x3fe6_a09e_667f_3bcd))
    // A small integer becomes a float by way of the bits of 1.5 * 2^52.
    let magic = Self(repeating: 0x1.8p52)
    let number = Self(bits: Builtin.add_Vec8xInt64(exponent, magic.bits))
    return (Self.subtract(number, magic), Self(bits: significand))
  }
}
