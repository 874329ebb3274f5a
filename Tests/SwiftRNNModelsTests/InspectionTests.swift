import SwiftRNN
import Testing

@testable import SwiftRNNModels

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

@Suite struct InspectionTests {
  /// One unit, one sequence, one number: by hand.
  @Test func oneUnit() throws {
    let run = try ModelCase<Double>(
      .tagger(input: .features(1), labels: 1, .init(.rnn, hiddenSize: 1), predictsNumbers: true), steps: 6, sequences: 1
    )
    let p = run.model.parameters
    func set(_ name: String, _ value: Double) { p.values(of: name)?[0] = value }
    let (w, u, b, v) = (0.8, 1.3, 0.1, 0.7)
    set("network.weight_ih_l0", w)
    set("network.weight_hh_l0", u)
    set("network.bias_ih_l0", b)
    set("network.bias_hh_l0", 0)
    set("output.weight", v)
    set("output.bias", 0)
    let (x, target) = (Array(try #require(run.batch.features)), Array(try #require(run.batch.values)))
    var h = [0.0]
    for t in 0..<6 { h.append(tanh(w * x[t] + u * h[t] + b)) }
    // L = mean (v h_t - target_t)^2; dL/dh_t = 2 v (v h_t - target_t) / 6 + u (1 - h_{t+1}^2) dL/dh_{t+1}.
    var (expected, later) = ([Double](repeating: 0, count: 6), 0.0)
    for t in (0..<6).reversed() {
      let own = 2 * v * (v * h[t + 1] - target[t]) / 6 + later
      expected[t] = abs(own)
      later = u * (1 - h[t + 1] * h[t + 1]) * own
    }
    let inspection = try run.model.inspect(run.batch)
    let layer = try #require(inspection.layers.first)
    #expect(inspection.layers.count == 1 && layer.network == "network" && layer.layer == 0 && layer.direction == 0)
    #expect(layer.gradients.count == 1 && layer.gradients[0].state == "h" && layer.gradients[0].isOutput)
    for (own, expected) in zip(layer.gradients[0].norms, expected) { #expect(abs(own - expected) < 1e-13) }
    #expect(layer.radii.count == 1 && abs(layer.radii[0].value - u) < 1e-8)
    #expect(layer.radii[0].parameter == "network.weight_hh_l0" && layer.radii[0].gate == "")
    let (low, high) = (h.dropFirst().filter { $0 < -0.95 }.count, h.dropFirst().filter { $0 > 0.95 }.count)
    #expect(layer.saturations == [.init(name: "h", low: Double(low) / 6, high: Double(high) / 6)])
    #expect(try inspection.loss.mean == run.model.evaluate(run.batch).mean)
  }

  /// The gradient of an RNN with U = 0.5 I halves, at least, with each step back.
  @Test func smallRecurrentMatrixVanishes() throws {
    let run = try ModelCase<Double>(
      .classifier(input: .features(3), classes: 4, .init(.rnn, hiddenSize: 8)), steps: 30, sequences: 5)
    let u = try #require(run.model.parameters.values(of: "network.weight_hh_l0"))
    for i in u.indices { u[i] = i / 8 == i % 8 ? 0.5 : 0 }
    let norms = try run.model.inspect(run.batch).layers[0].gradients[0].norms
    #expect(norms[29] > 0)
    for t in 0..<29 { #expect(norms[t] > 0 && norms[t] <= 0.5 * norms[t + 1] * (1 + 1e-12)) }
    #expect(norms[0] < 1e-8 * norms[29])
    // An orthogonal U of twice the size explodes, while the states are small.
    for i in u.indices { u[i] = i / 8 == i % 8 ? 2 : 0 }
    for name in ["network.weight_ih_l0", "network.bias_ih_l0", "network.bias_hh_l0"] {
      run.model.parameters.values(of: name)?.update(repeating: 0)
    }
    let large = try run.model.inspect(run.batch).layers[0]
    for t in 0..<29 { #expect(abs(large.gradients[0].norms[t] / large.gradients[0].norms[t + 1] - 2) < 1e-12) }
    #expect(abs(large.radii[0].value - 2) < 1e-7)
  }

  /// Gradients with respect to the first states are those of a pass over the whole sequence; layers, directions and
  /// lengths. The state before step t of a sequence is the first state of its rest.
  @Test(arguments: ["rnn", "lstm", "gru", "gru_before", "cornn", "lstm_projected"])
  func statesOfLayers(cell: String) throws {
    let sizes = cell == "lstm_projected" ? ["P": 3] : [:]
    let configuration = ModelConfiguration.tagger(
      input: .features(2), labels: 3, .init(ModelCell(cell, sizes: sizes), hiddenSize: 4, layers: 2))
    let run = try ModelCase<Double>(configuration, steps: 6, sequences: 2, lengths: [6, 4])
    let model = run.model
    let state = try model.makeState()
    var batch = run.batch
    // A loss of the states after 2 steps, differentiated numerically in each of their units.
    func piece(_ range: Range<Int>) -> ModelBatch<Double> {
      var piece = run.batch
      piece.steps = range.count
      piece.features = run.batch.features.map {
        UnsafeBufferPointer(rebasing: $0[range.lowerBound * 4..<range.upperBound * 4])
      }
      piece.targets = run.batch.targets.map {
        UnsafeBufferPointer(rebasing: $0[range.lowerBound * 2..<range.upperBound * 2])
      }
      piece.lengths = run.keep([6, 4].map { Int64(max(0, min($0, range.upperBound) - range.lowerBound)) })
      return piece
    }
    _ = try model.evaluate(piece(0..<2), state: state)
    batch = piece(2..<6)
    let network = try #require(model.reader?.part.network)
    let start = try state.places(network, sequences: 2).from
    let inspection = try model.inspect(run.batch)
    let count = try model.evaluate(run.batch).count
    let states = network.states
    for layer in 0..<2 {
      #expect(inspection.layers[layer].gradients.map(\.state) == states.map(\.name))
      for number in states.indices {
        // The gradient of the later steps alone: one unit after the other.
        var squares = 0.0
        for i in 0..<2 * states[number].width {
          let at = layer * 2 * states[number].width + i
          let pointer = try #require(start[number])
          let value = pointer[at]
          func loss(_ step: Double) throws -> Double {
            pointer[at] = value + step
            defer { pointer[at] = value }
            let copy = try state.copy(to: network)
            return try model.evaluate(batch, state: copy).total / Double(count)
          }
          let slope = try (loss(1e-5) - loss(-1e-5)) / 2e-5
          squares += slope * slope
        }
        let found = inspection.layers[layer].gradients[number]
        // A state that is the output has the gradient of its own step, too: the last layer's from the loss.
        if !found.isOutput {
          #expect(abs(found.norms[1] - squares.squareRoot()) < 1e-7, "\(cell) \(layer) \(found.state)")
        }
      }
    }
    // The carried gradient of h, by a batch whose first two steps have no loss and no other layer above.
    var later = run.batch
    later.targets = run.keep(
      try #require(run.batch.targets).enumerated().map { $0.offset < 4 ? CrossEntropy.ignoredTarget : $0.element })
    let above = try model.inspect(later).layers[1]
    for (number, gradient) in above.gradients.enumerated() where gradient.isOutput {
      var squares = 0.0
      for i in 0..<2 * states[number].width {
        let at = 2 * states[number].width + i
        let pointer = try #require(start[number])
        let value = pointer[at]
        func loss(_ step: Double) throws -> Double {
          pointer[at] = value + step
          defer { pointer[at] = value }
          return try model.evaluate(batch, state: state.copy(to: network)).mean
        }
        let slope = try (loss(1e-5) - loss(-1e-5)) / 2e-5
        squares += slope * slope
      }
      #expect(abs(gradient.norms[1] - squares.squareRoot()) < 1e-7, "\(cell) \(gradient.state)")
    }
  }

  /// Reversed sequences make the reverse direction the forward one.
  @Test func directions() throws {
    let two = ModelConfiguration.classifier(
      input: .features(2), classes: 3, .init(.gru, hiddenSize: 4, bidirectional: true), pooling: .mean)
    let lengths = [5, 3, 1]
    let run = try ModelCase<Double>(two, lengths: lengths)
    let p = run.model.parameters
    // Directions have the same numbers, and the output layer does not tell them apart.
    for info in p.list.infos where info.name.hasSuffix("_reverse") {
      let other = try #require(p.values(of: String(info.name.dropLast(8))))
      _ = p.values(of: info.name)?.update(fromContentsOf: other)
    }
    let weight = try #require(p.values(of: "output.weight"))
    for row in 0..<3 { for i in 0..<4 { weight[row * 8 + 4 + i] = weight[row * 8 + i] } }
    let first = try run.model.inspect(run.batch)
    let x = Array(try #require(run.batch.features))
    var reversed = run.batch
    reversed.features = run.keep(
      x.indices.map { i in
        let (t, n, j) = (i / 6, i / 2 % 3, i % 2)
        return t < lengths[n] ? x[((lengths[n] - 1 - t) * 3 + n) * 2 + j] : .nan
      })
    let second = try run.model.inspect(reversed)
    #expect(first.layers.map(\.direction) == [0, 1])
    // All sequences together: the sums over all steps are the same, whatever their lengths.
    func total(_ norms: [Double]) -> Double { norms.reduce(0) { $0 + $1 * $1 } }
    for direction in 0..<2 {
      let (a, b) = (first.layers[direction], second.layers[1 - direction])
      #expect(abs(total(a.gradients[0].norms) / total(b.gradients[0].norms) - 1) < 1e-12)
      #expect(a.saturations == b.saturations && a.radii.map(\.value) == b.radii.map(\.value))
    }
    #expect(abs(first.loss.mean - second.loss.mean) < 1e-12)
  }

  /// Shares of saturated gates against the equations, written out.
  @Test(arguments: ["lstm", "gru", "gru_before"])
  func saturations(cell: String) throws {
    let run = try ModelCase<Double>(
      .tagger(input: .features(2), labels: 2, .init(ModelCell(cell), hiddenSize: 3)), steps: 7, sequences: 3,
      lengths: [7, 0, 4])
    for i in run.model.parameters.values.indices { run.model.parameters.values[i] *= 6 }
    let p = run.model.parameters
    func tensor(_ name: String) throws -> [Double] { Array(try #require(p.values(of: "network.\(name)_l0"))) }
    let (w, u) = (try tensor("weight_ih"), try tensor("weight_hh"))
    let (b, d) = (try tensor("bias_ih"), try tensor("bias_hh"))
    let x = Array(try #require(run.batch.features))
    func sigmoid(_ s: Double) -> Double { 1 / (1 + exp(-s)) }
    let names = cell == "lstm" ? ["i", "f", "g", "o", "tanh(c)"] : ["r", "z", "n"]
    var (low, high) = ([Int](repeating: 0, count: names.count), [Int](repeating: 0, count: names.count))
    for (n, length) in [7, 0, 4].enumerated() {
      var (h, c) = ([Double](repeating: 0, count: 3), [Double](repeating: 0, count: 3))
      for t in 0..<length {
        func own(_ row: Int) -> Double {
          let at = (t * 3 + n) * 2
          return b[row] + w[row * 2] * x[at] + w[row * 2 + 1] * x[at + 1]
        }
        func back(_ row: Int, _ h: [Double]) -> Double {
          var sum = d[row]
          for j in 0..<3 { sum += u[row * 3 + j] * h[j] }
          return sum
        }
        var (next, nextC) = (h, c)
        let r = (0..<3).map { sigmoid(own($0) + back($0, h)) }
        for i in 0..<3 {
          func gate(_ g: Int) -> Double { own(g * 3 + i) + back(g * 3 + i, h) }
          var values: [Double]
          if cell == "lstm" {
            values = [sigmoid(gate(0)), sigmoid(gate(1)), tanh(gate(2)), sigmoid(gate(3))]
            nextC[i] = values[1] * c[i] + values[0] * values[2]
            values.append(tanh(nextC[i]))
            next[i] = values[3] * values[4]
          } else {
            let scaled = [r[0] * h[0], r[1] * h[1], r[2] * h[2]]
            let recurrent = cell == "gru" ? r[i] * back(6 + i, h) : back(6 + i, scaled)
            let new = tanh(own(6 + i) + recurrent)
            values = [r[i], sigmoid(gate(1)), new]
            next[i] = (1 - values[1]) * new + values[1] * h[i]
          }
          for (k, value) in values.enumerated() {
            let isTanh = ["g", "n", "tanh(c)"].contains(names[k])
            if value < (isTanh ? -0.95 : 0.05) { low[k] += 1 }
            if value > 0.95 { high[k] += 1 }
          }
        }
        (h, c) = (next, nextC)
      }
    }
    #expect(low.reduce(0, +) > 0 && high.reduce(0, +) > 0)
    let found = try run.model.inspect(run.batch).layers[0].saturations
    let expected = names.indices.map {
      ModelInspection.Saturation(name: names[$0], low: Double(low[$0]) / 33, high: Double(high[$0]) / 33)
    }
    #expect(found == expected)
  }

  /// Nothing of the model changes, and results are the same bits with any number of threads.
  @Test func nothingMoves() throws {
    let run = try ModelCase<Float>(
      .encoderDecoder(
        input: .tokens(vocabulary: 7, embeddingSize: 4), encoder: .init(.gru, hiddenSize: 40, bidirectional: true),
        vocabulary: 7, embeddingSize: 4, decoder: .init(hiddenSize: 48, layers: 2), dropout: 0.3), steps: 9,
      sequences: 11, lengths: [9, 1, 0, 4, 5, 6, 7, 8, 9, 2, 3])
    _ = try run.model.loss(run.batch, TrainingOptions(seed: 3))
    let before = (Array(run.model.parameters.values), Array(run.model.parameters.gradients))
    let threads = Threads.count
    defer { try? Threads.setCount(threads) }
    var found: [ModelInspection] = []
    for count in [1, 3] {
      try Threads.setCount(count)
      found.append(try run.model.inspect(run.batch))
    }
    #expect(found[0] == found[1])
    #expect(
      found[0].layers.map(\.network) == ["encoder_network", "encoder_network", "decoder_network", "decoder_network"])
    for layer in found[0].layers {
      for gradient in layer.gradients {
        // c after the last step reaches the loss by h of that step alone.
        let norms = gradient.isOutput || layer.network == "encoder_network" ? gradient.norms : gradient.norms.dropLast()
        #expect(norms.allSatisfy { $0.isFinite && $0 > 0 }, "\(layer.network) \(layer.layer) \(gradient.state)")
      }
    }
    #expect(found[0].layers[2].radii.map(\.gate) == ["i", "f", "g", "o"])
    #expect(Array(run.model.parameters.values) == before.0 && Array(run.model.parameters.gradients) == before.1)
    // A state stays where it is.
    let language = try ModelCase<Double>(.languageModel(vocabulary: 7, embeddingSize: 4, .init(.gru, hiddenSize: 5)))
    let state = try language.model.makeState()
    _ = try language.model.evaluate(language.batch, state: state)
    let first = try language.model.inspect(language.batch, state: state)
    #expect(try language.model.inspect(language.batch, state: state) == first)
    #expect(try language.model.evaluate(language.batch, state: state).mean == first.loss.mean)
    #expect(try language.model.inspect(language.batch).loss != first.loss)
  }

  @Test func whatIsRefused() throws {
    let masked = try ModelCase<Float>(
      .tagger(input: .features(2), labels: 3, .init(ModelCell("like gru\ny = dropout(h', 0.5)"), hiddenSize: 4)))
    #expect(throws: RNNError.self) { try masked.model.inspect(masked.batch) }
    let normed = try ModelCase<Float>(
      .tagger(
        input: .features(2), labels: 3,
        .init(ModelCell("h' = tanh(batch_norm(W @ x, m, s) + U @ h)"), hiddenSize: 4)))
    #expect(throws: RNNError.self) { try normed.model.inspect(normed.batch) }
    let run = try ModelCase<Float>(.tagger(input: .features(2), labels: 3, .init(.gru, hiddenSize: 4)))
    run.batch.targets = nil
    #expect(throws: RNNError.self) { try run.model.inspect(run.batch) }
    run.batch.features = nil
    #expect(throws: RNNError.self) { try run.model.inspect(run.batch) }
    run.batch.targets = run.keep([Int](repeating: 0, count: 15))
    let looking = try run.model.makeState(lookBack: 2)
    #expect(throws: RNNError.self) { try run.model.inspect(run.batch, state: looking) }
    let other = try Model<Float>(run.model.configuration).makeState()
    #expect(throws: RNNError.self) { try run.model.inspect(run.batch, state: other) }
  }
}
