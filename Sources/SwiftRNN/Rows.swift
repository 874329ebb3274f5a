// Rows: where the feature vectors of steps and sequences lie in a caller's or our own memory.
import Kernels

/// A `[steps, sequences, features]` array whose rows of features are dense, at any strides.
public struct Rows<Scalar: RNNScalar>: BitwiseCopyable, @unchecked Sendable {
  public var base: UnsafeMutablePointer<Scalar>
  /// Elements from one step to the next, and from one sequence to the next.
  public var stepStride: Int
  public var sequenceStride: Int

  @inlinable
  public init(_ base: UnsafeMutablePointer<Scalar>, stepStride: Int, sequenceStride: Int) {
    self.base = base
    self.stepStride = stepStride
    self.sequenceStride = sequenceStride
  }

  /// Dense `[steps, sequences, width]`.
  @inlinable
  init(dense base: UnsafeMutablePointer<Scalar>, sequences: Int, width: Int) {
    self.init(base, stepStride: sequences &* width, sequenceStride: width)
  }

  @inlinable @inline(__always)
  subscript(step: Int, sequence: Int) -> UnsafeMutablePointer<Scalar> {
    base + (step &* stepStride &+ sequence &* sequenceStride)
  }

  /// The same rows, `elements` further on.
  func offset(by elements: Int) -> Rows {
    Rows(base + elements, stepStride: stepStride, sequenceStride: sequenceStride)
  }
}
