// The products of attention within one sequence, over rows that are given by pointers: scores, contexts, and what goes
// back through them. The chains are those of all other products, whichever operand is packed, so one query by itself
// gives the bits that it has among many.
import Kernels

/// The scratch of one task, for one sequence after the other, and the products that use it.
struct AttentionProducts<Scalar: RNNScalar> {
  typealias Pointer = UnsafeMutablePointer<Scalar>
  typealias RowList = UnsafeMutablePointer<UnsafePointer<Scalar>>

  /// Up to so many queries are packed, and not what they are multiplied by.
  static var few: Int { 4 }
  /// Rows that are multiplied at a time; they stay in the second-level cache while the panels pass.
  private static var blockRows: Int { 128 }

  let kernels: KernelTable<Scalar>
  /// The keys that count, by their steps.
  let positions: UnsafeMutablePointer<Int>
  let keys: RowList
  let values: RowList
  let queries: RowList
  let gradients: RowList
  /// Rows of whatever is written.
  let outs: UnsafeMutablePointer<Pointer>
  /// `[Tq, keys that count]`, and of a backward pass their gradients, and one of the two transposed.
  let weights: Pointer
  let dweights: Pointer
  let transposed: Pointer
  let transposedRows: RowList
  /// `[A]`: the gradient of a query's projection that nobody wants.
  let spare: Pointer
  private let panels: Pointer

  init(
    _ arena: inout Arena, _ kernels: KernelTable<Scalar>, queries queryCount: Int, keys keyCount: Int, memory: Int,
    values valueSize: Int, isBackward: Bool
  ) {
    self.kernels = kernels
    positions = arena.take(Int.self, keyCount)
    keys = arena.take(UnsafePointer<Scalar>.self, keyCount)
    values = arena.take(UnsafePointer<Scalar>.self, keyCount)
    queries = arena.take(UnsafePointer<Scalar>.self, queryCount)
    gradients = arena.take(UnsafePointer<Scalar>.self, isBackward ? queryCount : 0)
    outs = arena.take(Pointer.self, max(queryCount, keyCount))
    weights = arena.take(Scalar.self, queryCount, keyCount)
    dweights = arena.take(Scalar.self, isBackward ? queryCount : 0, keyCount)
    let isFew = queryCount <= Self.few
    transposed = arena.take(Scalar.self, isBackward || isFew ? queryCount : 0, keyCount)
    transposedRows = arena.take(UnsafePointer<Scalar>.self, max(queryCount, keyCount))
    spare = arena.take(Scalar.self, isBackward ? memory : 0)
    func padded(_ columns: Int) -> Int {
      // Padding of the largest vector, which no size that memory can be had for overflows.
      columns > Int.max - 64 ? columns : (columns + kernels.lanes - 1) / kernels.lanes * kernels.lanes
    }
    // The largest of the packed operands: an arena of their own for each would not be needed at the same time.
    let start = arena
    panels = arena.take(Scalar.self, 0)
    func take(_ depth: Int, _ columns: Int) {
      var other = start
      _ = other.take(Scalar.self, depth, padded(columns))
      arena.reach(other)
    }
    let columns = isFew ? queryCount : keyCount
    take(memory, columns)
    if !isFew {
      take(keyCount, valueSize)
      if isBackward { take(keyCount, memory) }
    }
    if isBackward {
      take(valueSize, columns)
      take(min(queryCount, ValidRows.most), max(valueSize, memory))
    }
  }

  /// `out[i][j] = Σ_k a[i][k] b[j][k]`, k ascending from 0, for `r` rows a and `c` rows b of `depth` numbers; out dense.
  func scores(_ a: RowList, _ r: Int, _ b: RowList, _ c: Int, depth: Int, _ out: Pointer) {
    if r > Self.few {
      pack(columns: b, c, depth: depth)
      for i in 0..<r { (outs + i).initialize(to: out + i &* c) }
      return multiply(UnsafePointer(a), r, depth: depth, columns: c, outs)
    }
    pack(columns: a, r, depth: depth)
    let own = r == 1 ? out : transposed
    for j in 0..<c { (outs + j).initialize(to: own + j &* r) }
    multiply(UnsafePointer(b), c, depth: depth, columns: r, outs)
    if r > 1 {
      for j in 0..<c { (transposedRows + j).initialize(to: UnsafePointer(own + j &* r)) }
      kernels.panels.transpose(UnsafePointer(transposedRows), c, 0, r, out, c)
    }
  }

  /// `out[i][j] = Σ_k w[i][k] b[k][j]`, k ascending from 0, for dense w `[r, c]`, `c` rows b of `width` numbers, and rows
  /// `outs`.
  func combine(_ w: Pointer, _ r: Int, _ b: RowList, _ c: Int, width: Int) {
    if width == 0 { return }
    if r <= Self.few {
      for i in 0..<r { kernels.attention.weightedRows(w + i &* c, UnsafePointer(b), c, width, outs[i]) }
      return
    }
    pack(rows: UnsafePointer(b), c, width: width)
    for i in 0..<r { (transposedRows + i).initialize(to: UnsafePointer(w + i &* c)) }
    multiply(UnsafePointer(transposedRows), r, depth: c, columns: width, outs)
  }

  /// `outs[j] += Σ_i w[i][j] b[i]`, for dense w `[r, c]` and `r` rows b of `width` numbers: chains of 256 rows from 0,
  /// added in order.
  func addTransposed(_ w: Pointer, _ r: Int, _ c: Int, _ b: RowList, width: Int) {
    if width == 0 || r == 0 || c == 0 { return }
    let from: UnsafeMutablePointer<Scalar>
    if r == 1 {
      from = w
    } else {
      for i in 0..<r { (transposedRows + i).initialize(to: UnsafePointer(w + i &* c)) }
      kernels.panels.transpose(UnsafePointer(transposedRows), r, 0, c, transposed, r)
      from = transposed
    }
    for j in 0..<c { (transposedRows + j).initialize(to: UnsafePointer(from + j &* r)) }
    let layout = PanelLayout(lanes: kernels.lanes, units: width)
    for first in stride(from: 0, to: r, by: ValidRows.most) {
      let chain = min(ValidRows.most, r &- first)
      pack(rows: UnsafePointer(b + first), chain, width: width)
      for start in stride(from: 0, to: c, by: Self.blockRows) {
        for panel in 0..<layout.count {
          let column = layout.column(panel)
          var arguments = ProductArguments(
            count: min(Self.blockRows, c &- start), rows: UnsafePointer(transposedRows + start), rowOffset: first,
            depth: chain, panel: UnsafePointer(panels + column &* chain), out: UnsafePointer(outs + start),
            outOffset: column, columns: layout.validUnits(panel), finish: .add)
          kernels.product(vectors: layout.vectors(panel), &arguments)
        }
      }
    }
  }

  /// Rows as the columns of a packed matrix, `[depth][count]`.
  private func pack(columns rows: RowList, _ count: Int, depth: Int) {
    let layout = PanelLayout(lanes: kernels.lanes, units: count)
    for panel in 0..<layout.count {
      let (column, width) = (layout.column(panel), layout.vectors(panel) &* layout.lanes)
      let valid = layout.validUnits(panel)
      let out = panels + column &* depth
      kernels.panels.transpose(UnsafePointer(rows + column), valid, 0, depth, out, width)
      if valid == width { continue }
      for k in 0..<depth { (out + (k &* width &+ valid)).update(repeating: 0, count: width &- valid) }
    }
  }

  /// Rows as those of a packed matrix, `[count][width]`.
  private func pack(rows: UnsafePointer<UnsafePointer<Scalar>>, _ count: Int, width: Int) {
    let layout = PanelLayout(lanes: kernels.lanes, units: width)
    for panel in 0..<layout.count {
      let column = layout.column(panel)
      kernels.panels.packRows(
        rows, count, column, layout.vectors(panel) &* layout.lanes, layout.validUnits(panel), panels + column &* count)
    }
  }

  /// Rows times the packed matrix.
  private func multiply(
    _ rows: UnsafePointer<UnsafePointer<Scalar>>, _ count: Int, depth: Int, columns: Int,
    _ out: UnsafeMutablePointer<Pointer>
  ) {
    let layout = PanelLayout(lanes: kernels.lanes, units: columns)
    for start in stride(from: 0, to: count, by: Self.blockRows) {
      for panel in 0..<layout.count {
        let column = layout.column(panel)
        var arguments = ProductArguments(
          count: min(Self.blockRows, count &- start), rows: rows + start, depth: 0,
          panel: UnsafePointer(panels + column &* depth), out: UnsafePointer(out + start), outOffset: column,
          columns: layout.validUnits(panel), finish: .set)
        kernels.product(&arguments, vectors: layout.vectors(panel), depth: depth)
      }
    }
  }
}
