// Packing: a network's parameters as panels, once per call or once for many.
import Kernels

/// A matrix that waits to be packed: element (k, gate, unit) at `source + k * kStride + rows`, where rows is
/// `(gates[g] * units + unit) * unitStride`.
struct PackJob<Scalar: RNNScalar>: BitwiseCopyable {
  var source: UnsafePointer<Scalar>
  var panels: PanelLayout
  /// The source's gate for each gate of a panel.
  var gates: GateOrder
  var kStride: Int
  var unitStride: Int
  var depth: Int
  var out: UnsafeMutablePointer<Scalar>

  /// Weights `[gates * units, depth]` for a forward product: columns are the rows of the matrix.
  static func forward(
    _ source: UnsafePointer<Scalar>, _ panels: PanelLayout, gates: GateOrder, depth: Int,
    out: UnsafeMutablePointer<Scalar>
  ) -> PackJob {
    PackJob(source: source, panels: panels, gates: gates, kStride: 1, unitStride: depth, depth: depth, out: out)
  }

  /// Weights `[depth, columns]` for a backward product: columns are the columns of the matrix.
  static func backward(
    _ source: UnsafePointer<Scalar>, _ panels: PanelLayout, depth: Int, out: UnsafeMutablePointer<Scalar>
  ) -> PackJob {
    PackJob(
      source: source, panels: panels, gates: GateOrder(0), kStride: panels.units, unitStride: 1, depth: depth, out: out)
  }

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
    for slot in 0..<gates.count {
      var arguments = PackArguments(
        source: source + (gates[slot] &* panels.units &+ first &* lanes) &* unitStride, kStride: kStride,
        unitStride: unitStride, depth: depth, lanes: unitVectors &* lanes, valid: valid, out: out + slot &* lanes,
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
    return .forward(tensors.weightIH, of.panels, gates: of.inputGates, depth: inputs, out: input(stage))
  }

  func recurrentJob(
    _ stage: Int, _ plan: CellPlan, _ c: NetworkConfiguration, _ tensors: DirectionTensors<Scalar>
  ) -> PackJob<Scalar> {
    let of = plan.stages[stage]
    return .forward(
      tensors.weightHH, of.panels, gates: of.recurrentGates, depth: c.stateWidth, out: recurrent(stage))
  }

  func projectionJob(
    _ plan: CellPlan, _ c: NetworkConfiguration, _ tensors: DirectionTensors<Scalar>
  ) -> PackJob<Scalar>? {
    tensors.weightHR.map {
      .forward(
        $0, PanelLayout(lanes: plan.lanes, units: c.projectionSize), gates: GateOrder(0), depth: c.hiddenSize,
        out: projection)
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
  func fillBiases(_ plan: CellPlan, _ c: NetworkConfiguration, _ tensors: DirectionTensors<Scalar>) {
    for index in 0..<plan.stages.count { fillBias(index, plan.stages[index], tensors, c) }
  }

  private func fillBias(
    _ index: Int, _ stage: Stage, _ tensor: DirectionTensors<Scalar>, _ c: NetworkConfiguration
  ) {
    let panels = stage.panels
    let hidden = c.hiddenSize
    let lanes = panels.lanes
    for vector in 0..<panels.unitVectors {
      for slot in 0..<stage.inputGates.count {
        let gate = stage.inputGates[slot]
        for lane in 0..<lanes {
          let unit = vector * lanes + lane
          var value: Scalar = 0
          if unit < hidden, let bias = tensor.biasIH, let other = tensor.biasHH {
            value = bias[gate * hidden + unit]
            let separate = c.cell == .gru && gate == 2
            if !separate { value += other[gate * hidden + unit] }
            if separate { biasM[unit] = other[gate * hidden + unit] }
          } else if c.cell == .gru && gate == 2 {
            biasM[unit] = 0
          }
          self.bias(index)[(vector * panels.gates + slot) * lanes + lane] = value
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
      tensors.weightHH, PanelLayout(lanes: plan.lanes, units: c.stateWidth), depth: plan.stateGates * c.hiddenSize,
      out: recurrent)
  }

  func candidateJob(
    _ plan: CellPlan, _ c: NetworkConfiguration, _ tensors: DirectionTensors<Scalar>
  ) -> PackJob<Scalar>? {
    if c.cell != .gruResetBefore { return nil }
    return .backward(
      tensors.weightHH + plan.stateGates * c.hiddenSize * c.hiddenSize,
      PanelLayout(lanes: plan.lanes, units: c.hiddenSize), depth: c.hiddenSize, out: candidate)
  }

  func inputJob(_ plan: CellPlan, _ tensors: DirectionTensors<Scalar>, inputs: Int) -> PackJob<Scalar> {
    .backward(
      tensors.weightIH, PanelLayout(lanes: plan.lanes, units: inputs), depth: plan.cell.gates * plan.hidden,
      out: input)
  }

  func projectionJob(
    _ plan: CellPlan, _ c: NetworkConfiguration, _ tensors: DirectionTensors<Scalar>
  ) -> PackJob<Scalar>? {
    tensors.weightHR.map {
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

  func tensor(_ index: Int?) -> UnsafePointer<Scalar>? {
    index.flatMap { pointers[$0] }?.assumingMemoryBound(to: Scalar.self)
  }

  func tensors(_ layout: ParameterLayout, layer: Int, direction: Int) -> DirectionTensors<Scalar> {
    func tensor(_ kind: ParameterInfo.Kind) -> UnsafePointer<Scalar>? {
      self.tensor(layout.index(kind, layer: layer, direction: direction))
    }
    return DirectionTensors(
      weightIH: tensor(.weightIH).unsafelyUnwrapped, weightHH: tensor(.weightHH).unsafelyUnwrapped,
      biasIH: tensor(.biasIH), biasHH: tensor(.biasHH), weightHR: tensor(.weightHR))
  }
}

/// The tensors of one direction of one layer.
struct DirectionTensors<Scalar: RNNScalar>: BitwiseCopyable {
  let weightIH: UnsafePointer<Scalar>
  let weightHH: UnsafePointer<Scalar>
  let biasIH: UnsafePointer<Scalar>?
  let biasHH: UnsafePointer<Scalar>?
  let weightHR: UnsafePointer<Scalar>?
}
