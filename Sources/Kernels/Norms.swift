// Norms and softmax of one row, and their gradients. Sums are of 64 partial sums by index mod 64, of what is left
// 16 by index mod 16, joined by a fixed tree: the same bits on every instruction set.
//
// Layer norm: Ba, Kiros, Hinton 2016. RMS norm: Zhang, Sennrich 2019. Both here without gain and bias, eps 1e-5.
//
// Squares that vanish are nothing beside eps. Where a sum overflows, it is made once more of the row times a small
// power of two, which is exact; rows whose sums are finite keep their bits.

@_alwaysEmitIntoClient @inline(__always) var normEpsilon: Double { 1e-5 }

extension Lanes {
  /// The sum of `term(i)` over the `count` numbers of a row; `term` gets vectors of two rows, zeros behind the end.
  @_alwaysEmitIntoClient @inline(__always)
  static func sum<let vectors: Int>(
    _: InlineArray<vectors, Self>.Type, _ a: UnsafePointer<Scalar>, _ b: UnsafePointer<Scalar>, _ count: Int,
    _ term: (_ a: Self, _ b: Self, _ sum: Self) -> Self
  ) -> Scalar {
    var sums = InlineArray<vectors, Self>(repeating: zero)
    for v in 0..<vectors { sums[v] = partialSum(a, b, from: v &* Self.count, count, term) }
    return join(sums)
  }

  /// The partial sums of the vector at `first` among each 16 numbers.
  @_alwaysEmitIntoClient @inline(__always)
  static func partialSum(
    _ a: UnsafePointer<Scalar>, _ b: UnsafePointer<Scalar>, from first: Int, _ count: Int,
    _ term: (_ a: Self, _ b: Self, _ sum: Self) -> Self
  ) -> Self {
    // Four beside each other: one would wait for its own last addition at each step.
    var (s, t, u, v) = (zero, zero, zero, zero)
    var (at, left) = (first, count)
    while left >= 64 {
      s = term(load(a + at), load(b + at), s)
      t = term(load(a + (at &+ 16)), load(b + (at &+ 16)), t)
      u = term(load(a + (at &+ 32)), load(b + (at &+ 32)), u)
      v = term(load(a + (at &+ 48)), load(b + (at &+ 48)), v)
      (at, left) = (at &+ 64, left &- 64)
    }
    s = (s + u) + (t + v)
    while left >= 16 {
      s = term(load(a + at), load(b + at), s)
      (at, left) = (at &+ 16, left &- 16)
    }
    let rest = count &- at
    if rest <= 0 { return s }
    // Lanes behind the end add zero to their sums: `term` of them may be anything.
    let added = term(load(a + at, first: rest), load(b + at, first: rest), s)
    return rest >= Self.count ? added : keep(added, first: rest, else: s)
  }

  /// The first `n` lanes of a, the others of b.
  @_alwaysEmitIntoClient @inline(__always)
  static func keep(_ a: Self, first n: Int, else b: Self) -> Self {
    withUnsafeTemporaryAllocation(of: Scalar.self, capacity: 16) { buffer in
      let lanes = buffer.baseAddress.unsafelyUnwrapped
      b.store(lanes)
      a.store(lanes, first: n)
      return load(UnsafePointer(lanes))
    }
  }

  @_alwaysEmitIntoClient @inline(__always)
  static func sum(
    _ a: UnsafePointer<Scalar>, _ b: UnsafePointer<Scalar>, _ count: Int,
    _ term: (_ a: Self, _ b: Self, _ sum: Self) -> Self
  ) -> Scalar {
    switch Self.count {
    case 2: sum(InlineArray<8, Self>.self, a, b, count, term)
    case 4: sum(InlineArray<4, Self>.self, a, b, count, term)
    case 8: sum(InlineArray<2, Self>.self, a, b, count, term)
    default: sum(InlineArray<1, Self>.self, a, b, count, term)
    }
  }

  @_alwaysEmitIntoClient @inline(__always)
  static func sum(_ a: UnsafePointer<Scalar>, _ count: Int) -> Scalar { sum(a, a, count) { a, _, sum in sum + a } }

  /// `out[i] = f(a[i], b[i])`, in whole vectors.
  @_alwaysEmitIntoClient @inline(__always)
  static func each(
    _ a: UnsafePointer<Scalar>, _ b: UnsafePointer<Scalar>, _ out: UnsafeMutablePointer<Scalar>, _ count: Int,
    _ f: (Self, Self) -> Self
  ) {
    var i = 0
    while i < count {
      f(load(a + i), load(b + i)).store(out + i)
      i &+= Self.count
    }
  }

  /// Shrinks any finite row so that 2^40 of its squares have a finite sum, while squares that count in a sum which
  /// overflows without it stay normal.
  @_alwaysEmitIntoClient @inline(__always)
  static var shrinking: Scalar { Scalar(MemoryLayout<Scalar>.size == 4 ? 0x1p-100 : 0x1p-600) }

  @_alwaysEmitIntoClient @inline(__always)
  static func mean(_ a: UnsafePointer<Scalar>, _ count: Int) -> Scalar {
    var shrink: Scalar = 1
    while true {
      let factor = Self(repeating: shrink)
      let total = sum(a, a, count) { a, _, sum in sum + a * factor }
      if total.magnitude < .infinity || shrink < 1 { return total / Scalar(count) / shrink }
      shrink = shrinking
    }
  }

  /// Computes the four numbers with which `(a * shrink - first - mean) * scale` has the mean 0 and the variance 1, but for
  /// eps.
  ///
  /// `mean` is that of the distances from the row's first number, which are exact between numbers that are near each
  /// other. The mean of the numbers themselves would be off by as much as its last digit: equal numbers would become 1 or
  /// -1 instead of 0.
  @_alwaysEmitIntoClient @inline(__always)
  static func moments(
    _ a: UnsafePointer<Scalar>, _ count: Int
  ) -> (shrink: Self, first: Self, mean: Self, scale: Self, ofGradient: Scalar) {
    var shrink: Scalar = 1
    while true {
      let factor = Self(repeating: shrink)
      let first = Self(repeating: count > 0 ? a[0] * shrink : 0)
      let mean = Self(repeating: sum(a, a, count) { a, _, sum in sum + (a * factor - first) } / Scalar(count))
      let squares = sum(a, a, count) { a, _, sum in
        let deviation = a * factor - first - mean
        return multiplyAdd(deviation, deviation, sum)
      }
      if squares < .infinity || shrink < 1 {
        let eps = shrink < 1 ? 0 : Scalar(normEpsilon)
        let scale = 1 / (squares / Scalar(count) + eps).squareRoot()
        return (factor, first, mean, Self(repeating: scale), shrink)
      }
      shrink = shrinking
    }
  }

  /// Computes the two numbers with which `a * shrink * scale` has the mean square 1, but for eps.
  @_alwaysEmitIntoClient @inline(__always)
  static func rootMeanSquare(_ a: UnsafePointer<Scalar>, _ count: Int) -> (shrink: Scalar, scale: Scalar) {
    var shrink: Scalar = 1
    while true {
      let factor = Self(repeating: shrink)
      let squares = sum(a, a, count) { a, _, sum in multiplyAdd(a * factor, a * factor, sum) }
      if shrink < 1 { return (shrink, 1 / (squares / Scalar(count)).squareRoot()) }
      if squares < .infinity { return (1, 1 / (squares / Scalar(count) + Scalar(normEpsilon)).squareRoot()) }
      shrink = shrinking
    }
  }

  @_alwaysEmitIntoClient @inline(__always)
  static func layerNorm(_ a: UnsafePointer<Scalar>, _ out: UnsafeMutablePointer<Scalar>, _ count: Int) {
    let own = moments(a, count)
    each(a, a, out, count) { a, _ in (a * own.shrink - own.first - own.mean) * own.scale }
  }

  @_alwaysEmitIntoClient @inline(__always)
  static func rmsNorm(_ a: UnsafePointer<Scalar>, _ out: UnsafeMutablePointer<Scalar>, _ count: Int) {
    let own = rootMeanSquare(a, count)
    let (shrink, factor) = (Self(repeating: own.shrink), Self(repeating: own.scale))
    each(a, a, out, count) { a, _ in a * shrink * factor }
  }

  @_alwaysEmitIntoClient @inline(__always)
  static func softmax(_ a: UnsafePointer<Scalar>, _ out: UnsafeMutablePointer<Scalar>, _ count: Int) {
    let largest = Self(repeating: maximum(Self.self, a, count))
    each(a, a, out, count) { a, _ in exp(a - largest) }
    let total = Self(repeating: sum(UnsafePointer(out), count))
    each(UnsafePointer(out), UnsafePointer(out), out, count) { a, _ in a / total }
  }

  /// With n = (a - mean) s: s (b - mean(b) - n mean(b n)).
  @_alwaysEmitIntoClient @inline(__always)
  static func layerNormGradient(
    _ a: UnsafePointer<Scalar>, _ b: UnsafePointer<Scalar>, _ out: UnsafeMutablePointer<Scalar>, _ count: Int
  ) {
    let own = moments(a, count)
    // Half of the shrinking on each side: neither b times the scale overflows, nor b times what shrinks it vanishes.
    let half = Self(repeating: own.ofGradient.squareRoot())
    var shrink: Scalar = 1
    while true {
      let (smaller, larger) = (Self(repeating: shrink), Self(repeating: 1 / shrink))
      let total = sum(b, b, count) { b, _, sum in sum + b * smaller }
      let dot = sum(a, b, count) { a, b, sum in
        multiplyAdd(b * smaller, (a * own.shrink - own.first - own.mean) * own.scale, sum)
      }
      if (total.magnitude < .infinity && dot.magnitude < .infinity) || shrink < 1 {
        let (average, share) = (Self(repeating: total / Scalar(count)), Self(repeating: dot / Scalar(count)))
        each(a, b, out, count) { a, b in
          let normalised = (a * own.shrink - own.first - own.mean) * own.scale
          return own.scale * ((b * smaller - average - normalised * share) * half) * half * larger
        }
        return
      }
      shrink = shrinking
    }
  }

  /// With n = a s: s (b - n mean(b n)).
  @_alwaysEmitIntoClient @inline(__always)
  static func rmsNormGradient(
    _ a: UnsafePointer<Scalar>, _ b: UnsafePointer<Scalar>, _ out: UnsafeMutablePointer<Scalar>, _ count: Int
  ) {
    let own = rootMeanSquare(a, count)
    let (shrink, factor) = (Self(repeating: own.shrink), Self(repeating: own.scale))
    let half = Self(repeating: own.shrink.squareRoot())
    var shrinkB: Scalar = 1
    while true {
      let (smaller, larger) = (Self(repeating: shrinkB), Self(repeating: 1 / shrinkB))
      let dot = sum(a, b, count) { a, b, sum in multiplyAdd(b * smaller, a * shrink * factor, sum) }
      if dot.magnitude < .infinity || shrinkB < 1 {
        let share = Self(repeating: dot / Scalar(count))
        each(a, b, out, count) { a, b in
          factor * ((b * smaller - a * shrink * factor * share) * half) * half * larger
        }
        return
      }
      shrinkB = shrinking
    }
  }

  /// From the result a: a (b - sum(a b)).
  @_alwaysEmitIntoClient @inline(__always)
  static func softmaxGradient(
    _ a: UnsafePointer<Scalar>, _ b: UnsafePointer<Scalar>, _ out: UnsafeMutablePointer<Scalar>, _ count: Int
  ) {
    let dot = Self(repeating: sum(a, b, count) { a, b, sum in multiplyAdd(a, b, sum) })
    each(a, b, out, count) { a, b in a * (b - dot) }
  }
}
