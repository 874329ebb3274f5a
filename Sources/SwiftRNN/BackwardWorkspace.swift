// What a backward pass has in the caller's workspace.
import Kernels

/// The workspace of a backward pass.
struct BackwardWorkspace<Scalar: RNNScalar> {
  let batch: (order: UnsafeMutablePointer<Int>, counters: UnsafeMutablePointer<Int>, sorted: UnsafeMutablePointer<Int>)
  /// T + 1 numbers.
  let rowsBefore: UnsafeMutablePointer<Int>
  /// P zeros: h before the first step where there is no initial state.
  let zeros: UnsafeMutablePointer<Scalar>
  private let scratch: (BackwardScratch<Scalar>, BackwardScratch<Scalar>)
  private let buffers: (Rows<Scalar>, Rows<Scalar>)
  let masked: Rows<Scalar>
  /// In the place of what the recurrences need.
  let gradient: WeightGradientScratch<Scalar>
  /// The first layer's packed weights and the other layers', in the same place: a layer is packed when it is run.
  private let firstLayer: (PackedBackward<Scalar>, PackedBackward<Scalar>)
  private let otherLayers: (PackedBackward<Scalar>, PackedBackward<Scalar>)

  init(_ arena: inout Arena, _ network: Network<Scalar>, steps: Int, sequences: Int) {
    let (c, plan) = (network.executed, network.plan)
    batch = BatchPlan.take(&arena, steps: steps, sequences: sequences)
    // Where a sum or product does not fit, the arrays below do not either, and the workspace is refused.
    rowsBefore = arena.take(Int.self, steps.addingReportingOverflow(1).partialValue)
    zeros = arena.take(Scalar.self, c.stateWidth)
    let between = c.layers > 1 ? steps : 0
    let dense = { (p: UnsafeMutablePointer<Scalar>) in Rows(dense: p, sequences: sequences, width: c.outputSize) }
    buffers = (
      dense(arena.take(Scalar.self, between, sequences, c.outputSize)),
      dense(arena.take(Scalar.self, between, sequences, c.outputSize))
    )
    masked = dense(arena.take(Scalar.self, c.dropout > 0 ? between : 0, sequences, c.outputSize))
    let forward = GateGradients<Scalar>(&arena, plan, c, steps: steps, sequences: sequences)
    let reverse = c.bidirectional ? GateGradients(&arena, plan, c, steps: steps, sequences: sequences) : forward

    // The recurrences of a layer and dL/dx, and after them its weights' gradients.
    var ends = arena
    let projections = c.projectionSize > 0 ? 1 : 0
    gradient = WeightGradientScratch(
      &ends, lanes: plan.lanes,
      lists: .init(
        operands: plan.gradientSegments > plan.gateSegments ? 3 : 2, lefts: 1 + projections,
        blocks: plan.gateSegments + projections,
        sums: c.bias ? plan.inputSegments.count + plan.recurrentSegments.count : 0),
      leftColumns: plan.gateSegments * c.hiddenSize + c.projectionSize,
      batchRows: steps.multipliedReportingOverflow(by: sequences).partialValue
    ) { operand in
      switch operand {
      case 0: max(c.inputSize, c.layers > 1 ? c.outputSize : 0)
      case 1: c.stateWidth
      default: c.hiddenSize
      }
    }
    let first = BackwardScratch(&arena, plan, c, sequences: sequences, forward)
    scratch = (first, c.bidirectional ? BackwardScratch(&arena, plan, c, sequences: sequences, reverse) : first)
    var other = arena
    func packed(_ arena: inout Arena, layer: Int) -> (PackedBackward<Scalar>, PackedBackward<Scalar>) {
      let first = PackedBackward<Scalar>(&arena, plan, c, layer: layer)
      return (first, c.bidirectional ? PackedBackward<Scalar>(&arena, plan, c, layer: layer) : first)
    }
    firstLayer = packed(&arena, layer: 0)
    otherLayers = packed(&other, layer: 1)
    if c.layers > 1 { arena.reach(other) }
    arena.reach(ends)
  }

  func scratch(_ direction: Int) -> BackwardScratch<Scalar> { direction == 0 ? scratch.0 : scratch.1 }

  /// dL/dx of an inner layer.
  func between(_ layer: Int) -> Rows<Scalar> { layer % 2 == 0 ? buffers.0 : buffers.1 }

  func weights(_ layer: Int, _ direction: Int) -> PackedBackward<Scalar> {
    let layers = layer == 0 ? firstLayer : otherLayers
    return direction == 0 ? layers.0 : layers.1
  }
}
