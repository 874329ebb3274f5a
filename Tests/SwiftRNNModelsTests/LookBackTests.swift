import SwiftRNN
import Testing

@testable import SwiftRNNModels

/// Truncated back-propagation through time that looks back further than its batch.
@Suite struct LookBackTests {
  private let sequences = 3

  private func piece(_ run: ModelCase<Double>, _ steps: Range<Int>) -> ModelBatch<Double> {
    var piece = run.batch
    piece.steps = steps.count
    let rows = steps.lowerBound * sequences..<steps.upperBound * sequences
    piece.ids = run.batch.ids.map { UnsafeBufferPointer(rebasing: $0[rows]) }
    piece.features = run.batch.features.map {
      UnsafeBufferPointer(rebasing: $0[rows.lowerBound * 2..<rows.upperBound * 2])
    }
    piece.targets = run.batch.targets.map { UnsafeBufferPointer(rebasing: $0[rows]) }
    return piece
  }

  /// The definition: at each multiple t of k1 the gradient of the losses of the steps t - k1 ..< t, with the state before
  /// the step t - k2 held fixed, by central differences.
  @Test(arguments: [(2, 4), (3, 4), (3, 3), (2, 7), (4, 6)])
  func theDefinition(k1: Int, k2: Int) throws {
    let configurations: [ModelConfiguration] = [
      .languageModel(vocabulary: 7, embeddingSize: 4, .init(hiddenSize: 5, layers: 2)),
      .tagger(input: .features(2), labels: 3, .init(.gru, hiddenSize: 4)),
    ]
    for configuration in configurations {
      let run = try ModelCase<Double>(configuration, steps: 12, sequences: sequences)
      let (model, values) = (run.model, run.model.parameters.values)
      let state = try model.makeState(lookBack: k2 - k1)
      for end in stride(from: k1, through: 12, by: k1) {
        let start = max(0, end - k2)
        let loss = try model.loss(piece(run, end - k1..<end), state: state)
        let gradients = Array(model.parameters.gradients)
        #expect(loss.count == k1 * sequences)
        /// The loss as a function of the parameters behind `start`; the state at `start` has those of now.
        let numbers = Array(values)
        func slope(_ i: Int) throws -> Double {
          func loss(_ value: Double) throws -> Double {
            for (place, number) in numbers.enumerated() { values[place] = number }
            let fixed = try model.makeState()
            if start > 0 { _ = try model.evaluate(piece(run, 0..<start), state: fixed) }
            values[i] = value
            if end - k1 > start { _ = try model.evaluate(piece(run, start..<end - k1), state: fixed) }
            return try model.evaluate(piece(run, end - k1..<end), state: fixed).mean
          }
          defer { values[i] = numbers[i] }
          return (try loss(numbers[i] + 1e-5) - loss(numbers[i] - 1e-5)) / 2e-5
        }
        let scale = gradients.map { abs($0) }.max() ?? 0
        var random = Random(state: UInt64(end))
        for info in model.parameters.list.infos {
          let i = info.offset + random.int(info.elements)
          #expect(abs(try slope(i) - gradients[i]) < 1e-7 * scale, "\(info.name) at \(end)")
        }
      }
    }
  }

  /// Gradients without looking back, and where it reaches the beginning, are those of plain calls; with dropout and
  /// scheduled sampling, too.
  @Test func plainCalls() throws {
    let run = try ModelCase<Double>(
      .languageModel(vocabulary: 7, embeddingSize: 4, .init(hiddenSize: 5), dropout: 0.3), steps: 12,
      sequences: sequences)
    let (far, plain) = (try run.model.makeState(lookBack: 100), try run.model.makeState())
    var options = TrainingOptions<Double>(seed: 3)
    options.samplingProbability = 0.3
    _ = try run.model.loss(piece(run, 0..<4), state: far, options)
    let first = Array(run.model.parameters.gradients)
    let loss = try run.model.loss(piece(run, 0..<4), state: plain, options).mean
    #expect(Array(run.model.parameters.gradients) == first)
    far.reset()
    #expect(try run.model.loss(piece(run, 0..<4), state: far, options).mean == loss)
    // All steps so far, of which the last four count.
    let second = try run.model.loss(piece(run, 4..<8), state: far, options).mean
    let gradients = Array(run.model.parameters.gradients)
    var whole = piece(run, 0..<8)
    whole.targets = run.keep((whole.targets.map { Array($0) } ?? []).enumerated().map { $0 < 12 ? -100 : $1 })
    #expect(try run.model.loss(whole, options).mean == second)
    #expect(Array(run.model.parameters.gradients) == gradients)
  }

  @Test func whatIsRefused() throws {
    let run = try ModelCase<Double>(
      .languageModel(vocabulary: 7, embeddingSize: 4, .init(hiddenSize: 5)), steps: 12, sequences: sequences)
    #expect(throws: RNNError.self) { try run.model.makeState(lookBack: -1) }
    let state = try run.model.makeState(lookBack: 3)
    #expect(throws: RNNError.self) { try run.model.evaluate(run.batch, state: state) }
    #expect(throws: RNNError.self) { try run.model.predict(run.batch, state: state) }
    var wrong = run.batch
    wrong.lengths = run.keep([12, 12, 12])
    #expect(throws: RNNError.self) { try run.model.loss(wrong, state: state) }
    wrong = run.batch
    wrong.steps = -1
    #expect(throws: RNNError.self) { try run.model.loss(wrong, state: state) }
    wrong = run.batch
    wrong.ids = nil
    #expect(throws: RNNError.self) { try run.model.loss(wrong, state: state) }
    _ = try run.model.loss(piece(run, 0..<2), state: state)
    wrong = piece(run, 0..<2)
    wrong.sequences = 2
    wrong.ids = wrong.ids.map { UnsafeBufferPointer(rebasing: $0[..<4]) }
    wrong.targets = wrong.targets.map { UnsafeBufferPointer(rebasing: $0[..<4]) }
    #expect(throws: RNNError.self) { try run.model.loss(wrong, state: state) }
    let numbers = try ModelCase<Double>(
      .tagger(input: .features(2), labels: 2, .init(hiddenSize: 3), predictsNumbers: true))
    #expect(throws: RNNError.self) {
      try numbers.model.loss(numbers.batch, state: try numbers.model.makeState(lookBack: 2))
    }
  }
}
