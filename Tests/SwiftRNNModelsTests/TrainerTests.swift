import SwiftRNN
import Testing

@testable import SwiftRNNModels

/// Settings of one kind each.
enum TrainerCases {
  static var settings: [TrainerSettings] {
    var momentum = TrainerSettings(.sgd, rate: 0.1)
    (momentum.momentum, momentum.nesterov, momentum.weightDecay) = (0.9, true, 0.01)
    (momentum.schedule, momentum.every, momentum.factor) = (.step, 3, 0.5)
    var rmsprop = TrainerSettings(.rmsprop, rate: 0.01)
    (rmsprop.momentum, rmsprop.centered, rmsprop.alpha, rmsprop.epsilon) = (0.5, true, 0.9, 1e-6)
    (rmsprop.schedule, rmsprop.factor) = (.exponential, 0.9)
    var adam = TrainerSettings(.adam, rate: 0.01, clipNorm: 0.5)
    (adam.clipValue, adam.schedule, adam.warmUp, adam.steps, adam.floor) = (0.1, .cosine, 3, 12, 0.1)
    adam.plateau = TrainerSettings.Plateau(patience: 1, factor: 0.5, threshold: 0.01, floor: 0.1)
    (adam.labelSmoothing, adam.seed) = (0.1, .max)
    adam.sampling = SamplingDecay(.linear, k: 0.05, floor: 0.2)
    var sampled = TrainerSettings(.sgd, rate: 0.1)
    (sampled.sampledClasses, sampled.tapeLimit) = (3, 0)
    var adamw = TrainerSettings(.adamw, rate: 0.01)
    (adamw.weightDecay, adamw.beta1, adamw.beta2, adamw.schedule, adamw.steps) = (0.1, 0.8, 0.95, .linear, 12)
    (adamw.classWeights, adamw.memoryLimit) = ((0..<7).map { 1 + Double($0) / 7 }, 1)
    return [
      TrainerSettings(.sgd, rate: 0.1), momentum, TrainerSettings(.rmsprop, rate: 0.01), rmsprop, adam, adamw, sampled,
    ]
  }
}

@Suite struct TrainerTests {
  /// Steps of the whole vector are those of the optimizers by themselves.
  @Test(arguments: TrainerCases.settings)
  func steps(settings: TrainerSettings) throws {
    let configuration = ModelConfiguration.languageModel(
      vocabulary: 7, embeddingSize: 4, .init(.gru, hiddenSize: 4), dropout: 0.2)
    let (run, other) = (try ModelCase<Double>(configuration), try ModelCase<Double>(configuration))
    let trainer = try Trainer(run.model, settings)
    let (values, gradients) = (other.model.parameters.values, other.model.parameters.gradients)
    let zeros = [Double](repeating: 0, count: values.count)
    var moments = [zeros, zeros, zeros].map { other.keep($0) }.map { UnsafeMutableBufferPointer(mutating: $0) }
    for step in 0..<6 {
      let options = trainer.options
      let found = try trainer.step(run.batch)
      let loss = try other.model.loss(other.batch, options)
      #expect(loss.mean == found.loss.mean && loss.count == found.loss.count)
      let norm = gradients.reduce(0) { $0 + $1 * $1 }.squareRoot()
      #expect(abs(norm - found.gradientNorm) < 1e-12 * norm)
      #expect(found.rate == settings.rates.rate(step))
      if let most = settings.clipNorm { try GradientClipping.clip([gradients], maxNorm: most) }
      if let most = settings.clipValue { try GradientClipping.clip([gradients], values: most) }
      switch settings.optimizer {
      case .sgd:
        try SGD(
          rate: found.rate, momentum: settings.momentum, weightDecay: settings.weightDecay, nesterov: settings.nesterov
        ).step(gradient: gradients.constant, parameter: values, velocity: moments[0])
      case .rmsprop:
        try RMSprop(
          rate: found.rate, alpha: settings.alpha, epsilon: settings.epsilon, weightDecay: settings.weightDecay,
          momentum: settings.momentum, centered: settings.centered
        ).step(
          gradient: gradients.constant, parameter: values, square: moments[0], mean: moments[1], velocity: moments[2])
      case .adam, .adamw:
        try Adam(
          rate: found.rate, beta1: settings.beta1, beta2: settings.beta2, epsilon: settings.epsilon,
          weightDecay: settings.weightDecay, decoupled: settings.optimizer == .adamw
        ).step(step + 1, gradient: gradients.constant, parameter: values, first: moments[0], second: moments[1])
      }
      #expect(Array(run.model.parameters.values) == Array(values), "step \(step)")
    }
    moments = []
    #expect(trainer.steps == 6 && trainer.rate == settings.rates.rate(6))
  }

  @Test(arguments: TrainerCases.settings)
  func somethingIsLearned(settings: TrainerSettings) throws {
    let run = try ModelCase<Float>(.languageModel(vocabulary: 7, embeddingSize: 4, .init(.gru, hiddenSize: 8)))
    var settings = settings
    (settings.sampling, settings.schedule, settings.every, settings.factor) = (SamplingDecay(), .constant, 1, 1)
    (settings.floor, settings.labelSmoothing) = (0, 0)
    let trainer = try Trainer(run.model, settings)
    let first = try trainer.evaluate(run.batch).mean
    for _ in 0..<150 { _ = try trainer.step(run.batch) }
    #expect(try trainer.evaluate(run.batch).mean < 0.8 * first)
  }

  /// Each step has masks of its own, and a second training the same ones.
  @Test func seeds() throws {
    var settings = TrainerSettings(rate: 0)
    settings.seed = 4
    func losses(_ settings: TrainerSettings) throws -> [Double] {
      let run = try ModelCase<Float>(
        .languageModel(vocabulary: 7, embeddingSize: 4, .init(.gru, hiddenSize: 8), dropout: 0.5))
      let trainer = try Trainer(run.model, settings)
      return try (0..<4).map { _ in try trainer.step(run.batch).loss.mean }
    }
    let (first, again) = (try losses(settings), try losses(settings))
    #expect(first == again && Set(first).count == 4)
    settings.seed = 5
    #expect(try losses(settings)[0] != first[0])
  }

  @Test func plateaus() throws {
    let run = try ModelCase<Float>(.regressor(input: .features(2), .init(hiddenSize: 3)))
    var settings = TrainerSettings(rate: 1)
    settings.plateau = TrainerSettings.Plateau(patience: 1, factor: 0.5, threshold: 0.1, floor: 0.3)
    let trainer = try Trainer(run.model, settings)
    #expect(!trainer.report(validationLoss: .infinity) && trainer.leastValidationLoss == nil)
    #expect(trainer.report(validationLoss: 10) && trainer.rate == 1)
    #expect(!trainer.report(validationLoss: 9.5) && trainer.rate == 1)
    #expect(!trainer.report(validationLoss: .nan) && trainer.rate == 0.5)
    #expect(trainer.report(validationLoss: 8.9) && trainer.rate == 0.5)
    for _ in 0..<2 { #expect(!trainer.report(validationLoss: 8.9)) }
    #expect(trainer.rate == 0.3)
    for _ in 0..<9 { #expect(!trainer.report(validationLoss: 20)) }
    #expect(trainer.rate == 0.3 && trainer.leastValidationLoss == 8.9)
    trainer.rateFactor = 0.125
    #expect(try trainer.step(run.batch).rate == 0.125)
    let before = Array(run.model.parameters.values)
    trainer.rateFactor = -1
    #expect(throws: RNNError.self) { try trainer.step(run.batch) }
    #expect(Array(run.model.parameters.values) == before && trainer.steps == 1)
    // A trainer without a plateau keeps the least loss, and leaves the rate alone.
    let plain = try Trainer(run.model, TrainerSettings(rate: 1))
    let improved = [3, 2.999, 4, 5, 6, 7, -1, -1.5].map { plain.report(validationLoss: $0) }
    #expect(improved == [true, true, false, false, false, false, true, true] && plain.rate == 1)
  }
}

@Suite struct TrainerSettingsTests {
  @Test(arguments: TrainerCases.settings)
  func settingsComeBack(settings: TrainerSettings) throws {
    let text = try settings.json.text()
    #expect(try TrainerSettings(JSON(parsing: text)) == settings, "\(text)")
    // Each key may be missing, and then has its default.
    guard case .object(let object) = settings.json, case .object(let defaults) = TrainerSettings().json else { return }
    for member in object.members where member.value == defaults[member.key] {
      var less = object
      less[member.key] = nil
      #expect(try TrainerSettings(.object(less)) == settings, "\(member.key)")
    }
  }

  @Test func defaults() throws {
    #expect(try TrainerSettings(JSON(parsing: "{}")) == TrainerSettings())
    let some = try TrainerSettings(
      JSON(parsing: #"{"optimizer": "rmsprop", "rate": 1, "loss": "huber", "delta": 2, "clip_norm": null, "seed": -1}"#)
    )
    #expect(some.optimizer == .rmsprop && some.rate == 1 && some.elementwiseLoss == .huber(delta: 2))
    #expect(some.clipNorm == nil && some.seed == .max)
  }

  @Test(arguments: [
    ("{\"rate\": -1}", "rate"), ("{\"rate\": \"much\"}", "rate is a string, must be a number"),
    ("{\"optimizer\": \"lion\"}", "must be one of \"sgd\", \"rmsprop\", \"adam\", \"adamw\""),
    ("{\"learning_rate\": 1}", "unknown key \"learning_rate\"; the keys are optimizer, rate, betas"),
    ("{\"betas\": [0.9]}", "betas has 1 numbers, must have 2"), ("{\"betas\": [0.9, 1]}", "betas"),
    ("{\"betas\": [0.9, true]}", "an element of betas"), ("{\"momentum\": 0.9}", "sgd and rmsprop"),
    ("{\"optimizer\": \"sgd\", \"nesterov\": true}", "momentum above 0"), ("{\"alpha\": 0.5}", "rmsprop"),
    ("{\"optimizer\": \"sgd\", \"epsilon\": 1}", "epsilon"), ("{\"optimizer\": \"sgd\", \"betas\": [0, 0]}", "betas"),
    ("{\"floor\": 0.5}", "cosine and linear"), ("{\"every\": 2}", "schedule step"), ("{\"factor\": 2}", "exponential"),
    ("{\"schedule\": \"step\", \"every\": 0}", "every"), ("{\"schedule\": \"step\", \"factor\": 0}", "factor"),
    ("{\"steps\": 0}", "steps"), ("{\"warm_up\": -1}", "warm_up"), ("{\"warm_up\": 1.5}", "warm_up"),
    ("{\"schedule\": \"cosine\", \"floor\": 2}", "floor"), ("{\"clip_norm\": 0}", "clip_norm"),
    ("{\"clip_value\": -1}", "clip_value"), ("{\"plateau_factor\": 0.5}", "plateau_patience"),
    ("{\"plateau_patience\": -1}", "plateau_patience"),
    ("{\"plateau_patience\": 1, \"plateau_factor\": 1}", "plateau_factor"),
    ("{\"plateau_patience\": 1, \"plateau_threshold\": 1}", "plateau_threshold"),
    ("{\"plateau_patience\": 1, \"plateau_floor\": -1}", "plateau_floor"),
    ("{\"label_smoothing\": 2}", "label_smoothing"), ("{\"class_weights\": [1, -1]}", "class_weights"),
    ("{\"delta\": 2}", "huber"), ("{\"loss\": \"huber\", \"delta\": 0}", "delta"), ("{\"sampling_k\": 2}", "sampling"),
    ("{\"sampling\": \"exponential\"}", "sampling_k"),
    ("{\"sampling\": \"inverse_sigmoid\", \"sampling_k\": 0.5}", "sampling_k"),
    ("{\"sampling\": \"linear\", \"sampling_floor\": 2}", "sampling_floor"), ("{\"memory_limit\": -1}", "memory_limit"),
    ("{\"sampled_classes\": -1}", "sampled_classes"), ("{\"tape_limit\": -1}", "tape_limit"),
    ("[]", "not an object"),
  ])
  func whatIsRefused(text: String, part: String) {
    let error = message { _ = try TrainerSettings(JSON(parsing: text)) }
    #expect(error.contains(part), "\(text): \(error)")
  }

  @Test func whatAModelHasNoUseFor() throws {
    let classifier = try Model<Float>(.classifier(input: .features(2), classes: 3, .init(hiddenSize: 3)))
    let regressor = try Model<Float>(.regressor(input: .features(2), .init(hiddenSize: 3)))
    func isRefused(_ model: Model<Float>, _ change: (inout TrainerSettings) -> Void) -> Bool {
      var settings = TrainerSettings()
      change(&settings)
      return (try? Trainer(model, settings)) == nil
    }
    #expect(
      !isRefused(classifier) { $0.classWeights = [1, 2, 3] } && isRefused(classifier) { $0.classWeights = [1, 2] })
    #expect(!isRefused(regressor) { $0.loss = .huber } && isRefused(classifier) { $0.loss = .huber })
    #expect(isRefused(regressor) { $0.labelSmoothing = 0.1 } && isRefused(regressor) { $0.classWeights = [1] })
    #expect(
      isRefused(classifier) { $0.sampling = SamplingDecay(.linear, k: 0.1) } && isRefused(classifier) { $0.rate = -1 })
    // Output feedback has no steps between targets and outputs.
    let feedback = try Model<Float>(.outputFeedback(input: .features(2), outputs: 3, hiddenSize: 3))
    for shape in SamplingDecay.Shape.allCases {
      let k = shape == .exponential ? 0.5 : 1
      #expect(isRefused(feedback) { $0.sampling = SamplingDecay(shape, k: k) } == (shape != .none), "\(shape)")
    }
    var settings = TrainerSettings()
    settings.sampling = SamplingDecay(.linear, k: 0.1)
    #expect(message { _ = try Trainer(feedback, settings) }.contains("output_feedback"))
  }
}
