// Runs a section of a program for some rows.
import Kernels

/// The step and sequence of a row, which its masks are drawn for.
struct MaskRow: BitwiseCopyable {
  var step: UInt32
  var sequence: UInt32
}

/// The rows of the children of some nodes, node by node.
struct ChildRows<Scalar: RNNScalar> {
  let table: UnsafeMutablePointer<VectorRows<Scalar>>
  let count: Int
  /// Of each node.
  let counts: UnsafePointer<Int>
  let maskRows: UnsafeMutablePointer<MaskRow>
}

/// What a section runs over: tables of rows, scratch, packed weights. Belongs to one thread.
struct CellRun<Scalar: RNNScalar> {
  typealias Pointer = UnsafeMutablePointer<Scalar>

  let network: Network<Scalar>
  let program: CellProgram<Scalar>
  let packed: UnsafePointer<Scalar>
  let prepared: Pointer
  /// Scratch of a tile: `slotRows` rows of the program's `slotsWidth`.
  let slots: Pointer
  let slotRows: Int
  /// Entries of all places; those that a section uses are set before it is run.
  var table: UnsafeMutablePointer<VectorRows<Scalar>>
  /// The same for a tile.
  let tile: UnsafeMutablePointer<VectorRows<Scalar>>
  /// Pointers to operands' and sums' rows: `[mostRuns][pointerRows]`, and `[pointerRows]`.
  let operands: UnsafeMutablePointer<UnsafePointer<Scalar>>
  let sums: UnsafeMutablePointer<Pointer>
  let pointerRows: Int
  let masks: CellMasks?
  /// Of trees.
  var children: ChildRows<Scalar>?
  /// Of each row, if the section has masks.
  var maskRows: UnsafeMutablePointer<MaskRow>

  /// Room for a table on the stack.
  static func withTables(
    _ body: (
      _ table: UnsafeMutablePointer<VectorRows<Scalar>>, _ tile: UnsafeMutablePointer<VectorRows<Scalar>>
    ) -> Void
  ) {
    var memory = InlineArray<1044, UInt>(repeating: 0)
    withUnsafeMutableBytes(of: &memory) {
      let start = $0.baseAddress.unsafelyUnwrapped.bindMemory(to: VectorRows<Scalar>.self, capacity: 2 * Place.count)
      body(start, start + Place.count)
    }
  }

  /// - Parameter rows: as many as the table's entries have.
  @inline(never)
  func run(_ section: Int, rows: Int) {
    if rows == 0 { return }
    var run = self
    table[Place.prepared] = VectorRows(prepared, stride: 0)
    table[Place.slots] = VectorRows(slots, stride: program.slotsWidth)
    let count = program.sections[section].stages.count
    for stage in 0..<count {
      var rows = rows
      if let children {
        for sum in program.sections[section].stages[stage].sums { addUp(sum, children, rows: rows) }
        if program.sections[section].stages[stage].isOfChildren {
          (run.table, run.maskRows, rows) = (children.table, children.maskRows, children.count)
          run.table[Place.prepared] = table[Place.prepared]
          run.table[Place.slots] = table[Place.slots]
        } else {
          (run.table, run.maskRows) = (table, maskRows)
        }
      }
      for group in 0..<program.sections[section].stages[stage].groups.count {
        run.multiply(program.sections[section].stages[stage].groups[group], rows: rows)
      }
      run.runTiles(program.sections[section], program.sections[section].stages[stage], rows: rows)
    }
  }

  private func addUp(_ sum: ChildSum, _ children: ChildRows<Scalar>, rows: Int) {
    let (from, out) = (children.table[sum.from.place], table[sum.out.place])
    var child = 0
    for r in 0..<rows {
      let to = row(out, r) + sum.out.column
      to.update(repeating: 0, count: sum.width)
      for _ in 0..<children.counts[r] {
        network.kernels.panels.addRow(UnsafePointer(row(from, child) + sum.from.column), to, sum.width)
        child &+= 1
      }
    }
  }

  @inline(__always)
  private func row(_ rows: VectorRows<Scalar>, _ r: Int) -> Pointer {
    rows.rows.map { $0[r] + rows.stride } ?? rows.start + r &* rows.stride
  }

  /// Bytes of slots that stay in the first-level cache beside what instructions read of other places.
  private static var tileBytes: Int { 16384 }

  /// Rows of a tile.
  func tileHeight(_ section: ProgramSection<Scalar>) -> Int {
    let rowBytes = max(1, section.slotsWidth) &* MemoryLayout<Scalar>.stride
    return max(1, min(slotRows, Self.tileBytes / rowBytes))
  }

  /// A tile's table, whose rows begin with row `first`.
  private func fill(_ tile: UnsafeMutablePointer<VectorRows<Scalar>>, _ section: ProgramSection<Scalar>, first: Int) {
    for place in section.places { tile[place] = Self.entry(table[place], place, first: first) }
  }

  /// The entry of a place in such a table.
  @inline(__always)
  static func entry(_ entry: VectorRows<Scalar>, _ place: Int, first: Int) -> VectorRows<Scalar> {
    var entry = entry
    if place > Place.prepared {
      if let pointers = entry.rows {
        entry.rows = pointers + first
      } else {
        entry.start += first &* entry.stride
      }
    }
    return entry
  }

  private func runTiles(_ section: ProgramSection<Scalar>, _ stage: ProgramStage<Scalar>, rows: Int) {
    if stage.instructions.isEmpty { return }
    let height = tileHeight(section)
    var first = 0
    while first < rows {
      let count = min(height, rows &- first)
      fill(tile, section, first: first)
      for mask in stage.masks { masks?.fill(mask, slots, program.slotsWidth, maskRows + first, count, network.kernels) }
      stage.instructions.withUnsafeBufferPointer {
        var program = VectorProgram(
          $0.baseAddress.unsafelyUnwrapped, count: $0.count, table: UnsafePointer(tile), rows: count)
        network.kernels.vector.run(&program)
      }
      first &+= count
    }
  }

  private func multiply(_ group: ProductGroup, rows: Int) {
    let out = table[group.out.place]
    locate(out, rows, sums)
    for (number, run) in group.runs.enumerated() {
      let pointers = operands + number &* pointerRows
      pointers.withMemoryRebound(to: Pointer.self, capacity: rows) { locate(table[run.operand.place], rows, $0) }
    }
    visitProducts(group, rows: rows, sums: sums) { number, vectors, arguments in
      var arguments = arguments
      arguments.rows = UnsafePointer(operands + number &* pointerRows)
      network.kernels.product(&arguments, vectors: vectors, depth: arguments.depth)
    }
  }

  /// The products of a group, panel by panel, in each run by run; where a run's rows are is the caller's to say.
  @inline(__always)
  func visitProducts(
    _ group: ProductGroup, rows: Int, sums: UnsafeMutablePointer<Pointer>,
    _ body: (_ run: Int, _ vectors: Int, ProductArguments<Scalar>) -> Void
  ) {
    let panels = group.panels
    for panel in 0..<panels.count {
      let (column, vectors) = (panels.column(panel), panels.vectors(panel))
      var arguments = ProductArguments(
        count: rows, rows: UnsafePointer(operands), depth: 0,
        panel: packed + (group.packed &+ group.depth &* column),
        start: group.start.map { UnsafePointer(prepared + ($0.column &+ column)) }, out: UnsafePointer(sums),
        outOffset: group.out.column &+ column, columns: panels.validUnits(panel),
        finish: group.resumes ? .resume : .set)
      for (number, run) in group.runs.enumerated() {
        (arguments.rowOffset, arguments.depth) = (run.operand.column, run.depth)
        body(number, vectors, arguments)
        arguments.panel += run.depth &* vectors &* panels.lanes
        arguments.finish = .resume
      }
    }
  }

  @inline(__always)
  func locate(_ rows: VectorRows<Scalar>, _ count: Int, _ pointers: UnsafeMutablePointer<Pointer>) {
    if let starts = rows.rows {
      for r in 0..<count { pointers[r] = starts[r] + rows.stride }
    } else {
      for r in 0..<count { pointers[r] = rows.start + r &* rows.stride }
    }
  }
}
