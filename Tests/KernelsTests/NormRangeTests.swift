import CPrimitives
import Kernels
import Reference
import SwiftRNN
import Testing

/// Norms, means and their gradients of rows whose sums or squares leave the range of their type, against the same rows
/// divided by a power of two in Double, where nothing overflows: without eps, which is nothing beside such squares.
@Suite struct NormRangeTests {
  private static let widths = [1, 2, 3, 7, 16, 33, 64, 65, 131]

  private func run<S: RNNScalar>(
    _ kernels: KernelTable<S>, _ opcode: VectorOpcode, _ a: [S], _ b: [S] = []
  ) -> [S] {
    let padded = (a.count + 15) / 16 * 16
    var memory = [S](repeating: 0, count: 3 * padded)
    for i in a.indices { memory[i] = a[i] }
    for i in b.indices { memory[padded + i] = b[i] }
    let before = swiftrnn_float_control_enter()
    defer { swiftrnn_float_control_leave(before) }
    memory.withUnsafeMutableBufferPointer { memory in
      guard let start = memory.baseAddress else { return }
      let table = (0..<3).map { VectorRows<S>(start + $0 * padded, stride: padded) }
      let instructions = [
        VectorInstruction<S>(
          opcode, width: a.count, out: VectorOperand(place: 2), VectorOperand(place: 0), VectorOperand(place: 1))
      ]
      instructions.withUnsafeBufferPointer { instructions in
        table.withUnsafeBufferPointer { table in
          guard let first = instructions.baseAddress, let places = table.baseAddress else { return }
          var program = VectorProgram(first, count: 1, table: places, rows: 1)
          kernels.vector.run(&program)
        }
      }
    }
    return Array(memory[2 * padded..<2 * padded + (opcode == .mean ? 1 : a.count)])
  }

  /// Of numbers around 1, without eps.
  private func normed(_ x: [Double], centered: Bool) -> (normed: [Double], deviation: Double) {
    let mean = centered ? x.reduce(0, +) / Double(x.count) : 0
    let deviation = (x.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(x.count)).squareRoot()
    return (x.map { ($0 - mean) / deviation }, deviation)
  }

  private func check<S: RNNScalar>(_ kernels: KernelTable<S>, _ scales: [S], tolerance: Double) {
    var random = SplitMix(60)
    for scale in scales {
      for width in Self.widths {
        let unit: [Double] = random.numbers(width, 0.25...1).enumerated().map {
          $0.offset % 2 == 0 ? $0.element : -$0.element
        }
        let slope: [Double] = random.numbers(width)
        let a = unit.map { S($0) * scale }
        let exact = a.map { Double($0 / scale) }
        let b = slope.map { S($0) * scale.squareRoot() }
        for centered in [true, false] where width > 1 || !centered {
          let (expected, deviation) = normed(exact, centered: centered)
          let found = run(kernels, centered ? .layerNorm : .rmsNorm, a)
          for i in 0..<width {
            #expect(abs(Double(found[i]) - expected[i]) <= tolerance, "\(centered), \(scale), \(width): \(found[i])")
          }
          let mean = slope.reduce(0, +) / Double(width)
          let share = zip(slope, expected).reduce(0) { $0 + $1.0 * $1.1 } / Double(width)
          let gradient = run(kernels, centered ? .layerNormGradient : .rmsNormGradient, a, b)
          for i in 0..<width {
            let right = (slope[i] - (centered ? mean : 0) - expected[i] * share) / deviation
            let unscaled = Double(gradient[i] * scale.squareRoot())
            #expect(abs(unscaled - right) <= 8 * tolerance, "gradient, \(centered), \(scale), \(width): \(unscaled)")
          }
        }
      }
    }
  }

  @Test(arguments: InstructionSet.supported)
  func floats(_ set: InstructionSet) {
    check(Float.kernels(for: set), [0x1p20, 0x1p60, 0x1p64, 0x1p70, 0x1p100, 0x1p127], tolerance: 4e-6)
  }

  @Test(arguments: InstructionSet.supported)
  func doubles(_ set: InstructionSet) {
    check(Double.kernels(for: set), [0x1p100, 0x1p508, 0x1p512, 0x1p664, 0x1p900, 0x1p1023], tolerance: 1e-14)
  }

  /// Numbers that are equal become zeros, however large they are; near each other, they keep the digits of their distances.
  private func offsets<S: RNNScalar>(_ kernels: KernelTable<S>, _ offsets: [S], tolerance: Double) {
    var random = SplitMix(61)
    let ulps = Double(S(1).ulp)
    for offset in offsets {
      for width in Self.widths where width > 1 {
        let equal = [S](repeating: offset, count: width)
        let slope: [Double] = random.numbers(width)
        #expect(run(kernels, .layerNorm, equal).allSatisfy { $0 == 0 }, "\(offset), \(width)")
        let mean = slope.reduce(0) { $0 + Double(S($1)) } / Double(width)
        let root = (1 / 1e-5).squareRoot()
        for (own, slope) in zip(run(kernels, .layerNormGradient, equal, slope.map { S($0) }), slope) {
          #expect(abs(Double(own) - (Double(S(slope)) - mean) * root) <= 64 * ulps * root, "\(offset), \(width)")
        }
        // Some units of the last digit apart: distances that are exact.
        let spread = max(Double(offset.ulp), 1) * 64
        let near = slope.map { S(Double(offset) + ($0 * spread / Double(offset.ulp)).rounded() * Double(offset.ulp)) }
        let distances = near.map { Double($0 - offset) }
        let (expected, deviation) = normed(distances, centered: true)
        let shrunk = deviation / (deviation * deviation + 1e-5).squareRoot()
        for (own, expected) in zip(run(kernels, .layerNorm, near), expected) {
          #expect(abs(Double(own) - expected * shrunk) <= tolerance, "\(offset), \(width): \(own)")
        }
      }
    }
  }

  @Test(arguments: InstructionSet.supported)
  func offsetsOfFloats(_ set: InstructionSet) {
    offsets(Float.kernels(for: set), [1, -3333.33, 33333.3, 142857, 3.33e9, -1e20, 1e30], tolerance: 4e-6)
  }

  @Test(arguments: InstructionSet.supported)
  func offsetsOfDoubles(_ set: InstructionSet) {
    offsets(Double.kernels(for: set), [1, -3333.33, 142857.1, 3.33e19, 1.1e100, -1e150], tolerance: 1e-14)
  }

  /// Slopes whose sums overflow, where the gradient does not.
  private func largeSlopes<S: RNNScalar>(_ kernels: KernelTable<S>, _ size: S, _ slope: S, tolerance: Double) {
    for width in Self.widths where width > 1 {
      let a = (0..<width).map { ($0 % 2 == 0 ? size : -size) * S(1 + $0 % 5) }
      let b = a.map { $0 > 0 ? slope : -slope }
      let exact = a.map { Double($0 / size) }
      for centered in [true, false] {
        let (expected, deviation) = normed(exact, centered: centered)
        let unit = b.map { Double($0 / slope) }
        let mean = centered ? unit.reduce(0, +) / Double(width) : 0
        let share = zip(unit, expected).reduce(0) { $0 + $1.0 * $1.1 } / Double(width)
        let gradient = run(kernels, centered ? .layerNormGradient : .rmsNormGradient, a, b)
        for i in 0..<width {
          let right = (unit[i] - mean - expected[i] * share) / deviation
          #expect(abs(Double(gradient[i] / slope * size) - right) <= tolerance, "\(centered), \(width): \(gradient[i])")
        }
      }
    }
  }

  @Test(arguments: InstructionSet.supported)
  func slopesThatAreLarge(_ set: InstructionSet) {
    largeSlopes(Float.kernels(for: set), 1e9, 1e38, tolerance: 4e-5)
    largeSlopes(Double.kernels(for: set), 1e100, 1e307, tolerance: 1e-13)
  }

  private func edges<S: RNNScalar>(_ kernels: KernelTable<S>, tiny: S, tolerance: S) {
    let large = S.greatestFiniteMagnitude
    for width in Self.widths {
      // Numbers that are equal have no variance, even where their sum overflows.
      let equal = [S](repeating: large / 2, count: width)
      #expect(run(kernels, .layerNorm, equal).allSatisfy { $0 == 0 })
      #expect(run(kernels, .mean, equal).allSatisfy { abs($0 / (large / 2) - 1) <= tolerance }, "mean of \(width)")
      #expect(run(kernels, .rmsNorm, equal).allSatisfy { abs($0 - 1) <= tolerance })
      // Beside eps the squares of small numbers are nothing, vanish they or not.
      let small = (0..<width).map { tiny * S($0 % 3 - 1) }
      let root = S(316.22776601683796)
      for (a, b) in zip(run(kernels, .rmsNorm, small), small) {
        #expect(abs(a - b * root) <= tolerance * abs(b * root))
      }
      #expect(run(kernels, .rmsNorm, [S](repeating: 0, count: width)).allSatisfy { $0 == 0 })
      // What is not finite stays what it was.
      for bad in [S.nan, .infinity] {
        var row = [S](repeating: 1, count: width)
        row[width / 2] = bad
        #expect(run(kernels, .layerNorm, row).allSatisfy { $0.isNaN })
        #expect(run(kernels, .rmsNorm, row)[width / 2].isNaN)
      }
    }
  }

  @Test(arguments: InstructionSet.supported)
  func edges(_ set: InstructionSet) {
    edges(Float.kernels(for: set), tiny: 1e-30, tolerance: 1e-6)
    edges(Double.kernels(for: set), tiny: 1e-200, tolerance: 1e-14)
  }
}
