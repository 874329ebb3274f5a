/// Two vectors of different rows as one, so that every operation is made twice, side by side: an exponential is a chain
/// of some twenty operations, each of which waits four cycles for the one before, and a core sees only one or two rows
/// ahead. LSTM gates on a Cascade Lake: 136 cycles for a vector of units, 108 in pairs.
///
/// In memory the second vector follows the first; `RowPair` reads and writes them apart.
@frozen @usableFromInline struct Pair<V: Lanes>: Lanes {
  @usableFromInline typealias Scalar = V.Scalar
  @usableFromInline typealias Mask = (V.Mask, V.Mask)
  @usableFromInline typealias Wide = Pair<V.Wide>

  @usableFromInline let first: V
  @usableFromInline let second: V

  @inlinable @inline(__always) init(_ first: V, _ second: V) {
    self.first = first
    self.second = second
  }
  @inlinable @inline(__always) init(repeating scalar: Scalar) {
    self.init(V(repeating: scalar), V(repeating: scalar))
  }

  @inlinable @inline(__always) static var count: Int { 2 &* V.count }
  @inlinable @inline(__always) static var accumulators: Int { V.accumulators / 2 }

  @inlinable @inline(__always) static func load(_ p: UnsafePointer<Scalar>) -> Self {
    Self(V.load(p), V.load(p + V.count))
  }
  @inlinable @inline(__always) func store(_ p: UnsafeMutablePointer<Scalar>) {
    first.store(p)
    second.store(p + V.count)
  }
  @inlinable @inline(__always) static func loadWide(_ p: UnsafePointer<Scalar>) -> Wide {
    Wide(V.loadWide(p), V.loadWide(p + V.Wide.count))
  }
  @inlinable @inline(__always) static func load(_ p: UnsafePointer<Scalar>, first n: Int) -> Self {
    Self(V.load(p, first: n), V.load(p + V.count, first: Swift.max(0, n &- V.count)))
  }
  @inlinable @inline(__always) func store(_ p: UnsafeMutablePointer<Scalar>, first n: Int) {
    first.store(p, first: n)
    second.store(p + V.count, first: Swift.max(0, n &- V.count))
  }

  @inlinable @inline(__always) static func add(_ a: Self, _ b: Self) -> Self {
    Self(a.first + b.first, a.second + b.second)
  }
  @inlinable @inline(__always) static func subtract(_ a: Self, _ b: Self) -> Self {
    Self(a.first - b.first, a.second - b.second)
  }
  @inlinable @inline(__always) static func multiply(_ a: Self, _ b: Self) -> Self {
    Self(a.first * b.first, a.second * b.second)
  }
  @inlinable @inline(__always) static func divide(_ a: Self, _ b: Self) -> Self {
    Self(a.first / b.first, a.second / b.second)
  }
  @inlinable @inline(__always) static prefix func - (a: Self) -> Self { Self(-a.first, -a.second) }
  @inlinable @inline(__always) func squareRoot() -> Self { Self(first.squareRoot(), second.squareRoot()) }

  @inlinable @inline(__always) static func multiplyAdd(_ a: Self, _ b: Self, _ c: Self) -> Self {
    Self(V.multiplyAdd(a.first, b.first, c.first), V.multiplyAdd(a.second, b.second, c.second))
  }

  @inlinable @inline(__always) static func less(_ a: Self, _ b: Self) -> Mask {
    (V.less(a.first, b.first), V.less(a.second, b.second))
  }
  @inlinable @inline(__always) static func equal(_ a: Self, _ b: Self) -> Mask {
    (V.equal(a.first, b.first), V.equal(a.second, b.second))
  }
  @inlinable @inline(__always) static func select(_ mask: Mask, _ a: Self, _ b: Self) -> Self {
    Self(V.select(mask.0, a.first, b.first), V.select(mask.1, a.second, b.second))
  }

  @inlinable @inline(__always) func sign(from other: Self) -> Self {
    Self(first.sign(from: other.first), second.sign(from: other.second))
  }
  @inlinable @inline(__always) static func powerOfTwo(biased sum: Self) -> Self {
    Self(V.powerOfTwo(biased: sum.first), V.powerOfTwo(biased: sum.second))
  }
  @inlinable @inline(__always) func addingToExponent(roundedBy sum: Self) -> Self {
    Self(first.addingToExponent(roundedBy: sum.first), second.addingToExponent(roundedBy: sum.second))
  }
  @inlinable @inline(__always) func exponentAndSignificand() -> (exponent: Self, significand: Self) {
    let (a, b) = (first.exponentAndSignificand(), second.exponentAndSignificand())
    return (Self(a.exponent, b.exponent), Self(a.significand, b.significand))
  }
}
