// The forward pass of one direction of a layer of equations for one shard of the batch: blocks of steps, in each what
// comes from inputs only, then step by step the rest.
import Kernels

/// Scratch of one direction, for all sequences of the batch; a shard uses its sequences' part.
struct CellForwardScratch<Scalar: RNNScalar> {
  typealias Pointer = UnsafeMutablePointer<Scalar>

  /// States of even and odd steps, `[N][padded states]`.
  let states: (Pointer, Pointer)
  let kept: Pointer
  /// `[steps of a block * N]`
  let ahead: Pointer
  let slots: Pointer
  /// Rows of the inputs of a block, input by input `[N * steps of a block]`.
  let inputRows: UnsafeMutablePointer<Pointer>
  let tapeStarts: UnsafeMutablePointer<Pointer>
  let operands: UnsafeMutablePointer<UnsafePointer<Scalar>>
  let sums: UnsafeMutablePointer<Pointer>
  let maskRows: UnsafeMutablePointer<MaskRow>

  init(_ arena: inout Arena, _ layer: EquationsLayer<Scalar>, isTraining: Bool, steps: Int, sequences: Int) {
    let program = layer.forward(isTraining: isTraining)
    let rows = Blocking.steps(steps, sequences: sequences)
    func take(_ arena: inout Arena, _ rows: Int, _ width: Int) -> Pointer {
      // A vector behind the last row, which whole-vector reads may touch.
      arena.take(Scalar.self, rows, width, behind: 64)
    }
    states = (take(&arena, sequences, layer.statesWidth), take(&arena, sequences, layer.statesWidth))
    kept = take(&arena, sequences, program.keptWidth)
    ahead = arena.take(Scalar.self, sequences, rows, program.aheadWidth, behind: 64)
    slots = take(&arena, sequences, program.slotsWidth)
    inputRows = arena.take(Pointer.self, layer.inputCount, sequences, rows)
    tapeStarts = arena.take(Pointer.self, sequences)
    operands = arena.take(UnsafePointer<Scalar>.self, program.mostRuns, sequences, rows)
    sums = arena.take(Pointer.self, sequences, rows)
    maskRows = arena.take(MaskRow.self, program.hasMasks ? sequences : 0, rows)
  }
}

/// One direction of one layer, forward.
struct CellForwardRunner<Scalar: RNNScalar>: DirectionRunner {
  typealias Pointer = UnsafeMutablePointer<Scalar>

  let network: Network<Scalar>
  let layer: EquationsLayer<Scalar>
  let isTraining: Bool
  let weights: PackedCell<Scalar>
  let batch: BatchPlan
  let scratch: CellForwardScratch<Scalar>
  let reverse: Bool
  let inputs: InputRows<Scalar>
  let outputs: (Rows<Scalar>?, Rows<Scalar>?)
  /// Dense rows, or nil: inference.
  let tape: Rows<Scalar>?
  /// Of this layer and direction.
  let initial: States<Scalar>
  let final: States<Scalar>
  let masks: CellMasks?

  private var program: CellProgram<Scalar> { layer.forward(isTraining: isTraining) }

  @inline(__always)
  private func time(_ s: Int, _ n: Int) -> Int { reverse ? batch.length(n) &- 1 &- s : s }

  func start(shard: Int) {}
  func finish(shard: Int) {}

  /// Threads take shards of the batch; one shard is one thread's.
  func run(shard: Int, _ member: inout TeamMember) {
    member.share(1) { _ in run(shard: shard) }
  }

  @inline(never)
  func run(shard: Int) {
    let range = batch.range(shard)
    if range.isEmpty { return }
    let ahead = Blocking.steps(batch.steps, sequences: batch.sequences)
    CellRun<Scalar>.withTables { table, tile in
      let rows = range.count &* ahead
      let first = range.lowerBound &* ahead
      let run = CellRun(
        network: network, program: program, packed: UnsafePointer(weights.packed), prepared: weights.prepared,
        slots: scratch.slots + range.lowerBound &* program.slotsWidth, slotRows: range.count, table: table, tile: tile,
        operands: scratch.operands + first &* program.mostRuns, sums: scratch.sums + first, pointerRows: rows,
        masks: program.hasMasks ? masks : nil, maskRows: scratch.maskRows + (program.hasMasks ? first : 0))
      begin(range)
      runBlocks(run, range, ahead: ahead)
    }
  }

  private func states(odd: Bool, _ position: Int) -> Pointer {
    (odd ? scratch.states.1 : scratch.states.0) + position &* layer.statesWidth
  }

  /// Initial states, and the final ones of empty sequences.
  private func begin(_ range: Range<Int>) {
    for position in range {
      let n = batch.order[position]
      let row = states(odd: false, position)
      for state in layer.states.indices {
        let (column, width, value) = layer.states[state]
        if let given = initial[state] {
          (row + column).update(from: given + n &* width, count: width)
        } else {
          (row + column).update(repeating: value, count: width)
        }
        if batch.length(n) == 0, let out = final[state] {
          (out + n &* width).update(from: row + column, count: width)
        }
      }
      if let tape, batch.length(n) > 0 { scratch.tapeStarts[position] = tape[time(0, n), n] }
    }
  }

  private func runBlocks(_ run: CellRun<Scalar>, _ range: Range<Int>, ahead: Int) {
    let first = range.lowerBound
    let order = batch.order + first
    var active = range.count
    let longest = batch.length(order[0])
    // As many rows as fill tiles: more steps of few sequences.
    let block = max(1, min(ahead, Blocking.inputRows / active))
    let rows = scratch.ahead + first &* ahead &* program.aheadWidth
    let inputRows = scratch.inputRows + first &* ahead &* layer.inputCount
    let capacity = range.count &* ahead
    var s = 0
    while s < longest {
      let end = min(s &+ block, longest)
      while batch.length(order[active &- 1]) <= s { active &-= 1 }
      // The rows of the block, step by step.
      var (count, now) = (0, active)
      for step in s..<end {
        while batch.length(order[now &- 1]) <= step { now &-= 1 }
        for r in 0..<now {
          let (t, n) = (time(step, order[r]), order[r])
          for input in 0..<layer.inputCount { inputRows[input &* capacity &+ count &+ r] = inputs[input][t, n] }
          if run.masks != nil { run.maskRows[count &+ r] = maskRow(t, n) }
        }
        count &+= now
      }
      setInputs(run, inputRows, capacity)
      run.table[Place.ahead] = VectorRows(rows, stride: program.aheadWidth)
      run.run(ForwardSection.before, rows: count)
      var row = 0
      for step in s..<end {
        while batch.length(order[active &- 1]) <= step { active &-= 1 }
        setInputs(run, inputRows + row, capacity)
        run.table[Place.ahead] = VectorRows(rows + row &* program.aheadWidth, stride: program.aheadWidth)
        self.step(run, step, order, first: first, active: active, row: row)
        row &+= active
      }
      s = end
    }
  }

  @inline(__always)
  private func maskRow(_ t: Int, _ n: Int) -> MaskRow {
    masks?.row(t, n) ?? MaskRow(step: 0, sequence: 0)
  }

  private func setInputs(_ run: CellRun<Scalar>, _ rows: UnsafeMutablePointer<Pointer>, _ capacity: Int) {
    for input in 0..<layer.inputCount {
      run.table[Place.input(input)] = VectorRows(
        MovingRows(UnsafePointer(rows + input &* capacity), offset: 0))
    }
  }

  private func step(
    _ run: CellRun<Scalar>, _ s: Int, _ order: UnsafeMutablePointer<Int>, first: Int, active: Int, row: Int
  ) {
    let odd = s % 2 == 1
    let (before, after) = (states(odd: odd, first), states(odd: !odd, first))
    for state in layer.states.indices {
      let column = layer.states[state].column
      run.table[Place.previous(state)] = VectorRows(before + column, stride: layer.statesWidth)
      run.table[Place.next(state)] = VectorRows(after + column, stride: layer.statesWidth)
    }
    let kept = scratch.kept + first &* program.keptWidth
    run.table[Place.kept] = VectorRows(kept, stride: program.keptWidth)
    if let tape {
      let stride = reverse ? 0 &- tape.stepStride : tape.stepStride
      run.table[Place.tape] = VectorRows(
        MovingRows(UnsafePointer(scratch.tapeStarts + first), offset: s &* stride))
    }
    var moved = run
    moved.maskRows = run.maskRows + (run.masks == nil ? 0 : row)
    moved.run(ForwardSection.step, rows: active)
    let (output, stride) =
      layer.outputState.map { (after + layer.states[$0].column, layer.statesWidth) } ?? (kept, program.keptWidth)
    for r in 0..<active {
      let n = order[r]
      let t = time(s, n)
      if let rows = outputs.0 { rows[t, n].update(from: output + r &* stride, count: layer.outputWidth) }
      if let rows = outputs.1 { rows[t, n].update(from: output + r &* stride, count: layer.outputWidth) }
    }
    // Sequences lie by falling length: those that end here are the last ones.
    var r = active &- 1
    while r >= 0, batch.length(order[r]) == s &+ 1 {
      for state in layer.states.indices {
        guard let out = final[state] else { continue }
        let (column, width, _) = layer.states[state]
        (out + order[r] &* width).update(from: after + (r &* layer.statesWidth &+ column), count: width)
      }
      r &-= 1
    }
  }
}

/// Rows of all inputs of a cell: x, then the others.
struct InputRows<Scalar: RNNScalar> {
  var x: Rows<Scalar>
  var others = InlineArray<15, Rows<Scalar>?>(repeating: nil)

  init(_ x: Rows<Scalar>) { self.x = x }

  @inline(__always)
  subscript(input: Int) -> Rows<Scalar> { input == 0 ? x : others[input &- 1] ?? x }
}
