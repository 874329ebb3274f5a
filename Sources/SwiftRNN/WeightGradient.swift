// The large products behind back-propagation through time that give the gradients of the weights, over the valid rows of
// the batch in (t, n) order.
//
//     rows of the batch                                   gradient of W, and of U
//     dgates [256 rows][columns]   x [256 rows][I]        [columns][I]
//       transposed, 96 columns       packed once            one product for each panel of x, and for each of h
//       at a time                                           of the step before
import Kernels

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

/// The rows of a second operand: of step t of sequence n those of `rows` at step t + `shift`.
struct OperandRows<Scalar: RNNScalar> {
  let rows: Rows<Scalar>
  let columns: Int
  /// -1, or 1 in reverse, of what the step before left.
  var shift = 0
  /// Before the first step: row n at `initial + n * initialStride`.
  var initial: UnsafePointer<Scalar>?
  var initialStride = 0

  /// The place of each row of a range of the batch.
  @inline(__always)
  func locate(_ range: Range<Int>, of batch: ValidRows, _ pointers: UnsafeMutablePointer<UnsafePointer<Scalar>>) {
    let first = range.lowerBound
    guard shift != 0, let initial else {
      return batch.visit(range) { i, t, n in pointers[i &- first] = UnsafePointer(rows[t, n]) }
    }
    batch.visit(range) { i, t, n in
      let before = t &+ shift
      pointers[i &- first] =
        before >= 0 && before < batch.length(n) ? UnsafePointer(rows[before, n]) : initial + n &* initialStride
    }
  }
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

/// All blocks of a direction: one for each segment of the gates' gradients, and one of a projection.
typealias GradientBlocks<Scalar: RNNScalar> = ShortList<6, GradientBlock<Scalar>>
/// All bias gradients of a direction: two for each gate.
typealias GradientSums<Scalar: RNNScalar> = ShortList<8, GradientSum<Scalar>>

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
  static var chain: Int { ValidRows.most }

  typealias Pointer = UnsafeMutablePointer<Scalar>

  let kernels: KernelTable<Scalar>
  let rows: ValidRows
  let blocks: GradientBlocks<Scalar>
  let sums: GradientSums<Scalar>
  let accumulate: Bool
  let scratch: WeightGradientScratch<Scalar>
  /// The first operands, row t * N + n at `base + (t * N + n) * size`.
  let gates: (base: UnsafePointer<Scalar>, size: Int)
  let outputs: (base: UnsafePointer<Scalar>, size: Int)
  /// The second operands, by their place.
  let operands: (OperandRows<Scalar>, OperandRows<Scalar>?, OperandRows<Scalar>?)

  private func rows(of operand: GradientOperand) -> OperandRows<Scalar> {
    switch operand {
    case .input: operands.0
    case .previous: operands.1.unsafelyUnwrapped
    case .reset, .inner: operands.2.unsafelyUnwrapped
    }
  }

  /// The operands of all blocks.
  private var wanted: ShortList<4, GradientOperand> {
    var wanted = ShortList<4, GradientOperand>()
    func add(_ operand: GradientOperand) {
      if blocks.contains({ $0.makes(operand) }) { wanted.append(operand) }
    }
    add(.input)
    add(.previous)
    add(.reset)
    add(.inner)
    return wanted
  }

  func run(_ member: inout TeamMember) {
    if blocks.count == 0 && sums.count == 0 { return }
    if rows.count == 0 {
      if !accumulate { member.share(1) { _ in clear() } }
      return
    }
    let parts = min(member.members, scratch.mostParts)
    let wanted = wanted
    func chains(_ body: (_ rows: Range<Int>) -> Void) {
      var start = 0
      while start < rows.count {
        let end = min(start &+ Self.chain, rows.count)
        body(start..<end)
        start = end
      }
    }
    if parts == 1 {
      // Small: threads would meet more than they work.
      return member.share(1) { _ in
        chains { range in
          for index in wanted.indices { pack(wanted[index], range, part: (0, 1)) }
          multiply(range, wanted, part: (0, 1))
        }
      }
    }
    chains { range in
      member.share(wanted.count &* parts) { some in
        for piece in some { pack(wanted[piece / parts], range, part: (piece % parts, parts)) }
      }
      member.share(parts) { some in
        for part in some { multiply(range, wanted, part: (part, parts)) }
      }
    }
  }

  private func clear() {
    for index in blocks.indices {
      let block = blocks[index]
      func clear(_ target: GradientBlock<Scalar>.Target?) {
        guard let (operand, gradient) = target else { return }
        gradient.update(repeating: 0, count: block.columns &* rows(of: operand).columns)
      }
      clear(block.targets.0)
      clear(block.targets.1)
    }
    for index in sums.indices { sums[index].gradient.update(repeating: 0, count: sums[index].columns) }
  }

  /// One part of the rows of a second operand, as panels, for one chain.
  private func pack(_ operand: GradientOperand, _ chain: Range<Int>, part: (number: Int, of: Int)) {
    let own = Split.range(chain.count, part.number, part.of)
    let first = chain.lowerBound &+ own.lowerBound
    let source = rows(of: operand)
    let panels = PanelLayout(lanes: kernels.lanes, units: source.columns)
    let out = scratch.panels(operand)
    withRowPointers(UnsafePointer<Scalar>.self) { pointers in
      source.locate(first..<(first &+ own.count), of: rows, pointers)
      for panel in 0..<panels.count {
        let (column, width) = (panels.column(panel), panels.vectors(panel) &* panels.lanes)
        kernels.panels.packRows(
          UnsafePointer(pointers), own.count, column, width, panels.validUnits(panel),
          out + (column &* scratch.chainRows &+ own.lowerBound &* width))
      }
    }
  }

  /// One part of the columns of all blocks, for one chain.
  private func multiply(
    _ chain: Range<Int>, _ wanted: ShortList<4, GradientOperand>, part: (number: Int, of: Int)
  ) {
    let projected = wanted.contains { $0 == .inner }
    withRowPointers(UnsafePointer<Scalar>.self) { gateRows in
      withRowPointers(UnsafePointer<Scalar>.self) { outputRows in
        rows.visit(chain) { i, t, n in
          let row = t &* rows.sequences &+ n
          gateRows[i &- chain.lowerBound] = gates.base + row &* gates.size
          if projected { outputRows[i &- chain.lowerBound] = outputs.base + row &* outputs.size }
        }
        multiply(
          chain.count, (UnsafePointer(gateRows), UnsafePointer(outputRows)), wanted, part: part,
          chain.lowerBound == 0 && !accumulate ? .set : .add)
      }
    }
  }

  /// Rows of the left operands.
  private typealias LeftRows = (
    gates: UnsafePointer<UnsafePointer<Scalar>>, outputs: UnsafePointer<UnsafePointer<Scalar>>
  )

  private func multiply(
    _ count: Int, _ left: LeftRows, _ wanted: ShortList<4, GradientOperand>, part: (number: Int, of: Int),
    _ finish: ProductFinish
  ) {
    func cut(_ columns: Int) -> Range<Int> { Split.range(columns, part.number, part.of) }
    // Where this part's scratch begins: behind that of the parts before, which need no more than they transpose at once.
    var before = 0
    for index in blocks.indices { before &+= cut(blocks[index].columns).lowerBound }
    let base = min(before, part.number &* scratch.columnsAtOnce)
    var at = (block: 0, column: 0)
    while at.block < blocks.count {
      let counts = transpose(count, left, cut, base, &at)
      for index in wanted.indices {
        let operand = wanted[index]
        let (rows, place) = (counts[operand.place], scratch.place(operand, base))
        let panels = PanelLayout(lanes: kernels.lanes, units: self.rows(of: operand).columns)
        let matrix = scratch.panels(operand)
        for panel in 0..<panels.count {
          let column = panels.column(panel)
          var arguments = ProductArguments(
            count: rows, rows: UnsafePointer(scratch.transposedRows + place), depth: count,
            panel: UnsafePointer(matrix + column &* scratch.chainRows),
            out: UnsafePointer(scratch.gradientRows + place), outOffset: column, columns: panels.validUnits(panel),
            finish: finish)
          kernels.product(vectors: panels.vectors(panel), &arguments)
        }
      }
    }
    for index in sums.indices {
      let sum = sums[index]
      let own = cut(sum.columns)
      if own.isEmpty { continue }
      kernels.panels.sumRows(
        left.gates, count, sum.leftOffset &+ own.lowerBound, own.count, sum.gradient + own.lowerBound, finish == .add)
    }
  }

  /// Transposes the next `scratch.columnsAtOnce` of a part's columns, from `at` on, and lists for each operand the rows
  /// of its product.
  ///
  /// - Returns: how many rows, by the operand's place.
  private func transpose(
    _ count: Int, _ left: LeftRows, _ cut: (Int) -> Range<Int>, _ base: Int, _ at: inout (block: Int, column: Int)
  ) -> InlineArray<3, Int> {
    var counts = InlineArray<3, Int>(repeating: 0)
    var filled = 0
    while filled < scratch.columnsAtOnce, at.block < blocks.count {
      let block = blocks[at.block]
      let own = cut(block.columns)
      let first = own.lowerBound &+ at.column
      let some = min(own.upperBound &- first, scratch.columnsAtOnce &- filled)
      let transposed = scratch.transposed + (base &+ filled) &* scratch.chainRows
      kernels.panels.transpose(
        block.left == .gates ? left.gates : left.outputs, count, block.leftOffset &+ first, some, transposed,
        scratch.chainRows)
      func list(_ target: GradientBlock<Scalar>.Target?) {
        guard let (operand, gradient) = target else { return }
        let width = rows(of: operand).columns
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

  /// Rows of a chain at most: fewer than `WeightGradient.chain` if the batch has fewer.
  let chainRows: Int
  /// Columns of the left operands that are transposed and pass all panels before the next: whole tiles, of which 96 KB
  /// in float stay in the second-level cache; fewer of narrow layers, whose scratch would be larger than their weights.
  let columnsAtOnce: Int
  /// With less work for each, threads meet more than they work: LSTM N 32 T 150 H 16, 64 columns by 32, is as fast with
  /// one as with two.
  let mostParts: Int
  /// Packed second operands of a chain, by `GradientOperand`.
  private let operands: (Pointer, Pointer, Pointer)
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
    chainRows = min(WeightGradient<Scalar>.chain, max(batchRows, 1))
    columnsAtOnce = leftColumns < 96 ? 12 : 96
    // Sizes may be too large for any memory: then the arrays below are refused, and this must not trap.
    let work = leftColumns.multipliedReportingOverflow(by: columns.0 + columns.1 + columns.2)
    mostParts = work.overflow ? leftColumns : max(1, work.partialValue / 4096)
    func padded(_ units: Int) -> Int { PanelLayout(lanes: lanes, units: units).paddedUnits }
    operands = (
      arena.take(Scalar.self, chainRows, padded(columns.0)), arena.take(Scalar.self, chainRows, padded(columns.1)),
      arena.take(Scalar.self, chainRows, padded(columns.2))
    )
    let operandCount = columns.2 > 0 ? 3 : columns.1 > 0 ? 2 : 1
    self.leftColumns = leftColumns
    transposed = arena.take(
      Scalar.self, mostParts < leftColumns / columnsAtOnce ? mostParts * columnsAtOnce : leftColumns, chainRows)
    transposedRows = arena.take(UnsafePointer<Scalar>.self, operandCount, leftColumns)
    gradientRows = arena.take(Pointer.self, operandCount, leftColumns)
  }

  /// Where the rows of an operand's products are listed, for the part whose scratch begins with column `base`.
  func place(_ operand: GradientOperand, _ base: Int) -> Int { operand.place &* leftColumns &+ base }

  func panels(_ operand: GradientOperand) -> Pointer {
    switch operand {
    case .input: operands.0
    case .previous: operands.1
    case .reset, .inner: operands.2
    }
  }
}
