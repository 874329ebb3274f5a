import Kernels

/// A vector of another instruction set under another name, compiled into the tests that use it: a split vector, with
/// fused multiply-adds from the C library, so that every machine can run it.
///
/// A table instantiated here with `FloatX16` itself would share its symbols with the AVX-512 module, and the linker
/// keeps either's code: it would run AVX-512 instructions on any machine, or compare the module with itself.
public struct Renamed<V: Lanes>: Lanes {
  public typealias Scalar = V.Scalar
  public typealias Mask = V.Mask
  public typealias Wide = Renamed<V.Wide>

  public var value: V

  @inlinable @inline(__always) public init(_ value: V) { self.value = value }
  @inlinable @inline(__always) public init(repeating scalar: Scalar) { value = V(repeating: scalar) }
  @inlinable @inline(__always) public static var count: Int { V.count }
  @inlinable @inline(__always) public static var accumulators: Int { V.accumulators }

  @inlinable @inline(__always) public static func load(_ p: UnsafePointer<Scalar>) -> Self { Self(V.load(p)) }
  @inlinable @inline(__always) public func store(_ p: UnsafeMutablePointer<Scalar>) { value.store(p) }
  @inlinable @inline(__always) public static func load(_ p: UnsafePointer<Scalar>, first n: Int) -> Self {
    Self(V.load(p, first: n))
  }
  @inlinable @inline(__always) public func store(_ p: UnsafeMutablePointer<Scalar>, first n: Int) {
    value.store(p, first: n)
  }
  @inlinable @inline(__always) public static func loadWide(_ p: UnsafePointer<Scalar>) -> Wide { Wide(V.loadWide(p)) }

  @inlinable @inline(__always) public static func add(_ a: Self, _ b: Self) -> Self { Self(V.add(a.value, b.value)) }
  @inlinable @inline(__always) public static func subtract(_ a: Self, _ b: Self) -> Self {
    Self(V.subtract(a.value, b.value))
  }
  @inlinable @inline(__always) public static func multiply(_ a: Self, _ b: Self) -> Self {
    Self(V.multiply(a.value, b.value))
  }
  @inlinable @inline(__always) public static func divide(_ a: Self, _ b: Self) -> Self {
    Self(V.divide(a.value, b.value))
  }
  @inlinable @inline(__always) public static prefix func - (a: Self) -> Self { Self(-a.value) }
  @inlinable @inline(__always) public func squareRoot() -> Self { Self(value.squareRoot()) }
  @inlinable @inline(__always) public static func multiplyAdd(_ a: Self, _ b: Self, _ c: Self) -> Self {
    Self(V.multiplyAdd(a.value, b.value, c.value))
  }

  @inlinable @inline(__always) public static func less(_ a: Self, _ b: Self) -> Mask { V.less(a.value, b.value) }
  @inlinable @inline(__always) public static func equal(_ a: Self, _ b: Self) -> Mask { V.equal(a.value, b.value) }
  @inlinable @inline(__always) public static func select(_ mask: Mask, _ a: Self, _ b: Self) -> Self {
    Self(V.select(mask, a.value, b.value))
  }

  @inlinable @inline(__always) public func sign(from other: Self) -> Self { Self(value.sign(from: other.value)) }
  @inlinable @inline(__always) public static func powerOfTwo(biased sum: Self) -> Self {
    Self(V.powerOfTwo(biased: sum.value))
  }
  @inlinable @inline(__always) public func addingToExponent(roundedBy sum: Self) -> Self {
    Self(value.addingToExponent(roundedBy: sum.value))
  }
  @inlinable @inline(__always) public func exponentAndSignificand() -> (exponent: Self, significand: Self) {
    let parts = value.exponentAndSignificand()
    return (Self(parts.exponent), Self(parts.significand))
  }
}
