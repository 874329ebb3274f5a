// The part of a model that gives out classes or numbers: a linear layer, or an adaptive softmax, and the loss behind it.
import SwiftRNN

/// A linear layer with a loss, or an adaptive softmax.
final class OutputPart<Scalar: RNNScalar> {
  let inputs: Int
  let outputs: Int
  /// Weights; of an adaptive softmax those of the head.
  let weight: Parameter<Scalar>
  /// Nil: of an adaptive softmax, whose head has none.
  let bias: Parameter<Scalar>?
  /// Nil: a linear layer.
  private let adaptive: AdaptiveOutput<Scalar>?
  let isTied: Bool
  let (results, gradient) = (Buffer<Scalar>(), Buffer<Scalar>())
  let sampledMemory = SampledMemory<Scalar>()

  /// - Parameter isTied: the weights are an embedding's table, and no tensor of this layer's own.
  static func add(
    inputs: Int, outputs: Int, isTied: Bool, to list: inout ParameterList
  ) throws(RNNError) {
    try list.add("output", (isTied ? [] : [("weight", [outputs, inputs])]) + [("bias", [outputs])])
  }

  /// Adds an adaptive softmax in the place of a linear layer.
  static func add(_ softmax: AdaptiveSoftmax, to list: inout ParameterList) throws(RNNError) {
    try list.add("output", softmax.parameters.infos.map { ($0.name, $0.shape) })
  }

  /// - Parameter table: of the embedding that the layer is tied to; nil: it has its own weights.
  init(
    inputs: Int, outputs: Int, _ store: ParameterStore<Scalar>, tiedTo table: Parameter<Scalar>?
  ) throws(RNNError) {
    (self.inputs, self.outputs) = (inputs, outputs)
    isTied = table != nil
    if let table { weight = table } else { weight = try Parameter(store, "output.weight") }
    bias = try Parameter(store, "output.bias")
    adaptive = nil
  }

  /// An adaptive softmax.
  init(_ softmax: AdaptiveSoftmax, _ store: ParameterStore<Scalar>) throws(RNNError) {
    (inputs, outputs, isTied, bias) = (softmax.inputs, softmax.classes, false, nil)
    weight = try Parameter(store, "output.head.weight")
    adaptive = AdaptiveOutput(softmax, store, range: store.list.range(of: "output"))
  }

  /// A layer whose parameters are those of another part.
  init(inputs: Int, outputs: Int, weight: Parameter<Scalar>, bias: Parameter<Scalar>) {
    (self.inputs, self.outputs, self.weight, self.bias) = (inputs, outputs, weight, bias)
    (isTied, adaptive) = (false, nil)
  }

  /// - Returns: `[rows, outputs]`, until the next call: of an adaptive softmax log-probabilities, whose softmax is the
  ///   distribution as that of logits is.
  func forward(_ x: UnsafeBufferPointer<Scalar>, rows: Int) throws(RNNError) -> UnsafeMutableBufferPointer<Scalar> {
    let y = try results.take(Sizes.product(rows, outputs, name: "logits"))
    if let adaptive {
      try adaptive.passes.logProbabilities(rows: rows, x: x, parameters: adaptive.values, y: y)
      return y
    }
    try Linear.forward(
      rows: rows, inputs: inputs, outputs: outputs, x: x, weight: weight.values, bias: bias?.values, y: y)
    return y
  }

  /// The cross-entropy of the results, a block of rows at a time: logits are never in memory as a whole. The bits are those
  /// of ``forward(_:rows:)``, `CrossEntropy` and ``backward(_:rows:dy:)``.
  ///
  /// - Parameters:
  ///   - x: `[rows, inputs]`
  ///   - targets: `[rows]`
  ///   - rowLosses: `[rows]`, receives each row's loss; nil: not wanted. Of an adaptive softmax without gradients only.
  ///   - wantsGradient: whether the gradients of the parameters are written.
  /// - Returns: the loss, and if gradients are wanted dL/dx, `[rows, inputs]`, until the next call.
  func crossEntropy(
    _ x: UnsafeBufferPointer<Scalar>, targets: UnsafeBufferPointer<Int>, _ options: TrainingOptions<Scalar>,
    rowLosses: UnsafeMutableBufferPointer<Double>? = nil, wantsGradient: Bool
  ) throws(RNNError) -> (ModelLoss, UnsafeMutableBufferPointer<Scalar>?) {
    let dx =
      wantsGradient
      ? try gradient.take(Sizes.product(targets.count, inputs, name: "the gradient of the output layer")) : nil
    let memoryLimit = options.memoryLimit == 0 ? LinearCrossEntropy.defaultMemoryLimit : options.memoryLimit
    if let adaptive {
      let result = try adaptive.passes.evaluate(
        rows: targets.count, x: x, parameters: adaptive.values, targets: targets, memoryLimit: memoryLimit,
        rowLosses: rowLosses, dx: dx, gradients: wantsGradient ? adaptive.gradients : nil)
      return (ModelLoss(mean: result.loss, count: result.count), dx)
    }
    let result = try LinearCrossEntropy.evaluate(
      rows: targets.count, inputs: inputs, classes: outputs, x: x, weight: weight.values, bias: bias?.values,
      targets: targets, labelSmoothing: options.labelSmoothing, classWeights: options.classWeights,
      memoryLimit: memoryLimit, rowLosses: rowLosses, dx: dx, dweight: wantsGradient ? weight.gradient : nil,
      dbias: wantsGradient ? bias?.gradient : nil)
    return (ModelLoss(mean: result.loss, count: result.count, weight: result.weight), dx)
  }

  /// The gradients behind ``forward(_:rows:)`` of a linear layer; those of the parameters are written.
  ///
  /// - Parameters:
  ///   - x: `[rows, inputs]`, as it was.
  ///   - dy: dL/dy, `[rows, outputs]`.
  /// - Returns: dL/dx, `[rows, inputs]`, until the next call.
  func backward(
    _ x: UnsafeBufferPointer<Scalar>, rows: Int, dy: UnsafeBufferPointer<Scalar>
  ) throws(RNNError) -> UnsafeMutableBufferPointer<Scalar> {
    guard adaptive == nil else { throw .mismatch("the output layer is no linear layer") }
    let dx = try gradient.take(Sizes.product(rows, inputs, name: "the gradient of the output layer"))
    try Linear.backward(
      rows: rows, inputs: inputs, outputs: outputs, x: x, weight: weight.values, dy: dy, accumulate: false, dx: dx,
      dweight: weight.gradient, dbias: bias?.gradient)
    return dx
  }
}

/// An adaptive softmax within a model.
private struct AdaptiveOutput<Scalar: RNNScalar> {
  let passes: AdaptivePasses<Scalar>
  /// Owner of the memory.
  private let store: ParameterStore<Scalar>
  /// Its part of the model's parameters.
  let values: UnsafeBufferPointer<Scalar>
  let gradients: UnsafeMutableBufferPointer<Scalar>

  init(_ softmax: AdaptiveSoftmax, _ store: ParameterStore<Scalar>, range: Range<Int>) {
    (passes, self.store) = (AdaptivePasses(softmax), store)
    (values, gradients) = (store.values.part(range).constant, store.gradients.part(range))
  }
}
