// The large product behind back-propagation through time that gives dL/dx. It runs over the valid rows of the batch in
// (t, n) order; padded rows are skipped, never multiplied by zero.
import Kernels

/// The rows of a batch that exist, in (t, n) order: row i is step `index[i] / N` of sequence `index[i] % N`.
struct ValidRows {
  let index: UnsafePointer<Int>
  let count: Int

  init(index: UnsafePointer<Int>, count: Int) {
    self.index = index
    self.count = count
  }

  init(_ batch: BatchPlan, into index: UnsafeMutablePointer<Int>) {
    var count = 0
    for t in 0..<batch.steps {
      for n in 0..<batch.sequences where t < batch.length(n) {
        index[count] = t &* batch.sequences &+ n
        count &+= 1
      }
    }
    self.index = UnsafePointer(index)
    self.count = count
  }
}

/// dL/dx of a layer: for each row one chain over the rows of W in torch's order, forward direction first, then reverse.
struct InputGradient<Scalar: RNNScalar> {
  let kernels: KernelTable<Scalar>
  let plan: CellPlan
  let configuration: NetworkConfiguration
  let rows: ValidRows
  let sequences: Int
  let inputs: Int
  /// For each direction: W packed, and the gradients of the gates' sums.
  let weights: [PackedBackward<Scalar>]
  let gates: [UnsafeMutablePointer<Scalar>]
  /// nil: W is packed. Else, for each direction, what packs its panels at their use.
  let jobs: [PackJob<Scalar>]?
  let dx: Rows<Scalar>
  let operandRows: UnsafeMutablePointer<UnsafePointer<Scalar>>
  let outRows: UnsafeMutablePointer<UnsafeMutablePointer<Scalar>>

  /// All rows. How they are cut does not matter to the bits.
  ///
  /// - Parameter slots: places for panels that are packed at their use.
  func run(_ member: inout TeamMember, slots: Int) {
    let panels = PanelLayout(lanes: plan.lanes, units: inputs)
    let directions = 0..<gates.count
    if jobs != nil {
      let all = 0..<rows.count
      for direction in directions {
        member.share(1) { _ in locate(direction, all) }
        member.share(slots) { some in
          for slot in some { multiply(direction, all, panels, Split.range(panels.count, slot, slots), slot: slot) }
        }
      }
      return
    }
    // Blocks of rows that stay in the second-level cache while the panels pass.
    let blocks = max(member.members, (rows.count &+ 127) / 128)
    member.share(blocks) { some in
      for block in some {
        let range = Split.range(rows.count, block, blocks)
        for direction in directions {
          locate(direction, range)
          multiply(direction, range, panels, 0..<panels.count, slot: 0)
        }
      }
    }
  }

  private func locate(_ direction: Int, _ range: Range<Int>) {
    let rowSize = plan.gradientSegments &* plan.paddedHidden
    for i in range {
      let row = rows.index[i]
      operandRows[i] = UnsafePointer(gates[direction] + row &* rowSize)
      outRows[i] = dx[row / sequences, row % sequences]
    }
  }

  private func multiply(_ direction: Int, _ range: Range<Int>, _ panels: PanelLayout, _ some: Range<Int>, slot: Int) {
    let depth = configuration.hiddenSize
    for panel in some {
      let vectors = panels.vectors(panel)
      let column = panels.column(panel)
      let matrix =
        jobs?[direction].packed(panel: panel, slot: slot, kernels)
        ?? UnsafePointer(weights[direction].input + column &* configuration.cell.gates &* depth)
      var arguments = ProductArguments(
        count: range.count, rows: UnsafePointer(operandRows + range.lowerBound), depth: 0, panel: matrix,
        out: UnsafePointer(outRows + range.lowerBound), outOffset: column, columns: panels.validUnits(panel),
        finish: direction == 0 ? .set : .resume)
      for run in plan.inputRuns {
        arguments.rowOffset = run.segments.lowerBound &* plan.paddedHidden
        arguments.panel = matrix + run.gate &* depth &* vectors &* plan.lanes
        kernels.product(
          &arguments, vectors: vectors, depth: depth, segments: run.segments.count, stride: plan.paddedHidden)
        arguments.finish = .resume
      }
    }
  }
}
