// Back-propagation through time of one direction of one layer for one shard of the batch: from the gradients of h to
// those of the gates' sums, of the initial states, and nothing else. The gradients of x and of the weights are large
// products over all steps, afterwards (InputGradient.swift, WeightGradient.swift).
import Kernels

/// The gradients of one direction's sums over all steps: what dL/dx and the weights' gradients are made from.
struct GateGradients<Scalar: RNNScalar> {
  typealias Pointer = UnsafeMutablePointer<Scalar>
  /// `[T * N][segments][padded H]`; row t * N + n.
  let gates: Pointer
  /// With projection: dL/dh, `[T * N][padded P]`.
  let outputs: Pointer

  init(_ arena: inout Arena, _ plan: CellPlan, _ c: NetworkConfiguration, steps: Int, sequences: Int) {
    let width = PanelLayout(lanes: plan.lanes, units: c.stateWidth).paddedUnits
    gates = arena.take(Scalar.self, steps, sequences, plan.gradientSegments, plan.paddedHidden)
    outputs = arena.take(Scalar.self, c.projectionSize > 0 ? steps : 0, sequences, width)
  }
}

/// Scratch of one direction, for all sequences of the batch; a shard uses its sequences' part.
struct BackwardScratch<Scalar: RNNScalar> {
  typealias Pointer = UnsafeMutablePointer<Scalar>
  let gates: Pointer
  let outputs: Pointer
  /// dL/dh of one step, `[N][padded P]`.
  let dh: Pointer
  /// With projection: dL/dm, m = o * tanh(c). GRU, reset before: dL/d(r * h). `[N][padded H]`.
  let inner: Pointer
  /// LSTM: dL/dc. GRU: the part of dL/dh of the step before that passes no product. `[N][padded H]`.
  let carry: Pointer
  /// The initial states, padded; zeros where the caller gave none. GRU: h, LSTM: c.
  let h0: Pointer
  let c0: Pointer
  let dhRows: UnsafeMutablePointer<Pointer>
  let innerRows: UnsafeMutablePointer<Pointer>
  let gateRows: UnsafeMutablePointer<Pointer>
  let nextGateRows: UnsafeMutablePointer<UnsafePointer<Scalar>>
  let tapeRows: UnsafeMutablePointer<UnsafePointer<Scalar>>
  let previousRows: UnsafeMutablePointer<UnsafePointer<Scalar>>

  init(
    _ arena: inout Arena, _ plan: CellPlan, _ c: NetworkConfiguration, sequences: Int,
    _ gradients: GateGradients<Scalar>
  ) {
    let width = PanelLayout(lanes: plan.lanes, units: c.stateWidth).paddedUnits
    (gates, outputs) = (gradients.gates, gradients.outputs)
    func take(_ arena: inout Arena, _ needed: Bool) -> Pointer {
      arena.take(Scalar.self, needed ? sequences : 0, plan.paddedHidden)
    }
    let isGRU = c.cell == .gru || c.cell == .gruResetBefore
    dh = arena.take(Scalar.self, sequences, width)
    inner = take(&arena, c.projectionSize > 0 || c.cell == .gruResetBefore)
    carry = take(&arena, c.cell == .lstm || isGRU)
    h0 = take(&arena, isGRU)
    c0 = take(&arena, c.cell == .lstm)
    dhRows = arena.take(Pointer.self, sequences)
    innerRows = arena.take(Pointer.self, sequences)
    gateRows = arena.take(Pointer.self, sequences)
    nextGateRows = arena.take(UnsafePointer<Scalar>.self, sequences)
    tapeRows = arena.take(UnsafePointer<Scalar>.self, sequences)
    previousRows = arena.take(UnsafePointer<Scalar>.self, sequences)
  }
}

/// One direction of one layer, backward.
struct BackwardRunner<Scalar: RNNScalar>: DirectionRunner {
  typealias Pointer = UnsafeMutablePointer<Scalar>

  let network: Network<Scalar>
  let batch: BatchPlan
  let weights: PackedBackward<Scalar>
  /// nil: the weights are packed. Else each panel is packed at its use.
  let jobs: BackwardJobs<Scalar>?
  let scratch: BackwardScratch<Scalar>
  let reverse: Bool
  /// dL/dy of this direction, or nil: zeros.
  let dy: Rows<Scalar>?
  let tape: Rows<Scalar>
  /// h of all steps, of this direction.
  let output: Rows<Scalar>
  /// `[N, P]` and `[N, H]` of this layer and direction; nil: zeros.
  let initial: (UnsafePointer<Scalar>?, UnsafePointer<Scalar>?)
  let finalGradients: (UnsafePointer<Scalar>?, UnsafePointer<Scalar>?)
  /// nil: not wanted.
  let initialGradients: (Pointer?, Pointer?)

  private var plan: CellPlan { network.plan }
  private var configuration: NetworkConfiguration { network.configuration }
  private var hidden: Int { plan.paddedHidden }
  private var width: Int { PanelLayout(lanes: plan.lanes, units: configuration.stateWidth).paddedUnits }
  private var isLSTM: Bool { configuration.cell == .lstm }

  @inline(__always)
  private func time(_ s: Int, _ n: Int) -> Int { reverse ? batch.length(n) &- 1 &- s : s }

  /// The row of sequence `n`'s step `s` in the arrays over all steps.
  @inline(__always)
  private func row(_ s: Int, _ n: Int) -> Int { time(s, n) &* batch.sequences &+ n }

  /// Pointers to the rows of one step.
  private struct StepRows {
    let gates: UnsafeMutablePointer<Pointer>
    let nextGates: UnsafeMutablePointer<UnsafePointer<Scalar>>
    let tape: UnsafeMutablePointer<UnsafePointer<Scalar>>
    let previous: UnsafeMutablePointer<UnsafePointer<Scalar>>
  }

  /// All of a shard by the calling thread.
  func run(shard: Int) {
    start(shard: shard)
    let first = batch.range(shard).lowerBound
    var member = TeamMember.alone
    run(
      shard: shard, &member,
      StepRows(
        gates: scratch.gateRows + first, nextGates: scratch.nextGateRows + first, tape: scratch.tapeRows + first,
        previous: scratch.previousRows + first))
    finish(shard: shard)
  }

  /// A member's part of a shard that has been started and is to be finished; at most `Team.sequences` sequences.
  func run(shard: Int, _ member: inout TeamMember) {
    // On each member's own stack: all write them.
    let bytes = Team.sequences * MemoryLayout<Pointer>.stride
    withUnsafeTemporaryAllocation(byteCount: 4 * bytes, alignment: MemoryLayout<Pointer>.alignment) { memory in
      guard let base = memory.baseAddress else { return }
      func rows<Row>(_ index: Int) -> UnsafeMutablePointer<Row> {
        (base + index * bytes).bindMemory(to: Row.self, capacity: Team.sequences)
      }
      run(shard: shard, &member, StepRows(gates: rows(0), nextGates: rows(1), tape: rows(2), previous: rows(3)))
    }
  }

  private func run(shard: Int, _ member: inout TeamMember, _ rows: StepRows) {
    let range = batch.range(shard)
    let first = range.lowerBound
    let order = batch.order + first
    let count = range.count
    if count == 0 { return }
    var next = 0  // sequences that were active at step s + 1
    var s = batch.length(order[0]) &- 1
    while s >= 0 {
      var active = next
      while active < count && batch.length(order[active]) > s { active &+= 1 }
      step(&member, s, order, first: first, active: active, next: next, rows)
      next = active
      s &-= 1
    }
    // Before the first step: the gradient of the initial state.
    if initialGradients.0 != nil { step(&member, -1, order, first: first, active: next, next: next, rows) }
  }

  /// Initial values of the scratch.
  func start(shard: Int) {
    let range = batch.range(shard)
    let order = batch.order + range.lowerBound
    let c = configuration
    func load(_ from: UnsafePointer<Scalar>?, _ n: Int, _ count: Int, to: Pointer, padded: Int) {
      if let from { to.update(from: from + n &* count, count: count) }
      let given = from == nil ? 0 : count
      (to + given).update(repeating: 0, count: padded &- given)
    }
    for (r, position) in range.enumerated() {
      let n = order[r]
      scratch.dhRows[position] = scratch.dh + position &* width
      scratch.innerRows[position] = scratch.inner + position &* hidden
      let at = position &* hidden
      if isLSTM {
        load(initial.1, n, c.hiddenSize, to: scratch.c0 + at, padded: hidden)
        load(finalGradients.1, n, c.hiddenSize, to: scratch.carry + at, padded: hidden)
      } else if c.cell.tapeGates > 0 {
        load(initial.0, n, c.hiddenSize, to: scratch.h0 + at, padded: hidden)
        (scratch.carry + at).update(repeating: 0, count: hidden)
      }
    }
  }

  /// The gradients of the initial states. An empty sequence hands its final gradients through.
  func finish(shard: Int) {
    let range = batch.range(shard)
    let order = batch.order + range.lowerBound
    let c = configuration
    for (r, position) in range.enumerated() {
      let n = order[r]
      if let out = initialGradients.0 {
        let row = out + n &* c.stateWidth
        if batch.length(n) > 0 {
          row.update(from: scratch.dh + position &* width, count: c.stateWidth)
        } else if let last = finalGradients.0 {
          row.update(from: last + n &* c.stateWidth, count: c.stateWidth)
        } else {
          row.update(repeating: 0, count: c.stateWidth)
        }
      }
      if isLSTM, let out = initialGradients.1 {
        (out + n &* c.hiddenSize).update(from: scratch.carry + position &* hidden, count: c.hiddenSize)
      }
    }
  }

  /// One step: for each panel of units dL/dh after step `s`, and at once, while it is in the first-level cache, the
  /// gradients of the gates' sums of these units. Step -1 is the initial state: it has no gates.
  private func step(
    _ member: inout TeamMember, _ s: Int, _ order: UnsafeMutablePointer<Int>, first: Int, active: Int, next: Int,
    _ rows: StepRows
  ) {
    let c = configuration
    let projected = c.projectionSize > 0
    if s >= 0 { locate(s, order, first: first, active: active, rows) }
    for r in 0..<next {
      rows.nextGates[r] = UnsafePointer(scratch.gates + row(s &+ 1, order[r]) &* (plan.gradientSegments &* hidden))
    }
    let slot = member.number
    let statePanels = PanelLayout(lanes: plan.lanes, units: c.stateWidth)
    member.share(statePanels.count) { some in
      arriving(s, order, first: first, active: active, next: next, statePanels.units(some))
      product(
        next, rows: UnsafePointer(rows.nextGates), depth: c.hiddenSize, segments: plan.stateGates,
        weights.recurrent, jobs?.recurrent, slot: slot, statePanels, some, out: scratch.dhRows + first, .resume)
      if s < 0 { return }
      if projected {
        let units = statePanels.units(some)
        for r in 0..<active {
          (scratch.outputs + (row(s, order[r]) &* width &+ units.lowerBound)).update(
            from: scratch.dh + ((first &+ r) &* width &+ units.lowerBound), count: units.count)
        }
      } else {
        gates(first: first, active: active, statePanels.vectors(some), rows)
      }
    }
    if s < 0 { return }
    let hiddenPanels = PanelLayout(lanes: plan.lanes, units: c.hiddenSize)
    if projected {
      member.share(hiddenPanels.count) { some in
        product(
          active, rows: constant(scratch.dhRows + first), depth: c.projectionSize, segments: 1, weights.projection,
          jobs?.projection, slot: slot, hiddenPanels, some, out: scratch.innerRows + first, .set)
        gates(first: first, active: active, hiddenPanels.vectors(some), rows)
      }
    }
    if c.cell == .gruResetBefore {
      member.share(hiddenPanels.count) { some in
        product(
          active, rows: constant(rows.gates), offset: plan.stateGates &* hidden, depth: c.hiddenSize, segments: 1,
          weights.candidate, jobs?.candidate, slot: slot, hiddenPanels, some, out: scratch.innerRows + first, .set)
        var step = arguments(first: first, active: active, hiddenPanels.vectors(some), rows)
        network.kernels.backward.gruResetGates(&step)
      }
    }
  }

  /// Where the rows of step `s` are.
  private func locate(_ s: Int, _ order: UnsafeMutablePointer<Int>, first: Int, active: Int, _ rows: StepRows) {
    let c = configuration
    for r in 0..<active {
      let n = order[r]
      let position = first &+ r
      let t = time(s, n)
      rows.gates[r] = scratch.gates + (t &* batch.sequences &+ n) &* (plan.gradientSegments &* hidden)
      // The step before is at t - 1, in reverse at t + 1.
      let before = reverse ? t &+ 1 : t &- 1
      switch c.cell {
      case .lstm:
        rows.tape[r] = UnsafePointer(tape[t, n])
        rows.previous[r] = UnsafePointer(
          s > 0 ? tape[before, n] + 4 &* c.hiddenSize : scratch.c0 + position &* hidden)
      case .gru, .gruResetBefore:
        rows.tape[r] = UnsafePointer(tape[t, n])
        rows.previous[r] = UnsafePointer(s > 0 ? output[before, n] : scratch.h0 + position &* hidden)
      case .rnnTanh, .rnnRelu: rows.tape[r] = UnsafePointer(output[t, n])
      }
    }
  }

  /// What arrives at some units of dL/dh after step `s` without a product: through y, the final state, and, for
  /// sequences that make a step s + 1, past its gates.
  private func arriving(
    _ s: Int, _ order: UnsafeMutablePointer<Int>, first: Int, active: Int, next: Int, _ units: Range<Int>
  ) {
    let c = configuration
    let unit = units.lowerBound
    for r in 0..<active {
      let n = order[r]
      let position = first &+ r
      let dh = scratch.dh + (position &* width &+ unit)
      if s >= 0, let dy {
        dh.update(from: dy[time(s, n), n] + unit, count: units.count)
      } else {
        dh.update(repeating: 0, count: units.count)
      }
      if r >= next {
        if let last = finalGradients.0 {
          network.kernels.panels.addRow(last + (n &* c.stateWidth &+ unit), dh, units.count)
        }
      } else if !isLSTM && c.cell.tapeGates > 0 {
        network.kernels.panels.addRow(UnsafePointer(scratch.carry + (position &* hidden &+ unit)), dh, units.count)
      }
    }
  }

  /// From dL/dh of some vectors of units to the gradients of their gates' sums; of the GRU with reset before, the first
  /// half.
  private func gates(first: Int, active: Int, _ vectors: Range<Int>, _ rows: StepRows) {
    var step = arguments(first: first, active: active, vectors, rows)
    switch configuration.cell {
    case .lstm: network.kernels.backward.lstm(&step)
    case .gru: network.kernels.backward.gru(&step)
    case .gruResetBefore: network.kernels.backward.gruResetCandidate(&step)
    case .rnnTanh, .rnnRelu: network.kernels.backward.rnn(&step)
    }
  }

  @inline(__always)
  private func arguments(
    first: Int, active: Int, _ vectors: Range<Int>, _ rows: StepRows
  ) -> BackwardArguments<Scalar> {
    let projected = configuration.projectionSize > 0
    return BackwardArguments(
      count: active, vectors: vectors, stateStride: hidden,
      dh: UnsafePointer((projected ? scratch.inner : scratch.dh) + first &* hidden),
      carry: scratch.carry + first &* hidden, dReset: UnsafePointer(scratch.inner + first &* hidden),
      tape: UnsafePointer(rows.tape), gateStride: configuration.hiddenSize, previous: UnsafePointer(rows.previous),
      dgates: UnsafePointer(rows.gates), flag: projected || configuration.cell == .rnnRelu)
  }

  /// A product over some panels, into padded scratch rows.
  ///
  /// - Parameters:
  ///   - jobs: none: the matrix is packed.
  ///   - slot: the number of the calling thread among those that pack.
  @inline(__always)
  private func product(
    _ count: Int, rows: UnsafePointer<UnsafePointer<Scalar>>, offset: Int = 0, depth: Int, segments: Int,
    _ matrix: Pointer, _ jobs: [PackJob<Scalar>]?, slot: Int, _ panels: PanelLayout, _ some: Range<Int>,
    out: UnsafeMutablePointer<Pointer>, _ finish: ProductFinish
  ) {
    if count == 0 { return }
    for panel in some {
      let vectors = panels.vectors(panel)
      let column = panels.column(panel)
      let packed =
        jobs?[0].packed(panel: panel, slot: slot, network.kernels)
        ?? UnsafePointer(matrix + column &* segments &* depth)
      var arguments = ProductArguments(
        count: count, rows: rows, rowOffset: offset, depth: 0, panel: packed, out: UnsafePointer(out),
        outOffset: column, columns: vectors &* plan.lanes, finish: finish)
      network.kernels.product(&arguments, vectors: vectors, depth: depth, segments: segments, stride: hidden)
    }
  }
}
