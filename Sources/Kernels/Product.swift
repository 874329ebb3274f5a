// The product that everything else is made of: a few rows of an operand times one packed panel, a tile at a time, whose
// sums stay in registers over all k.
//
//     panel, [k][vectors][lanes]            sums, [rows][vectors] vectors
//     k = 0  [ i ][ f ][ g ][ o ]           for each k: load the panel's vectors, broadcast one number of each row,
//     k = 1  [ i ][ f ][ g ][ o ]           one multiply-add each. LSTM on AVX-512: 24 multiply-adds, 10 loads.
//     …
//
// docs/kernels.md has the pictures. L1; called by the sequence runner, the matrix product and the linear layer of L2.

import CPrimitives

/// What a product does with the rows it writes.
public enum ProductFinish: Sendable, BitwiseCopyable {
  /// `out = start + rows * panel`; a nil start is zero.
  case set
  /// `out = out + rows * panel`, going on with the chain of multiply-adds that left `out`.
  case resume
  /// `out = out + (start + rows * panel)`: a chain of its own, added when it is complete.
  case add
}

/// A product of rows with one panel, into rows.
///
///     out[r][v] = start[v] + sum over k of rows[r][k] * panel[k][v],  k ascending, one chain of multiply-adds
public struct ProductArguments<Scalar: Real>: BitwiseCopyable {
  /// How many rows, 0 or more: the kernel cuts them evenly into tiles that fit the registers.
  public var count: Int
  /// `count` pointers to the operand's rows, and what is added to each, in elements.
  public var rows: UnsafePointer<UnsafePointer<Scalar>>
  public var rowOffset: Int
  /// The numbers of a row that k runs over.
  public var depth: Int
  /// `[depth][vectors][lanes]`
  public var panel: UnsafePointer<Scalar>
  /// Where the sums of every row start: `[vectors][lanes]`, or nil for zeros. Not read when resuming.
  public var start: UnsafePointer<Scalar>?
  /// `count` pointers to the rows that are written, and where the panel's first column is in them.
  public var out: UnsafePointer<UnsafeMutablePointer<Scalar>>
  public var outOffset: Int
  /// How many of the panel's columns exist. Nothing behind them is read or written.
  public var columns: Int
  public var finish: ProductFinish

  @inlinable
  public init(
    count: Int, rows: UnsafePointer<UnsafePointer<Scalar>>, rowOffset: Int = 0, depth: Int,
    panel: UnsafePointer<Scalar>, start: UnsafePointer<Scalar>? = nil,
    out: UnsafePointer<UnsafeMutablePointer<Scalar>>, outOffset: Int, columns: Int, finish: ProductFinish
  ) {
    self.count = count
    self.rows = rows
    self.rowOffset = rowOffset
    self.depth = depth
    self.panel = panel
    self.start = start
    self.out = out
    self.outOffset = outOffset
    self.columns = columns
    self.finish = finish
  }
}

/// The tallest tile of `vectors` vectors per row: as many sums as the registers hold, at most 8 rows, because each row
/// takes a general register for its pointer.
@_alwaysEmitIntoClient @inline(__always)
public func tallestTile(accumulators: Int, vectors: Int) -> Int {
  // By constants: a division by a variable takes longer than a small product.
  switch vectors {
  case 1: min(8, accumulators)
  case 2: min(8, accumulators / 2)
  case 3: min(8, accumulators / 3)
  default: min(8, accumulators / 4)
  }
}

@_alwaysEmitIntoClient @inline(__always)
func runTile<Row: RowSums, let height: Int>(
  _: Block<Row, height>.Type, _ a: UnsafePointer<ProductArguments<Row.V.Scalar>>, row: Int, tile: Int, behind: Int
) {
  typealias V = Row.V
  let out = a.pointee.out + row
  let offset = a.pointee.outOffset
  let width = Row.vectors &* V.count
  let whole = a.pointee.columns >= width
  var block = Block<Row, height>(a.pointee.rows + row)
  block.advance(a.pointee.rowOffset)
  if a.pointee.finish == .resume {
    if whole {
      block.load(out, offset: offset)
    } else {
      loadTail(&block, a, out, half: 0)
      if height > 4 { loadTail(&block, a, out + 4, half: 1) }
    }
  } else if let start = a.pointee.start {
    block.load(start, stride: 0)
  }

  if a.pointee.finish == .add {
    // These rows are read when the chain is complete, and lie far away where they are a large gradient.
    for r in 0..<height {
      for v in 0..<Row.vectors { swiftrnn_prefetch(out[r] + (offset &+ v &* V.count)) }
    }
  }
  var panel = a.pointee.panel
  let depth = a.pointee.depth
  if Row.vectors > height && height <= 3 {
    for k in 0..<depth {
      block.multiplyAddWide(panel, k)
      panel += width
    }
  } else {
    // The tiles fetch the block behind theirs together, `behind` numbers each for each k: the hardware's own prefetch
    // stops at every page. As few as give each a line for each k at most; where that leaves tiles over, they ask for
    // their own block again, because what lies farther would push what is next out of the second-level cache (LSTM N 32
    // H 512: 3 % longer). A line for each k by the first tiles, and nothing by the others, was as much slower, and 10 %
    // with an RNN N 64 H 1760: the panel's own lines wait behind so many from the third level. Tiles of 24 sums also
    // fetch their own panel from the second-level cache, a kilobyte ahead; smaller ones wait for their loads anyway,
    // and have panels that stay in the first level (`Blocking`).
    let line = 64 / MemoryLayout<V.Scalar>.stride
    let lines = V.accumulators < 24 ? 0 : width / line
    let share = tile &* behind
    var ahead = share < width ? panel + depth &* (width &+ share) : panel
    for k in 0..<depth {
      swiftrnn_prefetch(ahead)
      ahead += behind
      for v in 0..<lines { swiftrnn_prefetch_first(panel + (16 &* line &+ v &* line)) }
      block.multiplyAddTall(panel, k)
      panel += width
    }
  }

  let add = a.pointee.finish == .add
  if whole {
    if add { block.add(out, offset: offset) } else { block.store(out, offset: offset) }
  } else {
    storeTail(block, a, out, half: 0)
    if height > 4 { storeTail(block, a, out + 4, half: 1) }
  }
}

/// The last columns of up to four rows, by way of the stack. Four rows of 4 vectors are at most 1024 bytes: larger
/// temporaries Swift takes from the heap.
@_alwaysEmitIntoClient @inline(__always)
func loadTail<Row: RowSums, let height: Int>(
  _ block: inout Block<Row, height>, _ a: UnsafePointer<ProductArguments<Row.V.Scalar>>,
  _ out: UnsafePointer<UnsafeMutablePointer<Row.V.Scalar>>, half: Int
) {
  let width = Row.vectors &* Row.V.count
  let rows = min(4, height &- 4 &* half)
  withUnsafeTemporaryAllocation(of: Row.V.Scalar.self, capacity: rows &* width) { buffer in
    guard let scratch = buffer.baseAddress else { return }
    for r in 0..<rows {
      let from = out[r] + a.pointee.outOffset
      // Two loops, and no load under a condition: the compiler makes those masked loads, thousands of instructions of
      // them, and qemu 7.2 faults on elements outside the mask.
      let sums = scratch + r &* width
      for j in 0..<a.pointee.columns { sums[j] = from[j] }
      for j in a.pointee.columns..<width { sums[j] = 0 }
    }
    block.load(half: half, UnsafePointer(scratch), stride: width)
  }
}

@_alwaysEmitIntoClient @inline(__always)
func storeTail<Row: RowSums, let height: Int>(
  _ block: Block<Row, height>, _ a: UnsafePointer<ProductArguments<Row.V.Scalar>>,
  _ out: UnsafePointer<UnsafeMutablePointer<Row.V.Scalar>>, half: Int
) {
  let width = Row.vectors &* Row.V.count
  let rows = min(4, height &- 4 &* half)
  let add = a.pointee.finish == .add
  withUnsafeTemporaryAllocation(of: Row.V.Scalar.self, capacity: rows &* width) { buffer in
    guard let scratch = buffer.baseAddress else { return }
    block.store(half: half, scratch, stride: width)
    for r in 0..<rows {
      let to = out[r] + a.pointee.outOffset
      let sums = scratch + r &* width
      if add {
        for j in 0..<a.pointee.columns { to[j] += sums[j] }
      } else {
        for j in 0..<a.pointee.columns { to[j] = sums[j] }
      }
    }
  }
}

/// All rows of a panel of `Row.vectors` vectors, cut evenly: 32 rows of at most 6 are 6 6 5 5 5 5, not 6 6 6 6 6 2.
@_alwaysEmitIntoClient @inline(__always)
func runPanel<Row: RowSums>(_: Row.Type, _ a: UnsafePointer<ProductArguments<Row.V.Scalar>>) {
  let tallest = tallestTile(accumulators: Row.V.accumulators, vectors: Row.vectors)
  let count = a.pointee.count
  if count <= 0 { return }
  // Divisions take longer than the product of few rows with a short panel.
  let single = count <= tallest
  let tiles = single ? 1 : (count &+ tallest &- 1) / tallest
  let height = single ? count : count / tiles
  let taller = single ? 0 : count &- height &* tiles
  // A line at most: a second prefetch for each k made nothing faster with 8 or 16 rows, and 32 rows 2 % slower.
  let width = Row.vectors &* Row.V.count
  let line = min(64 / MemoryLayout<Row.V.Scalar>.stride, width)
  let behind = single ? line : min(line, (width &+ tiles &- 1) / tiles)
  var row = 0
  for tile in 0..<tiles {
    let rows = height &+ (tile < taller ? 1 : 0)
    // `tallest` is a constant here: cases above it are not compiled.
    switch rows {
    case 1: runTile(Block<Row, 1>.self, a, row: row, tile: tile, behind: behind)
    case 2: runTile(Block<Row, 2>.self, a, row: row, tile: tile, behind: behind)
    case 3: runTile(Block<Row, 3>.self, a, row: row, tile: tile, behind: behind)
    case 4: if tallest >= 4 { runTile(Block<Row, 4>.self, a, row: row, tile: tile, behind: behind) }
    case 5: if tallest >= 5 { runTile(Block<Row, 5>.self, a, row: row, tile: tile, behind: behind) }
    case 6: if tallest >= 6 { runTile(Block<Row, 6>.self, a, row: row, tile: tile, behind: behind) }
    case 7: if tallest >= 7 { runTile(Block<Row, 7>.self, a, row: row, tile: tile, behind: behind) }
    default: if tallest >= 8 { runTile(Block<Row, 8>.self, a, row: row, tile: tile, behind: behind) }
    }
    row &+= rows
  }
}

/// Products by the number of vectors in the panel.
public struct ProductKernels<Scalar: Real>: Sendable {
  public typealias Entry = @Sendable (UnsafePointer<ProductArguments<Scalar>>) -> Void

  public let panel1: Entry
  public let panel2: Entry
  public let panel3: Entry
  public let panel4: Entry

  @_alwaysEmitIntoClient @inline(__always)
  public init<V: Lanes>(_: V.Type) where V.Scalar == Scalar {
    panel1 = { runPanel(Row1<V>.self, $0) }
    panel2 = { runPanel(Row2<V>.self, $0) }
    panel3 = { runPanel(Row3<V>.self, $0) }
    panel4 = { runPanel(Row4<V>.self, $0) }
  }

  /// The product for panels of `vectors` vectors, 1 … 4.
  @inlinable
  public func callAsFunction(vectors: Int, _ arguments: UnsafePointer<ProductArguments<Scalar>>) {
    switch vectors {
    case 1: panel1(arguments)
    case 2: panel2(arguments)
    case 3: panel3(arguments)
    default: panel4(arguments)
    }
  }
}
