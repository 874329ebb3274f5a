import CPrimitives

/// 8 Double lanes: the vector of AVX-512.
@frozen public struct DoubleX8: Lanes {
  public typealias Scalar = Double
  public typealias Mask = SIMDMask<SIMD8<Int64>>

  @usableFromInline var value: SIMD8<Double>

  @inlinable @inline(__always) init(_ value: SIMD8<Double>) { self.value = value }
  @inlinable @inline(__always) public init(repeating scalar: Double) { value = SIMD8(repeating: scalar) }

  @inlinable @inline(__always) public static var count: Int { 8 }
  @inlinable @inline(__always) public static var accumulators: Int { 24 }

  @inlinable @inline(__always) public static func load(_ p: UnsafePointer<Double>) -> Self {
    Self(UnsafeRawPointer(p).loadUnaligned(as: SIMD8<Double>.self))
  }
  @inlinable @inline(__always) public func store(_ p: UnsafeMutablePointer<Double>) {
    UnsafeMutableRawPointer(p).storeBytes(of: value, as: SIMD8<Double>.self)
  }
  @inlinable @inline(__always) public static func load(_ p: UnsafePointer<Double>, first n: Int) -> Self {
    Self(swiftrnn_load_f64x8(p, n))
  }
  @inlinable @inline(__always) public func store(_ p: UnsafeMutablePointer<Double>, first n: Int) {
    swiftrnn_store_f64x8(value, p, n)
  }

  @inlinable @inline(__always) public static func add(_ a: Self, _ b: Self) -> Self { Self(a.value + b.value) }
  @inlinable @inline(__always) public static func subtract(_ a: Self, _ b: Self) -> Self { Self(a.value - b.value) }
  @inlinable @inline(__always) public static func multiply(_ a: Self, _ b: Self) -> Self { Self(a.value * b.value) }
  @inlinable @inline(__always) public static func divide(_ a: Self, _ b: Self) -> Self { Self(a.value / b.value) }
  @inlinable @inline(__always) public static prefix func - (a: Self) -> Self {
    // The unary minus of SIMD subtracts from zero; this one joins a multiply-add.
    let bits = unsafeBitCast(a.value, to: SIMD8<UInt64>.self)
    return Self(unsafeBitCast(bits ^ SIMD8(repeating: 1 &<< 63), to: SIMD8<Double>.self))
  }
  @inlinable @inline(__always) public func squareRoot() -> Self { Self(swiftrnn_square_root_f64x8(value)) }

  @inlinable @inline(__always) public static func multiplyAdd(_ a: Self, _ b: Self, _ c: Self) -> Self {
    Self(c.value.addingProduct(a.value, b.value))
  }

  @inlinable @inline(__always) public static func less(_ a: Self, _ b: Self) -> Mask { a.value .< b.value }
  @inlinable @inline(__always) public static func equal(_ a: Self, _ b: Self) -> Mask { a.value .== b.value }
  @inlinable @inline(__always) public static func select(_ mask: Mask, _ a: Self, _ b: Self) -> Self {
    Self(b.value.replacing(with: a.value, where: mask))
  }

  @inlinable @inline(__always) public func sign(from other: Self) -> Self {
    let bits = unsafeBitCast(value, to: SIMD8<UInt64>.self)
    let others = unsafeBitCast(other.value, to: SIMD8<UInt64>.self)
    let sign = SIMD8<UInt64>(repeating: 1 &<< 63)
    return Self(unsafeBitCast((bits & ~sign) | (others & sign), to: SIMD8<Double>.self))
  }

  @inlinable @inline(__always) public static func powerOfTwo(biased sum: Self) -> Self {
    let steps = unsafeBitCast(sum.value, to: SIMD8<UInt64>.self)
    return Self(unsafeBitCast(steps &<< SIMD8(repeating: 52), to: SIMD8<Double>.self))
  }

  @inlinable @inline(__always) public func addingToExponent(roundedBy sum: Self) -> Self {
    let bits = unsafeBitCast(value, to: SIMD8<UInt64>.self)
    let steps = unsafeBitCast(sum.value, to: SIMD8<UInt64>.self)
    return Self(unsafeBitCast(bits &+ (steps &<< SIMD8(repeating: 52)), to: SIMD8<Double>.self))
  }

  @inlinable @inline(__always) public func exponentAndSignificand() -> (exponent: Self, significand: Self) {
    // Adding 1 - sqrt(1/2) in the top bits moves the border between exponents from 1 to sqrt(1/2).
    let bits = unsafeBitCast(value, to: SIMD8<UInt64>.self)
    let shifted = bits &+ SIMD8(repeating: 0x3ff0_0000_0000_0000 &- 0x3fe6_a09e_667f_3bcd)
    let exponent = (shifted &>> SIMD8(repeating: 52)) &- SIMD8(repeating: 1023)
    let significand = (shifted & SIMD8(repeating: 0x000f_ffff_ffff_ffff)) &+ SIMD8(repeating: 0x3fe6_a09e_667f_3bcd)
    // A small integer becomes a float by way of the bits of 1.5 * 2^52.
    let magic = SIMD8<Double>(repeating: 0x1.8p52)
    let number = unsafeBitCast(exponent &+ unsafeBitCast(magic, to: SIMD8<UInt64>.self), to: SIMD8<Double>.self)
    return (Self(number - magic), Self(unsafeBitCast(significand, to: SIMD8<Double>.self)))
  }
}
