import CPrimitives

/// 8 Float lanes: the vector of AVX2.
@frozen public struct FloatX8: Lanes {
  public typealias Scalar = Float
  public typealias Mask = SIMDMask<SIMD8<Int32>>

  @usableFromInline var value: SIMD8<Float>

  @inlinable @inline(__always) init(_ value: SIMD8<Float>) { self.value = value }
  @inlinable @inline(__always) public init(repeating scalar: Float) { value = SIMD8(repeating: scalar) }

  @inlinable @inline(__always) public static var count: Int { 8 }
  @inlinable @inline(__always) public static var accumulators: Int { 12 }

  @inlinable @inline(__always) public static func load(_ p: UnsafePointer<Float>) -> Self {
    Self(UnsafeRawPointer(p).loadUnaligned(as: SIMD8<Float>.self))
  }
  @inlinable @inline(__always) public func store(_ p: UnsafeMutablePointer<Float>) {
    UnsafeMutableRawPointer(p).storeBytes(of: value, as: SIMD8<Float>.self)
  }
  @inlinable @inline(__always) public static func load(_ p: UnsafePointer<Float>, first n: Int) -> Self {
    Self(swiftrnn_load_f32x8(p, n))
  }
  @inlinable @inline(__always) public func store(_ p: UnsafeMutablePointer<Float>, first n: Int) {
    swiftrnn_store_f32x8(value, p, n)
  }

  @inlinable @inline(__always) public static func add(_ a: Self, _ b: Self) -> Self { Self(a.value + b.value) }
  @inlinable @inline(__always) public static func subtract(_ a: Self, _ b: Self) -> Self { Self(a.value - b.value) }
  @inlinable @inline(__always) public static func multiply(_ a: Self, _ b: Self) -> Self { Self(a.value * b.value) }
  @inlinable @inline(__always) public static func divide(_ a: Self, _ b: Self) -> Self { Self(a.value / b.value) }
  @inlinable @inline(__always) public static prefix func - (a: Self) -> Self {
    // The unary minus of SIMD subtracts from zero; this one joins a multiply-add.
    let bits = unsafeBitCast(a.value, to: SIMD8<UInt32>.self)
    return Self(unsafeBitCast(bits ^ SIMD8(repeating: 1 &<< 31), to: SIMD8<Float>.self))
  }
  @inlinable @inline(__always) public func squareRoot() -> Self { Self(swiftrnn_square_root_f32x8(value)) }

  @inlinable @inline(__always) public static func multiplyAdd(_ a: Self, _ b: Self, _ c: Self) -> Self {
    Self(c.value.addingProduct(a.value, b.value))
  }

  @inlinable @inline(__always) public static func less(_ a: Self, _ b: Self) -> Mask { a.value .< b.value }
  @inlinable @inline(__always) public static func equal(_ a: Self, _ b: Self) -> Mask { a.value .== b.value }
  @inlinable @inline(__always) public static func select(_ mask: Mask, _ a: Self, _ b: Self) -> Self {
    Self(b.value.replacing(with: a.value, where: mask))
  }

  @inlinable @inline(__always) public func sign(from other: Self) -> Self {
    let bits = unsafeBitCast(value, to: SIMD8<UInt32>.self)
    let others = unsafeBitCast(other.value, to: SIMD8<UInt32>.self)
    let sign = SIMD8<UInt32>(repeating: 1 &<< 31)
    return Self(unsafeBitCast((bits & ~sign) | (others & sign), to: SIMD8<Float>.self))
  }

  @inlinable @inline(__always) public static func powerOfTwo(biased sum: Self) -> Self {
    let steps = unsafeBitCast(sum.value, to: SIMD8<UInt32>.self)
    return Self(unsafeBitCast(steps &<< SIMD8(repeating: 23), to: SIMD8<Float>.self))
  }

  @inlinable @inline(__always) public func addingToExponent(roundedBy sum: Self) -> Self {
    let bits = unsafeBitCast(value, to: SIMD8<UInt32>.self)
    let steps = unsafeBitCast(sum.value, to: SIMD8<UInt32>.self)
    return Self(unsafeBitCast(bits &+ (steps &<< SIMD8(repeating: 23)), to: SIMD8<Float>.self))
  }

  @inlinable @inline(__always) public func exponentAndSignificand() -> (exponent: Self, significand: Self) {
    // Adding 1 - sqrt(1/2) in the top bits moves the border between exponents from 1 to sqrt(1/2).
    let bits = unsafeBitCast(value, to: SIMD8<UInt32>.self)
    let shifted = bits &+ SIMD8(repeating: 0x3f80_0000 &- 0x3f35_04f3)
    let exponent = (shifted &>> SIMD8(repeating: 23)) &- SIMD8(repeating: 127)
    let significand = (shifted & SIMD8(repeating: 0x007f_ffff)) &+ SIMD8(repeating: 0x3f35_04f3)
    // A small integer becomes a float by way of the bits of 1.5 * 2^23.
    let magic = SIMD8<Float>(repeating: 0x1.8p23)
    let number = unsafeBitCast(exponent &+ unsafeBitCast(magic, to: SIMD8<UInt32>.self), to: SIMD8<Float>.self)
    return (Self(number - magic), Self(unsafeBitCast(significand, to: SIMD8<Float>.self)))
  }
}
