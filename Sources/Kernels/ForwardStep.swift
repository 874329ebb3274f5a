// Forward steps: from the finished sums of one panel to its gates and the new state. The product has left the sums in
// the first-level cache a moment ago; gates exist in registers only, and go to memory only into a tape.

/// One step of a cell for the units of one panel and some sequences.
///
/// State rows are scratch, padded to whole vectors: row r at `pointer + r * stateStride`, all pointers at the panel's
/// first unit.
public struct ForwardArguments<Scalar: Real> {
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

/// LSTM (Gers, Schmidhuber, Cummins 2000). The panel's vectors: i f g o of one vector of units.
///
///     i = sigmoid(sum_i)   f = sigmoid(sum_f)   g = tanh(sum_g)   o = sigmoid(sum_o)
///     c = f * c + i * g
///     h = o * tanh(c)                                             tape: i f g o c
@inlinable @inline(__always)
func lstmForward<V: Lanes>(_: V.Type, _ a: ForwardArguments<V.Scalar>) {
  for row in 0..<a.count {
    let sums = UnsafePointer(a.sums[row] + a.sumsOffset)
    let at = row &* a.stateStride
    let i = V.sigmoid(V.load(sums))
    let f = V.sigmoid(V.load(sums + V.count))
    let g = V.tanh(V.load(sums + 2 &* V.count))
    let o = V.sigmoid(V.load(sums + 3 &* V.count))
    let c = V.multiplyAdd(f, V.load(UnsafePointer(a.c + at)), i * g)
    c.store(a.c + at)
    (o * V.tanh(c)).store(a.h + at)
    if let tape = a.tape {
      let out = tape[row] + a.tapeOffset
      i.store(out, first: a.units)
      f.store(out + a.gateStride, first: a.units)
      g.store(out + 2 &* a.gateStride, first: a.units)
      o.store(out + 3 &* a.gateStride, first: a.units)
      c.store(out + 4 &* a.gateStride, first: a.units)
    }
  }
}

/// GRU with the reset gate after the product (Cho 2014 v1, torch). The vectors: W_n x + b_n, then the sums r z and
/// m = U_n h + d_n, a chain of its own.
///
///     r = sigmoid(sum_r)   z = sigmoid(sum_z)   n = tanh(W_n x + b_n + r * m)
///     h = (1 - z) * n + z * h                                     tape: r z n m
@inlinable @inline(__always)
func gruForward<V: Lanes>(_: V.Type, _ a: ForwardArguments<V.Scalar>) {
  for row in 0..<a.count {
    let sums = UnsafePointer(a.sums[row] + a.sumsOffset)
    let at = row &* a.stateStride
    let r = V.sigmoid(V.load(sums + V.count))
    let z = V.sigmoid(V.load(sums + 2 &* V.count))
    let m = V.load(sums + 3 &* V.count)
    let n = V.tanh(V.multiplyAdd(r, m, V.load(sums)))
    V.multiplyAdd(z, V.load(a.hPrevious + at) - n, n).store(a.h + at)
    if let tape = a.tape {
      let out = tape[row] + a.tapeOffset
      r.store(out, first: a.units)
      z.store(out + a.gateStride, first: a.units)
      n.store(out + 2 &* a.gateStride, first: a.units)
      m.store(out + 3 &* a.gateStride, first: a.units)
    }
  }
}

/// First half of the GRU with the reset gate before the product (Cho 2014 v3). The vectors: r z of one vector of units.
///
///     r = sigmoid(sum_r)   z = sigmoid(sum_z)   c := r * h        tape: r z
@inlinable @inline(__always)
func gruResetGatesForward<V: Lanes>(_: V.Type, _ a: ForwardArguments<V.Scalar>) {
  for row in 0..<a.count {
    let sums = UnsafePointer(a.sums[row] + a.sumsOffset)
    let at = row &* a.stateStride
    let r = V.sigmoid(V.load(sums))
    let z = V.sigmoid(V.load(sums + V.count))
    (r * V.load(a.hPrevious + at)).store(a.c + at)
    z.store(a.z + at)
    if let tape = a.tape {
      let out = tape[row] + a.tapeOffset
      r.store(out, first: a.units)
      z.store(out + a.gateStride, first: a.units)
    }
  }
}

/// Second half; its product ran over r * h. The vectors: n of 1 … 4 vectors of units.
///
///     n = tanh(sum_n)   h = (1 - z) * n + z * h                   tape: n, behind r and z
@inlinable @inline(__always)
func gruResetCandidateForward<V: Lanes>(_: V.Type, _ a: ForwardArguments<V.Scalar>) {
  for row in 0..<a.count {
    let sums = UnsafePointer(a.sums[row] + a.sumsOffset)
    for v in 0..<a.unitVectors {
      let u = v &* V.count
      let at = row &* a.stateStride &+ u
      let n = V.tanh(V.load(sums + u))
      let z = V.load(UnsafePointer(a.z + at))
      V.multiplyAdd(z, V.load(a.hPrevious + at) - n, n).store(a.h + at)
      if let tape = a.tape { n.store(tape[row] + (a.tapeOffset &+ 2 &* a.gateStride &+ u), first: a.units &- u) }
    }
  }
}

/// Vanilla RNN (Elman 1990): `h = tanh(sum)`, or `max(0, sum)`. The vectors: 1 … 4 vectors of units. h is all of its tape.
@inlinable @inline(__always)
func rnnForward<V: Lanes>(_: V.Type, _ a: ForwardArguments<V.Scalar>) {
  for row in 0..<a.count {
    let sums = UnsafePointer(a.sums[row] + a.sumsOffset)
    for v in 0..<a.unitVectors {
      let sum = V.load(sums + v &* V.count)
      // select and not max, so that NaN stays NaN as in torch.
      let h = a.relu ? V.select(V.less(sum, V.zero), V.zero, sum) : V.tanh(sum)
      h.store(a.h + (row &* a.stateStride &+ v &* V.count))
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
