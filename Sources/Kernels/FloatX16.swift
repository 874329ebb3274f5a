import CPrimitives

/// 16 Float lanes: the vector of AVX-512.
@frozen public struct FloatX16: Lanes {
  public typealias Scalar = Float
  public typealias Mask = SIMDMask<SIMD16<Int32>>

  @usableFromInline var value: SIMD16<Float>

  @inlinable @inline(__always) init(_ value: SIMD16<Float>) { self.value = value }
  @inlinable @inline(__always) public init(repeating scalar: Float) { value = SIMD16(repeating: scalar) }

  @inlinable @inline(__always) public static var count: Int { 16 }
  @inlinable @inline(__always) public static var accumulators: Int { 24 }

  @inlinable @inline(__always) public static func load(_ p: UnsafePointer<Float>) -> Self {
    Self(UnsafeRawPointer(p).loadUnaligned(as: SIMD16<Float>.self))
  }
  @inlinable @inline(__always) public func store(_ p: UnsafeMutablePointer<Float>) {
    UnsafeMutableRawPointer(p).storeBytes(of: value, as: SIMD16<Float>.self)
  }
  @inlinable @inline(__always) public static func load(_ p: UnsafePointer<Float>, first n: Int) -> Self {
    Self(swiftrnn_load_f32x16(p, n))
  }
  @inlinable @inline(__always) public func store(_ p: UnsafeMutablePointer<Float>, first n: Int) {
    swiftrnn_store_f32x16(value, p, n)
  }

  @inlinable @inline(__always) public static func add(_ a: Self, _ b: Self) -> Self { Self(a.value + b.value) }
  @inlinable @inline(__always) public static func subtract(_ a: Self, _ b: Self) -> Self { Self(a.value - b.value) }
  @inlinable @inline(__always) public static func multiply(_ a: Self, _ b: Self) -> Self { Self(a.value * b.value) }
  @inlinable @inline(__always) public static func divide(_ a: Self, _ b: Self) -> Self { Self(a.value / b.value) }
  @inlinable @inline(__always) public static prefix func - (a: Self) -> Self {
    // The unary minus of SIMD subtracts from zero; this one joins a multiply-add.
    let bits = unsafeBitCast(a.value, to: SIMD16<UInt32>.self)
    return Self(unsafeBitCast(bits ^ SIMD16(repeating: 1 &<< 31), to: SIMD16<Float>.self))
  }
  @inlinable @inline(__always) public func squareRoot() -> Self { Self(swiftrnn_square_root_f32x16(value)) }

  @inlinable @inline(__always) public static func multiplyAdd(_ a: Self, _ b: Self, _ c: Self) -> Self {
    Self(c.value.addingProduct(a.value, b.value))
  }

  @inlinable @inline(__always) public static func less(_ a: Self, _ b: Self) -> Mask { a.value .< b.value }
  @inlinable @inline(__always) public static func equal(_ a: Self, _ b: Self) -> Mask { a.value .== b.value }
  @inlinable @inline(__always) public static func select(_ mask: Mask, _ a: Self, _ b: Self) -> Self {
    Self(b.value.replacing(with: a.value, where: mask))
  }

  @inlinable @inline(__always) public func sign(from other: Self) -> Self {
    let bits = unsafeBitCast(value, to: SIMD16<UInt32>.self)
    let others = unsafeBitCast(other.value, to: SIMD16<UInt32>.self)
    let sign = SIMD16<UInt32>(repeating: 1 &<< 31)
    return Self(unsafeBitCast((bits & ~sign) | (others & sign), to: SIMD16<Float>.self))
  }

  @inlinable @inline(__always) public static func powerOfTwo(biased sum: Self) -> Self {
    let steps = unsafeBitCast(sum.value, to: SIMD16<UInt32>.self)
    return Self(unsafeBitCast(steps &<< SIMD16(repeating: 23), to: SIMD16<Float>.self))
  }

  @inlinable @inline(__always) public func addingToExponent(roundedBy sum: Self) -> Self {
    let bits = unsafeBitCast(value, to: SIMD16<UInt32>.self)
    let steps = unsafeBitCast(sum.value, to: SIMD16<UInt32>.self)
    return Self(unsafeBitCast(bits &+ (steps &<< SIMD16(repeating: 23)), to: SIMD16<Float>.self))
  }

  @inlinable @inline(__always) public func exponentAndSignificand() -> (exponent: Self, significand: Self) {
    // Adding 1 - sqrt(1/2) in the top bits moves the border between exponents from 1 to sqrt(1/2).
    let bits = unsafeBitCast(value, to: SIMD16<UInt32>.self)
    let shifted = bits &+ SIMD16(repeating: 0x3f80_0000 &- 0x3f35_04f3)
    let exponent = (shifted &>> SIMD16(repeating: 23)) &- SIMD16(repeating: 127)
    let significand = (shifted & SIMD16(repeating: 0x007f_ffff)) &+ SIMD16(repeating: 0x3f35_04f3)
    // A small integer becomes a float by way of the bits of 1.5 * 2^23.
    let magic = SIMD16<Float>(repeating: 0x1.8p23)
    let number = unsafeBitCast(exponent &+ unsafeBitCast(magic, to: SIMD16<UInt32>.self), to: SIMD16<Float>.self)
    return (Self(number - magic), Self(unsafeBitCast(significand, to: SIMD16<Float>.self)))
  }
}
