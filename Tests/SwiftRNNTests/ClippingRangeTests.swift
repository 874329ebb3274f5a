import Reference
import SwiftRNN
import Testing

/// Clipping where squares of gradients overflow or vanish. Serial, because the thread count is the process's.
@Suite(.serialized) struct ClippingRangeTests {
  /// - Parameter norm: nil: what the numbers come to in Double.
  private func expect<S: TrainingScalar>(
    _ tensors: [[S]], maxNorm: Double, norm: Double? = nil, clipped: [[S]],
    _ location: SourceLocation = #_sourceLocation
  ) throws {
    let norm = norm ?? TrainingReference.norm(tensors.map { doubles($0) })
    for found in try withThreadCounts({ try clip(tensors, maxNorm: maxNorm) }) {
      #expect(
        found.norm == norm || abs(found.norm - norm) <= 1e-12 * norm, "\(found.norm), expected \(norm)",
        sourceLocation: location)
      #expect(found.tensors.map(\.count) == clipped.map(\.count), sourceLocation: location)
      for (a, b) in zip(found.tensors.joined(), clipped.joined()) {
        #expect(abs(a - b) <= S(max(4 * S.unit, 1e-12)) * abs(b), "\(a), expected \(b)", sourceLocation: location)
      }
    }
  }

  @Test func squaresThatOverflow() throws {
    try expect([[3e154, 4e154]], maxNorm: 1, norm: 5e154, clipped: [[0.6, 0.8]])
    try expect([[3e307], [], [4e307]], maxNorm: 5, norm: 5e307, clipped: [[3], [], [4]])
    try expect(
      [[Double](repeating: -1e200, count: 10_000)], maxNorm: 1e100, norm: 1e202,
      clipped: [[Double](repeating: -1e98, count: 10_000)])
    // What is small beside it does not disturb.
    try expect([[3e200, 1e-300, 4e200, 7]], maxNorm: 5e200 / 2, norm: 5e200, clipped: [[1.5e200, 5e-301, 2e200, 3.5]])
    try expect([[3e19, 4e19] as [Float]], maxNorm: 1, clipped: [[0.6, 0.8]])
    try expect([[3e38, 0] as [Float]], maxNorm: 3e38 / 4, clipped: [[7.5e37, 0]])
  }

  @Test func squaresThatVanish() throws {
    try expect([[3e-200, 4e-200]], maxNorm: 1e-200, norm: 5e-200, clipped: [[0.6e-200, 0.8e-200]])
    try expect([[3e-200], [4e-200]], maxNorm: 1, norm: 5e-200, clipped: [[3e-200], [4e-200]])
    try expect([[3e-307, 4e-307]], maxNorm: 1e-307, norm: 5e-307, clipped: [[0.6e-307, 0.8e-307]])
    try expect(
      [[Double](repeating: 1e-160, count: 1_000_000)], maxNorm: 1e-158, norm: 1e-157,
      clipped: [[Double](repeating: 1e-161, count: 1_000_000)])
    try expect([[3e-30, -4e-30] as [Float]], maxNorm: 1e-30, clipped: [[0.6e-30, -0.8e-30]])
    try expect([[0.0, 0], []], maxNorm: 1, norm: 0, clipped: [[0, 0], []])
    try expect([[Float]](), maxNorm: 1, norm: 0, clipped: [])
  }

  /// The norm of two finite numbers may be above the largest Double.
  @Test func normsThatOverflow() throws {
    try expect([[1.5e308, 1.5e308]], maxNorm: 1, norm: .infinity, clipped: [[0.7071067811865476, 0.7071067811865476]])
    try expect([[1.5e308, 1.5e308]], maxNorm: .infinity, norm: .infinity, clipped: [[1.5e308, 1.5e308]])
  }

  /// `maxNorm / norm` may be too small for a number of the type, while what it makes of the gradients is not.
  @Test func factorsThatVanish() throws {
    try expect([[3e38, -2e38] as [Float]], maxNorm: 0.1, clipped: [[0.083205029, -0.055470020]])
    try expect([[3e300, 4e300]], maxNorm: 5e-300, norm: 5e300, clipped: [[3e-300, 4e-300]])
    try expect(
      [[1.5e308, 1.5e308]], maxNorm: 2e-300, norm: .infinity,
      clipped: [[2e-300 * 0.7071067811865476, 2e-300 * 0.7071067811865476]])
    try expect(
      [[Float](repeating: 3e38, count: 100_000)], maxNorm: 1e-30,
      clipped: [[Float](repeating: Float(1e-30 / 316.22776601683796), count: 100_000)])
  }

  @Test func whatIsNotFiniteStays() throws {
    for bad in [Double.nan, .infinity, -.infinity] {
      for other in [1, 1e200, 1e-200, 0] {
        let (tensors, norm) = try clip([[other, bad], [other]], maxNorm: 1)
        #expect(tensors[0][0] == other && tensors[1] == [other])
        #expect(bad.isNaN ? norm.isNaN : norm == .infinity)
      }
    }
  }

  /// Where nothing overflows or vanishes, the bits are those of the sum of squares as they are.
  @Test func plainSumsKeepTheirBits() throws {
    var random = SplitMix(40)
    let kernels = try Double.kernels(for: InstructionSet.current).training
    for scale in [1e-130, 1e-20, 1, 1e100, 1e150] {
      let x: [Double] = random.numbers(4096).map { $0 * scale }
      var sum = [0.0]
      kernels.sumsOfSquares(x, 4096, 1, &sum)
      #expect(try clip([x], maxNorm: .infinity).norm.bitPattern == sum[0].squareRoot().bitPattern)
    }
    // Powers of two of one vector have norms that differ by these powers, on both sides of the borders.
    let x: [Double] = random.numbers(1000)
    let norm = try clip([x], maxNorm: .infinity).norm
    for exponent in [-1000, -700, -520, -500, -460, -440, 0, 500, 505, 510, 600, 900] {
      let power = Double(sign: .plus, exponent: exponent, significand: 1)
      let found = try clip([x.map { $0 * power }], maxNorm: .infinity).norm
      #expect(abs(found / power - norm) <= 2 * 0x1p-53 * norm, "2^\(exponent)")
    }
  }

  @Test func theMeanOfLossesWhoseSumOverflows() throws {
    let logits = [Double](repeating: 0, count: 9).enumerated().map { $0.offset % 3 == 0 ? 0 : -1.5e308 }
    let (result, losses, _) = try crossEntropy(logits, classes: 3, targets: [1, 2, 1])
    #expect(losses == [1.5e308, 1.5e308, 1.5e308])
    #expect(abs(result.loss / 1.5e308 - 1) < 1e-15 && result.perplexity == .infinity)
  }
}
