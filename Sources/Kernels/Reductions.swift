// Sums in one order for every instruction set: 16 partial sums by index mod 16, joined by a fixed tree. A vector of w
// lanes holds w of the 16, so that 16/w vectors advance together.

/// Sums over more than a row are cut into chunks of this many numbers; the sums of the chunks are added in order.
@_alwaysEmitIntoClient @inline(__always) public var chunkLength: Int { 4096 }

extension Lanes {
  /// Joins 16 partial sums: 8 and 8, 4 and 4, 2 and 2, 1 and 1.
  @_alwaysEmitIntoClient @inline(__always) static func join<let vectors: Int>(_ partials: InlineArray<vectors, Self>)
    -> Scalar
  {
    withUnsafeTemporaryAllocation(of: Scalar.self, capacity: 16) { buffer in
      let sums = buffer.baseAddress.unsafelyUnwrapped
      for v in 0..<vectors { partials[v].store(sums + v &* count) }
      for i in 0..<8 { sums[i] = sums[i] + sums[i &+ 8] }
      for i in 0..<4 { sums[i] = sums[i] + sums[i &+ 4] }
      return (sums[0] + sums[2]) + (sums[1] + sums[3])
    }
  }

  /// The largest of 16 partial maxima.
  @_alwaysEmitIntoClient @inline(__always) static func largest<let vectors: Int>(
    _ partials: InlineArray<vectors, Self>
  ) -> Scalar {
    withUnsafeTemporaryAllocation(of: Scalar.self, capacity: count) { buffer in
      let values = buffer.baseAddress.unsafelyUnwrapped
      var joined = partials[0]
      for v in 1..<vectors { joined = max(partials[v], joined) }
      joined.store(values)
      var largest = values[0]
      for i in 1..<count where values[i] > largest { largest = values[i] }
      return largest
    }
  }
}

/// Calls `body` with 16 scalars: the `count` < 16 at `p`, and `padding` in the other places. What `body` leaves there
/// is for the caller to use.
@_alwaysEmitIntoClient @inline(__always)
func withPadded<Scalar: Real, Result>(
  _ p: UnsafePointer<Scalar>, _ count: Int, _ padding: Scalar, _ body: (UnsafeMutablePointer<Scalar>) -> Result
) -> Result {
  withUnsafeTemporaryAllocation(of: Scalar.self, capacity: 16) { buffer in
    let scratch = buffer.baseAddress.unsafelyUnwrapped
    // One copy of a length that is not known: a choice per place became 16 branches and as many insertions.
    for i in 0..<16 { scratch[i] = padding }
    scratch.update(from: p, count: count)
    return body(scratch)
  }
}

/// What the sum of a chunk adds up.
@frozen public enum Summand { case value, square }

@_alwaysEmitIntoClient @inline(__always)
func chunkSum<V: Lanes, let vectors: Int>(
  _: V.Type, _: InlineArray<vectors, V.Wide>.Type, _ summand: Summand, _ x: UnsafePointer<V.Scalar>, _ count: Int,
  _ factor: Double
) -> Double {
  let factor = V.Wide(repeating: factor)
  var sums = InlineArray<vectors, V.Wide>(repeating: .zero)
  let whole = count & ~15
  var i = 0
  while i < whole {
    for v in 0..<vectors {
      let value = V.loadWide(x + (i &+ v &* V.Wide.count)) * factor
      sums[v] = summand == .square ? V.Wide.multiplyAdd(value, value, sums[v]) : sums[v] + value
    }
    i &+= 16
  }
  if i < count {
    withPadded(x + i, count &- i, 0) { rest in
      for v in 0..<vectors {
        let value = V.loadWide(rest + v &* V.Wide.count) * factor
        sums[v] = summand == .square ? V.Wide.multiplyAdd(value, value, sums[v]) : sums[v] + value
      }
    }
  }
  return V.Wide.join(sums)
}

/// `sums[c]` = the sum of chunk c of `factor * x`, or of its squares, in Double. A factor of 1 changes no bit.
@_alwaysEmitIntoClient @inline(__always)
func chunkSums<V: Lanes>(
  _: V.Type, _ summand: Summand, _ x: UnsafePointer<V.Scalar>, _ count: Int, _ factor: Double,
  _ sums: UnsafeMutablePointer<Double>
) {
  var first = 0
  var chunk = 0
  while first < count {
    let length = Swift.min(chunkLength, count &- first)
    switch V.Wide.count {
    case 2: sums[chunk] = chunkSum(V.self, InlineArray<8, V.Wide>.self, summand, x + first, length, factor)
    case 4: sums[chunk] = chunkSum(V.self, InlineArray<4, V.Wide>.self, summand, x + first, length, factor)
    default: sums[chunk] = chunkSum(V.self, InlineArray<2, V.Wide>.self, summand, x + first, length, factor)
    }
    first &+= chunkLength
    chunk &+= 1
  }
}

@_alwaysEmitIntoClient @inline(__always)
func maximum<V: Lanes, let vectors: Int>(
  _: InlineArray<vectors, V>.Type, _ x: UnsafePointer<V.Scalar>, _ count: Int
) -> V.Scalar {
  var largest = InlineArray<vectors, V>(repeating: V(repeating: -.infinity))
  let whole = count & ~15
  var i = 0
  while i < whole {
    for v in 0..<vectors { largest[v] = V.max(V.load(x + (i &+ v &* V.count)), largest[v]) }
    i &+= 16
  }
  if i < count {
    withPadded(x + i, count &- i, -.infinity) { rest in
      for v in 0..<vectors { largest[v] = V.max(V.load(rest + v &* V.count), largest[v]) }
    }
  }
  return V.largest(largest)
}

/// The largest of `x`, NaNs left out; -infinity if there is none.
@_alwaysEmitIntoClient @inline(__always)
func maximum<V: Lanes>(_: V.Type, _ x: UnsafePointer<V.Scalar>, _ count: Int) -> V.Scalar {
  switch V.count {
  case 2: maximum(InlineArray<8, V>.self, x, count)
  case 4: maximum(InlineArray<4, V>.self, x, count)
  case 8: maximum(InlineArray<2, V>.self, x, count)
  default: maximum(InlineArray<1, V>.self, x, count)
  }
}
