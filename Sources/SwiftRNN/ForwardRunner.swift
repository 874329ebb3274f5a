// The forward pass of one direction of one layer for one shard of the batch: blocks of steps, in each one product for
// what the input gives, then step by step the product with h and the gates.
import Kernels

/// Scratch of one direction, for all sequences of the batch; a shard uses its sequences' part.
struct ForwardScratch<Scalar: RNNScalar> {
  typealias Pointer = UnsafeMutablePointer<Scalar>
  /// h of even and odd steps, `[N][padded P]`.
  let h: (Pointer, Pointer)
  /// `[N][padded H]`: LSTM's c; r * h of the GRU with reset before.
  let c: Pointer
  /// `[N][padded H]`: z of the GRU with reset before; o * tanh(c) of the LSTM with projection.
  let z: Pointer
  /// Sums of a block of steps, `[steps of a block * N][sums]`.
  let sums: Pointer
  /// Pointers to the rows of each of these, as far as products run over them, and to those of a block's input.
  let hRows: (UnsafeMutablePointer<Pointer>, UnsafeMutablePointer<Pointer>)
  let cRows: UnsafeMutablePointer<Pointer>
  let zRows: UnsafeMutablePointer<Pointer>
  let sumsRows: UnsafeMutablePointer<Pointer>
  let inputRows: UnsafeMutablePointer<UnsafePointer<Scalar>>
  /// Where the tape and both outputs have each sequence's first step.
  let tapeStarts: UnsafeMutablePointer<Pointer>
  let outputStarts: (UnsafeMutablePointer<Pointer>, UnsafeMutablePointer<Pointer>)

  init(_ arena: inout Arena, _ plan: CellPlan, _ c: NetworkConfiguration, steps: Int, sequences: Int) {
    let width = PanelLayout(lanes: plan.lanes, units: c.stateWidth).paddedUnits
    let ahead = Blocking.steps(steps, sequences: sequences)
    h = (arena.take(Scalar.self, sequences, width), arena.take(Scalar.self, sequences, width))
    let (isLSTM, resets, projects) = (c.cell == .lstm, c.cell == .gruResetBefore, c.projectionSize > 0)
    self.c = arena.take(Scalar.self, isLSTM || resets ? sequences : 0, plan.paddedHidden)
    z = arena.take(Scalar.self, projects || resets ? sequences : 0, plan.paddedHidden)
    sums = arena.take(Scalar.self, sequences, ahead, plan.sumsWidth)
    hRows = (arena.take(Pointer.self, sequences), arena.take(Pointer.self, sequences))
    cRows = arena.take(Pointer.self, resets ? sequences : 0)
    zRows = arena.take(Pointer.self, projects ? sequences : 0)
    sumsRows = arena.take(Pointer.self, sequences, ahead)
    inputRows = arena.take(UnsafePointer<Scalar>.self, sequences, ahead)
    tapeStarts = arena.take(Pointer.self, c.cell.tapeGates > 0 ? sequences : 0)
    outputStarts = (arena.take(Pointer.self, sequences), arena.take(Pointer.self, sequences))
  }
}

/// One direction of one layer, forward.
struct ForwardRunner<Scalar: RNNScalar>: DirectionRunner {
  typealias Pointer = UnsafeMutablePointer<Scalar>

  let cell: CellStep<Scalar>
  let batch: BatchPlan
  let scratch: ForwardScratch<Scalar>
  let reverse: Bool
  let input: Rows<Scalar>
  /// Where h goes, [T, N, P] within the rows of both directions: the tape, y or both; nil: not wanted.
  let outputs: (Rows<Scalar>?, Rows<Scalar>?)
  /// The tape's gates, dense [T, N, tapeGates * H], or nil.
  let tape: Rows<Scalar>?
  /// `[N, P]` and `[N, H]` of this layer and direction; nil: zeros.
  let initial: (UnsafePointer<Scalar>?, UnsafePointer<Scalar>?)
  /// nil: not wanted.
  let final: (Pointer?, Pointer?)
  /// LSTM: where c of every step goes, `[T, N, H]`; nil: not wanted.
  let cells: Rows<Scalar>?

  private var plan: CellPlan { cell.plan }
  private var configuration: NetworkConfiguration { cell.configuration }

  /// The time at which sequence `n` makes its step `s`.
  @inline(__always)
  private func time(_ s: Int, _ n: Int) -> Int { reverse ? batch.length(n) &- 1 &- s : s }

  /// All of a shard by the calling thread.
  @inline(never)
  func run(shard: Int) {
    start(shard: shard)
    let first = batch.range(shard).lowerBound
    let ahead = Blocking.steps(batch.steps, sequences: batch.sequences)
    var member = TeamMember.alone
    run(shard: shard, &member, inputRows: scratch.inputRows + first &* ahead)
  }

  /// A member's part of a shard that has been started; at most `Team.sequences` sequences.
  @inline(never)
  func run(shard: Int, _ member: inout TeamMember) {
    // On each member's own stack: all write them.
    withUnsafeTemporaryAllocation(of: UnsafePointer<Scalar>.self, capacity: Blocking.inputRows) { inputRows in
      guard let inputRows = inputRows.baseAddress else { return }
      run(shard: shard, &member, inputRows: inputRows)
    }
  }

  private func run(
    shard: Int, _ member: inout TeamMember, inputRows: UnsafeMutablePointer<UnsafePointer<Scalar>>
  ) {
    let range = batch.range(shard)
    let first = range.lowerBound
    let order = batch.order + first

    // Sequences lie by falling length: those that are still active are the first ones.
    var active = range.count
    let longest = active > 0 ? batch.length(order[0]) : 0
    let ahead = Blocking.steps(batch.steps, sequences: batch.sequences)
    let block = max(1, min(ahead, Blocking.inputRows / max(1, active)))
    let sumsRows = scratch.sumsRows + first &* ahead
    var located = LocatedRows(inputRows)
    var s = 0
    while s < longest {
      let end = min(s &+ block, longest)
      while batch.length(order[active &- 1]) <= s { active &-= 1 }
      locate(&located, order, active: active, steps: s..<end)
      inputSums(&member, located, sumsRows)
      var row = 0
      for step in s..<end {
        while batch.length(order[active &- 1]) <= step { active &-= 1 }
        self.step(&member, step, order, first: first, active: active, sums: sumsRows + row)
        row &+= active
      }
      s = end
    }
  }

  func finish(shard: Int) {}

  /// Pointers, initial states, and final states of empty sequences.
  @inline(never)
  func start(shard: Int) {
    let range = batch.range(shard)
    let order = batch.order + range.lowerBound
    let c = configuration
    let width = cell.state.paddedUnits
    let hidden = plan.paddedHidden
    for (r, position) in range.enumerated() {
      let n = order[r]
      scratch.hRows.0[position] = scratch.h.0 + position &* width
      scratch.hRows.1[position] = scratch.h.1 + position &* width
      if c.cell == .gruResetBefore { scratch.cRows[position] = scratch.c + position &* hidden }
      if c.projectionSize > 0 { scratch.zRows[position] = scratch.z + position &* hidden }
      let t = time(0, n)
      if let tape, c.cell.tapeGates > 0 { scratch.tapeStarts[position] = tape[t, n] }
      if let rows = outputs.0 { scratch.outputStarts.0[position] = rows[t, n] }
      if let rows = outputs.1 { scratch.outputStarts.1[position] = rows[t, n] }
      copyState(initial.0, n, c.stateWidth, to: scratch.h.0 + position &* width, padded: width)
      if c.cell == .lstm {
        copyState(initial.1, n, c.hiddenSize, to: scratch.c + position &* hidden, padded: hidden)
      }
      if batch.length(n) == 0 {
        emit(final.0, n, c.stateWidth, scratch.h.0 + position &* width, 0..<c.stateWidth)
        emit(final.1, n, c.hiddenSize, scratch.c + position &* hidden, 0..<c.hiddenSize)
      }
    }
    let ahead = Blocking.steps(batch.steps, sequences: batch.sequences)
    for row in (range.lowerBound &* ahead)..<(range.upperBound &* ahead) {
      scratch.sumsRows[row] = scratch.sums + row &* plan.sumsWidth
    }
  }

  @inline(__always)
  private func copyState(_ from: UnsafePointer<Scalar>?, _ n: Int, _ width: Int, to: Pointer, padded: Int) {
    if let from {
      to.update(from: from + n &* width, count: width)
      (to + width).update(repeating: 0, count: padded &- width)
    } else {
      to.update(repeating: 0, count: padded)
    }
  }

  /// Writes some units of a final state of sequence `n`, `width` wide.
  @inline(__always)
  private func emit(_ out: Pointer?, _ n: Int, _ width: Int, _ from: Pointer, _ units: Range<Int>) {
    guard let out else { return }
    (out + (n &* width &+ units.lowerBound)).update(from: from + units.lowerBound, count: units.count)
  }

  /// The rows of a block's input.
  private struct LocatedRows {
    let rows: UnsafeMutablePointer<UnsafePointer<Scalar>>
    /// How many there are in this block, each at `rows[i] + offset`.
    var count = 0
    var offset = 0
    /// For which they were looked up: as many sequences in each of these steps, or none that serve again.
    private(set) var active = 0
    private(set) var steps = 0..<0

    init(_ rows: UnsafeMutablePointer<UnsafePointer<Scalar>>) { self.rows = rows }

    /// Whether the rows of these steps lie as those that were looked up, only further on.
    func serve(_ active: Int, _ steps: Range<Int>) -> Bool { active == self.active && steps.count <= self.steps.count }

    mutating func lookedUp(_ active: Int, _ steps: Range<Int>, count: Int) {
      (self.count, offset) = (count, 0)
      (self.active, self.steps) = count == active &* steps.count ? (active, steps) : (0, 0..<0)
    }
  }

  /// Finds the rows of the input of the sequences that are active in each step; in the first one the first `active`.
  private func locate(
    _ located: inout LocatedRows, _ order: UnsafeMutablePointer<Int>, active: Int, steps: Range<Int>
  ) {
    let stride = stepStride(input)
    let throughout = batch.length(order[active &- 1]) >= steps.upperBound
    if throughout && located.serve(active, steps) {
      located.count = active &* steps.count
      located.offset = (steps.lowerBound &- located.steps.lowerBound) &* stride
      return
    }
    let rows = located.rows
    for r in 0..<active { rows[r] = UnsafePointer(input[time(steps.lowerBound, order[r]), order[r]]) }
    var (active, count) = (active, active)
    for s in steps.dropFirst() {
      let before = count &- active
      while batch.length(order[active &- 1]) <= s { active &-= 1 }
      for r in 0..<active { rows[count &+ r] = rows[before &+ r] + stride }
      count &+= active
    }
    located.lookedUp(throughout ? active : 0, steps, count: count)
  }

  /// From one of a sequence's steps to the next.
  @inline(__always)
  private func stepStride(_ rows: Rows<Scalar>) -> Int { reverse ? 0 &- rows.stepStride : rows.stepStride }

  /// Rows of step `s`, of the sequences from position `first` on.
  @inline(__always)
  private func moving(
    _ rows: Rows<Scalar>?, _ starts: UnsafeMutablePointer<Pointer>, first: Int, _ s: Int
  ) -> MovingRows<Scalar>? {
    rows.map { MovingRows(UnsafePointer(starts + first), offset: s &* stepStride($0)) }
  }

  /// W x + b for a block of steps of the sequences that are active in each.
  private func inputSums(
    _ member: inout TeamMember, _ located: LocatedRows, _ sums: UnsafeMutablePointer<Pointer>
  ) {
    let slot = member.number
    for index in 0..<plan.stages.count {
      let panels = plan.stages[index].panels
      member.share(panels.count) { some in
        for panel in some {
          var product = cell.input(
            index, panel, slot: slot, count: located.count, rows: UnsafePointer(located.rows),
            rowOffset: located.offset, sums: sums)
          cell.network.kernels.product(&product, vectors: panels.vectors(panel), depth: cell.inputs)
        }
      }
    }
  }

  /// One step: the stages, the projection, and the new h to where it is wanted.
  private func step(
    _ member: inout TeamMember, _ s: Int, _ order: UnsafeMutablePointer<Int>, first: Int, active: Int,
    sums: UnsafeMutablePointer<Pointer>
  ) {
    let hidden = plan.paddedHidden
    let width = cell.state.paddedUnits
    let projected = configuration.projectionSize > 0
    let tapeRows = configuration.cell.tapeGates > 0 ? moving(tape, scratch.tapeStarts, first: first, s) : nil
    // With a projection h is there after its product.
    let outputs =
      projected
      ? (nil, nil)
      : (
        moving(outputs.0, scratch.outputStarts.0, first: first, s),
        moving(outputs.1, scratch.outputStarts.1, first: first, s)
      )
    let even = s % 2 == 0
    let rows = constant((even ? scratch.hRows.0 : scratch.hRows.1) + first)
    let hPrevious = (even ? scratch.h.0 : scratch.h.1) + first &* width
    let h = (even ? scratch.h.1 : scratch.h.0) + first &* width
    let c = scratch.c + first &* hidden
    let z = scratch.z + first &* hidden
    let slot = member.number
    for index in 0..<plan.stages.count {
      let stage = plan.stages[index]
      let panels = stage.panels
      let operand = stage.usesReset ? constant(scratch.cRows + first) : rows
      member.share(panels.count) { some in
        if active == 1 && cell.unpacked == nil {
          var single = cell.single(
            index, some, start: UnsafePointer(sums[0]), x: UnsafePointer(hPrevious), hPrevious: hPrevious, h: h, c: c,
            z: z, tape: tapeRows?[0], outputs: (outputs.0?[0], outputs.1?[0]))
          cell.network.kernels.single.run(configuration.cell, stage: index, &single)
        } else {
          step(
            index, some, slot: slot, active, sums, operand, hPrevious: hPrevious, h: h, c: c, z: z, tapeRows, outputs)
        }
        if index &+ 1 < plan.stages.count { return }
        let units = panels.units(some)
        if let cells { store(s, order, active: active, c, hidden, units, to: cells) }
        emit(final.1, s, order, active, configuration.hiddenSize, c, hidden, units)
        if !projected { emit(final.0, s, order, active, configuration.stateWidth, h, width, units) }
      }
    }
    if projected {
      let panels = cell.state
      let out = (even ? scratch.hRows.1 : scratch.hRows.0) + first
      member.share(panels.count) { some in
        for panel in some {
          var product = cell.projection(
            panel, slot: slot, count: active, rows: constant(scratch.zRows + first), out: out)
          cell.network.kernels.product(&product, vectors: panels.vectors(panel), depth: configuration.hiddenSize)
        }
        let units = panels.units(some)
        if let out = self.outputs.0 { store(s, order, active: active, h, width, units, to: out) }
        if let out = self.outputs.1 { store(s, order, active: active, h, width, units, to: out) }
        emit(final.0, s, order, active, configuration.stateWidth, h, width, units)
      }
    }
  }

  /// Some panels of a stage: the product with the state, and at once, while the sums are in the first-level cache, the
  /// gates.
  @inline(__always)
  private func step(
    _ index: Int, _ some: Range<Int>, slot: Int, _ active: Int, _ sums: UnsafeMutablePointer<Pointer>,
    _ operand: UnsafePointer<UnsafePointer<Scalar>>, hPrevious: Pointer, h: Pointer, c: Pointer, z: Pointer,
    _ tape: MovingRows<Scalar>?, _ outputs: (MovingRows<Scalar>?, MovingRows<Scalar>?)
  ) {
    let stage = plan.stages[index]
    for panel in some {
      if configuration.cell == .gru { cell.startOfM(panel, count: active, sums: sums) }
      var product = cell.recurrent(index, panel, slot: slot, count: active, rows: operand, sums: sums)
      cell.network.kernels.product(&product, vectors: stage.panels.vectors(panel), depth: cell.depth(stage))
      var gates = cell.gates(
        index, panel, count: active, sums: sums, hPrevious: hPrevious, h: h, c: c, z: z, tape: tape,
        outputs: outputs)
      cell.network.kernels.forward.run(configuration.cell, stage: index, &gates)
    }
  }

  /// Some units of a step's h or c to where they are wanted.
  @inline(__always)
  private func store(
    _ s: Int, _ order: UnsafeMutablePointer<Int>, active: Int, _ from: Pointer, _ stride: Int, _ units: Range<Int>,
    to out: Rows<Scalar>
  ) {
    let (unit, count) = (units.lowerBound, units.count)
    for r in 0..<active {
      (out[time(s, order[r]), order[r]] + unit).update(from: from + (r &* stride &+ unit), count: count)
    }
  }

  /// Some units of the final states of the sequences whose last step this was.
  @inline(__always)
  private func emit(
    _ out: Pointer?, _ s: Int, _ order: UnsafeMutablePointer<Int>, _ active: Int, _ width: Int, _ from: Pointer,
    _ stride: Int, _ units: Range<Int>
  ) {
    if out == nil { return }
    var r = active &- 1
    while r >= 0 && batch.length(order[r]) == s &+ 1 {
      emit(out, order[r], width, from + r &* stride, units)
      r &-= 1
    }
  }
}
