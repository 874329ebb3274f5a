import CPrimitives

/// 4 Float lanes: the vector of SSE2 or NEON.
@frozen public struct FloatX4: Lanes {
  public typealias Scalar = Float
  public typealias Mask = SIMDMask<SIMD4<Int32>>

  @usableFromInline var value: SIMD4<Float>

  @inlinable @inline(__always) init(_ value: SIMD4<Float>) { self.value = value }
  @inlinable @inline(__always) public init(repeating scalar: Float) { value = SIMD4(repeating: scalar) }

  @inlinable @inline(__always) public static var count: Int { 4 }
  @inlinable @inline(__always) public static var accumulators: Int { 12 }

  @inlinable @inline(__always) public static func load(_ p: UnsafePointer<Float>) -> Self {
    Self(UnsafeRawPointer(p).loadUnaligned(as: SIMD4<Float>.self))
  }
  @inlinable @inline(__always) public func store(_ p: UnsafeMutablePointer<Float>) {
    UnsafeMutableRawPointer(p).storeBytes(of: value, as: SIMD4<Float>.self)
  }
  @inlinable @inline(__always) public static func load(_ p: UnsafePointer<Float>, first n: Int) -> Self {
    Self(swiftrnn_load_f32x4(p, n))
  }
  @inlinable @inline(__always) public func store(_ p: UnsafeMutablePointer<Float>, first n: Int) {
    swiftrnn_store_f32x4(value, p, n)
  }

  @inlinable @inline(__always) public static func add(_ a: Self, _ b: Self) -> Self { Self(a.value + b.value) }
  @inlinable @inline(__always) public static func subtract(_ a: Self, _ b: Self) -> Self { Self(a.value - b.value) }
  @inlinable @inline(__always) public static func multiply(_ a: Self, _ b: Self) -> Self { Self(a.value * b.value) }
  @inlinable @inline(__always) public static func divide(_ a: Self, _ b: Self) -> Self { Self(a.value / b.value) }
  @inlinable @inline(__always) public static prefix func - (a: Self) -> Self {
    // The unary minus of SIMD subtracts from zero; this one joins a multiply-add.
    let bits = unsafeBitCast(a.value, to: SIMD4<UInt32>.self)
    return Self(unsafeBitCast(bits ^ SIMD4(repeating: 1 &<< 31), to: SIMD4<Float>.self))
  }
  @inlinable @inline(__always) public func squareRoot() -> Self { Self(swiftrnn_square_root_f32x4(value)) }

  @inlinable @inline(__always) public static func multiplyAdd(_ a: Self, _ b: Self, _ c: Self) -> Self {
    #if arch(x86_64)
      Self(a.value * b.value + c.value)  // no FMA here: addingProduct would call fmaf for every element
    #else
      Self(c.value.addingProduct(a.value, b.value))
    #endif
  }

  @inlinable @inline(__always) public static func less(_ a: Self, _ b: Self) -> Mask { a.value .< b.value }
  @inlinable @inline(__always) public static func equal(_ a: Self, _ b: Self) -> Mask { a.value .== b.value }
  @inlinable @inline(__always) public static func select(_ mask: Mask, _ a: Self, _ b: Self) -> Self {
    Self(b.value.replacing(with: a.value, where: mask))
  }

  @inlinable @inline(__always) public func sign(from other: Self) -> Self {
    let bits = unsafeBitCast(value, to: SIMD4<UInt32>.self)
    let others = unsafeBitCast(other.value, to: SIMD4<UInt32>.self)
    let sign = SIMD4<UInt32>(repeating: 1 &<< 31)
    return Self(unsafeBitCast((bits & ~sign) | (others & sign), to: SIMD4<Float>.self))
  }

  @inlinable @inline(__always) public static func powerOfTwo(biased sum: Self) -> Self {
    let steps = unsafeBitCast(sum.value, to: SIMD4<UInt32>.self)
    return Self(unsafeBitCast(steps &<< SIMD4(repeating: 23), to: SIMD4<Float>.self))
  }

  @inlinable @inline(__always) public func addingToExponent(roundedBy sum: Self) -> Self {
    let bits = unsafeBitCast(value, to: SIMD4<UInt32>.self)
    let steps = unsafeBitCast(sum.value, to: SIMD4<UInt32>.self)
    return Self(unsafeBitCast(bits &+ (steps &<< SIMD4(repeating: 23)), to: SIMD4<Float>.self))
  }

  @inlinable @inline(__always) public func exponentAndSignificand() -> (exponent: Self, significand: Self) {
    // Adding 1 - sqrt(1/2) in the top bits moves the border between exponents from 1 to sqrt(1/2).
    let bits = unsafeBitCast(value, to: SIMD4<UInt32>.self)
    let shifted = bits &+ SIMD4(repeating: 0x3f80_0000 &- 0x3f35_04f3)
    let exponent = (shifted &>> SIMD4(repeating: 23)) &- SIMD4(repeating: 127)
    let significand = (shifted & SIMD4(repeating: 0x007f_ffff)) &+ SIMD4(repeating: 0x3f35_04f3)
    // A small integer becomes a float by way of the bits of 1.5 * 2^23.
    let magic = SIMD4<Float>(repeating: 0x1.8p23)
    let number = unsafeBitCast(exponent &+ unsafeBitCast(magic, to: SIMD4<UInt32>.self), to: SIMD4<Float>.self)
    return (Self(number - magic), Self(unsafeBitCast(significand, to: SIMD4<Float>.self)))
  }
}
