import SwiftRNN
import Testing

@testable import SwiftRNNModels

/// Activations kept for some steps at a time: the bits of keeping all.
@Suite struct SegmentTests {
  private func check<Scalar: RNNScalar>(
    _: Scalar.Type, _ configuration: ModelConfiguration, steps: Int, sequences: Int, lengths: [Int]? = nil,
    targetSteps: Int = 4, targetLengths: [Int]? = nil, limits: [Int] = [0, 1]
  ) throws {
    let run = try ModelCase<Scalar>(
      configuration, steps: steps, sequences: sequences, targetSteps: targetSteps, lengths: lengths,
      targetLengths: targetLengths)
    var options = TrainingOptions<Scalar>(seed: 3)
    let whole = try run.model.loss(run.batch, options).mean
    let gradients = Array(run.model.parameters.gradients)
    let recurrent = try #require(run.model.decoder?.part.network ?? run.model.reader?.part.network)
    let shape = try BatchShape(steps: configuration.decodes ? targetSteps : steps, sequences: sequences)
    for limit in limits {
      #expect(try StepSegment.segments(shape, recurrent, tapeLimit: limit).count > 1)
      options.tapeLimit = limit
      run.model.parameters.gradients.update(repeating: 0)
      #expect(try run.model.loss(run.batch, options).mean == whole)
      let found = Array(run.model.parameters.gradients)
      for info in run.model.parameters.list.infos {
        let own = info.offset..<info.offset + info.elements
        #expect(found[own] == gradients[own], "\(info.name), limit \(limit)")
      }
    }
    #expect(gradients.contains { $0 != 0 } && gradients.allSatisfy { $0.isFinite })
  }

  private static let cells: [ModelCell] = [
    .lstm, .gru, .rnn, ModelCell("rnn_relu"), ModelCell("gru_before"), ModelCell("lstm_projected", sizes: ["P": 6]),
  ]

  @Test(arguments: cells)
  func languageModels(cell: ModelCell) throws {
    let configuration = ModelConfiguration.languageModel(
      vocabulary: 11, embeddingSize: 6, .init(cell, hiddenSize: 9, layers: 3), dropout: 0.3)
    for sequences in [1, 7, 64, 300] {
      let steps = sequences > 60 ? 20 : sequences == 1 ? 900 : 150
      try check(Float.self, configuration, steps: steps, sequences: sequences)
      try check(Double.self, configuration, steps: steps, sequences: sequences, limits: [0, 60_000])
    }
  }

  @Test(arguments: cells)
  func lengths(cell: ModelCell) throws {
    for pooling in ModelConfiguration.Pooling.allCases {
      try check(
        Float.self,
        .classifier(
          input: .features(2), classes: 3, .init(cell, hiddenSize: 7, layers: 2), dropout: 0.2, pooling: pooling),
        steps: 60, sequences: 23, lengths: (0..<23).map { 60 - $0 * $0 % 60 })
    }
    try check(
      Double.self, .tagger(input: .tokens(vocabulary: 7, embeddingSize: 4), labels: 3, .init(cell, hiddenSize: 7)),
      steps: 60, sequences: 23, lengths: (0..<23).map { $0 % 5 == 0 ? 0 : 60 - $0 * $0 % 50 })
  }

  /// States between encoder and decoder, as they are and by a bridge; the decoder's first states have gradients.
  @Test(arguments: cells)
  func encodersAndDecoders(cell: ModelCell) throws {
    for encoder in [ModelConfiguration.Recurrent(cell, hiddenSize: 8), .init(.gru, hiddenSize: 5, bidirectional: true)]
    {
      try check(
        Float.self,
        .encoderDecoder(
          input: .tokens(vocabulary: 6, embeddingSize: 3), encoder: encoder, vocabulary: 7, embeddingSize: 4,
          decoder: .init(cell, hiddenSize: 8), attention: encoder.bidirectional ? .general : .none),
        steps: 50, sequences: 20, lengths: (0..<20).map { 50 - 2 * $0 }, targetSteps: 40,
        targetLengths: (0..<20).map { 40 - $0 * 3 % 37 })
    }
  }

  @Test func cuts() throws {
    let lengths = (0..<40).map { Int64(100 - $0 * 2) }
    try lengths.withUnsafeBufferPointer { lengths in
      for (shape, all) in [
        (try BatchShape(steps: 100, sequences: 40), 4000), (try BatchShape(steps: 1000, sequences: 1), 1000),
        (try BatchShape(steps: 9, sequences: 700), 6300),
        (try BatchShape(steps: 100, sequences: 40, lengths: lengths.baseAddress), lengths.reduce(0) { $0 + Int($1) }),
      ] {
        for nominal in [1, 3, 10, 99, 1000] {
          let segments = StepSegment.cut(shape, nominal: nominal)
          // Each step and each row once; all but the last segment have whole chains.
          #expect(segments.reduce(0) { $0 + $1.ownSteps } == shape.steps)
          #expect(segments.reduce(0) { $0 + $1.rows.count } == all)
          #expect(segments.dropLast().allSatisfy { $0.rows.count % 256 == 0 && $0.rows.count > 0 && $0.ownSteps > 0 })
          for (a, b) in zip(segments, segments.dropFirst()) { #expect(a.first + a.ownSteps == b.first) }
          let most = max(nominal, 256 / shape.sequences + (shape.lengths == nil ? 2 : 20))
          #expect(segments.allSatisfy { $0.steps <= most + 2 })
        }
      }
    }
  }

  @Test func whatIsRefused() throws {
    var options = TrainingOptions<Float>()
    options.tapeLimit = 0
    for recurrent in [
      ModelConfiguration.Recurrent(hiddenSize: 4, bidirectional: true), .init(ModelCell("cornn"), hiddenSize: 4),
    ] {
      let run = try ModelCase<Float>(.tagger(input: .features(2), labels: 3, recurrent))
      #expect(throws: RNNError.self) { try run.model.loss(run.batch, options) }
    }
    let run = try ModelCase<Float>(.tagger(input: .features(2), labels: 3, .init(hiddenSize: 4)))
    _ = try run.model.loss(run.batch, options)
    options.tapeLimit = -1
    #expect(throws: RNNError.self) { try run.model.loss(run.batch, options) }
  }
}
