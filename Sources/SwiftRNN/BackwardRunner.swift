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
  /// Where the arrays over all steps have each sequence's first step: the gradients of the gates' sums, dL/dy, the
  /// tape, and h.
  let gateStarts: UnsafeMutablePointer<Pointer>
  let dyStarts: UnsafeMutablePointer<Pointer>
  let tapeStarts: UnsafeMutablePointer<Pointer>
  let hStarts: UnsafeMutablePointer<Pointer>
  /// The initial state that the first step goes back to: rows of h0 or c0.
  let initialRows: UnsafeMutablePointer<Pointer>

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
    innerRows = arena.take(Pointer.self, c.projectionSize > 0 || c.cell == .gruResetBefore ? sequences : 0)
    gateStarts = arena.take(Pointer.self, sequences)
    dyStarts = arena.take(Pointer.self, sequences)
    tapeStarts = arena.take(Pointer.self, c.cell.tapeGates > 0 ? sequences : 0)
    hStarts = arena.take(Pointer.self, c.cell == .lstm ? 0 : sequences)
    initialRows = arena.take(Pointer.self, c.cell.tapeGates > 0 ? sequences : 0)
  }
}

/// One direction of one layer, backward.
struct BackwardRunner<Scalar: RNNScalar>: DirectionRunner {
  typealias Pointer = UnsafeMutablePointer<Scalar>

  let network: Network<Scalar>
  let batch: BatchPlan
  let weights: PackedBackward<Scalar>
  /// nil: the weights are packed. Else each panel is packed at its use.
  let unpacked: DirectionTensors<Scalar>?
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
  /// LSTM: dL/dc of every step but for what comes through h, `[T, N, H]`; nil: zeros.
  let cellGradients: Rows<Scalar>?
  /// Carried gradients of this layer, `[N][network.carriedRow]` (StepCuts.swift); nil: the last step is as all are.
  var carriedIn: UnsafePointer<Scalar>?
  /// nil: not wanted.
  var carriedOut: Pointer?

  private var plan: CellPlan { network.plan }
  private var configuration: NetworkConfiguration { network.executed }
  private var hidden: Int { plan.paddedHidden }
  private var width: Int { PanelLayout(lanes: plan.lanes, units: configuration.stateWidth).paddedUnits }
  private var isLSTM: Bool { configuration.cell == .lstm }

  @inline(__always)
  private func time(_ s: Int, _ n: Int) -> Int { reverse ? batch.length(n) &- 1 &- s : s }

  /// The row of sequence `n`'s step `s` in the arrays over all steps.
  @inline(__always)
  private func row(_ s: Int, _ n: Int) -> Int { time(s, n) &* batch.sequences &+ n }

  /// From one of a sequence's steps to the next.
  @inline(__always)
  private func stepStride(_ stride: Int) -> Int { reverse ? 0 &- stride : stride }

  /// The gradients of the gates' sums in step `s`, of the sequences from position `first` on.
  @inline(__always)
  private func gateRows(_ s: Int, first: Int) -> MovingRows<Scalar> {
    MovingRows(
      UnsafePointer(scratch.gateStarts + first),
      offset: s &* stepStride(batch.sequences &* plan.gradientSegments &* hidden))
  }

  /// What the forward pass left of step `s`. Vanilla RNN: h.
  @inline(__always)
  private func tapeRows(_ s: Int, first: Int) -> MovingRows<Scalar> {
    configuration.cell.tapeGates > 0
      ? MovingRows(UnsafePointer(scratch.tapeStarts + first), offset: s &* stepStride(tape.stepStride))
      : hRows(s, first: first)
  }

  @inline(__always)
  private func hRows(_ s: Int, first: Int) -> MovingRows<Scalar> {
    MovingRows(UnsafePointer(scratch.hStarts + first), offset: s &* stepStride(output.stepStride))
  }

  /// The state before step `s`: LSTM c, GRU h.
  @inline(__always)
  private func previousRows(_ s: Int, first: Int) -> MovingRows<Scalar> {
    if configuration.cell.tapeGates == 0 { return hRows(s, first: first) }  // nothing reads them
    if s == 0 { return MovingRows(UnsafePointer(scratch.initialRows + first), offset: 0) }
    if !isLSTM { return hRows(s &- 1, first: first) }
    let rows = tapeRows(s &- 1, first: first)
    return MovingRows(rows.starts, offset: rows.offset &+ 4 &* configuration.hiddenSize)
  }

  /// All of a shard by the calling thread.
  @inline(never)
  func run(shard: Int) {
    start(shard: shard)
    var member = TeamMember.alone
    run(shard: shard, &member)
    finish(shard: shard)
  }

  /// A member's part of a shard that has been started and is to be finished.
  @inline(never)
  func run(shard: Int, _ member: inout TeamMember) {
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
      // The last step's gate gradients are there already: a pass over later steps has computed them.
      if carriedIn == nil || s < batch.steps &- 1 {
        step(&member, s, order, first: first, active: active, next: next)
      }
      next = active
      s &-= 1
    }
    // Before the first step: the gradient of the initial state.
    if initialGradients.0 != nil { step(&member, -1, order, first: first, active: next, next: next) }
  }

  /// Initial values of the scratch.
  @inline(never)
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
      let at = position &* hidden
      if c.projectionSize > 0 || c.cell == .gruResetBefore { scratch.innerRows[position] = scratch.inner + at }
      let t = time(0, n)
      scratch.gateStarts[position] =
        scratch.gates + (t &* batch.sequences &+ n) &* (plan.gradientSegments &* hidden)
      if let dy { scratch.dyStarts[position] = dy[t, n] }
      if !isLSTM { scratch.hStarts[position] = output[t, n] }
      if c.cell.tapeGates > 0 {
        scratch.tapeStarts[position] = tape[t, n]
        scratch.initialRows[position] = (isLSTM ? scratch.c0 : scratch.h0) + at
      }
      if isLSTM {
        load(initial.1, n, c.hiddenSize, to: scratch.c0 + at, padded: hidden)
        load(finalGradients.1, n, c.hiddenSize, to: scratch.carry + at, padded: hidden)
      } else if c.cell.tapeGates > 0 {
        load(initial.0, n, c.hiddenSize, to: scratch.h0 + at, padded: hidden)
        (scratch.carry + at).update(repeating: 0, count: hidden)
      }
      if let carriedIn, batch.length(n) == batch.steps {
        copyCarried(UnsafeMutablePointer(mutating: carriedIn), n, position, step: batch.steps &- 1, isIn: true)
      }
    }
  }

  /// The carried gradients of a sequence at a step, to or from the scratch.
  private func copyCarried(_ carried: Pointer, _ n: Int, _ position: Int, step: Int, isIn: Bool) {
    let (gates, c) = (plan.gradientSegments &* hidden, configuration)
    var place = carried + n &* network.carriedRow
    func copy(_ own: Pointer, _ count: Int) {
      if isIn { own.update(from: place, count: count) } else { place.update(from: own, count: count) }
      place += count
    }
    let row = step &* batch.sequences &+ n
    copy(scratch.gates + row &* gates, gates)
    if c.cell.tapeGates > 0 { copy(scratch.carry + position &* hidden, hidden) }
    if c.projectionSize > 0 { copy(scratch.outputs + row &* width, width) }
  }

  /// The gradients of the initial states. An empty sequence hands its final gradients through.
  @inline(never)
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
      if let carriedOut, batch.length(n) > 0 { copyCarried(carriedOut, n, position, step: 0, isIn: false) }
      if isLSTM, let out = initialGradients.1 {
        (out + n &* c.hiddenSize).update(from: scratch.carry + position &* hidden, count: c.hiddenSize)
      }
    }
  }

  /// One step: for each panel of units dL/dh after step `s`, and at once, while it is in the first-level cache, the
  /// gradients of the gates' sums of these units. Step -1 is the initial state: it has no gates.
  private func step(
    _ member: inout TeamMember, _ s: Int, _ order: UnsafeMutablePointer<Int>, first: Int, active: Int, next: Int
  ) {
    let c = configuration
    let projected = c.projectionSize > 0
    let nextGates = gateRows(s &+ 1, first: first)
    let slot = member.number
    let statePanels = PanelLayout(lanes: plan.lanes, units: c.stateWidth)
    member.share(statePanels.count) { some in
      arriving(s, order, first: first, active: active, next: next, statePanels.units(some))
      product(
        next, rows: constant(nextGates.starts), offset: nextGates.offset, depth: c.hiddenSize,
        segments: plan.stateGates,
        weights.recurrent, unpacked.map { weights.recurrentJob(plan, c, $0) }, slot: slot, statePanels, some,
        out: scratch.dhRows + first, .resume)
      if s < 0 { return }
      if projected {
        let units = statePanels.units(some)
        for r in 0..<active {
          (scratch.outputs + (row(s, order[r]) &* width &+ units.lowerBound)).update(
            from: scratch.dh + ((first &+ r) &* width &+ units.lowerBound), count: units.count)
        }
      } else {
        gates(s, order, first: first, active: active, statePanels.vectors(some))
      }
    }
    if s < 0 { return }
    let hiddenPanels = PanelLayout(lanes: plan.lanes, units: c.hiddenSize)
    if projected {
      member.share(hiddenPanels.count) { some in
        product(
          active, rows: constant(scratch.dhRows + first), depth: c.projectionSize, segments: 1, weights.projection,
          unpacked.flatMap { weights.projectionJob(plan, c, $0) }, slot: slot, hiddenPanels, some,
          out: scratch.innerRows + first, .set)
        gates(s, order, first: first, active: active, hiddenPanels.vectors(some))
      }
    }
    if c.cell == .gruResetBefore {
      let gates = gateRows(s, first: first)
      member.share(hiddenPanels.count) { some in
        product(
          active, rows: constant(gates.starts), offset: gates.offset &+ plan.stateGates &* hidden, depth: c.hiddenSize,
          segments: 1,
          weights.candidate, unpacked.flatMap { weights.candidateJob(plan, c, $0) }, slot: slot, hiddenPanels, some,
          out: scratch.innerRows + first, .set)
        var step = arguments(s, first: first, active: active, hiddenPanels.vectors(some))
        network.kernels.backward.gruResetGates(&step)
      }
    }
  }

  /// What arrives at some units of dL/dh after step `s` without a product: through y, for sequences that make a step
  /// s + 1 past its gates, and for the others the gradient of the final state.
  private func arriving(
    _ s: Int, _ order: UnsafeMutablePointer<Int>, first: Int, active: Int, next: Int, _ units: Range<Int>
  ) {
    let c = configuration
    let unit = units.lowerBound
    let start = first &* width &+ unit
    let passesBy = !isLSTM && c.cell.tapeGates > 0
    var arriving = ArrivalArguments(
      count: active, next: next, units: units.count, stateStride: width, dh: scratch.dh + start,
      dy: s < 0
        ? nil
        : dy.map {
          MovingRows(UnsafePointer(scratch.dyStarts + first), offset: s &* stepStride($0.stepStride) &+ unit)
        }, carry: passesBy ? UnsafePointer(scratch.carry + start) : nil)
    network.kernels.panels.arrive(&arriving)
    guard let last = finalGradients.0 else { return }
    for r in next..<active {
      network.kernels.panels.addRow(
        last + (order[r] &* c.stateWidth &+ unit), scratch.dh + (start &+ r &* width), units.count)
    }
  }

  /// From dL/dh of some vectors of units to the gradients of their gates' sums; of the GRU with reset before, the first
  /// half.
  private func gates(
    _ s: Int, _ order: UnsafeMutablePointer<Int>, first: Int, active: Int, _ vectors: Range<Int>
  ) {
    if let cellGradients {
      let unit = vectors.lowerBound &* plan.lanes
      let count = min(vectors.upperBound &* plan.lanes, configuration.hiddenSize) &- unit
      for r in 0..<active {
        network.kernels.panels.addRow(
          UnsafePointer(cellGradients[time(s, order[r]), order[r]] + unit),
          scratch.carry + ((first &+ r) &* hidden &+ unit), count)
      }
    }
    var step = arguments(s, first: first, active: active, vectors)
    switch configuration.cell {
    case .lstm: network.kernels.backward.lstm(&step)
    case .gru: network.kernels.backward.gru(&step)
    case .gruResetBefore: network.kernels.backward.gruResetCandidate(&step)
    case .rnnTanh, .rnnRelu: network.kernels.backward.rnn(&step)
    case .equations: break  // no step of its own
    }
  }

  @inline(__always)
  private func arguments(
    _ s: Int, first: Int, active: Int, _ vectors: Range<Int>
  ) -> BackwardArguments<Scalar> {
    let projected = configuration.projectionSize > 0
    return BackwardArguments(
      count: active, vectors: vectors, stateStride: hidden,
      dh: UnsafePointer((projected ? scratch.inner : scratch.dh) + first &* hidden),
      carry: scratch.carry + first &* hidden, dReset: UnsafePointer(scratch.inner + first &* hidden),
      tape: tapeRows(s, first: first), gateStride: configuration.hiddenSize,
      previous: previousRows(s, first: first), dgates: gateRows(s, first: first),
      flag: projected || configuration.cell == .rnnRelu)
  }

  /// A product over some panels, into padded scratch rows.
  ///
  /// - Parameters:
  ///   - job: nil: the matrix is packed.
  ///   - slot: the number of the calling thread among those that pack.
  @inline(__always)
  private func product(
    _ count: Int, rows: UnsafePointer<UnsafePointer<Scalar>>, offset: Int = 0, depth: Int, segments: Int,
    _ matrix: Pointer, _ job: PackJob<Scalar>?, slot: Int, _ panels: PanelLayout, _ some: Range<Int>,
    out: UnsafeMutablePointer<Pointer>, _ finish: ProductFinish
  ) {
    if count == 0 { return }
    for panel in some {
      let vectors = panels.vectors(panel)
      let column = panels.column(panel)
      let packed =
        job?.packed(panel: panel, slot: slot, network.kernels)
        ?? UnsafePointer(matrix + column &* segments &* depth)
      var arguments = ProductArguments(
        count: count, rows: rows, rowOffset: offset, depth: 0, panel: packed, out: UnsafePointer(out),
        outOffset: column, columns: vectors &* plan.lanes, finish: finish)
      network.kernels.product(&arguments, vectors: vectors, depth: depth, segments: segments, stride: hidden)
    }
  }
}
