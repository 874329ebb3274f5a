import Kernels
import Reference
import Testing

@testable import SwiftRNN

/// Texts that are fused cells in other words are recognised, nothing else is, and the fused cells' kernels give what the
/// interpreter gives.
@Suite struct FusedCellTests {
  private static let sizes = ["P": 3]

  private func network<Scalar: RNNScalar>(
    _ text: String, _ configuration: NetworkConfiguration, sizes: [String: Int] = [:], isInterpreted: Bool = false
  ) throws -> Network<Scalar> {
    try Network(Cell(text), configuration, sizes: sizes, kernels: Scalar.kernels, isInterpreted: isInterpreted)
  }

  @Test func cellsOfTheLibrary() throws {
    let expected: [String: CellKind] = [
      "rnn": .rnnTanh, "rnn_relu": .rnnRelu, "lstm": .lstm, "lstm_no_bias": .lstm, "lstm_separate": .lstm,
      "np": .lstm, "lstm_projected": .lstm, "gru": .gru, "gru_before": .gruResetBefore,
    ]
    for name in BuiltInCells.names {
      let found = try Cell("like \(name)").fused?.kind
      #expect(found == expected[name], "\(name)")
    }
  }

  @Test(arguments: FusedWording.all)
  func recognised(_ wording: FusedWording) throws {
    let fused = try #require(Cell(wording.text).fused)
    #expect(fused.kind == wording.kind && (fused.c == 0) == wording.startsWithC)
  }

  /// Sums, products and names in any order: the same equations again and again.
  @Test func anyOrder() throws {
    var random = SplitMix(5)
    func sum(_ terms: [String]) -> String { terms.shuffled(using: &random).joined(separator: " + ") }
    func product(_ factors: [String]) -> String { factors.shuffled(using: &random).joined(separator: " * ") }
    func gate(_ function: String, _ name: String, _ state: String = "s") -> String {
      let biases = [[], ["b\(name)"], ["b\(name)", "d\(name)"]].randomElement(using: &random) ?? []
      return "\(name) = \(function)(\(sum(["W\(name) @ x", "U\(name) @ \(state)"] + biases)))"
    }
    for round in 0..<60 {
      let lstm = [
        gate("sigmoid", "i"), gate("sigmoid", "f"), gate("tanh", "g"), gate("sigmoid", "o"),
        "k' = \(sum([product(["f", "k"]), product(["i", "g"])]))", "s' = \(product(["o", "tanh(k')"]))", "y = s'",
      ]
      let blend =
        [
          sum([product(["z", "s"]), product(["(1 - z)", "n"])]), sum(["n", product(["z", "(s - n)"])]),
        ].randomElement(using: &random) ?? ""
      let gates = [gate("sigmoid", "z"), gate("sigmoid", "r"), "s' = \(blend)", "y = s'"]
      let before = gates + [gate("tanh", "n", "(\(product(["r", "s"])))")]
      let after = gates + ["n = tanh(\(sum(["Wn @ x", "bn", product(["r", "(\(sum(["Un @ s", "dn"])))"])])))"]
      for (kind, lines) in [(CellKind.lstm, lstm), (.gruResetBefore, before), (.gru, after)] {
        let text = lines.shuffled(using: &random).joined(separator: "\n")
        let found = try Cell(text).fused
        #expect(found?.kind == kind, "round \(round): \(text)")
      }
    }
  }

  /// What is nearly a fused cell is none, and is right as it is.
  @Test(arguments: FusedWording.misses)
  func nearMisses(_ text: String) throws {
    #expect(try Cell(text).fused == nil)
    try CellNetworkTests.check(
      CellNetworkCase(text, inputSize: 5, hiddenSize: 6, layers: 2, seed: 71), text)
  }

  /// A projection to as many numbers or more is none that the kernels know.
  @Test(arguments: [3, 6, 7])
  func projections(_ projection: Int) throws {
    let found: Network<Double> = try network(
      "like lstm_projected", NetworkConfiguration(.equations, inputSize: 5, hiddenSize: 6), sizes: ["P": projection])
    #expect((found.interpreter == nil) == (projection < 6))
    #expect(found.describe().contains("run over sequences by the kernels of the LSTM") == (projection < 6))
    #expect(found.states.map(\.width) == [projection, 6])
  }

  // MARK: Numbers

  private struct Results<Scalar: RNNScalar> {
    let names: [String]
    let arrays: [[Scalar]]

    /// Inference, packed and not, training, with gradients set and added, and a stream of one direction.
    init(_ run: NetworkCase<Scalar>) throws {
      var found: [(String, [Scalar])] = []
      func add(_ name: String, _ tensor: Tensor<Scalar>) { found.append((name, tensor.elements)) }
      let network = run.network
      let (y, state) = try run.infer()
      add("y", y)
      for (number, tensor) in state.tensors.enumerated() { add("state \(number)", tensor) }
      let packed = try network(run.x, weights: network.pack(run.parameters), lengths: run.lengths, state: run.state)
      let isSame = packed.y == y && packed.state == state
      #expect(isSame, "packed")
      let (trainedY, trainedState, tape) = try run.forward()
      add("y in training", trainedY)
      for (number, tensor) in trainedState.tensors.enumerated() { add("state \(number) in training", tensor) }
      let gradients = try tape.backward(run.dy, dState: run.dState)
      add("dx", gradients.x)
      for (number, tensor) in gradients.state.tensors.enumerated() { add("gradient of state \(number)", tensor) }
      func addAll(_ parameters: NetworkParameters<Scalar>, _ what: String) {
        for info in parameters.infos { found.append(("\(what) \(info.name)", parameters[info.name]?.elements ?? [])) }
      }
      addAll(gradients.parameters, "gradient of")
      var total = run.parameters
      _ = try tape.backward(run.dy, dState: run.dState, addingTo: &total)
      addAll(total, "sum with the gradient of")
      if !run.configuration.bidirectional {
        let stream = try network.makeStream(run.parameters, batch: run.sequences)
        if let state = run.state { try stream.setState(state) }
        add("stream", try stream.run(run.x))
        for (number, tensor) in try stream.state.tensors.enumerated() { add("state \(number) of the stream", tensor) }
      }
      (names, arrays) = (found.map(\.0), found.map(\.1))
    }
  }

  private func check<Scalar: RNNScalar>(
    _ wording: FusedWording, _: Scalar.Type, tolerance: Double, rounds: Int, largest: Int, _ random: inout SplitMix
  ) throws {
    for round in 0..<rounds {
      let isProjected = wording.text.contains("size y = P") || wording.text.contains("lstm_projected")
      let hidden = random.integers(1, (isProjected ? 4 : 1)..<largest)[0]
      var c = NetworkConfiguration(
        .equations, inputSize: wording.isSquare ? hidden : random.integers(1, 1..<largest)[0], hiddenSize: hidden)
      c.layers = random.integers(1, 1..<4)[0]
      c.bidirectional = !wording.isSquare && random.next() % 2 == 0
      c.threads = random.integers(1, 1..<4)[0]
      c.dropout = random.next() % 3 == 0 ? 0.3 : 0
      let sizes = isProjected ? ["P": random.integers(1, 1..<hidden)[0]] : [:]
      let fused: Network<Scalar> = try network(wording.text, c, sizes: sizes)
      let interpreted: Network<Scalar> = try network(wording.text, c, sizes: sizes, isInterpreted: true)
      #expect(fused.interpreter == nil && interpreted.interpreter != nil)
      #expect(fused.executed.cell == wording.kind && fused.configuration == interpreted.configuration)
      #expect(
        (0..<fused.parameterCount).map { fused.layout.info($0) }
          == (0..<interpreted.parameterCount).map { interpreted.layout.info($0) })
      let run = try NetworkCase(
        fused, steps: random.integers(1, 0..<9)[0], sequences: random.integers(1, 0..<7)[0],
        lengths: random.next() % 2 == 0, state: random.next() % 2 == 0, seed: random.next())
      let (found, expected) = (try Results(run), try Results(run.on(interpreted)))
      for (number, name) in expected.names.enumerated() {
        let error = relativeError(
          found.arrays[number].map { Double($0) }, expected.arrays[number].map { Double($0) })
        #expect(error <= tolerance, "round \(round) \(c): \(name)")
      }
    }
  }

  @Test(arguments: FusedWording.all)
  func numbers(_ wording: FusedWording) throws {
    var random = SplitMix(wording.text.utf8.reduce(7) { $0 &* 31 &+ UInt64($1) })
    try check(wording, Double.self, tolerance: 1e-13, rounds: 12, largest: 12, &random)
    try check(wording, Double.self, tolerance: 1e-13, rounds: 2, largest: 70, &random)
    try check(wording, Float.self, tolerance: 2e-6, rounds: 8, largest: 40, &random)
  }

  /// A single long sequence, whose hidden units threads share, and a single step, whose weights are packed at their use.
  @Test(arguments: FusedWording.all)
  func sharedUnits(_ wording: FusedWording) throws {
    var c = NetworkConfiguration(.equations, inputSize: 150, hiddenSize: 150)
    c.threads = 2
    let sizes = try Cell(wording.text).sizeNames.isEmpty ? [:] : ["P": 90]
    let one: Network<Double> = try network(wording.text, c, sizes: sizes)
    let interpreted: Network<Double> = try network(wording.text, c, sizes: sizes, isInterpreted: true)
    #expect(wording.kind.gates == 1 || one.cut(steps: 40, sequences: 1, unpacked: true).sharing == 2)
    for (steps, sequences) in [(40, 1), (1, 1), (1, 2)] {
      let run = try NetworkCase(one, steps: steps, sequences: sequences, lengths: false, seed: 3)
      let (found, expected) = (try Results(run), try Results(run.on(interpreted)))
      for (number, name) in expected.names.enumerated() {
        let error = relativeError(found.arrays[number], expected.arrays[number])
        #expect(error <= 1e-13, "\(steps) steps: \(name)")
      }
    }
  }

  /// The texts with torch's parameters are the fused cells, to the bit, and start as they do.
  @Test(arguments: [
    ("rnn", CellKind.rnnTanh), ("rnn_relu", .rnnRelu), ("lstm", .lstm), ("lstm_projected", .lstm), ("gru", .gru),
    ("gru_before", .gruResetBefore),
  ])
  func bitsOfTheFusedCell(_ name: String, _ kind: CellKind) throws {
    var c = NetworkConfiguration(kind, inputSize: 21, hiddenSize: 18)
    (c.layers, c.bidirectional, c.dropout) = (2, true, 0.2)
    c.projectionSize = name == "lstm_projected" ? 5 : 0
    let fused = try Network<Float>(c)
    (c.cell, c.projectionSize) = (.equations, 0)
    let text: Network<Float> = try network("like \(name)", c, sizes: name == "lstm_projected" ? ["P": 5] : [:])
    let run = try NetworkCase(fused, steps: 9, sequences: 5, seed: 12)
    var other = run.on(text)
    other.parameters = try text.makeParameters(seed: 8)
    // Of a projection torch has the matrix last; the text with relu says what it starts with (Le 2015).
    if !["lstm_projected", "rnn_relu"].contains(name) {
      let areSame = try fused.makeParameters(seed: 8).flat == other.parameters.flat
      #expect(areSame && other.parameters.infos == run.parameters.infos)
    }
    for info in run.parameters.infos {
      try other.parameters.set(info.name, to: #require(run.parameters[info.name]))
    }
    #expect(text.states.map(\.name) == fused.states.map(\.name))
    let (found, expected) = (try Results(other), try Results(run))
    #expect(Set(found.names) == Set(expected.names))
    for (number, name) in expected.names.enumerated() {
      let isSame = found.names.firstIndex(of: name).map { found.arrays[$0] } == expected.arrays[number]
      #expect(isSame, "\(name)")
    }
  }

  /// Gradients of some of the parameters: those of the others are not touched.
  @Test(arguments: FusedWording.all)
  func gradientsThatAreWanted(_ wording: FusedWording) throws {
    let c = NetworkConfiguration(.equations, inputSize: 6, hiddenSize: 6)
    let sizes = try Cell(wording.text).sizeNames.isEmpty ? [:] : Self.sizes
    let network: Network<Float> = try network(wording.text, c, sizes: sizes)
    let run = try NetworkCase(network, steps: 4, sequences: 3, seed: 17)
    let all = try run.backward().parameters
    let y = try Tensor<Float>(repeating: 0, shape: run.dy.shape)
    for index in 0..<network.parameterCount {
      let wanted = (0..<network.parameterCount).map { $0 == index }
      let found = try PointerPass(run).run(
        x: run.x, xStrides: (0, 0), y: y, dy: run.dy, yStrides: (0, 0), dx: nil, wanted: [wanted])[0]
      let info = network.layout.info(index)
      let expected = all[info.name]?.elements.map { UInt64($0.bitPattern) } ?? []
      let isSame = Array(found[info.offset..<info.offset + info.elements]) == expected
      #expect(isSame, "\(info.name)")
      let others = found[..<info.offset] + found[(info.offset + info.elements)...]
      #expect(others.allSatisfy { Float(bitPattern: UInt32($0)).isNaN }, "beside \(info.name)")
    }
  }

  /// What one way of running a text has left is not taken by another.
  @Test func tapesAndWeightsOfAnotherWay() throws {
    let c = NetworkConfiguration(.equations, inputSize: 3, hiddenSize: 4)
    let fused: Network<Float> = try network("like lstm", c)
    let interpreted: Network<Float> = try network("like lstm", c, isInterpreted: true)
    let run = try NetworkCase(fused, steps: 2, sequences: 2, seed: 1)
    let weights = try fused.pack(run.parameters)
    #expect(throws: RNNError.self) { try interpreted(run.x, weights: weights) }
    #expect(throws: RNNError.self) { try Stream(interpreted, weights: weights, sequences: 1) }
    let lstm = try Network<Float>(.lstm(inputSize: 3, hiddenSize: 4))
    #expect(throws: RNNError.self) { try lstm(run.x, weights: weights) }
  }
}
