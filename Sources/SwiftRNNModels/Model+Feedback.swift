// Networks with output feedback: by teacher forcing, and running freely.
@_spi(Door) import SwiftRNN

/// Feedback of a network with output feedback: the part of the step before that a step reads.
public enum OutputFeedback: Sendable, CaseIterable {
  /// The target (teacher forcing): all steps are one batch.
  case targets
  /// The network's own output: numbers, or for classes their distribution. One step after the other, and gradients go back
  /// through the outputs.
  case outputs
}

extension Model {
  /// The loss of a batch in training, of models of the kind `outputFeedback`:
  /// ``loss(_:state:_:)-(ModelBatch<Scalar>,_,_)`` is that of `targets`, and with a sampling probability of 1 that of
  /// `outputs`. The parameters, and their gradients, are the same ones in both.
  ///
  /// - Throws: `RNNError/unsupported(_:)` for other kinds, and as ``loss(_:state:_:)-(ModelBatch<Scalar>,_,_)``.
  @_specialize(where Scalar == Float)
  @_specialize(where Scalar == Double)
  public func loss(
    _ batch: ModelBatch<Scalar>, feedback: OutputFeedback, state: ModelState<Scalar>? = nil,
    _ options: TrainingOptions<Scalar> = TrainingOptions()
  ) throws(RNNError) -> ModelLoss {
    let control = FloatControl()
    defer { control.leave() }
    try checkFeedback()
    var options = options
    options.samplingProbability = 0
    if feedback == .targets { return try loss(batch, state: state, options) }
    try options.check(configuration)
    let y = try outputs(batch, state, isTraining: true)
    let loss = try loss(of: y, batch, options, wantsGradient: true)
    try reader?.backward(dy: y)
    state?.moveOn()
    return loss
  }

  /// The loss of a batch without gradients: ``evaluate(_:state:loss:)`` is that of `targets`.
  ///
  /// - Parameters:
  ///   - batch: a batch with targets.
  ///   - feedback: whether the model reads targets or its own outputs.
  ///   - state: as for the loss; nil: sequences begin here.
  ///   - loss: of models that predict numbers.
  @_specialize(where Scalar == Float)
  @_specialize(where Scalar == Double)
  public func evaluate(
    _ batch: ModelBatch<Scalar>, feedback: OutputFeedback, state: ModelState<Scalar>? = nil,
    loss: ElementwiseLoss = .squaredError
  ) throws(RNNError) -> ModelLoss {
    let control = FloatControl()
    defer { control.leave() }
    try checkFeedback()
    if feedback == .targets { return try evaluate(batch, state: state, loss: loss) }
    var options = TrainingOptions<Scalar>()
    options.loss = loss
    try options.check(configuration)
    let y = try outputs(batch, state, isTraining: false)
    let result = try self.loss(of: y, batch, options, wantsGradient: false)
    state?.moveOn()
    return result
  }

  /// The loss of outputs; the gradient takes their place.
  private func loss(
    of y: UnsafeMutableBufferPointer<Scalar>, _ batch: ModelBatch<Scalar>, _ options: TrainingOptions<Scalar>,
    wantsGradient: Bool
  ) throws(RNNError) -> ModelLoss {
    if configuration.predictsNumbers {
      return try loss(of: y, batch, rows: inputShape(batch).rows, options.loss, wantsGradient: wantsGradient)
    }
    let result = try CrossEntropy.evaluate(
      logits: y.constant, classes: configuration.outputs, targets: countedTargets(batch),
      labelSmoothing: options.labelSmoothing, classWeights: options.classWeights, dlogits: wantsGradient ? y : nil)
    return ModelLoss(mean: result.loss, count: result.count, weight: result.weight)
  }

  private func checkFeedback() throws(RNNError) {
    guard feedback != nil else { throw .unsupported("only the kind output_feedback is fed its outputs") }
  }

  /// Outputs of all steps, each fed to the next one; the state is moved on.
  func runFreely(
    _ batch: ModelBatch<Scalar>, _ state: ModelState<Scalar>?, isTraining: Bool
  ) throws(RNNError) -> UnsafeMutableBufferPointer<Scalar> {
    let y = try outputs(batch, state, isTraining: isTraining)
    state?.moveOn()
    return y
  }

  private func outputs(
    _ batch: ModelBatch<Scalar>, _ state: ModelState<Scalar>?, isTraining: Bool
  ) throws(RNNError) -> UnsafeMutableBufferPointer<Scalar> {
    guard let reader else { throw .mismatch("the model has no parts") }
    let places = try state?.places(reader.part.network, sequences: batch.sequences)
    return try reader.forward(
      inputShape(batch), SequenceInput(ids: batch.ids, features: batch.features), initial: places?.from ?? States(),
      final: places?.to ?? States(), seed: isTraining ? 0 : nil)
  }

  /// The rows that the output layer reads, each step fed the target of the step before.
  func forceTargets(
    _ batch: ModelBatch<Scalar>, _ shape: BatchShape, _ state: ModelState<Scalar>?
  ) throws(RNNError) -> UnsafeMutableBufferPointer<Scalar> {
    guard let feedback else { throw .mismatch("the model has no parts") }
    let targets: FeedbackPart<Scalar>.Targets
    if configuration.predictsNumbers {
      guard let values = batch.values else { throw .nullPointer("values") }
      let count = try Sizes.product(shape.rows, configuration.outputs, name: "values")
      guard values.count == count else { throw .countMismatch("values", values.count, expected: count) }
      targets = .numbers(values)
    } else {
      guard let classes = batch.targets else { throw .nullPointer("targets") }
      guard classes.count == shape.rows else { throw .countMismatch("targets", classes.count, expected: shape.rows) }
      targets = .classes(classes)
    }
    try shape.checkLengths()
    let places = try state?.places(feedback.reader.part.network, sequences: batch.sequences)
    return try feedback.forward(
      shape, SequenceInput(ids: batch.ids, features: batch.features), targets,
      first: places.flatMap { UnsafePointer($0.from[0]) }, final: places?.to[0])
  }
}
