import SwiftRNN
import Testing

@testable import SwiftRNNModels

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

@Suite struct SpectralRadiusTests {
  private func radius(_ matrix: [Double], _ size: Int) throws -> Double {
    try matrix.withUnsafeBufferPointer { try SpectralRadius.of($0, size: size) }
  }

  @Test func knownMatrices() throws {
    #expect(try radius([], 0) == 0)
    #expect(try abs(radius([-3], 1) - 3) < 1e-8)
    // Real eigenvalues 5 and -2; a double one with a single eigenvector.
    #expect(try abs(radius([1, 3, 4, 2], 2) - 5) < 1e-7)
    #expect(try abs(radius([0.5, 1, 0, 0.5], 2) - 0.5) < 1e-7)
    // Opposite eigenvalues, on which a power iteration goes to and fro.
    #expect(try abs(radius([0, 2, 2, 0], 2) - 2) < 1e-8)
    // A rotation: eigenvalues 0.9 e^(±0.7i).
    #expect(try abs(radius([0.9 * cos(0.7), -0.9 * sin(0.7), 0.9 * sin(0.7), 0.9 * cos(0.7)], 2) - 0.9) < 1e-8)
    // Powers that become zero, and numbers at the ends of the range.
    #expect(try radius([0, 1, 5, 0, 0, 2, 0, 0, 0], 3) == 0)
    #expect(try radius([0, 0, 0, 0], 2) == 0)
    #expect(try abs(radius([1e300, 0, 0, 1e299], 2) / 1e300 - 1) < 1e-7)
    #expect(try abs(radius([1e-300, 0, 0, 1e-301], 2) / 1e-300 - 1) < 1e-7)
  }

  /// S D S^-1 with eigenvalues of our choice, some of them complex.
  @Test(arguments: [3, 8, 17, 40])
  func similarMatrices(size: Int) throws {
    var random = Random(state: UInt64(size))
    var matrix = [Double](repeating: 0, count: size * size)
    var largest = 0.0
    var i = 0
    while i < size {
      let (a, b) = (random.number(), i + 1 < size && i % 3 == 0 ? random.number() : 0)
      matrix[i * size + i] = a
      if b != 0 {
        matrix[i * size + i + 1] = -b
        matrix[(i + 1) * size + i] = b
        matrix[(i + 1) * size + i + 1] = a
      }
      largest = max(largest, (a * a + b * b).squareRoot())
      i += b != 0 ? 2 : 1
    }
    // Shears, each with its inverse on the other side.
    for _ in 0..<3 * size {
      let (from, to, factor) = (random.int(size), random.int(size), 0.5 * random.number())
      if from == to { continue }
      for column in 0..<size { matrix[to * size + column] += factor * matrix[from * size + column] }
      for row in 0..<size { matrix[row * size + from] -= factor * matrix[row * size + to] }
    }
    #expect(try abs(radius(matrix, size) / largest - 1) < 1e-6)
  }

  @Test func whatIsRefused() throws {
    #expect(throws: RNNError.self) { try radius([1, 2, 3], 2) }
    #expect(throws: RNNError.self) { try radius([1], -1) }
    #expect(throws: RNNError.self) { try radius([], .max) }
    #expect(try radius([1, .nan, 0, 1], 2).isNaN)
    #expect(try radius([1, .infinity, 0, 1], 2).isNaN)
  }
}
