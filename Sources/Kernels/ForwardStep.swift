// Forward steps: from the finished sums of one panel to its gates and the new state. The product has left the sums in
// the first-level cache a moment ago; gates exist in registers only, and go to memory only into a tape.

/// One step of a cell for the units of one panel and some sequences.
///
/// State rows are scratch, padded to whole vectors: row r at `pointer + r * stateStride`, all pointers at the panel's
/// first unit.
public struct ForwardArguments<Scalar: Real>: StepArguments {
  /// Sequences.
  public var count: Int
  /// Vectors of units in the panel: 1 if gates share it.
  public var unitVectors: Int
  /// How many units of the panel exist.
  public var units: Int
  /// Rows of sums; the panel's first vector is at `sums[r] + sumsOffset`.
  public var sums: UnsafePointer<UnsafeMutablePointer<Scalar>>
  public var sumsOffset: Int
  public var stateStride: Int
  /// h of the step before.
  public var hPrevious: UnsafePointer<Scalar>
  /// h of this step; not the memory of `hPrevious`, which the products of other panels still read.
  public var h: UnsafeMutablePointer<Scalar>
  /// LSTM: c, updated in place. GRU, reset before: r * h, written with the gates.
  public var c: UnsafeMutablePointer<Scalar>
  /// GRU, reset before: z, written with the gates, read with the candidate.
  public var z: UnsafeMutablePointer<Scalar>
  /// Rows of the tape at the panel's first unit, or nil: gate g of it goes to `tape[r] + g * gateStride`.
  public var tape: MovingRows<Scalar>?
  public var gateStride: Int
  /// Where h of the panel's units goes besides, at its first unit; nil: nowhere.
  public var outputs: (MovingRows<Scalar>?, MovingRows<Scalar>?)
  /// Vanilla RNN: relu instead of tanh.
  public var relu: Bool

  @inlinable
  public init(
    count: Int, unitVectors: Int, units: Int, sums: UnsafePointer<UnsafeMutablePointer<Scalar>>, sumsOffset: Int,
    stateStride: Int, hPrevious: UnsafePointer<Scalar>, h: UnsafeMutablePointer<Scalar>,
    c: UnsafeMutablePointer<Scalar>, z: UnsafeMutablePointer<Scalar>,
    tape: MovingRows<Scalar>?, gateStride: Int, outputs: (MovingRows<Scalar>?, MovingRows<Scalar>?), relu: Bool
  ) {
    self.count = count
    self.unitVectors = unitVectors
    self.units = units
    self.sums = sums
    self.sumsOffset = sumsOffset
    self.stateStride = stateStride
    self.hPrevious = hPrevious
    self.h = h
    self.c = c
    self.z = z
    self.tape = tape
    self.gateStride = gateStride
    self.outputs = outputs
    self.relu = relu
  }
}

/// LSTM (Gers, Schmidhuber, Cummins 2000).
///
///     i = sigmoid(sum_i)   f = sigmoid(sum_f)   g = tanh(sum_g)   o = sigmoid(sum_o)
///     c = f * c + i * g
///     h = o * tanh(c)                                             tape: i f g o c
@frozen @usableFromInline struct LSTMGates<V: LaneArithmetic> {
  @usableFromInline let i: V
  @usableFromInline let f: V
  @usableFromInline let g: V
  @usableFromInline let o: V
  @usableFromInline let c: V

  @_alwaysEmitIntoClient @inline(__always)
  init(_ i: V, _ f: V, _ g: V, _ o: V, c: V) {
    self.i = V.sigmoid(i)
    self.f = V.sigmoid(f)
    self.g = V.tanh(g)
    self.o = V.sigmoid(o)
    self.c = V.multiplyAdd(self.f, c, self.i * self.g)
  }

  @_alwaysEmitIntoClient @inline(__always) var h: V { o * V.tanh(c) }

  @_alwaysEmitIntoClient @inline(__always)
  func store<Tape: GateTape>(_ tape: Tape) where Tape.V == V {
    tape.keep(i, gate: 0)
    tape.keep(f, gate: 1)
    tape.keep(g, gate: 2)
    tape.keep(o, gate: 3)
    tape.keep(c, gate: 4)
  }
}

/// The panel's vectors: i f g o of one vector of units.
@usableFromInline enum LSTMForward: ForwardEquations {
  @_alwaysEmitIntoClient @inline(__always) static var gatesShareThePanel: Bool { true }

  @_alwaysEmitIntoClient @inline(__always)
  static func run<Rows: ForwardRows>(_ rows: Rows, _ vector: Int) {
    let gates = LSTMGates(
      rows.sums(0), rows.sums(1), rows.sums(2), rows.sums(3), c: rows.load(UnsafePointer(rows.c), 0))
    rows.store(gates.c, rows.c, 0)
    rows.emit(gates.h, 0)
    if let tape = rows.tape(0) { gates.store(tape) }
  }
}

/// GRU with the reset gate after the product (Cho 2014 v1, torch): W_n x + b_n, then the sums r z and m = U_n h + d_n,
/// a chain of its own.
///
///     r = sigmoid(sum_r)   z = sigmoid(sum_z)   n = tanh(W_n x + b_n + r * m)
///     h = (1 - z) * n + z * h                                     tape: r z n m
@frozen @usableFromInline struct GRUGates<V: LaneArithmetic> {
  @usableFromInline let r: V
  @usableFromInline let z: V
  @usableFromInline let n: V
  @usableFromInline let m: V
  @usableFromInline let h: V

  @_alwaysEmitIntoClient @inline(__always)
  init(_ n: V, _ r: V, _ z: V, _ m: V, h: V) {
    self.r = V.sigmoid(r)
    self.z = V.sigmoid(z)
    self.m = m
    self.n = V.tanh(V.multiplyAdd(self.r, m, n))
    self.h = V.multiplyAdd(self.z, h - self.n, self.n)
  }

  @_alwaysEmitIntoClient @inline(__always)
  func store<Tape: GateTape>(_ tape: Tape) where Tape.V == V {
    tape.keep(r, gate: 0)
    tape.keep(z, gate: 1)
    tape.keep(n, gate: 2)
    tape.keep(m, gate: 3)
  }
}

/// The panel's vectors: n r z m of one vector of units.
@usableFromInline enum GRUForward: ForwardEquations {
  @_alwaysEmitIntoClient @inline(__always) static var gatesShareThePanel: Bool { true }

  @_alwaysEmitIntoClient @inline(__always)
  static func run<Rows: ForwardRows>(_ rows: Rows, _ vector: Int) {
    let gates = GRUGates(
      rows.sums(0), rows.sums(1), rows.sums(2), rows.sums(3), h: rows.load(rows.hPrevious, 0))
    rows.emit(gates.h, 0)
    if let tape = rows.tape(0) { gates.store(tape) }
  }
}

/// First half of the GRU with the reset gate before the product (Cho 2014 v3).
///
///     r = sigmoid(sum_r)   z = sigmoid(sum_z)   c := r * h        tape: r z
@frozen @usableFromInline struct GRUResetGates<V: LaneArithmetic> {
  @usableFromInline let r: V
  @usableFromInline let z: V

  @_alwaysEmitIntoClient @inline(__always)
  init(_ r: V, _ z: V) {
    self.r = V.sigmoid(r)
    self.z = V.sigmoid(z)
  }

  @_alwaysEmitIntoClient @inline(__always)
  func store<Tape: GateTape>(_ tape: Tape) where Tape.V == V {
    tape.keep(r, gate: 0)
    tape.keep(z, gate: 1)
  }
}

/// The panel's vectors: r z of one vector of units.
@usableFromInline enum GRUResetGatesForward: ForwardEquations {
  @_alwaysEmitIntoClient @inline(__always) static var gatesShareThePanel: Bool { true }

  @_alwaysEmitIntoClient @inline(__always)
  static func run<Rows: ForwardRows>(_ rows: Rows, _ vector: Int) {
    let gates = GRUResetGates(rows.sums(0), rows.sums(1))
    rows.store(gates.r * rows.load(rows.hPrevious, 0), rows.c, 0)
    rows.store(gates.z, rows.z, 0)
    if let tape = rows.tape(0) { gates.store(tape) }
  }
}

/// Second half; its product ran over r * h.
///
///     n = tanh(sum_n)   h = (1 - z) * n + z * h                   tape: n, behind r and z
@frozen @usableFromInline struct GRUResetCandidate<V: LaneArithmetic> {
  @usableFromInline let n: V
  @usableFromInline let h: V

  @_alwaysEmitIntoClient @inline(__always)
  init(_ n: V, z: V, h: V) {
    self.n = V.tanh(n)
    self.h = V.multiplyAdd(z, h - self.n, self.n)
  }

  @_alwaysEmitIntoClient @inline(__always)
  func store<Tape: GateTape>(_ tape: Tape) where Tape.V == V { tape.keep(n, gate: 2) }
}

/// The panel's vectors: n of 1 … 4 vectors of units.
@usableFromInline enum GRUResetCandidateForward: ForwardEquations {
  @_alwaysEmitIntoClient @inline(__always) static var gatesShareThePanel: Bool { false }

  @_alwaysEmitIntoClient @inline(__always)
  static func run<Rows: ForwardRows>(_ rows: Rows, _ vector: Int) {
    let candidate = GRUResetCandidate(
      rows.sums(vector), z: rows.load(UnsafePointer(rows.z), vector), h: rows.load(rows.hPrevious, vector))
    rows.emit(candidate.h, vector)
    if let tape = rows.tape(vector) { candidate.store(tape) }
  }
}

/// tanh, or max(0, sum): select and not max, so that NaN stays NaN as in torch.
@_alwaysEmitIntoClient @inline(__always)
func rnnActivation<V: LaneArithmetic>(_ sum: V, relu: Bool) -> V {
  relu ? V.select(V.less(sum, V.zero), V.zero, sum) : V.tanh(sum)
}

/// Vanilla RNN (Elman 1990): `h = tanh(sum)`, or `max(0, sum)`. The vectors: 1 … 4 vectors of units. h is all of its
/// tape.
@usableFromInline enum RNNForward: ForwardEquations {
  @_alwaysEmitIntoClient @inline(__always) static var gatesShareThePanel: Bool { false }

  @_alwaysEmitIntoClient @inline(__always)
  static func run<Rows: ForwardRows>(_ rows: Rows, _ vector: Int) {
    rows.emit(rnnActivation(rows.sums(vector), relu: rows.relu), vector)
  }
}

extension StepKernels {
  @_alwaysEmitIntoClient @inline(__always)
  init<V: Lanes>(_: V.Type) where Arguments == ForwardArguments<V.Scalar> {
    self.init(
      lstm: { forward(LSTMForward.self, V.self, $0) }, gru: { forward(GRUForward.self, V.self, $0) },
      gruResetGates: { forward(GRUResetGatesForward.self, V.self, $0) },
      gruResetCandidate: { forward(GRUResetCandidateForward.self, V.self, $0) },
      rnn: { forward(RNNForward.self, V.self, $0) })
  }
}
