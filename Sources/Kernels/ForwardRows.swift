// The rows of a forward step: one at a time, or two side by side. A step's equations are written once, for either.

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

  @inlinable @inline(__always)
  init(_ start: UnsafeMutablePointer<V.Scalar>, gateStride: Int, units: Int) {
    self.start = start
    self.gateStride = gateStride
    self.units = units
  }

  @inlinable @inline(__always)
  func keep(_ value: V, gate: Int) { value.store(start + gate &* gateStride, first: units) }
}

/// The records of two sequences.
@frozen @usableFromInline struct TapeRowPair<V: Lanes>: GateTape {
  @usableFromInline let first: TapeRow<V>
  @usableFromInline let second: TapeRow<V>

  @inlinable @inline(__always) init(_ first: TapeRow<V>, _ second: TapeRow<V>) {
    self.first = first
    self.second = second
  }

  @inlinable @inline(__always)
  func keep(_ value: Pair<V>, gate: Int) {
    first.keep(value.first, gate: gate)
    second.keep(value.second, gate: gate)
  }
}

/// One row of `ForwardArguments`, or two. Vectors count from the panel's first.
public protocol ForwardRows {
  associatedtype V: LaneArithmetic
  associatedtype Tape: GateTape where Tape.V == V
  func sums(_ vector: Int) -> V
  func load(_ state: UnsafePointer<V.Scalar>, _ vector: Int) -> V
  func store(_ value: V, _ state: UnsafeMutablePointer<V.Scalar>, _ vector: Int)
  /// From a vector of units on; nil: no tape.
  func tape(_ vector: Int) -> Tape?
}

@frozen @usableFromInline struct ForwardRow<V: Lanes>: ForwardRows {
  @usableFromInline let arguments: UnsafePointer<ForwardArguments<V.Scalar>>
  @usableFromInline let row: Int

  @inlinable @inline(__always)
  init(_ arguments: UnsafePointer<ForwardArguments<V.Scalar>>, _ row: Int) {
    self.arguments = arguments
    self.row = row
  }

  @inlinable @inline(__always) func sums(_ vector: Int) -> V {
    V.load(UnsafePointer(arguments.pointee.sums[row] + (arguments.pointee.sumsOffset &+ vector &* V.count)))
  }
  @inlinable @inline(__always) func load(_ state: UnsafePointer<V.Scalar>, _ vector: Int) -> V {
    V.load(state + (row &* arguments.pointee.stateStride &+ vector &* V.count))
  }
  @inlinable @inline(__always) func store(_ value: V, _ state: UnsafeMutablePointer<V.Scalar>, _ vector: Int) {
    value.store(state + (row &* arguments.pointee.stateStride &+ vector &* V.count))
  }
  @inlinable @inline(__always) func tape(_ vector: Int) -> TapeRow<V>? {
    guard let tape = arguments.pointee.tape else { return nil }
    let unit = vector &* V.count
    return TapeRow(
      tape[row] + (arguments.pointee.tapeOffset &+ unit), gateStride: arguments.pointee.gateStride,
      units: arguments.pointee.units &- unit)
  }
}

/// A row and the one behind it.
@frozen @usableFromInline struct ForwardRowPair<V: Lanes>: ForwardRows {
  @usableFromInline let first: ForwardRow<V>
  @usableFromInline let second: ForwardRow<V>

  @inlinable @inline(__always)
  init(_ arguments: UnsafePointer<ForwardArguments<V.Scalar>>, _ row: Int) {
    first = ForwardRow(arguments, row)
    second = ForwardRow(arguments, row &+ 1)
  }

  @inlinable @inline(__always) func sums(_ vector: Int) -> Pair<V> { Pair(first.sums(vector), second.sums(vector)) }
  @inlinable @inline(__always) func load(_ state: UnsafePointer<V.Scalar>, _ vector: Int) -> Pair<V> {
    Pair(first.load(state, vector), second.load(state, vector))
  }
  @inlinable @inline(__always) func store(_ value: Pair<V>, _ state: UnsafeMutablePointer<V.Scalar>, _ vector: Int) {
    first.store(value.first, state, vector)
    second.store(value.second, state, vector)
  }
  @inlinable @inline(__always) func tape(_ vector: Int) -> TapeRowPair<V>? {
    guard let one = first.tape(vector), let other = second.tape(vector) else { return nil }
    return TapeRowPair(one, other)
  }
}

/// What a step does with a row.
public protocol ForwardEquations {
  /// The rows are better taken in pairs. Not where a row usually has several vectors, which hide each other's waits.
  static var pairs: Bool { get }
  static func run<Rows: ForwardRows>(_ rows: Rows, _ a: UnsafePointer<ForwardArguments<Rows.V.Scalar>>)
}

/// All rows, two at a time with 32 registers: a few vectors go to the stack, and the pair is still faster. With 16 most
/// of them would.
@inlinable @inline(__always)
func forward<V: Lanes, Equations: ForwardEquations>(
  _: Equations.Type, _: V.Type, _ a: UnsafePointer<ForwardArguments<V.Scalar>>
) {
  let count = a.pointee.count
  var row = 0
  if Equations.pairs && V.accumulators >= 24 {
    while row &+ 1 < count {
      Equations.run(ForwardRowPair<V>(a, row), a)
      row &+= 2
    }
  }
  while row < count {
    Equations.run(ForwardRow<V>(a, row), a)
    row &+= 1
  }
}
