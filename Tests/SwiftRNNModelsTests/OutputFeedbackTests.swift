import SwiftRNN
import Testing

@testable import SwiftRNNModels

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Networks whose feedback is the output of the step before.
@Suite struct OutputFeedbackTests {
  private static let tokens = ModelConfiguration.Input.tokens(vocabulary: 7, embeddingSize: 4)
  private static let numbers = ModelConfiguration.outputFeedback(
    input: .features(2), outputs: 3, hiddenSize: 5, predictsNumbers: true)
  private static let classes = ModelConfiguration.outputFeedback(input: tokens, outputs: 3, hiddenSize: 5)
  private static let lengths = [5, 0, 3]

  /// The equations, one step and sequence after the other; what is fed back by `feedback`.
  private func outputs(_ run: ModelCase<Double>, _ feedback: OutputFeedback) throws -> [Double] {
    let c = run.model.configuration
    let p = run.model.parameters
    func tensor(_ name: String) throws -> [Double] { Array(try #require(p.values(of: name))) }
    let (w, u, b) = (try tensor("network.W_l0"), try tensor("network.U_l0"), try tensor("network.b_l0"))
    let (v, d) = (try tensor("network.V_l0"), try tensor("network.d_l0"))
    let width = w.count / 5
    var x: [Double] = []
    if let ids = run.batch.ids {
      let table = try tensor("embedding.weight")
      for id in ids { x += table[id * width..<(id + 1) * width] }
    } else {
      x = Array(try #require(run.batch.features))
    }
    var all = [Double](repeating: 0, count: run.batch.steps * run.batch.sequences * 3)
    for n in 0..<run.batch.sequences {
      var before = [0.0, 0, 0]
      let length = run.batch.lengths.map { Int($0[n]) } ?? run.batch.steps
      for t in 0..<length {
        let row = t * run.batch.sequences + n
        var h = b
        for i in 0..<5 {
          for j in 0..<width { h[i] += w[i * width + j] * x[row * width + j] }
          for j in 0..<3 { h[i] += u[i * 3 + j] * before[j] }
          h[i] = tanh(h[i])
        }
        var y = d
        for i in 0..<3 { for j in 0..<5 { y[i] += v[i * 5 + j] * h[j] } }
        for i in 0..<3 { all[row * 3 + i] = y[i] }
        switch (feedback, c.predictsNumbers) {
        case (.outputs, true): before = y
        case (.outputs, false):
          let sum = y.reduce(0) { $0 + exp($1) }
          before = y.map { exp($0) / sum }
        case (.targets, true):
          let values = try #require(run.batch.values)
          before = (0..<3).map { values[row * 3 + $0] }
        case (.targets, false):
          let targets = try #require(run.batch.targets)
          before = (0..<3).map { $0 == targets[row] ? 1 : 0 }
        }
      }
    }
    return all
  }

  /// Counted rows of both.
  private func largestDifference(_ a: [Double], _ b: [Double], _ run: ModelCase<Double>) -> Double {
    var largest = 0.0
    for i in a.indices {
      let (t, n) = (i / 3 / run.batch.sequences, i / 3 % run.batch.sequences)
      if let lengths = run.batch.lengths, t >= lengths[n] { continue }
      largest = max(largest, abs(a[i] - b[i]))
    }
    return largest
  }

  @Test func equations() throws {
    for configuration in [Self.numbers, Self.classes] {
      for lengths in [nil, Self.lengths] {
        let run = try ModelCase<Double>(configuration, lengths: lengths)
        let free = try outputs(run, .outputs)
        #expect(largestDifference(Array(try run.model.predict(run.batch)), free, run) < 1e-13)
        let forced = try outputs(run, .targets)
        let rows = try run.model.forward(run.batch, nil, seed: nil)
        let logits = try run.model.output.forward(rows.x.constant, rows: rows.count)
        #expect(largestDifference(Array(logits), forced, run) < 1e-13)
        #expect(largestDifference(free, forced, run) > 1e-3)
      }
    }
  }

  /// Gradients in free running go through the outputs of all steps before.
  @Test(arguments: OutputFeedback.allCases)
  func gradients(feedback: OutputFeedback) throws {
    for configuration in [
      Self.numbers, Self.classes, .outputFeedback(input: Self.tokens, outputs: 2, hiddenSize: 5, predictsNumbers: true),
      .outputFeedback(input: .features(3), outputs: 4, hiddenSize: 5),
    ] {
      for lengths in [nil, Self.lengths] {
        let run = try ModelCase<Double>(configuration, lengths: lengths)
        let error = try run.gradientError { try run.model.loss(run.batch, feedback: feedback) }
        #expect(error < 1e-7, "\(error)")
        #expect(
          try run.model.loss(run.batch, feedback: feedback).mean
            == run.model.evaluate(run.batch, feedback: feedback).mean)
      }
    }
    // Options count in both ways.
    let weights: [Double] = [0.5, 2, 1]
    try weights.withUnsafeBufferPointer { weights in
      var options = TrainingOptions<Double>()
      (options.labelSmoothing, options.classWeights) = (0.1, weights)
      let run = try ModelCase<Double>(Self.classes, lengths: Self.lengths)
      let plain = try run.model.loss(run.batch, feedback: feedback)
      #expect(try run.gradientError { try run.model.loss(run.batch, feedback: feedback, options) } < 1e-7)
      #expect(try run.model.loss(run.batch, feedback: feedback, options).mean != plain.mean)
      let numbers = try ModelCase<Double>(Self.numbers)
      #expect(throws: RNNError.self) { try numbers.model.loss(numbers.batch, feedback: feedback, options) }
    }
    // The default is teacher forcing.
    let run = try ModelCase<Double>(Self.classes)
    #expect(try run.model.loss(run.batch).mean == run.model.loss(run.batch, feedback: .targets).mean)
    #expect(try run.gradientError() < 1e-7)
    let score = try run.model.score(run.batch).reduce(0) { $0 + $1.logProbability }
    #expect(try abs(run.model.evaluate(run.batch).total + score) < 1e-12)
  }

  /// Evaluation by the loss that is asked for, in both ways.
  @Test(arguments: OutputFeedback.allCases)
  func lossesOfNumbers(feedback: OutputFeedback) throws {
    let run = try ModelCase<Double>(Self.numbers)
    let (y, values) = (try outputs(run, feedback), try #require(run.batch.values))
    let distances = y.indices.map { abs(y[$0] - values[$0]) }
    func mean(_ loss: (Double) -> Double) -> Double { distances.reduce(0) { $0 + loss($1) } / Double(distances.count) }
    let huber = mean { $0 <= 0.3 ? $0 * $0 / 2 : 0.3 * ($0 - 0.15) }
    for (loss, expected) in [
      (ElementwiseLoss.squaredError, mean { $0 * $0 }), (.absoluteError, mean { $0 }), (.huber(delta: 0.3), huber),
    ] {
      #expect(abs(try run.model.evaluate(run.batch, feedback: feedback, loss: loss).mean - expected) < 1e-13)
    }
    let classes = try ModelCase<Double>(Self.classes)
    #expect(throws: RNNError.self) {
      try classes.model.evaluate(classes.batch, feedback: feedback, loss: .absoluteError)
    }
  }

  /// Fed its own outputs as targets a network does what it does by itself.
  @Test func ownOutputsAsTargets() throws {
    let run = try ModelCase<Double>(Self.numbers)
    run.batch.values = run.keep(Array(try run.model.predict(run.batch)))
    for feedback in OutputFeedback.allCases {
      #expect(try run.model.evaluate(run.batch, feedback: feedback).mean < 1e-28)
    }
  }

  /// Sequences in pieces, a state carried on, in both ways.
  @Test(arguments: OutputFeedback.allCases)
  func states(feedback: OutputFeedback) throws {
    for configuration in [Self.numbers, Self.classes] {
      let run = try ModelCase<Double>(configuration, steps: 6, sequences: 3)
      let whole = try run.model.evaluate(run.batch, feedback: feedback)
      let state = try run.model.makeState()
      var total = 0.0
      for first in [0, 2, 4] {
        var piece = run.batch
        func part<Element>(_ all: UnsafeBufferPointer<Element>?, _ width: Int) -> UnsafeBufferPointer<Element>? {
          all.map { UnsafeBufferPointer(rebasing: $0[first * 3 * width..<(first + 2) * 3 * width]) }
        }
        piece.steps = 2
        (piece.ids, piece.features) = (part(piece.ids, 1), part(piece.features, 2))
        (piece.targets, piece.values) = (part(piece.targets, 1), part(piece.values, 3))
        total += try run.model.loss(piece, feedback: feedback, state: state).total
      }
      #expect(abs(total - whole.total) < 1e-12)
    }
  }

  /// Numbers behind the end of a sequence do not matter.
  @Test(arguments: OutputFeedback.allCases)
  func lengths(feedback: OutputFeedback) throws {
    let run = try ModelCase<Double>(Self.numbers, lengths: Self.lengths)
    let loss = try run.model.loss(run.batch, feedback: feedback)
    let gradients = Array(run.model.parameters.gradients)
    #expect(loss.count == 24)
    let (features, values) = (try #require(run.batch.features), try #require(run.batch.values))
    run.batch.features = run.keep(features.indices.map { $0 / 6 >= Self.lengths[$0 / 2 % 3] ? .nan : features[$0] })
    run.batch.values = run.keep(values.indices.map { $0 / 9 >= Self.lengths[$0 / 3 % 3] ? .nan : values[$0] })
    #expect(try run.model.loss(run.batch, feedback: feedback) == loss)
    #expect(Array(run.model.parameters.gradients) == gradients)
  }

  /// A circle, with a constant for x. By teacher forcing each step is right if the one before was; that it goes round by
  /// itself is learned in free running, from the same parameters on.
  @Test func learnsACircle() throws {
    let model = try Model<Float>(
      .outputFeedback(input: .features(1), outputs: 2, hiddenSize: 24, predictsNumbers: true))
    try model.initialize(seed: 1)
    let optimizer = try ParameterOptimizer(.adam(Adam(rate: 0.01)), model.parameters)
    let steps = 20
    let x = [Float](repeating: 1, count: steps)
    let circle = (0..<steps).flatMap { [Float(cos(Double($0) * 0.3)), Float(sin(Double($0) * 0.3))] }
    try x.withUnsafeBufferPointer { x in
      try circle.withUnsafeBufferPointer { circle in
        var batch = ModelBatch<Float>(steps: steps, sequences: 1)
        (batch.features, batch.values) = (x, circle)
        var losses: [[Double]] = []
        for (feedback, rate) in [(OutputFeedback.targets, 0.01), (.outputs, 0.003)] {
          for _ in 0..<1000 {
            _ = try model.loss(batch, feedback: feedback)
            try optimizer.step(rate: rate, maxNorm: 1)
          }
          losses.append(try OutputFeedback.allCases.map { try model.evaluate(batch, feedback: $0).mean })
        }
        // Zeros would have 0.5.
        #expect(losses[0][0] < 0.01 && losses[1][1] < 0.01, "\(losses)")
        #expect(losses[1][1] < losses[0][1])
      }
    }
  }

  @Test func threads() throws {
    let before = Threads.count
    defer { try? Threads.setCount(before) }
    let run = try ModelCase<Float>(
      .outputFeedback(input: .features(30), outputs: 20, hiddenSize: 96), steps: 20, sequences: 12)
    for feedback in OutputFeedback.allCases {
      var results: [[UInt32]] = []
      for threads in [1, 3] {
        try Threads.setCount(threads)
        let loss = try run.model.loss(run.batch, feedback: feedback)
        results.append(
          [UInt32(truncatingIfNeeded: loss.mean.bitPattern)] + run.model.parameters.gradients.map(\.bitPattern))
      }
      #expect(results[0] == results[1])
    }
  }

  /// The look inside is of free running.
  @Test func inspection() throws {
    let run = try ModelCase<Double>(Self.numbers)
    let inspection = try run.model.inspect(run.batch)
    #expect(inspection.layers[0].gradients.map(\.state) == ["y"])
    #expect(try inspection.loss == run.model.evaluate(run.batch, feedback: .outputs))
  }

  @Test func whatIsRefused() throws {
    func isRefused(_ configuration: ModelConfiguration, _ change: (inout ModelBatch<Float>) -> Void) throws -> Bool {
      let run = try ModelCase<Float>(configuration)
      change(&run.batch)
      return (try? run.model.loss(run.batch)) == nil
    }
    #expect(try !isRefused(Self.classes) { _ in } && !isRefused(Self.numbers) { _ in })
    #expect(try isRefused(Self.classes) { $0.targets = nil })
    #expect(try isRefused(Self.classes) { $0.ids = nil })
    #expect(try isRefused(Self.classes) { $0.steps = 4 })
    #expect(try isRefused(Self.numbers) { $0.values = nil })
    #expect(try isRefused(Self.numbers) { $0.features = nil })
    let run = try ModelCase<Float>(Self.classes)
    for target in [3, -1] {
      run.batch.targets = run.keep((0..<15).map { $0 == 7 ? target : 0 })
      #expect(throws: RNNError.self) { try run.model.loss(run.batch) }
    }
    for length in [-1, 6] {
      let wrong = try ModelCase<Float>(Self.classes, lengths: [5, length, 0])
      #expect(throws: RNNError.self) { try wrong.model.loss(wrong.batch) }
      #expect(throws: RNNError.self) { try wrong.model.predict(wrong.batch) }
    }
    let other = try ModelCase<Float>(.tagger(input: Self.tokens, labels: 3, .init(hiddenSize: 4)))
    #expect(throws: RNNError.self) { try other.model.loss(other.batch, feedback: .outputs) }
    #expect(throws: RNNError.self) { try other.model.evaluate(other.batch, feedback: .targets) }
    #expect(throws: RNNError.self) { try run.model.makeState(lookBack: 2) }
    #expect(throws: RNNError.self) { try run.model.generate(prompts: [[1]], GenerationOptions(length: 1)) }
    for change: (inout ModelConfiguration) -> Void in [
      { $0.recurrent.cell = .rnn }, { $0.recurrent.layers = 2 }, { $0.recurrent.bidirectional = true },
      { $0.dropout = 0.1 }, { $0.structure = .trees }, { $0.attention = .dot }, { $0.tiesEmbedding = true },
    ] {
      var wrong = Self.classes
      change(&wrong)
      #expect(throws: RNNError.self) { try Model<Float>(wrong) }
    }
  }
}
