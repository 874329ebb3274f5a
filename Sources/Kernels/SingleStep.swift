// One step of one sequence: from where the sums start to the new state, without leaving the registers. A stream's step,
// and whole sequences where only one is left: their products are too small to pay for calls and for sums in memory.

/// One step of one sequence for some panels of a stage.
public struct SingleArguments<Scalar: Real>: StepArguments {
  /// Which panels of `layout`.
  public var firstPanel: Int
  public var endPanel: Int
  public var layout: PanelLayout
  /// Where the sums of panel p start, at `start + p * startStride`: the bias, or the sums that the input gave.
  public var start: UnsafePointer<Scalar>
  public var startStride: Int
  /// GRU: where m starts, `[padded H]`.
  public var startOfM: UnsafePointer<Scalar>
  /// The input, `inputs` numbers, and its packed weights. No inputs: `start` has their part already.
  public var x: UnsafePointer<Scalar>
  public var inputs: Int
  public var input: UnsafePointer<Scalar>
  /// h of the step before (of the second half of the GRU with reset before: r * h), `depth` numbers, and its weights.
  public var operand: UnsafePointer<Scalar>
  public var depth: Int
  public var recurrent: UnsafePointer<Scalar>
  /// State rows, padded to whole vectors, as in `ForwardArguments`.
  public var hPrevious: UnsafePointer<Scalar>
  public var h: UnsafeMutablePointer<Scalar>
  public var c: UnsafeMutablePointer<Scalar>
  public var z: UnsafeMutablePointer<Scalar>
  /// The step's record, or nil: gate g of all units at `tape + g * H`.
  public var tape: UnsafeMutablePointer<Scalar>?
  /// Where h of all units goes besides, `[H]`; nil: nowhere.
  public var outputs: (UnsafeMutablePointer<Scalar>?, UnsafeMutablePointer<Scalar>?)
  public var relu: Bool

  @inlinable
  public init(
    panels: Range<Int>, layout: PanelLayout, start: UnsafePointer<Scalar>, startStride: Int,
    startOfM: UnsafePointer<Scalar>, x: UnsafePointer<Scalar>, inputs: Int, input: UnsafePointer<Scalar>,
    operand: UnsafePointer<Scalar>, depth: Int, recurrent: UnsafePointer<Scalar>, hPrevious: UnsafePointer<Scalar>,
    h: UnsafeMutablePointer<Scalar>, c: UnsafeMutablePointer<Scalar>, z: UnsafeMutablePointer<Scalar>,
    tape: UnsafeMutablePointer<Scalar>?, outputs: (UnsafeMutablePointer<Scalar>?, UnsafeMutablePointer<Scalar>?),
    relu: Bool
  ) {
    firstPanel = panels.lowerBound
    endPanel = panels.upperBound
    self.layout = layout
    self.start = start
    self.startStride = startStride
    self.startOfM = startOfM
    self.x = x
    self.inputs = inputs
    self.input = input
    self.operand = operand
    self.depth = depth
    self.recurrent = recurrent
    self.hPrevious = hPrevious
    self.h = h
    self.c = c
    self.z = z
    self.tape = tape
    self.outputs = outputs
    self.relu = relu
  }
}

extension SingleArguments {
  /// The step's record from unit `unit` on, or nil.
  @_alwaysEmitIntoClient @inline(__always)
  func record<V: Lanes>(_: V.Type, unit: Int) -> TapeRow<V>? where V.Scalar == Scalar {
    let units = layout.units
    return tape.map { TapeRow($0 + unit, gateStride: units, units: units &- unit) }
  }
}

/// Goes on with the chains of `sums` over `count` numbers and their panel.
@_alwaysEmitIntoClient @inline(__always)
func chain<Row: RowSums>(
  _ sums: inout Row, _ numbers: UnsafePointer<Row.V.Scalar>, _ count: Int, _ panel: UnsafePointer<Row.V.Scalar>
) {
  var panel = panel
  for k in 0..<count {
    sums.add(Row(panel), Row.V(repeating: numbers[k]))
    panel += Row.vectors &* Row.V.count
  }
}

/// The same for a panel and the one behind it.
@_alwaysEmitIntoClient @inline(__always)
func chain<Row: RowSums>(
  _ sums: inout Row, _ next: inout Row, _ numbers: UnsafePointer<Row.V.Scalar>, _ count: Int,
  _ panel: UnsafePointer<Row.V.Scalar>
) {
  let width = Row.vectors &* Row.V.count
  var panel = panel
  var behind = panel + count &* width
  for k in 0..<count {
    let number = Row.V(repeating: numbers[k])
    sums.add(Row(panel), number)
    next.add(Row(behind), number)
    panel += width
    behind += width
  }
}

/// The same for three panels.
@_alwaysEmitIntoClient @inline(__always)
func chain<Row: RowSums>(
  _ sums: inout Row, _ next: inout Row, _ last: inout Row, _ numbers: UnsafePointer<Row.V.Scalar>, _ count: Int,
  _ panel: UnsafePointer<Row.V.Scalar>
) {
  let width = Row.vectors &* Row.V.count
  var panel = panel
  var behind = panel + count &* width
  var third = behind + count &* width
  for k in 0..<count {
    let number = Row.V(repeating: numbers[k])
    sums.add(Row(panel), number)
    next.add(Row(behind), number)
    last.add(Row(third), number)
    panel += width
    behind += width
    third += width
  }
}

/// A panel's finished sums, with the states and the tape of its units.
@frozen @usableFromInline struct SingleRow<Sums: RowSums>: ForwardRows {
  @usableFromInline typealias V = Sums.V
  @usableFromInline let arguments: UnsafePointer<SingleArguments<V.Scalar>>
  @usableFromInline let sums: Sums
  /// The panel's first.
  @usableFromInline let unit: Int

  @_alwaysEmitIntoClient @inline(__always)
  init(_ arguments: UnsafePointer<SingleArguments<V.Scalar>>, _ sums: Sums, unit: Int) {
    self.arguments = arguments
    self.sums = sums
    self.unit = unit
  }

  @_alwaysEmitIntoClient @inline(__always) func sums(_ vector: Int) -> V { sums.vector(vector) }
  @_alwaysEmitIntoClient @inline(__always) func load(_ state: UnsafePointer<V.Scalar>, _ vector: Int) -> V {
    V.load(state + (unit &+ vector &* V.count))
  }
  @_alwaysEmitIntoClient @inline(__always) func store(
    _ value: V, _ state: UnsafeMutablePointer<V.Scalar>, _ vector: Int
  ) {
    value.store(state + (unit &+ vector &* V.count))
  }
  @_alwaysEmitIntoClient @inline(__always) func emit(_ h: V, _ vector: Int) {
    store(h, self.h, vector)
    let unit = unit &+ vector &* V.count
    let units = arguments.pointee.layout.units &- unit
    if let row = arguments.pointee.outputs.0 { h.store(row + unit, first: units) }
    if let row = arguments.pointee.outputs.1 { h.store(row + unit, first: units) }
  }
  @_alwaysEmitIntoClient @inline(__always) func tape(_ vector: Int) -> TapeRow<V>? {
    arguments.pointee.record(V.self, unit: unit &+ vector &* V.count)
  }
}

/// The sums of a panel that gates share, on their way through a step.
public protocol SinglePanel {
  associatedtype Row: RowSums
  associatedtype Gates: RowSums where Gates.V == Row.V
  var sums: Row { get set }
  /// Where the chains over x start.
  init(_ start: UnsafePointer<Row.V.Scalar>)
  /// After the product with x, before the one with h.
  mutating func turn(_ a: UnsafePointer<SingleArguments<Row.V.Scalar>>, unit: Int)
  /// What the gates are computed from, after both.
  var gates: Gates { get }
}

/// Panels two at a time: a chain waits some four cycles for each of its multiply-adds, so that the three or four
/// chains of one panel do not keep a core busy. With 32 registers their gates too are computed side by side, and of an
/// odd number of panels the last three go together: a stream's step of an LSTM with H 40, three panels, takes 0.88 of
/// the time that two and one take.
@_alwaysEmitIntoClient @inline(__always)
func runSingle<P: SinglePanel, Equations: ForwardEquations>(
  _: P.Type, _: Equations.Type, _ a: UnsafePointer<SingleArguments<P.Row.V.Scalar>>
) {
  typealias V = P.Row.V
  let (inputs, depth) = (a.pointee.inputs, a.pointee.depth)
  let (input, recurrent) = (P.Row.vectors &* V.count &* inputs, P.Row.vectors &* V.count &* depth)
  let (end, stride) = (a.pointee.endPanel, a.pointee.startStride)
  var panel = a.pointee.firstPanel
  while panel &+ 1 < end {
    if V.accumulators >= 24 && panel &+ 3 == end {
      runThree(P.self, Equations.self, a, panel)
      return
    }
    let unit = panel &* V.count
    var one = P(a.pointee.start + panel &* stride)
    var two = P(a.pointee.start + (panel &+ 1) &* stride)
    chain(&one.sums, &two.sums, a.pointee.x, inputs, a.pointee.input + panel &* input)
    one.turn(a, unit: unit)
    two.turn(a, unit: unit &+ V.count)
    chain(&one.sums, &two.sums, a.pointee.operand, depth, a.pointee.recurrent + panel &* recurrent)
    let rows = (SingleRow(a, one.gates, unit: unit), SingleRow(a, two.gates, unit: unit &+ V.count))
    if V.accumulators >= 24 {
      Equations.run(RowPair(rows.0, rows.1), 0)
    } else {
      Equations.run(rows.0, 0)
      Equations.run(rows.1, 0)
    }
    panel &+= 2
  }
  if panel < end {
    let unit = panel &* V.count
    var one = P(a.pointee.start + panel &* stride)
    chain(&one.sums, a.pointee.x, inputs, a.pointee.input + panel &* input)
    one.turn(a, unit: unit)
    chain(&one.sums, a.pointee.operand, depth, a.pointee.recurrent + panel &* recurrent)
    Equations.run(SingleRow(a, one.gates, unit: unit), 0)
  }
}

/// The last three panels.
@_alwaysEmitIntoClient @inline(__always)
func runThree<P: SinglePanel, Equations: ForwardEquations>(
  _: P.Type, _: Equations.Type, _ a: UnsafePointer<SingleArguments<P.Row.V.Scalar>>, _ panel: Int
) {
  typealias V = P.Row.V
  let (inputs, depth, stride) = (a.pointee.inputs, a.pointee.depth, a.pointee.startStride)
  let width = P.Row.vectors &* V.count
  let unit = panel &* V.count
  let start = a.pointee.start + panel &* stride
  var one = P(start)
  var two = P(start + stride)
  var three = P(start + 2 &* stride)
  chain(&one.sums, &two.sums, &three.sums, a.pointee.x, inputs, a.pointee.input + panel &* width &* inputs)
  one.turn(a, unit: unit)
  two.turn(a, unit: unit &+ V.count)
  three.turn(a, unit: unit &+ 2 &* V.count)
  chain(&one.sums, &two.sums, &three.sums, a.pointee.operand, depth, a.pointee.recurrent + panel &* width &* depth)
  Equations.run(
    RowPair(SingleRow(a, one.gates, unit: unit), SingleRow(a, two.gates, unit: unit &+ V.count)), 0)
  Equations.run(SingleRow(a, three.gates, unit: unit &+ 2 &* V.count), 0)
}

/// Gates with one chain each, over x and then over h: i f g o of the LSTM, r z of the GRU with reset before.
@frozen @usableFromInline struct ChainedPanel<Row: RowSums>: SinglePanel {
  @usableFromInline var sums: Row
  @_alwaysEmitIntoClient @inline(__always) init(_ start: UnsafePointer<Row.V.Scalar>) { sums = Row(start) }
  @_alwaysEmitIntoClient @inline(__always) func turn(_ a: UnsafePointer<SingleArguments<Row.V.Scalar>>, unit: Int) {}
  @_alwaysEmitIntoClient @inline(__always) var gates: Row { sums }
}

/// GRU: n r z over x, then r z m over h.
@frozen @usableFromInline struct GRUPanel<V: Lanes>: SinglePanel {
  @usableFromInline var sums: Row3<V>
  @usableFromInline var n: V

  @_alwaysEmitIntoClient @inline(__always) init(_ start: UnsafePointer<V.Scalar>) {
    sums = Row3(start)
    n = .zero
  }

  @_alwaysEmitIntoClient @inline(__always) mutating func turn(_ a: UnsafePointer<SingleArguments<V.Scalar>>, unit: Int)
  {
    n = sums.a
    sums.a = sums.b
    sums.b = sums.c
    sums.c = V.load(a.pointee.startOfM + unit)
  }

  @_alwaysEmitIntoClient @inline(__always) var gates: Row4<V> { Row4(n, sums.a, sums.b, sums.c) }
}

/// Panels of 1 … 4 vectors of one gate.
@_alwaysEmitIntoClient @inline(__always)
func oneGateSingle<V: Lanes, Equations: ForwardEquations>(
  _: V.Type, _: Equations.Type, _ a: UnsafePointer<SingleArguments<V.Scalar>>
) {
  for panel in a.pointee.firstPanel..<a.pointee.endPanel {
    let (first, vectors) = a.pointee.layout.panel(panel)
    let unit = first &* V.count
    switch vectors {
    case 1: oneGatePanel(Row1<V>.self, Equations.self, a, unit)
    case 2: oneGatePanel(Row2<V>.self, Equations.self, a, unit)
    case 3: oneGatePanel(Row3<V>.self, Equations.self, a, unit)
    default: oneGatePanel(Row4<V>.self, Equations.self, a, unit)
    }
  }
}

/// The panel of one gate that begins at `unit`, which is also its first column.
@_alwaysEmitIntoClient @inline(__always)
func oneGatePanel<Row: RowSums, Equations: ForwardEquations>(
  _: Row.Type, _: Equations.Type, _ a: UnsafePointer<SingleArguments<Row.V.Scalar>>, _ unit: Int
) {
  var sums = Row(a.pointee.start + unit)
  chain(&sums, a.pointee.x, a.pointee.inputs, a.pointee.input + unit &* a.pointee.inputs)
  chain(&sums, a.pointee.operand, a.pointee.depth, a.pointee.recurrent + unit &* a.pointee.depth)
  // By constants, not in a loop: the sums stay in registers.
  let row = SingleRow(a, sums, unit: unit)
  Equations.run(row, 0)
  if Row.vectors > 1 { Equations.run(row, 1) }
  if Row.vectors > 2 { Equations.run(row, 2) }
  if Row.vectors > 3 { Equations.run(row, 3) }
}

extension StepKernels {
  @_alwaysEmitIntoClient @inline(__always)
  init<V: Lanes>(_: V.Type) where Arguments == SingleArguments<V.Scalar> {
    self.init(
      lstm: { runSingle(ChainedPanel<Row4<V>>.self, LSTMForward.self, $0) },
      gru: { runSingle(GRUPanel<V>.self, GRUForward.self, $0) },
      gruResetGates: { runSingle(ChainedPanel<Row2<V>>.self, GRUResetGatesForward.self, $0) },
      gruResetCandidate: { oneGateSingle(V.self, GRUResetCandidateForward.self, $0) },
      rnn: { oneGateSingle(V.self, RNNForward.self, $0) })
  }
}
