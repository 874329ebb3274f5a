import Reference
import SwiftRNN
import Testing

/// Parts of a backward pass: gradients that are not wanted, or added to what is there; the tape used again.
@Suite struct NetworkPartsTests {
  private func runs() throws -> [NetworkCase<Double>] {
    try configurations(inputSize: 5, hiddenSize: 9, projectionSize: 4, layers: 2, dropout: 0.2, bidirectional: true)
      .enumerated().map { try NetworkCase($1, steps: 11, sequences: 37, seed: UInt64($0 + 20)) }
  }

  /// The 407 rows make two chains: each finishes its own way when it is added.
  @Test func accumulate() throws {
    for run in try runs() {
      let tape = try run.forward().tape
      let fresh = try tape.backward(run.dy, dState: run.dState)
      var total = try run.network.makeZeros()
      let first = try tape.backward(run.dy, dState: run.dState, addingTo: &total)
      #expect(total.flat.elements == fresh.parameters.flat.elements)
      #expect(first.x == fresh.x && first.state == fresh.state)
      let before = total
      _ = try tape.backward(run.dy, dState: run.dState, addingTo: &total)
      #expect(relativeError(total.flat.elements, fresh.parameters.flat.elements.map { 2 * $0 }) < 1e-14)
      #expect(before.flat == fresh.parameters.flat, "a copy made before does not change with the total")
    }
  }

  @Test func aTapeMayBeUsedAgain() throws {
    for run in try runs() {
      let tape = try run.forward().tape
      let (first, second) = try (
        tape.backward(run.dy, dState: run.dState), tape.backward(run.dy, dState: run.dState)
      )
      #expect(first.x == second.x && first.state == second.state)
      #expect(first.parameters.flat == second.parameters.flat)
      let nothing = try tape.backward(Tensor(shape: run.dy.shape))
      #expect(nothing.parameters.flat.elements.allSatisfy { $0 == 0 })
      #expect(nothing.x.elements.allSatisfy { $0 == 0 })
      // dy may be left out: zeros.
      let ofStates = try tape.backward(dState: run.dState)
      let zeros = try tape.backward(Tensor(shape: run.dy.shape), dState: run.dState)
      #expect(ofStates.x == zeros.x && ofStates.parameters.flat == zeros.parameters.flat)
      var total = try run.network.makeZeros()
      #expect(try tape.backward(dState: run.dState, addingTo: &total).state == zeros.state)
      #expect(total.flat == zeros.parameters.flat)
      // The gradients are linear in dy and dState.
      let sum = zip(
        try tape.backward(run.dy).parameters.flat.elements, ofStates.parameters.flat.elements
      ).map { $0 + $1 }
      #expect(relativeError(sum, first.parameters.flat.elements) < 1e-13)
    }
  }

  /// The tape keeps what the forward pass saw.
  @Test func laterChangesDoNotReachATape() throws {
    for run in try runs() {
      var (x, parameters, state) = (run.x, run.parameters, run.state)
      let tape = try run.network.forward(
        x, parameters: parameters, lengths: run.lengths, state: state, seed: run.seed
      ).tape
      let expected = try tape.backward(run.dy)
      try x.set(x[0, 0, 0] + 1, at: 0, 0, 0)
      var weight = try #require(parameters["weight_hh_l0"])
      try weight.set(weight[0, 0] + 1, at: 0, 0)
      try parameters.set("weight_hh_l0", to: weight)
      if let h = state?.h { try state?.h.set(h[0, 0, 0] + 1, at: 0, 0, 0) }
      let after = try tape.backward(run.dy)
      #expect(after.x == expected.x && after.parameters.flat == expected.parameters.flat)
      #expect(parameters.flat != run.parameters.flat && x != run.x && state != run.state)
    }
  }

  /// What is not wanted is not written, and changes nothing in what is.
  @Test func gradientsThatAreNotWanted() throws {
    for run in try runs() {
      let count = run.parameters.infos.count
      var wanted: [[Bool]?] = [nil, Array(repeating: false, count: count)]
      for index in 0..<count { wanted.append((0..<count).map { $0 == index }) }
      wanted.append((0..<count).map { $0 % 2 == 0 })
      let y = try Tensor<Double>(shape: run.dy.shape)
      let all = try PointerPass(run).run(
        x: run.x, xStrides: (0, 0), y: y, dy: run.dy, yStrides: (0, 0), dx: nil, wanted: wanted)
      #expect(try all[0] == run.backward().parameters.flat.elements.map(\.bits))
      for (choice, bits) in zip(wanted, all).dropFirst() {
        for (index, info) in run.parameters.infos.enumerated() {
          let range = info.offset..<info.offset + info.elements
          let expected =
            choice?[index] == true ? Array(all[0][range]) : Array(repeating: Double.nan.bits, count: range.count)
          #expect(Array(bits[range]) == expected, "\(info.name)")
        }
      }
    }
  }

  @Test func accumulateOnPointers() throws {
    for run in try runs() {
      let start = try Tensor<Double>(repeating: 0.5, shape: [run.network.flatCount])
      let y = try Tensor<Double>(shape: run.dy.shape)
      let bits = try PointerPass(run).run(
        x: run.x, xStrides: (0, 0), y: y, dy: run.dy, yStrides: (0, 0), dx: nil, start: start)[0]
      let fresh = try run.backward().parameters.flat.elements
      #expect(relativeError(bits.map { Double(bitPattern: $0) }, fresh.map { $0 + 0.5 }) < 1e-14)
    }
  }
}
