import SwiftRNN
import Testing

@testable import SwiftRNNModels

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Models whose output layer is an adaptive softmax.
@Suite struct AdaptiveModelTests {
  private static func adaptive(
    _ configuration: ModelConfiguration, _ cutoffs: [Int] = [4, 9], divisor: Int = 2
  ) -> ModelConfiguration {
    var configuration = configuration
    (configuration.adaptiveCutoffs, configuration.adaptiveDivisor) = (cutoffs, divisor)
    return configuration
  }

  private static let language = adaptive(
    .languageModel(vocabulary: 15, embeddingSize: 4, .init(.gru, hiddenSize: 6, layers: 2), dropout: 0.2))
  private static let vector = adaptive(
    .vectorDecoder(vectorSize: 3, vocabulary: 15, embeddingSize: 4, .init(hiddenSize: 5)))
  private static let attends = adaptive(
    .encoderDecoder(
      input: .features(2), encoder: .init(.gru, hiddenSize: 3, bidirectional: true), vocabulary: 15, embeddingSize: 4,
      decoder: .init(hiddenSize: 6), attention: .additive))
  private static let configurations = [language, vector, attends]

  @Test func parameters() throws {
    let list = try Model<Float>.parameterList(Self.language)
    let own = list.infos.filter { $0.name.hasPrefix("output.") }
    #expect(
      own.map(\.name) == [
        "output.head.weight", "output.tail.0.0.weight", "output.tail.0.1.weight", "output.tail.1.0.weight",
        "output.tail.1.1.weight",
      ])
    #expect(own.map(\.shape) == [[6, 6], [3, 6], [5, 3], [1, 6], [6, 1]])
    let model = try Model<Float>(Self.language)
    try model.initialize(seed: 1)
    // Torch's bound of each layer's uniform distribution.
    for info in own {
      let values = try #require(model.parameters.values(of: info.name))
      let bound = 1 / Float(info.shape[1]).squareRoot()
      #expect(values.allSatisfy { abs($0) <= bound } && values.contains { $0 != 0 }, "\(info.name)")
    }
  }

  @Test(arguments: configurations)
  func gradients(configuration: ModelConfiguration) throws {
    let run = try ModelCase<Double>(
      configuration, lengths: configuration.kind == .vectorDecoder ? nil : [5, 2, 4],
      targetLengths: configuration.decodes ? [4, 1, 3] : nil)
    #expect(try run.gradientError() < 1e-7)
  }

  @Test func gradientsOfUnusedClustersAreZeros() throws {
    let run = try ModelCase<Double>(Self.language)
    _ = try run.model.loss(run.batch)
    run.batch.targets = run.keep([Int](repeating: 5, count: 14) + [CrossEntropy.ignoredTarget])
    let loss = try run.model.loss(run.batch, TrainingOptions(seed: 7))
    #expect(loss.count == 14 && loss.weight == 14)
    for name in ["output.tail.1.0.weight", "output.tail.1.1.weight"] {
      #expect(try #require(run.model.parameters.gradients(of: name)).allSatisfy { $0 == 0 })
    }
    #expect(try run.gradientError() < 1e-7)
    run.batch.targets = run.keep([Int](repeating: CrossEntropy.ignoredTarget, count: 15))
    #expect(try run.model.loss(run.batch) == ModelLoss(mean: 0, count: 0))
    #expect(run.model.parameters.gradients.allSatisfy { $0 == 0 })
  }

  /// Predictions are log-probabilities of all classes; losses, scores and generation have the same.
  @Test(arguments: configurations)
  func probabilities(configuration: ModelConfiguration) throws {
    let run = try ModelCase<Double>(configuration)
    let y = Array(try run.model.predict(run.batch))
    let targets = Array(try #require(run.batch.targets))
    #expect(y.count == targets.count * 15)
    for row in targets.indices {
      #expect(abs(y[row * 15..<row * 15 + 15].reduce(0) { $0 + exp($1) } - 1) < 1e-12)
    }
    let each = targets.indices.map { -y[$0 * 15 + targets[$0]] }
    let mean = each.reduce(0, +) / Double(targets.count)
    #expect(abs(try run.model.evaluate(run.batch).mean - mean) < 1e-12)
    let scores = try run.model.score(run.batch)
    let sequences = run.batch.sequences
    for n in 0..<sequences {
      let own = stride(from: n, to: targets.count, by: sequences).reduce(0) { $0 - each[$1] }
      #expect(abs(scores[n].logProbability - own) < 1e-12 && scores[n].count == targets.count / sequences)
    }
    // The loss of a training without dropout is that of inference.
    guard configuration.dropout == 0 else { return }
    #expect(abs(try run.model.loss(run.batch).mean - mean) < 1e-12)
  }

  /// The log-probability of what was written is its score.
  @Test(arguments: [1, 3])
  func generation(beams: Int) throws {
    let run = try ModelCase<Double>(Self.language)
    var options = GenerationOptions(length: 6)
    options.beams = beams
    let written = try run.model.generate(prompts: [[3, 1], [14]], options)
    for (prompt, best) in zip([[3, 1], [14]], written) {
      let own = try #require(best.first)
      let tokens = prompt + own.tokens
      var batch = ModelBatch<Double>(steps: tokens.count - 1, sequences: 1)
      batch.ids = run.keep(Array(tokens.dropLast()))
      let given = [Int](repeating: CrossEntropy.ignoredTarget, count: prompt.count - 1)
      batch.targets = run.keep(given + own.tokens)
      let score = try run.model.score(batch)
      #expect(abs(score[0].logProbability - own.logProbability) < 1e-12 && score[0].count == own.tokens.count)
    }
  }

  @Test func threadsAndBlocks() throws {
    let configuration = Self.adaptive(
      .languageModel(vocabulary: 900, embeddingSize: 32, .init(hiddenSize: 64)), [100, 400])
    // More rows than a block of predictions has.
    let run = try ModelCase<Float>(configuration, steps: 25, sequences: 12)
    let before = Threads.count
    defer { try? Threads.setCount(before) }
    var (gradients, predictions, losses) = ([[Float]](), [[Float]](), [[Double]]())
    for (threads, limit) in [(1, 0), (3, 0), (2, 1)] {
      try Threads.setCount(threads)
      var options = TrainingOptions<Float>(seed: 1)
      options.memoryLimit = limit
      let loss = try run.model.loss(run.batch, options).mean
      gradients.append(Array(run.model.parameters.gradients))
      predictions.append(Array(try run.model.predict(run.batch)))
      losses.append([loss] + (try run.model.score(run.batch).map(\.logProbability)))
    }
    #expect(gradients[0] == gradients[1] && gradients[0] == gradients[2])
    #expect(predictions[0] == predictions[1] && predictions[0] == predictions[2])
    #expect(losses[0] == losses[1] && losses[0] == losses[2])
    // The rows of one sequence have the bits of the whole batch.
    var one = ModelBatch<Float>(steps: 25, sequences: 1)
    let (ids, targets) = (try #require(run.batch.ids), try #require(run.batch.targets))
    one.ids = run.keep((0..<25).map { ids[$0 * 12] })
    one.targets = run.keep((0..<25).map { targets[$0 * 12] })
    #expect(try run.model.score(one)[0].logProbability == losses[0][1])
    let alone = try run.model.predict(one)
    for t in 0..<25 {
      #expect(Array(alone[t * 900..<t * 900 + 900]) == Array(predictions[0][t * 10800..<t * 10800 + 900]))
    }
    #expect(abs(losses[0][0] - (try run.model.evaluate(run.batch).mean)) < 1e-9)
  }

  @Test func files() throws {
    let folder = try TemporaryFolder()
    for (number, configuration) in Self.configurations.enumerated() {
      let path = folder.file("model\(number)")
      let run = try ModelCase<Double>(configuration)
      try ModelFile.save(run.model, to: path)
      #expect(try ModelFile.elementType(path) == .f64)
      let model = try ModelFile.load(path, as: Double.self).model
      #expect(model.configuration == configuration)
      #expect(Array(model.parameters.values) == Array(run.model.parameters.values))
      #expect(Array(try model.predict(run.batch)) == Array(try run.model.predict(run.batch)))
    }
    let feedback = try ModelCase<Float>(.outputFeedback(input: .features(2), outputs: 3, hiddenSize: 4))
    try ModelFile.save(feedback.model, to: folder.file("feedback"))
    #expect(try ModelFile.elementType(folder.file("feedback")) == .f32)
  }

  @Test func configurationsOfFiles() throws {
    var plain = Self.language
    (plain.adaptiveCutoffs, plain.adaptiveDivisor) = ([], 4)
    let text = try plain.json.text()
    #expect(!text.contains("adaptive"))
    let own = try Self.language.json.text()
    #expect(own.contains("\"adaptive_cutoffs\":[4,9]") && own.contains("\"adaptive_divisor\":2"), "\(own)")
    #expect(try ModelConfiguration(JSON(parsing: own)) == Self.language)
    guard case .object(let object) = Self.language.json else { return }
    let wrong: [(String, JSON, String)] = [
      ("adaptive_cutoffs", .integer(4), "must be an array"), ("adaptive_cutoffs", .array([.double(1.5)]), "[0]"),
      ("adaptive_cutoffs", .array([.integer(3), .integer(0)]), "adaptive_cutoffs[1] is 0"),
      ("adaptive_divisor", .integer(0), "adaptive_divisor is 0"), ("adaptive_divisor", .string("2"), "whole number"),
    ]
    for (key, value, message) in wrong {
      var other = object
      other[key] = value
      let error = #expect(throws: ModelError.self) { try ModelConfiguration(.object(other)) }
      #expect(error?.description.contains(message) == true, "\(error?.description ?? "")")
    }
    let tagger = ModelConfiguration.tagger(input: .features(2), labels: 9, .init(hiddenSize: 4))
    guard case .object(var other) = tagger.json else { return }
    other.append("adaptive_cutoffs", .array([.integer(3)]))
    #expect(throws: ModelError.self) { try ModelConfiguration(.object(other)) }
  }

  @Test func whatIsRefused() throws {
    func refuses(_ configuration: ModelConfiguration, _ message: String) {
      let error = #expect(throws: RNNError.self) { try Model<Float>(configuration) }
      #expect(error?.description.contains(message) == true, "\(error?.description ?? "")")
    }
    let recurrent = ModelConfiguration.Recurrent(hiddenSize: 4)
    let plain = ModelConfiguration.languageModel(vocabulary: 15, embeddingSize: 4, recurrent)
    for cutoffs in [[0], [-1], [15], [4, 4], [9, 4], [4, 15], [4, .max], [.min]] {
      refuses(Self.adaptive(plain, cutoffs), "adaptiveCutoffs[\(cutoffs.count - 1)]")
    }
    for divisor in [0, -1, .max] { refuses(Self.adaptive(plain, divisor: divisor), "adaptiveDivisor") }
    refuses(Self.adaptive(plain, [], divisor: 3), "adaptive_divisor")
    refuses(
      Self.adaptive(.languageModel(vocabulary: 15, embeddingSize: 4, recurrent, tiesEmbedding: true)), "tied")
    for other in [
      ModelConfiguration.tagger(input: .features(2), labels: 15, recurrent),
      .tagger(input: .features(2), labels: 15, recurrent, predictsNumbers: true),
      .classifier(input: .features(2), classes: 15, recurrent), .regressor(input: .features(2), outputs: 15, recurrent),
      .outputFeedback(input: .features(2), outputs: 15, hiddenSize: 4),
    ] {
      refuses(Self.adaptive(other), "language models and decoders")
    }
    refuses(
      Self.adaptive(.languageModel(vocabulary: 15, embeddingSize: 4, .init(hiddenSize: 4, bidirectional: true))),
      "one direction")

    let run = try ModelCase<Float>(Self.language)
    let weights = run.keep([Float](repeating: 1, count: 15))
    for change: (inout TrainingOptions<Float>) -> Void in [
      { $0.labelSmoothing = 0.1 }, { $0.sampledClasses = 3 }, { $0.classWeights = weights },
    ] {
      var options = TrainingOptions<Float>(seed: 1)
      change(&options)
      let error = #expect(throws: RNNError.self) { try run.model.loss(run.batch, options) }
      #expect(error?.description.contains("adaptive_cutoffs") == true)
    }
    var settings = TrainerSettings(.adam, rate: 0.01)
    settings.labelSmoothing = 0.1
    #expect(throws: RNNError.self) { try Trainer(run.model, settings) }
    run.batch.targets = run.keep([Int](repeating: 15, count: 15))
    #expect(throws: RNNError.self) { try run.model.loss(run.batch) }
  }
}
