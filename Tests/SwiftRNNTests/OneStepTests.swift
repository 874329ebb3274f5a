import Testing

@_spi(Door) @testable import SwiftRNN

/// Passes over one step, which pack each panel of the weights at its use.
@Suite struct OneStepTests {
  /// The same sequences in a batch of two steps, whose weights are packed beforehand, give the same bits.
  @Test(arguments: [1, 14, 20, 40]) func bitsAreThoseOfALongerBatch(sequences: Int) throws {
    try compare(Float.self, sequences)
    try compare(Double.self, sequences)
  }

  private func compare<S: TrainingScalar>(_: S.Type, _ sequences: Int) throws {
    var teams = 0
    for bidirectional in [false, true] {
      let all = configurations(
        inputSize: 37, hiddenSize: 219, projectionSize: 201, layers: 2, dropout: 0.2, bidirectional: bidirectional)
      for (index, configuration) in all.enumerated() {
        let run = try NetworkCase<S>(
          configuration, steps: 1, sequences: sequences, lengths: sequences > 1, seed: UInt64(index))
        let expected = try results(run.threads(1).padded(by: 1))
        for count in [1, 2, 3, 8] {
          let some = try run.threads(count)
          let threads = some.network.threads(steps: 1, sequences: sequences)
          if some.network.members(threads: threads, sequences: sequences, packsOneStep: true) > 1 { teams += 1 }
          #expect(try results(some) == expected, "\(configuration.cell), \(count) threads, \(bidirectional)")
        }
      }
    }
    // One sequence is too little work for a second thread, 40 are too many to share.
    #expect((teams > 0) == [14, 20].contains(sequences), "\(teams)")
  }

  /// Of the first step.
  private func results<S: TrainingScalar>(_ run: NetworkCase<S>) throws -> [[UInt64]] {
    let (inferred, _) = try run.infer()
    let (y, state, tape) = try run.forward()
    let gradients = try tape.backward(run.dy, dState: run.dState)
    return [
      try inferred.prefix(steps: 1).bits, try y.prefix(steps: 1).bits, state.bits,
      try gradients.x.prefix(steps: 1).bits, gradients.state.bits, gradients.parameters.flat.bits,
    ]
  }
}
