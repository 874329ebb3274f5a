// One panel of one step of a cell, as arguments of the kernels: the same for whole sequences and for streams.
import Kernels

/// One direction of one layer: its cell, sizes and packed weights.
struct CellStep<Scalar: RNNScalar> {
  typealias Pointer = UnsafeMutablePointer<Scalar>
  typealias Rows = UnsafePointer<UnsafePointer<Scalar>>

  let network: Network<Scalar>
  let weights: PackedForward<Scalar>
  /// nil: the weights are packed. Else each panel is packed at its use, into a place of the calling thread's own.
  let unpacked: DirectionTensors<Scalar>?
  /// Features of the layer's input.
  let inputs: Int
  /// h, P wide: the panels of a projection.
  let state: PanelLayout

  init(
    _ network: Network<Scalar>, layer: Int, _ weights: PackedForward<Scalar>,
    unpacked: DirectionTensors<Scalar>? = nil
  ) {
    self.network = network
    self.weights = weights
    self.unpacked = unpacked
    inputs = network.executed.inputSize(ofLayer: layer)
    state = PanelLayout(lanes: network.plan.lanes, units: network.executed.stateWidth)
  }

  var plan: CellPlan { network.plan }
  var configuration: NetworkConfiguration { network.executed }

  /// The numbers that a stage's product runs over.
  func depth(_ stage: Stage) -> Int { stage.usesReset ? configuration.hiddenSize : configuration.stateWidth }

  /// W x + b into `sums`, over `inputs` numbers.
  ///
  /// - Parameters:
  ///   - slot: the number of the calling thread among those that pack, here and below.
  ///   - rowOffset: added to each of the rows.
  @inline(__always)
  func input(
    _ index: Int, _ panel: Int, slot: Int = 0, count: Int, rows: Rows, rowOffset: Int = 0,
    sums: UnsafeMutablePointer<Pointer>
  ) -> ProductArguments<Scalar> {
    let stage = plan.stages[index]
    let column = stage.panels.column(panel)
    return ProductArguments(
      count: count, rows: rows, rowOffset: rowOffset, depth: inputs,
      panel: unpacked.map {
        weights.inputJob(index, plan, $0, inputs: inputs).packed(panel: panel, slot: slot, network.kernels)
      }
        ?? UnsafePointer(weights.input(index) + column &* inputs),
      start: UnsafePointer(weights.bias(index) + column), out: UnsafePointer(sums), outOffset: stage.column(panel),
      columns: stage.panels.vectors(panel) &* plan.lanes, finish: .set)
  }

  /// Adds U h, or U (r * h), to `sums`, over `depth(_:)` numbers.
  @inline(__always)
  func recurrent(
    _ index: Int, _ panel: Int, slot: Int = 0, count: Int, rows: Rows, sums: UnsafeMutablePointer<Pointer>
  ) -> ProductArguments<Scalar> {
    let stage = plan.stages[index]
    let depth = depth(stage)
    return ProductArguments(
      count: count, rows: rows, depth: depth,
      panel: unpacked.map {
        weights.recurrentJob(index, plan, configuration, $0).packed(panel: panel, slot: slot, network.kernels)
      }
        ?? UnsafePointer(weights.recurrent(index) + stage.panels.column(panel) &* depth), out: UnsafePointer(sums),
      outOffset: stage.column(panel) &+ stage.recurrentSlot &* plan.lanes,
      columns: stage.panels.vectors(panel) &* plan.lanes, finish: .resume)
  }

  /// GRU: where the chain of m starts, into `sums`, before the recurrent product.
  @inline(__always)
  func startOfM(_ panel: Int, count: Int, sums: UnsafeMutablePointer<Pointer>) {
    let m = startOfM(panel)
    network.kernels.panels.fillVector(m.start, UnsafePointer(sums), count, m.column)
  }

  @inline(__always)
  func startOfM(_ panel: Int) -> (start: UnsafePointer<Scalar>, column: Int) {
    let stage = plan.stages[0]
    return (
      UnsafePointer(weights.biasM) + stage.panels.panel(panel).firstVector &* plan.lanes,
      stage.column(panel) &+ 3 &* plan.lanes
    )
  }

  /// From the sums to the gates and the new state. Pointers are to the rows' first units, padded to
  /// `plan.paddedHidden`.
  @inline(__always)
  func gates(
    _ index: Int, _ panel: Int, count: Int, sums: UnsafeMutablePointer<Pointer>, hPrevious: Pointer, h: Pointer,
    c: Pointer, z: Pointer, tape: MovingRows<Scalar>? = nil,
    outputs: (MovingRows<Scalar>?, MovingRows<Scalar>?) = (nil, nil)
  ) -> ForwardArguments<Scalar> {
    let stage = plan.stages[index]
    let (firstVector, unitVectors) = stage.panels.panel(panel)
    let unit = firstVector &* plan.lanes
    func units(_ rows: MovingRows<Scalar>?) -> MovingRows<Scalar>? {
      rows.map { MovingRows($0.starts, offset: $0.offset &+ unit) }
    }
    return ForwardArguments(
      count: count, unitVectors: unitVectors, units: stage.panels.validUnits(panel), sums: UnsafePointer(sums),
      sumsOffset: stage.column(panel), stateStride: plan.paddedHidden, hPrevious: UnsafePointer(hPrevious) + unit,
      h: (configuration.projectionSize > 0 ? z : h) + unit, c: c + unit, z: z + unit, tape: units(tape),
      gateStride: configuration.hiddenSize, outputs: (units(outputs.0), units(outputs.1)),
      relu: configuration.cell == .rnnRelu)
  }

  /// One step of one sequence of a stage; `start` are the stage's sums that the input gave, or nil: `x` is yet to come.
  @inline(__always)
  func single(
    _ index: Int, _ panels: Range<Int>, start: UnsafePointer<Scalar>?, x: UnsafePointer<Scalar>, hPrevious: Pointer,
    h: Pointer, c: Pointer, z: Pointer, tape: Pointer? = nil, outputs: (Pointer?, Pointer?) = (nil, nil)
  ) -> SingleArguments<Scalar> {
    let stage = plan.stages[index]
    let width = plan.lanes &* stage.panels.gates
    return SingleArguments(
      panels: panels, layout: stage.panels,
      start: start.map { $0 + stage.sumsColumn } ?? UnsafePointer(weights.bias(index)),
      startStride: start == nil ? width : plan.lanes &* stage.sumsVectors, startOfM: UnsafePointer(weights.biasM), x: x,
      inputs: start == nil ? inputs : 0, input: UnsafePointer(weights.input(index)),
      operand: UnsafePointer(stage.usesReset ? c : hPrevious), depth: depth(stage),
      recurrent: UnsafePointer(weights.recurrent(index)), hPrevious: UnsafePointer(hPrevious),
      h: configuration.projectionSize > 0 ? z : h, c: c, z: z, tape: tape, outputs: outputs,
      relu: configuration.cell == .rnnRelu)
  }

  /// h = W_hr m, over `configuration.hiddenSize` numbers.
  @inline(__always)
  func projection(
    _ panel: Int, slot: Int = 0, count: Int, rows: Rows, out: UnsafeMutablePointer<Pointer>
  ) -> ProductArguments<Scalar> {
    let column = state.column(panel)
    return ProductArguments(
      count: count, rows: rows, depth: configuration.hiddenSize,
      panel: unpacked.flatMap {
        weights.projectionJob(plan, configuration, $0)?.packed(panel: panel, slot: slot, network.kernels)
      }
        ?? UnsafePointer(weights.projection + column &* configuration.hiddenSize), out: UnsafePointer(out),
      outOffset: column, columns: state.vectors(panel) &* plan.lanes, finish: .set)
  }
}

extension StepKernels where Arguments: StepArguments {
  /// What stage `index` of a forward step of `cell` does.
  @inline(__always)
  func run(_ cell: CellKind, stage index: Int, _ arguments: UnsafePointer<Arguments>) {
    switch cell {
    case .lstm: lstm(arguments)
    case .gru: gru(arguments)
    case .gruResetBefore: if index == 0 { gruResetGates(arguments) } else { gruResetCandidate(arguments) }
    case .rnnTanh, .rnnRelu: rnn(arguments)
    case .equations: break  // no step of its own
    }
  }
}

/// Pointers to rows that are not written here.
@inline(__always)
func constant<Scalar>(
  _ rows: UnsafePointer<UnsafeMutablePointer<Scalar>>
) -> UnsafePointer<UnsafePointer<Scalar>> {
  UnsafeRawPointer(rows).assumingMemoryBound(to: UnsafePointer<Scalar>.self)
}
