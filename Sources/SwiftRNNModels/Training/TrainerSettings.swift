// Settings of a training: optimizer, schedule, clipping, and the loss.
import SwiftRNN

/// Settings of a ``Trainer``, as values: equal settings, parameters, batches and seeds give equal bits.
///
/// A setting that the chosen optimizer, schedule or loss does not read must have its default, so that a setting without
/// effect is refused and not ignored.
public struct TrainerSettings: Sendable, Equatable {
  public enum Optimizer: String, Sendable, CaseIterable {
    /// `SGD`: reads `momentum`, `nesterov` and `weightDecay`.
    case sgd
    /// `RMSprop`: reads `alpha`, `centered`, `epsilon`, `momentum` and `weightDecay`.
    case rmsprop
    /// `Adam`: reads `beta1`, `beta2`, `epsilon` and `weightDecay`.
    case adam
    /// `Adam` with decoupled weight decay; reads what Adam reads.
    case adamw
  }

  /// Shapes of ``Schedule``.
  public enum Decay: String, Sendable, CaseIterable {
    case constant
    /// Reads `every` and `factor`.
    case step
    /// Reads `factor`.
    case exponential
    /// Reads `steps` and `floor`.
    case cosine
    /// Reads `steps` and `floor`.
    case linear
  }

  /// Losses of models that predict numbers, as `ElementwiseLoss` has them.
  public enum Loss: String, Sendable, CaseIterable {
    case squaredError = "squared_error"
    case absoluteError = "absolute_error"
    /// Reads `delta`.
    case huber
    case binaryCrossEntropy = "binary_cross_entropy"
  }

  /// Lowers the rate when a validation loss does not improve: ``Trainer/report(validationLoss:)``.
  public struct Plateau: Sendable, Equatable {
    /// Reports without an improvement that are waited for; one more lowers the rate. 0 or more.
    public var patience: Int
    /// Factor of the rate, in (0, 1).
    public var factor: Double
    /// An improvement is a loss below (1 - threshold) times the least one; in [0, 1).
    public var threshold: Double
    /// The product of all factors does not go below `floor`; in [0, 1].
    public var floor: Double

    public init(patience: Int, factor: Double = 0.1, threshold: Double = 1e-4, floor: Double = 0) {
      (self.patience, self.factor, self.threshold, self.floor) = (patience, factor, threshold, floor)
    }
  }

  public var optimizer = Optimizer.adam
  /// The largest rate of the schedule; 0 or more.
  public var rate = 0.001
  public var beta1 = 0.9
  public var beta2 = 0.999
  public var epsilon = 1e-8
  public var weightDecay = 0.0
  public var momentum = 0.0
  public var nesterov = false
  public var alpha = 0.99
  public var centered = false

  public var schedule = Decay.constant
  /// Steps in which the rate rises to `rate`; 0: none.
  public var warmUp = 0
  /// Steps of the whole training, for `cosine` and `linear`; 1 or more.
  public var steps = 1
  /// The rate behind the last step of `cosine` and `linear` as a share of `rate`, in [0, 1]; the last step has a rate above.
  public var floor = 0.0
  /// Steps between two factors of `step`; 1 or more.
  public var every = 1
  /// Factor of `step` and `exponential`; finite and above 0.
  public var factor = 1.0
  /// nil: the rate follows the schedule alone.
  public var plateau: Plateau?

  /// Largest 2-norm of all gradients together; nil: any.
  public var clipNorm: Double?
  /// Largest absolute value of each gradient, after the clipping by norm; nil: any.
  public var clipValue: Double?

  /// Seed of dropout masks and sampling: each step has a seed that is a function of this one and the step's number.
  public var seed: UInt64 = 0
  /// Same as ``TrainingOptions/labelSmoothing``.
  public var labelSmoothing = 0.0
  /// Same as ``TrainingOptions/classWeights``.
  public var classWeights: [Double]?
  public var loss = Loss.squaredError
  /// Distance of the Huber loss, finite and above 0.
  public var delta = 1.0
  /// Scheduled sampling.
  public var sampling = SamplingDecay()
  /// Same as ``TrainingOptions/memoryLimit``.
  public var memoryLimit = 0
  /// Same as ``TrainingOptions/sampledClasses``.
  public var sampledClasses = 0
  /// Same as ``TrainingOptions/tapeLimit``.
  public var tapeLimit: Int?

  public init(_ optimizer: Optimizer = .adam, rate: Double = 0.001, clipNorm: Double? = nil) {
    (self.optimizer, self.rate, self.clipNorm) = (optimizer, rate, clipNorm)
  }

  /// The rate of each step, without the factor of a plateau.
  public var rates: Schedule {
    let shape: Schedule.Shape =
      switch schedule {
      case .constant: .constant
      case .step: .step(every: every, factor: factor)
      case .exponential: .exponential(factor: factor)
      case .cosine: .cosine(floor: floor)
      case .linear: .linear(floor: floor)
      }
    return Schedule(rate, shape, warmUp: warmUp, steps: steps)
  }

  /// The loss of models that predict numbers.
  public var elementwiseLoss: ElementwiseLoss {
    switch loss {
    case .squaredError: .squaredError
    case .absoluteError: .absoluteError
    case .huber: .huber(delta: delta)
    case .binaryCrossEntropy: .binaryCrossEntropy
    }
  }

  /// - Throws: `RNNError` for numbers outside their ranges, and for settings without effect.
  public func check() throws(RNNError) {
    try checkOptimizer()
    try checkSchedule()
    for (name, limit) in [("clip_norm", clipNorm), ("clip_value", clipValue)] as [(StaticString, Double?)] {
      if let limit { try Self.positive(name, limit) }
    }
    try Self.share("label_smoothing", labelSmoothing)
    for (index, weight) in (classWeights ?? []).enumerated() where !(weight >= 0 && weight < .infinity) {
      throw .invalidRow("class_weights", index: index, weight, allowed: "finite and 0 or more")
    }
    try Self.positive("delta", delta)
    guard loss == .huber || delta == 1 else { throw .unsupported("delta is for the loss huber") }
    guard memoryLimit >= 0 else { throw .invalidValue("memory_limit", memoryLimit, low: 0, high: .max) }
    guard sampledClasses >= 0 else { throw .invalidValue("sampled_classes", sampledClasses, low: 0, high: .max) }
    if let tapeLimit, tapeLimit < 0 { throw .invalidValue("tape_limit", tapeLimit, low: 0, high: .max) }
    try checkSampling()
  }

  private func checkOptimizer() throws(RNNError) {
    try Self.notNegative("rate", rate)
    try Self.belowOne("betas", beta1)
    try Self.belowOne("betas", beta2)
    try Self.notNegative("epsilon", epsilon)
    try Self.notNegative("weight_decay", weightDecay)
    try Self.notNegative("momentum", momentum)
    try Self.belowOne("alpha", alpha)
    let isAdam = optimizer == .adam || optimizer == .adamw
    guard isAdam || (beta1 == 0.9 && beta2 == 0.999) else {
      throw .unsupported("betas are for the optimizers adam and adamw")
    }
    guard optimizer != .sgd || epsilon == 1e-8 else { throw .unsupported("the optimizer sgd has no epsilon") }
    guard !isAdam || momentum == 0 else { throw .unsupported("momentum is for the optimizers sgd and rmsprop") }
    guard !nesterov || (optimizer == .sgd && momentum > 0) else {
      throw .unsupported("nesterov is for the optimizer sgd with a momentum above 0")
    }
    guard optimizer == .rmsprop || (alpha == 0.99 && !centered) else {
      throw .unsupported("alpha and centered are for the optimizer rmsprop")
    }
  }

  private func checkSchedule() throws(RNNError) {
    guard warmUp >= 0 else { throw .invalidValue("warm_up", warmUp, low: 0, high: .max) }
    guard steps >= 1 else { throw .invalidValue("steps", steps, low: 1, high: .max) }
    guard every >= 1 else { throw .invalidValue("every", every, low: 1, high: .max) }
    try Self.share("floor", floor)
    try Self.positive("factor", factor)
    guard schedule == .cosine || schedule == .linear || floor == 0 else {
      throw .unsupported("floor is for the schedules cosine and linear")
    }
    guard schedule == .step || every == 1 else { throw .unsupported("every is for the schedule step") }
    guard schedule == .step || schedule == .exponential || factor == 1 else {
      throw .unsupported("factor is for the schedules step and exponential")
    }
    guard let plateau else { return }
    guard plateau.patience >= 0 else {
      throw .invalidValue("plateau_patience", plateau.patience, low: 0, high: .max)
    }
    guard plateau.factor > 0, plateau.factor < 1 else {
      throw .invalidNumber("plateau_factor", plateau.factor, allowed: "in (0, 1)")
    }
    try Self.belowOne("plateau_threshold", plateau.threshold)
    try Self.share("plateau_floor", plateau.floor)
  }

  private func checkSampling() throws(RNNError) {
    let k = sampling.k
    try Self.positive("sampling_k", k)
    try Self.share("sampling_floor", sampling.floor)
    switch sampling.shape {
    case .none:
      guard k == 1, sampling.floor == 0 else { throw .unsupported("sampling_k and sampling_floor need sampling") }
    case .linear: break
    case .exponential:
      guard k < 1 else { throw .invalidNumber("sampling_k", k, allowed: "in (0, 1) for exponential") }
    case .inverseSigmoid:
      guard k >= 1 else { throw .invalidNumber("sampling_k", k, allowed: "at least 1 for inverse_sigmoid") }
    }
  }

  private static func positive(_ name: StaticString, _ value: Double) throws(RNNError) {
    guard value > 0, value < .infinity else { throw .invalidNumber(name, value, allowed: "finite and above 0") }
  }

  private static func notNegative(_ name: StaticString, _ value: Double) throws(RNNError) {
    guard value >= 0, value < .infinity else {
      throw .invalidNumber(name, value, allowed: "a finite number that is 0 or more")
    }
  }

  private static func belowOne(_ name: StaticString, _ value: Double) throws(RNNError) {
    guard value >= 0, value < 1 else { throw .invalidNumber(name, value, allowed: "in [0, 1)") }
  }

  private static func share(_ name: StaticString, _ value: Double) throws(RNNError) {
    guard value >= 0, value <= 1 else { throw .invalidNumber(name, value, allowed: "in [0, 1]") }
  }
}
