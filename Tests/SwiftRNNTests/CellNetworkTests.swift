import Kernels
import Reference
import Testing

@testable import SwiftRNN

/// A network of equations beside its graph evaluated value by value in Double, sequence by sequence.
struct CellNetworkCase {
  let text: String
  let cell: Cell
  let network: Network<Double>
  let parameters: NetworkParameters<Double>
  let x: Tensor<Double>
  let inputs: [Tensor<Double>]
  /// The tests have cells with at most two.
  var named: KeyValuePairs<String, Tensor<Double>> {
    switch network.inputs.count {
    case 0: [:]
    case 1: [network.inputs[0].name: inputs[0]]
    default: [network.inputs[1].name: inputs[1], network.inputs[0].name: inputs[0]]
    }
  }
  let lengths: [Int]
  let state: Network<Double>.State
  let dy: Tensor<Double>
  let dState: Network<Double>.State
  let seed: UInt64 = 11
  let firstSequence = 3

  private static let sizes = ["O": 5, "P": 3, "Rw": 2, "Ru": 3, "B": 7, "heads": 2]

  init(
    _ text: String, inputSize: Int, hiddenSize: Int, layers: Int = 1, bidirectional: Bool = false, steps: Int = 5,
    sequences: Int = 4, threads: Int = 1, seed: UInt64, kernels: KernelTable<Double>? = nil
  ) throws {
    self.text = text
    cell = try Cell(text)
    var configuration = NetworkConfiguration(.equations, inputSize: inputSize, hiddenSize: hiddenSize)
    configuration.layers = layers
    configuration.bidirectional = bidirectional
    configuration.threads = threads
    network = try Network(
      cell, configuration, sizes: Self.sizes.filter { [cell] in cell.sizeNames.contains($0.key) },
      kernels: try kernels ?? Double.kernels)
    var random = SplitMix(seed)
    func tensor(_ shape: [Int], _ range: ClosedRange<Double> = -1...1) throws -> Tensor<Double> {
      try Tensor(random.numbers(shape.reduce(1, *), range), shape: shape)
    }
    let infos = try network.makeZeros().infos
    var flat: [Double] = []
    for info in infos {
      flat += random.numbers(info.elements, ["vz", "vn"].contains(info.stem) ? 0.5...1.5 : -0.6...0.6)
    }
    parameters = try network.parameters(flat: Tensor(flat, shape: [flat.count]))
    x = try tensor([steps, sequences, inputSize], 0.1...0.9)
    inputs = try network.inputs.map { try tensor([steps, sequences, $0.width], 0.1...0.9) }
    lengths = (0..<sequences).map {
      $0 == 1 ? steps : Int(random.numbers(1, 0...1)[0] * Double(steps + 1)) % (steps + 1)
    }
    let rows = layers * (bidirectional ? 2 : 1)
    state = Network<Double>.State(
      try network.states.map { try tensor([rows, sequences, $0.width], 0.2...0.8) })
    dState = Network<Double>.State(try network.states.map { try tensor([rows, sequences, $0.width]) })
    dy = try tensor([steps, sequences, network.configuration.outputSize])
  }

  struct Results {
    var y: [Double]
    var states: [[Double]]
    var dx: [Double] = []
    var dInputs: [[Double]] = []
    var dStates: [[Double]] = []
    var parameters: [[Double]] = []
  }

  func forward() throws -> Results {
    let (y, final) = try network(x, parameters: parameters, lengths: lengths, state: state, inputs: named)
    return Results(y: y.elements, states: final.tensors.map(\.elements))
  }

  func trained() throws -> Results {
    let (y, final, tape) = try network.forward(
      x, parameters: parameters, lengths: lengths, state: state, inputs: named, seed: seed,
      firstSequence: firstSequence)
    let gradients = try tape.backward(dy, dState: dState)
    return Results(
      y: y.elements, states: final.tensors.map(\.elements), dx: gradients.x.elements,
      dInputs: gradients.inputs.map(\.elements),
      dStates: gradients.state.tensors.map(\.elements),
      parameters: gradients.parameters.infos.map { gradients.parameters[$0.name]?.elements ?? [] })
  }

  // MARK: Value by value

  /// Of a layer and direction, for a sequence.
  private func evaluator(_ layer: Int, _ direction: Int, _ sequence: Int, training: Bool) throws -> CellGraphEvaluator {
    let c = network.configuration
    var given = Self.sizes
    given["H"] = c.hiddenSize
    given["I"] = layer == 0 ? c.inputSize : c.outputSize
    let extents = try CellExtents(cell.graph, cell.sizes, given: given)
    let count = cell.graph.parameters.count
    let infos = parameters.infos[((layer * c.directions + direction) * count)...].prefix(count)
    let values = zip(cell.graph.parameters, infos).map { parameter, info -> [Double] in
      let own = parameters[info.name]?.elements ?? []
      let (rows, columns) = (extents.rows[parameter.node], extents.columns[parameter.node])
      guard parameter.kind == .matrix, info.columns != columns else { return own }
      // Diagonal blocks in a whole matrix.
      let blocks = columns / info.columns
      return (0..<rows * columns).map { i in
        let (r, c) = (i / columns, i % columns)
        return r / (rows / blocks) == c / info.columns ? own[r * info.columns + c % info.columns] : 0
      }
    }
    var evaluator = CellGraphEvaluator(cell: cell, extents: extents, parameters: values)
    guard training else { return evaluator }
    var draws: [Int: (MaskDraw, isOfMatrix: Bool)] = [:]
    for node in cell.graph.nodes {
      switch node.operation {
      case .dropout(let draw), .zoneout(let draw): draws[draw.number] = (draw, false)
      case .dropConnect(let draw): draws[draw.number] = (draw, true)
      default: break
      }
    }
    let philox = Philox(seed: seed)
    let length = lengths[sequence]
    let keeps: (Int, Int, Int) -> Bool = { call, unit, step in
      guard let (draw, isOfMatrix) = draws[call] else { return true }
      let t = draw.isPerSequence ? UInt32.max : UInt32(direction == 1 ? length - 1 - step : step)
      let stream = UInt32((call + 1) * 2048 + 2 * layer + direction)
      let words =
        isOfMatrix
        ? philox.words(UInt32(unit / 4), 0, 0, stream)
        : philox.words(UInt32(unit / 4), t, UInt32(sequence + firstSequence), stream)
      let word = [words.0, words.1, words.2, words.3][unit % 4]
      return word >= UInt32(draw.probability * 0x1p32)
    }
    evaluator.keepsInStep = keeps
    evaluator.keeps = { keeps($0, $1, 0) }
    return evaluator
  }

  private func row(_ tensor: Tensor<Double>, _ i: Int, _ j: Int) -> [Double] {
    let width = tensor.shape[2]
    let start = (i * tensor.shape[1] + j) * width
    return Array(tensor.elements[start..<(start + width)])
  }

  func expected(training: Bool) throws -> Results {
    let c = network.configuration
    let (T, sequences, width) = (x.shape[0], x.shape[1], c.outputSize / c.directions)
    var results = Results(
      y: Array(repeating: 0, count: T * sequences * c.outputSize), states: state.tensors.map(\.elements),
      dx: Array(repeating: 0, count: x.elements.count),
      dInputs: network.inputs.map { Array(repeating: 0, count: T * sequences * $0.width) },
      dStates: dState.tensors.map(\.elements),
      parameters: parameters.infos.map { Array(repeating: 0, count: $0.elements) })
    for n in 0..<sequences {
      let length = lengths[n]
      if length == 0 { continue }
      // Forward, layer by layer.
      var rows = (0..<length).map { row(x, $0, n) }
      var trail: [[[Double]]] = []
      for layer in 0..<c.layers {
        trail.append(rows)
        var out = Array(repeating: [Double](), count: length)
        for direction in 0..<c.directions {
          let evaluator = try evaluator(layer, direction, n, training: training)
          let sequence = steps(rows, n, direction)
          let index = layer * c.directions + direction
          let found = evaluator.forward(sequence, state.tensors.map { row($0, index, n) })
          for (s, values) in found.outputs.enumerated() { out[direction == 1 ? length - 1 - s : s] += values }
          for (number, values) in found.states.enumerated() {
            let start = (index * sequences + n) * values.count
            results.states[number].replaceSubrange(start..<start + values.count, with: values)
          }
        }
        rows = out
      }
      for t in 0..<length {
        let start = (t * sequences + n) * c.outputSize
        results.y.replaceSubrange(start..<start + c.outputSize, with: rows[t])
      }
      // Backward.
      var dRows = (0..<length).map { row(dy, $0, n) }
      for layer in (0..<c.layers).reversed() {
        var below = trail[layer].map { $0.map { _ in 0.0 } }
        for direction in 0..<c.directions {
          let evaluator = try evaluator(layer, direction, n, training: training)
          let sequence = steps(trail[layer], n, direction)
          let index = layer * c.directions + direction
          var outputs = dRows.map { Array($0[(direction * width)..<((direction + 1) * width)]) }
          if direction == 1 { outputs.reverse() }
          let found = evaluator.backward(
            sequence, state.tensors.map { row($0, index, n) }, dOutputs: outputs,
            dStates: dState.tensors.map { row($0, index, n) })
          for (s, inputs) in found.inputs.enumerated() {
            let t = direction == 1 ? length - 1 - s : s
            below[t] = zip(below[t], inputs[0]).map(+)
            for (number, values) in inputs.dropFirst().enumerated() {
              for (i, value) in values.enumerated() {
                results.dInputs[number][(t * sequences + n) * values.count + i] += value
              }
            }
          }
          for (number, values) in found.states.enumerated() {
            let start = (index * sequences + n) * values.count
            results.dStates[number].replaceSubrange(start..<start + values.count, with: values)
          }
          add(found.parameters, index, evaluator.extents, to: &results)
        }
        dRows = below
      }
      for t in 0..<length {
        let start = (t * sequences + n) * c.inputSize
        results.dx.replaceSubrange(start..<start + c.inputSize, with: dRows[t])
      }
    }
    return results
  }

  /// A sequence's inputs in the order of a direction.
  private func steps(_ rows: [[Double]], _ n: Int, _ direction: Int) -> [[[Double]]] {
    let sequence = rows.indices.map { t in [rows[t]] + inputs.map { row($0, t, n) } }
    return direction == 1 ? sequence.reversed() : sequence
  }

  private func add(_ gradients: [[Double]], _ index: Int, _ extents: CellExtents, to results: inout Results) {
    let count = cell.graph.parameters.count
    for (number, gradient) in gradients.enumerated() {
      let info = parameters.infos[index * count + number]
      let parameter = cell.graph.parameters[number]
      let columns = parameter.kind == .matrix ? extents.columns[parameter.node] : 1
      for (i, value) in gradient.enumerated() {
        guard info.rank == 2, info.columns != columns else {
          results.parameters[index * count + number][i] += value
          continue
        }
        let (r, c) = (i / columns, i % columns)
        let blocks = columns / info.columns
        guard r / (info.rows / blocks) == c / info.columns else { continue }
        results.parameters[index * count + number][r * info.columns + c % info.columns] += value
      }
    }
  }
}

/// Networks of equations, all cells of the library and others.
@Suite struct CellNetworkTests {
  static func isRaw(_ name: String) -> Bool { ["mut1", "mut2", "sru", "socher"].contains(name) }

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
    try Self.check(
      CellNetworkCase(BuiltInCells.text(name) ?? "", inputSize: raw ? 6 : 5, hiddenSize: 6, seed: 21), name)
    try Self.check(
      CellNetworkCase(BuiltInCells.text(name) ?? "", inputSize: raw ? 20 : 9, hiddenSize: 20, threads: 2, seed: 22),
      name)
  }

  /// Two layers in both directions; the second reads the first's directions side by side.
  @Test(arguments: BuiltInCells.names)
  func layersAndDirections(_ name: String) throws {
    if Self.isRaw(name) { return try rawLayers(name) }
    try Self.check(
      CellNetworkCase(
        BuiltInCells.text(name) ?? "", inputSize: 7, hiddenSize: 6, layers: 2, bidirectional: true, threads: 3,
        seed: 31), name)
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
    func run(threads: Int) throws -> CellNetworkCase {
      try CellNetworkCase(
        text, inputSize: 37, hiddenSize: 42, layers: 2, bidirectional: true, steps: 40, sequences: 19,
        threads: threads, seed: 51)
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
    let run = try CellNetworkCase(
      BuiltInCells.text(name) ?? "", inputSize: 20, hiddenSize: 20, layers: 2, steps: 6, sequences: 3, seed: 61)
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
