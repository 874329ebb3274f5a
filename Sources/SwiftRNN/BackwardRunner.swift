// Back-propagation through time of one direction of one layer for one shard of the batch: from the gradients of h to
// those of the gates' sums, of the initial states, and nothing else. The gradients of x and of the weights are large
// products over all steps, afterwards (InputGradient.swift, WeightGradient.swift).
import Kernels

/// Scratch of one direction, for all sequences of the batch; a shard uses its sequences' part.
struct BackwardScratch<Scalar: RNNScalar> {
  typealias Pointer = UnsafeMutablePointer<Scalar>
  /// dL/dh of one step, `[N][padded P]`.
  let dh: Pointer
  /// With projection: dL/dm, m = o * tanh(c). GRU, reset before: dL/d(r * h). `[N][padded H]`.
  let inner: Pointer
  /// LSTM: dL/dc. GRU: the part of dL/dh of the step before that passes no product. `[N][padded H]`.
  let carry: Pointer
  /// The initial states, padded; zeros where the caller gave none.
  let h0: Pointer
  let c0: Pointer
  /// Gradients of the gates' sums of all steps, `[T * N][segments][padded H]`; row t * N + n.
  let gates: Pointer
  /// With projection: dL/dh of all steps, `[T * N][padded P]`.
  let outputs: Pointer
  let dhRows: UnsafeMutablePointer<Pointer>
  let innerRows: UnsafeMutablePointer<Pointer>
  let gateRows: UnsafeMutablePointer<Pointer>
  let nextGateRows: UnsafeMutablePointer<UnsafePointer<Scalar>>
  let tapeRows: UnsafeMutablePointer<UnsafePointer<Scalar>>
  let previousRows: UnsafeMutablePointer<UnsafePointer<Scalar>>

  init(_ arena: inout Arena, _ plan: CellPlan, _ c: NetworkConfiguration, steps: Int, sequences: Int) {
    let width = PanelLayout(lanes: plan.lanes, units: c.stateWidth).paddedUnits
    let hidden = plan.paddedHidden
    let projected = c.projectionSize > 0
    dh = arena.take(Scalar.self, sequences, width)
    inner = arena.take(Scalar.self, sequences, hidden)
    carry = arena.take(Scalar.self, sequences, hidden)
    h0 = arena.take(Scalar.self, sequences, width)
    c0 = arena.take(Scalar.self, sequences, hidden)
    gates = arena.take(Scalar.self, steps, sequences, plan.gradientSegments, hidden)
    outputs = arena.take(Scalar.self, projected ? steps : 0, sequences, width)
    dhRows = arena.take(Pointer.self, sequences)
    innerRows = arena.take(Pointer.self, sequences)
    gateRows = arena.take(Pointer.self, sequences)
    nextGateRows = arena.take(UnsafePointer<Scalar>.self, sequences)
    tapeRows = arena.take(UnsafePointer<Scalar>.self, sequences)
    previousRows = arena.take(UnsafePointer<Scalar>.self, sequences)
  }
}

/// One direction of one layer, backward.
struct BackwardRunner<Scalar: RNNScalar> {
  typealias Pointer = UnsafeMutablePointer<Scalar>

  let kernels: KernelTable<Scalar>
  let plan: CellPlan
  let configuration: NetworkConfiguration
  let batch: BatchPlan
  let weights: PackedBackward<Scalar>
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

  private var hidden: Int { plan.paddedHidden }
  private var width: Int { PanelLayout(lanes: plan.lanes, units: configuration.stateWidth).paddedUnits }
  private var isLSTM: Bool { configuration.cell == .lstm }

  @inline(__always)
  private func time(_ s: Int, _ n: Int) -> Int { reverse ? batch.length(n) &- 1 &- s : s }

  /// The row of sequence `n`'s step `s` in the arrays over all steps.
  @inline(__always)
  private func row(_ s: Int, _ n: Int) -> Int { time(s, n) &* batch.sequences &+ n }

  func run(shard: Int) {
    let range = batch.range(shard)
    let first = range.lowerBound
    let order = batch.order + first
    let count = range.count
    if count == 0 { return }
    start(order, range)
    var next = 0  // sequences that were active at step s + 1
    var s = batch.length(order[0]) &- 1
    while s >= 0 {
      var active = next
      while active < count && batch.length(order[active]) > s { active &+= 1 }
      gradientOfState(s, order, first: first, active: active, next: next)
      gates(s, order, first: first, active: active)
      next = active
      s &-= 1
    }
    // Before the first step: the gradient of the initial state.
    if initialGradients.0 != nil { gradientOfState(-1, order, first: first, active: next, next: next) }
    for r in 0..<count { emit(order[r], first &+ r, empty: r >= next) }
  }

  private func start(_ order: UnsafeMutablePointer<Int>, _ range: Range<Int>) {
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
      load(initial.0, n, c.stateWidth, to: scratch.h0 + position &* width, padded: width)
      load(initial.1, n, c.hiddenSize, to: scratch.c0 + position &* hidden, padded: hidden)
      load(isLSTM ? finalGradients.1 : nil, n, c.hiddenSize, to: scratch.carry + position &* hidden, padded: hidden)
    }
  }

  /// dL/dh after step `s`: what arrives through y and the final state, and, for sequences that make a step s + 1, the
  /// chain over the rows of the gates' gradients of that step.
  private func gradientOfState(_ s: Int, _ order: UnsafeMutablePointer<Int>, first: Int, active: Int, next: Int) {
    let c = configuration
    for r in 0..<active {
      let n = order[r]
      let position = first &+ r
      let dh = scratch.dh + position &* width
      if s >= 0, let dy {
        dh.update(from: dy[time(s, n), n], count: c.stateWidth)
      } else {
        dh.update(repeating: 0, count: c.stateWidth)
      }
      if r >= next {
        if let last = finalGradients.0 { kernels.panels.addRow(last + n &* c.stateWidth, dh, c.stateWidth) }
      } else {
        if !isLSTM && c.cell.tapeGates > 0 {
          kernels.panels.addRow(UnsafePointer(scratch.carry + position &* hidden), dh, c.hiddenSize)
        }
        scratch.nextGateRows[position] = UnsafePointer(
          scratch.gates + row(s &+ 1, n) &* (plan.gradientSegments &* hidden))
      }
    }
    let segments = c.cell == .gruResetBefore ? 2 : c.cell.gates
    product(
      next, rows: UnsafePointer(scratch.nextGateRows + first), depth: c.hiddenSize, segments: segments,
      weights.recurrent, columns: c.stateWidth, out: scratch.dhRows + first, .resume)
    if c.projectionSize > 0 && s >= 0 {
      for r in 0..<active {
        (scratch.outputs + row(s, order[r]) &* width).update(
          from: scratch.dh + (first &+ r) &* width, count: c.stateWidth)
      }
      product(
        active, rows: constant(scratch.dhRows + first), depth: c.projectionSize, segments: 1,
        weights.projection, columns: c.hiddenSize, out: scratch.innerRows + first, .set)
    }
  }

  /// From dL/dh after step `s` to the gradients of its gates' sums.
  private func gates(_ s: Int, _ order: UnsafeMutablePointer<Int>, first: Int, active: Int) {
    let c = configuration
    let rowSize = plan.gradientSegments &* hidden
    for r in 0..<active {
      let n = order[r]
      let position = first &+ r
      let t = time(s, n)
      scratch.gateRows[position] = scratch.gates + (t &* batch.sequences &+ n) &* rowSize
      // The step before is at t - 1, in reverse at t + 1.
      let before = reverse ? t &+ 1 : t &- 1
      switch c.cell {
      case .lstm:
        scratch.tapeRows[position] = UnsafePointer(tape[t, n])
        scratch.previousRows[position] = UnsafePointer(
          s > 0 ? tape[before, n] + 4 &* c.hiddenSize : scratch.c0 + position &* hidden)
      case .gru, .gruResetBefore:
        scratch.tapeRows[position] = UnsafePointer(tape[t, n])
        scratch.previousRows[position] = UnsafePointer(s > 0 ? output[before, n] : scratch.h0 + position &* hidden)
      case .rnnTanh, .rnnRelu: scratch.tapeRows[position] = UnsafePointer(output[t, n])
      }
    }
    let projected = c.projectionSize > 0
    var step = BackwardArguments(
      count: active, vectors: hidden / plan.lanes, stateStride: hidden,
      dh: UnsafePointer((projected ? scratch.inner : scratch.dh) + first &* hidden),
      carry: scratch.carry + first &* hidden, dReset: UnsafePointer(scratch.inner + first &* hidden),
      tape: UnsafePointer(scratch.tapeRows + first), gateStride: c.hiddenSize,
      previous: UnsafePointer(scratch.previousRows + first), dgates: UnsafePointer(scratch.gateRows + first),
      flag: projected || c.cell == .rnnRelu)
    switch c.cell {
    case .lstm: kernels.backward.lstm(&step)
    case .gru: kernels.backward.gru(&step)
    case .rnnTanh, .rnnRelu: kernels.backward.rnn(&step)
    case .gruResetBefore:
      kernels.backward.gruResetCandidate(&step)
      product(
        active, rows: constant(scratch.gateRows + first), offset: 2 &* hidden, depth: c.hiddenSize, segments: 1,
        weights.candidate, columns: c.hiddenSize, out: scratch.innerRows + first, .set)
      kernels.backward.gruResetGates(&step)
    }
  }

  @inline(__always)
  private func constant(_ rows: UnsafeMutablePointer<Pointer>) -> UnsafePointer<UnsafePointer<Scalar>> {
    UnsafeRawPointer(rows).assumingMemoryBound(to: UnsafePointer<Scalar>.self)
  }

  /// A product over all panels, into padded scratch rows.
  @inline(__always)
  private func product(
    _ count: Int, rows: UnsafePointer<UnsafePointer<Scalar>>, offset: Int = 0, depth: Int, segments: Int,
    _ matrix: Pointer, columns: Int, out: UnsafeMutablePointer<Pointer>, _ finish: ProductFinish
  ) {
    if count == 0 { return }
    let panels = PanelLayout(lanes: plan.lanes, units: columns)
    for panel in 0..<panels.count {
      let vectors = panels.vectors(panel)
      let column = panels.column(panel)
      var finish = finish
      for segment in 0..<segments {
        var arguments = ProductArguments(
          count: count, rows: rows, rowOffset: offset &+ segment &* hidden, depth: 0,
          panel: UnsafePointer(matrix + (column &* segments &* depth &+ segment &* depth &* vectors &* plan.lanes)),
          out: UnsafePointer(out), outOffset: column, columns: vectors &* plan.lanes, finish: finish)
        kernels.product(&arguments, vectors: vectors, depth: depth)
        finish = .resume
      }
    }
  }

  /// Writes the gradients of the initial states of sequence `n`. An empty sequence hands its final gradients through.
  private func emit(_ n: Int, _ position: Int, empty: Bool) {
    let c = configuration
    if let out = initialGradients.0 {
      if !empty {
        (out + n &* c.stateWidth).update(from: scratch.dh + position &* width, count: c.stateWidth)
      } else if let last = finalGradients.0 {
        (out + n &* c.stateWidth).update(from: last + n &* c.stateWidth, count: c.stateWidth)
      } else {
        (out + n &* c.stateWidth).update(repeating: 0, count: c.stateWidth)
      }
    }
    if isLSTM, let out = initialGradients.1 {
      (out + n &* c.hiddenSize).update(from: scratch.carry + position &* hidden, count: c.hiddenSize)
    }
  }
}
