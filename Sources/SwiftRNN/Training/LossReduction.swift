// Reduction of the losses of many rows to one number, and weights of rows.
import Kernels

/// Reduction of the losses of rows.
public enum LossReduction: Sendable {
  /// Their sum divided by the sum of what they weigh; 0 if that is 0.
  case mean
  case sum
}

extension Check {
  /// As many weights as `expected`, each finite and 0 or more; nil: there are none.
  static func weights<Scalar: RNNScalar>(
    _ name: StaticString, _ weights: UnsafeBufferPointer<Scalar>?, _ expected: Int
  ) throws(RNNError) {
    guard let weights else { return }
    try count(name, weights.count, expected)
    for i in 0..<weights.count where !(weights[i] >= 0 && weights[i] < .infinity) {
      throw .invalidRow(name, index: i, Double(weights[i]), allowed: "finite and 0 or more")
    }
  }

  /// A share in [0, 1].
  static func share(_ name: StaticString, _ value: Double) throws(RNNError) {
    guard value >= 0, value <= 1 else { throw .invalidNumber(name, value, allowed: "in [0, 1]") }
  }
}
