import Kernels
import Reference
import Testing

/// The operations of every type of lanes, each compiled into this module.
@Suite struct LanesTests {
  @Test func floats() {
    check(Renamed<FloatX4>.self)
    check(Renamed<FloatX8>.self)
    check(Renamed<FloatX16>.self)
  }

  @Test func doubles() {
    check(Renamed<DoubleX2>.self)
    check(Renamed<DoubleX4>.self)
    check(Renamed<DoubleX8>.self)
  }

  func check<V: Lanes>(_: V.Type) where V.Scalar: TestScalar {
    checkArithmetic(V.self)
    checkComparisons(V.self)
    checkExponents(V.self)
    checkPartialAccess(V.self)
  }

  /// All lanes of `f` over vectors of `x`, `y` and `z`, which have whole vectors.
  func lanes<V: Lanes>(
    _ x: [V.Scalar], _ y: [V.Scalar], _ z: [V.Scalar], _ f: (V, V, V) -> V
  ) -> [V.Scalar] where V.Scalar: TestScalar {
    var out = [V.Scalar](repeating: .nan, count: x.count)
    out.withUnsafeMutableBufferPointer { out in
      x.withUnsafeBufferPointer { x in
        y.withUnsafeBufferPointer { y in
          z.withUnsafeBufferPointer { z in
            guard let x = x.baseAddress, let y = y.baseAddress, let z = z.baseAddress, let out = out.baseAddress else {
              return
            }
            for i in stride(from: 0, to: self.count(V.self), by: V.count) {
              f(V.load(x + i), V.load(y + i), V.load(z + i)).store(out + i)
            }
          }
        }
      }
    }
    return out
  }

  func count<V: Lanes>(_: V.Type) -> Int { 32 * V.count }

  func arguments<V: Lanes>(_: V.Type) -> (x: [V.Scalar], y: [V.Scalar], z: [V.Scalar]) where V.Scalar: TestScalar {
    var random = SplitMix(3)
    var x: [V.Scalar] = random.numbers(count(V.self), -9...9)
    var y: [V.Scalar] = random.numbers(count(V.self), -9...9)
    let special: [V.Scalar] = [0, -0.0, .infinity, -.infinity, .nan, 1]
    for (i, pair) in special.flatMap({ a in special.map { (a, $0) } }).enumerated() {
      x[i] = pair.0
      y[i] = pair.1
    }
    return (x, y, random.numbers(count(V.self), -9...9))
  }

  func expectSame<Scalar: TestScalar>(
    _ a: [Scalar], _ b: [Scalar], _ what: Comment, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let wrong = a.indices.filter { a[$0].bits != b[$0].bits && !(a[$0].isNaN && b[$0].isNaN) }
    #expect(wrong.isEmpty && a.count == b.count, what, sourceLocation: sourceLocation)
  }

  func checkArithmetic<V: Lanes>(_: V.Type) where V.Scalar: TestScalar {
    typealias Scalar = V.Scalar
    let (x, y, z) = arguments(V.self)
    expectSame(lanes(x, y, z) { (a: V, b, _) in a + b }, zip(x, y).map { $0 + $1 }, "+")
    expectSame(lanes(x, y, z) { (a: V, b, _) in a - b }, zip(x, y).map { $0 - $1 }, "-")
    expectSame(lanes(x, y, z) { (a: V, b, _) in a * b }, zip(x, y).map { $0 * $1 }, "*")
    expectSame(lanes(x, y, z) { (a: V, b, _) in a / b }, zip(x, y).map { $0 / $1 }, "/")
    expectSame(lanes(x, y, z) { (a: V, _, _) in -a }, x.map { -$0 }, "negation")
    expectSame(lanes(x, y, z) { (a: V, _, _) in a.squareRoot() }, x.map { $0.squareRoot() }, "square root")
    expectSame(lanes(x, y, z) { (_: V, _, _) in V.one }, x.map { _ in 1 }, "one")
    expectSame(lanes(x, y, z) { (_: V, _, _) in V.zero }, x.map { _ in 0 }, "zero")
    #if arch(x86_64)
      let fused = V.self != Renamed<FloatX4>.self && V.self != Renamed<DoubleX2>.self
    #else
      let fused = true
    #endif
    let sums = (0..<x.count).map { fused ? z[$0].addingProduct(x[$0], y[$0]) : x[$0] * y[$0] + z[$0] }
    expectSame(lanes(x, y, z) { (a: V, b, c) in V.multiplyAdd(a, b, c) }, sums, "multiply-add")
    let signs = zip(x, y).map { Scalar(signOf: $1, magnitudeOf: $0) }
    expectSame(lanes(x, y, z) { (a: V, b, _) in a.sign(from: b) }, signs, "sign")
  }

  func checkComparisons<V: Lanes>(_: V.Type) where V.Scalar: TestScalar {
    typealias Scalar = V.Scalar
    let (x, y, z) = arguments(V.self)
    expectSame(
      lanes(x, y, z) { (a: V, b, c) in V.select(V.less(a, b), a, c) },
      x.indices.map { x[$0] < y[$0] ? x[$0] : z[$0] }, "less, select")
    expectSame(
      lanes(x, y, z) { (a: V, b, c) in V.select(V.equal(a, b), a, c) },
      x.indices.map { x[$0] == y[$0] ? x[$0] : z[$0] }, "equal, select")
    expectSame(lanes(x, y, z) { (a: V, b, _) in V.max(a, b) }, zip(x, y).map { $0 > $1 ? $0 : $1 }, "max")
    expectSame(lanes(x, y, z) { (a: V, b, _) in V.min(a, b) }, zip(x, y).map { $0 < $1 ? $0 : $1 }, "min")
    expectSame(
      lanes(x, y, z) { (a: V, _, _) in a.clamped(-2, 3) },
      x.map { $0.isNaN ? $0 : Swift.min(Swift.max($0, -2), 3) }, "clamped")
  }

  func checkExponents<V: Lanes>(_: V.Type) where V.Scalar: TestScalar {
    typealias Scalar = V.Scalar
    let (x, _, _) = arguments(V.self)
    let lowest = Int(Scalar.leastNormalMagnitude.exponent)
    let highest = Int(Scalar.greatestFiniteMagnitude.exponent)
    var random = SplitMix(5)
    let steps = random.integers(x.count, lowest..<highest + 1)
    let powers = steps.map { Scalar(sign: .plus, exponent: Scalar.Exponent($0), significand: 1) }

    let biased = steps.map { Scalar.biasedRounding + Scalar($0) }
    expectSame(lanes(biased, x, x) { (a: V, _, _) in V.powerOfTwo(biased: a) }, powers, "power of two")
    let under = [Scalar](repeating: Scalar.biasedRounding + Scalar(lowest - 1), count: x.count)
    expectSame(lanes(under, x, x) { (a: V, _, _) in V.powerOfTwo(biased: a) }, x.map { _ in 0 }, "2^n under the normal")

    let sums = steps.map { Scalar.rounding + Scalar($0) }
    let significands = x.map { 1 + ($0.isFinite ? abs($0) / 16 : 0) }
    expectSame(
      lanes(significands, sums, x) { (a: V, b, _) in a.addingToExponent(roundedBy: b) },
      zip(significands, powers).map { $0 * $1 }, "added to the exponent")

    let numbers = zip(significands, powers).map { $0 * $1 }
    let exponents = lanes(numbers, x, x) { (a: V, _, _) in a.exponentAndSignificand().exponent }
    let parts = lanes(numbers, x, x) { (a: V, _, _) in a.exponentAndSignificand().significand }
    let root = Scalar(0.5).squareRoot()
    for i in numbers.indices {
      let whole = numbers[i].significand >= 2 * root
      #expect(exponents[i] == Scalar(numbers[i].exponent) + (whole ? 1 : 0), "\(numbers[i])")
      #expect(parts[i] == numbers[i].significand / (whole ? 2 : 1), "\(numbers[i])")
    }
  }

  func checkPartialAccess<V: Lanes>(_: V.Type) where V.Scalar: TestScalar {
    let source = (0..<V.count + 2).map { V.Scalar($0 + 1) }
    for n in 0...V.count + 1 {
      var out = [V.Scalar](repeating: -1, count: V.count + 2)
      var all = out
      source.withUnsafeBufferPointer { p in
        guard let p = p.baseAddress else { return }
        out.withUnsafeMutableBufferPointer { out in
          if let out = out.baseAddress { V.load(p).store(out, first: n) }
        }
        all.withUnsafeMutableBufferPointer { all in
          if let all = all.baseAddress { V.load(p, first: n).store(all) }
        }
      }
      #expect(out == source.indices.map { $0 < Swift.min(n, V.count) ? source[$0] : -1 }, "store, first \(n)")
      #expect(all == source.indices.map { $0 >= V.count ? -1 : $0 < n ? source[$0] : 0 }, "load, first \(n)")
    }
  }
}
