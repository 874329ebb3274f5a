// The large products behind back-propagation through time that give the gradients of the weights, over the valid rows of
// the batch in (t, n) order.
//
//     rows of the batch                                   gradient of W, and of U
//     dgates [256 rows][columns]   x [256 rows][I]        [columns][I]
//       transposed, 96 columns       packed once            one product for each panel of x, and for each of h
//       at a time                                           of the step before
import Kernels

/// Where the second operand of a weight gradient comes from.
enum GradientOperand: Int, CaseIterable {
  /// The layer's input.
  case input
  /// h of the step before.
  case previous
  /// Behind the gradients of the gates: r * h of the step before (GRU, reset before).
  case reset
  /// The same place: o * tanh(c) (LSTM with projection).
  case inner

  /// Where its rows lie in the scratch: a cell has either of the last two.
  var place: Int { self == .inner ? Self.reset.rawValue : rawValue }
}

/// Where the first operand of a weight gradient comes from.
enum GradientLeft {
  /// The gradients of the gates' sums.
  case gates
  /// The gradients of h, under a projection.
  case outputs
}

/// Some columns of a left operand, and the rows of one or two gradient matrices that they make: row j is the sum, over the
/// rows of the batch, of `left[row][leftOffset + j] * operand[row][:]`.
struct GradientBlock<Scalar: RNNScalar> {
  /// The second operand, and the first of the matrix rows.
  typealias Target = (operand: GradientOperand, gradient: UnsafeMutablePointer<Scalar>)

  var left: GradientLeft
  /// The first of the columns in a row of the left operand, and how many.
  var leftOffset: Int
  var columns: Int
  var targets: (Target?, Target?)

  func makes(_ operand: GradientOperand) -> Bool {
    targets.0?.operand == operand || targets.1?.operand == operand
  }
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
  /// Columns of the left operand that are transposed and pass all panels before the next: whole tiles, and 96 KB in
  /// float, which stay in the second-level cache.
  private static var columnsAtOnce: Int { 96 }

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
    let wanted = GradientOperand.allCases.filter { operand in blocks.contains { $0.makes(operand) } }
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
            multiply(chain, rows: range(chain), wanted, part: (part, parts), first: start == 0 && chain == 0)
          }
        }
      }
      start = end
    }
  }

  private func clear() {
    for block in blocks {
      for case let target? in [block.targets.0, block.targets.1] {
        target.gradient.update(repeating: 0, count: block.columns &* operandColumns(target.operand))
      }
    }
    for sum in sums { sum.gradient.update(repeating: 0, count: sum.columns) }
  }

  /// The second operands of one chain, as panels.
  private func pack(_ chain: Int, rows range: Range<Int>, _ wanted: [GradientOperand]) {
    let pointers = scratch.operandRows + chain &* scratch.chainRows
    for i in range {
      let at = chain &* scratch.chainRows &+ i &- range.lowerBound
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
          UnsafePointer(pointers), range.count, column, width, panels.validUnits(panel),
          out + column &* scratch.chainRows)
      }
    }
  }

  /// One part of the columns of all blocks, for one chain.
  private func multiply(
    _ chain: Int, rows range: Range<Int>, _ wanted: [GradientOperand], part: (number: Int, of: Int), first: Bool
  ) {
    let finish: ProductFinish = first && !accumulate ? .set : .add
    func cut(_ columns: Int) -> Range<Int> { Split.range(columns, part.number, part.of) }
    // Where this part's scratch begins: behind that of the parts before.
    let base = blocks.reduce(0) { $0 &+ cut($1.columns).lowerBound }
    var at = (block: 0, column: 0)
    while at.block < blocks.count {
      let counts = transpose(chain, range.count, cut, base, &at)
      for operand in wanted {
        let (count, place) = (counts[operand.place], scratch.place(operand, base))
        let panels = PanelLayout(lanes: kernels.lanes, units: operandColumns(operand))
        let matrix = scratch.panels(operand, chain: chain)
        for panel in 0..<panels.count {
          let column = panels.column(panel)
          var arguments = ProductArguments(
            count: count, rows: UnsafePointer(scratch.transposedRows + place), depth: range.count,
            panel: UnsafePointer(matrix + column &* scratch.chainRows),
            out: UnsafePointer(scratch.gradientRows + place), outOffset: column, columns: panels.validUnits(panel),
            finish: finish)
          kernels.product(vectors: panels.vectors(panel), &arguments)
        }
      }
    }
    for sum in sums {
      let own = cut(sum.columns)
      if own.isEmpty { continue }
      kernels.panels.sumRows(
        UnsafePointer(scratch.gateRows + chain &* scratch.chainRows), range.count, sum.leftOffset &+ own.lowerBound,
        own.count, sum.gradient + own.lowerBound, finish == .add)
    }
  }

  /// Transposes the next `columnsAtOnce` of a part's columns, from `at` on, and lists for each operand the rows of its
  /// product.
  ///
  /// - Returns: how many rows, by the operand's place.
  private func transpose(
    _ chain: Int, _ count: Int, _ cut: (Int) -> Range<Int>, _ base: Int, _ at: inout (block: Int, column: Int)
  ) -> InlineArray<3, Int> {
    var counts = InlineArray<3, Int>(repeating: 0)
    var filled = 0
    while filled < Self.columnsAtOnce, at.block < blocks.count {
      let block = blocks[at.block]
      let own = cut(block.columns)
      let first = own.lowerBound &+ at.column
      let some = min(own.upperBound &- first, Self.columnsAtOnce &- filled)
      let left = (block.left == .gates ? scratch.gateRows : scratch.outputRows) + chain &* scratch.chainRows
      let transposed = scratch.transposed + (base &+ filled) &* scratch.chainRows
      kernels.panels.transpose(
        UnsafePointer(left), count, block.leftOffset &+ first, some, transposed, scratch.chainRows)
      func list(_ target: GradientBlock<Scalar>.Target?) {
        guard let (operand, gradient) = target else { return }
        let width = operandColumns(operand)
        let place = scratch.place(operand, base) &+ counts[operand.place]
        for j in 0..<some {
          scratch.transposedRows[place &+ j] = UnsafePointer(transposed + j &* scratch.chainRows)
          scratch.gradientRows[place &+ j] = gradient + (first &+ j) &* width
        }
        counts[operand.place] &+= some
      }
      list(block.targets.0)
      list(block.targets.1)
      filled &+= some
      at.column &+= some
      if at.column == own.count { at = (at.block &+ 1, 0) }
    }
    return counts
  }
}

/// Scratch of the weight gradients of one direction.
struct WeightGradientScratch<Scalar: RNNScalar> {
  typealias Pointer = UnsafeMutablePointer<Scalar>

  /// Chains whose operands are packed at a time: enough work for several threads between two meetings.
  let chains: Int
  /// Rows of a chain at most: fewer than `WeightGradient.chain` if the batch has fewer.
  let chainRows: Int
  /// Packed second operands, by `GradientOperand`, of several chains.
  private let operands: (Pointer, Pointer, Pointer)
  private let widths: (Int, Int, Int)
  let operandRows: UnsafeMutablePointer<UnsafePointer<Scalar>>
  let gateRows: UnsafeMutablePointer<UnsafePointer<Scalar>>
  let outputRows: UnsafeMutablePointer<UnsafePointer<Scalar>>
  /// Of the left operands, and the rows of the products, which each part of the work has at its own place.
  let transposed: Pointer
  let transposedRows: UnsafeMutablePointer<UnsafePointer<Scalar>>
  let gradientRows: UnsafeMutablePointer<Pointer>
  private let leftColumns: Int

  /// - Parameters:
  ///   - columns: of the input, of h, and of what stands behind the gates' gradients (0: nothing does).
  ///   - leftColumns: of the left operands together.
  ///   - batchRows: T * N.
  init(_ arena: inout Arena, lanes: Int, columns: (Int, Int, Int), leftColumns: Int, batchRows: Int) {
    let chain = WeightGradient<Scalar>.chain
    chainRows = min(chain, max(batchRows, 1))
    chains = min(4, max(batchRows &- 1, 0) / chain + 1)
    let span = chainRows &* chains
    func padded(_ units: Int) -> Int { PanelLayout(lanes: lanes, units: units).paddedUnits }
    widths = (padded(columns.0), padded(columns.1), padded(columns.2))
    operands = (
      arena.take(Scalar.self, span, widths.0), arena.take(Scalar.self, span, widths.1),
      arena.take(Scalar.self, span, widths.2)
    )
    operandRows = arena.take(UnsafePointer<Scalar>.self, span)
    gateRows = arena.take(UnsafePointer<Scalar>.self, span)
    outputRows = arena.take(UnsafePointer<Scalar>.self, span)
    let operandCount = columns.2 > 0 ? 3 : columns.1 > 0 ? 2 : 1
    self.leftColumns = leftColumns
    transposed = arena.take(Scalar.self, leftColumns, chainRows)
    transposedRows = arena.take(UnsafePointer<Scalar>.self, operandCount, leftColumns)
    gradientRows = arena.take(Pointer.self, operandCount, leftColumns)
  }

  /// Where the rows of an operand's products are listed, for the part whose first column is `base`.
  func place(_ operand: GradientOperand, _ base: Int) -> Int { operand.place &* leftColumns &+ base }

  func panels(_ operand: GradientOperand, chain: Int) -> Pointer {
    switch operand {
    case .input: operands.0 + chain &* chainRows &* widths.0
    case .previous: operands.1 + chain &* chainRows &* widths.1
    case .reset, .inner: operands.2 + chain &* chainRows &* widths.2
    }
  }
}
