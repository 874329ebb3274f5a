// A linear layer with its parameters.
import SwiftRNN

/// `y = W x + b` for each row. Keeps the memory of its results: one thread at a time.
public final class LinearLayer<Scalar: RNNScalar> {
  public let inputs: Int
  public let outputs: Int
  private let weight: Parameter<Scalar>
  private let bias: Parameter<Scalar>?
  private let (results, gradient) = (Buffer<Scalar>(), Buffer<Scalar>())

  static func tensors(inputs: Int, outputs: Int, bias: Bool) -> [(name: String, shape: [Int])] {
    [("weight", [outputs, inputs])] + (bias ? [("bias", [outputs])] : [])
  }

  init(_ store: ParameterStore<Scalar>, _ name: String, inputs: Int, outputs: Int, bias: Bool) throws(RNNError) {
    (self.inputs, self.outputs) = (inputs, outputs)
    weight = try Parameter(store, "\(name).weight")
    self.bias = bias ? try Parameter(store, "\(name).bias") : nil
  }

  /// Number of rows of so many numbers.
  private func rows(_ name: StaticString, _ count: Int, width: Int) throws(RNNError) -> Int {
    guard count % width == 0 else { throw .countMismatch(name, count, expected: count / width * width) }
    return count / width
  }

  /// - Parameter x: `[rows, inputs]`; the backward pass reads it again.
  /// - Returns: `[rows, outputs]`, until the next call.
  /// - Throws: `RNNError/countMismatch(_:_:expected:)` for numbers that are no whole rows.
  @_specialize(where Scalar == Float)
  @_specialize(where Scalar == Double)
  public func forward(_ x: UnsafeBufferPointer<Scalar>) throws(RNNError) -> UnsafeMutableBufferPointer<Scalar> {
    let rows = try rows("x", x.count, width: inputs)
    let y = try results.take(Sizes.product(rows, outputs, name: "y"))
    try Linear.forward(
      rows: rows, inputs: inputs, outputs: outputs, x: x, weight: weight.values, bias: bias?.values, y: y)
    return y
  }

  /// The gradients of the parameters, and of x.
  ///
  /// - Parameters:
  ///   - x: as it was.
  ///   - dy: `[rows, outputs]`
  ///   - accumulate: adds to the gradients of the parameters that are there, of a layer that is used several times.
  /// - Returns: dL/dx, `[rows, inputs]`, until the next call.
  @discardableResult
  @_specialize(where Scalar == Float)
  @_specialize(where Scalar == Double)
  public func backward(
    _ x: UnsafeBufferPointer<Scalar>, dy: UnsafeBufferPointer<Scalar>, accumulate: Bool = false
  ) throws(RNNError) -> UnsafeMutableBufferPointer<Scalar> {
    let rows = try rows("x", x.count, width: inputs)
    let dx = try gradient.take(x.count)
    try Linear.backward(
      rows: rows, inputs: inputs, outputs: outputs, x: x, weight: weight.values, dy: dy, accumulate: accumulate, dx: dx,
      dweight: weight.gradient, dbias: bias?.gradient)
    return dx
  }
}
