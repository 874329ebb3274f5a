import Kernels
import Reference
import Testing

@testable import SwiftRNN

/// `batch_norm` in training: by hand in a cell whose normalised value is written out, gradients beside finite
/// differences, running statistics.
struct BatchStatisticsTests {
  private static let texts = [
    "like li_gru",
    // One norm on another's result, and an input beside x.
    """
    u  = batch_norm(V @ x, m, s)
    n  = batch_norm(tanh(u * g) + a * p, k, q)
    h' = tanh(W @ n + U @ h + b)
    input a
    """,
    // The same value twice and once more, and x itself.
    """
    v  = W @ x
    n  = batch_norm(v, k, q) + V @ batch_norm(x, e, d)
    h' = tanh(batch_norm(v, m, s) * v + n + U @ h)
    """,
    // A matrix of blocks that nothing else reads.
    "h' = tanh(U @ h + batch_norm(blocks(B, 2) @ V @ x, k, q) + b)\nsize V = 2",
    // A state is what is normalised.
    "v = W @ x\nc' = v\nh' = tanh(U @ h + batch_norm(v, m, s) + c)",
  ]

  private struct Case {
    let network: Network<Double>
    var parameters: NetworkParameters<Double>
    var x: Tensor<Double>
    var inputs: [Tensor<Double>]
    let lengths: [Int]?
    let dy: Tensor<Double>

    init(_ text: String, layers: Int, bidirectional: Bool, lengths: Bool, threads: Int = 1) throws {
      var configuration = NetworkConfiguration(.equations, inputSize: 3, hiddenSize: 4)
      (configuration.layers, configuration.bidirectional) = (layers, bidirectional)
      configuration.threads = threads
      network = try Network(Cell(text), configuration)
      var random = SplitMix(3)
      func tensor(_ shape: [Int]) throws -> Tensor<Double> {
        try Tensor(random.numbers(shape.reduce(1, *), -0.9...0.9), shape: shape)
      }
      parameters = try network.parameters(flat: tensor([network.flatCount]))
      x = try tensor([5, 4, 3])
      inputs = try network.inputs.map { try tensor([5, 4, $0.width]) }
      self.lengths = lengths ? [5, 0, 2, 4] : nil
      dy = try tensor([5, 4, network.configuration.outputSize])
    }

    var named: KeyValuePairs<String, Tensor<Double>> {
      inputs.isEmpty ? [:] : [network.inputs[0].name: inputs[0]]
    }

    func train() throws -> (y: Tensor<Double>, state: Network<Double>.State, tape: Tape<Double>) {
      try network.forward(x, parameters: parameters, lengths: lengths, inputs: named)
    }

    func loss() throws -> Double {
      var sum = 0.0
      for (a, b) in zip(try train().y.elements, dy.elements) { sum += a * b }
      return sum
    }
  }

  private static let running = ["mz", "vz", "mn", "vn", "m", "s", "k", "q", "e", "d"]

  @Test("gradients beside finite differences", arguments: texts, [(1, false), (2, true)])
  func gradients(text: String, shape: (Int, Bool)) throws {
    for lengths in [false, true] {
      var c = try Case(text, layers: shape.0, bidirectional: shape.1, lengths: lengths)
      let gradients = try c.train().tape.backward(c.dy)
      func check(
        _ name: String, _ gradient: Tensor<Double>, _ value: Tensor<Double>,
        _ set: (inout Case, Tensor<Double>) throws -> Void
      ) throws {
        var random = SplitMix(9)
        let direction: [Double] = random.numbers(value.count, -1...1)
        func loss(_ step: Double) throws -> Double {
          try set(&c, Tensor(zip(value.elements, direction).map { $0 + step * $1 }, shape: value.shape))
          return try c.loss()
        }
        let slope = (try loss(1e-5) - loss(-1e-5)) / 2e-5
        try set(&c, value)
        var own = 0.0
        for (a, b) in zip(gradient.elements, direction) { own += a * b }
        #expect(abs(slope - own) < 1e-7 * max(1, abs(slope)), "\(name): \(own) beside \(slope)")
      }
      try check("x", gradients.x, c.x) { $0.x = $1 }
      for number in c.inputs.indices {
        try check("input", gradients.inputs[number], c.inputs[number]) { $0.inputs[number] = $1 }
      }
      for info in c.parameters.infos {
        guard let gradient = gradients.parameters[info.name], let value = c.parameters[info.name] else { continue }
        if Self.running.contains(info.stem) {
          #expect(gradient.elements.allSatisfy { $0 == 0 }, "\(info.name) is not learned")
        }
        try check(info.name, gradient, value) { try $0.parameters.set(info.name, to: $1) }
      }
    }
  }

  /// With the statistics of the batch as running ones, inference is what training was.
  @Test("running statistics move towards the batch's", arguments: texts, [1, 2])
  func update(text: String, layers: Int) throws {
    var c = try Case(text, layers: layers, bidirectional: true, lengths: true)
    let (y, _, tape) = try c.train()
    let before = try c.network(c.x, parameters: c.parameters, lengths: c.lengths, inputs: c.named).y
    #expect(before != y)
    let old = c.parameters
    try tape.updateStatistics(of: &c.parameters, momentum: 1)
    // M - 1 for M rows, of which there are 11.
    for info in c.parameters.infos where ["vz", "vn", "s", "q", "d"].contains(info.stem) {
      let value = try #require(c.parameters[info.name])
      try c.parameters.set(info.name, to: Tensor(value.elements.map { $0 * 10 / 11 }, shape: value.shape))
    }
    let after = try c.network(c.x, parameters: c.parameters, lengths: c.lengths, inputs: c.named).y
    let differences = zip(after.elements, y.elements).map { abs($0 - $1) }
    #expect(differences.allSatisfy { $0 < 1e-12 }, "\(differences.max() ?? 0)")
    var half = old
    try tape.updateStatistics(of: &half, momentum: 0.25)
    for info in old.infos {
      let (a, b) = (try #require(old[info.name]).elements, try #require(half[info.name]).elements)
      #expect((a == b) == !Self.running.contains(info.stem), "\(info.name)")
    }
  }

  @Test("mean and variance of a cell without a loop, by hand")
  func byHand() throws {
    let network = try Network<Double>(
      Cell("y = batch_norm(x, m, s)"), NetworkConfiguration(.equations, inputSize: 2, hiddenSize: 2))
    let parameters = try network.makeParameters(seed: 1)
    let x = try Tensor<Double>([1, 10, 3, 30, 8, 80], shape: [3, 1, 2])
    let (y, _, _) = try network.forward(x, parameters: parameters)
    // Mean 4, variance 26 / 3; the second column is ten times the first.
    let deviation = (26.0 / 3 + 1e-5).squareRoot()
    let expected = [-3, -1, 4].map { Double($0) / deviation }
    for (row, value) in expected.enumerated() { #expect(abs(y.elements[2 * row] - value) < 1e-13) }
  }

  @Test("the same bits for any number of threads", arguments: texts)
  func threads(text: String) throws {
    let (one, four) = (
      try Case(text, layers: 2, bidirectional: true, lengths: true),
      try Case(text, layers: 2, bidirectional: true, lengths: true, threads: 4)
    )
    let (a, b) = (try one.train(), try four.train())
    #expect(a.y == b.y && a.state == b.state)
    let (da, db) = (try a.tape.backward(one.dy), try b.tape.backward(four.dy))
    #expect(da.x == db.x && da.parameters.flat == db.parameters.flat)
  }

  @Test("of vectors that come from an input, and not behind a state")
  func refusal() {
    #expect(throws: CellError.self) { try Cell("h' = tanh(batch_norm(mean(W @ x), m, s) + U @ h)") }
    #expect(throws: CellError.self) { try Cell("h' = tanh(batch_norm(W @ x, m, m) + U @ h)") }
    #expect(throws: CellError.self) { try Cell("h' = tanh(batch_norm(W @ x, m, s) * batch_norm(V @ x, m, k) + U @ h)") }
    #expect(throws: CellError.self) { try Cell("h' = tanh(batch_norm(W @ x, m, s) + U @ h + m)") }
    #expect(throws: CellError.self) { try Cell("h' = tanh(batch_norm(W @ x, m, s) + U @ h)\ny = h' * exp(s)") }
    #expect(throws: CellError.self) { try Cell("h' = tanh(batch_norm(W @ x, scalar(m), s) + U @ h)") }
    #expect(throws: CellError.self) { try Cell("h' = tanh(batch_norm(W @ x, m, scalar(s)) + U @ h)") }
    #expect(throws: CellError.self) { try Cell("h' = tanh(batch_norm(U @ h, m, s) + W @ x)") }
    #expect(throws: CellError.self) { try Cell("h' = tanh(batch_norm(b, m, s) + W @ x + U @ h)") }
  }
}
