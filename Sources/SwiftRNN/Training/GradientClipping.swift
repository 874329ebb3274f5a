// Gradients held to a length, or each number to a range.
import Kernels

/// Clipping by the common norm of all gradients (Pascanu, Mikolov, Bengio, "On the difficulty of training recurrent
/// neural networks", 2013).
public enum GradientClipping {
  /// Scales all gradients by `maxNorm / norm` if their common 2-norm is larger than `maxNorm`. A gradient that is NaN
  /// or infinite leaves all as they are.
  ///
  /// Squares are summed in Double, in chunks of 4096 numbers of each tensor; the bits do not depend on the thread
  /// count. Where squares overflow or vanish, they are those of all numbers times a power of two (`EuclideanNorm`).
  ///
  /// - Parameters:
  ///   - gradients: the gradients of all parameters; they overlap nothing.
  ///   - maxNorm: above 0; infinity to measure only.
  /// - Returns: the norm before; infinity where it is above the largest Double, which clips nevertheless.
  /// - Throws: ``RNNError``; nothing is written then.
  @discardableResult
  public static func clip<Scalar: RNNScalar>(
    _ gradients: [UnsafeMutableBufferPointer<Scalar>], maxNorm: Double
  ) throws(RNNError) -> Double {
    try clip(tensors: gradients.count, maxNorm: maxNorm) { gradients[$0] }
  }

  /// The same for tensors that `gradient` gives by index in `0 ..< tensors`.
  @discardableResult
  @_specialize(exported:true,where Scalar == Float)
  @_specialize(exported:true,where Scalar == Double)
  public static func clip<Scalar: RNNScalar>(
    tensors: Int, maxNorm: Double, gradient: (Int) -> UnsafeMutableBufferPointer<Scalar>
  ) throws(RNNError) -> Double {
    guard maxNorm > 0 else { throw .invalidNumber("max_norm", maxNorm, allowed: "above 0") }
    try Check.size("tensor_count", tensors)
    let kernels = try Scalar.kernels.training
    var chunks = 0
    for t in 0..<tensors { chunks = try Size.sum(chunks, chunkCount(gradient(t).count), of: "gradients") }
    let sums = try Block<Double>(count: chunks)
    return withFloatControl {
      /// Calls `body` with each part of each tensor, and where its first chunk's sum goes.
      func each(
        _ body: (_ part: UnsafeMutablePointer<Scalar>, _ count: Int, _ sums: UnsafeMutablePointer<Double>) -> Void
      ) {
        var next = sums.pointer
        for t in 0..<tensors {
          let g = gradient(t)
          guard let start = g.baseAddress else { continue }
          let first = next
          Shards(g.count, work: g.count / 2, multiple: chunkLength).run { range in
            body(start + range.lowerBound, range.count, first + range.lowerBound / chunkLength)
          }
          next += chunkCount(g.count)
        }
      }
      func norm(exponent: Int) -> EuclideanNorm {
        let factor = EuclideanNorm.factor(exponent: exponent)
        each { part, count, sums in kernels.sumsOfSquares(part, count, factor, sums) }
        return EuclideanNorm(squares: sums.pointer, chunks, exponent: exponent)
      }
      var found = norm(exponent: 0)
      if let better = found.better { found = norm(exponent: better) }
      guard found.isAbove(maxNorm) else { return found.value }
      let scaling = found.scaling(to: maxNorm, leastExponent: Int(Scalar.leastNormalMagnitude.exponent))
      let (shrinking, factor) = (Scalar(EuclideanNorm.factor(exponent: scaling.shift)), Scalar(scaling.factor))
      each { part, count, _ in
        for _ in 0..<scaling.steps { kernels.scale(part, count, shrinking) }
        kernels.scale(part, count, factor)
      }
      return found.value
    }
  }

  /// Limits each number to `-limit ... limit`; NaN stays NaN. Any cut of the gradients gives the same bits.
  ///
  /// - Parameters:
  ///   - gradients: the gradients of all parameters; they overlap nothing.
  ///   - limit: above 0.
  /// - Throws: ``RNNError``; nothing is written then.
  public static func clip<Scalar: RNNScalar>(
    _ gradients: [UnsafeMutableBufferPointer<Scalar>], values limit: Double
  ) throws(RNNError) {
    try clip(tensors: gradients.count, values: limit) { gradients[$0] }
  }

  /// The same for tensors that `gradient` gives by index in `0 ..< tensors`.
  @_specialize(exported:true,where Scalar == Float)
  @_specialize(exported:true,where Scalar == Double)
  public static func clip<Scalar: RNNScalar>(
    tensors: Int, values limit: Double, gradient: (Int) -> UnsafeMutableBufferPointer<Scalar>
  ) throws(RNNError) {
    guard limit > 0 else { throw .invalidNumber("limit", limit, allowed: "above 0") }
    try Check.size("tensor_count", tensors)
    let kernels = try Scalar.kernels.training
    withFloatControl {
      let limit = Scalar(limit)
      for t in 0..<tensors {
        let g = gradient(t)
        guard let start = g.baseAddress else { continue }
        Shards(g.count, work: g.count / 2, multiple: chunkLength).run { range in
          kernels.clamp(start + range.lowerBound, range.count, limit)
        }
      }
    }
  }
}
