// The large products behind back-propagation through time that give the gradients of the weights, over the valid rows of
// the batch in (t, n) order. Of the LSTM:
//
//     rows of the batch                                   gradient of W, and of U
//     dgates [256 rows][columns]   x [256 rows][I]        [columns][I]
//       transposed, 96 columns       packed once            one product for each panel of x, and for each of h
//       at a time                                           of the step before
import Kernels

/// The gradients of the weights of one direction of a layer, in chains of 256 rows from zero that are added in order.
/// The work is cut over rows of the matrices, so that no thread adds into what another writes.
struct WeightGradient<Scalar: RNNScalar> {
  /// Rows of a chain: the contract on bits.
  static var chain: Int { ValidRows.most }

  typealias Pointer = UnsafeMutablePointer<Scalar>
  private typealias Part = (number: Int, of: Int)

  let kernels: KernelTable<Scalar>
  let rows: ValidRows
  let accumulate: Bool
  let scratch: WeightGradientScratch<Scalar>
  /// The valid rows that count; nil: all.
  var part: Range<Int>?

  private var counted: Range<Int> { part ?? 0..<rows.count }
  private var lists: GradientLists<Scalar> { scratch.lists }

  /// All gradients that are listed.
  ///
  /// - Parameter list: fills the lists, which are empty; one member calls it. What they hold, lengths too, is read within
  ///   shared work only: to a member that comes late they may be those of the next run already.
  func run(_ member: inout TeamMember, _ list: (GradientLists<Scalar>) -> Void) {
    let counted = counted
    if counted.isEmpty {
      if !accumulate {
        member.share(1) { _ in
          scratch.begin(list)
          clear()
        }
      }
      return
    }
    let parts = min(member.members, scratch.mostParts)
    let operands = lists.operands.capacity
    func chains(_ body: (_ rows: Range<Int>) -> Void) {
      var start = counted.lowerBound
      while start < counted.upperBound {
        let end = min(start &+ Self.chain, counted.upperBound)
        body(start..<end)
        start = end
      }
    }
    if parts == 1 {
      // Small: threads would meet more than they work.
      return member.share(1) { _ in
        scratch.begin(list)
        chains { range in
          for operand in 0..<operands { pack(operand, range, part: (0, 1)) }
          multiply(range, part: (0, 1))
        }
      }
    }
    member.share(1) { _ in scratch.begin(list) }
    chains { range in
      member.share(operands &* parts) { some in
        for piece in some { pack(piece / parts, range, part: (piece % parts, parts)) }
      }
      member.share(parts) { some in
        for part in some { multiply(range, part: (part, parts)) }
      }
    }
  }

  private func clear() {
    for index in lists.blocks.indices {
      let block = lists.blocks[index]
      func clear(_ target: GradientBlock<Scalar>.Target?) {
        guard let target else { return }
        target.gradient.update(repeating: 0, count: block.columns &* lists.operands[target.operand].columns)
      }
      clear(block.targets.0)
      clear(block.targets.1)
    }
    for index in lists.sums.indices {
      let sum = lists.sums[index]
      sum.gradient.update(repeating: 0, count: sum.columns)
    }
  }

  /// One part of the rows of a second operand, as panels, for one chain; nothing if no block needs it.
  private func pack(_ operand: Int, _ chain: Range<Int>, part: Part) {
    guard let out = scratch.places[operand] else { return }
    let own = Split.range(chain.count, part.number, part.of)
    let first = chain.lowerBound &+ own.lowerBound
    let source = lists.operands[operand]
    let panels = PanelLayout(lanes: kernels.lanes, units: source.columns)
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

  /// One part of the columns of all blocks and sums, for one chain.
  private func multiply(_ chain: Range<Int>, part: Part) {
    withRowPointers(Int.self) { numbers in
      rows.visit(chain) { i, t, n in numbers[i &- chain.lowerBound] = t &* rows.sequences &+ n }
      withRowPointers(UnsafePointer<Scalar>.self) { pointers in
        var left = ChainOfLeft(lefts: lists.lefts, numbers: numbers, count: chain.count, pointers: pointers)
        let finish: ProductFinish = chain.lowerBound == counted.lowerBound && !accumulate ? .set : .add
        multiply(&left, part, finish)
        addUp(&left, part, finish)
      }
    }
  }

  private func multiply(_ left: inout ChainOfLeft<Scalar>, _ part: Part, _ finish: ProductFinish) {
    // Where this part's scratch begins: behind that of the parts before, which need no more than they transpose at once.
    var before = 0
    for index in lists.blocks.indices { before &+= cut(lists.blocks[index].columns, part).lowerBound }
    let base = min(before, part.number &* scratch.columnsAtOnce)
    let transposed = scratch.transposed + base &* scratch.chainRows
    var at = start(0, part)
    while at.block < lists.blocks.count {
      let end = visit(at, part) { block, columns, filled in
        kernels.panels.transpose(
          left.rows(of: block.left), left.count, block.leftOffset &+ columns.lowerBound, columns.count,
          transposed + filled &* scratch.chainRows, scratch.chainRows)
      }
      for operand in 0..<lists.operands.count {
        guard let matrix = scratch.places[operand] else { continue }
        let panels = PanelLayout(lanes: kernels.lanes, units: lists.operands[operand].columns)
        let rows = rows(operand, width: panels.units, base, from: at, part)
        if rows == 0 { continue }
        for panel in 0..<panels.count {
          let column = panels.column(panel)
          var arguments = ProductArguments(
            count: rows, rows: UnsafePointer(scratch.transposedRows + base), depth: left.count,
            panel: UnsafePointer(matrix + column &* scratch.chainRows),
            out: UnsafePointer(scratch.gradientRows + base), outOffset: column, columns: panels.validUnits(panel),
            finish: finish)
          kernels.product(vectors: panels.vectors(panel), &arguments)
        }
      }
      at = end
    }
  }

  /// Lists the rows of the product with a second operand: of the columns from `at` on, which have been transposed, those
  /// of blocks that make something with it.
  ///
  /// - Returns: how many they are.
  private func rows(_ operand: Int, width: Int, _ base: Int, from at: Place, _ part: Part) -> Int {
    var count = 0
    _ = visit(at, part) { block, columns, filled in
      guard let gradient = block.gradient(of: operand) else { return }
      let place = base &+ count
      for j in 0..<columns.count {
        scratch.transposedRows[place &+ j] = UnsafePointer(
          scratch.transposed + (base &+ filled &+ j) &* scratch.chainRows)
        scratch.gradientRows[place &+ j] = gradient + (columns.lowerBound &+ j) &* width
      }
      count &+= columns.count
    }
    return count
  }

  private func addUp(_ left: inout ChainOfLeft<Scalar>, _ part: Part, _ finish: ProductFinish) {
    for index in lists.sums.indices {
      let sum = lists.sums[index]
      let own = cut(sum.columns, part)
      if own.isEmpty { continue }
      kernels.panels.sumRows(
        left.rows(of: sum.left), left.count, sum.leftOffset &+ own.lowerBound, own.count,
        sum.gradient + own.lowerBound, finish == .add)
    }
  }

  // MARK: A part's columns

  /// A part's columns of a block that are still to come.
  private typealias Place = (block: Int, columns: Range<Int>)

  @inline(__always)
  private func cut(_ columns: Int, _ part: Part) -> Range<Int> {
    // One part is that of small matrices, whose products are not much longer than the cut's divisions.
    part.of == 1 ? 0..<columns : Split.range(columns, part.number, part.of)
  }

  @inline(__always)
  private func start(_ block: Int, _ part: Part) -> Place {
    (block, block < lists.blocks.count ? cut(lists.blocks[block].columns, part) : 0..<0)
  }

  /// Calls `body` for the next `scratch.columnsAtOnce` of a part's columns, from `at` on, with as many as are of one block
  /// and how many there were before.
  ///
  /// - Returns: where they end.
  @inline(__always)
  private func visit(
    _ at: Place, _ part: Part, _ body: (_ block: GradientBlock<Scalar>, _ columns: Range<Int>, _ filled: Int) -> Void
  ) -> Place {
    var (at, filled) = (at, 0)
    while filled < scratch.columnsAtOnce, at.block < lists.blocks.count {
      let (first, last) = (at.columns.lowerBound, at.columns.upperBound)
      let end = min(last, first &+ scratch.columnsAtOnce &- filled)
      body(lists.blocks[at.block], first..<end, filled)
      filled &+= end &- first
      at = end == last ? start(at.block &+ 1, part) : (at.block, end..<last)
    }
    return at
  }
}

/// The rows of a chain in one of the left operands.
private struct ChainOfLeft<Scalar: RNNScalar> {
  let lefts: WorkspaceList<LeftRows<Scalar>>
  /// t * N + n of each row.
  let numbers: UnsafePointer<Int>
  let count: Int
  let pointers: UnsafeMutablePointer<UnsafePointer<Scalar>>
  /// The operand that the pointers are of.
  private var current: Int?

  init(
    lefts: WorkspaceList<LeftRows<Scalar>>, numbers: UnsafePointer<Int>, count: Int,
    pointers: UnsafeMutablePointer<UnsafePointer<Scalar>>
  ) {
    (self.lefts, self.numbers, self.count, self.pointers) = (lefts, numbers, count, pointers)
  }

  @inline(__always)
  mutating func rows(of left: Int) -> UnsafePointer<UnsafePointer<Scalar>> {
    if left != current {
      let rows = lefts[left]
      for i in 0..<count { pointers[i] = rows.base + numbers[i] &* rows.size }
      current = left
    }
    return UnsafePointer(pointers)
  }
}
