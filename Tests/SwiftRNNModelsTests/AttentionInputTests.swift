import SwiftRNN
import Testing

@testable import SwiftRNNModels

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Attention whose context is part of the decoder's input (Bahdanau, Cho, Bengio 2015).
@Suite struct AttentionInputTests {
  private static func configuration(
    _ attention: ModelConfiguration.Attention = .additive, hidden: Int = 4
  ) -> ModelConfiguration {
    var configuration = ModelConfiguration.encoderDecoder(
      input: .features(3), encoder: .init(.rnn, hiddenSize: hidden), vocabulary: 5, embeddingSize: 2,
      decoder: .init(.rnn, hiddenSize: hidden), attention: attention, attentionUse: .input)
    configuration.attentionSize = 3
    return configuration
  }

  /// One sequence after the other, by the equations.
  @Test func equations() throws {
    let lengths = [5, 2, 3]
    let run = try ModelCase<Double>(Self.configuration(), lengths: lengths)
    let p = run.model.parameters
    func matrix(_ name: String) throws -> ([Double]) -> [Double] {
      let values = Array(try #require(p.values(of: name)))
      let columns = try #require(p.list[name]).shape[1]
      return { x in
        (0..<values.count / columns).map { row in
          (0..<columns).reduce(0) { $0 + values[row * columns + $1] * x[$1] }
        }
      }
    }
    func vector(_ name: String) throws -> [Double] { Array(try #require(p.values(of: name))) }
    func add(_ all: [Double]...) -> [Double] { all[0].indices.map { i in all.reduce(0) { $0 + $1[i] } } }
    func step(_ prefix: String) throws -> (_ x: [Double], _ h: [Double]) -> [Double] {
      let (w, u) = (try matrix("\(prefix)network.weight_ih_l0"), try matrix("\(prefix)network.weight_hh_l0"))
      let bias = add(try vector("\(prefix)network.bias_ih_l0"), try vector("\(prefix)network.bias_hh_l0"))
      return { x, h in add(w(x), u(h), bias).map { tanh($0) } }
    }
    let (encode, decode) = (try step("encoder_"), try step("decoder_"))
    let (wq, wk) = (try matrix("attention.query_weight"), try matrix("attention.weight"))
    let (bias, score) = (try vector("attention.bias"), try vector("attention.score"))
    let (join, out) = (try matrix("attention.output_weight"), try matrix("output.weight"))
    let (table, outBias) = (try vector("decoder_embedding.weight"), try vector("output.bias"))
    let (x, ids) = (try #require(run.batch.features), try #require(run.batch.decoderIDs))
    let logits = try run.model.predict(run.batch)
    for n in 0..<3 {
      var (h, keys) = ([0.0, 0, 0, 0], [[Double]]())
      for t in 0..<lengths[n] {
        h = encode((0..<3).map { x[(t * 3 + n) * 3 + $0] }, h)
        keys.append(h)
      }
      for t in 0..<4 {
        let scores = keys.map { key -> Double in
          zip(score, add(wq(h), wk(key), bias)).reduce(0) { $0 + $1.0 * tanh($1.1) }
        }
        let sum = scores.reduce(0) { $0 + exp($1) }
        var context = [0.0, 0, 0, 0]
        for (key, score) in zip(keys, scores) { context = add(context, key.map { $0 * exp(score) / sum }) }
        let id = ids[t * 3 + n]
        h = decode([table[2 * id], table[2 * id + 1]] + context, h)
        let y = add(out(join(context + h).map { tanh($0) }), outBias)
        for i in 0..<5 { #expect(abs(y[i] - logits[(t * 3 + n) * 5 + i]) < 1e-13) }
      }
    }
  }

  /// Tokens behind the ends of sources and targets do not matter, and sequences do not mind each other.
  @Test(arguments: [ModelConfiguration.Attention.additive, .dot, .general, .concat])
  func lengths(attention: ModelConfiguration.Attention) throws {
    let run = try ModelCase<Double>(Self.configuration(attention), lengths: [5, 0, 3], targetLengths: [4, 2, 1])
    let loss = try run.model.loss(run.batch)
    let gradients = Array(run.model.parameters.gradients)
    #expect(loss.count == 7)
    let (x, ids, targets) = (
      try #require(run.batch.features), try #require(run.batch.decoderIDs), try #require(run.batch.targets)
    )
    run.batch.features = run.keep(x.indices.map { $0 / 9 >= [5, 0, 3][$0 / 3 % 3] ? .nan : x[$0] })
    let ends = [4, 2, 1]
    run.batch.decoderIDs = run.keep(ids.indices.map { $0 / 3 >= ends[$0 % 3] ? 0 : ids[$0] })
    run.batch.targets = run.keep(targets.indices.map { $0 / 3 >= ends[$0 % 3] ? -7 : targets[$0] })
    #expect(try run.model.loss(run.batch) == loss)
    #expect(Array(run.model.parameters.gradients) == gradients)
    // No step at all.
    run.batch.targetLengths = run.keep([0, 0, 0])
    #expect(try run.model.loss(run.batch).count == 0)
    #expect(run.model.parameters.gradients.allSatisfy { $0 == 0 })
    (run.batch.targetSteps, run.batch.targetLengths) = (0, nil)
    (run.batch.decoderIDs, run.batch.targets) = (run.keep([]), run.keep([]))
    _ = try run.model.loss(run.batch)
    #expect(run.model.parameters.gradients.allSatisfy { $0 == 0 })
  }

  /// Scheduled sampling steps the same decoder to choose tokens: its query is the output of the step before, too.
  @Test func scheduledSampling() throws {
    let run = try ModelCase<Double>(Self.configuration(.concat), lengths: [5, 2, 3], targetLengths: [4, 1, 3])
    var options = TrainingOptions<Double>(seed: 3)
    options.samplingProbability = 0.6
    #expect(try run.gradientError(options) < 1e-7)
    #expect(try run.model.loss(run.batch, options) != run.model.loss(run.batch, TrainingOptions(seed: 3)))
  }

  @Test func threads() throws {
    let before = Threads.count
    defer { try? Threads.setCount(before) }
    var configuration = ModelConfiguration.encoderDecoder(
      input: .features(30), encoder: .init(.gru, hiddenSize: 40, bidirectional: true), vocabulary: 50,
      embeddingSize: 32, decoder: .init(hiddenSize: 64, layers: 2), dropout: 0.2, attention: .additive)
    configuration.attentionUse = .input
    let run = try ModelCase<Float>(configuration, steps: 12, sequences: 9)
    var results: [[UInt32]] = []
    for threads in [1, 3] {
      try Threads.setCount(threads)
      let loss = try run.model.loss(run.batch, TrainingOptions(seed: 1))
      results.append(
        [UInt32(truncatingIfNeeded: loss.mean.bitPattern)] + run.model.parameters.gradients.map(\.bitPattern))
    }
    #expect(results[0] == results[1])
    // Masks of steps differ, and seeds count.
    #expect(
      try run.model.loss(run.batch, TrainingOptions(seed: 1)) == run.model.loss(run.batch, TrainingOptions(seed: 1)))
    #expect(
      try run.model.loss(run.batch, TrainingOptions(seed: 1)) != run.model.loss(run.batch, TrainingOptions(seed: 2)))
  }

  @Test func whatIsRefused() throws {
    var wrong = Self.configuration(.none)
    #expect(throws: RNNError.self) { try Model<Float>(wrong) }
    wrong = .tagger(input: .features(2), labels: 3, .init(hiddenSize: 4))
    wrong.attentionUse = .input
    #expect(throws: RNNError.self) { try Model<Float>(wrong) }
    #expect(throws: RNNError.self) {
      try Model<Float>(
        .encoderDecoder(
          input: .features(2), encoder: .init(hiddenSize: 3), vocabulary: 5, embeddingSize: 2,
          decoder: .init(hiddenSize: 4), attention: .dot, attentionUse: .input))
    }
    let run = try ModelCase<Float>(Self.configuration())
    #expect(throws: RNNError.self) { try run.model.inspect(run.batch) }
    for length in [-1, 5] {
      let wrong = try ModelCase<Float>(Self.configuration(), targetLengths: [1, length, 0])
      #expect(throws: RNNError.self) { try wrong.model.loss(wrong.batch) }
    }
    run.batch.decoderIDs = nil
    #expect(throws: RNNError.self) { try run.model.loss(run.batch) }
  }
}
