// The rows of a forward step: one at a time, or two side by side. A step's equations are written once, for either.

import CPrimitives

/// Where a step's gates are kept for the backward pass.
public protocol GateTape {
  associatedtype V: LaneArithmetic
  /// Keeps gate number `gate` of the step's record.
  func keep(_ value: V, gate: Int)
}

/// The record of one sequence.
@frozen @usableFromInline struct TapeRow<V: Lanes>: GateTape {
  @usableFromInline let start: UnsafeMutablePointer<V.Scalar>
  @usableFromInline let gateStride: Int
  /// How many units exist from `start` on.
  @usableFromInline let units: Int

  @_alwaysEmitIntoClient @inline(__always)
  init(_ start: UnsafeMutablePointer<V.Scalar>, gateStride: Int, units: Int) {
    self.start = start
    self.gateStride = gateStride
    self.units = units
  }

  @_alwaysEmitIntoClient @inline(__always)
  func keep(_ value: V, gate: Int) {
    let place = start + gate &* gateStride
    value.store(place, first: units)
    // The next panel's: a tape does not fit the second-level cache, and a store to a line that is not there waits.
    swiftrnn_prefetch_first(place + V.count)
  }
}

/// The records of two rows.
@frozen @usableFromInline struct TapePair<Tape: GateTape>: GateTape {
  @usableFromInline let first: Tape
  @usableFromInline let second: Tape

  @_alwaysEmitIntoClient @inline(__always) init(_ first: Tape, _ second: Tape) {
    self.first = first
    self.second = second
  }

  @_alwaysEmitIntoClient @inline(__always)
  func keep(_ value: Pair<Tape.V>, gate: Int) {
    first.keep(value.first, gate: gate)
    second.keep(value.second, gate: gate)
  }
}

/// Where a forward step finds its states: `ForwardArguments` from the panel's first unit on, `SingleArguments` from the
/// first of all.
public protocol StepArguments<Scalar>: BitwiseCopyable {
  associatedtype Scalar: Real
  var hPrevious: UnsafePointer<Scalar> { get }
  var h: UnsafeMutablePointer<Scalar> { get }
  var c: UnsafeMutablePointer<Scalar> { get }
  var z: UnsafeMutablePointer<Scalar> { get }
  var relu: Bool { get }
}

/// One row of a panel's sums and states, or two. Vectors count from the panel's first; `load` and `store` take the
/// states of `arguments`.
public protocol ForwardRows {
  associatedtype V: LaneArithmetic
  associatedtype Arguments: StepArguments<V.Scalar>
  associatedtype Tape: GateTape where Tape.V == V
  var arguments: UnsafePointer<Arguments> { get }
  func sums(_ vector: Int) -> V
  func load(_ state: UnsafePointer<V.Scalar>, _ vector: Int) -> V
  func store(_ value: V, _ state: UnsafeMutablePointer<V.Scalar>, _ vector: Int)
  /// Stores h: as the state, and where else it is wanted.
  func emit(_ h: V, _ vector: Int)
  /// From a vector of units on; nil: no tape.
  func tape(_ vector: Int) -> Tape?
}

extension ForwardRows {
  @_alwaysEmitIntoClient @inline(__always) var hPrevious: UnsafePointer<V.Scalar> { arguments.pointee.hPrevious }
  @_alwaysEmitIntoClient @inline(__always) var h: UnsafeMutablePointer<V.Scalar> { arguments.pointee.h }
  @_alwaysEmitIntoClient @inline(__always) var c: UnsafeMutablePointer<V.Scalar> { arguments.pointee.c }
  @_alwaysEmitIntoClient @inline(__always) var z: UnsafeMutablePointer<V.Scalar> { arguments.pointee.z }
  @_alwaysEmitIntoClient @inline(__always) var relu: Bool { arguments.pointee.relu }
}

@frozen @usableFromInline struct ForwardRow<V: Lanes>: ForwardRows {
  @usableFromInline let arguments: UnsafePointer<ForwardArguments<V.Scalar>>
  @usableFromInline let row: Int

  @_alwaysEmitIntoClient @inline(__always)
  init(_ arguments: UnsafePointer<ForwardArguments<V.Scalar>>, _ row: Int) {
    self.arguments = arguments
    self.row = row
  }

  @_alwaysEmitIntoClient @inline(__always) func sums(_ vector: Int) -> V {
    V.load(UnsafePointer(arguments.pointee.sums[row] + (arguments.pointee.sumsOffset &+ vector &* V.count)))
  }
  @_alwaysEmitIntoClient @inline(__always) func load(_ state: UnsafePointer<V.Scalar>, _ vector: Int) -> V {
    V.load(state + (row &* arguments.pointee.stateStride &+ vector &* V.count))
  }
  @_alwaysEmitIntoClient @inline(__always) func store(
    _ value: V, _ state: UnsafeMutablePointer<V.Scalar>, _ vector: Int
  ) {
    value.store(state + (row &* arguments.pointee.stateStride &+ vector &* V.count))
  }
  @_alwaysEmitIntoClient @inline(__always) func tape(_ vector: Int) -> TapeRow<V>? {
    guard let tape = arguments.pointee.tape else { return nil }
    let unit = vector &* V.count
    return TapeRow(
      tape[row] + unit, gateStride: arguments.pointee.gateStride, units: arguments.pointee.units &- unit)
  }
  @_alwaysEmitIntoClient @inline(__always) func emit(_ h: V, _ vector: Int) {
    store(h, self.h, vector)
    let unit = vector &* V.count
    if let rows = arguments.pointee.outputs.0 { h.store(rows[row] + unit, first: arguments.pointee.units &- unit) }
    if let rows = arguments.pointee.outputs.1 { h.store(rows[row] + unit, first: arguments.pointee.units &- unit) }
  }
}

/// Two rows side by side: rows of one panel, or one row's units in two panels. Both of one step, so that they share the
/// state's pointers; each knows where in it its own units lie.
@frozen @usableFromInline struct RowPair<Row: ForwardRows>: ForwardRows {
  @usableFromInline typealias V = Pair<Row.V>
  @usableFromInline let first: Row
  @usableFromInline let second: Row

  @_alwaysEmitIntoClient @inline(__always) init(_ first: Row, _ second: Row) {
    self.first = first
    self.second = second
  }

  @_alwaysEmitIntoClient @inline(__always) var arguments: UnsafePointer<Row.Arguments> { first.arguments }

  @_alwaysEmitIntoClient @inline(__always) func sums(_ vector: Int) -> V {
    Pair(first.sums(vector), second.sums(vector))
  }
  @_alwaysEmitIntoClient @inline(__always) func load(_ state: UnsafePointer<V.Scalar>, _ vector: Int) -> V {
    Pair(first.load(state, vector), second.load(state, vector))
  }
  @_alwaysEmitIntoClient @inline(__always) func store(
    _ value: V, _ state: UnsafeMutablePointer<V.Scalar>, _ vector: Int
  ) {
    first.store(value.first, state, vector)
    second.store(value.second, state, vector)
  }
  @_alwaysEmitIntoClient @inline(__always) func emit(_ h: V, _ vector: Int) {
    first.emit(h.first, vector)
    second.emit(h.second, vector)
  }
  @_alwaysEmitIntoClient @inline(__always) func tape(_ vector: Int) -> TapePair<Row.Tape>? {
    guard let one = first.tape(vector), let other = second.tape(vector) else { return nil }
    return TapePair(one, other)
  }
}

/// What a step does with the sums of a panel.
public protocol ForwardEquations {
  /// Whether gates share the panel, which then has one vector of units. Such rows are better taken in pairs; where a row
  /// has several vectors, these hide each other's waits.
  static var gatesShareThePanel: Bool { get }
  /// One vector of units; of gates that share the panel, its only one: 0, and `sums` are asked for by gate.
  static func run<Rows: ForwardRows>(_ rows: Rows, _ vector: Int)
}

/// All rows, two at a time with 32 registers: a few vectors go to the stack, and the pair is still faster. With 16 most
/// of them would.
@_alwaysEmitIntoClient @inline(__always)
func forward<V: Lanes, Equations: ForwardEquations>(
  _: Equations.Type, _: V.Type, _ a: UnsafePointer<ForwardArguments<V.Scalar>>
) {
  let count = a.pointee.count
  var row = 0
  if Equations.gatesShareThePanel && V.accumulators >= 24 {
    while row &+ 1 < count {
      Equations.run(RowPair(ForwardRow<V>(a, row), ForwardRow<V>(a, row &+ 1)), 0)
      row &+= 2
    }
  }
  let vectors = Equations.gatesShareThePanel ? 1 : a.pointee.unitVectors
  while row < count {
    for vector in 0..<vectors { Equations.run(ForwardRow<V>(a, row), vector) }
    row &+= 1
  }
}
