// Written by scripts/vectors.py.
import Builtin
import CPrimitives

/// 16 Float lanes: the vector of AVX-512.
///
/// Arithmetic is on the compiler's builtin vectors. The operators of `SIMD16<Float>` are loops over the elements
/// until LLVM joins them: dozens of instructions for each addition, which the Swift optimizer then carries through every
/// pass.
@frozen public struct FloatX16: Lanes {
  public typealias Scalar = Float

  /// One bit for each lane.
  @frozen public struct Mask: BitwiseCopyable {
    @usableFromInline let lanes: Builtin.Vec16xInt1
    @inlinable @inline(__always) init(_ lanes: Builtin.Vec16xInt1) { self.lanes = lanes }
  }

  @usableFromInline let value: Builtin.Vec16xFPIEEE32

  @inlinable @inline(__always) init(_ value: Builtin.Vec16xFPIEEE32) { self.value = value }
  @inlinable @inline(__always) init(_ simd: SIMD16<Float>) { value = simd._storage._value }
  @inlinable @inline(__always) init(bits: Builtin.Vec16xInt32) {
    value = Builtin.bitcast_Vec16xInt32_Vec16xFPIEEE32(bits)
  }
  @inlinable @inline(__always) public init(repeating scalar: Float) { self.init(SIMD16(repeating: scalar)) }

  @inlinable @inline(__always) var simd: SIMD16<Float> {
    var simd = SIMD16<Float>()
    simd._storage._value = value
    return simd
  }
  @inlinable @inline(__always) var bits: Builtin.Vec16xInt32 {
    Builtin.bitcast_Vec16xFPIEEE32_Vec16xInt32(value)
  }
  @inlinable @inline(__always) static func bits(_ pattern: UInt32) -> Builtin.Vec16xInt32 {
    SIMD16(repeating: pattern)._storage._value
  }

  @inlinable @inline(__always) public static var count: Int { 16 }
  @inlinable @inline(__always) public static var accumulators: Int { 24 }

  @inlinable @inline(__always) public static func load(_ p: UnsafePointer<Float>) -> Self {
    UnsafeRawPointer(p).loadUnaligned(as: Self.self)
  }
  @inlinable @inline(__always) public func store(_ p: UnsafeMutablePointer<Float>) {
    UnsafeMutableRawPointer(p).storeBytes(of: self, as: Self.self)
  }
  @inlinable @inline(__always) public static func load(_ p: UnsafePointer<Float>, first n: Int) -> Self {
    Self(swiftrnn_load_f32x16(p, n))
  }
  @inlinable @inline(__always) public func store(_ p: UnsafeMutablePointer<Float>, first n: Int) {
    swiftrnn_store_f32x16(simd, p, n)
  }

  @inlinable @inline(__always) public static func add(_ a: Self, _ b: Self) -> Self {
    Self(Builtin.fadd_Vec16xFPIEEE32(a.value, b.value))
  }
  @inlinable @inline(__always) public static func subtract(_ a: Self, _ b: Self) -> Self {
    Self(Builtin.fsub_Vec16xFPIEEE32(a.value, b.value))
  }
  @inlinable @inline(__always) public static func multiply(_ a: Self, _ b: Self) -> Self {
    Self(Builtin.fmul_Vec16xFPIEEE32(a.value, b.value))
  }
  @inlinable @inline(__always) public static func divide(_ a: Self, _ b: Self) -> Self {
    Self(Builtin.fdiv_Vec16xFPIEEE32(a.value, b.value))
  }
  @inlinable @inline(__always) public static prefix func - (a: Self) -> Self {
    Self(bits: Builtin.xor_Vec16xInt32(a.bits, bits(1 &<< 31)))
  }
  @inlinable @inline(__always) public func squareRoot() -> Self { Self(swiftrnn_square_root_f32x16(simd)) }

  @inlinable @inline(__always) public static func multiplyAdd(_ a: Self, _ b: Self, _ c: Self) -> Self {
    Self(Builtin.int_fma_Vec16xFPIEEE32(a.value, b.value, c.value))
  }

  @inlinable @inline(__always) public static func less(_ a: Self, _ b: Self) -> Mask {
    Mask(Builtin.fcmp_olt_Vec16xFPIEEE32(a.value, b.value))
  }
  @inlinable @inline(__always) public static func equal(_ a: Self, _ b: Self) -> Mask {
    Mask(Builtin.fcmp_oeq_Vec16xFPIEEE32(a.value, b.value))
  }
  @inlinable @inline(__always) public static func select(_ mask: Mask, _ a: Self, _ b: Self) -> Self {
    Self(Builtin.select_Vec16xInt1_Vec16xFPIEEE32(mask.lanes, a.value, b.value))
  }

  @inlinable @inline(__always) public func sign(from other: Self) -> Self {
    let magnitude = Builtin.and_Vec16xInt32(bits, Self.bits(~(1 &<< 31)))
    let sign = Builtin.and_Vec16xInt32(other.bits, Self.bits(1 &<< 31))
    return Self(bits: Builtin.or_Vec16xInt32(magnitude, sign))
  }

  @inlinable @inline(__always) public static func powerOfTwo(biased sum: Self) -> Self {
    Self(bits: Builtin.shl_Vec16xInt32(sum.bits, bits(23)))
  }

  @inlinable @inline(__always) public func addingToExponent(roundedBy sum: Self) -> Self {
    let steps = Builtin.shl_Vec16xInt32(sum.bits, Self.bits(23))
    return Self(bits: Builtin.add_Vec16xInt32(bits, steps))
  }

  @inlinable @inline(__always) public func exponentAndSignificand() -> (exponent: Self, significand: Self) {
    // Adding 1 - sqrt(1/2) in the top bits moves the border between exponents from 1 to sqrt(1/2).
    let shifted = Builtin.add_Vec16xInt32(bits, Self.bits(0x3f80_0000 &- 0x3f35_04f3))
    let biased = Builtin.lshr_Vec16xInt32(shifted, Self.bits(23))
    let exponent = Builtin.sub_Vec16xInt32(biased, Self.bits(127))
    let fraction = Builtin.and_Vec16xInt32(shifted, Self.bits(0x007f_ffff))
    let significand = Builtin.add_Vec16xInt32(fraction, Self.bits(0x3f35_04f3))
    // A small integer becomes a float by way of the bits of 1.5 * 2^23.
    let magic = Self(repeating: 0x1.8p23)
    let number = Self(bits: Builtin.add_Vec16xInt32(exponent, magic.bits))
    return (Self.subtract(number, magic), Self(bits: significand))
  }
}
