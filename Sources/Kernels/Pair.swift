// Two vectors side by side: what the gates of two rows, or of two panels of one row, are computed in (ForwardRows.swift,
// SingleStep.swift).

/// Two vectors as one, so that every operation is made twice, side by side: an exponential is a chain of some twenty
/// operations, each of which waits four cycles for the one before, and a core sees only one or two rows ahead. LSTM
/// gates in float on a Cascade Lake: 136 cycles for a vector of units, 108 in pairs.
///
/// Arithmetic only: the two lie apart in memory, and `RowPair` reads and writes each by itself.
@frozen @usableFromInline struct Pair<V: LaneArithmetic>: LaneArithmetic {
  @usableFromInline typealias Scalar = V.Scalar
  @usableFromInline typealias Mask = (V.Mask, V.Mask)

  @usableFromInline let first: V
  @usableFromInline let second: V

  @_alwaysEmitIntoClient @inline(__always) init(_ first: V, _ second: V) {
    self.first = first
    self.second = second
  }
  @_alwaysEmitIntoClient @inline(__always) init(repeating scalar: Scalar) {
    self.init(V(repeating: scalar), V(repeating: scalar))
  }

  @_alwaysEmitIntoClient @inline(__always) static func add(_ a: Self, _ b: Self) -> Self {
    Self(a.first + b.first, a.second + b.second)
  }
  @_alwaysEmitIntoClient @inline(__always) static func subtract(_ a: Self, _ b: Self) -> Self {
    Self(a.first - b.first, a.second - b.second)
  }
  @_alwaysEmitIntoClient @inline(__always) static func multiply(_ a: Self, _ b: Self) -> Self {
    Self(a.first * b.first, a.second * b.second)
  }
  @_alwaysEmitIntoClient @inline(__always) static func divide(_ a: Self, _ b: Self) -> Self {
    Self(a.first / b.first, a.second / b.second)
  }
  @_alwaysEmitIntoClient @inline(__always) static prefix func - (a: Self) -> Self { Self(-a.first, -a.second) }

  @_alwaysEmitIntoClient @inline(__always) static func multiplyAdd(_ a: Self, _ b: Self, _ c: Self) -> Self {
    Self(V.multiplyAdd(a.first, b.first, c.first), V.multiplyAdd(a.second, b.second, c.second))
  }

  @_alwaysEmitIntoClient @inline(__always) static func less(_ a: Self, _ b: Self) -> Mask {
    (V.less(a.first, b.first), V.less(a.second, b.second))
  }
  @_alwaysEmitIntoClient @inline(__always) static func select(_ mask: Mask, _ a: Self, _ b: Self) -> Self {
    Self(V.select(mask.0, a.first, b.first), V.select(mask.1, a.second, b.second))
  }

  @_alwaysEmitIntoClient @inline(__always) func sign(from other: Self) -> Self {
    Self(first.sign(from: other.first), second.sign(from: other.second))
  }
  @_alwaysEmitIntoClient @inline(__always) static func powerOfTwo(biased sum: Self) -> Self {
    Self(V.powerOfTwo(biased: sum.first), V.powerOfTwo(biased: sum.second))
  }
}
