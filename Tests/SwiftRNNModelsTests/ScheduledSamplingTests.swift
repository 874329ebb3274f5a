import SwiftRNN
import Testing

@testable import SwiftRNNModels

/// Models that read their own tokens in training.
@Suite struct ScheduledSamplingTests {
  private static let languageModel = ModelConfiguration.languageModel(
    vocabulary: 7, embeddingSize: 4, .init(.gru, hiddenSize: 5, layers: 2))
  private static let configurations: [ModelConfiguration] = [
    languageModel,
    .vectorDecoder(vectorSize: 3, vocabulary: 7, embeddingSize: 4, .init(hiddenSize: 5), vectorUse: .input),
    .vectorDecoder(vectorSize: 3, vocabulary: 7, embeddingSize: 4, .init(hiddenSize: 5)),
    .encoderDecoder(
      input: .tokens(vocabulary: 6, embeddingSize: 3), encoder: .init(.gru, hiddenSize: 3, bidirectional: true),
      vocabulary: 7, embeddingSize: 4, decoder: .init(hiddenSize: 6, layers: 2)),
  ]

  private func options<Scalar>(_ probability: Double, seed: UInt64 = 5) -> TrainingOptions<Scalar> {
    var options = TrainingOptions<Scalar>(seed: seed)
    options.samplingProbability = probability
    return options
  }

  /// Tokens that a model reads.
  private func read<Scalar>(_ run: ModelCase<Scalar>, _ options: TrainingOptions<Scalar>) throws -> [Int] {
    let mixed = try run.model.mixed(run.batch, nil, options, seed: options.seed ?? 0)
    return Array(
      (run.model.configuration.decodes ? mixed.decoderIDs : mixed.ids) ?? UnsafeBufferPointer(start: nil, count: 0))
  }

  @Test(arguments: configurations)
  func nothingIsTeacherForcing(configuration: ModelConfiguration) throws {
    let run = try ModelCase<Float>(configuration)
    let plain = try run.model.loss(run.batch, TrainingOptions(seed: 5)).mean
    let gradients = Array(run.model.parameters.gradients)
    #expect(try run.model.loss(run.batch, options(0)).mean == plain)
    #expect(Array(run.model.parameters.gradients) == gradients)
    #expect(try read(run, options(0)) == read(run, TrainingOptions(seed: 5)))
  }

  /// All tokens but the first are what the model writes when it draws with the same seed.
  @Test(arguments: configurations)
  func everythingIsFreeRunning(configuration: ModelConfiguration) throws {
    let (sequences, steps) = (3, 6)
    let run = try ModelCase<Double>(configuration, steps: steps, sequences: sequences, targetSteps: steps)
    for i in run.model.parameters.values.indices { run.model.parameters.values[i] *= 2 }
    let sampler = Sampler(seed: Model<Double>.seed(5, 5))
    let given = try read(run, options(0))
    let first = Array(given[..<sequences])
    var written: [[GeneratedSequence]]
    if configuration.decodes {
      // One start token for all, as the writer has it.
      run.batch.decoderIDs = run.keep(given.indices.map { $0 < sequences ? first[0] : given[$0] })
      written = try run.model.generate(
        run.batch, GenerationOptions(length: steps - 1, start: first[0], sampler: sampler))
    } else {
      written = try run.model.generate(
        prompts: first.map { [$0] }, GenerationOptions(length: steps - 1, sampler: sampler))
    }
    let tokens = try read(run, options(1))
    for n in 0..<sequences {
      #expect((1..<steps).map { tokens[$0 * sequences + n] } == written[n][0].tokens)
    }
    #expect(tokens != given)
    // The loss is that of teacher forcing over these tokens.
    let loss = try run.model.loss(run.batch, options(1)).mean
    let gradients = Array(run.model.parameters.gradients)
    if configuration.decodes { run.batch.decoderIDs = run.keep(tokens) } else { run.batch.ids = run.keep(tokens) }
    #expect(try run.model.loss(run.batch, options(0)).mean == loss)
    #expect(Array(run.model.parameters.gradients) == gradients)
  }

  @Test(arguments: configurations)
  func gradients(configuration: ModelConfiguration) throws {
    var configuration = configuration
    configuration.dropout = 0.2
    let run = try ModelCase<Double>(configuration, lengths: configuration.reads ? [5, 2, 4] : nil)
    #expect(try run.gradientError(options(0.5)) < 1e-7)
  }

  /// A share of p of the tokens is drawn, no token behind the end of a sequence is.
  @Test func shares() throws {
    let run = try ModelCase<Float>(
      .languageModel(vocabulary: 50, embeddingSize: 4, .init(hiddenSize: 5)), steps: 60, sequences: 40,
      lengths: (0..<40).map { $0 % 4 == 0 ? 10 : 60 })
    let given = try read(run, options(0))
    let mixed = try read(run, options(0.3))
    let inside = given.indices.filter { $0 / 40 > 0 && $0 / 40 < ($0 % 40 % 4 == 0 ? 10 : 60) }
    let changed = given.indices.filter { given[$0] != mixed[$0] }
    #expect(Set(changed).isSubset(of: inside))
    // A draw is the token itself once in 50 times. 1860 coins: the deviation of the share is 0.011.
    let share = Double(changed.count) / Double(inside.count)
    #expect(abs(share - 0.3 * 0.98) < 0.05)
    #expect(try read(run, options(0.3)) == mixed && read(run, options(0.3, seed: 6)) != mixed)
  }

  @Test func threadsAndPartsOfABatch() throws {
    let run = try ModelCase<Float>(
      .languageModel(vocabulary: 300, embeddingSize: 32, .init(hiddenSize: 64)), steps: 12, sequences: 10)
    let before = Threads.count
    defer { try? Threads.setCount(before) }
    var results: [[Int]] = []
    for threads in [1, 3] {
      try Threads.setCount(threads)
      results.append(try read(run, options(0.5)))
    }
    #expect(results[0] == results[1])
    // The last four sequences by themselves.
    guard let ids = run.batch.ids else { return }
    var part = run.batch
    (part.sequences, part.firstSequence) = (4, 6)
    var own: [Int] = []
    for t in 0..<12 { own += ids[t * 10 + 6..<t * 10 + 10] }
    part.ids = run.keep(own)
    let mixed = try run.model.mixed(part, nil, options(0.5), seed: 5)
    let found = Array(mixed.ids ?? UnsafeBufferPointer(start: nil, count: 0))
    var expected: [Int] = []
    for t in 0..<12 { expected += results[0][t * 10 + 6..<t * 10 + 10] }
    #expect(found == expected)
  }

  /// A text in pieces: the model's tokens follow from the state that is carried on.
  @Test func aStateIsCarriedOn() throws {
    let run = try ModelCase<Double>(Self.languageModel)
    for i in run.model.parameters.values.indices { run.model.parameters.values[i] *= 3 }
    let state = try run.model.makeState()
    let fresh = try run.model.mixed(run.batch, state, options(1), seed: 5).ids.map { Array($0) }
    #expect(try fresh == read(run, options(1)))
    _ = try run.model.loss(run.batch, state: state, options(1))
    let later = Array(try run.model.mixed(run.batch, state, options(1), seed: 5).ids ?? .init(start: nil, count: 0))
    // The first step from the carried state, drawn by hand.
    var first = run.batch
    first.steps = 1
    first.ids = first.ids.map { UnsafeBufferPointer(rebasing: $0[..<3]) }
    var sampler = Sampler(seed: Model<Double>.seed(5, 5))
    var drawn = [0, 0, 0]
    let logits = try run.model.predict(first, state: state)
    try drawn.withUnsafeMutableBufferPointer { (drawn) throws(RNNError) in
      try sampler.sample(logits: logits.constant, classes: 7, ids: drawn)
    }
    #expect(Array(later[3..<6]) == drawn)
    withExtendedLifetime(run) {}
  }

  @Test func decays() {
    let linear = SamplingDecay(.linear, k: 0.1, floor: 0.25)
    for (step, expected) in [(0, 0), (5, 0.5), (7, 0.7), (8, 0.75), (1000, 0.75)] {
      #expect(abs(linear.probability(step) - expected) < 1e-12)
    }
    #expect(abs(SamplingDecay(.exponential, k: 0.9).probability(3) - (1 - 0.729)) < 1e-12)
    let sigmoid = SamplingDecay(.inverseSigmoid, k: 10)
    #expect(abs(sigmoid.probability(0) - 1 / 11) < 1e-12)
    // k / (k + exp(i / k)) is a half where exp(i / k) is k.
    #expect(abs(sigmoid.probability(23) - 0.5) < 0.01 && sigmoid.probability(1_000_000) == 1)
    #expect(SamplingDecay().probability(1_000_000) == 0)
  }
}
