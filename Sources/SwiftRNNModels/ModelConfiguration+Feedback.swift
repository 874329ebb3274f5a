// Networks whose feedback is the output of the step before: what there is of them.
import SwiftRNN

extension ModelConfiguration {
  /// A network whose only feedback is its output (Jordan 1986; Goodfellow, Bengio, Courville 2016, section 10.2.1):
  ///
  ///     h_t = tanh(W x_t + U p_{t-1} + b)        y_t = V h_t + d
  ///
  /// with p the numbers y, or for classes softmax(y); p is 0 before the first step. In training p_{t-1} is the target of
  /// the step before, of classes as a vector with one 1 (teacher forcing: Williams, Zipser 1989): no step depends on the
  /// one before then, and all steps are one batch. What it writes by itself has its own outputs for p.
  ///
  /// - Parameters:
  ///   - input: tokens or features.
  ///   - outputs: classes, or with `predictsNumbers` numbers, of each step.
  ///   - hiddenSize: numbers of h.
  ///   - predictsNumbers: whether numbers come out, and not classes.
  public static func outputFeedback(
    input: Input, outputs: Int, hiddenSize: Int, predictsNumbers: Bool = false
  ) -> ModelConfiguration {
    var configuration = ModelConfiguration(
      .outputFeedback, input: input, recurrent: Recurrent(jordan, hiddenSize: hiddenSize), outputs: outputs)
    configuration.predictsNumbers = predictsNumbers
    return configuration
  }

  private static let jordan = ModelCell("jordan")

  /// The library's cell for numbers; for classes with softmax in the feedback. Parameters have the same names.
  private static let jordanOfClasses = """
    size y = O
    size p = O
    h  = tanh(W @ x + U @ p + b)
    y  = V @ h + d
    p' = softmax(y)
    """

  /// The layers of the network that reads: as they are configured, of output feedback with the cell that it comes to.
  var readerLayers: Recurrent {
    guard kind == .outputFeedback else { return recurrent }
    var layers = recurrent
    layers.cell = ModelCell(predictsNumbers ? "jordan" : Self.jordanOfClasses, sizes: ["O": outputs])
    return layers
  }

  /// - Throws: `RNNError/unsupported(_:)` for what a network with output feedback does not have.
  func checkFeedback() throws(RNNError) {
    guard recurrent.cell == Self.jordan else { throw .unsupported("the cell of output_feedback is jordan") }
    guard recurrent.layers == 1, !recurrent.bidirectional else {
      throw .unsupported("output_feedback has one layer of one direction")
    }
    guard dropout == 0 else { throw .unsupported("output_feedback has no dropout: outputs are fed back whole") }
  }
}
