// The spectral radius of a matrix: how fast what is multiplied by the matrix again and again grows or falls.
@_spi(Door) import SwiftRNN

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The largest absolute value of a matrix's eigenvalues, real or complex.
public enum SpectralRadius {
  private static let squarings = 32

  /// Gelfand's formula, ρ(A) = lim ‖A^k‖^(1/k) (Gelfand 1941), along k = 1, 2, 4, … 2^32: the matrix is squared again and
  /// again, and scaled to Frobenius norm 1 after each squaring. A pair of complex eigenvalues, on which a power iteration
  /// turns round and round, is no special case.
  ///
  /// Computes in Double. ‖A^k‖^(1/k) is off by the factor c^(1/k), where c is the condition of the eigenvectors: what is left after
  /// 32 squarings is the rounding of the first of them, about 1e-15 (‖A‖ / ρ)². A matrix whose powers become zero has the
  /// radius 0. Work: 32 products of the matrix with itself, by the library's kernels; memory: three such matrices.
  ///
  /// - Parameters:
  ///   - matrix: `[size, size]`, row after row.
  ///   - size: rows and columns, 0 or more.
  /// - Returns: 0 for a size of 0; NaN for a matrix with NaN or infinity.
  /// - Throws: `RNNError/countMismatch(_:_:expected:)`, `RNNError/overflow(_:)`, `RNNError/outOfMemory(bytes:)`
  @_specialize(where Scalar == Float)
  @_specialize(where Scalar == Double)
  public static func of<Scalar: RNNScalar>(
    _ matrix: UnsafeBufferPointer<Scalar>, size: Int
  ) throws(RNNError) -> Double {
    let control = FloatControl()
    defer { control.leave() }
    guard size >= 0 else { throw .invalidSize("size", size, low: 0, high: .max) }
    let count = try Sizes.product(size, size, name: "the matrix")
    guard matrix.count == count else { throw .countMismatch("matrix", matrix.count, expected: count) }
    if count == 0 { return 0 }
    let (first, second, transposed) = (Buffer<Double>(), Buffer<Double>(), Buffer<Double>())
    defer { withExtendedLifetime((first, second, transposed)) {} }
    var (power, next) = (try first.take(count), try second.take(count))
    let columns = try transposed.take(count)
    for i in 0..<count { power[i] = Double(matrix[i]) }
    // log ‖A^k‖ = k * logarithm.
    var logarithm = 0.0
    var share = 1.0
    for squaring in 0...squarings {
      let norm = scale(power)
      if norm.isNaN || norm == .infinity { return .nan }
      if norm == 0 { return 0 }
      logarithm += log(norm) * share
      if squaring == squarings { break }
      for row in 0..<size {
        for column in 0..<size { columns[column * size + row] = power[row * size + column] }
      }
      try Linear.forward(
        rows: size, inputs: size, outputs: size, x: power.constant, weight: columns.constant, bias: nil, y: next)
      swap(&power, &next)
      share /= 2
    }
    return exp(logarithm)
  }

  /// Divides a matrix by its Frobenius norm.
  ///
  /// - Returns: the norm.
  private static func scale(_ matrix: UnsafeMutableBufferPointer<Double>) -> Double {
    var largest = 0.0
    for number in matrix {
      if !number.isFinite { return .nan }
      largest = max(largest, abs(number))
    }
    if largest == 0 { return 0 }
    var sum = 0.0
    for number in matrix { sum += number / largest * (number / largest) }
    let norm = largest * sum.squareRoot()
    if norm == .infinity { return norm }
    // Divide by the largest number first: the norm's reciprocal may not be finite.
    let root = sum.squareRoot()
    for i in matrix.indices { matrix[i] = matrix[i] / largest / root }
    return norm
  }
}
