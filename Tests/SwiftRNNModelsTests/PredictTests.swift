// `Model.predict` over arrays: the numbers of `predict` of a batch, for any lengths and batch sizes, and what is refused.
import SwiftRNN
import Testing

@testable import SwiftRNNModels

@Suite struct PredictTests {
  private static let tokens = ModelConfiguration.Input.tokens(vocabulary: 5, embeddingSize: 4)

  private static func model(_ configuration: ModelConfiguration) throws -> Model<Float> {
    let model = try Model<Float>(configuration)
    try model.initialize(seed: 3)
    return model
  }

  /// Each sequence by itself, as a batch of pointers.
  private static func alone(_ model: Model<Float>, _ input: ModelExample<Float>.Values) throws -> [Float] {
    let (ids, features) = (input.tokens ?? [], input.numbers ?? [])
    return try ids.withUnsafeBufferPointer { ids in
      try features.withUnsafeBufferPointer { features in
        var batch = ModelBatch<Float>(steps: max(ids.count, features.count / 2), sequences: 1)
        if input.tokens != nil { batch.ids = ids } else { batch.features = features }
        return Array(try model.predict(batch))
      }
    }
  }

  /// The same bits whatever is in a batch, in the order of the inputs.
  @Test(arguments: [
    ModelConfiguration.tagger(input: tokens, labels: 3, .init(.gru, hiddenSize: 6, bidirectional: true)),
    .classifier(input: tokens, classes: 3, .init(.lstm, hiddenSize: 6), pooling: .max),
    .languageModel(vocabulary: 5, embeddingSize: 4, .init(.lstm, hiddenSize: 6)),
    .regressor(input: .features(2), outputs: 2, .init(.rnn, hiddenSize: 6), pooling: .mean),
    .outputFeedback(input: .features(2), outputs: 3, hiddenSize: 4),
  ])
  func outputsOfEachSequence(_ configuration: ModelConfiguration) throws {
    var random = Random(state: 8)
    let model = try Self.model(configuration)
    let inputs: [ModelExample<Float>.Values] = (0..<23).map { _ in
      let length = 1 + random.int(9)
      return configuration.input == Self.tokens
        ? .tokens((0..<length).map { _ in random.int(5) })
        : .numbers((0..<2 * length).map { _ in Float(random.number()) })
    }
    let expected = try inputs.map { try Self.alone(model, $0) }
    for batchSize in [1, 4, 32, .max] {
      #expect(try model.predict(inputs, batchSize: batchSize) == expected, "\(batchSize)")
    }
    guard !configuration.predictsNumbers else { return }
    let classes = try model.predictClasses(inputs)
    for (own, rows) in zip(classes, expected) {
      #expect(own.count == rows.count / configuration.outputs)
      for (step, label) in own.enumerated() {
        let row = rows[step * configuration.outputs..<(step + 1) * configuration.outputs]
        #expect(row.max() == row[row.startIndex + label])
      }
    }
  }

  @Test func nothingAndEmptySequences() throws {
    let tagger = try Self.model(.tagger(input: Self.tokens, labels: 3, .init(.gru, hiddenSize: 6)))
    #expect(try tagger.predict([]) == [])
    let found = try tagger.predictClasses([.tokens([]), .tokens([1, 2]), .tokens([])])
    #expect(found.map(\.count) == [0, 2, 0])
  }

  @Test func labelsOfTexts() throws {
    let vocabulary = try Vocabulary(.whitespace, texts: ["a b c d"], specials: [.unknown])
    let labels = try Vocabulary(.lines, texts: ["yes\nnot sure"], specials: [])
    let input = ModelConfiguration.Input.tokens(vocabulary: vocabulary.size, embeddingSize: 4)
    let layers = ModelConfiguration.Recurrent(.lstm, hiddenSize: 6)
    let texts = ["a b", "d", "c c unknown"]
    let inputs = try texts.map { ModelExample<Float>.Values.tokens(try vocabulary.encode($0)) }
    for configuration in [
      ModelConfiguration.tagger(input: input, labels: 2, layers), .classifier(input: input, classes: 2, layers),
    ] {
      let model = try Self.model(configuration)
      let names = try (0..<2).map { try labels.decodeText([$0]) }
      #expect(
        try model.predictLabels(texts, vocabulary, labels: labels)
          == model.predictClasses(inputs).map { $0.map { names[$0] } })
      #expect(
        message { _ = try model.predictLabels(texts, labels, labels: labels) }
          == "the vocabulary has 2 tokens, the model 5")
    }
  }

  @Test func whatIsRefused() throws {
    let layers = ModelConfiguration.Recurrent(.lstm, hiddenSize: 6)
    let tagger = try Self.model(.tagger(input: Self.tokens, labels: 3, layers))
    #expect(
      message { _ = try tagger.predict([.tokens([1]), .tokens([5])]) } == "sequence 1 has the token 5, must be in 0..<5"
    )
    #expect(message { _ = try tagger.predict([.numbers([1])]) } == "sequence 0 has numbers, must have tokens")
    #expect(message { _ = try tagger.predict([], batchSize: 0) } == "batchSize is 0, must be 1 or more")
    let regressor = try Self.model(.regressor(input: .features(2), layers))
    #expect(
      message { _ = try regressor.predict([.numbers([1])]) } == "sequence 0 has 1 features, must have a multiple of 2")
    #expect(message { _ = try regressor.predict([.tokens([1])]) }.hasPrefix("sequence 0 has tokens, must have numbers"))
    #expect(message { _ = try regressor.predictClasses([]) }.hasPrefix("the model predicts numbers, and no classes"))
    let decoder = try Self.model(.vectorDecoder(vectorSize: 2, vocabulary: 5, embeddingSize: 4, layers))
    #expect(message { _ = try decoder.predict([.numbers([1, 2])]) }.hasPrefix("the model is a decoder: generate"))
    var trees = ModelConfiguration.tagger(
      input: Self.tokens, labels: 3, .init(ModelCell("tree_child_sum"), hiddenSize: 6))
    trees.structure = .trees
    #expect(message { _ = try Self.model(trees).predict([.tokens([1])]) }.hasPrefix("the model is over trees"))
  }
}
