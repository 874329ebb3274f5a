// Cuts of a pass between steps: where the activations of a part of the steps are kept, and the others computed again.
import SwiftRNN

/// Steps whose activations are in memory at once, as a part of a longer pass.
///
/// The gradients of weights are sums over valid rows of the batch in chains of 256, so that a segment ends where a chain
/// does, in the middle of a step if need be; that step is run in both segments.
struct StepSegment: Equatable {
  /// The first step.
  let first: Int
  /// Steps that the segment runs, with one of the next segment unless this one is the last.
  let steps: Int
  /// Steps whose outputs are the segment's own.
  let ownSteps: Int
  /// Valid rows of the segment's steps that its weight gradients are sums of.
  let rows: Range<Int>

  /// Rows of a chain, as the contract on bits has them.
  private static let chain = 256

  /// Segments of a pass, first to last; one: the tape of the whole pass is within the limit, or cannot be cut.
  ///
  /// - Parameter tapeLimit: as ``TrainingOptions/tapeLimit``.
  static func segments<Scalar: RNNScalar>(
    _ shape: BatchShape, _ network: Network<Scalar>, tapeLimit: Int?
  ) throws(RNNError) -> [StepSegment] {
    let whole = { (rows: Int) in StepSegment(first: 0, steps: shape.steps, ownSteps: shape.steps, rows: 0..<rows) }
    guard let tapeLimit, network.cutsSteps, shape.steps > 1, shape.sequences > 0 else { return [whole(0)] }
    try shape.checkLengths()
    var nominal = Int(Double(shape.steps).squareRoot().rounded(.up))
    if tapeLimit > 0 {
      let one = try network.tapeSize(steps: 1, sequences: shape.sequences)
      let step = try network.tapeSize(steps: 2, sequences: shape.sequences) - one
      if try network.tapeSize(steps: shape.steps, sequences: shape.sequences) <= tapeLimit { return [whole(0)] }
      nominal = max(1, (tapeLimit - one) / max(1, step))
    }
    return cut(shape, nominal: nominal)
  }

  /// - Parameter nominal: steps of a segment, which has more where that is less than a chain.
  static func cut(_ shape: BatchShape, nominal: Int) -> [StepSegment] {
    /// Valid rows before a step.
    func rows(before step: Int) -> Int {
      guard let lengths = shape.lengths else { return step * shape.sequences }
      return (0..<shape.sequences).reduce(0) { $0 + min(Int(lengths[$1]), step) }
    }
    /// The step of a valid row.
    func step(of row: Int) -> Int {
      var (low, high) = (0, shape.steps)
      while low + 1 < high {
        let middle = (low + high) / 2
        if rows(before: middle) <= row { low = middle } else { high = middle }
      }
      return low
    }
    let all = rows(before: shape.steps)
    var segments: [StepSegment] = []
    var (first, row) = (0, 0)
    while true {
      let before = rows(before: first)
      // The last whole chain within the nominal steps; one chain at least, and one step.
      var end = nominal < shape.steps - first ? rows(before: first + nominal) / chain * chain : all
      end = max(end, row + chain, (rows(before: first + 1) + chain - 1) / chain * chain)
      if end >= all {
        segments.append(
          StepSegment(
            first: first, steps: shape.steps - first, ownSteps: shape.steps - first, rows: row - before..<all - before))
        return segments
      }
      let next = step(of: end)
      segments.append(
        StepSegment(first: first, steps: next - first + 1, ownSteps: next - first, rows: row - before..<end - before))
      (first, row) = (next, end)
    }
  }
}
