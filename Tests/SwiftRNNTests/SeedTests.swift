import Testing

@testable import SwiftRNN

/// Without a seed every call draws anew; with one, seed and position decide (docs/equations.md, "Seeds").
@Suite struct SeedTests {
  private func x(_ network: Network<Double>) throws -> Tensor<Double> {
    try Tensor(repeating: 0.5, shape: [4, 3, network.configuration.inputSize])
  }

  private static let random: [(name: String, network: @Sendable () throws -> Network<Double>)] = [
    ("dropout between layers", { try Network(.gru(inputSize: 2, hiddenSize: 16, layers: 2, dropout: 0.5)) }),
    (
      "dropout between layers with options",
      {
        var options = LayerOptions()
        options.skip = .residual
        return try Network(.rnn(inputSize: 2, hiddenSize: 16, layers: 3, dropout: 0.5), options: options)
      }
    ),
    (
      "a mask of the cell",
      { try Network(Cell("like lstm_zoneout"), NetworkConfiguration(.equations, inputSize: 2, hiddenSize: 16)) }
    ),
    (
      "a mask of the cell with options",
      {
        var options = LayerOptions()
        options.learnedInitialStates = true
        return try Network(
          Cell("h' = tanh(drop_connect(U, 0.5) @ h + W @ x)"),
          NetworkConfiguration(.equations, inputSize: 2, hiddenSize: 16), options: options)
      }
    ),
  ]

  @Test(arguments: random.indices)
  func passesForTraining(_ index: Int) throws {
    let (name, make) = Self.random[index]
    let network = try make()
    let (x, parameters) = (try x(network), try network.makeParameters(seed: 1))
    var seen: Set<UInt64> = []
    var previous: Tensor<Double>?
    for _ in 0..<16 {
      let (y, _, tape) = try network.forward(x, parameters: parameters)
      #expect(seen.insert(tape.seed).inserted, "\(name): a seed is drawn twice")
      #expect(y != previous, "\(name): the same masks")
      previous = y
      // The seed of the tape makes the same pass, and the same gradients.
      let again = try network.forward(x, parameters: parameters, seed: tape.seed)
      #expect(again.y == y && again.tape.seed == tape.seed)
      #expect(try again.tape.backward(y).parameters.flat == tape.backward(y).parameters.flat)
    }
    #expect(try network.forward(x, parameters: parameters, seed: 0).tape.seed == 0)
    let zero = try network.forward(x, parameters: parameters, seed: 0).y
    #expect(try network.forward(x, parameters: parameters, seed: 0).y == zero)
    #expect(try network.forward(x, parameters: parameters, seed: 1).y != zero)
  }

  @Test func nothingIsDrawnWhereNothingIsRandom() throws {
    for network in [
      try Network<Double>(.gru(inputSize: 2, hiddenSize: 5, layers: 2)),
      try Network<Double>(.gru(inputSize: 2, hiddenSize: 5, dropout: 0.5)),
      try Network<Double>(Cell("like cornn"), NetworkConfiguration(.equations, inputSize: 2, hiddenSize: 5)),
    ] {
      let tape = try network.forward(x(network), parameters: network.makeParameters(seed: 1)).tape
      #expect(tape.seed == 0)
    }
  }

  @Test func trees() throws {
    let network = try Network<Double>(
      Cell("h' = tanh(dropout(W @ x + U @ sum_children(h), 0.5))"),
      NetworkConfiguration(.equations, inputSize: 2, hiddenSize: 16))
    let forest = try Forest(parents: [2, 2, 4, 4, -1])
    let x = try Tensor<Double>(repeating: 0.5, shape: [5, 2])
    let parameters = try network.makeParameters(seed: 1)
    let first = try network.forward(forest, x: x, parameters: parameters)
    let second = try network.forward(forest, x: x, parameters: parameters)
    #expect(first.y != second.y && first.tape.seed != second.tape.seed)
    let again = try network.forward(forest, x: x, parameters: parameters, seed: first.tape.seed)
    #expect(again.y == first.y)
    #expect(try again.tape.backward(first.y).parameters.flat == first.tape.backward(first.y).parameters.flat)
    refused("firstNode is -1, must be in 0...4294967291") { () throws(RNNError) in
      _ = try network.forward(forest, x: x, parameters: parameters, firstNode: -1)
    }
  }

  @Test func parameters() throws {
    let network = try Network<Float>(.lstm(inputSize: 2, hiddenSize: 5))
    #expect(try network.makeParameters(seed: 3).flat == network.makeParameters(seed: 3).flat)
    #expect(try network.makeParameters(seed: 0).flat != network.makeParameters(seed: 3).flat)
    #expect(try network.makeParameters().flat != network.makeParameters().flat)
    #expect(try network.makeParameters().flat != network.makeParameters(seed: 0).flat)
  }

  @Test func samplers() throws {
    let logits = try Tensor<Float>(repeating: 0, shape: [1, 1000])
    func text(_ sampler: Sampler, _ count: Int = 40) throws -> [Int] {
      var sampler = sampler
      return try (0..<count).flatMap { _ in try sampler.sample(logits) }
    }
    let seeded = try text(Sampler(seed: 4))
    #expect(Set(seeded).count > 30, "each token has a random number of its own")
    #expect(try text(Sampler(seed: 4)) == seeded)
    #expect(try text(Sampler(seed: 4, position: 10), 30) == Array(seeded[10...]))
    #expect(try text(Sampler(seed: 5)) != seeded)
    let (one, other) = (try text(Sampler()), try text(Sampler()))
    #expect(one != other && Set(one).count > 30)

    var sampler = Sampler(seed: 4, position: .max)
    _ = try sampler.sample(logits)
    #expect(sampler.position == 0)
    // A refused draw does not count.
    let bad = try Tensor<Float>(repeating: .nan, shape: [1, 4])
    #expect(throws: RNNError.self) { try sampler.sample(bad) }
    #expect(sampler.position == 0)
    let none = try Tensor<Float>(shape: [2, 0])
    refused("the last dimension of logits is 0, must be 1 or more") { () throws(RNNError) in
      _ = try sampler.sample(none)
    }
    #expect(try sampler.sample(logits) == [seeded[0]])
  }

  /// Where the system has no random numbers to give.
  @Test func seedsWithoutTheSystem() {
    let seeds = (0..<1000).map { _ in DrawnSeed.withoutSystem() }
    #expect(Set(seeds).count == 1000)
    // Each bit is set in about half of them: 500 with a deviation of 16.
    for bit in 0..<64 { #expect(abs(seeds.count { $0 >> UInt64(bit) & 1 == 1 } - 500) < 100) }
  }
}
