import Kernels
import Reference
import Testing

@testable import SwiftRNN

/// Networks of equations, all cells of the library and others.
@Suite struct CellNetworkTests {
  static func isRaw(_ name: String) -> Bool { ["mut1", "mut2", "sru", "socher"].contains(name) }

  /// Whether the interpreter is to run a cell: where a fused cell's kernels can, both ways are tested.
  static func ways(_ text: String) throws -> [Bool] { try Cell(text).fused == nil ? [true] : [true, false] }

  static func check(_ run: CellNetworkCase, _ name: String) throws {
    let bound = 1e-12
    func compare(_ found: [Double], _ expected: [Double], _ what: String) {
      let error = relativeError(found, expected)
      #expect(error < bound, "\(name): \(what)")
    }
    let inference = try run.expected(training: false)
    let found = try run.forward()
    compare(found.y, inference.y, "y")
    for (number, state) in found.states.enumerated() { compare(state, inference.states[number], "state \(number)") }
    let expected = try run.expected(training: true)
    let trained = try run.trained()
    compare(trained.y, expected.y, "y in training")
    for (number, state) in trained.states.enumerated() {
      compare(state, expected.states[number], "state \(number) in training")
    }
    compare(trained.dx, expected.dx, "dx")
    for (number, input) in trained.dInputs.enumerated() { compare(input, expected.dInputs[number], "input \(number)") }
    for (number, state) in trained.dStates.enumerated() { compare(state, expected.dStates[number], "dState \(number)") }
    for (number, info) in run.parameters.infos.enumerated() {
      compare(trained.parameters[number], expected.parameters[number], info.name)
    }
  }

  @Test(arguments: BuiltInCells.names)
  func oneLayer(_ name: String) throws {
    let raw = Self.isRaw(name)
    let text = BuiltInCells.text(name) ?? ""
    for isInterpreted in try Self.ways(text) {
      try Self.check(
        CellNetworkCase(text, inputSize: raw ? 6 : 5, hiddenSize: 6, seed: 21, isInterpreted: isInterpreted), name)
      try Self.check(
        CellNetworkCase(
          text, inputSize: raw ? 20 : 9, hiddenSize: 20, threads: 2, seed: 22, isInterpreted: isInterpreted), name)
    }
  }

  /// Two layers in both directions; the second reads the first's directions side by side.
  @Test(arguments: BuiltInCells.names)
  func layersAndDirections(_ name: String) throws {
    if Self.isRaw(name) { return try rawLayers(name) }
    let text = BuiltInCells.text(name) ?? ""
    for isInterpreted in try Self.ways(text) {
      try Self.check(
        CellNetworkCase(
          text, inputSize: 7, hiddenSize: 6, layers: 2, bidirectional: true, threads: 3, seed: 31,
          isInterpreted: isInterpreted), name)
    }
  }

  /// Cells that need I = H have layers in one direction.
  private func rawLayers(_ name: String) throws {
    try Self.check(
      CellNetworkCase(BuiltInCells.text(name) ?? "", inputSize: 6, hiddenSize: 6, layers: 3, seed: 32), name)
    #expect(throws: RNNError.self) {
      try CellNetworkCase(
        BuiltInCells.text(name) ?? "", inputSize: 6, hiddenSize: 6, layers: 2, bidirectional: true, seed: 32)
    }
  }

  /// Forms that no cell of the library has.
  @Test(arguments: [
    "h' = tanh(W @ x - U @ h)\ny = V @ h' + c - h",
    "h' = h + x",
    "c' = h\nh' = c + W @ x",
    "y = tanh(W @ x)",
    "m' = scalar(s) + 0.5\nh' = tanh(W @ x + m * h)",
    "h' = tanh(W @ x + W @ tanh(x) + U @ h + U @ (h * h) + b * b)",
    "a, b = W\nh' = tanh(a @ x + b @ x * h + b @ tanh(x))\ny = sum(W @ x) * h",
    "a, b = v\nh' = a * h + tanh(b * x) + softmax(U @ h) + layer_norm(W @ x) * scalar(k)",
    "input a, t\nsize a = 3\nh' = tanh(W @ a * t + U @ h) + t * x",
    "h' = where(x > h, tanh(U @ h), -h * 2) + min(x, h) * max(h, 0.3) - mean(x) / (2 + sum(h * h))",
    "init h = 0.7\nh' = zoneout(tanh(W @ dropout(x, 0.3, per_sequence) + drop_connect(U, 0.4) @ h), h, 0.2)",
    "h' = tanh(blocks(W, heads) @ x + blocks(U, 2) @ h + blocks(V, 3) @ tanh(h))",
    "a, b, c = blocks(U, 2) @ v\nv = tanh(W @ x)\nsize h = 4\nh' = a * b + c * tanh(h)",
    "h' = tanh(A @ B @ C @ h + D @ E @ x)\nsize C = 3\nsize B = 5\nsize E = 2",
    "h' = tanh(W @ x + dropout(b, 0.5) * zoneout(b, k, 0.3) + U @ h)",
    "input e\nsize e = 2\nh' = tanh(W @ x + V @ e + U @ h)",
    "h' = tanh(W @ (sigmoid(p) * x) + U @ h)",
    "h' = tanh(p)\ny = X @ h",
    // Of parameters only: a state, and what reads it.
    "h' = tanh(a * 2)\na, b = p",
    "c' = exp(p) - q\nh' = tanh(c + U @ h)",
    "c' = exp(p) * q\nh' = c' * tanh(U @ h)",
    // Products of the same vector, whose results are wanted in other places than one behind the other.
    "input a, b\nsize a = 3\nsize b = 2\nh' = tanh(W @ a + V @ b + U @ h)",
    "y = V @ h\nd = U @ h\nh' = tanh(W @ x + h * tanh(d))",
    "d = U @ h\nh' = tanh(W @ x + h * tanh(d) + c)\ny = V @ h\nc' = Z @ h - c",
    // Products of a vector and of its first part, which lie in one place, in either order.
    "a, b = h\nsize K = H\nh' = tanh(K @ a) + tanh(U @ h + W @ x) * mean(b)",
    "a, b = h\nsize K = H\nh' = tanh(U @ h + W @ x) * mean(b) + tanh(K @ a)\nd' = sigmoid(V @ a)\ny = U @ d' + K @ a",
    "a, b = W @ x\nsize W = H\nsize K = H\np = W @ x\nh' = tanh(K @ a + U @ h) + tanh(V @ p) * mean(b)",
    "a, b = drop_connect(U, 0.3) @ h\nsize K = H\nd = U @ h\nh' = tanh(K @ a + W @ x) + tanh(V @ h) * mean(b) * d",
    // Gradients of parts that lie side by side; activations of sums and of products with a sum; sums that begin with a
    // product, or take one away.
    "a, b, d = layer_norm(W @ x + U @ h)\nh' = tanh(a * p + q) * sigmoid(b * d - p) + d",
    "h' = q * h - tanh(U @ h + W @ x + p) + sigmoid(p * h + x) * -relu(h)",
    "h' = -tanh(U @ h) + p * h\nc' = h' * q - c * p\ny = tanh(c + W @ x) * sigmoid(h - c)",
    // A value that only gradients name and nothing reads, made in place of its operand.
    "input i\nc' = mean(i * h[2] + i + h[2])\nh' = tanh(c + h)",
    "h' = tanh(sqrt(exp(W @ x)) * sign(h) + log(2 + h * h) + abs(U @ h) * silu(h) + hard_tanh(h, -0.4, 0.4))",
  ])
  func otherForms(_ text: String) throws {
    let needsEqual = text.contains("+ x") || text.contains("b * x") || text.contains("x >") || text.contains("* x")
    let inputs = needsEqual || text.contains("heads") ? 6 : 5
    for hidden in text.contains("size h = 4") ? [4] : [6, 12] {
      let size = needsEqual ? hidden : inputs
      try Self.check(CellNetworkCase(text, inputSize: size, hiddenSize: hidden, seed: 41), text)
      if needsEqual { continue }
      try Self.check(
        CellNetworkCase(
          text, inputSize: size, hiddenSize: hidden, layers: text.contains("heads") ? 1 : 2,
          bidirectional: !text.contains("y ="), seed: 42), text)
    }
  }

  /// The contract on bits: threads, the batch that a sequence is in, streams, inference and training.
  @Test(arguments: ["lstm_peephole", "gru_before", "slstm", "lstm_layer_norm", "sru_projected", "cfc", "fgr", "li_gru"])
  func bits(_ name: String) throws {
    let text = BuiltInCells.text(name) ?? ""
    for isInterpreted in try Self.ways(text) { try bits(name, text, isInterpreted: isInterpreted) }
  }

  /// More rows than a chain of gradients has, and parameters that several gradients are added to.
  @Test(arguments: [
    "h' = tanh(U @ h + W @ x)\ny = h' * (U @ sigmoid(h)) + V @ h",
    "h' = tanh(U @ h + U @ (h * h) + U @ tanh(x) * p + b * x + b)",
    (1...12).map { "a\($0) = tanh(U @ \($0 == 1 ? "h" : "a\($0 - 1)"))" }.joined(separator: "\n")
      + "\nb = U @ h' * (V @ a3)\nc = V @ a5 + W @ x\nh' = tanh(a12 + c)\ny = b + c",
    // Of parts of it, too.
    "p, q = U\nh' = tanh(U @ h + W @ x)\ny = U @ sigmoid(h') * sum(p @ h) + U @ tanh(h) * sum(q @ h')",
    "like lstm_peephole", "like lstm_layer_norm", "like lstm_drop_connect",
  ])
  func gradientsOfManyRows(_ text: String) throws {
    func run(_ threads: Int) throws -> CellNetworkCase {
      let size = text.contains("* x") ? 40 : 5
      return try CellNetworkCase(
        text, inputSize: size, hiddenSize: 40, steps: 2, sequences: 600, threads: threads, seed: 52,
        isInterpreted: true)
    }
    let expected = try run(1).trained()
    for threads in [2, 3, 5] {
      let found = try run(threads).trained()
      #expect(found.parameters == expected.parameters && found.dx == expected.dx, "\(threads) threads")
    }
  }

  private func bits(_ name: String, _ text: String, isInterpreted: Bool) throws {
    func run(threads: Int) throws -> CellNetworkCase {
      try CellNetworkCase(
        text, inputSize: 37, hiddenSize: 42, layers: 2, bidirectional: true, steps: 40, sequences: 19,
        threads: threads, seed: 51, isInterpreted: isInterpreted)
    }
    let one = try run(threads: 1)
    let expected = try one.trained()
    let inference = try one.forward()
    #expect(inference.y == expected.y && inference.states == expected.states, "\(name): inference and training")
    for threads in [2, 5] {
      let found = try run(threads: threads).trained()
      #expect(found.y == expected.y && found.dx == expected.dx, "\(name): \(threads) threads")
      #expect(
        found.parameters == expected.parameters && found.dStates == expected.dStates, "\(name): \(threads) threads")
    }
    // One sequence by itself.
    let n = 1
    let (steps, sequences) = (one.x.shape[0], one.x.shape[1])
    func part(_ tensor: Tensor<Double>) throws -> Tensor<Double> {
      let width = tensor.shape[2]
      var elements: [Double] = []
      for i in 0..<tensor.shape[0] {
        let start = (i * sequences + n) * width
        elements += tensor.elements[start..<start + width]
      }
      return try Tensor(elements, shape: [tensor.shape[0], 1, width])
    }
    let (y, _) = try one.network(
      part(one.x), parameters: one.parameters, lengths: [one.lengths[n]],
      state: .init(one.state.tensors.map { try part($0) }),
      inputs: one.inputs.isEmpty ? [:] : [one.network.inputs[0].name: part(one.inputs[0])])
    let whole = try part(Tensor(expected.y, shape: [steps, sequences, one.network.configuration.outputSize]))
    #expect(y.elements == whole.elements, "\(name): alone")
  }

  @Test(arguments: BuiltInCells.names)
  func streamsAreWholeSequences(_ name: String) throws {
    let text = BuiltInCells.text(name) ?? ""
    for isInterpreted in try Self.ways(text) {
      try streamIsWholeSequence(
        CellNetworkCase(
          text, inputSize: 20, hiddenSize: 20, layers: 2, steps: 6, sequences: 3, seed: 61,
          isInterpreted: isInterpreted), name)
    }
  }

  private func streamIsWholeSequence(_ run: CellNetworkCase, _ name: String) throws {
    let (y, state) = try run.network(run.x, parameters: run.parameters, state: run.state, inputs: run.named)
    let stream = try run.network.makeStream(run.parameters, batch: 3)
    try stream.setState(run.state)
    let width = run.network.configuration.outputSize
    for t in 0..<6 {
      let x = Array(run.x.elements[(t * 60)..<((t + 1) * 60)])
      var out = Array(repeating: 0.0, count: 3 * width)
      var inputs = Inputs<Double>()
      try x.withUnsafeBufferPointer { x in
        try out.withUnsafeMutableBufferPointer { out in
          for (number, input) in run.network.inputs.enumerated() {
            inputs[number] = run.inputs[number].pointer + t * 3 * input.width
          }
          try stream.step(unsafe: x.baseAddress, inputs: inputs, into: out.baseAddress)
        }
      }
      #expect(out == Array(y.elements[(t * 3 * width)..<((t + 1) * 3 * width)]), "\(name), step \(t)")
    }
    #expect(try stream.state == state, "\(name)")
  }
}
