// A training: a model, and what changes its parameters step by step.
@_spi(Door) import SwiftRNN

/// A model and its optimizer, with schedule, clipping, seeds and a step counter.
///
///     let trainer = try Trainer(model, TrainerSettings(.adam, rate: 0.003, clipNorm: 1))
///     for batch in batches { print(try trainer.step(batch).loss.mean) }
///     try trainer.save(to: "run.safetensors")           // and later: Trainer<Float>.load("run.safetensors")
///
/// All that a step depends on beside its batch is in the checkpoint, so that a training that was interrupted ends with the
/// bits of one that was not. Changes the model's parameters and, where it clips, the gradients. One thread at a time, as
/// for the model.
public final class Trainer<Scalar: RNNScalar> {
  public let model: Model<Scalar>
  public let settings: TrainerSettings
  /// Steps so far.
  public internal(set) var steps = 0
  /// Factor of the schedule's rate: 1 at first, lowered by ``report(validationLoss:)``, or set by the caller; 0 or more.
  public var rateFactor = 1.0
  /// The least validation loss so far; nil: none was reported.
  public internal(set) var leastValidationLoss: Double?
  /// Reports since the last improvement, or since the rate was lowered.
  public internal(set) var reportsWithoutImprovement = 0
  /// Moments of the optimizer by name, each as large as the parameters.
  let moments: [(name: String, values: UnsafeMutableBufferPointer<Scalar>)]
  private let memory: [Buffer<Scalar>]
  private let classWeights: UnsafeBufferPointer<Scalar>?

  /// - Throws: `RNNError` for settings that make no sense or that the model has no use for.
  public init(_ model: Model<Scalar>, _ settings: TrainerSettings = TrainerSettings()) throws(RNNError) {
    let control = FloatControl()
    defer { control.leave() }
    try settings.check()
    (self.model, self.settings) = (model, settings)
    let names: [String] =
      switch settings.optimizer {
      case .sgd: settings.momentum > 0 ? ["velocity"] : []
      case .rmsprop:
        ["square"] + (settings.centered ? ["mean"] : []) + (settings.momentum > 0 ? ["velocity"] : [])
      case .adam, .adamw: ["first", "second"]
      }
    var (memory, moments) = ([Buffer<Scalar>](), [(name: String, values: UnsafeMutableBufferPointer<Scalar>)]())
    for name in names {
      let buffer = Buffer<Scalar>()
      let values = try buffer.take(model.parameters.list.flatCount)
      values.update(repeating: 0)
      memory.append(buffer)
      moments.append((name, values))
    }
    if let weights = settings.classWeights {
      let outputs = model.configuration.outputs
      guard weights.count == outputs else { throw .countMismatch("class_weights", weights.count, expected: outputs) }
      let buffer = Buffer<Scalar>()
      let own = try buffer.take(weights.count)
      for (i, weight) in weights.enumerated() { own[i] = Scalar(weight) }
      memory.append(buffer)
      classWeights = own.constant
    } else {
      classWeights = nil
    }
    (self.memory, self.moments) = (memory, moments)
    var whole = options
    whole.samplingProbability = settings.sampling.shape == .none ? 0 : 1
    try whole.check(model.configuration)
    // Refuse here, and not in the first step whose share is neither 0 nor 1.
    guard model.configuration.kind != .outputFeedback || settings.sampling.shape == .none else {
      throw .unsupported("sampling is for language models and decoders: a trainer of output_feedback feeds the targets")
    }
  }

  /// One step: the loss of a batch, its gradients, and the change of the parameters.
  ///
  /// - Parameters:
  ///   - batch: a batch with targets.
  ///   - state: as for ``Model/loss(_:state:_:)-(ModelBatch<Scalar>,_,_)``.
  /// - Throws: `RNNError` for arrays that do not fit; parameters, moments, step counter and state are as before then.
  @_specialize(where Scalar == Float)
  @_specialize(where Scalar == Double)
  public func step(
    _ batch: ModelBatch<Scalar>, state: ModelState<Scalar>? = nil
  ) throws(RNNError) -> TrainerStep {
    let control = FloatControl()
    defer { control.leave() }
    state?.mark()
    let loss = try model.loss(batch, state: state, options)
    do throws(RNNError) {
      let (norm, rate) = try update()
      return TrainerStep(loss: loss, gradientNorm: norm, rate: rate)
    } catch {
      state?.moveBack()
      throw error
    }
  }

  /// The same, but for a loss or gradients that are not finite: those change nothing.
  ///
  /// - Returns: the step; where its loss or its norm is not finite, the step was not made.
  @_specialize(where Scalar == Float)
  @_specialize(where Scalar == Double)
  func finiteStep(
    _ batch: ModelBatch<Scalar>, state: ModelState<Scalar>? = nil
  ) throws(RNNError) -> TrainerStep {
    let control = FloatControl()
    defer { control.leave() }
    state?.mark()
    let loss = try model.loss(batch, state: state, options)
    do throws(RNNError) {
      let (rate, norm) = (rate, loss.mean.isFinite ? try clip() : .nan)
      if norm.isFinite { try move() } else { state?.moveBack() }
      return TrainerStep(loss: loss, gradientNorm: norm, rate: rate)
    } catch {
      state?.moveBack()
      throw error
    }
  }

  /// Options of the next step's loss, for callers that compute gradients themselves.
  public var options: TrainingOptions<Scalar> {
    var options = TrainingOptions<Scalar>(seed: seed(ofStep: steps))
    options.labelSmoothing = settings.labelSmoothing
    options.classWeights = classWeights
    options.samplingProbability = settings.sampling.probability(steps)
    options.memoryLimit = settings.memoryLimit
    options.sampledClasses = settings.sampledClasses
    options.tapeLimit = settings.tapeLimit
    options.loss = settings.elementwiseLoss
    return options
  }

  /// The rate of the next step.
  public var rate: Double {
    let control = FloatControl()
    defer { control.leave() }
    return settings.rates.rate(steps) * rateFactor
  }

  /// The change of the parameters by the gradients that are in `model.parameters.gradients`: clipping by norm, then by
  /// value, then the optimizer. The second half of ``step(_:state:)-(ModelBatch<Scalar>,_)``.
  ///
  /// - Returns: the 2-norm of the gradients before clipping, and the rate.
  /// - Throws: `RNNError` for a rate factor that makes no sense; parameters, moments and the counter are as before then.
  @_specialize(where Scalar == Float)
  @_specialize(where Scalar == Double)
  @discardableResult
  public func update() throws(RNNError) -> (gradientNorm: Double, rate: Double) {
    let control = FloatControl()
    defer { control.leave() }
    let (norm, rate) = (try clip(), rate)
    try move()
    return (norm, rate)
  }

  /// Clips the gradients.
  ///
  /// - Returns: their 2-norm before.
  private func clip() throws(RNNError) -> Double {
    guard rateFactor >= 0, rateFactor < .infinity else {
      throw .invalidNumber("the rate's factor", rateFactor, allowed: "a finite number that is 0 or more")
    }
    let gradients = model.parameters.gradients
    let norm = try GradientClipping.clip([gradients], maxNorm: settings.clipNorm ?? .infinity)
    if let limit = settings.clipValue { try GradientClipping.clip([gradients], values: limit) }
    return norm
  }

  /// Changes the parameters by the gradients, and counts the step.
  private func move() throws(RNNError) {
    let (values, gradients, rate, s) = (model.parameters.values, model.parameters.gradients, rate, settings)
    switch s.optimizer {
    case .sgd:
      try SGD(rate: rate, momentum: s.momentum, weightDecay: s.weightDecay, nesterov: s.nesterov).step(
        gradient: gradients.constant, parameter: values, velocity: moment("velocity"))
    case .rmsprop:
      guard let square = moment("square") else { throw .mismatch("the trainer lacks its moments") }
      try RMSprop(
        rate: rate, alpha: s.alpha, epsilon: s.epsilon, weightDecay: s.weightDecay, momentum: s.momentum,
        centered: s.centered
      ).step(
        gradient: gradients.constant, parameter: values, square: square, mean: moment("mean"),
        velocity: moment("velocity"))
    case .adam, .adamw:
      guard let first = moment("first"), let second = moment("second") else {
        throw .mismatch("the trainer lacks its moments")
      }
      try Adam(
        rate: rate, beta1: s.beta1, beta2: s.beta2, epsilon: s.epsilon, weightDecay: s.weightDecay,
        decoupled: s.optimizer == .adamw
      ).step(steps + 1, gradient: gradients.constant, parameter: values, first: first, second: second)
    }
    steps += 1
  }

  private func moment(_ name: String) -> UnsafeMutableBufferPointer<Scalar>? {
    moments.first { $0.name == name }?.values
  }

  /// The loss of a batch for validation: ``Model/evaluate(_:state:loss:)`` with the loss of the settings.
  public func evaluate(
    _ batch: ModelBatch<Scalar>, state: ModelState<Scalar>? = nil
  ) throws(RNNError) -> ModelLoss {
    try model.evaluate(batch, state: state, loss: settings.elementwiseLoss)
  }

  /// Takes note of a validation loss. With ``TrainerSettings/plateau`` the rate is lowered when more reports than its
  /// patience have come without an improvement, as by torch's `ReduceLROnPlateau`.
  ///
  /// - Parameter loss: NaN and infinity are no improvement.
  /// - Returns: whether the loss is an improvement: below the least one, or with a plateau below (1 - threshold) times that.
  @discardableResult
  public func report(validationLoss loss: Double) -> Bool {
    let control = FloatControl()
    defer { control.leave() }
    let threshold = settings.plateau?.threshold ?? 0
    // A share of a negative loss would be the wrong way.
    let isBetter = loss.isFinite && (leastValidationLoss.map { loss < $0 - abs($0) * threshold } ?? true)
    if isBetter {
      (leastValidationLoss, reportsWithoutImprovement) = (loss, 0)
      return true
    }
    reportsWithoutImprovement += 1
    if let plateau = settings.plateau, reportsWithoutImprovement > plateau.patience {
      rateFactor = min(rateFactor, max(rateFactor * plateau.factor, plateau.floor))
      reportsWithoutImprovement = 0
    }
    return false
  }

  /// Goes on where another trainer of an equal model with equal settings is.
  func takeOver(_ other: Trainer) {
    _ = model.parameters.values.update(fromContentsOf: other.model.parameters.values)
    for (own, others) in zip(moments, other.moments) { _ = own.values.update(fromContentsOf: others.values) }
    (steps, rateFactor) = (other.steps, other.rateFactor)
    (leastValidationLoss, reportsWithoutImprovement) = (other.leastValidationLoss, other.reportsWithoutImprovement)
  }

  /// The seed of a step: Philox4x32-10 with the settings' seed as key and counter (step, 2^32 - 1), 64 bits.
  func seed(ofStep step: Int) -> UInt64 {
    let words = Philox(seed: settings.seed).words(UInt64(step), UInt64(UInt32.max))
    return UInt64(words.0) | UInt64(words.1) << 32
  }
}

/// Result of a step of a ``Trainer``.
public struct TrainerStep: Sendable {
  /// The loss before the step, and how much counted.
  public var loss: ModelLoss
  /// The 2-norm of all gradients before clipping. NaN: a gradient is; the gradients were not clipped then.
  public var gradientNorm: Double
  /// The rate of the step.
  public var rate: Double
}
