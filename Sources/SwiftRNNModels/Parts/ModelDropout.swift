// Dropout around the networks of a model.
import SwiftRNN

enum ModelDropout {
  /// `y = mask * x / (1 - p)`, forward and backward alike.
  static func apply<Scalar: RNNScalar>(
    _ shape: BatchShape, width: Int, _ p: Double, seed: UInt64, layer: Int, _ x: UnsafeBufferPointer<Scalar>,
    _ y: UnsafeMutableBufferPointer<Scalar>
  ) throws(RNNError) {
    try DropoutLayer(probability: p, layer: layer).apply(
      steps: shape.steps, sequences: shape.sequences, width: width, x: x, y: y, seed: seed,
      firstSequence: shape.firstSequence)
  }
}
