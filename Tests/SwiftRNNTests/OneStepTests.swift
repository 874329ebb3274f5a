import Testing

@_spi(Door) @testable import SwiftRNN

/// Passes over one step, which pack each panel of the weights at its use.
@Suite struct OneStepTests {
  /// The same sequences in a batch of two steps, whose weights are packed beforehand, give the same bits. Sizes at
  /// which every cell has a team, two threads pack at their use, and eight are more than a matrix has places for; but
  /// 97 sequences are too many for a team.
  @Test(arguments: [1, 14, 32, 40, 97]) func bitsAreThoseOfALongerBatch(sequences: Int) throws {
    try compare(Float.self, sequences)
    try compare(Double.self, sequences)
  }

  private func compare<S: TrainingScalar>(_: S.Type, _ sequences: Int) throws {
    for bidirectional in [false, true] {
      let all = configurations(
        inputSize: 139, hiddenSize: 331, projectionSize: 201, layers: 2, dropout: 0.2, bidirectional: bidirectional)
      for (index, configuration) in all.enumerated() {
        let run = try NetworkCase<S>(
          configuration, steps: 1, sequences: sequences, lengths: sequences > 1, seed: UInt64(index))
        let expected = try results(run.threads(1).padded(by: 1))
        for count in [1, 2, 3, 8] {
          let some = try run.threads(count)
          #expect(try results(some) == expected, "\(configuration.cell), \(count) threads, \(bidirectional)")
          if sequences >= 32 && count > 1 && !bidirectional {
            let threads = some.network.threads(steps: 1, sequences: sequences)
            let members = some.network.sharing(
              threads: threads, steps: 1, sequences: sequences, unpacked: true)
            #expect(members > 1 || sequences == 97, "\(configuration.cell), \(count) threads")
            #expect(members == 1 || sequences != 97, "\(configuration.cell), \(count) threads")
          }
        }
      }
    }
  }

  /// Of the first step.
  private func results<S: TrainingScalar>(_ run: NetworkCase<S>) throws -> [Bits] {
    let (inferred, _) = try run.infer()
    let (y, state, tape) = try run.forward()
    let gradients = try tape.backward(run.dy, dState: run.dState)
    return [
      try inferred.prefix(steps: 1).bits, try y.prefix(steps: 1).bits, state.bits,
      try gradients.x.prefix(steps: 1).bits, gradients.state.bits, gradients.parameters.flat.bits,
    ]
  }

  /// Panels that are packed at their use share a place: most of the room for packed weights stays as it was. Eight
  /// members are more than the matrices have places for, and all is packed before.
  @Test func oneStepUsesLittleOfTheWorkspace() throws {
    try workspaces(Float.self)
    try workspaces(Double.self)
  }

  private func workspaces<S: TrainingScalar>(_: S.Type) throws {
    for configuration in configurations(inputSize: 331, hiddenSize: 331, projectionSize: 201) {
      for (steps, threads, little) in [(1, 1, true), (1, 2, true), (2, 1, false), (2, 2, false)] {
        let run = try NetworkCase<S>(configuration, steps: steps, sequences: 32, lengths: false, seed: 4).threads(
          threads)
        let (forward, backward) = try writtenShares(run)
        #expect((forward < 0.5) == little, "\(configuration.cell), \(steps) steps, \(threads) threads: \(forward)")
        #expect((backward < 0.5) == little, "\(configuration.cell), \(steps) steps, \(threads) threads: \(backward)")
      }
    }
  }

  /// How much of the weights' room, as a share of the parameters, each pass has written; without gradients of
  /// parameters.
  private func writtenShares<S: TrainingScalar>(_ run: NetworkCase<S>) throws -> (Double, Double) {
    let network = run.network
    func size(_ purpose: Network<S>.Purpose, _ sequences: Int) throws -> Int {
      try network.workspaceSize(purpose, steps: run.steps, sequences: sequences)
    }
    func written(_ memory: Memory) -> Double {
      let bytes = UnsafeRawBufferPointer(start: memory.start, count: memory.count)
      let parameters = network.flatCount * MemoryLayout<S>.stride
      // The packed weights lie at the end of a workspace.
      return Double(bytes.suffix(parameters).reduce(0) { $0 + ($1 == 0xff ? 0 : 1) }) / Double(parameters)
    }
    let tape = try Memory(network.tapeSize(steps: run.steps, sequences: run.sequences))
    let memory = try (Memory(size(.forward, run.sequences)), Memory(size(.backward, run.sequences)))
    let y = try Tensor<S>(repeating: 0, shape: run.dy.shape)
    let dx = try Tensor<S>(repeating: 0, shape: run.x.shape)
    let infos = run.parameters.infos
    try run.parameters.flat.withUnsafeBufferPointer { flat in
      let pointers = infos.map { info in UnsafeRawPointer(flat.baseAddress.map { $0 + info.offset }) }
      try pointers.withUnsafeBufferPointer { pointers in
        var forward = Network<S>.Forward(steps: run.steps, sequences: run.sequences)
        forward.x = run.x.address
        forward.y = UnsafeMutablePointer(mutating: y.address)
        forward.parameters = pointers
        (forward.tape, forward.tapeBytes) = (tape.start, tape.count)
        (forward.workspace, forward.workspaceBytes) = (memory.0.start, memory.0.count)
        try network.forward(forward)
        var backward = Network<S>.Backward(steps: run.steps, sequences: run.sequences)
        backward.x = run.x.address
        backward.dy = run.dy.address
        backward.dx = UnsafeMutablePointer(mutating: dx.address)
        backward.parameters = pointers
        (backward.tape, backward.tapeBytes) = (UnsafeRawPointer(tape.start), tape.count)
        (backward.workspace, backward.workspaceBytes) = (memory.1.start, memory.1.count)
        try network.backward(backward)
      }
    }
    return (written(memory.0), written(memory.1))
  }
}
