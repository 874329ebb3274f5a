// What reaches dL/dh of a step without a product: the start of the sums that the product with the gate gradients of the
// step after goes on with.

/// For some sequences and some units, `dh = dy + carry`.
///
/// dh and carry are scratch rows, padded to whole vectors, row r at `pointer + r * stateStride`; all pointers are at
/// the first of the units.
public struct ArrivalArguments<Scalar: Real>: BitwiseCopyable {
  /// Sequences that make the step.
  public var count: Int
  /// How many of them, from the first on, also made the step after it: those have a carry.
  public var next: Int
  public var units: Int
  public var stateStride: Int
  /// Written, in whole vectors.
  public var dh: UnsafeMutablePointer<Scalar>
  /// nil: zeros. Only read; nothing behind the units.
  public var dy: MovingRows<Scalar>?
  /// GRU: what passed the step after without a product; nil: nothing.
  public var carry: UnsafePointer<Scalar>?

  @inlinable
  public init(
    count: Int, next: Int, units: Int, stateStride: Int, dh: UnsafeMutablePointer<Scalar>, dy: MovingRows<Scalar>?,
    carry: UnsafePointer<Scalar>?
  ) {
    self.count = count
    self.next = next
    self.units = units
    self.stateStride = stateStride
    self.dh = dh
    self.dy = dy
    self.carry = carry
  }
}

@_alwaysEmitIntoClient @inline(__always)
func arrive<V: Lanes>(_: V.Type, _ a: ArrivalArguments<V.Scalar>) {
  for row in 0..<a.count {
    let dh = a.dh + row &* a.stateStride
    let dy = a.dy.map { UnsafePointer($0[row]) }
    let carry = row < a.next ? a.carry.map { $0 + row &* a.stateStride } : nil
    var unit = 0
    while unit < a.units {
      var sum = dy.map { V.load($0 + unit, first: a.units &- unit) } ?? V.zero
      if let carry { sum = sum + V.load(carry + unit) }
      sum.store(dh + unit)
      unit &+= V.count
    }
  }
}
