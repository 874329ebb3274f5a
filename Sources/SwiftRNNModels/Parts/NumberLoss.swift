// The loss of numbers.
import SwiftRNN

enum NumberLoss {
  /// The mean of (y - value)² over the numbers of all steps up to each length; y becomes the gradient.
  static func squares<Scalar: RNNScalar>(
    _ y: UnsafeMutableBufferPointer<Scalar>, _ values: UnsafeBufferPointer<Scalar>, _ shape: BatchShape, width: Int
  ) -> ModelLoss {
    var count = 0
    for n in 0..<shape.sequences { count += width * (shape.lengths.map { Int($0[n]) } ?? shape.steps) }
    let scale = Scalar(2 / Double(max(count, 1)))
    var sum = 0.0
    for t in 0..<shape.steps {
      for n in 0..<shape.sequences {
        let counts = shape.lengths.map { t < $0[n] } ?? true
        for i in (t * shape.sequences + n) * width..<(t * shape.sequences + n + 1) * width {
          let error = counts ? y[i] - values[i] : 0
          sum += Double(error) * Double(error)
          y[i] = error * scale
        }
      }
    }
    return ModelLoss(mean: sum / Double(max(count, 1)), count: count)
  }
}
