import Kernels
import Reference
import Testing

@testable import SwiftRNN

/// Networks with layer options beside their layers put together step by step, and their gradients beside finite
/// differences.
struct LayerOptionsTests {
  typealias Case = LayerOptionsCases.Case
  typealias Form = LayerOptionsCases.Form
  typealias Cases = LayerOptionsCases

  @Test("y and states beside the layers one by one", arguments: Cases.forms, Cases.cells)
  func values(form: Form, cell: String) throws {
    for (lengths, state) in [(false, true), (true, true), (true, false)] {
      let c = try Case(Cases.network(cell, form), lengths: lengths, state: state, seed: 5)
      let expected = try Cases.expected(c)
      let (y, final) = try c.infer()
      let trained = try c.train()
      #expect(zip(y.elements, expected.y).allSatisfy { abs($0 - $1) < 1e-12 }, "y")
      #expect(y == trained.y && final == trained.state, "inference and training")
      for (own, reference) in zip(final.tensors, expected.states) {
        #expect(zip(own.elements, reference).allSatisfy { abs($0 - $1) < 1e-12 }, "states")
      }
    }
  }

  // MARK: Gradients

  @Test("gradients beside finite differences", arguments: Cases.forms, Cases.cells + [Cases.normalised])
  func gradients(form: Form, cell: String) throws {
    for (lengths, state) in [(true, true), (true, false), (false, false)] {
      var c = try Case(Cases.network(cell, form, dropout: 0.3), lengths: lengths, state: state, seed: 8)
      let gradients = try c.train().tape.backward(c.dy, dState: c.dState)
      var random = SplitMix(2)
      /// The slope of the loss along a random direction through a tensor.
      func check(
        _ name: String, _ gradient: Tensor<Double>, _ value: Tensor<Double>,
        _ set: (inout Case, Tensor<Double>) throws -> Void
      ) throws {
        let direction: [Double] = random.numbers(value.count, -1...1)
        func loss(_ step: Double) throws -> Double {
          let moved = zip(value.elements, direction).map { $0 + step * $1 }
          try set(&c, Tensor(moved, shape: value.shape))
          return try c.loss()
        }
        let slope = (try loss(1e-5) - loss(-1e-5)) / 2e-5
        try set(&c, value)
        let own = Cases.product(gradient.elements, direction)
        #expect(abs(slope - own) < 1e-7 * max(1, abs(slope)), "\(name): \(own) beside \(slope)")
      }
      try check("x", gradients.x, c.x) { $0.x = $1 }
      for number in c.inputs.indices {
        try check("input", gradients.inputs[number], c.inputs[number]) { $0.inputs[number] = $1 }
      }
      if let state = c.state {
        for number in state.tensors.indices {
          try check("state", gradients.state.tensors[number], state.tensors[number]) { $0.state?.tensors[number] = $1 }
        }
      }
      for info in c.parameters.infos {
        guard let gradient = gradients.parameters[info.name], let value = c.parameters[info.name] else {
          Issue.record("\(info.name) is missing")
          continue
        }
        try check(info.name, gradient, value) { try $0.parameters.set(info.name, to: $1) }
      }
    }
  }

  // MARK: Bits

  /// A network whose options say nothing, once as one of layer options.
  @Test(
    "the same bits as without options",
    arguments: Cases.cells, [false, true])
  func plain(cell: String, bidirectional: Bool) throws {
    let form = Form(name: "plain") { c, _ in c.bidirectional = bidirectional }
    let own = try Case(Cases.network(cell, form, isStacked: true, dropout: 0.3), lengths: true, state: true, seed: 6)
    let plain = try Case(Cases.network(cell, form, dropout: 0.3), lengths: true, state: true, seed: 6)
    #expect(own.network.stack != nil && plain.network.stack == nil)
    #expect(own.parameters.infos == plain.parameters.infos)
    let (a, b) = (try own.train(), try plain.train())
    #expect(a.y == b.y && a.state == b.state)
    let (da, db) = (
      try a.tape.backward(own.dy, dState: own.dState), try b.tape.backward(plain.dy, dState: plain.dState)
    )
    #expect(da.x == db.x && da.state == db.state)
    #expect(da.parameters.flat == db.parameters.flat)
    // All layers read them: here each layer's gradient is rounded before it is added.
    for (a, b) in zip(da.inputs, db.inputs) {
      #expect(zip(a.elements, b.elements).allSatisfy { abs($0 - $1) < 1e-14 })
    }
  }

  @Test("threads, parts of a batch and packed weights give the same bits", arguments: Cases.forms, Cases.cells)
  func bits(form: Form, cell: String) throws {
    let one = try Case(Cases.network(cell, form, dropout: 0.3), lengths: true, state: true, seed: 4)
    let four = try Case(Cases.network(cell, form, dropout: 0.3, threads: 4), lengths: true, state: true, seed: 4)
    let (a, b) = (try one.train(), try four.train())
    #expect(a.y == b.y && a.state == b.state)
    let (da, db) = (
      try a.tape.backward(one.dy, dState: one.dState), try b.tape.backward(four.dy, dState: four.dState)
    )
    #expect(da.x == db.x && da.state == db.state && da.parameters.flat == db.parameters.flat)
    let named: KeyValuePairs<String, Tensor<Double>> =
      one.inputs.isEmpty ? [:] : [one.network.inputs[0].name: one.inputs[0]]
    let packed = try one.network(
      one.x, weights: one.network.pack(one.parameters), lengths: one.lengths, mask: one.mask, state: one.state,
      inputs: named)
    let direct = try one.infer()
    #expect(packed.y == direct.y && packed.state == direct.state)
  }

  @Test("streams and calls in pieces equal whole sequences", arguments: Cases.forms, Cases.cells)
  func streams(form: Form, cell: String) throws {
    let network = try Cases.network(cell, form)
    guard !network.configuration.bidirectional else { return }
    for state in [false, true] {
      let c = try Case(network, lengths: false, state: state, seed: 12)
      let (steps, sequences, width) = (c.x.shape[0], c.x.shape[1], c.x.shape[2])
      let named = { (range: Range<Int>) throws -> KeyValuePairs<String, Tensor<Double>> in
        c.inputs.isEmpty
          ? [:]
          : [
            network.inputs[0].name: try Tensor(
              Array(c.inputs[0].elements[range.lowerBound * sequences..<range.upperBound * sequences]),
              shape: [range.count, sequences, 1])
          ]
      }
      let whole = try network(c.x, parameters: c.parameters, state: c.state, inputs: named(0..<steps))
      // Two pieces, the second from where the first ended.
      var y: [Double] = []
      var between = c.state
      for range in [0..<3, 3..<steps] {
        let x = try Tensor(
          Array(c.x.elements[range.lowerBound * sequences * width..<range.upperBound * sequences * width]),
          shape: [range.count, sequences, width])
        let (part, final) = try network(x, parameters: c.parameters, state: between, inputs: named(range))
        y += part.elements
        between = final
      }
      #expect(y == whole.y.elements && between == whole.state, "pieces")
      let stream = try network.makeStream(c.parameters, batch: sequences)
      if let state = c.state { try stream.setState(state) }
      var steady: [Double] = []
      var row = [Double](repeating: 0, count: sequences * network.configuration.outputSize)
      for t in 0..<steps {
        let x = Array(c.x.elements[t * sequences * width..<(t + 1) * sequences * width])
        var inputs = Inputs<Double>()
        if !c.inputs.isEmpty { inputs[0] = c.inputs[0].pointer + t * sequences }
        try x.withUnsafeBufferPointer { x in
          try row.withUnsafeMutableBufferPointer {
            try stream.step(unsafe: x.baseAddress, inputs: inputs, into: $0.baseAddress)
          }
        }
        steady += row
      }
      #expect(steady == whole.y.elements)
      #expect(try stream.state == whole.state)
    }
  }

  // MARK: Misuse

  @Test("what does not fit is refused")
  func refusals() throws {
    func refuse(_ message: String, _ make: (inout NetworkConfiguration, inout LayerOptions) -> Void) {
      var configuration = NetworkConfiguration(.gru, inputSize: 4, hiddenSize: 5)
      configuration.layers = 2
      var options = LayerOptions()
      make(&configuration, &options)
      do {
        _ = try Network<Float>(configuration, options: options)
        Issue.record("not refused: \(message)")
      } catch {
        #expect("\(error)" == message)
      }
    }
    refuse("options.hiddenSizes has 1 element, must have 2") { $1.hiddenSizes = [3] }
    refuse("options.dilations[1] is 0, must be in 1...65536") { $1.dilations = [2, 0] }
    refuse("the width of a residual layer's output is 6, must be 5") {
      $1.hiddenSizes = [5, 6]
      $1.skip = .residual
    }
    refuse("parameters has more bytes than a 64-bit number can count") {
      $1.hiddenSizes = [1 << 31, 1 << 31]
      $1.skip = .dense
    }
    let network = try Network<Float>(.gru(inputSize: 4, hiddenSize: 5))
    #expect(throws: RNNError.self) {
      try network(
        Tensor(repeating: 0, shape: [2, 1, 4]), parameters: network.makeParameters(seed: 1), mask: [true, false])
    }
  }
}
