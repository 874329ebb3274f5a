import CPrimitives
import Kernels
import Reference
import SwiftRNN

/// Float or Double, with what the tests of the kernels need of it.
protocol TestScalar: RNNScalar {
  init(bits: UInt64)
  var bits: UInt64 { get }
  static func exact(_ function: ElementaryFunction, _ x: Self) -> Exact
  /// The elementary kernels of the lanes of AVX-512 and of AVX2, for any machine.
  static var wide: ElementaryKernels<Self> { get }
  static var narrow: ElementaryKernels<Self> { get }
  /// All kernels of the lanes of AVX2 and of AVX-512, for any machine.
  static var renamed: [KernelTable<Self>] { get }
  /// Where the functions change their ways.
  static var borders: [Self] { get }
  static var sweep: Sweep<Self> { get }
}

extension Float: TestScalar {
  init(bits: UInt64) { self.init(bitPattern: UInt32(bits)) }
  var bits: UInt64 { UInt64(bitPattern) }
  static func exact(_ function: ElementaryFunction, _ x: Float) -> Exact { function.exact(x) }
  static let wide = RenamedTables.floats[1].elementary
  static let narrow = RenamedTables.floats[0].elementary
  static var renamed: [KernelTable<Float>] { RenamedTables.floats }
  static let borders: [Float] = [
    0, .leastNormalMagnitude, 1, expLow, expHigh, sigmoidLimit, tanhLimit, tanhSmall, log2e, 9.01, 16.63, 17.3, 24,
    0x1.6a09e6p-1, 0x1.6a09e6p+0, 0x1p23, 0x1p24, .greatestFiniteMagnitude,
  ]
  static let sweep = Sweep<Float>()
}

extension Double: TestScalar {
  init(bits: UInt64) { self.init(bitPattern: bits) }
  var bits: UInt64 { bitPattern }
  static func exact(_ function: ElementaryFunction, _ x: Double) -> Exact { function.exact(x) }
  static let wide = RenamedTables.doubles[1].elementary
  static let narrow = RenamedTables.doubles[0].elementary
  static var renamed: [KernelTable<Double>] { RenamedTables.doubles }
  static let borders: [Double] = [
    0, .leastNormalMagnitude, 1, expLow, expHigh, sigmoidLimit, tanhLimit, tanhSmall, log2e, 19.06, 36.74, 37.43, 53,
    0x1.6a09e667f3bcdp-1, 0x1.6a09e667f3bcdp+0, 0x1p52, 0x1p53, .greatestFiniteMagnitude,
  ]
  static let sweep = Sweep<Double>()
}

/// Arguments from everywhere, with the exact results of each function, computed once.
struct Sweep<Scalar: TestScalar>: Sendable {
  let x: [Scalar]
  private let results: [ElementaryFunction: [Exact?]]

  /// Nil where the logarithm is not a number or infinite.
  func exact(_ function: ElementaryFunction) -> [Exact?] { results[function] ?? [] }

  init() {
    var random = SplitMix(20_260)
    var x: [Scalar] = []
    let places = Scalar.significandBitCount
    let lowest = Int(Scalar.leastNormalMagnitude.exponent)
    let highest = Int(Scalar.greatestFiniteMagnitude.exponent)
    // Each exponent; more often those between 2^-30 and 2^10, where the functions are neither constant nor the
    // identity.
    for exponent in lowest...highest {
      for _ in 0..<((-30...10).contains(exponent) ? 3000 : 60) {
        let significand = 1 + Scalar(random.next() &>> UInt64(64 - places)) * Scalar.ulpOfOne
        x.append(
          Scalar(
            sign: random.next() & 1 == 0 ? .plus : .minus, exponent: Scalar.Exponent(exponent), significand: significand
          ))
      }
    }
    for range in [-1.0...1.0, -20...20, -100...100, -750...750] { x += random.numbers(40_000, range) }
    // The neighbours of every border, and of the borders between the steps of the reduction by ln 2.
    func neighbours(_ border: Scalar, _ count: UInt64) {
      let bits = abs(border).bits
      for candidate in (bits < count ? 0 : bits - count)...(bits + count) {
        let near = Scalar(bits: candidate)
        if near.isFinite { x += [near, -near] }
      }
    }
    for border in Scalar.borders { neighbours(border, 1000) }
    for step in 0...1100 {
      neighbours(Scalar((Double(step) + 0.5) * 0.693147180559945309), 4)
      neighbours(Scalar((Double(step) + 0.5) * 0.693147180559945309 / 2), 4)
    }
    self.x = x
    var results: [ElementaryFunction: [Exact?]] = [:]
    for function in ElementaryFunction.allCases {
      results[function] = x.map { x in
        if function == .log && x < Scalar.leastNormalMagnitude { return nil }
        return Scalar.exact(function, x.isSubnormal ? (x.sign == .minus ? -0.0 : 0) : x)
      }
    }
    self.results = results
  }
}

extension ElementaryKernels {
  subscript(_ function: ElementaryFunction) -> Map {
    switch function {
    case .exp: exp
    case .log: log
    case .sigmoid: sigmoid
    case .tanh: tanh
    }
  }
}

/// What `map` makes of `x`, with the floating-point control register as the library's entries set it.
func results<Scalar: TestScalar>(_ map: ElementaryKernels<Scalar>.Map, _ x: [Scalar]) -> [Scalar] {
  var out = [Scalar](repeating: .nan, count: x.count)
  let before = swiftrnn_float_control_enter()
  x.withUnsafeBufferPointer { x in
    out.withUnsafeMutableBufferPointer { out in
      if let source = x.baseAddress, let target = out.baseAddress { map(source, target, x.count) }
    }
  }
  swiftrnn_float_control_leave(before)
  return out
}
