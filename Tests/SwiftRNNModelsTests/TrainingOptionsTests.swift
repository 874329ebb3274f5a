import SwiftRNN
import Testing

@testable import SwiftRNNModels

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Options of the loss in training.
@Suite struct TrainingOptionsTests {
  private let classifier = ModelConfiguration.classifier(
    input: .features(2), classes: 4, .init(.gru, hiddenSize: 5), pooling: .mean)
  private let regressor = ModelConfiguration.regressor(input: .features(2), outputs: 3, .init(.gru, hiddenSize: 5))
  private let languageModel = ModelConfiguration.languageModel(
    vocabulary: 7, embeddingSize: 4, .init(hiddenSize: 5), dropout: 0.3)

  @Test func gradientsOfClasses() throws {
    for configuration in [classifier, languageModel] {
      let run = try ModelCase<Double>(configuration)
      var options = TrainingOptions<Double>(seed: 3)
      options.labelSmoothing = 0.2
      options.classWeights = run.keep((0..<configuration.outputs).map { 0.5 + Double($0) / 3 })
      #expect(try run.gradientError(options) < 1e-7)
      let smoothed = try run.model.loss(run.batch, options)
      let plain = try run.model.loss(run.batch, TrainingOptions(seed: 3))
      #expect(smoothed.mean != plain.mean && smoothed.count == plain.count)
      #expect(plain.weight == Double(plain.count) && smoothed.weight != plain.weight)
      // The weight is that of the targets.
      let weight = run.batch.targets.map { $0.reduce(0) { $0 + 0.5 + Double($1) / 3 } } ?? 0
      #expect(abs(smoothed.weight - weight) < 1e-12 && abs(smoothed.total - smoothed.mean * weight) < 1e-12)
    }
  }

  @Test(arguments: [
    ElementwiseLoss.squaredError, .absoluteError, .huber(delta: 0.3), .binaryCrossEntropy,
  ])
  func gradientsOfNumbers(loss: ElementwiseLoss) throws {
    let tagger = ModelConfiguration.tagger(
      input: .features(2), labels: 2, .init(hiddenSize: 4), predictsNumbers: true)
    for (configuration, lengths) in [(regressor, nil), (tagger, [2, 5, 3])] as [(ModelConfiguration, [Int]?)] {
      let run = try ModelCase<Double>(configuration, lengths: lengths)
      var options = TrainingOptions<Double>(seed: 3)
      options.loss = loss
      #expect(try run.gradientError(options) < 1e-7)
      // The loss by hand, of the outputs at inference.
      let y = Array(try run.model.predict(run.batch))
      guard let values = run.batch.values else { return }
      let width = configuration.outputs
      var (sum, count) = (0.0, 0)
      for i in y.indices where lengths.map({ i / width / 3 < $0[i / width % 3] }) ?? true {
        let error = y[i] - values[i]
        let own: Double
        switch loss {
        case .squaredError: own = error * error
        case .absoluteError: own = abs(error)
        case .huber(let delta): own = abs(error) <= delta ? error * error / 2 : delta * (abs(error) - delta / 2)
        case .binaryCrossEntropy: own = log1p(exp(y[i])) - values[i] * y[i]
        }
        (count, sum) = (count + 1, sum + own)
      }
      let evaluated = try run.model.evaluate(run.batch, loss: loss)
      #expect(evaluated.count == count && abs(evaluated.mean - sum / Double(count)) < 1e-12)
    }
  }

  /// Blocks of rows give the bits of three calls: linear layer, cross-entropy, linear layer backward.
  @Test func blocksOfRowsHaveTheSameBits() throws {
    func check<Scalar: RNNScalar>(_: Scalar.Type) throws {
      let run = try ModelCase<Scalar>(
        .languageModel(vocabulary: 61, embeddingSize: 4, .init(hiddenSize: 9)), steps: 100, sequences: 7)
      var options = TrainingOptions<Scalar>()
      let loss = try run.model.loss(run.batch, options)
      let gradients = Array(run.model.parameters.gradients)
      options.memoryLimit = 1
      let again = try run.model.loss(run.batch, options)
      #expect(again.mean == loss.mean && Array(run.model.parameters.gradients) == gradients)
      #expect(try run.model.evaluate(run.batch).mean == loss.mean)
      // Computed by hand.
      let rows = try run.model.forward(run.batch, nil, seed: nil)
      let x = Array(rows.x)
      let (inputs, classes) = (9, 61)
      var logits = [Scalar](repeating: 0, count: rows.count * classes)
      var (dx, dweight) = ([Scalar](repeating: 0, count: x.count), [Scalar](repeating: 0, count: inputs * classes))
      var dbias = [Scalar](repeating: 0, count: classes)
      guard let weight = run.model.parameters.values(of: "output.weight"), let targets = run.batch.targets,
        let bias = run.model.parameters.values(of: "output.bias")
      else { return }
      try x.withUnsafeBufferPointer { x in
        try logits.withUnsafeMutableBufferPointer { y in
          try Linear.forward(
            rows: rows.count, inputs: inputs, outputs: classes, x: x, weight: weight.constant, bias: bias.constant,
            y: y)
          let result = try CrossEntropy.evaluate(
            logits: UnsafeBufferPointer(y), classes: classes, targets: targets, dlogits: y)
          #expect(result.loss == loss.mean)
          try dx.withUnsafeMutableBufferPointer { dx in
            try dweight.withUnsafeMutableBufferPointer { dweight in
              try dbias.withUnsafeMutableBufferPointer { dbias in
                try Linear.backward(
                  rows: rows.count, inputs: inputs, outputs: classes, x: x, weight: weight.constant,
                  dy: UnsafeBufferPointer(y), accumulate: false, dx: dx, dweight: dweight, dbias: dbias)
              }
            }
          }
        }
      }
      #expect(run.model.parameters.gradients(of: "output.weight").map { Array($0) } == dweight)
      #expect(run.model.parameters.gradients(of: "output.bias").map { Array($0) } == dbias)
    }
    try check(Float.self)
    try check(Double.self)
  }

  @Test func whatIsRefused() throws {
    func isRefused(
      _ configuration: ModelConfiguration, _ change: (inout TrainingOptions<Float>) -> Void
    ) throws -> Bool {
      let run = try ModelCase<Float>(configuration)
      var options = TrainingOptions<Float>()
      change(&options)
      return (try? run.model.loss(run.batch, options)) == nil
    }
    for configuration in [classifier, regressor, languageModel] { #expect(try !isRefused(configuration) { _ in }) }
    #expect(try isRefused(classifier) { $0.labelSmoothing = 1.5 })
    #expect(try isRefused(classifier) { $0.labelSmoothing = .nan })
    #expect(try isRefused(classifier) { $0.samplingProbability = 0.1 })
    #expect(try isRefused(classifier) { $0.loss = .absoluteError })
    #expect(try isRefused(classifier) { $0.memoryLimit = -1 })
    #expect(try isRefused(languageModel) { $0.samplingProbability = -0.1 })
    #expect(try isRefused(languageModel) { $0.samplingProbability = .nan })
    #expect(try isRefused(regressor) { $0.labelSmoothing = 0.1 })
    #expect(try isRefused(regressor) { $0.loss = .huber(delta: 0) })
    let owner = try ModelCase<Float>(classifier)
    let three = owner.keep([Float](repeating: 1, count: 3))
    #expect(try isRefused(classifier) { $0.classWeights = three })
    #expect(try isRefused(regressor) { $0.classWeights = three })
    #expect(throws: RNNError.self) { try owner.model.evaluate(owner.batch, loss: .absoluteError) }
  }
}
