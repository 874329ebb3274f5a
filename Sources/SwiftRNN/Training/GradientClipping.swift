// Gradients held to a length.
import Kernels

/// Clipping by the common norm of all gradients (Pascanu, Mikolov, Bengio, "On the difficulty of training recurrent
/// neural networks", 2013).
public enum GradientClipping {
  /// Scales all gradients by `maxNorm / norm` if their common 2-norm is larger than `maxNorm`. A norm that is not
  /// finite leaves them as they are.
  ///
  /// Squares are summed in Double, in chunks of 4096 numbers of each tensor; the bits do not depend on the thread
  /// count.
  ///
  /// - Parameter maxNorm: above 0; infinity to measure only.
  /// - Returns: the norm before.
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
      var next = sums.pointer
      for t in 0..<tensors {
        let g = UnsafeBufferPointer(gradient(t))
        guard let start = g.baseAddress else { continue }
        let first = next
        Shards(g.count, work: g.count / 2, multiple: chunkLength).run { range in
          kernels.sumsOfSquares(start + range.lowerBound, range.count, first + range.lowerBound / chunkLength)
        }
        next += chunkCount(g.count)
      }
      let norm = norm(ofSquares: sums.pointer, chunks)
      guard norm > maxNorm, norm < .infinity else { return norm }
      for t in 0..<tensors {
        let g = gradient(t)
        guard let start = g.baseAddress else { continue }
        Shards(g.count, work: g.count / 2, multiple: chunkLength).run { range in
          kernels.scale(start + range.lowerBound, range.count, maxNorm, norm)
        }
      }
      return norm
    }
  }

  private static func chunkCount(_ count: Int) -> Int { count / chunkLength + (count % chunkLength == 0 ? 0 : 1) }
}
