// `Trainer.fit` and numbers that are not finite: the training ends with an error, and with parameters that are of use.
import SwiftRNN
import Testing

@testable import SwiftRNNModels

@Suite struct FitFailureTests {
  private typealias Example = ModelExample<Float>

  private static let regressor = ModelConfiguration.regressor(
    input: .features(1), .init(ModelCell("rnn_relu"), hiddenSize: 4))

  private static func examples(_ features: [Float]) throws -> ModelExamples<Float> {
    try ModelExamples(features.map { Example(.numbers([$0, 0.5]), .numbers([0.25])) }, regressor)
  }

  private static func trainer(_ settings: TrainerSettings = TrainerSettings(.sgd, rate: 0.01)) throws -> Trainer<Float>
  {
    let model = try Model<Float>(regressor)
    try model.initialize(seed: 4)
    for i in model.parameters.values.indices { model.parameters.values[i] = abs(model.parameters.values[i]) }
    return try Trainer(model, settings)
  }

  private static let advice = ["cannot go on", "smaller rate", "clip_norm"]

  private func check(_ text: String, _ start: String) {
    #expect(text.hasPrefix(start), "\(text)")
    for part in Self.advice { #expect(text.contains(part), "\(text)") }
  }

  /// A step that has no loss is not made: parameters, moments and counter are those of before.
  @Test(arguments: [TrainerSettings.Optimizer.sgd, .adam])
  func stepsWithoutALoss(optimizer: TrainerSettings.Optimizer) throws {
    let trainer = try Self.trainer(TrainerSettings(optimizer, rate: 0.01, clipNorm: 1))
    var options = FitOptions(epochs: 3)
    options.batchSize = 1
    let examples = try Self.examples([0.1, 0.2, .nan, 0.4, 0.5])
    let text = message { _ = try trainer.fit(examples, options) }
    check(text, "the loss of step \(trainer.steps + 1) is nan: ")
    #expect(trainer.steps < 5 && trainer.model.parameters.values.allSatisfy { $0.isFinite })
    for moment in trainer.moments { #expect(moment.values.allSatisfy { $0.isFinite }) }
    // The same parameters as those of the steps before.
    let twin = try Self.trainer(TrainerSettings(optimizer, rate: 0.01, clipNorm: 1))
    let batches = try examples.buckets(sequenceLimit: 1, tokenLimit: nil, seed: 0).batches(epoch: 0)
    for batch in batches.prefix(trainer.steps) {
      try examples.withBatch(batch) { (batch) throws(RNNError) in _ = try twin.step(batch) }
    }
    #expect(Array(twin.model.parameters.values) == Array(trainer.model.parameters.values))
  }

  /// A finite loss with gradients that are not.
  @Test func stepsWithoutAGradient() throws {
    let trainer = try Self.trainer()
    let examples = try ModelExamples([Example(.numbers([1e30]), .numbers([0]))], Self.regressor)
    trainer.model.parameters.values.update(repeating: 0)
    // The output is 4e12, the gradient of the first weights 8e12 · 1e30.
    for (name, value) in [("network.weight_ih_l0", 1e-18), ("output.weight", 1)] as [(String, Float)] {
      try #require(trainer.model.parameters.values(of: name)).update(repeating: value)
    }
    let before = Array(trainer.model.parameters.values)
    check(
      message { _ = try trainer.fit(examples, FitOptions(epochs: 1)) }, "the norm of the gradients of step 1 is inf: ")
    #expect(trainer.steps == 0 && Array(trainer.model.parameters.values) == before)
  }

  /// The first validation loss that is not finite ends the training, with or without patience.
  @Test(arguments: [nil, 3] as [Int?])
  func firstValidation(patience: Int?) throws {
    let folder = try TemporaryFolder()
    let trainer = try Self.trainer()
    var options = FitOptions(epochs: 4)
    (options.patience, options.checkpoint) = (patience, folder.file("run"))
    let text = message {
      _ = try trainer.fit(Self.examples([0.1, 0.2]), options, validation: Self.examples([.nan]))
    }
    check(text, "the validation loss of step 1 is nan: ")
    #expect(trainer.steps == 1 && trainer.leastValidationLoss == nil)
    #expect(trainer.model.parameters.values.allSatisfy { $0.isFinite } && !InputFile.exists(folder.file("run")))
  }

  /// Losses that are finite for some epochs: the model has the parameters of the best one, and the checkpoint is that of
  /// the last whole epoch.
  @Test(arguments: [nil, 3] as [Int?], [true, false])
  func theBestParametersStay(patience: Int?, inTraining: Bool) throws {
    let folder = try TemporaryFolder()
    let trainer = try Self.trainer(TrainerSettings(.sgd, rate: 1e-30))
    let weights = try #require(trainer.model.parameters.values(of: "network.weight_ih_l0"))
    weights.update(repeating: 1e-30)
    var options = FitOptions(epochs: 9)
    (options.patience, options.checkpoint) = (patience, folder.file("run"))
    let (own, held) = (try Self.examples([0.1, 0.2]), try Self.examples([3e38]))
    var (best, least): ([Float], Double) = ([], .infinity)
    let text = message {
      _ = try trainer.fit(own, options, validation: held) { report in
        guard let loss = report.validationLoss else { return false }
        if loss < least { (best, least) = (Array(trainer.model.parameters.values), loss) }
        guard report.epoch == 3 else { return true }
        // Weights that no pass survives, or none over the numbers of the validation.
        weights.update(repeating: inTraining ? .nan : 10)
        return true
      }
    }
    check(text, inTraining ? "the loss of step 4 is nan: " : "the validation loss of step 4 is ")
    #expect(!best.isEmpty && Array(trainer.model.parameters.values) == best)
    let saved = try Trainer<Float>.load(folder.file("run"))
    #expect(saved.trainer.steps == 3)
    let file = try ModelFile.load(folder.file("run.best"), as: Float.self).model
    #expect(Array(file.parameters.values) == best)
  }
}
