import Kernels
import Reference
import Testing

@testable import SwiftRNN

/// A batch for a network with layer options; and y and states, put together from its layers step by step.
enum LayerOptionsCases {
  struct Form: Sendable, CustomTestStringConvertible {
    let name: String
    let make: @Sendable (inout NetworkConfiguration, inout LayerOptions) -> Void
    var testDescription: String { name }
  }

  static let forms: [Form] = [
    Form(name: "residual") { $1.skip = .residual },
    Form(name: "dense") { $1.skip = .dense },
    Form(name: "dilated") { $1.dilations = [1, 2, 3] },
    Form(name: "dilated first layer, learned") {
      $1.dilations = [3, 1, 4]
      $1.learnedInitialStates = true
    },
    Form(name: "learned") { $1.learnedInitialStates = true },
    Form(name: "widths") { $1.hiddenSizes = [5, 3, 7] },
    Form(name: "sum") {
      $0.bidirectional = true
      $1.merge = .sum
    },
    Form(name: "mean, residual") {
      $0.bidirectional = true
      $1.merge = .mean
      $1.skip = .residual
    },
    Form(name: "product, dense, learned") {
      $0.bidirectional = true
      $1.merge = .product
      $1.skip = .dense
      $1.learnedInitialStates = true
    },
    Form(name: "independent") {
      $0.bidirectional = true
      $1.independentDirections = true
    },
    Form(name: "independent, product, dilated, widths, learned") {
      $0.bidirectional = true
      $1.independentDirections = true
      $1.merge = .product
      $1.dilations = [2, 1, 3]
      $1.hiddenSizes = [4, 6, 3]
      $1.learnedInitialStates = true
    },
    Form(name: "independent, dense, sum, repeated gaps") {
      $0.bidirectional = true
      $1.independentDirections = true
      $1.merge = .sum
      $1.skip = .dense
      $1.gaps = .repeated
    },
    Form(name: "gaps, zero") { $1.gaps = .zero },
    Form(name: "gaps, repeated, both directions, dilated, dense") {
      $0.bidirectional = true
      $1.gaps = .repeated
      $1.dilations = [2, 2, 1]
      $1.skip = .dense
    },
    Form(name: "residual, sum, repeated gaps") {
      $0.bidirectional = true
      $1.merge = .sum
      $1.skip = .residual
      $1.gaps = .repeated
    },
    Form(name: "independent, mean, residual, repeated gaps") {
      $0.bidirectional = true
      $1.independentDirections = true
      $1.merge = .mean
      $1.skip = .residual
      $1.gaps = .repeated
    },
    Form(name: "two layers, residual, zero gaps") {
      $0.layers = 2
      $1.skip = .residual
      $1.gaps = .zero
    },
    Form(name: "two layers, dense, dilated, independent") {
      $0.layers = 2
      $0.bidirectional = true
      $1.skip = .dense
      $1.independentDirections = true
      $1.dilations = [1, 5]
    },
    Form(name: "one layer, product, repeated gaps") {
      $0.layers = 1
      $0.bidirectional = true
      $1.merge = .product
      $1.gaps = .repeated
    },
  ]

  static let cells = [
    "LSTM", "GRU", "like lstm_peephole", "h' = tanh(W @ x + U @ h + a * p)\ninit h = 0.25\ninput a",
  ]

  /// Its values in training are not those of inference.
  static let normalised = "h' = tanh(batch_norm(W @ x, m, s) * g + U @ h + batch_norm(V @ x + b, k, q))"

  static func network(
    _ cell: String, _ form: Form, isStacked: Bool = false, dropout: Double = 0, threads: Int = 1
  ) throws -> Network<Double> {
    var configuration = NetworkConfiguration(cell == "GRU" ? .gru : .lstm, inputSize: 4, hiddenSize: 5)
    configuration.layers = 3
    (configuration.dropout, configuration.threads) = (dropout, threads)
    var options = LayerOptions()
    form.make(&configuration, &options)
    if ["LSTM", "GRU"].contains(cell) {
      return try Network(configuration, options: options, kernels: Double.kernels, isStacked: isStacked)
    }
    return try Network(
      Cell(cell), configuration, sizes: [:], options: options, kernels: Double.kernels, isStacked: isStacked)
  }

  /// A batch for a network.
  struct Case {
    let network: Network<Double>
    let options: LayerOptions
    var parameters: NetworkParameters<Double>
    var x: Tensor<Double>
    var inputs: [Tensor<Double>]
    var state: Network<Double>.State?
    let lengths: [Int]?
    let mask: [Bool]?
    let dy: Tensor<Double>
    let dState: Network<Double>.State
    let firstSequence = 5

    init(_ network: Network<Double>, steps: Int = 7, sequences: Int = 3, lengths: Bool, state: Bool, seed: UInt64)
      throws
    {
      self.network = network
      options = network.stack?.options ?? LayerOptions()
      var random = SplitMix(seed)
      func tensor(_ shape: [Int]) throws -> Tensor<Double> {
        try Tensor(random.numbers(shape.reduce(1, *), -0.9...0.9), shape: shape)
      }
      parameters = try network.parameters(flat: tensor([network.flatCount]))
      x = try tensor([steps, sequences, network.configuration.inputSize])
      inputs = try network.inputs.map { try tensor([steps, sequences, $0.width]) }
      func states() throws -> Network<Double>.State {
        Network<Double>.State(
          try (0..<network.stateCount).map { try tensor(network.shape(ofState: $0, sequences: sequences)) })
      }
      self.state = state ? try states() : nil
      dState = try states()
      self.lengths = lengths ? (0..<sequences).map { [steps, 0, steps - 3][$0 % 3] } : nil
      mask =
        options.gaps == .none
        ? nil : random.numbers(steps * sequences, 0...1).enumerated().map { $0.offset == 0 ? false : $0.element < 0.6 }
      dy = try tensor([steps, sequences, network.configuration.outputSize])
    }

    var named: KeyValuePairs<String, Tensor<Double>> {
      inputs.isEmpty ? [:] : [network.inputs[0].name: inputs[0]]
    }

    func infer() throws -> (y: Tensor<Double>, state: Network<Double>.State) {
      try network(x, parameters: parameters, lengths: lengths, mask: mask, state: state, inputs: named)
    }

    func train() throws -> (y: Tensor<Double>, state: Network<Double>.State, tape: Tape<Double>) {
      try network.forward(
        x, parameters: parameters, lengths: lengths, mask: mask, state: state, inputs: named, seed: 9,
        firstSequence: firstSequence)
    }

    /// Of the loss whose gradients are `dy`, up to each length, and `dState`.
    func loss() throws -> Double {
      let (y, final, _) = try train()
      var sum = LayerOptionsCases.product(y.elements, dy.elements)
      for (own, gradient) in zip(final.tensors, dState.tensors) {
        sum += LayerOptionsCases.product(own.elements, gradient.elements)
      }
      return sum
    }
  }

  static func product(_ a: [Double], _ b: [Double]) -> Double {
    var sum = 0.0
    for (x, y) in zip(a, b) { sum += x * y }
    return sum
  }

  // MARK: Values

  /// One layer in one direction, over the valid steps of one sequence: rows in, rows and states out.
  private static func layer(
    _ network: Network<Double>, _ parameters: [Double], _ rows: [[Double]], _ inputs: [[Double]], _ start: [[Double]?],
    reverse: Bool
  ) throws -> (y: [[Double]], final: [[Double]]) {
    let order = reverse ? Array(rows.indices.reversed()) : Array(rows.indices)
    var configuration = network.configuration
    (configuration.bidirectional, configuration.isReverse) = (false, false)
    let plain =
      try network.equations.map {
        configuration.equationsFingerprint = 0
        return try Network<Double>($0.cell, configuration)
      } ?? Network<Double>(configuration)
    let states = try plain.states.enumerated().map { number, state in
      try Tensor(
        start[number] ?? [Double](repeating: plain.start(ofState: number), count: state.width),
        shape: [1, 1, state.width])
    }
    let x = try Tensor(order.flatMap { rows[$0] }, shape: [rows.count, 1, configuration.inputSize])
    let named: KeyValuePairs<String, Tensor<Double>> =
      plain.inputs.isEmpty
      ? [:] : [plain.inputs[0].name: try Tensor(order.flatMap { inputs[$0] }, shape: [rows.count, 1, 1])]
    let (y, final) = try plain(
      x, parameters: plain.parameters(flat: Tensor(parameters, shape: [parameters.count])),
      state: Network<Double>.State(states), inputs: named)
    let width = plain.configuration.outputSize
    var out = [[Double]](repeating: [], count: rows.count)
    for (step, t) in order.enumerated() { out[t] = Array(y.elements[step * width..<(step + 1) * width]) }
    return (out, final.tensors.map(\.elements))
  }

  /// y and the final states, sequence by sequence and chain by chain.
  static func expected(_ c: Case) throws -> (y: [Double], states: [[Double]]) {
    let (network, options) = (c.network, c.options)
    let configuration = network.configuration
    let (steps, sequences) = (c.x.shape[0], c.x.shape[1])
    guard let stack = network.stack else { throw RNNError.mismatch("no stack") }
    var y = [Double](repeating: 0, count: steps * sequences * configuration.outputSize)
    var finals = c.dState.tensors.map { [Double](repeating: .nan, count: $0.count) }
    for n in 0..<sequences {
      let length = c.lengths?[n] ?? steps
      let valid = (0..<length).filter { c.mask?[$0 * sequences + n] ?? true }
      func rows(_ tensor: Tensor<Double>) -> [[Double]] {
        let width = tensor.shape[2]
        return valid.map { t in
          Array(tensor.elements[(t * sequences + n) * width..<(t * sequences + n + 1) * width])
        }
      }
      var flows = [[[Double]]](repeating: rows(c.x), count: options.independentDirections ? 2 : 1)
      for layer in 0..<configuration.layers {
        let dilation = options.dilation(layer: layer)
        // Of each direction.
        var outputs: [[[Double]]] = []
        for direction in 0..<configuration.directions {
          let flow = options.independentDirections ? direction : 0
          let block = stack.block(layer, flow)
          let suffix = "_l\(layer)\(direction == 1 ? "_reverse" : "")"
          let infos = c.parameters.infos.filter { $0.layer == layer && $0.direction == direction }
          let own = infos.filter { !$0.stem.hasPrefix("initial_") }.flatMap { c.parameters[$0.name]?.elements ?? [] }
          var out = [[Double]](repeating: [], count: valid.count)
          // In the order in which the direction goes, every dilation-th step.
          let order = direction == 1 ? Array(valid.indices.reversed()) : Array(valid.indices)
          for first in 0..<dilation {
            let chain = stride(from: first, to: order.count, by: dilation).map { order[$0] }
            func place(_ state: Int, _ row: Int) throws -> Range<Int> {
              let part = try network.part(ofState: state, layer: layer)
              let start = sequences * part.offset + ((direction * dilation + row) * sequences + n) * part.width
              return start..<start + part.width
            }
            let start = try (0..<network.stateCount).map { state -> [Double]? in
              if let given = c.state { return Array(given.tensors[state].elements[try place(state, first)]) }
              let name = "initial_\(network.states[state].name)\(suffix)"
              return options.learnedInitialStates ? c.parameters[name]?.elements : nil
            }
            let inputs = c.inputs.isEmpty ? [] : rows(c.inputs[0])
            let (rows, final) = try Self.layer(
              block.network, own, chain.map { flows[flow][$0] }, inputs.isEmpty ? [] : chain.map { inputs[$0] }, start,
              reverse: false)
            for (step, row) in zip(chain, rows) { out[step] = row }
            // The next call's step j is this one's step `valid.count + j`.
            let row = ((first - valid.count) % dilation + dilation) % dilation
            for state in 0..<network.stateCount {
              finals[state].replaceSubrange(try place(state, row), with: final[state])
            }
          }
          outputs.append(out)
        }
        func merged(_ a: [Double], _ b: [Double]) -> [Double] {
          switch options.merge {
          case .concatenate: a + b
          case .sum: zip(a, b).map { $0 + $1 }
          case .mean: zip(a, b).map { ($0 + $1) / 2 }
          case .product: zip(a, b).map { $0 * $1 }
          }
        }
        let below = flows
        for flow in flows.indices {
          for t in valid.indices {
            var row = flows.count == 2 ? outputs[flow][t] : outputs[0][t]
            if flows.count == 1 && outputs.count == 2 { row = merged(outputs[0][t], outputs[1][t]) }
            let isLast = layer == configuration.layers - 1
            switch options.skip {
            case .none: flows[flow][t] = row
            case .residual: flows[flow][t] = layer == 0 ? row : zip(row, flows[flow][t]).map { $0 + $1 }
            case .dense: flows[flow][t] = isLast ? row : flows[flow][t] + row
            }
          }
        }
        guard layer == configuration.layers - 1 else { continue }
        for t in 0..<length {
          let width = configuration.outputSize
          let place = (t * sequences + n) * width..<(t * sequences + n + 1) * width
          guard options.gaps == .repeated || valid.contains(t) else { continue }
          // Each direction repeats what it gave out last.
          let last = valid.lastIndex { $0 <= t }
          let next = valid.firstIndex { $0 >= t }
          func row(_ rows: [[Double]], _ index: Int?) -> [Double] {
            let width =
              flows.count == 2
              ? stack.block(layer, 0).mergedWidth : stack.block(layer, 0).network.configuration.stateWidth
            return index.map { rows[$0] } ?? [Double](repeating: 0, count: width)
          }
          var out: [Double]
          if flows.count == 2 {
            out = merged(row(flows[0], last), row(flows[1], next))
          } else {
            out = outputs.count == 2 ? merged(row(outputs[0], last), row(outputs[1], next)) : row(outputs[0], last)
            if options.skip == .residual && layer > 0, let last { out = zip(out, below[0][last]).map { $0 + $1 } }
          }
          y.replaceSubrange(place, with: out)
        }
      }
    }
    return (y, finals)
  }
}
