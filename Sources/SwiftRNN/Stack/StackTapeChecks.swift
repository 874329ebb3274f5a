// Whether the parts of a tape of a network with layer options are what a pass has left there: looked at before anything
// is written.
import Kernels

extension StackPass {
  /// - Throws: a part that another pass has filled, or that is damaged.
  func checkTapes() throws(RNNError) {
    guard let tape else { return }
    for (number, block) in stack.blocks.enumerated() {
      let batch = try stack.batch(block, steps: rows.steps, sequences: sequences)
      let lengths = rows.chainLengths(block.dilation, workspace.chainLengths)
      func check(_ network: Network<Scalar>, _ offset: Int, initial: UInt64) throws(RNNError) {
        try TapeHeader.read(from: tape + offset).check(
          network.tapeHeader(
            steps: batch.steps, sequences: batch.sequences, lengths: lengths, mask: nil, initial: initial, seed: seed,
            firstSequence: firstSequence))
      }
      try check(block.head?.core ?? block.training, layout.tapes[number].offset, initial: givenStates(block))
      if let head = block.head, let place = layout.heads[number] { try check(head.network, place.tape, initial: 0) }
      for (statistic, place) in zip(block.statistics, layout.statistics[number]) {
        guard tape.loadUnaligned(fromByteOffset: place.moments, as: Int64.self) == Int64(rows.count) else {
          throw .mismatch("the tape has statistics of another batch")
        }
        // Statistics of no rows have no pass.
        if rows.count > 0 { try check(statistic.network, place.tape, initial: 0) }
      }
    }
  }

  /// A bit for each state that a block's pass starts from; the others start with zeros or as the text says.
  private func givenStates(_ block: Block) -> UInt64 {
    if options.learnedInitialStates { return block.network.stateBits }
    return initial.given & block.network.stateBits
  }
}

extension Network {
  fileprivate var stateBits: UInt64 { (1 << UInt64(stateCount)) &- 1 }
}

extension StackTape {
  /// - Throws: a count of rows that no batch of this size has.
  func checkCounts(_ tape: UnsafeRawPointer, steps: Int, sequences: Int) throws(RNNError) {
    for place in statistics.joined() {
      let count = tape.loadUnaligned(fromByteOffset: place.moments, as: Int64.self)
      guard count >= 0, count <= Int64(steps * sequences) else {
        throw .mismatch("the tape has statistics of another batch")
      }
    }
  }
}
