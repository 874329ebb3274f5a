// Packing: a network's parameters as panels, once per call or once for many.
import Kernels

/// A matrix that waits to be packed: element (k, gate, unit) at `source + k * kStride + rows`, where rows is
/// `(gates[g] * units + unit) * unitStride`.
struct PackJob<Scalar: RNNScalar> {
  var source: UnsafePointer<Scalar>
  var panels: PanelLayout
  /// The source's gate for each gate of a panel.
  var gates: [Int]
  var kStride: Int
  var unitStride: Int
  var depth: Int
  var out: UnsafeMutablePointer<Scalar>

  /// Weights `[gates * units, depth]` for a forward product: columns are the rows of the matrix.
  static func forward(
    _ source: UnsafePointer<Scalar>, _ panels: PanelLayout, gates: [Int], depth: Int, out: UnsafeMutablePointer<Scalar>
  ) -> PackJob {
    PackJob(source: source, panels: panels, gates: gates, kStride: 1, unitStride: depth, depth: depth, out: out)
  }

  /// Weights `[depth, columns]` for a backward product: columns are the columns of the matrix.
  static func backward(
    _ source: UnsafePointer<Scalar>, _ panels: PanelLayout, depth: Int, out: UnsafeMutablePointer<Scalar>
  ) -> PackJob {
    PackJob(source: source, panels: panels, gates: [0], kStride: panels.units, unitStride: 1, depth: depth, out: out)
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
    for (slot, gate) in gates.enumerated() {
      var arguments = PackArguments(
        source: source + (gate &* panels.units &+ first &* lanes) &* unitStride, kStride: kStride,
        unitStride: unitStride, depth: depth, lanes: unitVectors &* lanes, valid: valid, out: out + slot &* lanes,
        outStride: vectors &* lanes)
      kernels.panels.pack(&arguments)
    }
  }

  /// Packs all jobs, their panels shared out over the members of a team.
  static func run(_ jobs: [PackJob], _ kernels: KernelTable<Scalar>, _ member: inout TeamMember) {
    let total = jobs.reduce(0) { $0 + $1.panels.count }
    let parts = member.members
    member.share(parts) { some in
      for part in some {
        let range = Split.range(total, part, parts)
        var before = 0
        for job in jobs {
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

/// What packs one direction of one layer for forward products.
struct ForwardJobs<Scalar: RNNScalar> {
  /// For each stage.
  var input: [PackJob<Scalar>] = []
  var recurrent: [PackJob<Scalar>] = []
  var projection: [PackJob<Scalar>] = []

  var all: [PackJob<Scalar>] { input + recurrent + projection }
}

/// What packs one direction of one layer for backward products; the matrices of `PackedBackward`, none or one of each.
struct BackwardJobs<Scalar: RNNScalar> {
  var recurrent: [PackJob<Scalar>] = []
  var candidate: [PackJob<Scalar>] = []
  var input: [PackJob<Scalar>] = []
  var projection: [PackJob<Scalar>] = []

  var all: [PackJob<Scalar>] { recurrent + candidate + input + projection }
}

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

  /// The jobs that fill the matrices.
  func jobs(_ plan: CellPlan, _ layout: ParameterLayout, _ parameters: Parameters<Scalar>, layer: Int, direction: Int)
    -> ForwardJobs<Scalar>
  {
    let c = layout.configuration
    let tensor = parameters.tensors(layout, layer: layer, direction: direction)
    var jobs = ForwardJobs<Scalar>()
    for (index, stage) in plan.stages.enumerated() {
      let gates = plan.gates(ofStage: index)
      jobs.input.append(
        .forward(
          tensor.weightIH, stage.panels, gates: gates.input, depth: c.inputSize(ofLayer: layer),
          out: input(index)))
      jobs.recurrent.append(
        .forward(
          tensor.weightHH, stage.panels, gates: gates.recurrent, depth: c.stateWidth, out: recurrent(index)))
    }
    if let weightHR = tensor.weightHR {
      let panels = PanelLayout(lanes: plan.lanes, units: c.projectionSize)
      jobs.projection.append(.forward(weightHR, panels, gates: [0], depth: c.hiddenSize, out: projection))
    }
    return jobs
  }

  /// Fills the biases.
  func fillBiases(
    _ plan: CellPlan, _ layout: ParameterLayout, _ parameters: Parameters<Scalar>, layer: Int, direction: Int
  ) {
    let tensor = parameters.tensors(layout, layer: layer, direction: direction)
    for (index, stage) in plan.stages.enumerated() {
      fillBias(index, stage, plan.gates(ofStage: index).input, tensor, layout.configuration)
    }
  }

  private func fillBias(
    _ index: Int, _ stage: Stage, _ gates: [Int], _ tensor: DirectionTensors<Scalar>, _ c: NetworkConfiguration
  ) {
    let panels = stage.panels
    let hidden = c.hiddenSize
    let lanes = panels.lanes
    for vector in 0..<panels.unitVectors {
      for (slot, gate) in gates.enumerated() {
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

  func jobs(
    _ plan: CellPlan, _ layout: ParameterLayout, _ parameters: Parameters<Scalar>, layer: Int, direction: Int,
    input wantInput: Bool
  ) -> BackwardJobs<Scalar> {
    let c = layout.configuration
    let tensor = parameters.tensors(layout, layer: layer, direction: direction)
    func panels(_ units: Int) -> PanelLayout { PanelLayout(lanes: plan.lanes, units: units) }
    var jobs = BackwardJobs<Scalar>()
    jobs.recurrent = [
      .backward(
        tensor.weightHH, panels(c.stateWidth), depth: plan.stateGates * c.hiddenSize, out: recurrent)
    ]
    if c.cell == .gruResetBefore {
      jobs.candidate = [
        .backward(
          tensor.weightHH + plan.stateGates * c.hiddenSize * c.hiddenSize, panels(c.hiddenSize), depth: c.hiddenSize,
          out: candidate)
      ]
    }
    if wantInput {
      jobs.input = [
        .backward(
          tensor.weightIH, panels(c.inputSize(ofLayer: layer)), depth: c.cell.gates * c.hiddenSize, out: input)
      ]
    }
    if let weightHR = tensor.weightHR {
      jobs.projection = [.backward(weightHR, panels(c.hiddenSize), depth: c.projectionSize, out: projection)]
    }
    return jobs
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
struct DirectionTensors<Scalar: RNNScalar> {
  let weightIH: UnsafePointer<Scalar>
  let weightHH: UnsafePointer<Scalar>
  let biasIH: UnsafePointer<Scalar>?
  let biasHH: UnsafePointer<Scalar>?
  let weightHR: UnsafePointer<Scalar>?
}
