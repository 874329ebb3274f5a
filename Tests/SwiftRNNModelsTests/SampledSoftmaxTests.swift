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

  /// The loss by hand, from all logits; gradients of other classes are zeros.
  @Test(arguments: [1, 6, 20])
  func theDefinition(count: Int) throws {
    let run = try ModelCase<Double>(configuration)
    var targets = run.batch.targets.map { Array($0) } ?? []
    targets[2] = CrossEntropy.ignoredTarget
    run.batch.targets = run.keep(targets)
    let loss = try run.model.loss(run.batch, options(count))
    let sampled = SampledClasses(count, of: 40, seed: Model<Double>.seed(3, 7))
    #expect(Set(sampled.drawn).count == count && sampled.drawn == sampled.drawn.sorted())
    let gradients = run.model.parameters.gradients(of: "output.weight").map { Array($0) } ?? []
    for k in 0..<40 where !sampled.drawn.contains(k) && !targets.contains(k) {
      #expect(gradients[k * 5..<k * 5 + 5].allSatisfy { $0 == 0 })
    }
    let logits = Array(try run.model.predict(run.batch))
    var sum = 0.0
    for (row, target) in targets.enumerated() where target != CrossEntropy.ignoredTarget {
      func logit(_ k: Int) -> Double { logits[row * 40 + k] - sampled.logProbability(k) }
      let classes = Set(sampled.drawn).union([target])
      sum += log(classes.reduce(0) { $0 + exp(logit($1)) }) - logit(target)
    }
    #expect(loss.count == 14 && abs(loss.mean - sum / 14) < 1e-12)
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
    let one = SampledClasses(1, of: classes, seed: 1)
    for k in 0..<classes {
      let probability = log(Double(k + 2) / Double(k + 1)) / log(11.0)
      #expect(abs(exp(one.logProbability(k)) - probability) < 1e-12)
      let expected = probability * Double(draws)
      chiSquared += (Double(counts[k]) - expected) * (Double(counts[k]) - expected) / expected
    }
    // 9 degrees of freedom: above 27.9 once in a thousand times.
    #expect(chiSquared < 27.9)
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
