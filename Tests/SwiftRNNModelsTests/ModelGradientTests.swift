import SwiftRNN
import Testing

@testable import SwiftRNNModels

/// Gradients of all models against central differences of their losses.
@Suite struct ModelGradientTests {
  static let tokens = ModelConfiguration.Input.tokens(vocabulary: 7, embeddingSize: 4)

  private func check(
    _ configuration: ModelConfiguration, lengths: [Int]? = nil, targetLengths: [Int]? = nil
  ) throws {
    let run = try ModelCase<Double>(configuration, lengths: lengths, targetLengths: targetLengths)
    let error = try run.gradientError()
    #expect(error < 1e-7, "\(configuration.kind): \(error)")
  }

  @Test(arguments: ["lstm", "gru", "rnn", "cornn", "like lstm\ny = V @ h' + d\nsize y = 5"])
  func languageModels(cell: String) throws {
    try check(.languageModel(vocabulary: 7, embeddingSize: 4, .init(ModelCell(cell), hiddenSize: 5, layers: 2)))
  }

  @Test func tiedEmbedding() throws {
    try check(
      .languageModel(vocabulary: 7, embeddingSize: 5, .init(.gru, hiddenSize: 5), tiesEmbedding: true))
  }

  @Test func taggers() throws {
    try check(
      .tagger(input: Self.tokens, labels: 3, .init(hiddenSize: 5, layers: 2, bidirectional: true)), lengths: [5, 0, 3])
    try check(
      .tagger(input: .features(2), labels: 3, .init(.gru, hiddenSize: 5), predictsNumbers: true), lengths: [2, 5, 1])
  }

  @Test func vectorDecoders() throws {
    for use in ModelConfiguration.VectorUse.allCases {
      try check(
        .vectorDecoder(
          vectorSize: 6, vocabulary: 7, embeddingSize: 4, .init(hiddenSize: 5, layers: 2), vectorUse: use),
        targetLengths: [4, 1, 3])
    }
  }

  @Test(arguments: ModelConfiguration.Pooling.allCases)
  func classifiers(pooling: ModelConfiguration.Pooling) throws {
    for bidirectional in [false, true] {
      let recurrent = ModelConfiguration.Recurrent(.gru, hiddenSize: 5, layers: 2, bidirectional: bidirectional)
      try check(
        .classifier(input: Self.tokens, classes: 3, recurrent, pooling: pooling), lengths: [5, 1, 3])
      try check(.regressor(input: .features(2), outputs: 2, recurrent, pooling: pooling))
    }
  }

  @Test(arguments: [ModelConfiguration.Attention.additive, .dot, .general, .concat])
  func attention(kind: ModelConfiguration.Attention) throws {
    try check(
      .encoderDecoder(
        input: Self.tokens, encoder: .init(.gru, hiddenSize: 3, bidirectional: true), vocabulary: 7, embeddingSize: 4,
        decoder: .init(hiddenSize: 6, layers: 2), attention: kind), lengths: [5, 2, 3], targetLengths: [4, 1, 3])
  }

  /// Attention that is part of the decoder's input, with a bridge and without, with masks, tied, and of a cell whose output
  /// is no state.
  @Test(arguments: [ModelConfiguration.Attention.additive, .dot, .general, .concat])
  func attentionInTheInput(kind: ModelConfiguration.Attention) throws {
    func configuration(
      _ encoder: ModelConfiguration.Recurrent, _ cell: ModelCell = .lstm, layers: Int = 2, dropout: Double = 0,
      ties: Bool = false
    ) -> ModelConfiguration {
      .encoderDecoder(
        input: Self.tokens, encoder: encoder, vocabulary: 7, embeddingSize: ties ? 6 : 4,
        decoder: .init(cell, hiddenSize: 6, layers: layers), dropout: dropout, attention: kind, attentionUse: .input,
        tiesEmbedding: ties)
    }
    let two = ModelConfiguration.Recurrent(.gru, hiddenSize: 3, bidirectional: true)
    for own in [
      configuration(two), configuration(.init(hiddenSize: 6, layers: 2)), configuration(two, .gru, dropout: 0.4),
      configuration(two, .rnn, layers: 1, ties: true),
      configuration(two, ModelCell("like lstm\ny = V @ h' + d\nsize y = 6"), layers: 1),
    ] {
      try check(own, lengths: [5, 2, 3], targetLengths: [4, 0, 3])
      try check(own)
    }
  }

  /// With masks, which are the same for one seed.
  @Test func dropout() throws {
    var configurations: [ModelConfiguration] = [
      .languageModel(vocabulary: 7, embeddingSize: 5, .init(.gru, hiddenSize: 5, layers: 2), tiesEmbedding: true),
      .tagger(input: .features(4), labels: 3, .init(hiddenSize: 5, bidirectional: true)),
      .classifier(input: Self.tokens, classes: 3, .init(hiddenSize: 5, layers: 2), pooling: .mean),
      .encoderDecoder(
        input: Self.tokens, encoder: .init(hiddenSize: 3, bidirectional: true), vocabulary: 7, embeddingSize: 4,
        decoder: .init(hiddenSize: 6, layers: 2)),
    ]
    for i in configurations.indices { configurations[i].dropout = 0.4 }
    for configuration in configurations { try check(configuration) }
    let run = try ModelCase<Double>(configurations[0])
    let losses = try [1, 1, 2].map { try run.model.loss(run.batch, TrainingOptions(seed: $0)).mean }
    #expect(losses[0] == losses[1] && losses[0] != losses[2])
    #expect(try run.model.evaluate(run.batch).mean == run.model.evaluate(run.batch).mean)
  }

  @Test func encodersAndDecoders() throws {
    // The states fit as they are, and by a bridge.
    for encoder: ModelConfiguration.Recurrent in [
      .init(hiddenSize: 5, layers: 2), .init(.gru, hiddenSize: 3, bidirectional: true), .init(hiddenSize: 4),
    ] {
      try check(
        .encoderDecoder(
          input: Self.tokens, encoder: encoder, vocabulary: 7, embeddingSize: 4,
          decoder: .init(hiddenSize: 5, layers: 2), attention: .none), lengths: [5, 2, 3], targetLengths: [4, 1, 3])
    }
  }
}
