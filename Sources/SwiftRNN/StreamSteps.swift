// What a stream does in one step, laid out when it is made: its state, and the arguments of every kernel call. A step
// of a small network takes some hundred nanoseconds; checking, sizing and cutting it anew took ten times that.
import Kernels

/// The kernel calls for one panel of a stage.
struct PanelCall<Scalar: RNNScalar>: BitwiseCopyable {
  var stage: Int
  var vectors: Int
  var input: ProductArguments<Scalar>
  /// GRU: where the chain of m starts, and its column in the sums.
  var m: (start: UnsafePointer<Scalar>, column: Int)?
  var recurrent: ProductArguments<Scalar>
  var gates: ForwardArguments<Scalar>
}

/// The product for one panel of a projection.
struct ProjectionCall<Scalar: RNNScalar>: BitwiseCopyable {
  var vectors: Int
  var product: ProductArguments<Scalar>
}

/// One of the two turns of a layer: even steps read the first buffer of h and write the second, odd steps the reverse.
struct StreamTurn<Scalar: RNNScalar>: BitwiseCopyable {
  typealias Pointer = UnsafeMutablePointer<Scalar>

  /// What is written: `[N][padded P]`.
  let h: Pointer
  let hRows: UnsafeMutablePointer<Pointer>
  /// Few sequences: for each its stages, whole steps.
  let singles: UnsafeMutablePointer<SingleArguments<Scalar>>
  /// More sequences: a call for each panel of each stage.
  let panels: UnsafeMutablePointer<PanelCall<Scalar>>
  let projections: UnsafeMutablePointer<ProjectionCall<Scalar>>

  init(
    _ arena: inout Arena, width: Int, singles: Int, panels: Int, projections: Int, sequences: Int
  ) {
    h = arena.take(Scalar.self, sequences, width)
    hRows = arena.take(Pointer.self, sequences)
    self.singles = arena.take(SingleArguments<Scalar>.self, singles)
    self.panels = arena.take(PanelCall<Scalar>.self, panels)
    self.projections = arena.take(ProjectionCall<Scalar>.self, projections)
  }
}

/// One layer of a stream. Holds no references: a step would count them up and down, which takes some 15 ns each.
struct StreamLayer<Scalar: RNNScalar>: BitwiseCopyable {
  typealias Pointer = UnsafeMutablePointer<Scalar>

  let sequences: Int
  let turns: (StreamTurn<Scalar>, StreamTurn<Scalar>)
  /// `[N][padded H]`: LSTM's c; r * h of the GRU with reset before.
  let c: Pointer
  let cRows: UnsafeMutablePointer<Pointer>
  /// padded P and padded H
  let width: Int
  let hidden: Int
  let stageCount: Int
  /// Whether each sequence makes its step alone, by ``StreamTurn/singles``. Few sequences have both ways laid out.
  var stepsAlone: Bool
  let panelCount: Int
  let projectionCount: Int

  init(_ arena: inout Arena, _ cell: CellStep<Scalar>, sequences: Int) {
    self.sequences = sequences
    width = cell.state.paddedUnits
    hidden = cell.plan.paddedHidden
    stageCount = cell.plan.stages.count
    stepsAlone = sequences <= 1
    panelCount = sequences <= 1 ? 0 : cell.plan.stages.reduce(0) { $0 + $1.panels.count }
    projectionCount = cell.configuration.projectionSize > 0 ? cell.state.count : 0
    func turn(_ arena: inout Arena, _ singles: Int, _ panels: Int, _ projections: Int) -> StreamTurn<Scalar> {
      StreamTurn(
        &arena, width: cell.state.paddedUnits, singles: singles, panels: panels, projections: projections,
        sequences: sequences)
    }
    let singles = sequences <= Self.mostAlone ? stageCount &* sequences : 0
    turns = (turn(&arena, singles, panelCount, projectionCount), turn(&arena, singles, panelCount, projectionCount))
    c = arena.take(Scalar.self, sequences, hidden)
    cRows = arena.take(Pointer.self, sequences)
  }

  /// More sequences than this always step together.
  static var mostAlone: Int { 16 }

  /// h as the next step finds it.
  func h(odd: Bool) -> Pointer { odd ? turns.0.h : turns.1.h }

  func reset() {
    turns.0.h.update(repeating: 0, count: sequences &* width)
    turns.1.h.update(repeating: 0, count: sequences &* width)
    c.update(repeating: 0, count: sequences &* hidden)
  }

  /// Lays the calls out.
  ///
  /// - Parameter inputs: the rows that the layer reads in even and in odd steps.
  func prepare(
    _ cell: CellStep<Scalar>, _ scratch: StreamScratch<Scalar>,
    inputs: (CellStep<Scalar>.Rows, CellStep<Scalar>.Rows)
  ) {
    for n in 0..<sequences {
      turns.0.hRows[n] = turns.0.h + n &* width
      turns.1.hRows[n] = turns.1.h + n &* width
      cRows[n] = c + n &* hidden
    }
    prepare(cell, scratch, from: turns.1, to: turns.0, input: inputs.0)
    prepare(cell, scratch, from: turns.0, to: turns.1, input: inputs.1)
  }

  private func prepare(
    _ cell: CellStep<Scalar>, _ scratch: StreamScratch<Scalar>, from: StreamTurn<Scalar>, to: StreamTurn<Scalar>,
    input: CellStep<Scalar>.Rows
  ) {
    for n in 0..<(sequences <= Self.mostAlone ? sequences : 0) {
      for (index, stage) in cell.plan.stages.enumerated() {
        (to.singles + (n &* stageCount &+ index)).initialize(
          to: cell.single(
            index, 0..<stage.panels.count, start: nil, x: UnsafePointer(from.h + n &* width),
            hPrevious: from.h + n &* width, h: to.h + n &* width, c: c + n &* hidden, z: scratch.z + n &* hidden))
      }
    }
    var next = to.panels
    for (index, stage) in cell.plan.stages.enumerated() where sequences > 1 {
      let operand = stage.usesReset ? cRows : from.hRows
      for panel in 0..<stage.panels.count {
        next.initialize(
          to: PanelCall(
            stage: index, vectors: stage.panels.vectors(panel),
            input: cell.input(index, panel, count: sequences, rows: input, sums: scratch.sumsRows),
            m: cell.configuration.cell == .gru ? cell.startOfM(panel) : nil,
            recurrent: cell.recurrent(
              index, panel, count: sequences, rows: constant(operand), sums: scratch.sumsRows),
            gates: cell.gates(
              index, panel, count: sequences, sums: scratch.sumsRows, hPrevious: from.h, h: to.h, c: c, z: scratch.z)))
        next += 1
      }
    }
    for panel in 0..<projectionCount {
      (to.projections + panel).initialize(
        to: ProjectionCall(
          vectors: cell.state.vectors(panel),
          product: cell.projection(panel, count: sequences, rows: constant(scratch.zRows), out: to.hRows)))
    }
  }
}

/// Steps of a layer where it lies in the stream's memory: copying it would take as long as a call.
extension StreamLayer {
  /// One step.
  ///
  /// - Parameters:
  ///   - x: the first sequence's input.
  ///   - stride: from there to the next sequence's. Where sequences step together their rows have been set.
  @inline(__always)
  static func step(
    _ layer: UnsafePointer<Self>, _ network: Network<Scalar>, odd: Bool, x: UnsafePointer<Scalar>, stride: Int,
    _ scratch: StreamScratch<Scalar>
  ) {
    if layer.pointee.stepsAlone {
      var singles = odd ? layer.pointee.turns.1.singles : layer.pointee.turns.0.singles
      var x = x
      for _ in 0..<layer.pointee.sequences {
        // One stage or two. A loop would read the table's entries for all cells before it: 5 to 15 ns of 150.
        singles[0].x = x
        network.kernels.single.run(network.executed.cell, stage: 0, singles)
        if layer.pointee.stageCount > 1 {
          singles[1].x = x
          network.kernels.single.run(network.executed.cell, stage: 1, singles + 1)
        }
        singles += layer.pointee.stageCount
        x += stride
      }
    } else {
      runPanels(layer, network, odd: odd, scratch)
    }
    if layer.pointee.projectionCount > 0 { project(layer, network, odd: odd) }
  }

  @inline(never)
  private static func runPanels(
    _ layer: UnsafePointer<Self>, _ network: Network<Scalar>, odd: Bool, _ scratch: StreamScratch<Scalar>
  ) {
    let calls = odd ? layer.pointee.turns.1.panels : layer.pointee.turns.0.panels
    for index in 0..<layer.pointee.panelCount {
      let call = calls + index
      product(network, sequences: layer.pointee.sequences, &call.pointee.input, vectors: call.pointee.vectors)
      if let m = call.pointee.m {
        network.kernels.panels.fillVector(m.start, UnsafePointer(scratch.sumsRows), layer.pointee.sequences, m.column)
      }
      product(network, sequences: layer.pointee.sequences, &call.pointee.recurrent, vectors: call.pointee.vectors)
      network.kernels.forward.run(network.executed.cell, stage: call.pointee.stage, &call.pointee.gates)
    }
  }

  @inline(never)
  private static func project(_ layer: UnsafePointer<Self>, _ network: Network<Scalar>, odd: Bool) {
    let calls = odd ? layer.pointee.turns.1.projections : layer.pointee.turns.0.projections
    for index in 0..<layer.pointee.projectionCount {
      product(network, sequences: layer.pointee.sequences, &calls[index].product, vectors: calls[index].vectors)
    }
  }

  /// More sequences than a tile holds are cut in k, which changes the arguments.
  @inline(__always)
  private static func product(
    _ network: Network<Scalar>, sequences: Int, _ arguments: UnsafeMutablePointer<ProductArguments<Scalar>>,
    vectors: Int
  ) {
    if sequences == 1 { return network.kernels.product(vectors: vectors, arguments) }
    var copy = arguments.pointee
    network.kernels.product(&copy, vectors: vectors, depth: copy.depth)
  }
}

/// Scratch that the layers of a stream share.
struct StreamScratch<Scalar: RNNScalar> {
  typealias Pointer = UnsafeMutablePointer<Scalar>

  /// `[N][sums]`
  let sumsRows: UnsafeMutablePointer<Pointer>
  /// z of the GRU with reset before; o * tanh(c) of the LSTM with projection. `[N][padded H]`
  let z: Pointer
  let zRows: UnsafeMutablePointer<Pointer>
  /// The rows of x.
  let xRows: UnsafeMutablePointer<UnsafePointer<Scalar>>
  private let sums: Pointer

  init(_ arena: inout Arena, _ plan: CellPlan, sequences: Int) {
    sums = arena.take(Scalar.self, sequences, plan.sumsWidth)
    sumsRows = arena.take(Pointer.self, sequences)
    z = arena.take(Scalar.self, sequences, plan.paddedHidden)
    zRows = arena.take(Pointer.self, sequences)
    xRows = arena.take(UnsafePointer<Scalar>.self, sequences)
  }

  func prepare(_ plan: CellPlan, sequences: Int) {
    for n in 0..<sequences {
      sumsRows[n] = sums + n &* plan.sumsWidth
      zRows[n] = z + n &* plan.paddedHidden
    }
    z.update(repeating: 0, count: sequences &* plan.paddedHidden)
  }
}
