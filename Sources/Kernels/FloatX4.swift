// Written by scripts/vectors.py.
import Builtin
import CPrimitives

/// 4 Float lanes: the vector of SSE2 or NEON.
///
/// Arithmetic is on the compiler's builtin vectors. The operators of `SIMD4<Float>` are loops over the elements
/// until LLVM joins them: dozens of instructions for each addition, which the Swift optimizer then carries through every
/// pass.
@frozen public struct FloatX4: Lanes {
  public typealias Scalar = Float

  /// One bit for each lane.
  @frozen public struct Mask: BitwiseCopyable {
    @usableFromInline let lanes: Builtin.Vec4xInt1
    @inlinable @inline(__always) init(_ lanes: Builtin.Vec4xInt1) { self.lanes = lanes }
  }

  @usableFromInline let value: Builtin.Vec4xFPIEEE32

  @inlinable @inline(__always) init(_ value: Builtin.Vec4xFPIEEE32) { self.value = value }
  @inlinable @inline(__always) init(_ simd: SIMD4<Float>) { value = simd._storage._value }
  @inlinable @inline(__always) init(bits: Builtin.Vec4xInt32) {
    value = Builtin.bitcast_Vec4xInt32_Vec4xFPIEEE32(bits)
  }
  @inlinable @inline(__always) public init(repeating scalar: Float) { self.init(SIMD4(repeating: scalar)) }

  @inlinable @inline(__always) var simd: SIMD4<Float> {
    var simd = SIMD4<Float>()
    simd._storage._value = value
    return simd
  }
  @inlinable @inline(__always) var bits: Builtin.Vec4xInt32 {
    Builtin.bitcast_Vec4xFPIEEE32_Vec4xInt32(value)
  }
  @inlinable @inline(__always) static func bits(_ pattern: UInt32) -> Builtin.Vec4xInt32 {
    SIMD4(repeating: pattern)._storage._value
  }

  @inlinable @inline(__always) public static var count: Int { 4 }
  @inlinable @inline(__always) public static var accumulators: Int { 12 }

  @inlinable @inline(__always) public static func load(_ p: UnsafePointer<Float>) -> Self {
    UnsafeRawPointer(p).loadUnaligned(as: Self.self)
  }
  @inlinable @inline(__always) public func store(_ p: UnsafeMutablePointer<Float>) {
    UnsafeMutableRawPointer(p).storeBytes(of: self, as: Self.self)
  }
  @inlinable @inline(__always) public static func load(_ p: UnsafePointer<Float>, first n: Int) -> Self {
    Self(swiftrnn_load_f32x4(p, n))
  }
  @inlinable @inline(__always) public func store(_ p: UnsafeMutablePointer<Float>, first n: Int) {
    swiftrnn_store_f32x4(simd, p, n)
  }

  @inlinable @inline(__always) public static func add(_ a: Self, _ b: Self) -> Self {
    Self(Builtin.fadd_Vec4xFPIEEE32(a.value, b.value))
  }
  @inlinable @inline(__always) public static func subtract(_ a: Self, _ b: Self) -> Self {
    Self(Builtin.fsub_Vec4xFPIEEE32(a.value, b.value))
  }
  @inlinable @inline(__always) public static func multiply(_ a: Self, _ b: Self) -> Self {
    Self(Builtin.fmul_Vec4xFPIEEE32(a.value, b.value))
  }
  @inlinable @inline(__always) public static func divide(_ a: Self, _ b: Self) -> Self {
    Self(Builtin.fdiv_Vec4xFPIEEE32(a.value, b.value))
  }
  @inlinable @inline(__always) public static prefix func - (a: Self) -> Self {
    Self(bits: Builtin.xor_Vec4xInt32(a.bits, bits(1 &<< 31)))
  }
  @inlinable @inline(__always) public func squareRoot() -> Self { Self(swiftrnn_square_root_f32x4(simd)) }

  @inlinable @inline(__always) public static func multiplyAdd(_ a: Self, _ b: Self, _ c: Self) -> Self {
    #if arch(x86_64)
      add(multiply(a, b), c)  // no FMA here: the builtin would call fmaf for every element
    #else
      Self(Builtin.int_fma_Vec4xFPIEEE32(a.value, b.value, c.value))
    #endif
  }

  @inlinable @inline(__always) public static func less(_ a: Self, _ b: Self) -> Mask {
    Mask(Builtin.fcmp_olt_Vec4xFPIEEE32(a.value, b.value))
  }
  @inlinable @inline(__always) public static func equal(_ a: Self, _ b: Self) -> Mask {
    Mask(Builtin.fcmp_oeq_Vec4xFPIEEE32(a.value, b.value))
  }
  @inlinable @inline(__always) public static func select(_ mask: Mask, _ a: Self, _ b: Self) -> Self {
    Self(Builtin.select_Vec4xInt1_Vec4xFPIEEE32(mask.lanes, a.value, b.value))
  }

  @inlinable @inline(__always) public func sign(from other: Self) -> Self {
    let magnitude = Builtin.and_Vec4xInt32(bits, Self.bits(~(1 &<< 31)))
    let sign = Builtin.and_Vec4xInt32(other.bits, Self.bits(1 &<< 31))
    return Self(bits: Builtin.or_Vec4xInt32(magnitude, sign))
  }

  @inlinable @inline(__always) public static func powerOfTwo(biased sum: Self) -> Self {
    Self(bits: Builtin.shl_Vec4xInt32(sum.bits, bits(23)))
  }

  @inlinable @inline(__always) public func addingToExponent(roundedBy sum: Self) -> Self {
    let steps = Builtin.shl_Vec4xInt32(sum.bits, Self.bits(23))
    return Self(bits: Builtin.add_Vec4xInt32(bits, steps))
  }

  @inlinable @inline(__always) public func exponentAndSignificand() -> (exponent: Self, significand: Self) {
    // Adding 1 - sqrt(1/2) in the top bits moves the border between exponents from 1 to sqrt(1/2).
    let shifted = Builtin.add_Vec4xInt32(bits, Self.bits(0x3f80_0000 &- 0x3f35_04f3))
    let biased = Builtin.lshr_Vec4xInt32(shifted, Self.bits(23))
    let exponent = Builtin.sub_Vec4xInt32(biased, Self.bits(127))
    let fraction = Builtin.and_Vec4xInt32(shifted, Self.bits(0x007f_ffff))
    let significand = Builtin.add_Vec4xInt32(fraction, Self.bits(0x3f35_04f3))
    // A small integer becomes a float by way of the bits of 1.5 * 2^23.
    let magic = Self(repeating: 0x1.8p23)
    let number = Self(bits: Builtin.add_Vec4xInt32(exponent, magic.bits))
    return (Self.subtract(number, magic), Self(bits: significand))
  }
}
