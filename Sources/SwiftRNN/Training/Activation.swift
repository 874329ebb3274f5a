// tanh over arrays, for layers around a network.
import Kernels

/// The hyperbolic tangent as a layer of its own: of a decoder's first states, and of attention's output.
public enum Activation {
  /// `x = tanh(x)`, within 2 ulp.
  @_specialize(exported:true,where Scalar == Float)
  @_specialize(exported:true,where Scalar == Double)
  public static func tanh<Scalar: RNNScalar>(_ x: UnsafeMutableBufferPointer<Scalar>) throws(RNNError) {
    let kernels = try Scalar.kernels.elementary
    guard let start = x.baseAddress else { return }
    withFloatControl {
      Shards(x.count, work: x.count, multiple: 16).run { part in
        kernels.tanh(start + part.lowerBound, start + part.lowerBound, part.count)
      }
    }
  }

  /// `dy = dy (1 - y^2)`, the gradient of tanh's argument where y is the result.
  ///
  /// - Throws: ``RNNError/countMismatch(_:_:expected:)``
  @_specialize(exported:true,where Scalar == Float)
  @_specialize(exported:true,where Scalar == Double)
  public static func tanhGradient<Scalar: RNNScalar>(
    _ dy: UnsafeMutableBufferPointer<Scalar>, y: UnsafeBufferPointer<Scalar>
  ) throws(RNNError) {
    try Check.count("y", y.count, dy.count)
    guard let start = dy.baseAddress, let y = y.baseAddress else { return }
    let count = dy.count
    withFloatControl {
      Shards(count, work: count, multiple: 16).run { part in
        for i in part { start[i] *= 1 - y[i] * y[i] }
      }
    }
  }
}
