import Kernels
import Reference
import Testing

@testable import SwiftRNN

/// The contract on bits: what must not change a single one of them. Everything here is compared with ==, bit by bit.
@Suite struct NetworkBitsTests {
  /// All results of a pass, as bits.
  struct Results: Equatable {
    var y: Bits
    var state: Bits
    var dx = Bits()
    var dState = Bits()
    var gradients = Bits()
  }

  /// Work for 8 threads, several tiles, panels and chains, and ends of vectors everywhere.
  static func runs<S: TrainingScalar>(_: S.Type, dropout: Double = 0.25) throws -> [NetworkCase<S>] {
    try configurations(
      inputSize: 37, hiddenSize: 41, projectionSize: 23, layers: 2, dropout: dropout, bidirectional: true
    ).enumerated().map {
      try NetworkCase(
        $1, steps: $1.cell == .rnnTanh || $1.cell == .rnnRelu ? 176 : 70, sequences: 19, seed: UInt64($0 + 50))
    }
  }

  private func trained<S: TrainingScalar>(_ run: NetworkCase<S>) throws -> Results {
    let (y, state, tape) = try run.forward()
    let gradients = try tape.backward(run.dy, dState: run.dState)
    return Results(
      y: y.bits, state: state.bits, dx: gradients.x.bits, dState: gradients.state.bits,
      gradients: gradients.parameters.flat.bits)
  }

  private func inferred<S: TrainingScalar>(_ run: NetworkCase<S>) throws -> Results {
    let (y, state) = try run.infer()
    return Results(y: y.bits, state: state.bits)
  }

  private func forBothTypes(_ body: (any TrainingScalar.Type) throws -> Void) rethrows {
    try body(Float.self)
    try body(Double.self)
  }

  @Test func threads() throws { try forBothTypes { try threads($0) } }

  private func threads<S: TrainingScalar>(_: S.Type) throws {
    for run in try Self.runs(S.self) {
      let expected = try trained(run.threads(1))
      let inference = try inferred(run.threads(1))
      for count in [2, 3, 8] {
        #expect(try trained(run.threads(count)) == expected, "\(run.configuration.cell), \(count) threads")
        #expect(try inferred(run.threads(count)) == inference, "\(run.configuration.cell), \(count) threads")
      }
    }
  }

  @Test func cutsOfTheBatch() throws { try forBothTypes { try cutsOfTheBatch($0) } }

  private func cutsOfTheBatch<S: TrainingScalar>(_: S.Type) throws {
    for run in try Self.runs(S.self) {
      let (y, state, tape) = try run.forward()
      let gradients = try tape.backward(run.dy, dState: run.dState)
      for cut in [[0, 1, 19], [0, 7, 8, 19], [0, 6, 12, 19]] {
        for (low, high) in zip(cut, cut.dropFirst()) {
          let part = try run.part(low..<high)
          let (partY, partState, partTape) = try part.network.forward(
            part.x, parameters: part.parameters, lengths: part.lengths, state: part.state, seed: part.seed,
            firstSequence: low)
          let partGradients = try partTape.backward(part.dy, dState: part.dState)
          let comment: Comment = "\(run.configuration.cell), \(low)..<\(high)"
          #expect(try partY.bits == y.sequences(low..<high).bits, comment)
          #expect(try partState.bits == state.sequences(low..<high).bits, comment)
          #expect(try partGradients.x.bits == gradients.x.sequences(low..<high).bits, comment)
          #expect(try partGradients.state.bits == gradients.state.sequences(low..<high).bits, comment)
        }
      }
    }
  }

  /// Longer padding, and NaN in it: neither is ever multiplied with anything.
  @Test func padding() throws { try forBothTypes { try padding($0) } }

  private func padding<S: TrainingScalar>(_: S.Type) throws {
    for run in try Self.runs(S.self) {
      let expected = try trained(run.padded(by: 0))
      for (more, filler) in [(0, S.nan), (5, 0), (11, S.nan)] {
        let padded = try run.padded(by: more, filler: filler)
        let comment: Comment = "\(run.configuration.cell), \(more) more steps"
        let (y, state, tape) = try padded.forward()
        let gradients = try tape.backward(padded.dy, dState: padded.dState)
        #expect(try y.prefix(steps: run.steps).bits == expected.y, comment)
        #expect(state.bits == expected.state, comment)
        #expect(try gradients.x.prefix(steps: run.steps).bits == expected.dx, comment)
        #expect(gradients.state.bits == expected.dState, comment)
        #expect(gradients.parameters.flat.bits == expected.gradients, comment)
        for rest in [y, gradients.x] {
          #expect(rest.elements.dropFirst(run.steps * run.sequences * rest.shape[2]).allSatisfy { $0 == 0 })
        }
      }
    }
  }

  /// A padded sequence and the same one alone, with no padding and no lengths.
  @Test func paddedOrAlone() throws { try forBothTypes { try paddedOrAlone($0) } }

  private func paddedOrAlone<S: TrainingScalar>(_: S.Type) throws {
    for run in try Self.runs(S.self, dropout: 0) {
      let lengths = try #require(run.lengths)
      let (y, state, tape) = try run.forward()
      let gradients = try tape.backward(run.dy, dState: run.dState)
      for n in [0, 3, 11, 18] {
        var alone = try run.part(n..<n + 1)
        alone.lengths = nil
        alone.x = try alone.x.prefix(steps: lengths[n])
        alone.dy = try alone.dy.prefix(steps: lengths[n])
        let (aloneY, aloneState, aloneTape) = try alone.forward()
        let aloneGradients = try aloneTape.backward(alone.dy, dState: alone.dState)
        let comment: Comment = "\(run.configuration.cell), sequence \(n)"
        #expect(try aloneY.bits == y.sequences(n..<n + 1).prefix(steps: lengths[n]).bits, comment)
        #expect(try aloneState.bits == state.sequences(n..<n + 1).bits, comment)
        #expect(try aloneGradients.x.bits == gradients.x.sequences(n..<n + 1).prefix(steps: lengths[n]).bits, comment)
        #expect(try aloneGradients.state.bits == gradients.state.sequences(n..<n + 1).bits, comment)
      }
    }
  }

  @Test func inferenceTrainingAndPackedWeights() throws {
    try forBothTypes { try inferenceTrainingAndPackedWeights($0) }
  }

  private func inferenceTrainingAndPackedWeights<S: TrainingScalar>(_: S.Type) throws {
    for run in try Self.runs(S.self, dropout: 0) {
      let expected = try inferred(run)
      let training = try run.forward()
      #expect(Results(y: training.y.bits, state: training.state.bits) == expected)
      let weights = try run.network.pack(run.parameters)
      let packed = try run.network(run.x, weights: weights, lengths: run.lengths, state: run.state)
      #expect(Results(y: packed.y.bits, state: packed.state.bits) == expected)
    }
  }

  @Test func streamOrWhole() throws { try forBothTypes { try streamOrWhole($0) } }

  private func streamOrWhole<S: TrainingScalar>(_: S.Type) throws {
    for (index, configuration) in configurations(inputSize: 37, hiddenSize: 41, projectionSize: 23, layers: 2)
      .enumerated()
    {
      for sequences in [1, 19] {
        let run = try NetworkCase<S>(
          configuration, steps: 17, sequences: sequences, lengths: false, seed: UInt64(index + 70))
        let (y, state) = try run.infer()
        let stream = try run.network.makeStream(run.parameters, batch: sequences)
        try stream.setState(try #require(run.state))
        var streamed: [S] = []
        var output = [S](repeating: .nan, count: sequences * configuration.outputSize)
        let width = sequences * configuration.inputSize
        let elements = run.x.elements
        for t in 0..<9 {
          try stream.step(Array(elements[t * width..<(t + 1) * width]), into: &output)
          streamed += output
        }
        streamed += try stream.run(
          Tensor(Array(elements[(9 * width)...]), shape: [8, sequences, configuration.inputSize])
        ).elements
        #expect(Bits(streamed.map(\.bits)) == y.bits, "\(configuration.cell)")
        #expect(try stream.state.bits == state.bits, "\(configuration.cell)")
      }
    }
  }

  /// Rows in another order in memory: [N, T, I], and with gaps.
  @Test func strides() throws { try forBothTypes { try strides($0) } }

  private func strides<S: TrainingScalar>(_: S.Type) throws {
    for run in try Self.runs(S.self, dropout: 0) {
      let expected = try trained(run)
      let (c, gap) = (run.configuration, 3)
      let (wideX, wideY) = (c.inputSize + gap, c.outputSize + gap)
      let x = try run.x.batchFirst(width: wideX)
      let dy = try run.dy.batchFirst(width: wideY)
      let y = try Tensor<S>(repeating: .nan, shape: [run.sequences, run.steps, wideY])
      let dx = try Tensor<S>(repeating: .nan, shape: [run.sequences, run.steps, wideX])
      let out = try PointerPass(run).run(
        x: x, xStrides: (wideX, run.steps * wideX), y: y, dy: dy, yStrides: (wideY, run.steps * wideY), dx: dx)
      #expect(out.map { Bits($0) } == [expected.gradients])
      #expect(try y.stepsFirst(width: c.outputSize).bits == expected.y, "\(c.cell)")
      #expect(try dx.stepsFirst(width: c.inputSize).bits == expected.dx, "\(c.cell)")
      for (tensor, width) in [(y, c.outputSize), (dx, c.inputSize)] {
        for (i, number) in tensor.elements.enumerated() where i % (width + gap) >= width {
          #expect(number.isNaN, "gaps are not written")
        }
      }
    }
  }

  @Test func batchFirst() throws {
    for run in try Self.runs(Float.self) {
      let (x, dy) = try (run.x.batchFirst(width: 37), run.dy.batchFirst(width: run.configuration.outputSize))
      let (y, state, tape) = try run.network.forward(
        x, parameters: run.parameters, lengths: run.lengths, state: run.state, seed: run.seed, batchFirst: true)
      let gradients = try tape.backward(dy, dState: run.dState)
      let results = Results(
        y: try y.stepsFirst(width: run.configuration.outputSize).bits, state: state.bits,
        dx: try gradients.x.stepsFirst(width: 37).bits, dState: gradients.state.bits,
        gradients: gradients.parameters.flat.bits)
      #expect(try results == trained(run))
      let expected = try inferred(run)
      for (y, state) in try [
        run.network(x, parameters: run.parameters, lengths: run.lengths, state: run.state, batchFirst: true),
        run.network(
          x, weights: run.network.pack(run.parameters), lengths: run.lengths, state: run.state, batchFirst: true),
      ] {
        #expect(
          try Results(y: y.stepsFirst(width: run.configuration.outputSize).bits, state: state.bits) == expected)
      }
    }
    let network = try Network<Float>(.gru(inputSize: 2, hiddenSize: 3))
    let parameters = try network.makeParameters(seed: 0)
    for shape in [[4, 0, 2], [0, 4, 2]] {
      let (y, _, tape) = try network.forward(Tensor(shape: shape), parameters: parameters, batchFirst: true)
      #expect(try tape.backward(y).x.shape == shape)
    }
  }

  /// The lanes of AVX2 and of AVX-512, both compiled into this module, and AVX2's own code where the machine has it.
  @Test func widthsOfFusedInstructionSets() throws { try forBothTypes { try widthsOfFusedInstructionSets($0) } }

  private func widthsOfFusedInstructionSets<S: TrainingScalar>(_: S.Type) throws {
    for run in try Self.runs(S.self) {
      let all = try S.fused.map { (name, table) in
        (name, try trained(run.on(Network(run.configuration, kernels: table))))
      }
      for (name, results) in all.dropFirst() {
        #expect(results == all[0].1, "\(run.configuration.cell): \(name) and \(all[0].0)")
      }
    }
  }
}

extension Tensor where Scalar: TrainingScalar {
  var bits: Bits { Bits(elements.map(\.bits)) }

  /// `[T, N, J]` as `[N, T, width]`, NaN in the gaps.
  func batchFirst(width: Int) throws -> Tensor {
    let (steps, sequences, own) = (shape[0], shape[1], shape[2])
    let all = elements
    var out = [Scalar](repeating: .nan, count: steps * sequences * width)
    for t in 0..<steps {
      for n in 0..<sequences {
        for j in 0..<own { out[(n * steps + t) * width + j] = all[(t * sequences + n) * own + j] }
      }
    }
    return try Tensor(out, shape: [sequences, steps, width])
  }

  /// The way back.
  func stepsFirst(width: Int) throws -> Tensor {
    let (sequences, steps, wide) = (shape[0], shape[1], shape[2])
    let all = elements
    var out: [Scalar] = []
    for t in 0..<steps {
      for n in 0..<sequences { out += all[(n * steps + t) * wide..<(n * steps + t) * wide + width] }
    }
    return try Tensor(out, shape: [steps, sequences, width])
  }
}

extension Network.State where Scalar: TrainingScalar {
  var bits: Bits { Bits(h.bits.numbers + (c?.bits.numbers ?? [])) }
}

/// The bits of some numbers, which a failed test counts: arrays it would print and compare number by number, for hours.
struct Bits: Equatable, CustomTestStringConvertible {
  var numbers: [UInt64] = []

  init(_ numbers: [UInt64] = []) { self.numbers = numbers }

  var testDescription: String { "\(numbers.count) numbers" }
}
