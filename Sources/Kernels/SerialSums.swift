// Sums that are chains of single additions: compiled once, for every instruction set. Never inlined: the caller sets
// the floating-point control around these calls, and the compiler does not know that arithmetic must stay inside.

/// The terms added one after the other.
@inline(never)
public func sumInOrder(_ terms: UnsafePointer<Double>, _ count: Int) -> Double {
  var sum = 0.0
  for i in 0..<count { sum += terms[i] }
  return sum
}

/// The terms added one after the other, divided by `divisor` and by the factor that is in each of them.
@inline(never)
public func mean(of terms: UnsafePointer<Double>, _ count: Int, over divisor: Double, factor: Double) -> Double {
  var sum = 0.0
  for i in 0..<count { sum += terms[i] }
  return sum / divisor / factor
}

/// The first index at which the sum of the weights, from the left, exceeds `uniform`, in [0, 1), of their whole sum.
/// One weight at least is above 0.
@inline(never)
public func draw(_ weights: UnsafePointer<Double>, _ count: Int, _ uniform: Double) -> Int {
  // uniform * total < total after rounding too, and the second sum ends at the same total: the loop ends in time.
  var total = 0.0
  for i in 0..<count { total += weights[i] }
  let target = uniform * total
  var sum = 0.0
  for i in 0..<count {
    sum += weights[i]
    if sum > target { return i }
  }
  return count &- 1
}
