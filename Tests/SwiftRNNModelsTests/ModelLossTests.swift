import SwiftRNN
import Testing

@testable import SwiftRNNModels

@Suite struct ModelLossTests {
  private let configuration = ModelConfiguration.languageModel(
    vocabulary: 7, embeddingSize: 4, .init(hiddenSize: 5, layers: 2))

  /// A text in pieces, its state carried on, has the losses of the whole text.
  @Test func aStateIsCarriedOn() throws {
    let run = try ModelCase<Double>(configuration, steps: 12, sequences: 3)
    let whole = try run.model.evaluate(run.batch)
    let state = try run.model.makeState()
    for _ in 0..<2 {
      var total = 0.0
      for first in stride(from: 0, to: 12, by: 4) {
        var piece = run.batch
        piece.steps = 4
        piece.ids = run.batch.ids.map { UnsafeBufferPointer(rebasing: $0[first * 3..<(first + 4) * 3]) }
        piece.targets = run.batch.targets.map { UnsafeBufferPointer(rebasing: $0[first * 3..<(first + 4) * 3]) }
        total += try run.model.evaluate(piece, state: state).total
      }
      #expect(abs(total - whole.total) < 1e-12 * abs(total))
      #expect(whole.count == 36)
      state.reset()
    }
    let other = try run.model.makeState()
    _ = try run.model.evaluate(run.batch, state: other)
    var fewer = run.batch
    fewer.sequences = 2
    fewer.ids = run.batch.ids.map { UnsafeBufferPointer(rebasing: $0[..<24]) }
    fewer.targets = run.batch.targets.map { UnsafeBufferPointer(rebasing: $0[..<24]) }
    #expect(throws: RNNError.self) { try run.model.evaluate(fewer, state: other) }
    let stranger = try Model<Double>(configuration).makeState()
    #expect(throws: RNNError.self) { try run.model.evaluate(run.batch, state: stranger) }
  }

  /// Steps behind the end of a sequence do not count, whatever is there.
  @Test func lengths() throws {
    let tagger = ModelConfiguration.tagger(
      input: .features(2), labels: 4, .init(.gru, hiddenSize: 5, bidirectional: true))
    let run = try ModelCase<Double>(tagger, lengths: [2, 5, 0])
    let loss = try run.model.loss(run.batch)
    let gradients = Array(run.model.parameters.gradients)
    #expect(loss.count == 7)
    guard let features = run.batch.features, let targets = run.batch.targets else { return }
    run.batch.features = run.keep(
      features.indices.map { ($0 / 2) % 3 == 0 && $0 / 6 >= 2 ? .nan : features[$0] })
    run.batch.targets = run.keep(targets.indices.map { $0 % 3 == 2 ? CrossEntropy.ignoredTarget : targets[$0] })
    let again = try run.model.loss(run.batch)
    #expect(again.mean == loss.mean)
    #expect(Array(run.model.parameters.gradients) == gradients)
  }

  /// The same bits with any number of threads.
  @Test func threads() throws {
    let run = try ModelCase<Float>(
      .languageModel(vocabulary: 200, embeddingSize: 64, .init(hiddenSize: 96, layers: 2)), steps: 20, sequences: 12)
    let before = Threads.count
    defer { try? Threads.setCount(before) }
    var results: [[UInt32]] = []
    for threads in [1, 3] {
      try Threads.setCount(threads)
      let loss = try run.model.loss(run.batch, TrainingOptions(seed: 1))
      results.append(
        [UInt32(truncatingIfNeeded: loss.mean.bitPattern)] + run.model.parameters.gradients.map(\.bitPattern))
    }
    #expect(results[0] == results[1])
  }

  @Test func whatIsRefused() throws {
    func isRefused(_ change: (inout ModelBatch<Float>) -> Void) throws -> Bool {
      let run = try ModelCase<Float>(configuration)
      change(&run.batch)
      return (try? run.model.loss(run.batch)) == nil
    }
    #expect(try !isRefused { _ in })
    #expect(try isRefused { $0.ids = nil })
    #expect(try isRefused { $0.targets = nil })
    #expect(try isRefused { $0.steps = 4 })
    #expect(try isRefused { $0.steps = -1 })
    let short = UnsafeMutableBufferPointer<Int64>.allocate(capacity: 2)
    short.initialize(repeating: 1)
    defer { short.deallocate() }
    #expect(try isRefused { $0.lengths = UnsafeBufferPointer(short) })
    var wrong = configuration
    wrong.tiesEmbedding = true
    #expect(throws: RNNError.self) { try Model<Float>(wrong) }
    wrong = configuration
    wrong.recurrent.bidirectional = true
    #expect(throws: RNNError.self) { try Model<Float>(wrong) }
    wrong = configuration
    wrong.dropout = 1
    #expect(throws: RNNError.self) { try Model<Float>(wrong) }
    wrong = configuration
    wrong.recurrent.cell = ModelCell("lstn")
    #expect(throws: RNNError.self) { try Model<Float>(wrong) }
  }
}
