// The memory of WeightGradient.swift: the lists of its work, and what stays in the caches between its products.
import Kernels

/// Scratch of the weight gradients of one direction.
struct WeightGradientScratch<Scalar: RNNScalar> {
  typealias Pointer = UnsafeMutablePointer<Scalar>

  let lists: GradientLists<Scalar>
  /// Rows of a chain at most: fewer than `WeightGradient.chain` if the batch has fewer.
  let chainRows: Int
  /// Columns of the left operands that are transposed and pass all panels before the next: whole tiles, of which 96 KB
  /// in float stay in the second-level cache; fewer of narrow layers, whose scratch would be larger than their weights.
  let columnsAtOnce: Int
  /// With less work for each, threads meet more than they work: LSTM N 32 T 150 H 16, 64 columns by 32, is as fast with
  /// one as with two.
  let mostParts: Int
  private let lanes: Int
  /// The second operands of a chain, packed: all of them, and where each is; nil: no block needs it.
  private let panels: Pointer
  let places: UnsafeMutablePointer<Pointer?>
  /// Columns of the left operands, and the rows of a product with one second operand, which each part of the work has at
  /// its own place.
  let transposed: Pointer
  let transposedRows: UnsafeMutablePointer<UnsafePointer<Scalar>>
  let gradientRows: UnsafeMutablePointer<Pointer>

  /// - Parameters:
  ///   - capacity: of the lists.
  ///   - leftColumns: of all blocks together.
  ///   - batchRows: T * N.
  ///   - columns: the most that a second operand may have.
  init(
    _ arena: inout Arena, lanes: Int, lists capacity: GradientLists<Scalar>.Capacity, leftColumns: Int, batchRows: Int,
    columns: (_ operand: Int) -> Int
  ) {
    self.lanes = lanes
    lists = GradientLists(&arena, capacity)
    chainRows = min(WeightGradient<Scalar>.chain, max(batchRows, 1))
    columnsAtOnce = leftColumns < 96 ? 12 : 96
    places = arena.take(Pointer?.self, capacity.operands)
    panels = arena.take(Scalar.self, 0)  // where the first of them begin
    // Sizes may be too large for any memory: then the arrays are refused, and this must not trap.
    var (width, isTooWide) = (0, false)
    for operand in 0..<capacity.operands {
      let columns = columns(operand)
      _ = arena.take(Scalar.self, chainRows, PanelLayout(lanes: lanes, units: columns).paddedUnits)
      let (sum, overflow) = width.addingReportingOverflow(columns)
      (width, isTooWide) = (sum, isTooWide || overflow)
    }
    let work = leftColumns.multipliedReportingOverflow(by: width)
    mostParts = isTooWide || work.overflow ? leftColumns : max(1, work.partialValue / 4096)
    let columns = mostParts < leftColumns / columnsAtOnce ? mostParts * columnsAtOnce : leftColumns
    transposed = arena.take(Scalar.self, columns, chainRows)
    transposedRows = arena.take(UnsafePointer<Scalar>.self, columns)
    gradientRows = arena.take(Pointer.self, columns)
  }

  /// Lists the work of a run, and gives each second operand that is needed its place.
  func begin(_ list: (GradientLists<Scalar>) -> Void) {
    lists.removeAll()
    list(lists)
    var next = UnsafeMutableRawPointer(panels)
    for operand in 0..<lists.operands.capacity {
      places[operand] = nil
      guard operand < lists.operands.count, lists.needs(operand) else { continue }
      places[operand] = next.assumingMemoryBound(to: Scalar.self)
      // As the arena took them, so they end no further on: a layer may have fewer inputs than there is room for.
      let units = PanelLayout(lanes: lanes, units: lists.operands[operand].columns).paddedUnits
      next = (next + chainRows &* units &* MemoryLayout<Scalar>.stride).alignedUp(toMultipleOf: Arena.alignment)
    }
  }
}
