// `Trainer.fit`: learns, goes on from a checkpoint with the same bits, stops early with the best parameters, refuses.
import SwiftRNN
import Testing

@testable import SwiftRNNModels

@Suite struct FitTests {
  private typealias Example = ModelExample<Float>

  /// Sequences of 2 to 6 tokens below 5, each labelled with whether the token before is smaller.
  private static func tagged(_ count: Int, seed: UInt64) -> [Example] {
    var random = Random(state: seed)
    return (0..<count).map { _ in
      let tokens = (0..<2 + random.int(5)).map { _ in random.int(5) }
      let labels = tokens.indices.map { $0 > 0 && tokens[$0 - 1] < tokens[$0] ? 1 : 0 }
      return Example(.tokens(tokens), .tokens(labels))
    }
  }

  private static let tagger = ModelConfiguration.tagger(
    input: .tokens(vocabulary: 5, embeddingSize: 6), labels: 2, .init(.gru, hiddenSize: 12), dropout: 0.1)

  private static func trainer(
    _ configuration: ModelConfiguration, _ settings: TrainerSettings = TrainerSettings(.adam, rate: 0.02, clipNorm: 1)
  ) throws -> Trainer<Float> {
    let model = try Model<Float>(configuration)
    try model.initialize(seed: 4)
    return try Trainer(model, settings)
  }

  @Test func learnsATagger() throws {
    let trainer = try Self.trainer(Self.tagger)
    let examples = try ModelExamples(Self.tagged(300, seed: 1), Self.tagger)
    let held = try ModelExamples(Self.tagged(60, seed: 2), Self.tagger)
    let history = try trainer.fit(examples, FitOptions(epochs: 12), validation: held)
    #expect(history.map(\.epoch) == Array(1...12) && history.last?.step == trainer.steps)
    let (first, last) = (try #require(history.first?.validationLoss), try #require(history.last?.validationLoss))
    #expect(last < 0.1 * first, "\(history)")
  }

  /// Every kind of model takes its examples, and its loss falls.
  @Test func everyKind() throws {
    var random = Random(state: 9)
    func sequence() -> [Int] { (0..<2 + random.int(4)).map { _ in random.int(5) } }
    let tokens = ModelConfiguration.Input.tokens(vocabulary: 5, embeddingSize: 4)
    let layers = ModelConfiguration.Recurrent(.lstm, hiddenSize: 12)
    let cases: [(ModelConfiguration, (Int) -> Example)] = [
      (
        .languageModel(vocabulary: 5, embeddingSize: 4, layers), { n in Example(.tokens((0..<6).map { (n + $0) % 5 })) }
      ),
      (
        .classifier(input: tokens, classes: 5, layers),
        { _ in
          let own = sequence()
          return Example(.tokens(own), .tokens([own[0]]))
        }
      ),
      (
        .regressor(input: .features(1), layers),
        { Example(.numbers([Float($0 % 5), 1, 0.5]), .numbers([Float($0 % 5) / 4])) }
      ),
      (
        .vectorDecoder(vectorSize: 2, vocabulary: 5, embeddingSize: 4, layers),
        { Example(.numbers([Float($0 % 3), 1]), .tokens([$0 % 3 + 1, 4])) }
      ),
      (
        .encoderDecoder(input: tokens, encoder: layers, vocabulary: 5, embeddingSize: 4, decoder: layers),
        { _ in
          let own = sequence()
          return Example(.tokens(own), .tokens(own.prefix(1) + [0]))
        }
      ),
    ]
    for (configuration, example) in cases {
      let examples = try ModelExamples((0..<100).map(example), configuration, start: 0)
      let history = try Self.trainer(configuration).fit(examples, FitOptions(epochs: 10))
      #expect(history[9].trainLoss < 0.6 * history[0].trainLoss, "\(configuration.kind) \(history)")
    }
  }

  @Test func aTextAndItsCheckpoint() throws {
    let folder = try TemporaryFolder()
    let ids = (0..<600).map { $0 * $0 % 7 }
    let configuration = ModelConfiguration.languageModel(
      vocabulary: 7, embeddingSize: 4, .init(.lstm, hiddenSize: 8), dropout: 0.2)
    func run(_ epochs: Int, _ checkpoint: String?) throws -> (Trainer<Float>, [FitReport]) {
      let trainer = try Self.trainer(configuration)
      var options = FitOptions(epochs: epochs)
      options.checkpoint = checkpoint
      let history = try trainer.fit(
        TextStream(ids: ids, sequences: 4, steps: 10), options,
        validation: TextStream(ids: Array(ids.prefix(50)), sequences: 1, steps: 10))
      return (trainer, history)
    }
    let (whole, history) = try run(6, nil)
    #expect(history[5].trainLoss < history[0].trainLoss)
    for epochs in [1, 4] { _ = try run(epochs, folder.file("run")) }
    let (resumed, resumedHistory) = try run(6, folder.file("run"))
    #expect(resumedHistory == history)
    #expect(Array(resumed.model.parameters.values) == Array(whole.model.parameters.values))
  }

  /// Labels that cannot be learned: the validation loss rises at some time. The model ends with the best parameters, also
  /// when the training was interrupted.
  @Test func stopsEarlyWithTheBestParameters() throws {
    let folder = try TemporaryFolder()
    var random = Random(state: 3)
    func noise(_ count: Int) throws -> ModelExamples<Float> {
      try ModelExamples(
        (0..<count).map { _ in
          Example(.tokens((0..<5).map { _ in random.int(5) }), .tokens((0..<5).map { _ in random.int(2) }))
        }, Self.tagger)
    }
    let (examples, held) = (try noise(40), try noise(40))
    func run(_ epochs: Int, _ checkpoint: String?) throws -> (Trainer<Float>, [FitReport]) {
      let trainer = try Self.trainer(Self.tagger)
      var options = FitOptions(epochs: epochs)
      (options.patience, options.checkpoint) = (3, checkpoint)
      return (trainer, try trainer.fit(examples, options, validation: held))
    }
    let (trainer, history) = try run(200, nil)
    let losses = history.compactMap(\.validationLoss)
    let least = try #require(losses.min())
    #expect(history.count < 200 && losses.firstIndex(of: least) == history.count - 5)
    let all = Array(0..<40)
    #expect(
      abs(try held.withBatch(all) { (batch) throws(RNNError) in try trainer.evaluate(batch) }.mean - least) < 1e-6)
    _ = try run(history.count - 2, folder.file("run"))
    let (resumed, resumedHistory) = try run(200, folder.file("run"))
    #expect(resumedHistory == history)
    #expect(Array(resumed.model.parameters.values) == Array(trainer.model.parameters.values))
    // A training that is over stays over.
    let (_, again) = try run(200, folder.file("run"))
    #expect(again == history)
  }

  @Test func whatIsRefused() throws {
    func examples(_ own: Example...) throws { _ = try ModelExamples(own, Self.tagger) }
    #expect(
      message { try examples(Example(.tokens([1]), .tokens([2]))) } == "example 0 has the target 2, must be in 0..<2")
    #expect(
      message { try examples(Example(.tokens([1]), .tokens([1])), Example(.tokens([5]), .tokens([1]))) }
        == "example 1 has the token 5, must be in 0..<5")
    #expect(message { try examples(Example(.tokens([1, 2]), .tokens([1]))) } == "example 0 has 1 targets, must have 2")
    #expect(message { try examples(Example(.tokens([1]))) } == "example 0 has no target")
    #expect(message { try examples(Example(.numbers([1]), .tokens([1]))) } == "example 0 has numbers, must have tokens")
    let trainer = try Self.trainer(Self.tagger)
    let few = try ModelExamples(Self.tagged(5, seed: 1), Self.tagger)
    #expect(
      message { _ = try trainer.fit(ModelExamples([], Self.tagger), FitOptions(epochs: 1)) } == "examples are none")
    var options = FitOptions(epochs: 1)
    options.patience = 1
    #expect(message { _ = try trainer.fit(few, options) } == "patience needs a validation")
    #expect(message { _ = try trainer.fit(few, FitOptions(epochs: -1)) } == "epochs is -1, must be 0 or more")
  }
}
