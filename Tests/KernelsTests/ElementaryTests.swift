import CPrimitives
import Kernels
import Reference
import SwiftRNN
import Testing

/// exp, log, sigmoid and tanh on every instruction set of the machine, in Float and Double.
@Suite struct ElementaryTests {
  @Test(arguments: InstructionSet.supported, ElementaryFunction.allCases)
  func floatWithinTwoUlp(_ set: InstructionSet, _ function: ElementaryFunction) {
    checkAccuracy(Float.kernels(for: set).elementary[function], function)
  }

  @Test(arguments: InstructionSet.supported, ElementaryFunction.allCases)
  func doubleWithinTwoUlp(_ set: InstructionSet, _ function: ElementaryFunction) {
    checkAccuracy(Double.kernels(for: set).elementary[function], function)
  }

  func checkAccuracy<Scalar: TestScalar>(_ map: ElementaryKernels<Scalar>.Map, _ function: ElementaryFunction) {
    let x = Scalar.sweep.x
    #expect(x.count > 200_000)
    var worst = (ulps: 0.0, x: Scalar.zero, y: Scalar.zero)
    for ((x, y), exact) in zip(zip(x, results(map, x)), Scalar.sweep.exact(function)) {
      let ulps: Double
      if let exact {
        ulps = exact.ulps(of: y)
      } else {  // the logarithm of a subnormal number, which counts as zero, or of a negative one
        ulps = x <= -Scalar.leastNormalMagnitude ? (y.isNaN ? 0 : .infinity) : (y == -.infinity ? 0 : .infinity)
      }
      if ulps > worst.ulps { worst = (ulps, x, y) }
    }
    #expect(worst.ulps <= 2, "\(worst)")
    #expect(worst.ulps > 0.5, "an error below every rounding: \(worst)")
  }

  @Test(arguments: InstructionSet.supported)
  func specialValues(_ set: InstructionSet) {
    checkSpecialValues(Float.kernels(for: set).elementary)
    checkSpecialValues(Double.kernels(for: set).elementary)
  }

  func checkSpecialValues<Scalar: TestScalar>(_ kernels: ElementaryKernels<Scalar>) {
    func value(_ function: ElementaryFunction, _ x: Scalar) -> Scalar { results(kernels[function], [x])[0] }
    let infinity = Scalar.infinity
    let tiny = Scalar.leastNonzeroMagnitude
    let cases: [(ElementaryFunction, Scalar, Scalar)] = [
      (.exp, 0, 1), (.exp, -0.0, 1), (.exp, infinity, infinity), (.exp, -infinity, 0), (.exp, tiny, 1),
      (.exp, .greatestFiniteMagnitude, infinity), (.exp, -.greatestFiniteMagnitude, 0),
      (.exp, Scalar.expLow.nextDown, 0), (.exp, Scalar.expHigh, infinity),
      (.log, 1, 0), (.log, 0, -infinity), (.log, -0.0, -infinity), (.log, tiny, -infinity), (.log, -tiny, -infinity),
      (.log, infinity, infinity),
      (.sigmoid, 0, 0.5), (.sigmoid, -0.0, 0.5), (.sigmoid, infinity, 1), (.sigmoid, -infinity, 0),
      (.sigmoid, .greatestFiniteMagnitude, 1), (.sigmoid, -.greatestFiniteMagnitude, 0),
      (.sigmoid, -Scalar.sigmoidLimit, 0),
      (.tanh, 0, 0), (.tanh, -0.0, -0.0), (.tanh, tiny, 0), (.tanh, -tiny, -0.0), (.tanh, infinity, 1),
      (.tanh, -infinity, -1), (.tanh, .greatestFiniteMagnitude, 1), (.tanh, -.greatestFiniteMagnitude, -1),
      (.tanh, .leastNormalMagnitude, .leastNormalMagnitude),
    ]
    for (function, x, expected) in cases {
      let y = value(function, x)
      #expect(y.bits == expected.bits, "\(function)(\(x)) = \(y)")
    }
    #expect(value(.exp, Scalar.expLow) >= .leastNormalMagnitude)
    #expect(value(.exp, Scalar.expHigh.nextDown).isFinite)
    // Every NaN, whatever its payload: it must not meet the arithmetic on exponents.
    let payload = Scalar(bits: Scalar.nan.bits | 0x1ff)
    for x in [Scalar.nan, -Scalar.nan, payload, -payload, Scalar(bits: Scalar.nan.bits | 1)] {
      for function in ElementaryFunction.allCases { #expect(value(function, x).isNaN, "\(function)(\(x))") }
    }
    for x in [-Scalar.leastNormalMagnitude, -1, -infinity] { #expect(value(.log, x).isNaN, "log(\(x))") }
  }

  @Test(arguments: InstructionSet.supported)
  func squareRoot(_ set: InstructionSet) {
    checkSquareRoot(Float.kernels(for: set).elementary)
    checkSquareRoot(Double.kernels(for: set).elementary)
  }

  func checkSquareRoot<Scalar: TestScalar>(_ kernels: ElementaryKernels<Scalar>) {
    let x = Scalar.sweep.x.map { abs($0) }
    let wrong = zip(x, results(kernels.squareRoot, x)).filter { x, y in
      y.bits != (x.isSubnormal ? 0 : x.squareRoot()).bits
    }
    #expect(wrong.isEmpty, "\(wrong.prefix(3))")
  }

  /// AVX2 and AVX-512 give the same bits: their types of lanes do, and the modules give what their types give.
  @Test(arguments: ElementaryFunction.allCases)
  func sameBitsForAllFusedWidths(_ function: ElementaryFunction) {
    checkWidths(Float.self, function)
    checkWidths(Double.self, function)
  }

  func checkWidths<Scalar: TestScalar>(_: Scalar.Type, _ function: ElementaryFunction) {
    let x = Scalar.sweep.x
    let expected = results(Scalar.wide[function], x)
    var others = [results(Scalar.narrow[function], x)]
    for set in InstructionSet.supported where set != .baseline {
      others.append(results(Scalar.kernels(for: set).elementary[function], x))
    }
    for other in others {
      let wrong = x.indices.filter { other[$0].bits != expected[$0].bits && !(other[$0].isNaN && expected[$0].isNaN) }
      #expect(wrong.isEmpty, "\(wrong.count), first at \(wrong.first.map { x[$0] } ?? 0)")
    }
  }
}
