// Back-propagation through time of one direction of a layer of equations for one shard of the batch: step by step from
// the last, then dL/d of the inputs. The gradients of the weights are large products over all rows, afterwards.
import Kernels

/// What the gradients of one direction's weights and inputs are made of.
struct CellGradientRows<Scalar: RNNScalar> {
  typealias Pointer = UnsafeMutablePointer<Scalar>

  /// `[T * N][columns]`, row t * N + n.
  let rows: Pointer
  /// `[N][totals]`: of sequences, because where in the batch's order one is depends on the number of threads.
  let totals: Pointer
  private let totalCount: Int
  /// Zeros, and the states that sequences start with where the caller gives none.
  let zeros: Pointer
  let starts: Pointer

  init(_ arena: inout Arena, _ layer: EquationsLayer<Scalar>, steps: Int, sequences: Int) {
    self.init(
      &arena, layer, rows: steps, sequences, columns: layer.backwardPlan.columns, totals: layer.backwardPlan.totals)
  }

  init(
    _ arena: inout Arena, _ layer: EquationsLayer<Scalar>, rows count: Int, _ each: Int = 1, columns: Int,
    totals width: Int = 0
  ) {
    rows = arena.take(Scalar.self, count, each, columns, behind: 64)
    totals = arena.take(Scalar.self, each, width, behind: 64)
    totalCount = each.multipliedReportingOverflow(by: width).partialValue
    zeros = arena.take(Scalar.self, layer.outputWidth, behind: 64)
    starts = arena.take(Scalar.self, layer.statesWidth, behind: 64)
  }

  /// Fills what all shards read.
  func prepare(_ layer: EquationsLayer<Scalar>) {
    zeros.update(repeating: 0, count: layer.outputWidth)
    totals.update(repeating: 0, count: totalCount)
    for (column, width, value) in layer.states { (starts + column).update(repeating: value, count: width) }
  }
}

/// Scratch of one direction, for all sequences of the batch; a shard uses its sequences' part.
struct CellBackwardScratch<Scalar: RNNScalar> {
  typealias Pointer = UnsafeMutablePointer<Scalar>

  let gradients: CellGradientRows<Scalar>
  /// dL/d of the states after even and odd steps, `[N][padded states]`.
  let states: (Pointer, Pointer)
  let kept: Pointer
  let ahead: Pointer
  let slots: Pointer
  /// Where the rows of each place are: of each sequence's first step, or of a block's rows.
  let rows: UnsafeMutablePointer<Pointer>
  let operands: UnsafeMutablePointer<UnsafePointer<Scalar>>
  let sums: UnsafeMutablePointer<Pointer>
  let maskRows: UnsafeMutablePointer<MaskRow>

  init(
    _ arena: inout Arena, _ layer: EquationsLayer<Scalar>, _ gradients: CellGradientRows<Scalar>, steps: Int,
    sequences: Int
  ) {
    let program = layer.backward
    let rows = Blocking.steps(steps, sequences: sequences)
    self.gradients = gradients
    func take(_ arena: inout Arena, _ rows: Int, _ width: Int) -> Pointer {
      arena.take(Scalar.self, rows, width, behind: 64)
    }
    states = (take(&arena, sequences, layer.statesWidth), take(&arena, sequences, layer.statesWidth))
    kept = take(&arena, sequences, program.keptWidth)
    ahead = arena.take(Scalar.self, sequences, rows, program.aheadWidth, behind: 64)
    slots = take(&arena, sequences, program.slotsWidth)
    self.rows = arena.take(Pointer.self, layer.rowPlaces, sequences, rows)
    operands = arena.take(UnsafePointer<Scalar>.self, program.mostRuns, sequences, rows)
    sums = arena.take(Pointer.self, sequences, rows)
    maskRows = arena.take(MaskRow.self, sequences, rows)
  }
}

/// One direction of one layer, backward.
struct CellBackwardRunner<Scalar: RNNScalar>: DirectionRunner {
  typealias Pointer = UnsafeMutablePointer<Scalar>

  let network: Network<Scalar>
  let layer: EquationsLayer<Scalar>
  let weights: PackedCell<Scalar>
  let batch: BatchPlan
  let scratch: CellBackwardScratch<Scalar>
  let reverse: Bool
  let inputs: InputRows<Scalar>
  let dy: Rows<Scalar>?
  let tape: Rows<Scalar>
  let output: Rows<Scalar>
  let initial: States<Scalar>
  let finalGradients: States<Scalar>
  let initialGradients: States<Scalar>
  let masks: CellMasks?

  private var program: CellProgram<Scalar> { layer.backward }

  @inline(__always)
  private func time(_ s: Int, _ n: Int) -> Int { reverse ? batch.length(n) &- 1 &- s : s }

  func start(shard: Int) {}
  func finish(shard: Int) {}

  func run(shard: Int, _ member: inout TeamMember) {
    member.share(1) { _ in run(shard: shard) }
  }

  @inline(never)
  func run(shard: Int) {
    let range = batch.range(shard)
    if range.isEmpty { return }
    withRun(range) { run, _ in
      var next = 0  // sequences that were active at step s + 1
      let order = batch.order + range.lowerBound
      var s = batch.length(order[0]) &- 1
      while s >= 0 {
        var active = next
        while active < range.count && batch.length(order[active]) > s { active &+= 1 }
        step(run, s, order, first: range.lowerBound, active: active, next: next)
        next = active
        s &-= 1
      }
      end(range)
    }
  }

  /// dL/d of the inputs, of all steps of a shard, after `run(shard:)`.
  ///
  /// - Parameters:
  ///   - gradients: of each input; nil: not wanted.
  ///   - adds: to what is there.
  @inline(never)
  func inputGradients(shard: Int, _ gradients: InputGradientRows<Scalar>, adds: (_ input: Int) -> Bool) {
    let range = batch.range(shard)
    if range.isEmpty { return }
    withRun(range) { run, capacity in
      let first = range.lowerBound
      let order = batch.order + first
      let ahead = Blocking.steps(batch.steps, sequences: batch.sequences)
      var active = range.count
      let block = max(1, min(ahead, Blocking.inputRows / active))
      let places = program.sections[BackwardSection.after].places
      run.table[Place.ahead] = VectorRows(
        scratch.ahead + first &* ahead &* program.aheadWidth, stride: program.aheadWidth)
      let direct = layer.makesInputGradientInPlace && !adds(0) ? gradients[0] : nil
      let directRows = rowsBase(run) + (layer.rowPlaces &- 1) &* capacity
      if direct != nil { run.table[Place.ahead] = VectorRows(MovingRows(UnsafePointer(directRows), offset: 0)) }
      let longest = batch.length(order[0])
      var s = 0
      while s < longest {
        let end = min(s &+ block, longest)
        while batch.length(order[active &- 1]) <= s { active &-= 1 }
        let count = visit(order, active, s..<end) { row, step, n in
          locate(places, row, step, n, capacity, run)
          if let direct { directRows[row] = direct[time(step, n), n] }
        }
        setRows(places, run, capacity)
        run.run(BackwardSection.after, rows: count)
        for input in 0..<layer.inputCount where direct == nil {
          guard let rows = gradients[input] else { continue }
          write(input, rows, order, active, s..<end, first &* ahead, adds: adds(input))
        }
        s = end
      }
    }
  }

  private func write(
    _ input: Int, _ rows: Rows<Scalar>, _ order: UnsafeMutablePointer<Int>, _ active: Int, _ steps: Range<Int>,
    _ firstRow: Int, adds: Bool
  ) {
    let width = layer.inputWidths(input)
    guard let column = layer.backwardPlan.inputs[input] else {
      if !adds {
        _ = visit(order, active, steps) { _, step, n in
          rows[time(step, n), n].update(repeating: 0, count: width)
        }
      }
      return
    }
    let from = scratch.ahead + (firstRow &* program.aheadWidth &+ column)
    _ = visit(order, active, steps) { row, step, n in
      let source = from + row &* program.aheadWidth
      let target = rows[time(step, n), n]
      if adds {
        network.kernels.panels.addRow(source, target, width)
      } else {
        target.update(from: source, count: width)
      }
    }
  }

  /// The rows of a block of steps, in order.
  ///
  /// - Returns: how many.
  private func visit(
    _ order: UnsafeMutablePointer<Int>, _ active: Int, _ steps: Range<Int>,
    _ body: (_ row: Int, _ step: Int, _ n: Int) -> Void
  ) -> Int {
    var (count, active) = (0, active)
    for step in steps {
      while batch.length(order[active &- 1]) <= step { active &-= 1 }
      for r in 0..<active { body(count &+ r, step, order[r]) }
      count &+= active
    }
    return count
  }

  private func withRun(_ range: Range<Int>, _ body: (_ run: CellRun<Scalar>, _ capacity: Int) -> Void) {
    let ahead = Blocking.steps(batch.steps, sequences: batch.sequences)
    CellRun<Scalar>.withTables { table, tile in
      let (first, rows) = (range.lowerBound &* ahead, range.count &* ahead)
      body(
        CellRun(
          network: network, program: program, packed: UnsafePointer(weights.packed), prepared: weights.prepared,
          slots: scratch.slots + range.lowerBound &* program.slotsWidth, slotRows: range.count, table: table,
          tile: tile, operands: scratch.operands + first &* program.mostRuns, sums: scratch.sums + first,
          pointerRows: rows, masks: masks, maskRows: scratch.maskRows + first), rows)
    }
  }

  // MARK: Rows

  /// Of a place whose rows are those of steps and sequences: its number among such places.
  private func number(_ place: Int) -> Int? {
    switch place {
    case Place.tape: 0
    case Place.output: 1
    case Place.dy: 2
    case Place.gradients: 3
    case Place.totals: 4
    case Place.before(0)...: 5 &+ layer.inputCount &+ place &- Place.before(0)
    case Place.input(0)..<Place.input(Place.mostInputs): 5 &+ place &- Place.input(0)
    default: nil
    }
  }

  private func row(_ place: Int, _ s: Int, _ n: Int) -> Pointer {
    let t = time(s, n)
    switch place {
    case Place.tape: return tape[t, n]
    case Place.output: return output[t, n]
    case Place.dy: return dy.map { $0[t, n] } ?? scratch.gradients.zeros
    case Place.gradients:
      return scratch.gradients.rows + (t &* batch.sequences &+ n) &* layer.backwardPlan.columns
    case Place.totals: return scratch.gradients.totals + n &* layer.backwardPlan.totals
    case Place.before(0)...:
      let state = place &- Place.before(0)
      if s == 0 { return initialRow(state, n) }
      let before = time(s &- 1, n)
      guard let column = layer.backwardPlan.tape.states[state] else { return output[before, n] }
      return tape[before, n] + column
    default: return inputs[place &- Place.input(0)][t, n]
    }
  }

  private func initialRow(_ state: Int, _ n: Int) -> Pointer {
    let (column, width, _) = layer.states[state]
    return initial[state].map { $0 + n &* width } ?? scratch.gradients.starts + column
  }

  /// Where the rows of `places` are for a row of a block or of a step.
  private func locate(
    _ places: [Int], _ row: Int, _ s: Int, _ n: Int, _ capacity: Int, _ run: CellRun<Scalar>
  ) {
    let base = rowsBase(run)
    for place in places {
      guard let number = number(place) else { continue }
      base[number &* capacity &+ row] = self.row(place, s, n)
    }
    if let masks { run.maskRows[row] = masks.row(time(s, n), n) }
  }

  /// The shard's part of the lists of rows.
  private func rowsBase(_ run: CellRun<Scalar>) -> UnsafeMutablePointer<Pointer> {
    scratch.rows + (run.sums - scratch.sums) &* layer.rowPlaces
  }

  private func setRows(_ places: [Int], _ run: CellRun<Scalar>, _ capacity: Int) {
    let base = rowsBase(run)
    for place in places {
      guard let number = number(place) else { continue }
      run.table[place] = VectorRows(MovingRows(UnsafePointer(base + number &* capacity), offset: 0))
    }
  }

  // MARK: Steps

  private func states(odd: Bool, _ position: Int) -> Pointer {
    (odd ? scratch.states.1 : scratch.states.0) + position &* layer.statesWidth
  }

  @inline(never)
  private func step(
    _ run: CellRun<Scalar>, _ s: Int, _ order: UnsafeMutablePointer<Int>, first: Int, active: Int, next: Int
  ) {
    let odd = s % 2 == 1
    let (arriving, leaving) = (states(odd: odd, first), states(odd: !odd, first))
    for r in next..<active {
      for state in layer.states.indices {
        let (column, width, _) = layer.states[state]
        let row = arriving + (r &* layer.statesWidth &+ column)
        if let last = finalGradients[state] {
          row.update(from: last + order[r] &* width, count: width)
        } else {
          row.update(repeating: 0, count: width)
        }
      }
    }
    for state in layer.states.indices {
      let column = layer.states[state].column
      run.table[Place.arriving(state)] = VectorRows(arriving + column, stride: layer.statesWidth)
      run.table[Place.leaving(state)] = VectorRows(leaving + column, stride: layer.statesWidth)
    }
    run.table[Place.kept] = VectorRows(scratch.kept + first &* program.keptWidth, stride: program.keptWidth)
    let places = program.sections[BackwardSection.step].places
    let capacity = run.pointerRows
    for r in 0..<active { locate(places, r, s, order[r], capacity, run) }
    setRows(places, run, capacity)
    run.run(BackwardSection.step, rows: active)
  }

  /// dL/d of the initial states. An empty sequence hands its final gradients through.
  private func end(_ range: Range<Int>) {
    for position in range {
      let n = batch.order[position]
      for state in layer.states.indices {
        guard let out = initialGradients[state] else { continue }
        let (column, width, _) = layer.states[state]
        let row = out + n &* width
        if batch.length(n) > 0 {
          row.update(from: states(odd: true, position) + column, count: width)
        } else if let last = finalGradients[state] {
          row.update(from: last + n &* width, count: width)
        } else {
          row.update(repeating: 0, count: width)
        }
      }
    }
  }
}

/// Where dL/d of each input goes; nil: not wanted.
struct InputGradientRows<Scalar: RNNScalar> {
  var rows = InlineArray<16, Rows<Scalar>?>(repeating: nil)

  @inline(__always)
  subscript(input: Int) -> Rows<Scalar>? {
    get { rows[input] }
    set { rows[input] = newValue }
  }

  /// Whether any is wanted.
  func isEmpty(_ count: Int) -> Bool { !(0..<count).contains { rows[$0] != nil } }
}
