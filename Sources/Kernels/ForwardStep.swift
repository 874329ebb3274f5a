// Forward steps: from the finished sums of one panel to its gates and the new state. The product has left the sums in
// the first-level cache a moment ago; gates exist in registers only, and go to memory only into a tape.

/// One step of a cell for the units of one panel and some sequences.
///
/// State rows are scratch, padded to whole vectors: row r at `pointer + r * stateStride`, all pointers at the panel's
/// first unit.
public struct ForwardArguments<Scalar: Real>: BitwiseCopyable {
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
  /// Rows of the tape, or nil. Gate g of the panel's first unit goes to `tape[r] + tapeOffset + g * gateStride`.
  public var tape: UnsafePointer<UnsafeMutablePointer<Scalar>>?
  public var tapeOffset: Int
  public var gateStride: Int
  /// Vanilla RNN: relu instead of tanh.
  public var relu: Bool

  @inlinable
  public init(
    count: Int, unitVectors: Int, units: Int, sums: UnsafePointer<UnsafeMutablePointer<Scalar>>, sumsOffset: Int,
    stateStride: Int, hPrevious: UnsafePointer<Scalar>, h: UnsafeMutablePointer<Scalar>,
    c: UnsafeMutablePointer<Scalar>, z: UnsafeMutablePointer<Scalar>,
    tape: UnsafePointer<UnsafeMutablePointer<Scalar>>?, tapeOffset: Int, gateStride: Int, relu: Bool
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
    self.tapeOffset = tapeOffset
    self.gateStride = gateStride
    self.relu = relu
  }
}

/// LSTM (Gers, Schmidhuber, Cummins 2000).
///
///     i = sigmoid(sum_i)   f = sigmoid(sum_f)   g = tanh(sum_g)   o = sigmoid(sum_o)
///     c = f * c + i * g
///     h = o * tanh(c)                                             tape: i f g o c
@frozen @usableFromInline struct LSTMGates<V: Lanes> {
  @usableFromInline let i: V
  @usableFromInline let f: V
  @usableFromInline let g: V
  @usableFromInline let o: V
  @usableFromInline let c: V

  @inlinable @inline(__always)
  init(_ i: V, _ f: V, _ g: V, _ o: V, c: V) {
    self.i = V.sigmoid(i)
    self.f = V.sigmoid(f)
    self.g = V.tanh(g)
    self.o = V.sigmoid(o)
    self.c = V.multiplyAdd(self.f, c, self.i * self.g)
  }

  @inlinable @inline(__always) var h: V { o * V.tanh(c) }

  @inlinable @inline(__always)
  func store(_ tape: UnsafeMutablePointer<V.Scalar>, _ gateStride: Int, first units: Int) {
    i.store(tape, first: units)
    f.store(tape + gateStride, first: units)
    g.store(tape + 2 &* gateStride, first: units)
    o.store(tape + 3 &* gateStride, first: units)
    c.store(tape + 4 &* gateStride, first: units)
  }
}

/// The panel's vectors: i f g o of one vector of units.
@inlinable @inline(__always)
func lstmForward<V: Lanes>(_: V.Type, _ a: ForwardArguments<V.Scalar>) {
  for row in 0..<a.count {
    let sums = UnsafePointer(a.sums[row] + a.sumsOffset)
    let at = row &* a.stateStride
    let gates = LSTMGates(
      V.load(sums), V.load(sums + V.count), V.load(sums + 2 &* V.count), V.load(sums + 3 &* V.count),
      c: V.load(UnsafePointer(a.c + at)))
    gates.c.store(a.c + at)
    gates.h.store(a.h + at)
    if let tape = a.tape { gates.store(tape[row] + a.tapeOffset, a.gateStride, first: a.units) }
  }
}

/// GRU with the reset gate after the product (Cho 2014 v1, torch): W_n x + b_n, then the sums r z and m = U_n h + d_n,
/// a chain of its own.
///
///     r = sigmoid(sum_r)   z = sigmoid(sum_z)   n = tanh(W_n x + b_n + r * m)
///     h = (1 - z) * n + z * h                                     tape: r z n m
@frozen @usableFromInline struct GRUGates<V: Lanes> {
  @usableFromInline let r: V
  @usableFromInline let z: V
  @usableFromInline let n: V
  @usableFromInline let m: V
  @usableFromInline let h: V

  @inlinable @inline(__always)
  init(_ n: V, _ r: V, _ z: V, _ m: V, h: V) {
    self.r = V.sigmoid(r)
    self.z = V.sigmoid(z)
    self.m = m
    self.n = V.tanh(V.multiplyAdd(self.r, m, n))
    self.h = V.multiplyAdd(self.z, h - self.n, self.n)
  }

  @inlinable @inline(__always)
  func store(_ tape: UnsafeMutablePointer<V.Scalar>, _ gateStride: Int, first units: Int) {
    r.store(tape, first: units)
    z.store(tape + gateStride, first: units)
    n.store(tape + 2 &* gateStride, first: units)
    m.store(tape + 3 &* gateStride, first: units)
  }
}

/// The panel's vectors: n r z m of one vector of units.
@inlinable @inline(__always)
func gruForward<V: Lanes>(_: V.Type, _ a: ForwardArguments<V.Scalar>) {
  for row in 0..<a.count {
    let sums = UnsafePointer(a.sums[row] + a.sumsOffset)
    let at = row &* a.stateStride
    let gates = GRUGates(
      V.load(sums), V.load(sums + V.count), V.load(sums + 2 &* V.count), V.load(sums + 3 &* V.count),
      h: V.load(a.hPrevious + at))
    gates.h.store(a.h + at)
    if let tape = a.tape { gates.store(tape[row] + a.tapeOffset, a.gateStride, first: a.units) }
  }
}

/// First half of the GRU with the reset gate before the product (Cho 2014 v3).
///
///     r = sigmoid(sum_r)   z = sigmoid(sum_z)   c := r * h        tape: r z
@frozen @usableFromInline struct GRUResetGates<V: Lanes> {
  @usableFromInline let r: V
  @usableFromInline let z: V

  @inlinable @inline(__always)
  init(_ r: V, _ z: V) {
    self.r = V.sigmoid(r)
    self.z = V.sigmoid(z)
  }

  @inlinable @inline(__always)
  func store(_ tape: UnsafeMutablePointer<V.Scalar>, _ gateStride: Int, first units: Int) {
    r.store(tape, first: units)
    z.store(tape + gateStride, first: units)
  }
}

/// The panel's vectors: r z of one vector of units.
@inlinable @inline(__always)
func gruResetGatesForward<V: Lanes>(_: V.Type, _ a: ForwardArguments<V.Scalar>) {
  for row in 0..<a.count {
    let sums = UnsafePointer(a.sums[row] + a.sumsOffset)
    let at = row &* a.stateStride
    let gates = GRUResetGates(V.load(sums), V.load(sums + V.count))
    (gates.r * V.load(a.hPrevious + at)).store(a.c + at)
    gates.z.store(a.z + at)
    if let tape = a.tape { gates.store(tape[row] + a.tapeOffset, a.gateStride, first: a.units) }
  }
}

/// Second half; its product ran over r * h.
///
///     n = tanh(sum_n)   h = (1 - z) * n + z * h                   tape: n, behind r and z
@frozen @usableFromInline struct GRUResetCandidate<V: Lanes> {
  @usableFromInline let n: V
  @usableFromInline let h: V

  @inlinable @inline(__always)
  init(_ n: V, z: V, h: V) {
    self.n = V.tanh(n)
    self.h = V.multiplyAdd(z, h - self.n, self.n)
  }

  @inlinable @inline(__always)
  func store(_ tape: UnsafeMutablePointer<V.Scalar>, _ gateStride: Int, first units: Int) {
    n.store(tape + 2 &* gateStride, first: units)
  }
}

/// The panel's vectors: n of 1 … 4 vectors of units.
@inlinable @inline(__always)
func gruResetCandidateForward<V: Lanes>(_: V.Type, _ a: ForwardArguments<V.Scalar>) {
  for row in 0..<a.count {
    let sums = UnsafePointer(a.sums[row] + a.sumsOffset)
    for v in 0..<a.unitVectors {
      let u = v &* V.count
      let at = row &* a.stateStride &+ u
      let candidate = GRUResetCandidate(
        V.load(sums + u), z: V.load(UnsafePointer(a.z + at)), h: V.load(a.hPrevious + at))
      candidate.h.store(a.h + at)
      if let tape = a.tape { candidate.store(tape[row] + (a.tapeOffset &+ u), a.gateStride, first: a.units &- u) }
    }
  }
}

/// tanh, or max(0, sum): select and not max, so that NaN stays NaN as in torch.
@inlinable @inline(__always)
func rnnActivation<V: Lanes>(_ sum: V, relu: Bool) -> V {
  relu ? V.select(V.less(sum, V.zero), V.zero, sum) : V.tanh(sum)
}

/// Vanilla RNN (Elman 1990): `h = tanh(sum)`, or `max(0, sum)`. The vectors: 1 … 4 vectors of units. h is all of its
/// tape.
@inlinable @inline(__always)
func rnnForward<V: Lanes>(_: V.Type, _ a: ForwardArguments<V.Scalar>) {
  for row in 0..<a.count {
    let sums = UnsafePointer(a.sums[row] + a.sumsOffset)
    for v in 0..<a.unitVectors {
      let sum = V.load(sums + v &* V.count)
      rnnActivation(sum, relu: a.relu).store(a.h + (row &* a.stateStride &+ v &* V.count))
    }
  }
}

/// The forward steps.
public struct ForwardKernels<Scalar: Real>: Sendable {
  public typealias Entry = @Sendable (UnsafePointer<ForwardArguments<Scalar>>) -> Void

  public let lstm: Entry
  public let gru: Entry
  public let gruResetGates: Entry
  public let gruResetCandidate: Entry
  public let rnn: Entry

  @inlinable @inline(__always)
  public init<V: Lanes>(_: V.Type) where V.Scalar == Scalar {
    lstm = { lstmForward(V.self, $0.pointee) }
    gru = { gruForward(V.self, $0.pointee) }
    gruResetGates = { gruResetGatesForward(V.self, $0.pointee) }
    gruResetCandidate = { gruResetCandidateForward(V.self, $0.pointee) }
    rnn = { rnnForward(V.self, $0.pointee) }
  }
}
