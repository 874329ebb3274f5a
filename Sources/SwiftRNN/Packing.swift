// Packing: a network's parameters as panels, once per call or once for many.
import Kernels

/// Matrices that wait to be packed: those of a panel's gates side by side, or all one below the other. Element (k, unit)
/// of one of them is at `source + k * kStride + unit * unitStride`.
struct PackJob<Scalar: RNNScalar>: BitwiseCopyable {
  private var sources = InlineArray<4, UnsafePointer<Scalar>?>(repeating: nil)
  private var count: Int
  private var isBelow: Bool
  let panels: PanelLayout
  private var kStride: Int
  private var unitStride: Int
  /// Of each of the matrices.
  private var rows: Int
  let out: UnsafeMutablePointer<Scalar>

  /// Weights `[units, depth]` of each gate for a forward product: columns are the rows of the matrices.
  static func forward(
    _ panels: PanelLayout, depth: Int, out: UnsafeMutablePointer<Scalar>,
    source: (_ slot: Int) -> UnsafePointer<Scalar>?
  ) -> PackJob {
    var job = PackJob(
      count: panels.gates, isBelow: false, panels: panels, kStride: 1, unitStride: depth, rows: depth, out: out)
    for slot in 0..<panels.gates { job.sources[slot] = source(slot) }
    return job
  }

  /// Weights `[rows, units]` of `count` gates for a backward product: columns are the columns of the matrices.
  static func backward(
    _ panels: PanelLayout, count: Int, rows: Int, out: UnsafeMutablePointer<Scalar>,
    source: (_ gate: Int) -> UnsafePointer<Scalar>?
  ) -> PackJob {
    var job = PackJob(
      count: count, isBelow: true, panels: panels, kStride: panels.units, unitStride: 1, rows: rows, out: out)
    for gate in 0..<count { job.sources[gate] = source(gate) }
    return job
  }

  /// Of one matrix.
  static func forward(
    _ source: UnsafePointer<Scalar>, _ panels: PanelLayout, depth: Int, out: UnsafeMutablePointer<Scalar>
  ) -> PackJob { .forward(panels, depth: depth, out: out) { _ in source } }

  static func backward(
    _ source: UnsafePointer<Scalar>, _ panels: PanelLayout, depth: Int, out: UnsafeMutablePointer<Scalar>
  ) -> PackJob { .backward(panels, count: 1, rows: depth, out: out) { _ in source } }

  private init(
    count: Int, isBelow: Bool, panels: PanelLayout, kStride: Int, unitStride: Int, rows: Int,
    out: UnsafeMutablePointer<Scalar>
  ) {
    (self.count, self.isBelow, self.panels, self.kStride) = (count, isBelow, panels, kStride)
    (self.unitStride, self.rows, self.out) = (unitStride, rows, out)
  }

  /// Of what is packed.
  private var depth: Int { isBelow ? count &* rows : rows }

  /// Threads that may each have a place for one panel in `out`.
  var slots: Int { panels.count == 0 ? Int.max : panels.unitVectors / panels.panel(0).unitVectors }

  /// Packs one panel into a slot, and says where it is.
  func packed(panel index: Int, slot: Int, _ kernels: KernelTable<Scalar>) -> UnsafePointer<Scalar> {
    // The first panel is as wide as any.
    let out = out + slot &* panels.vectors(0) &* panels.lanes &* depth
    pack(panel: index, to: out, kernels)
    return UnsafePointer(out)
  }

  private func pack(panel index: Int, to out: UnsafeMutablePointer<Scalar>, _ kernels: KernelTable<Scalar>) {
    let lanes = panels.lanes
    let (first, unitVectors) = panels.panel(index)
    let vectors = panels.vectors(index)
    let valid = panels.validUnits(index)
    let step = isBelow ? rows &* vectors &* lanes : lanes
    for number in 0..<count {
      var arguments = PackArguments(
        source: sources[number].unsafelyUnwrapped + first &* lanes &* unitStride, kStride: kStride,
        unitStride: unitStride, depth: rows, lanes: unitVectors &* lanes, valid: valid, out: out + number &* step,
        outStride: vectors &* lanes)
      kernels.panels.pack(&arguments)
    }
  }

  /// Packs all jobs, their panels shared out over the members of a team.
  static func run(_ jobs: PackJobs<Scalar>, _ kernels: KernelTable<Scalar>, _ member: inout TeamMember) {
    var total = 0
    for index in jobs.indices { total += jobs[index].panels.count }
    let parts = member.members
    member.share(parts) { some in
      for part in some {
        let range = Split.range(total, part, parts)
        var before = 0
        for index in jobs.indices {
          let job = jobs[index]
          let low = max(range.lowerBound - before, 0)
          let high = min(range.upperBound - before, job.panels.count)
          if low < high {
            for panel in low..<high {
              job.pack(panel: panel, to: job.out + job.panels.column(panel) * job.depth, kernels)
            }
          }
          before += job.panels.count
        }
      }
    }
  }
}

/// The matrices of a layer that wait to be packed: at most four for each direction (W and U of two stages; or U, U_n and
/// W backward).
typealias PackJobs<Scalar: RNNScalar> = ShortList<8, PackJob<Scalar>>

/// The packed weights of one direction of one layer, for forward products.
struct PackedForward<Scalar: RNNScalar> {
  /// For each stage: W, then U; `[depth][columns]` in panels.
  var input: (UnsafeMutablePointer<Scalar>, UnsafeMutablePointer<Scalar>)
  var recurrent: (UnsafeMutablePointer<Scalar>, UnsafeMutablePointer<Scalar>)
  /// For each stage, what the input sums start from: b + d, for GRU's n only b.
  var bias: (UnsafeMutablePointer<Scalar>, UnsafeMutablePointer<Scalar>)
  /// GRU: d of n, `[padded H]`, where m starts.
  var biasM: UnsafeMutablePointer<Scalar>
  var projection: UnsafeMutablePointer<Scalar>

  init(_ arena: inout Arena, _ plan: CellPlan, _ c: NetworkConfiguration, layer: Int) {
    func take(_ stage: Int, _ depth: Int) -> UnsafeMutablePointer<Scalar> {
      arena.take(Scalar.self, depth, stage < plan.stages.count ? plan.stages[stage].panels.paddedColumns : 0)
    }
    let inputs = c.inputSize(ofLayer: layer)
    input = (take(0, inputs), take(1, inputs))
    recurrent = (take(0, c.stateWidth), take(1, c.stateWidth))
    bias = (take(0, 1), take(1, 1))
    biasM = arena.take(Scalar.self, c.cell == .gru ? plan.paddedHidden : 0)
    projection = arena.take(
      Scalar.self, c.projectionSize > 0 ? c.hiddenSize : 0,
      PanelLayout(lanes: plan.lanes, units: c.stateWidth).paddedUnits)
  }

  func input(_ stage: Int) -> UnsafeMutablePointer<Scalar> { stage == 0 ? input.0 : input.1 }
  func recurrent(_ stage: Int) -> UnsafeMutablePointer<Scalar> { stage == 0 ? recurrent.0 : recurrent.1 }
  func bias(_ stage: Int) -> UnsafeMutablePointer<Scalar> { stage == 0 ? bias.0 : bias.1 }

  /// What packs W of a stage, U of a stage, and the projection, from the tensors of a layer with `inputs` inputs. Made
  /// where they are used: a runner is copied more often.
  func inputJob(_ stage: Int, _ plan: CellPlan, _ tensors: DirectionTensors<Scalar>, inputs: Int) -> PackJob<Scalar> {
    let of = plan.stages[stage]
    return .forward(of.panels, depth: inputs, out: input(stage)) {
      tensors.start(plan.parameters.weightIH[of.inputGates[$0]], plan, columns: inputs)
    }
  }

  func recurrentJob(
    _ stage: Int, _ plan: CellPlan, _ c: NetworkConfiguration, _ tensors: DirectionTensors<Scalar>
  ) -> PackJob<Scalar> {
    let of = plan.stages[stage]
    return .forward(of.panels, depth: c.stateWidth, out: recurrent(stage)) {
      tensors.start(plan.parameters.weightHH[of.recurrentGates[$0]], plan, columns: c.stateWidth)
    }
  }

  func projectionJob(
    _ plan: CellPlan, _ c: NetworkConfiguration, _ tensors: DirectionTensors<Scalar>
  ) -> PackJob<Scalar>? {
    tensors.start(plan.parameters.weightHR, plan, columns: c.hiddenSize).map {
      .forward(
        $0, PanelLayout(lanes: plan.lanes, units: c.projectionSize), depth: c.hiddenSize, out: projection)
    }
  }

  /// All of them.
  func addJobs(
    to all: inout PackJobs<Scalar>, _ plan: CellPlan, _ c: NetworkConfiguration, _ tensors: DirectionTensors<Scalar>,
    inputs: Int
  ) {
    for stage in 0..<plan.stages.count {
      all.append(inputJob(stage, plan, tensors, inputs: inputs))
      all.append(recurrentJob(stage, plan, c, tensors))
    }
    if let job = projectionJob(plan, c, tensors) { all.append(job) }
  }

  /// Fills the biases.
  func fillBiases(_ plan: CellPlan, _ tensors: DirectionTensors<Scalar>) {
    for index in 0..<plan.stages.count { fillBias(index, plan.stages[index], plan, tensors) }
  }

  private func fillBias(_ index: Int, _ stage: Stage, _ plan: CellPlan, _ tensors: DirectionTensors<Scalar>) {
    let (panels, lanes) = (stage.panels, plan.lanes)
    for slot in 0..<stage.inputGates.count {
      let gate = stage.inputGates[slot]
      let first = tensors.start(plan.parameters.biasIH[gate], plan, columns: 1)
      let second = tensors.start(plan.parameters.biasHH[gate], plan, columns: 1)
      let separate = plan.cell == .gru && gate == 2
      for vector in 0..<panels.unitVectors {
        let out = bias(index) + (vector &* panels.gates &+ slot) &* lanes
        for lane in 0..<lanes {
          let unit = vector &* lanes &+ lane
          let (b, d): (Scalar, Scalar) = unit < plan.hidden ? (first?[unit] ?? 0, second?[unit] ?? 0) : (0, 0)
          out[lane] = separate ? b : b + d
          if separate { biasM[unit] = d }
        }
      }
    }
  }
}

/// The packed weights of one direction of one layer, for backward products.
struct PackedBackward<Scalar: RNNScalar> {
  /// U of the gates that see h itself (`CellPlan.stateGates`), `[gates * H][P]`.
  var recurrent: UnsafeMutablePointer<Scalar>
  /// GRU, reset before: U_n, `[H][H]`.
  var candidate: UnsafeMutablePointer<Scalar>
  /// W, `[gates * H][I]`.
  var input: UnsafeMutablePointer<Scalar>
  /// `[P][H]`
  var projection: UnsafeMutablePointer<Scalar>

  init(_ arena: inout Arena, _ plan: CellPlan, _ c: NetworkConfiguration, layer: Int) {
    func padded(_ units: Int) -> Int { PanelLayout(lanes: plan.lanes, units: units).paddedUnits }
    recurrent = arena.take(Scalar.self, plan.stateGates, c.hiddenSize, padded(c.stateWidth))
    candidate = arena.take(Scalar.self, c.cell == .gruResetBefore ? c.hiddenSize : 0, padded(c.hiddenSize))
    input = arena.take(Scalar.self, c.cell.gates, c.hiddenSize, padded(c.inputSize(ofLayer: layer)))
    projection = arena.take(Scalar.self, c.projectionSize, padded(c.hiddenSize))
  }

  /// What packs each of them, from the tensors of a layer with `inputs` inputs.
  func recurrentJob(
    _ plan: CellPlan, _ c: NetworkConfiguration, _ tensors: DirectionTensors<Scalar>
  ) -> PackJob<Scalar> {
    .backward(
      PanelLayout(lanes: plan.lanes, units: c.stateWidth), count: plan.stateGates, rows: c.hiddenSize, out: recurrent
    ) { tensors.start(plan.parameters.weightHH[$0], plan, columns: c.stateWidth) }
  }

  func candidateJob(
    _ plan: CellPlan, _ c: NetworkConfiguration, _ tensors: DirectionTensors<Scalar>
  ) -> PackJob<Scalar>? {
    if c.cell != .gruResetBefore { return nil }
    return tensors.start(plan.parameters.weightHH[2], plan, columns: c.hiddenSize).map {
      .backward($0, PanelLayout(lanes: plan.lanes, units: c.hiddenSize), depth: c.hiddenSize, out: candidate)
    }
  }

  func inputJob(_ plan: CellPlan, _ tensors: DirectionTensors<Scalar>, inputs: Int) -> PackJob<Scalar> {
    .backward(
      PanelLayout(lanes: plan.lanes, units: inputs), count: plan.cell.gates, rows: plan.hidden, out: input
    ) { tensors.start(plan.parameters.weightIH[$0], plan, columns: inputs) }
  }

  func projectionJob(
    _ plan: CellPlan, _ c: NetworkConfiguration, _ tensors: DirectionTensors<Scalar>
  ) -> PackJob<Scalar>? {
    tensors.start(plan.parameters.weightHR, plan, columns: c.hiddenSize).map {
      .backward($0, PanelLayout(lanes: plan.lanes, units: c.hiddenSize), depth: c.projectionSize, out: projection)
    }
  }

  /// All of them.
  ///
  /// - Parameter wantsInput: W too, which only dL/dx needs.
  func addJobs(
    to all: inout PackJobs<Scalar>, _ plan: CellPlan, _ c: NetworkConfiguration, _ tensors: DirectionTensors<Scalar>,
    inputs: Int, wantsInput: Bool
  ) {
    all.append(recurrentJob(plan, c, tensors))
    if let job = candidateJob(plan, c, tensors) { all.append(job) }
    if wantsInput { all.append(inputJob(plan, tensors, inputs: inputs)) }
    if let job = projectionJob(plan, c, tensors) { all.append(job) }
  }
}

/// All parameters of a network, a pointer per tensor in the order of `ParameterLayout`; none is nil.
struct Parameters<Scalar: RNNScalar> {
  let pointers: UnsafePointer<UnsafeRawPointer?>

  func tensors(_ layout: ParameterLayout, layer: Int, direction: Int) -> DirectionTensors<Scalar> {
    DirectionTensors(pointers: pointers + layout.first(layer: layer, direction: direction))
  }
}
