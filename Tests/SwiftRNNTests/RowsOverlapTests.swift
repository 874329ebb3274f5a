import Testing

@testable import SwiftRNN

/// Whether two rows of an output share an element, beside trying all pairs of elements.
@Suite struct RowsOverlapTests {
  private func shareAnElement(_ step: Int, _ sequence: Int, steps: Int, sequences: Int, _ width: Int) -> Bool {
    var seen = Set<Int>()
    for t in 0..<steps {
      for n in 0..<sequences {
        for i in 0..<width where !seen.insert(t * step + n * sequence + i).inserted { return true }
      }
    }
    return false
  }

  @Test(arguments: 1...3) func everySmallLayout(width: Int) {
    var disjoint = 0
    var overlapping = 0
    for steps in 0...4 {
      for sequences in 0...4 {
        for step in width...(5 * width + 3) {
          for sequence in width...(5 * width + 3) {
            let truth = shareAnElement(step, sequence, steps: steps, sequences: sequences, width)
            let ours = Check.rowsOverlap(
              stepStride: step, sequenceStride: sequence, steps: steps, sequences: sequences, width)
            #expect(ours == truth, "\(steps) \(sequences) \(step) \(sequence)")
            if truth { overlapping += 1 } else { disjoint += 1 }
          }
        }
      }
    }
    #expect(overlapping > 100 && disjoint > 100)
  }
}
