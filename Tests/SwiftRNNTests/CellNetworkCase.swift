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
    sequences: Int = 4, threads: Int = 1, seed: UInt64, kernels: KernelTable<Double>? = nil, isInterpreted: Bool = false
  ) throws {
    self.text = text
    cell = try Cell(text)
    var configuration = NetworkConfiguration(.equations, inputSize: inputSize, hiddenSize: hiddenSize)
    configuration.layers = layers
    configuration.bidirectional = bidirectional
    configuration.threads = threads
    network = try Network(
      cell, configuration, sizes: Self.sizes.filter { [cell] in cell.sizeNames.contains($0.key) },
      kernels: try kernels ?? Double.kernels, isInterpreted: isInterpreted)
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
