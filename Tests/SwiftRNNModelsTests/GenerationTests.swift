import SwiftRNN
import Testing

@testable import SwiftRNNModels

@Suite struct GenerationTests {
  private func languageModel(vocabulary: Int = 4, cell: ModelCell = .lstm, seed: UInt64 = 3) throws -> Model<Double> {
    let model = try Model<Double>(
      .languageModel(vocabulary: vocabulary, embeddingSize: 3, .init(cell, hiddenSize: 6, layers: 2)))
    try model.initialize(seed: seed)
    // Sharper than at the start, so that sequences differ.
    for i in model.parameters.values.indices { model.parameters.values[i] *= 3 }
    return model
  }

  /// log P of each continuation of `prompt`, by a pass over the whole sequence.
  private func logProbability(_ model: Model<Double>, _ prompt: [Int], _ tokens: [Int]) throws -> Double {
    let all = prompt + tokens
    let ids = Array(all.dropLast())
    let targets = (1..<all.count).map { $0 < prompt.count ? CrossEntropy.ignoredTarget : all[$0] }
    return try ids.withUnsafeBufferPointer { ids in
      try targets.withUnsafeBufferPointer { targets in
        var batch = ModelBatch<Double>(steps: ids.count, sequences: 1)
        (batch.ids, batch.targets) = (ids, targets)
        let score = try model.score(batch)[0]
        #expect(score.count == tokens.count)
        return score.logProbability
      }
    }
  }

  /// All sequences that end with `end`, or have `length` tokens without one.
  private func allSequences(classes: Int, length: Int, end: Int) -> [[Int]] {
    var (open, all): ([[Int]], [[Int]]) = ([[]], [])
    for _ in 0..<length {
      var next: [[Int]] = []
      for tokens in open {
        for token in 0..<classes {
          if token == end { all.append(tokens + [token]) } else { next.append(tokens + [token]) }
        }
      }
      open = next
    }
    return all + open
  }

  @Test(arguments: [0.0, 0.7, 2])
  func aWideSearchIsExhaustive(lengthPenalty: Double) throws {
    for seed: UInt64 in 1...3 {
      let model = try languageModel(seed: seed)
      let prompt = [1, 2, 0]
      let found = try model.generate(
        prompts: [prompt, [3]], GenerationOptions(length: 4, end: 0, beams: 100, lengthPenalty: lengthPenalty))
      for (n, prompt) in [prompt, [3]].enumerated() {
        let all = try allSequences(classes: 4, length: 4, end: 0).map { tokens in
          (tokens: tokens, logProbability: try logProbability(model, prompt, tokens))
        }
        func score(_ sequence: (tokens: [Int], logProbability: Double)) -> Double {
          sequence.logProbability / BeamSearch.lengthPenalty(sequence.tokens.count, lengthPenalty)
        }
        let best = all.sorted { score($0) > score($1) }
        #expect(found[n].count == min(100, all.count))
        for (own, expected) in zip(found[n], best) {
          #expect(own.tokens == expected.tokens)
          #expect(abs(own.logProbability - expected.logProbability) < 1e-10)
          #expect(abs(own.score - score(expected)) < 1e-10)
        }
      }
    }
  }

  @Test func aSearchIsNoWorseThanTheLikeliestTokens() throws {
    var better = 0
    for seed: UInt64 in 1...12 {
      let model = try languageModel(vocabulary: 9, cell: .gru, seed: seed)
      let greedy = try model.generate(prompts: [[1]], GenerationOptions(length: 8, end: 0))[0][0]
      let search = try model.generate(prompts: [[1]], GenerationOptions(length: 8, end: 0, beams: 4))[0]
      #expect(search[0].logProbability >= greedy.logProbability - 1e-12)
      #expect(search.count <= 4)
      #expect(abs(try logProbability(model, [1], search[0].tokens) - search[0].logProbability) < 1e-10)
      if search[0].logProbability > greedy.logProbability + 1e-6 { better += 1 }
    }
    #expect(better > 0)
  }

  /// Greedy tokens are the largest logits of whole passes, and prompts of any lengths do not mind each other.
  @Test func promptsSideBySide() throws {
    let model = try languageModel(vocabulary: 6)
    let prompts = [[1], [2, 3, 4, 5, 1], [], [5, 5]]
    let options = GenerationOptions(length: 7, start: 2, end: 0)
    let together = try model.generate(prompts: prompts, options)
    for (n, prompt) in prompts.enumerated() {
      #expect(try model.generate(prompts: [prompt], options) == [together[n]])
      var tokens = prompt.isEmpty ? [2] : prompt
      for token in together[n][0].tokens {
        let best = try tokens.withUnsafeBufferPointer { ids in
          var batch = ModelBatch<Double>(steps: ids.count, sequences: 1)
          batch.ids = ids
          let logits = try model.predict(batch)
          let last = (ids.count - 1) * 6..<ids.count * 6
          return last.max { logits[$0] < logits[$1] }.map { $0 - last.lowerBound }
        }
        #expect(best == token)
        tokens.append(token)
      }
      let own = together[n][0].tokens
      #expect(own.count == 7 || own.last == 0)
      #expect(!own.dropLast().contains(0))
    }
  }

  /// Frequencies of drawn pairs of tokens against their probabilities: chi-squared with 15 degrees of freedom.
  @Test func samplesHaveTheModelsDistribution() throws {
    let model = try languageModel()
    let count = 20000
    var frequencies = [Int](repeating: 0, count: 16)
    let options = GenerationOptions(length: 2, sampler: Sampler(seed: 5))
    for sequence in try model.generate(prompts: [[Int]](repeating: [2], count: count), options) {
      frequencies[sequence[0].tokens[0] * 4 + sequence[0].tokens[1]] += 1
    }
    var chiSquared = 0.0
    for pair in 0..<16 {
      let p = Double(count) * Power.of(2.718281828459045, try logProbability(model, [2], [pair / 4, pair % 4]))
      chiSquared += (Double(frequencies[pair]) - p) * (Double(frequencies[pair]) - p) / p
    }
    // The 99.9th percentile is 37.7, the 0.1th 3.5.
    #expect((3.48...37.7).contains(chiSquared), "\(chiSquared)")
  }

  @Test func seedsAndPenalties() throws {
    let model = try languageModel(vocabulary: 30)
    func tokens(_ seed: UInt64?, penalty: Double = 1) throws -> [Int] {
      try model.generate(
        prompts: [[1]],
        GenerationOptions(length: 60, sampler: Sampler(seed: seed), repetitionPenalty: penalty))[0][0].tokens
    }
    #expect(try tokens(1) == tokens(1))
    #expect(try tokens(1) != tokens(2))
    #expect(try tokens(nil) != tokens(nil))
    #expect(try Set(tokens(1, penalty: 5)).count > Set(tokens(1)).count)
  }

  @Test func decodersWrite() throws {
    let cases: [ModelConfiguration] = [
      .vectorDecoder(vectorSize: 3, vocabulary: 5, embeddingSize: 4, .init(.gru, hiddenSize: 6)),
      .vectorDecoder(vectorSize: 3, vocabulary: 5, embeddingSize: 4, .init(hiddenSize: 6), vectorUse: .input),
      .encoderDecoder(
        input: .tokens(vocabulary: 7, embeddingSize: 3), encoder: .init(.gru, hiddenSize: 4, bidirectional: true),
        vocabulary: 5, embeddingSize: 4, decoder: .init(hiddenSize: 6, layers: 2), attention: .none),
      .encoderDecoder(
        input: .features(2), encoder: .init(hiddenSize: 4, bidirectional: true), vocabulary: 5, embeddingSize: 4,
        decoder: .init(hiddenSize: 6), attention: .additive),
      .encoderDecoder(
        input: .features(2), encoder: .init(.gru, hiddenSize: 3, bidirectional: true), vocabulary: 5, embeddingSize: 4,
        decoder: .init(hiddenSize: 6), attention: .dot),
    ]
    try check(decoders: cases)
  }

  /// Attention that is part of the decoder's input: the query goes with its beam.
  @Test(arguments: [ModelConfiguration.Attention.additive, .dot, .general, .concat])
  func decodersWithAttentionInTheInputWrite(attention: ModelConfiguration.Attention) throws {
    try check(
      decoders: ["gru", "lstm", "like lstm\ny = V @ h' + d\nsize y = 6"].map { cell in
        .encoderDecoder(
          input: .features(2), encoder: .init(.gru, hiddenSize: 3, bidirectional: true), vocabulary: 5,
          embeddingSize: 4,
          decoder: .init(ModelCell(cell), hiddenSize: 6, layers: 2), attention: attention, attentionUse: .input)
      })
  }

  private func check(decoders cases: [ModelConfiguration]) throws {
    for configuration in cases {
      let run = try ModelCase<Double>(configuration, sequences: 3, lengths: [5, 2, 4])
      for i in run.model.parameters.values.indices { run.model.parameters.values[i] *= 2 }
      for beams in [1, 3] {
        let written = try run.model.generate(
          run.batch, GenerationOptions(length: 4, start: 1, beams: beams, lengthPenalty: 0.5))
        #expect(written.count == 3)
        // The same log-probability from a pass that is given the tokens.
        let tokens = written.map { $0[0].tokens }
        #expect(tokens.allSatisfy { $0.count == 4 })
        var batch = run.batch
        batch.targetSteps = 4
        batch.targets = run.keep((0..<12).map { tokens[$0 % 3][$0 / 3] })
        batch.decoderIDs = run.keep((0..<12).map { $0 < 3 ? 1 : tokens[$0 % 3][$0 / 3 - 1] })
        for (n, score) in try run.model.score(batch).enumerated() {
          #expect(abs(score.logProbability - written[n][0].logProbability) < 1e-10)
        }
      }
    }
  }

  @Test func whatIsRefused() throws {
    let model = try languageModel()
    for options in [
      GenerationOptions(length: -1), GenerationOptions(length: 1, start: 4), GenerationOptions(length: 1, end: 9),
      GenerationOptions(length: 1, repetitionPenalty: 0), GenerationOptions(length: 1, beams: 0),
      GenerationOptions(length: 1, lengthPenalty: -1),
    ] {
      #expect(throws: RNNError.self) { try model.generate(prompts: [[1]], options) }
    }
    #expect(throws: RNNError.self) { try model.generate(prompts: [[4]], GenerationOptions(length: 1)) }
    #expect(throws: RNNError.self) {
      try model.generate(ModelBatch(steps: 1, sequences: 1), GenerationOptions(length: 1))
    }
    #expect(try model.generate(prompts: [], GenerationOptions(length: 1)).isEmpty)
    #expect(try model.generate(prompts: [[1]], GenerationOptions(length: 0))[0][0].tokens.isEmpty)
  }
}
