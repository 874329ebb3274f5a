import SwiftRNN
import Testing

@testable import SwiftRNNModels

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The softmax over a part of the classes.
@Suite struct SampledSoftmaxTests {
  private let configuration = ModelConfiguration.languageModel(vocabulary: 40, embeddingSize: 4, .init(hiddenSize: 5))

  private func options<Scalar>(_ count: Int, seed: UInt64 = 3) -> TrainingOptions<Scalar> {
    var options = TrainingOptions<Scalar>(seed: seed)
    options.sampledClasses = count
    return options
  }

  /// Classes drawn by walking along the log-uniform distribution, P(k) = log((k + 2) / (k + 1)) / log(classes + 1), until
  /// `count` distinct ones have come; and for each class how often so many draws are expected to have the class: with
  /// distinct classes 1 - (1 - P)^draws, TensorFlow's `log_uniform_candidate_sampler(unique=True)`.
  private func draw(_ count: Int, of classes: Int, seed: UInt64) -> (classes: Set<Int>, expectedCounts: [Double]) {
    let philox = Philox(seed: seed)
    let probabilities = (0..<classes).map { log(Double($0 + 2) / Double($0 + 1)) / log(Double(classes + 1)) }
    var (found, draws) = (Set<Int>(), 0)
    while found.count < count {
      let words = philox.words(UInt64(draws), 0)
      var (k, rest) = (0, Philox.uniform53(words.0, words.1))
      while k < classes - 1, rest >= probabilities[k] {
        rest -= probabilities[k]
        k += 1
      }
      found.insert(k)
      draws += 1
    }
    return (found, probabilities.map { 1 - pow(1 - $0, Double(draws)) })
  }

  /// The loss and the gradients of the output layer by plain arithmetic, from the rows that the layer reads: logits less
  /// the logarithms of expected counts, softmax over the target and the drawn classes, each once (Jean 2015).
  @Test(arguments: [1, 6, 20], [UInt64(3), 4, 5])
  func theDefinition(count: Int, seed: UInt64) throws {
    let run = try ModelCase<Double>(configuration)
    var targets = run.batch.targets.map { Array($0) } ?? []
    targets[2] = CrossEntropy.ignoredTarget
    run.batch.targets = run.keep(targets)
    let (weight, bias) = (
      Array(try #require(run.model.parameters.values(of: "output.weight"))),
      Array(try #require(run.model.parameters.values(of: "output.bias")))
    )
    let x = Array(try run.model.forward(run.batch, nil, seed: nil).x)
    let loss = try run.model.loss(run.batch, options(count, seed: seed))
    let (drawn, expectedCounts) = draw(count, of: 40, seed: Model<Double>.seed(seed, 7))
    var (sum, dWeight, dBias) = (0.0, [Double](repeating: 0, count: 200), [Double](repeating: 0, count: 40))
    for (row, target) in targets.enumerated() where target != CrossEntropy.ignoredTarget {
      let own = Array(x[row * 5..<row * 5 + 5])
      let classes = drawn.union([target])
      var logits: [Int: Double] = [:]
      for k in classes {
        let product = (0..<5).reduce(0) { $0 + weight[k * 5 + $1] * own[$1] }
        logits[k] = product + bias[k] - log(expectedCounts[k])
      }
      let total = logits.values.reduce(0) { $0 + exp($1) }
      sum += log(total) - (logits[target] ?? .nan)
      for (k, logit) in logits {
        let gradient = (exp(logit) / total - (k == target ? 1 : 0)) / 14
        dBias[k] += gradient
        for i in 0..<5 { dWeight[k * 5 + i] += gradient * own[i] }
      }
    }
    #expect(loss.count == 14 && abs(loss.mean - sum / 14) < 1e-12)
    let gradients = run.model.parameters
    for (name, expected) in [("output.weight", dWeight), ("output.bias", dBias)] {
      for (found, own) in zip(try #require(gradients.gradients(of: name)), expected) {
        #expect(abs(found - own) < 1e-13)
        // Other classes have no gradient at all.
        #expect((found == 0) == (own == 0))
      }
    }
  }

  @Test func gradients() throws {
    #expect(try ModelCase<Double>(configuration).gradientError(options(6)) < 1e-7)
    let tied = ModelConfiguration.languageModel(
      vocabulary: 40, embeddingSize: 5, .init(.gru, hiddenSize: 5), dropout: 0.2, tiesEmbedding: true)
    #expect(try ModelCase<Double>(tied).gradientError(options(6)) < 1e-7)
  }

  /// One draw has the log-uniform distribution.
  @Test func frequencies() {
    let (draws, classes) = (20_000, 10)
    var counts = [Int](repeating: 0, count: classes)
    for seed in 0..<draws { counts[SampledClasses(1, of: classes, seed: UInt64(seed)).drawn[0]] += 1 }
    var chiSquared = 0.0
    for k in 0..<classes {
      let probability = log(Double(k + 2) / Double(k + 1)) / log(11.0)
      let expected = probability * Double(draws)
      chiSquared += (Double(counts[k]) - expected) * (Double(counts[k]) - expected) / expected
    }
    // 9 degrees of freedom: above 27.9 once in a thousand times.
    #expect(chiSquared < 27.9)
  }

  /// Drawn classes and their expected counts are those of the walk, also where nearly all draws are of few classes.
  @Test(arguments: [2, 3, 40, 1000])
  func drawnClasses(classes: Int) {
    for seed in UInt64(0)..<50 {
      let count = max(1, classes / 2)
      let (own, expectedCounts) = draw(count, of: classes, seed: seed)
      let sampled = SampledClasses(count, of: classes, seed: seed)
      #expect(sampled.drawn == own.sorted())
      #expect((0..<classes).allSatisfy { abs(exp(sampled.logProbability($0)) - expectedCounts[$0]) < 1e-12 })
    }
  }

  @Test func seedsAndThreads() throws {
    let run = try ModelCase<Float>(
      .languageModel(vocabulary: 400, embeddingSize: 32, .init(hiddenSize: 64)), steps: 20, sequences: 12)
    let before = Threads.count
    defer { try? Threads.setCount(before) }
    var results: [[Float]] = []
    for threads in [1, 3] {
      try Threads.setCount(threads)
      _ = try run.model.loss(run.batch, options(50))
      results.append(Array(run.model.parameters.gradients))
    }
    #expect(results[0] == results[1])
    _ = try run.model.loss(run.batch, options(50, seed: 4))
    #expect(Array(run.model.parameters.gradients) != results[0])
  }

  @Test func whatIsRefused() throws {
    let run = try ModelCase<Float>(configuration)
    for count in [-1, 21] {
      #expect(throws: RNNError.self) { try run.model.loss(run.batch, options(count)) }
    }
    var smoothed: TrainingOptions<Float> = options(5)
    smoothed.labelSmoothing = 0.1
    #expect(throws: RNNError.self) { try run.model.loss(run.batch, smoothed) }
    run.batch.targets = run.keep([Int](repeating: 40, count: 15))
    #expect(throws: RNNError.self) { try run.model.loss(run.batch, options(5)) }
    let regressor = try ModelCase<Float>(.regressor(input: .features(2), outputs: 10, .init(hiddenSize: 5)))
    #expect(throws: RNNError.self) { try regressor.model.loss(regressor.batch, options(5)) }
  }
}
