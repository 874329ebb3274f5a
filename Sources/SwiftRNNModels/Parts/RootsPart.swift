// The part of a model over trees that reads one vector of each tree: the output of its root.
import SwiftRNN

/// Rows of the roots, in the order of `Forest/roots`.
final class RootsPart<Scalar: RNNScalar> {
  private let width: Int
  private let (rows, gradient) = (Buffer<Scalar>(), Buffer<Scalar>())
  private var last: Forest?

  init(width: Int) { self.width = width }

  /// - Parameter y: `[M, width]`
  /// - Returns: `[roots, width]`, until the next call.
  func forward(
    _ y: UnsafeBufferPointer<Scalar>, _ forest: Forest
  ) throws(RNNError) -> UnsafeMutableBufferPointer<Scalar> {
    let roots = forest.roots
    let out = try rows.take(Sizes.product(roots.count, width, name: "the roots"))
    if let from = y.baseAddress, let to = out.baseAddress {
      for (row, root) in roots.enumerated() { (to + row * width).update(from: from + root * width, count: width) }
    }
    last = forest
    return out
  }

  /// - Returns: dL/dy of the last forward pass, zeros but for the roots, until the next call.
  func backward(_ dout: UnsafeBufferPointer<Scalar>) throws(RNNError) -> UnsafeMutableBufferPointer<Scalar> {
    guard let forest = last else { throw .mismatch("a backward pass follows a forward pass for training") }
    let dy = try gradient.take(Sizes.product(forest.nodeCount, width, name: "the gradient"))
    dy.update(repeating: 0)
    if let from = dout.baseAddress, let to = dy.baseAddress {
      for (row, root) in forest.roots.enumerated() {
        (to + root * width).update(from: from + row * width, count: width)
      }
    }
    return dy
  }
}
