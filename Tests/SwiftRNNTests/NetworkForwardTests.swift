import Reference
import SwiftRNN
import Testing

/// Forward passes against the plain scalar networks of `Reference`.
@Suite struct NetworkForwardTests {
  @Test(arguments: 0..<6) func doublesMatchTheReference(_ cell: Int) throws {
    try matchesReference(Double.self, cell, tolerance: 1e-12)
  }

  @Test(arguments: 0..<6) func floatsMatchTheReference(_ cell: Int) throws {
    try matchesReference(Float.self, cell, tolerance: 3e-5)
  }

  /// Forty random configurations, batches, lengths and states.
  private func matchesReference<S: RNNScalar>(_: S.Type, _ cell: Int, tolerance: Double) throws {
    var random = SplitMix(UInt64(100 + cell))
    for round in 0..<40 {
      let large = round % 10 == 9
      let H = large ? 64 + Int(random.next() % 40) : random.choose([2, 3, 7, 8, 9, 15, 16, 17, 19, 33])
      let configuration = configurations(
        inputSize: random.choose([1, 2, 5, 8, 17, 30]), hiddenSize: H,
        projectionSize: 1 + Int(random.next() % UInt64(H - 1)),
        layers: random.choose([1, 2, 3]), bias: random.next() % 4 != 0, bidirectional: random.next() % 2 == 0)[cell]
      let run = try NetworkCase<S>(
        configuration, steps: random.choose([1, 2, 3, 7, 12]), sequences: random.choose([1, 2, 3, 6, 7, 13]),
        lengths: random.next() % 2 == 0, state: random.next() % 2 == 0, seed: random.next())
      let expected = run.runReference()
      for (y, state) in try [run.infer(), { ($0.y, $0.state) }(run.forward())] {
        let comment: Comment = "round \(round): \(configuration), \(run.x.shape), \(run.lengths ?? [])"
        #expect(relativeError(y.doubles, expected.y) < tolerance, comment)
        #expect(relativeError(state.h.doubles, expected.h) < tolerance, comment)
        #expect((state.c == nil) == (configuration.cell != .lstm))
        if let c = state.c { #expect(relativeError(c.doubles, expected.c) < tolerance, comment) }
      }
    }
  }

  /// The masks are a documented function of the seed: the same numbers, drawn here by themselves.
  @Test func dropoutDrawsItsDocumentedMasks() throws {
    for (index, configuration) in configurations(
      inputSize: 3, hiddenSize: 10, projectionSize: 6, layers: 3, dropout: 0.3, bidirectional: true
    ).enumerated() {
      var run = try NetworkCase<Double>(configuration, steps: 6, sequences: 4, seed: UInt64(index))
      run.seed = 0x1234_5678_9abc_def0
      let (width, philox) = (configuration.stateWidth, Philox(seed: run.seed))
      let expected = run.runReference { layer, t, n, j in
        let (direction, unit) = (j / width, j % width)
        let words = philox.words(UInt32(unit / 4), UInt32(t), UInt32(n), UInt32(2 * layer + direction))
        let word = [words.0, words.1, words.2, words.3][unit % 4]
        return Double(word) >= 0.3 * 0x1p32 ? 1 / 0.7 : 0
      }
      let (y, state, _) = try run.forward()
      #expect(relativeError(y.doubles, expected.y) < 1e-12)
      #expect(relativeError(state.h.doubles, expected.h) < 1e-12)
      let undisturbed = try run.infer()
      #expect(relativeError(undisturbed.y.doubles, run.runReference().y) < 1e-12, "inference draws no masks")
      #expect(relativeError(undisturbed.y.doubles, expected.y) > 1e-3)
    }
  }

  /// Adding to the index of the first sequence gives a part of a batch its own masks.
  @Test func firstSequenceShiftsTheMasks() throws {
    let configuration = NetworkConfiguration.gru(inputSize: 3, hiddenSize: 9, layers: 2, dropout: 0.5)
    let run = try NetworkCase<Float>(configuration, steps: 5, sequences: 7, seed: 3)
    let whole = try run.forward().y
    let part = try run.part(4..<7)
    let y = try part.network.forward(
      part.x, parameters: part.parameters, lengths: part.lengths, state: part.state, seed: part.seed, firstSequence: 4
    ).y
    #expect(y == (try whole.sequences(4..<7)))
  }

  @Test func parametersHaveTorchsNamesAndShapes() throws {
    let network = try Network<Float>(
      .lstm(inputSize: 5, hiddenSize: 6, layers: 2, bidirectional: true, projectionSize: 4))
    let parameters = try network.makeParameters(seed: 0)
    var expected: [(String, [Int])] = []
    for layer in 0..<2 {
      for suffix in ["_l\(layer)", "_l\(layer)_reverse"] {
        expected += [
          ("weight_ih" + suffix, [24, layer == 0 ? 5 : 8]), ("weight_hh" + suffix, [24, 4]), ("bias_ih" + suffix, [24]),
          ("bias_hh" + suffix, [24]), ("weight_hr" + suffix, [4, 6]),
        ]
      }
    }
    #expect(parameters.infos.map(\.name) == expected.map(\.0))
    #expect(parameters.infos.map(\.shape) == expected.map(\.1))
    #expect(parameters.flat.elements == expected.flatMap { parameters[$0.0]?.elements ?? [] })
    let bound = Float(1 / 6.0.squareRoot())
    #expect(parameters.flat.elements.allSatisfy { abs($0) <= bound })
    #expect(Set(parameters.flat.elements).count > network.flatCount * 9 / 10)
    #expect(parameters.flat == (try network.makeParameters(seed: 0)).flat)
    #expect(parameters.flat != (try network.makeParameters(seed: 1)).flat)
  }

  @Test(arguments: [(0, 0), (0, 3), (4, 0)])
  func emptyBatches(_ steps: Int, _ sequences: Int) throws {
    for configuration in configurations(inputSize: 3, hiddenSize: 5, projectionSize: 2, layers: 2, bidirectional: true)
    {
      let run = try NetworkCase<Double>(configuration, steps: steps, sequences: sequences, seed: 1)
      let (y, state, tape) = try run.forward()
      #expect(y.shape == [steps, sequences, configuration.outputSize])
      #expect(state == run.state, "no step: the initial state is the final one")
      let gradients = try tape.backward(run.dy, dState: run.dState)
      #expect(gradients.x.shape == run.x.shape)
      #expect(gradients.state == run.dState)
      #expect(gradients.parameters.flat.elements.allSatisfy { $0 == 0 })
      #expect(try run.infer().state == run.state)
    }
  }
}
