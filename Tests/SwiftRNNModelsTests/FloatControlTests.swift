// Models compute with the library's floating-point control, also what they add themselves between its kernels: the bits do
// not depend on the caller's rounding, and that is as before behind each call. (Tests/C/model_float_control.c has the
// other bits of the register.)
import SwiftRNN
import Testing

@testable import SwiftRNNModels

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

@Suite struct FloatControlTests {
  private static let tokens = ModelConfiguration.Input.tokens(vocabulary: 7, embeddingSize: 4)

  private static func encoderDecoder(
    _ attention: ModelConfiguration.Attention, _ use: ModelConfiguration.AttentionUse
  ) -> ModelConfiguration {
    var configuration = ModelConfiguration.encoderDecoder(
      input: tokens, encoder: .init(.gru, hiddenSize: 3, bidirectional: true), vocabulary: 7, embeddingSize: 4,
      decoder: .init(.lstm, hiddenSize: 5, layers: 2), attention: attention)
    configuration.attentionUse = use
    return configuration
  }

  private static var configurations: [ModelConfiguration] {
    var adaptive = ModelConfiguration.languageModel(vocabulary: 30, embeddingSize: 8, .init(.lstm, hiddenSize: 8))
    adaptive.adaptiveCutoffs = [5, 12]
    return [
      .languageModel(vocabulary: 7, embeddingSize: 4, .init(.gru, hiddenSize: 5, layers: 2), dropout: 0.3), adaptive,
      .regressor(input: .features(2), outputs: 3, .init(.rnn, hiddenSize: 5)),
      .vectorDecoder(
        vectorSize: 3, vocabulary: 7, embeddingSize: 4, .init(.lstm, hiddenSize: 5), vectorUse: .input),
      .vectorDecoder(vectorSize: 3, vocabulary: 7, embeddingSize: 4, .init(.lstm, hiddenSize: 5)),
      encoderDecoder(.general, .output), encoderDecoder(.additive, .input),
      .outputFeedback(input: tokens, outputs: 3, hiddenSize: 5),
      .outputFeedback(input: .features(2), outputs: 3, hiddenSize: 5, predictsNumbers: true),
    ]
  }

  /// Runs a call with the caller's rounding set.
  private func rounding<Result>(_ mode: Int32, _ body: () throws -> Result) rethrows -> Result {
    let before = fegetround()
    #expect(fesetround(mode) == 0)
    let result = try body()
    let behind = fegetround()
    fesetround(before)
    #expect(behind == mode)
    return result
  }

  private func bits<Numbers: Sequence<Float>>(_ numbers: Numbers) -> [UInt32] { numbers.map(\.bitPattern) }

  /// Everything that a model computes, as bits.
  private func results(_ configuration: ModelConfiguration, _ mode: Int32) throws -> [[UInt32]] {
    let run = try ModelCase<Float>(configuration, lengths: configuration.decodes ? nil : [5, 2, 4])
    let (model, batch) = (run.model, run.batch)
    var options = TrainingOptions<Float>(seed: 3)
    if configuration.kind == .languageModel || configuration.decodes { options.samplingProbability = 0.5 }
    func words(_ number: Double) -> [UInt32] {
      [UInt32(truncatingIfNeeded: number.bitPattern), UInt32(truncatingIfNeeded: number.bitPattern >> 32)]
    }
    var all: [[UInt32]] = []
    all.append(words(try rounding(mode) { try model.loss(batch, options).mean }))
    all.append(bits(model.parameters.gradients))
    if configuration.kind == .languageModel, configuration.adaptiveCutoffs.isEmpty {
      options.sampledClasses = 3
      all.append(words(try rounding(mode) { try model.loss(batch, options).mean }))
      all.append(bits(model.parameters.gradients))
    }
    if configuration.kind == .outputFeedback {
      all.append(words(try rounding(mode) { try model.loss(batch, feedback: .outputs).mean }))
      all.append(bits(model.parameters.gradients))
    }
    all.append(words(try rounding(mode) { try model.evaluate(batch).mean }))
    all.append(bits(try rounding(mode) { try model.predict(batch) }))
    if !configuration.predictsNumbers {
      all += try rounding(mode) { try model.score(batch) }.map { words($0.logProbability) }
    }
    if configuration.attentionUse == .output {
      let inside = try rounding(mode) { try model.inspect(batch) }
      all += inside.layers.flatMap { layer in
        layer.gradients.map { $0.norms.flatMap(words) } + layer.radii.map { words($0.value) }
      }
    }
    for beams in [1, 3] {
      let options = GenerationOptions(length: 6, start: 1, repetitionPenalty: 1.3, beams: beams)
      let written: [[GeneratedSequence]] =
        try configuration.decodes
        ? rounding(mode) { try model.generate(batch, options) }
        : configuration.kind == .languageModel
          ? rounding(mode) { try model.generate(prompts: [[1, 2], [3]], options) } : []
      all += written.joined().map { words($0.logProbability) + words($0.score) }
    }
    var settings = TrainerSettings(.adam, rate: 0.01, clipNorm: 0.1)
    (settings.schedule, settings.warmUp, settings.steps, settings.seed) = (.cosine, 3, 11, 5)
    let trainer = try rounding(mode) { try Trainer(model, settings) }
    for _ in 0..<5 { all.append(words(try rounding(mode) { try trainer.step(batch).rate })) }
    return all + [bits(model.parameters.values)]
  }

  @Test(arguments: configurations)
  func roundingOfTheCaller(configuration: ModelConfiguration) throws {
    let expected = try results(configuration, FE_TONEAREST as Int32)
    for mode: Int32 in [FE_UPWARD as Int32, FE_DOWNWARD as Int32, FE_TOWARDZERO as Int32] {
      let found = try results(configuration, mode)
      #expect(found.count == expected.count)
      for (index, pair) in zip(found, expected).enumerated() {
        #expect(pair.0 == pair.1, "\(configuration.kind), rounding \(mode), result \(index)")
      }
    }
  }
}
