import Kernels
import Reference
import Testing

@testable import SwiftRNN

/// Cells whose states are a fused cell's and whose output is an equation of their own: the kernels of the fused cell run
/// them, and give what the programs of the whole cell give.
@Suite struct CellHeadTests {
  /// The text, the fused cell, and whether its c' is read.
  private static let heads: [(text: String, kind: CellKind, readsC: Bool)] = [
    ("like lstm\ny = V @ h' + d\nsize y = O", .lstm, false),
    ("like lstm\ny = c'", .lstm, true),
    ("like lstm\ny = sigmoid(V @ h' + Z @ tanh(c') + d)\nsize y = O", .lstm, true),
    ("like lstm\ny = softmax(V @ h' * k)\nsize y = O", .lstm, false),
    ("like lstm_projected\ny = V @ h' + Z @ c'\nsize y = O", .lstm, true),
    ("like lstm_no_bias\ny = relu(h') - c' * c'", .lstm, true),
    ("like gru\ny = V @ h' + d\nsize y = O", .gru, false),
    ("like gru_before\ny = V @ tanh(Q @ h' + b) + d\nsize y = O", .gruResetBefore, false),
    ("like rnn\ny = V @ h' + d\nsize y = O", .rnnTanh, false),
    ("like rnn_relu\ny = -h'", .rnnRelu, false),
    (
      "c' = sigmoid(A @ x + B @ h) * c + sigmoid(C @ x + D @ h) * tanh(E @ x + F @ h)\n"
        + "h' = sigmoid(G @ x + K @ h) * tanh(c')\ny = min(h', c') / (1 + h' * h')", .lstm, true
    ),
  ]

  /// What leaves the kernels of fused cells: more than h' and c' in the output, parameters that states read too, masks,
  /// other states.
  private static let others = [
    "like lstm\ny = V @ h' + S @ x\nsize y = O", "like lstm\ny = h' + h", "like lstm\ny = dropout(h', 0.5)",
    "like lstm\ny = o * h'", "like lstm_peephole\ny = V @ h'\nsize y = O", "like gru\ny = 2 * x",
    "h' = tanh(W @ x + U @ h + b)\ny = U @ h'",
  ]

  private func cellNetwork<Scalar: RNNScalar>(
    _ text: String, _ c: NetworkConfiguration, options: LayerOptions = LayerOptions(), isInterpreted: Bool = false
  ) throws -> Network<Scalar> {
    let cell = try Cell(text)
    let sizes = ["O": 3, "P": 4].filter { cell.sizeNames.contains($0.key) }
    if isInterpreted { return try Network(cell, c, sizes: sizes, kernels: Scalar.kernels, isInterpreted: true) }
    return try Network(cell, c, sizes: sizes, options: options, kernels: Scalar.kernels)
  }

  @Test func whichCells() throws {
    for head in Self.heads {
      let found = try #require(Cell(head.text).head, "\(head.text)")
      #expect(found.core.kind == head.kind && found.readsC == head.readsC, "\(head.text)")
      let network: Network<Float> = try cellNetwork(
        head.text, NetworkConfiguration(.equations, inputSize: 6, hiddenSize: 6))
      #expect(network.stack?.blocks.allSatisfy { $0.head != nil } == true, "\(head.text)")
      #expect(network.describe().contains("by the kernels of the"), "\(head.text)")
    }
    for text in Self.others { #expect(try Cell(text).head == nil, "\(text)") }
    for name in BuiltInCells.names where try Cell("like \(name)").head != nil {
      #expect(try Cell("like \(name)").fused == nil, "\(name)")
    }
  }

  /// Against the programs of the whole cell, in other sums of the same terms.
  @Test(arguments: Self.heads.map(\.text))
  func sameNumbers(_ text: String) throws {
    var random = SplitMix(41)
    for round in 0..<6 {
      var c = NetworkConfiguration(.equations, inputSize: 6, hiddenSize: 6)
      c.layers = 1 + round % 3
      // The programs of layers over one another need widths that fit: y is O or H wide.
      c.bidirectional = round % 2 == 1
      c.threads = 1 + round % 2
      c.dropout = round > 2 ? 0.3 : 0
      try check(text, c, Double.self, tolerance: 1e-12, &random)
      try check(text, c, Float.self, tolerance: 3e-5, &random)
    }
  }

  private func check<Scalar: RNNScalar>(
    _ text: String, _ c: NetworkConfiguration, _: Scalar.Type, tolerance: Double, _ random: inout SplitMix
  ) throws {
    let fused: Network<Scalar> = try cellNetwork(text, c)
    let whole: Network<Scalar> = try cellNetwork(text, c, isInterpreted: true)
    #expect(fused.stack != nil && whole.interpreter != nil && whole.stack == nil)
    let infos = (0..<whole.parameterCount).map { whole.layout.info($0) }
    #expect((0..<fused.parameterCount).map { fused.layout.info($0) } == infos)
    let run = try NetworkCase(
      fused, steps: random.integers(1, 1..<9)[0], sequences: random.integers(1, 1..<7)[0],
      lengths: random.next() % 2 == 0, state: random.next() % 2 == 0, seed: random.next())
    var other = run.on(whole)
    other.parameters = try whole.parameters(flat: run.parameters.flat)
    func compare(_ what: String, _ a: Tensor<Scalar>, _ b: Tensor<Scalar>) {
      let error = relativeError(a.elements.map { Double($0) }, b.elements.map { Double($0) })
      #expect(a.shape == b.shape && error <= tolerance, "\(c): \(what) \(error)")
    }
    let (own, expected) = (try run.infer(), try other.infer())
    compare("y", own.y, expected.y)
    for (a, b) in zip(own.state.tensors, expected.state.tensors) { compare("state", a, b) }
    let (trained, expectedTrained) = (try run.forward(), try other.forward())
    if c.dropout == 0 { #expect(trained.y == own.y, "training gives the bits of inference") }
    compare("y in training", trained.y, expectedTrained.y)
    let (a, b) = (
      try trained.tape.backward(run.dy, dState: run.dState),
      try expectedTrained.tape.backward(run.dy, dState: run.dState)
    )
    compare("dx", a.x, b.x)
    for (one, two) in zip(a.state.tensors, b.state.tensors) { compare("gradient of a state", one, two) }
    for info in infos {
      guard let one = a.parameters[info.name], let two = b.parameters[info.name] else {
        Issue.record("\(info.name) is missing")
        continue
      }
      compare("gradient of \(info.name)", one, two)
    }
    // Packed, and as a stream: the bits of the pass.
    let packed = try fused(run.x, weights: fused.pack(run.parameters), lengths: run.lengths, state: run.state)
    #expect(packed.y == own.y && packed.state == own.state)
    guard !c.bidirectional, run.lengths == nil else { return }
    let stream = try fused.makeStream(run.parameters, batch: run.sequences)
    if let state = run.state { try stream.setState(state) }
    #expect(try stream.run(run.x) == own.y)
    #expect(try stream.state == own.state)
  }

  /// Under layer options: gradients against differences of the loss.
  @Test(arguments: LayerOptionsCases.forms)
  func underLayerOptions(_ form: LayerOptionsCases.Form) throws {
    // As wide as the states: residual connections need that.
    let text = "like lstm\ny = tanh(V @ h' + Z @ c' + d)"
    let network = try LayerOptionsCases.network(text, form)
    let c = try LayerOptionsCases.Case(network, lengths: true, state: true, seed: 33)
    let (_, _, tape) = try c.train()
    let gradients = try tape.backward(c.dy, dState: c.dState)
    var random = SplitMix(8)
    for info in c.parameters.infos {
      let value = try #require(c.parameters[info.name])
      let gradient = try #require(gradients.parameters[info.name])
      let index = random.integers(1, 0..<info.elements)[0]
      var losses: [Double] = []
      for step in [-1e-6, 1e-6] {
        var changed = c
        var elements = value.elements
        elements[index] += step
        try changed.parameters.set(info.name, to: Tensor(elements, shape: value.shape))
        losses.append(try changed.loss())
      }
      let difference = (losses[1] - losses[0]) / 2e-6
      #expect(abs(difference - gradient.elements[index]) < 2e-7 * max(1, abs(difference)), "\(info.name)[\(index)]")
    }
  }
}
