// The part of a model that gives out classes or numbers: a linear layer, and the loss behind it.
import SwiftRNN

/// A linear layer with a loss.
final class OutputPart<Scalar: RNNScalar> {
  let inputs: Int
  let outputs: Int
  private let weight: Parameter<Scalar>
  private let bias: Parameter<Scalar>
  private let isTied: Bool
  private let (results, gradient) = (Buffer<Scalar>(), Buffer<Scalar>())

  /// - Parameter isTied: the weights are an embedding's table, and no tensor of this layer's own.
  static func add(
    inputs: Int, outputs: Int, isTied: Bool, to list: inout ParameterList
  ) throws(RNNError) {
    try list.add("output", (isTied ? [] : [("weight", [outputs, inputs])]) + [("bias", [outputs])])
  }

  /// - Parameter table: of the embedding that the layer is tied to; nil: it has its own weights.
  init(
    inputs: Int, outputs: Int, _ store: ParameterStore<Scalar>, tiedTo table: Parameter<Scalar>?
  ) throws(RNNError) {
    (self.inputs, self.outputs) = (inputs, outputs)
    isTied = table != nil
    if let table { weight = table } else { weight = try Parameter(store, "output.weight") }
    bias = try Parameter(store, "output.bias")
  }

  /// A layer whose parameters are those of another part.
  init(inputs: Int, outputs: Int, weight: Parameter<Scalar>, bias: Parameter<Scalar>) {
    (self.inputs, self.outputs, self.weight, self.bias) = (inputs, outputs, weight, bias)
    isTied = false
  }

  /// - Returns: `[rows, outputs]`, until the next call.
  func forward(_ x: UnsafeBufferPointer<Scalar>, rows: Int) throws(RNNError) -> UnsafeMutableBufferPointer<Scalar> {
    let y = try results.take(Sizes.product(rows, outputs, name: "logits"))
    try Linear.forward(
      rows: rows, inputs: inputs, outputs: outputs, x: x, weight: weight.values, bias: bias.values, y: y)
    return y
  }

  /// The loss of the results of the last ``forward(_:rows:)``, and the gradients: those of the parameters are written.
  ///
  /// - Parameters:
  ///   - x: as it was.
  ///   - loss: is given the results, and where their gradient goes, which is where they are.
  /// - Returns: dL/dx, `[rows, inputs]`, until the next call.
  func backward(
    _ x: UnsafeBufferPointer<Scalar>, rows: Int, dy: UnsafeBufferPointer<Scalar>
  ) throws(RNNError) -> UnsafeMutableBufferPointer<Scalar> {
    let dx = try gradient.take(Sizes.product(rows, inputs, name: "the gradient of the output layer"))
    try Linear.backward(
      rows: rows, inputs: inputs, outputs: outputs, x: x, weight: weight.values, dy: dy, accumulate: false, dx: dx,
      dweight: weight.gradient, dbias: bias.gradient)
    return dx
  }
}
