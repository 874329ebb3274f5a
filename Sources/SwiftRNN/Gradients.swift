// The large products behind back-propagation through time: dL/dx, and the gradients of the weights. Both run over the
// valid rows of the batch in (t, n) order; padded rows are skipped, never multiplied by zero.
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
    let segments = plan.inputSegments
    let depth = configuration.hiddenSize
    for panel in some {
      let vectors = panels.vectors(panel)
      let column = panels.column(panel)
      let matrix =
        jobs?[direction].packed(panel: panel, slot: slot, kernels)
        ?? UnsafePointer(weights[direction].input + column &* segments.count &* depth)
      for (position, segment) in segments.enumerated() {
        var arguments = ProductArguments(
          count: range.count, rows: UnsafePointer(operandRows + range.lowerBound),
          rowOffset: segment &* plan.paddedHidden, depth: 0,
          panel: matrix + position &* depth &* vectors &* plan.lanes,
          out: UnsafePointer(outRows + range.lowerBound), outOffset: column, columns: panels.validUnits(panel),
          finish: direction == 0 && position == 0 ? .set : .resume)
        kernels.product(&arguments, vectors: vectors, depth: depth)
      }
    }
  }
}

/// Where the second operand of a weight gradient comes from.
enum GradientOperand: Int {
  /// The layer's input.
  case input
  /// h of the step before.
  case previous
  /// Behind the gradients of the gates: r * h of the step before (GRU, reset before).
  case reset
  /// The same place: o * tanh(c) (LSTM with projection).
  case inner
}

/// Where the first operand of a weight gradient comes from.
enum GradientLeft {
  /// The gradients of the gates' sums.
  case gates
  /// The gradients of h, under a projection.
  case outputs
}

/// One block of rows of a gradient matrix: `gradient[firstRow + j, :] += sum over rows of left[row][j] *
/// operand[row][:]`.
struct GradientBlock<Scalar: RNNScalar> {
  /// First row of the matrix.
  var gradient: UnsafeMutablePointer<Scalar>
  var rows: Int
  var columns: Int
  /// The left operand, and where this block's columns start in its rows.
  var left: GradientLeft
  var leftOffset: Int
  var operand: GradientOperand
}

/// A bias gradient: `gradient[j] += sum over rows of gates[row][leftOffset + j]`.
struct GradientSum<Scalar: RNNScalar> {
  var gradient: UnsafeMutablePointer<Scalar>
  var columns: Int
  var leftOffset: Int
}

/// The gradients of the weights of one direction of a layer, in chains of 256 rows from zero that are added in order.
/// The work is cut over rows of the matrices, so that no thread adds into what another writes.
struct WeightGradient<Scalar: RNNScalar> {
  /// Rows of a chain: the contract on bits.
  static var chain: Int { 256 }
  /// Rows of a gradient that pass all panels before the next: whole tiles, and 96 KB of the first operand in float.
  private static var rowsAtOnce: Int { 96 }

  typealias Pointer = UnsafeMutablePointer<Scalar>

  let kernels: KernelTable<Scalar>
  let rows: ValidRows
  let blocks: [GradientBlock<Scalar>]
  let sums: [GradientSum<Scalar>]
  let accumulate: Bool
  let scratch: WeightGradientScratch<Scalar>
  /// The first operands, row `rows.index[i]` at `base + rows.index[i] * size`.
  let gates: (base: UnsafePointer<Scalar>, size: Int)
  let outputs: (base: UnsafePointer<Scalar>, size: Int)
  /// The row of an operand for a valid row.
  let operandRow: (GradientOperand, Int) -> UnsafePointer<Scalar>
  let operandColumns: (GradientOperand) -> Int

  func run(_ member: inout TeamMember) {
    if blocks.isEmpty && sums.isEmpty { return }
    if rows.count == 0 {
      if !accumulate { member.share(1) { _ in clear() } }
      return
    }
    let wanted = Set(blocks.map(\.operand)).sorted { $0.rawValue < $1.rawValue }
    let span = Self.chain &* scratch.chains
    var start = 0
    while start < rows.count {
      let end = min(start &+ span, rows.count)
      let chains = (end &- start &+ Self.chain &- 1) / Self.chain
      func range(_ chain: Int) -> Range<Int> {
        start &+ chain &* Self.chain..<min(end, start &+ (chain &+ 1) &* Self.chain)
      }
      member.share(chains) { some in
        for chain in some { pack(chain, rows: range(chain), wanted) }
      }
      let parts = member.members
      member.share(parts) { some in
        for part in some {
          for chain in 0..<chains {
            multiply(chain, rows: range(chain), part: (part, parts), first: start == 0 && chain == 0)
          }
        }
      }
      start = end
    }
  }

  private func clear() {
    for block in blocks { block.gradient.update(repeating: 0, count: block.rows &* block.columns) }
    for sum in sums { sum.gradient.update(repeating: 0, count: sum.columns) }
  }

  /// The second operands of one chain, as panels.
  private func pack(_ chain: Int, rows range: Range<Int>, _ wanted: [GradientOperand]) {
    let pointers = scratch.operandRows + chain &* scratch.rows
    for i in range {
      let at = chain &* scratch.rows &+ i &- range.lowerBound
      scratch.gateRows[at] = gates.base + rows.index[i] &* gates.size
      scratch.outputRows[at] = outputs.base + rows.index[i] &* outputs.size
    }
    for operand in wanted {
      for i in range { pointers[i &- range.lowerBound] = operandRow(operand, rows.index[i]) }
      let columns = operandColumns(operand)
      let panels = PanelLayout(lanes: kernels.lanes, units: columns)
      let out = scratch.panels(operand, chain: chain)
      for panel in 0..<panels.count {
        let width = panels.vectors(panel) &* panels.lanes
        let column = panels.column(panel)
        kernels.panels.packRows(
          UnsafePointer(pointers), range.count, column, width, panels.validUnits(panel), out + column &* scratch.rows)
      }
    }
  }

  /// One part of the rows of all matrices, for one chain.
  private func multiply(_ chain: Int, rows range: Range<Int>, part: (number: Int, of: Int), first: Bool) {
    let finish: ProductFinish = first && !accumulate ? .set : .add
    var used = 0  // rows of scratch before this block's
    for block in blocks {
      let own = Split.range(block.rows, part.number, part.of)
      defer { used &+= block.rows }
      if own.isEmpty { continue }
      // Rows of the transposed left operand: those of a part lie together in the scratch.
      let base = used &+ own.lowerBound
      let transposed = scratch.transposed + base &* scratch.rows
      let left = (block.left == .gates ? scratch.gateRows : scratch.outputRows) + chain &* scratch.rows
      kernels.panels.transpose(
        UnsafePointer(left), range.count, block.leftOffset &+ own.lowerBound, own.count, transposed, scratch.rows)
      for j in 0..<own.count {
        scratch.transposedRows[base &+ j] = UnsafePointer(transposed + j &* scratch.rows)
        scratch.gradientRows[base &+ j] = block.gradient + (own.lowerBound &+ j) &* block.columns
      }
      let panels = PanelLayout(lanes: kernels.lanes, units: block.columns)
      let operand = scratch.panels(block.operand, chain: chain)
      // Some rows past all panels, then the next: these rows stay in the second-level cache.
      var j = 0
      while j < own.count {
        let some = min(Self.rowsAtOnce, own.count &- j)
        for panel in 0..<panels.count {
          let column = panels.column(panel)
          var arguments = ProductArguments(
            count: some, rows: UnsafePointer(scratch.transposedRows + (base &+ j)), depth: range.count,
            panel: UnsafePointer(operand + column &* scratch.rows),
            out: UnsafePointer(scratch.gradientRows + (base &+ j)), outOffset: column,
            columns: panels.validUnits(panel), finish: finish)
          kernels.product(vectors: panels.vectors(panel), &arguments)
        }
        j &+= some
      }
    }
    for sum in sums {
      let own = Split.range(sum.columns, part.number, part.of)
      if own.isEmpty { continue }
      kernels.panels.sumRows(
        UnsafePointer(scratch.gateRows + chain &* scratch.rows), range.count, sum.leftOffset &+ own.lowerBound,
        own.count,
        sum.gradient + own.lowerBound, finish == .add)
    }
  }
}

/// Scratch of the weight gradients of one direction.
struct WeightGradientScratch<Scalar: RNNScalar> {
  typealias Pointer = UnsafeMutablePointer<Scalar>

  /// Chains whose operands are packed at a time: enough work for several threads between two meetings.
  let chains: Int
  /// Rows of a chain at most: fewer than `WeightGradient.chain` if the batch has fewer.
  let rows: Int
  /// Packed second operands, by `GradientOperand`, of several chains.
  private let operands: (Pointer, Pointer, Pointer)
  private let widths: (Int, Int, Int)
  let operandRows: UnsafeMutablePointer<UnsafePointer<Scalar>>
  let gateRows: UnsafeMutablePointer<UnsafePointer<Scalar>>
  let outputRows: UnsafeMutablePointer<UnsafePointer<Scalar>>
  let transposed: Pointer
  let transposedRows: UnsafeMutablePointer<UnsafePointer<Scalar>>
  let gradientRows: UnsafeMutablePointer<Pointer>

  /// - Parameters:
  ///   - columns: of the input, of h, and of what stands behind the gates' gradients (0: nothing does).
  ///   - matrixRows: of all gradient matrices together.
  ///   - batchRows: T * N.
  init(_ arena: inout Arena, lanes: Int, columns: (Int, Int, Int), matrixRows: Int, batchRows: Int) {
    let chain = WeightGradient<Scalar>.chain
    rows = min(chain, max(batchRows, 1))
    chains = max(1, min(4, batchRows / chain + 1))
    let span = rows &* chains
    func padded(_ units: Int) -> Int { PanelLayout(lanes: lanes, units: units).paddedUnits }
    widths = (padded(columns.0), padded(columns.1), padded(columns.2))
    operands = (
      arena.take(Scalar.self, span, widths.0), arena.take(Scalar.self, span, widths.1),
      arena.take(Scalar.self, span, widths.2)
    )
    operandRows = arena.take(UnsafePointer<Scalar>.self, span)
    gateRows = arena.take(UnsafePointer<Scalar>.self, span)
    outputRows = arena.take(UnsafePointer<Scalar>.self, span)
    transposed = arena.take(Scalar.self, matrixRows, rows)
    transposedRows = arena.take(UnsafePointer<Scalar>.self, matrixRows)
    gradientRows = arena.take(Pointer.self, matrixRows)
  }

  func panels(_ operand: GradientOperand, chain: Int) -> Pointer {
    switch operand {
    case .input: operands.0 + chain &* rows &* widths.0
    case .previous: operands.1 + chain &* rows &* widths.1
    case .reset, .inner: operands.2 + chain &* rows &* widths.2
    }
  }
}
