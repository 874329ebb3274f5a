// What both passes over trees have in common: the rows of nodes and of children of one height, and where each place has
// them.
import Kernels

/// Scratch of a pass over the nodes of a forest, for one layer.
struct ForestScratch<Scalar: RNNScalar> {
  typealias Pointer = UnsafeMutablePointer<Scalar>

  /// A row for each node: states (forward), or dL/d of them (backward); what later stages read.
  let states: Pointer
  let kept: Pointer
  let ahead: Pointer
  /// A row for each edge.
  let childKept: Pointer
  /// Backward: what edges and numbered children hand on.
  let leaving: Pointer
  let childLeaving: Pointer
  /// How many children each node has.
  let counts: Pointer
  let zeros: Pointer
  /// Of each part.
  let slots: Pointer
  let nodeRows: UnsafeMutablePointer<Pointer>
  let childRows: UnsafeMutablePointer<Pointer>
  let operands: UnsafeMutablePointer<UnsafePointer<Scalar>>
  let sums: UnsafeMutablePointer<Pointer>
  let nodeMasks: UnsafeMutablePointer<MaskRow>
  let childMasks: UnsafeMutablePointer<MaskRow>
  let childCounts: UnsafeMutablePointer<Int>

  /// Rows of a tile.
  static var slotRows: Int { 64 }

  init(
    _ arena: inout Arena, _ layer: EquationsLayer<Scalar>, _ program: CellProgram<Scalar>, _ forest: Forest,
    isBackward: Bool
  ) {
    let (nodes, edges) = (forest.nodeCount, forest.edgeCount)
    func take(_ arena: inout Arena, _ rows: Int, _ width: Int) -> Pointer {
      arena.take(Scalar.self, rows, width, behind: 64)
    }
    states = take(&arena, nodes, layer.statesWidth)
    kept = take(&arena, nodes, program.keptWidth)
    ahead = take(&arena, nodes, program.aheadWidth)
    childKept = take(&arena, edges, program.childKeptWidth)
    leaving = take(&arena, isBackward ? edges : 0, layer.statesWidth)
    childLeaving = take(&arena, isBackward ? nodes : 0, layer.childStatesWidth)
    counts = take(&arena, nodes, 1)
    zeros = take(&arena, 1, max(layer.statesWidth, layer.outputWidth))
    slots = take(&arena, forest.parts.count * Self.slotRows, program.slotsWidth)
    let places = program.sections.map(\.places.count).max() ?? 0
    nodeRows = arena.take(Pointer.self, places, nodes)
    childRows = arena.take(Pointer.self, places, edges)
    operands = arena.take(UnsafePointer<Scalar>.self, program.mostRuns, nodes + edges)
    sums = arena.take(Pointer.self, nodes + edges)
    nodeMasks = arena.take(MaskRow.self, nodes)
    childMasks = arena.take(MaskRow.self, edges)
    childCounts = arena.take(Int.self, nodes)
  }

  /// Fills what all parts read.
  func prepare(_ layer: EquationsLayer<Scalar>, _ forest: Forest) {
    zeros.update(repeating: 0, count: max(layer.statesWidth, layer.outputWidth))
    for node in 0..<forest.nodeCount { counts[node] = Scalar(forest.firstEdges[node + 1] - forest.firstEdges[node]) }
  }
}

/// A height's nodes in blocks that stay in the second-level cache from stage to stage.
enum ForestBlocks {
  /// - Parameter heights: where each height's nodes begin, and where the last ones end.
  @inline(__always)
  static func visit(_ heights: [Int], _ some: some Sequence<Int>, _ body: (_ range: Range<Int>) -> Void) {
    for height in some {
      var start = heights[height]
      while start < heights[height + 1] {
        let end = min(start + Blocking.inputRows, heights[height + 1])
        body(start..<end)
        start = end
      }
    }
  }
}

/// Runs sections for the nodes of one height of one part.
struct ForestRun<Scalar: RNNScalar> {
  typealias Pointer = UnsafeMutablePointer<Scalar>

  let network: Network<Scalar>
  let program: CellProgram<Scalar>
  let weights: PackedCell<Scalar>
  let forest: Forest
  let scratch: ForestScratch<Scalar>
  let masks: CellMasks?
  let firstNode: Int
  /// The row of a place of a node, and of an edge by its child; nil: it is one of a node.
  let nodeRow: (_ place: Int, _ node: Int) -> Pointer
  let edgeRow: (_ place: Int, _ edge: Int) -> Pointer?

  /// - Parameters:
  ///   - part: of the forest.
  ///   - range: of its nodes, in `order`, of one height.
  ///   - firstEdge: where the part's lists of edges begin.
  func run(_ sections: [Int], part: Int, _ range: Range<Int>, firstEdge: Int) {
    CellRun<Scalar>.withTables { table, tile in
      CellRun<Scalar>.withTables { childTable, _ in
        var edges = 0
        for (r, position) in range.enumerated() {
          let node = forest.order[position]
          let own = forest.firstEdges[node]..<forest.firstEdges[node &+ 1]
          scratch.childCounts[range.lowerBound &+ r] = own.count
          scratch.nodeMasks[range.lowerBound &+ r] = maskRow(node)
          for edge in own {
            // A child's masks are its own, whatever parent reads it.
            scratch.childMasks[firstEdge &+ edges] = maskRow(forest.children[edge])
            edges &+= 1
          }
        }
        let pointers = range.lowerBound &+ firstEdge
        let run = CellRun(
          network: network, program: program, packed: UnsafePointer(weights.packed), prepared: weights.prepared,
          slots: scratch.slots + part &* ForestScratch<Scalar>.slotRows &* program.slotsWidth,
          slotRows: ForestScratch<Scalar>.slotRows, table: table, tile: tile,
          operands: scratch.operands + pointers &* program.mostRuns, sums: scratch.sums + pointers,
          pointerRows: max(range.count, edges), masks: program.hasMasks ? masks : nil,
          children: ChildRows(
            table: childTable, count: edges, counts: scratch.childCounts + range.lowerBound,
            maskRows: scratch.childMasks + firstEdge), maskRows: scratch.nodeMasks + range.lowerBound)
        for section in sections {
          locate(program.sections[section].places, range, firstEdge, edges, table, childTable)
          run.run(section, rows: range.count)
        }
      }
    }
  }

  private func maskRow(_ node: Int) -> MaskRow {
    MaskRow(step: 0, sequence: UInt32(truncatingIfNeeded: node &+ firstNode))
  }

  private func locate(
    _ places: [Int], _ range: Range<Int>, _ firstEdge: Int, _ edges: Int,
    _ table: UnsafeMutablePointer<VectorRows<Scalar>>, _ childTable: UnsafeMutablePointer<VectorRows<Scalar>>
  ) {
    for (index, place) in places.enumerated() where place > Place.prepared {
      let rows = scratch.nodeRows + (index &* forest.nodeCount &+ range.lowerBound)
      let childRows = scratch.childRows + (index &* forest.edgeCount &+ firstEdge)
      var child = 0
      for (r, position) in range.enumerated() {
        let node = forest.order[position]
        let isOfChildren =
          Place.isOfChildren(place) || (Place.previous(0)..<Place.next(0)).contains(place)
          || (Place.before(0)..<Place.childKept).contains(place)
        let own = isOfChildren ? scratch.zeros : nodeRow(place, node)
        rows[r] = own
        for edge in forest.firstEdges[node]..<forest.firstEdges[node &+ 1] {
          childRows[child] = edgeRow(place, edge) ?? own
          child &+= 1
        }
      }
      table[place] = VectorRows(MovingRows(UnsafePointer(rows), offset: 0))
      childTable[place] = VectorRows(MovingRows(UnsafePointer(childRows), offset: 0))
    }
  }
}
