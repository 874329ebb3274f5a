import SwiftRNN
import Testing

@testable import SwiftRNNModels

@Suite struct ModelFileTests {
  private static let tokens = ModelConfiguration.Input.tokens(vocabulary: 7, embeddingSize: 4)

  /// One of each kind, with what differs from the defaults.
  private static var configurations: [ModelConfiguration] {
    let two = ModelConfiguration.Recurrent(.gru, hiddenSize: 4, layers: 2, bidirectional: true)
    var pooled = ModelConfiguration.classifier(input: tokens, classes: 3, two, dropout: 0.25, pooling: .attention)
    pooled.attentionSize = 9
    var attends = ModelConfiguration.encoderDecoder(
      input: .features(2), encoder: two, vocabulary: 7, embeddingSize: 4, decoder: .init(hiddenSize: 6),
      attention: .additive)
    attends.attentionSize = 5
    var feeds = attends
    (feeds.attention, feeds.attentionUse) = (.concat, .input)
    (feeds.adaptiveCutoffs, feeds.adaptiveDivisor) = ([2, 5], 2)
    return [
      .languageModel(
        vocabulary: 7, embeddingSize: 5, .init(ModelCell("lstm_projected", sizes: ["P": 5]), hiddenSize: 8),
        dropout: 0.5, tiesEmbedding: true),
      .tagger(input: .features(3), labels: 2, two, predictsNumbers: true), pooled,
      .regressor(input: tokens, outputs: 2, .init(ModelCell("h' = tanh(W @ x + U @ h)"), hiddenSize: 3), pooling: .max),
      .vectorDecoder(
        vectorSize: 3, vocabulary: 7, embeddingSize: 4, .init(hiddenSize: 4), vectorUse: .input, tiesEmbedding: true),
      attends, feeds, trees, .outputFeedback(input: .features(2), outputs: 3, hiddenSize: 4, predictsNumbers: true),
      .outputFeedback(input: tokens, outputs: 3, hiddenSize: 4),
    ]
  }

  private static var trees: ModelConfiguration {
    var trees = ModelConfiguration.regressor(
      input: tokens, outputs: 2, .init(ModelCell("tree_child_sum"), hiddenSize: 3, layers: 2))
    trees.structure = .trees
    return trees
  }

  private static func modelCase(_ configuration: ModelConfiguration) throws -> ModelCase<Float> {
    configuration.structure == .trees
      ? try ModelCase(configuration, parents: [2, 2, -1, 4, -1]) : try ModelCase(configuration)
  }

  /// Keys that have a default.
  private static let optional: Set = ["structure", "attention_use", "adaptive_cutoffs", "adaptive_divisor"]

  @Test func configurationsComeBack() throws {
    for configuration in Self.configurations {
      let text = try configuration.json.text()
      #expect(try ModelConfiguration(JSON(parsing: text)) == configuration, "\(text)")
      // Each key is needed, and another one is refused.
      guard case .object(let object) = configuration.json else { return }
      for member in object.members {
        var less = object
        less[member.key] = nil
        if Self.optional.contains(member.key) {
          #expect(try ModelConfiguration(.object(less)) != configuration)
          continue
        }
        #expect(throws: ModelError.self, "\(member.key)") { try ModelConfiguration(.object(less)) }
      }
      var more = object
      more.append("more", .bool(true))
      #expect(throws: ModelError.self) { try ModelConfiguration(.object(more)) }
    }
  }

  @Test func modelsComeBack() throws {
    let folder = try TemporaryFolder()
    for (number, configuration) in Self.configurations.enumerated() {
      let path = folder.file("model\(number)")
      let run = try Self.modelCase(configuration)
      // A vocabulary with as many tokens as the model has, where it has any.
      func vocabulary(_ size: Int) throws -> Vocabulary {
        try Vocabulary(.whitespace, texts: (0..<size).map { "t\($0)" }, specials: [])
      }
      var (source, target): (Vocabulary?, Vocabulary?)
      if case .tokens(let size, _) = configuration.input, configuration.kind != .vectorDecoder {
        source = try vocabulary(size)
      }
      if configuration.kind != .languageModel, !configuration.predictsNumbers {
        target = try vocabulary(configuration.outputs)
      }
      try ModelFile.save(
        run.model, to: path, vocabulary: source, targetVocabulary: target, metadata: [(key: "note", value: "mine")])
      let other = try vocabulary(configuration.outputs + 1)
      #expect(throws: ModelError.self) { try ModelFile.save(run.model, to: path, targetVocabulary: other) }
      let file = try ModelFile.load(path, as: Float.self)
      #expect(file.model.configuration == configuration)
      #expect(Array(file.model.parameters.values) == Array(run.model.parameters.values))
      #expect(file.vocabulary == source && file.targetVocabulary == target)
      #expect(file.metadata.map(\.value) == ["mine"])
      let loss = try run.model.evaluate(run.batch).mean
      #expect(try file.model.evaluate(run.batch).mean == loss)
      // The same numbers in double precision.
      let wide = try ModelFile.load(path, as: Double.self)
      #expect(Array(wide.model.parameters.values) == run.model.parameters.values.map(Double.init))
    }
  }

  @Test func whatIsRefused() throws {
    let folder = try TemporaryFolder()
    let path = folder.file("model")
    let run = try ModelCase<Double>(Self.configurations[0])
    #expect(throws: ModelError.self) {
      try ModelFile.save(run.model, to: path, metadata: [(key: "configuration", value: "")])
    }
    try ModelFile.save(run.model, to: path)
    // Doubles are not rounded.
    #expect(throws: ModelError.self) { try ModelFile.load(path, as: Float.self) }
    #expect(throws: ModelError.self) { try ModelFile.load(folder.file("none"), as: Double.self) }
    // A configuration that asks for other tensors than there are, or for more than any file has.
    let sources = try Safetensors.sources(run.model.parameters.list, run.model.parameters.values.constant)
    let text = try run.model.configuration.json.text()
    for other in [
      text.replacing("\"hidden_size\":8", with: "\"hidden_size\":9"),
      text.replacing("\"num_layers\":1", with: "\"num_layers\":2"),
      text.replacing("\"vocabulary\":7", with: "\"vocabulary\":2000000000"),
      text.replacing("lstm_projected", with: "lstm_projectet"), text.replacing("}", with: ""), "[]", "",
    ] {
      #expect(other != text)
      try Safetensors.write(
        sources, metadata: [(key: "format", value: ModelFile.format), (key: "configuration", value: other)], to: path)
      #expect(throws: ModelError.self, "\(other)") { try ModelFile.load(path, as: Double.self) }
    }
    try Safetensors.write(sources, to: path)
    #expect(throws: ModelError.self) { try ModelFile.load(path, as: Double.self) }
  }
}
