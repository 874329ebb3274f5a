// Drawing a class from logits. Everything here is in Double for both types: equal logits give the same class.

/// Whether a class can be drawn: no NaN, no +infinity, and not all -infinity.
@_alwaysEmitIntoClient @inline(__always)
func isSampleable<V: Lanes>(_: V.Type, _ logits: UnsafePointer<V.Scalar>, _ count: Int) -> Bool {
  var refused = V.zero
  let limit = V(repeating: .infinity)
  vectors(V.self, count) { i, n in
    refused = V.select(V.less(V.load(logits + i, first: n), limit), refused, .one)
  }
  let refusals = withUnsafeTemporaryAllocation(of: V.Scalar.self, capacity: V.count) { buffer in
    let scratch = buffer.baseAddress.unsafelyUnwrapped
    refused.store(scratch)
    var refusals = V.Scalar.zero
    for i in 0..<V.count { refusals += scratch[i] }
    return refusals
  }
  return refusals == 0 && maximum(V.self, logits, count) > -.infinity
}

/// The index of the largest, the first of equals.
@_alwaysEmitIntoClient @inline(__always)
func largestIndex<V: Lanes>(_: V.Type, _ x: UnsafePointer<V.Scalar>, _ count: Int) -> Int {
  let largest = maximum(V.self, x, count)
  var i = 0
  while i < count, x[i] != largest { i &+= 1 }
  return i
}

/// `weights[i] = exp((logits[i] - largest) / temperature)`, the largest of them 1.
@_alwaysEmitIntoClient @inline(__always)
func samplingWeights<V: Lanes>(
  _: V.Type, _ logits: UnsafePointer<V.Scalar>, _ count: Int, _ temperature: Double,
  _ weights: UnsafeMutablePointer<Double>
) {
  let largest = V.Wide(repeating: Double(maximum(V.self, logits, count)))
  let temperature = V.Wide(repeating: temperature)
  let lanes = V.Wide.count
  var i = 0
  while i &+ lanes <= count {
    V.Wide.exp((V.loadWide(logits + i) - largest) / temperature).store(weights + i)
    i &+= lanes
  }
  if i < count {
    withPadded(logits + i, count &- i, -.infinity) { rest in
      V.Wide.exp((V.loadWide(rest) - largest) / temperature).store(weights + i, first: count &- i)
    }
  }
}

/// Integers in the order of the numbers; -0 and +0 are equal.
@_alwaysEmitIntoClient @inline(__always)
func orderedKeys<Scalar: Real>(_ x: UnsafePointer<Scalar>, _ count: Int, _ keys: UnsafeMutablePointer<Int>) {
  for i in 0..<count {
    let bits = Int(bitPattern: UInt(truncatingIfNeeded: (Double(x[i]) + 0).bitPattern))
    keys[i] = bits ^ Int(bitPattern: UInt(bitPattern: bits &>> 63) &>> 1)
  }
}
