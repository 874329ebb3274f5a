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
