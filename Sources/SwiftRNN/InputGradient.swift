// The large product behind back-propagation through time that gives dL/dx. It runs over the valid rows of the batch in
// (t, n) order; padded rows are skipped, never multiplied by zero.
import Kernels

/// dL/dx of a layer: for each row one chain over the rows of W in torch's order, forward direction first, then reverse.
struct InputGradient<Scalar: RNNScalar> {
  let network: Network<Scalar>
  let rows: ValidRows
  let inputs: Int
  /// What comes from one direction: W packed, and the gradients of the gates' sums.
  struct Source: BitwiseCopyable {
    let weights: PackedBackward<Scalar>
    let gates: UnsafePointer<Scalar>
    /// nil: W is packed. Else its panels are packed at their use.
    let unpacked: DirectionTensors<Scalar>?
  }
  let sources: OneOrTwo<Source>
  let dx: Rows<Scalar>

  private var plan: CellPlan { network.plan }

  /// Rows that are multiplied at a time; they stay in the second-level cache while the panels pass.
  private static var blockRows: Int { 128 }

  /// All rows. How they are cut does not matter to the bits.
  ///
  /// - Parameter slots: places for panels that are packed at their use.
  func run(_ member: inout TeamMember, slots: Int) {
    let panels = PanelLayout(lanes: plan.lanes, units: inputs)
    let least = (rows.count &+ Self.blockRows &- 1) / Self.blockRows
    if sources.first.unpacked == nil {
      let blocks = max(member.members, least)
      return member.share(blocks) { some in
        for block in some {
          for direction in 0..<sources.count {
            let matrix = sources[direction].weights.input
            multiply(direction, Split.range(rows.count, block, blocks), panels, 0..<panels.count) {
              UnsafePointer(matrix + panels.column($0) &* plan.cell.gates &* plan.hidden)
            }
          }
        }
      }
    }
    for direction in 0..<sources.count {
      guard let tensors = sources[direction].unpacked else { continue }
      let job = sources[direction].weights.inputJob(plan, tensors, inputs: inputs)
      member.share(slots) { some in
        for slot in some {
          for panel in Split.range(panels.count, slot, slots) {
            let matrix = job.packed(panel: panel, slot: slot, network.kernels)
            for block in 0..<least {
              multiply(direction, Split.range(rows.count, block, least), panels, panel..<(panel &+ 1)) { _ in matrix }
            }
          }
        }
      }
    }
  }

  /// - Parameter matrix: of a panel.
  @inline(__always)
  private func multiply(
    _ direction: Int, _ range: Range<Int>, _ panels: PanelLayout, _ some: Range<Int>,
    _ matrix: (_ panel: Int) -> UnsafePointer<Scalar>
  ) {
    let rowSize = plan.gradientSegments &* plan.paddedHidden
    let gates = sources[direction].gates
    withRowPointers(UnsafePointer<Scalar>.self) { operands in
      withRowPointers(UnsafeMutablePointer<Scalar>.self) { out in
        rows.visit(range) { i, t, n in
          operands[i &- range.lowerBound] = gates + (t &* rows.sequences &+ n) &* rowSize
          out[i &- range.lowerBound] = dx[t, n]
        }
        for panel in some {
          multiply(direction, range.count, operands, out, panels, panel, matrix(panel))
        }
      }
    }
  }

  private func multiply(
    _ direction: Int, _ count: Int, _ operands: UnsafePointer<UnsafePointer<Scalar>>,
    _ out: UnsafePointer<UnsafeMutablePointer<Scalar>>, _ panels: PanelLayout, _ panel: Int,
    _ matrix: UnsafePointer<Scalar>
  ) {
    let (vectors, depth) = (panels.vectors(panel), plan.hidden)
    var arguments = ProductArguments(
      count: count, rows: operands, depth: 0, panel: matrix, out: out, outOffset: panels.column(panel),
      columns: panels.validUnits(panel), finish: direction == 0 ? .set : .resume)
    for run in plan.inputRuns {
      arguments.rowOffset = run.segments.lowerBound &* plan.paddedHidden
      arguments.panel = matrix + run.gate &* depth &* vectors &* plan.lanes
      network.kernels.product(
        &arguments, vectors: vectors, depth: depth, segments: run.segments.count, stride: plan.paddedHidden)
      arguments.finish = .resume
    }
  }
}
