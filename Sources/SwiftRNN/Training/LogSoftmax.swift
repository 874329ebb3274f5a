// Logarithms of probabilities from logits.
import Kernels

/// log softmax over rows of logits.
public enum LogSoftmax {
  /// `x[row] = x[row] - log Σ exp(x[row])`, in place.
  ///
  /// The largest logit is subtracted before exponentials, whose sum is one chain in Double: -infinity among logits is a
  /// class of probability 0, and a row of nothing but -infinity, or with NaN or +infinity, becomes NaN.
  ///
  /// - Parameters:
  ///   - x: `[rows, classes]`, dense.
  ///   - rows: 0 or more.
  ///   - classes: 0 or more.
  /// - Throws: ``RNNError`` for sizes that do not fit; nothing is written then.
  @_specialize(exported:true,where Scalar == Float)
  @_specialize(exported:true,where Scalar == Double)
  public static func apply<Scalar: RNNScalar>(
    _ x: UnsafeMutableBufferPointer<Scalar>, rows: Int, classes: Int
  ) throws(RNNError) {
    try Check.size("rows", rows)
    try Check.size("classes", classes)
    let count = try Size.product(rows, classes, of: "logits")
    try Check.count("logits", x.count, count)
    guard let start = x.baseAddress, count > 0 else { return }
    let (kernels, doubles) = (try Scalar.kernels, try Double.kernels)
    let shards = Shards(rows, work: count)
    let scratch = try Block<Scalar>(count: Size.product(shards.tasks, classes, of: "scratch"))
    withFloatControl {
      parallel(shards.tasks, threads: shards.tasks) { task in
        let shifted = scratch.pointer + task * classes
        for row in shards.range(task) {
          let row = start + row * classes
          let largest = row[kernels.training.largestIndex(row, classes)]
          for i in 0..<classes { shifted[i] = row[i] - largest }
          kernels.elementary.exp(shifted, shifted, classes)
          var sum = 0.0
          for i in 0..<classes { sum += Double(shifted[i]) }
          var logarithm = 0.0
          doubles.elementary.log(&sum, &logarithm, 1)
          let shift = Double(largest) + logarithm
          for i in 0..<classes { row[i] = Scalar(Double(row[i]) - shift) }
        }
      }
    }
  }
}
