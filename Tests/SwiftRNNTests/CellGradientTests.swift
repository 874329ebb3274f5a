import Reference
import Testing

@testable import SwiftRNN

/// What the compiler makes of each cell of the library, against its text evaluated equation by equation; and the
/// gradients that it derives, against finite differences of that.
@Suite struct CellGradientTests {
  /// A cell with random parameters, and a sequence for it.
  private struct Case {
    let text: String
    let evaluator: CellGraphEvaluator
    let inputs: [[[Double]]]
    let states: [[Double]]
    let dOutputs: [[Double]]
    let dStates: [[Double]]

    private static let steps = 4

    init(_ text: String, hidden: Int, inputs: Int, training: Bool, seed: UInt64) throws {
      self.text = text
      let cell = try Cell(text)
      let given = ["I": inputs, "H": hidden, "O": 5, "P": 3, "Rw": 2, "Ru": 3, "B": 7, "heads": 2]
      let extents = try CellExtents(cell.graph, cell.sizes, given: given)
      var random = SplitMix(seed)
      let parameters: [[Double]] = cell.graph.parameters.map { parameter in
        // Variances of batch norms are positive; everything else is better small.
        let range = ["vz", "vn"].contains(parameter.name) ? 0.5...1.5 : -0.6...0.6
        return random.numbers(extents.rows[parameter.node] * extents.columns[parameter.node], range)
      }
      evaluator = CellGraphEvaluator(
        cell: cell, extents: extents, parameters: parameters,
        keeps: training ? { call, unit in (call * 7 + unit * 5 + unit / 3) % 3 != 0 } : nil)
      let width = cell.graph.nodes[cell.graph.output].kind == .number ? 1 : extents.rows[cell.graph.output]
      self.inputs = (0..<Self.steps).map { _ in
        cell.graph.inputs.map { random.numbers($0.name == "x" ? inputs : extents.rows[$0.node], 0.1...0.9) }
      }
      states = cell.graph.states.map { random.numbers(extents.rows[$0.previous], 0.2...0.8) }
      dOutputs = (0..<Self.steps).map { _ in random.numbers(width) }
      dStates = cell.graph.states.map { random.numbers(extents.rows[$0.previous]) }
    }

    /// Another evaluator, for the text itself.
    func outputs(
      parameters: [[Double]], inputs: [[[Double]]], states: [[Double]]
    ) throws -> (outputs: [[Double]], states: [[Double]]) {
      let graph = evaluator.cell.graph
      var named: [String: [[Double]]] = [:]
      for (parameter, values) in zip(graph.parameters, parameters) {
        let columns = parameter.kind == .matrix ? evaluator.extents.columns[parameter.node] : values.count
        named[parameter.name] = stride(from: 0, to: values.count, by: columns).map {
          Array(values[$0..<($0 + columns)])
        }
      }
      let names = graph.states.map(\.name)
      var text = try CellTextEvaluator(
        text, parameters: named, states: Dictionary(uniqueKeysWithValues: zip(names, states)), blocks: ["heads": 2])
      text.keeps = evaluator.keeps
      let outputs = inputs.map { step in
        text.step(Dictionary(uniqueKeysWithValues: zip(graph.inputs.map(\.name), step)))
      }
      return (outputs, names.map { text.states[$0] ?? [] })
    }

    /// The loss whose gradients are `dOutputs` and `dStates`.
    func loss(parameters: [[Double]], inputs: [[[Double]]], states: [[Double]]) throws -> Double {
      let found = try outputs(parameters: parameters, inputs: inputs, states: states)
      func dot(_ a: [[Double]], _ b: [[Double]]) -> Double {
        zip(a.joined(), b.joined()).reduce(0) { $0 + $1.0 * $1.1 }
      }
      return dot(found.outputs, dOutputs) + dot(found.states, dStates)
    }
  }

  private func cases(_ name: String, _ text: String, seed: UInt64) throws -> [Case] {
    let raw = ["mut1", "mut2", "sru", "socher"].contains(name)
    return try [
      Case(text, hidden: 6, inputs: raw ? 6 : 5, training: false, seed: seed),
      Case(text, hidden: 4, inputs: raw ? 4 : 2, training: true, seed: seed + 1),
    ]
  }

  private static let names = BuiltInCells.names

  @Test(arguments: names)
  func graphIsWhatTheTextSays(_ name: String) throws {
    for run in try cases(name, BuiltInCells.text(name) ?? "", seed: 3) {
      let expected = try run.outputs(
        parameters: run.evaluator.parameters, inputs: run.inputs, states: run.states)
      let found = run.evaluator.forward(run.inputs, run.states)
      #expect(relativeError(Array(found.outputs.joined()), Array(expected.outputs.joined())) < 1e-14)
      #expect(relativeError(Array(found.states.joined()), Array(expected.states.joined())) < 1e-14)
    }
  }

  @Test(arguments: names)
  func gradientsAreThoseOfFiniteDifferences(_ name: String) throws {
    for run in try cases(name, BuiltInCells.text(name) ?? "", seed: 5) { try check(run) }
  }

  /// Functions and forms that no cell of the library uses.
  @Test(arguments: [
    "h' = selu(W @ x) + gelu(U @ h) * silu(b) + softplus(c * h) - abs(h + d) * elu(h - d, 0.7)",
    "h' = leaky_relu(W @ x, 0.1) + softmax(U @ h) * sqrt(exp(b)) + rms_norm(h) / (1 + exp(c)) + log(2 + tanh(d) * h)",
    "h' = hard_tanh(W @ x) + thresholded_relu(h, 0.3) + affine(h, 0.5, 0.1) * scalar(k) - sign(h) * hard_sigmoid(b)",
    "h' = min(h, b) * max(W @ x, h) + sum(h) * c - mean(U @ h) + scalar(k) * scalar(k)",
    "a, b = tanh(W @ x)\nc, d = layer_norm(U @ h) * g\nh' = a * d + b * c - min(c, 0.1)",
    "h' = tanh(W @ x) * 0.5\ny = sum(h' * h) * scalar(k) + mean(V @ h)",
    "d = h\nh' = tanh(W @ x + 0.5 * c)\nc' = d",
    "v = tanh(A @ (p * h))\nh' = tanh(W @ x) * v + h * clip(p, -0.2, 0.2) + B @ v",
    "h' = where(x > h, tanh(U @ h), -h * 2) + where(0.5 <= h, h * h, 1) + log_sigmoid(V @ x)",
    "a, b = dropout(U @ h, 0.4)\nh' = zoneout(tanh(a * b + W @ x), h, 0.3) + 1",
    "h' = sum(W @ x) + 0.1\ny' = tanh(h + y)",
  ])
  func otherForms(_ text: String) throws {
    let raw = text.contains("where(x")
    for training in [false, true] {
      let run = try Case(text, hidden: 4, inputs: raw ? 4 : 3, training: training, seed: 9)
      let expected = try run.outputs(parameters: run.evaluator.parameters, inputs: run.inputs, states: run.states)
      let found = run.evaluator.forward(run.inputs, run.states)
      #expect(relativeError(Array(found.outputs.joined()), Array(expected.outputs.joined())) < 1e-14)
      try check(run)
    }
  }

  private func check(_ run: Case) throws {
    let parameters = run.evaluator.parameters
    let found = run.evaluator.backward(run.inputs, run.states, dOutputs: run.dOutputs, dStates: run.dStates)
    let step = 1e-5
    func difference(_ change: (Double) throws -> Double) rethrows -> Double {
      // Fourth order.
      let near = try change(step) - change(-step)
      let far = try change(2 * step) - change(-2 * step)
      return (8 * near - far) / (12 * step)
    }
    func compare(_ found: Double, _ expected: Double, _ what: String) {
      #expect(abs(found - expected) <= 2e-8 * max(1, abs(expected)), "\(what): \(found), \(expected)\n\(run.text)")
    }
    for (p, parameter) in run.evaluator.cell.graph.parameters.enumerated() {
      // Running means and variances are not learned by gradients.
      if ["mz", "vz", "mn", "vn"].contains(parameter.name) { continue }
      for i in parameters[p].indices {
        let expected = try difference { change in
          var moved = parameters
          moved[p][i] += change
          return try run.loss(parameters: moved, inputs: run.inputs, states: run.states)
        }
        compare(found.parameters[p][i], expected, "\(parameter.name)[\(i)]")
      }
    }
    for t in run.inputs.indices {
      for input in run.inputs[t].indices {
        for i in run.inputs[t][input].indices {
          let expected = try difference { change in
            var moved = run.inputs
            moved[t][input][i] += change
            return try run.loss(parameters: parameters, inputs: moved, states: run.states)
          }
          compare(found.inputs[t][input][i], expected, "input \(input) of step \(t)")
        }
      }
    }
    for state in run.states.indices {
      for i in run.states[state].indices {
        let expected = try difference { change in
          var moved = run.states
          moved[state][i] += change
          return try run.loss(parameters: parameters, inputs: run.inputs, states: moved)
        }
        compare(found.states[state][i], expected, "state \(state)")
      }
    }
  }
}
