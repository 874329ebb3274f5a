// Backward steps: from dh of one step to the gradients of its gates' sums, elementwise, for whole vectors of units.
// dh itself is the product of the next step's gate gradients with the recurrent weights (Product.swift), and is still
// in the first-level cache when these run.

import CPrimitives

/// One step of a cell backward, for some sequences and some vectors of units; all pointers are at the first unit of
/// all.
///
/// Scratch rows are padded to whole vectors: row r at `pointer + r * stateStride`. Tape rows are not: what is read
/// behind their end goes into padding, which nothing reads. Gate g of row r starts at `tape[r] + g * gateStride` and at
/// `dgates[r] + g * stateStride`.
public struct BackwardArguments<Scalar: Real> {
  /// Sequences.
  public var count: Int
  /// Which vectors of units.
  public var vectors: Range<Int>
  public var stateStride: Int
  /// dL/dh of this step.
  public var dh: UnsafePointer<Scalar>
  /// LSTM: dL/dc, updated in place to that of the step before. GRU: written, the part of dL/dh of the step before that
  /// does not pass a product.
  public var carry: UnsafeMutablePointer<Scalar>
  /// GRU, reset before: dL/d(r * h), read by the second half.
  public var dReset: UnsafePointer<Scalar>
  /// The forward step's record. Vanilla RNN: the rows of h. Only read.
  public var tape: MovingRows<Scalar>
  public var gateStride: Int
  /// LSTM: rows of c of the step before. GRU: rows of h of the step before. Only read.
  public var previous: MovingRows<Scalar>
  /// Rows that receive the gradients of the gates' sums.
  public var dgates: MovingRows<Scalar>
  /// Vanilla RNN: relu instead of tanh. LSTM: also write o * tanh(c), which a projection's gradient needs.
  public var flag: Bool

  @inlinable
  public init(
    count: Int, vectors: Range<Int>, stateStride: Int, dh: UnsafePointer<Scalar>, carry: UnsafeMutablePointer<Scalar>,
    dReset: UnsafePointer<Scalar>, tape: MovingRows<Scalar>, gateStride: Int, previous: MovingRows<Scalar>,
    dgates: MovingRows<Scalar>, flag: Bool
  ) {
    self.count = count
    self.vectors = vectors
    self.stateStride = stateStride
    self.dh = dh
    self.carry = carry
    self.dReset = dReset
    self.tape = tape
    self.gateStride = gateStride
    self.previous = previous
    self.dgates = dgates
    self.flag = flag
  }
}

/// Asks for the units at `u` of the row behind `row`: what a step reads and writes of them. All rows of a tape do not fit
/// the second-level cache, and they lie too far apart for the hardware's own prefetch.
@_alwaysEmitIntoClient @inline(__always)
func prefetchNext<Scalar: Real>(
  _ a: BackwardArguments<Scalar>, _ row: Int, _ u: Int, gates: Int, previous: Bool, gradients: Int
) {
  let row = min(row &+ 1, a.count &- 1)
  for g in 0..<gates { swiftrnn_prefetch_first(a.tape[row] + (g &* a.gateStride &+ u)) }
  if previous { swiftrnn_prefetch_first(a.previous[row] + u) }
  for g in 0..<gradients { swiftrnn_prefetch_first(a.dgates[row] + (g &* a.stateStride &+ u)) }
}

/// LSTM, from the record i f g o c. With a' for the derivative of a gate's activation:
///
///     do = dh * tanh(c)          dc += dh * o * (1 - tanh(c)^2)
///     di = dc * g,  df = dc * c_previous,  dg = dc * i;  dc := dc * f
///     sums: di i (1 - i),  df f (1 - f),  dg (1 - g^2),  do o (1 - o);  then o * tanh(c), if wanted
@_alwaysEmitIntoClient @inline(__always)
func lstmBackward<V: Lanes>(_: V.Type, _ a: BackwardArguments<V.Scalar>) {
  for row in 0..<a.count {
    let tape = UnsafePointer(a.tape[row])
    let previous = UnsafePointer(a.previous[row])
    let out = a.dgates[row]
    for v in a.vectors {
      let u = v &* V.count
      prefetchNext(a, row, u, gates: 5, previous: true, gradients: 4)
      let at = row &* a.stateStride &+ u
      let i = V.load(tape + u)
      let f = V.load(tape + (a.gateStride &+ u))
      let g = V.load(tape + (2 &* a.gateStride &+ u))
      let o = V.load(tape + (3 &* a.gateStride &+ u))
      let t = V.tanh(V.load(tape + (4 &* a.gateStride &+ u)))
      let dh = V.load(a.dh + at)
      let dc = V.multiplyAdd(dh * o, V.one - t * t, V.load(UnsafePointer(a.carry + at)))
      (dc * g * (i * (V.one - i))).store(out + u)
      (dc * V.load(previous + u) * (f * (V.one - f))).store(out + (a.stateStride &+ u))
      (dc * i * (V.one - g * g)).store(out + (2 &* a.stateStride &+ u))
      (dh * t * (o * (V.one - o))).store(out + (3 &* a.stateStride &+ u))
      (dc * f).store(a.carry + at)
      if a.flag { (o * t).store(out + (4 &* a.stateStride &+ u)) }
    }
  }
}

/// GRU with the reset gate after the product, from the record r z n m and h of the step before.
///
///     dn = dh (1 - z),  dz = dh (h_previous - n),  carry := dh z
///     sums, in the order r z m n:  dsum_n = dn (1 - n^2);  dr = dsum_n m, times r (1 - r);  dz z (1 - z);  dm = dsum_n r
@_alwaysEmitIntoClient @inline(__always)
func gruBackward<V: Lanes>(_: V.Type, _ a: BackwardArguments<V.Scalar>) {
  for row in 0..<a.count {
    let tape = UnsafePointer(a.tape[row])
    let previous = UnsafePointer(a.previous[row])
    let out = a.dgates[row]
    for v in a.vectors {
      let u = v &* V.count
      prefetchNext(a, row, u, gates: 4, previous: true, gradients: 4)
      let at = row &* a.stateStride &+ u
      let r = V.load(tape + u)
      let z = V.load(tape + (a.gateStride &+ u))
      let n = V.load(tape + (2 &* a.gateStride &+ u))
      let m = V.load(tape + (3 &* a.gateStride &+ u))
      let dh = V.load(a.dh + at)
      let dsum = dh * (V.one - z) * (V.one - n * n)
      (dsum * m * (r * (V.one - r))).store(out + u)
      (dh * (V.load(previous + u) - n) * (z * (V.one - z))).store(out + (a.stateStride &+ u))
      (dsum * r).store(out + (2 &* a.stateStride &+ u))
      dsum.store(out + (3 &* a.stateStride &+ u))
      (dh * z).store(a.carry + at)
    }
  }
}

/// GRU with the reset gate before the product, first half, from the record r z n: the sums of z and n.
///
///     dsum_n = dh (1 - z) (1 - n^2),  dsum_z = dh (h_previous - n) z (1 - z),  carry := dh z
@_alwaysEmitIntoClient @inline(__always)
func gruResetBackwardCandidate<V: Lanes>(_: V.Type, _ a: BackwardArguments<V.Scalar>) {
  for row in 0..<a.count {
    let tape = UnsafePointer(a.tape[row])
    let previous = UnsafePointer(a.previous[row])
    let out = a.dgates[row]
    for v in a.vectors {
      let u = v &* V.count
      prefetchNext(a, row, u, gates: 3, previous: true, gradients: 3)
      let at = row &* a.stateStride &+ u
      let z = V.load(tape + (a.gateStride &+ u))
      let n = V.load(tape + (2 &* a.gateStride &+ u))
      let dh = V.load(a.dh + at)
      (dh * (V.load(previous + u) - n) * (z * (V.one - z))).store(out + (a.stateStride &+ u))
      (dh * (V.one - z) * (V.one - n * n)).store(out + (2 &* a.stateStride &+ u))
      (dh * z).store(a.carry + at)
    }
  }
}

/// Second half, with `dReset` = dsum_n U_n = dL/d(r * h): dsum_r = dReset h_previous r (1 - r), carry += dReset r;
/// and r * h_previous behind the gradients, for that of U_n.
@_alwaysEmitIntoClient @inline(__always)
func gruResetBackwardGates<V: Lanes>(_: V.Type, _ a: BackwardArguments<V.Scalar>) {
  for row in 0..<a.count {
    let tape = UnsafePointer(a.tape[row])
    let previous = UnsafePointer(a.previous[row])
    let out = a.dgates[row]
    for v in a.vectors {
      let u = v &* V.count
      let at = row &* a.stateStride &+ u
      let r = V.load(tape + u)
      let d = V.load(a.dReset + at)
      let h = V.load(previous + u)
      (d * h * (r * (V.one - r))).store(out + u)
      (r * h).store(out + (3 &* a.stateStride &+ u))
      V.multiplyAdd(d, r, V.load(UnsafePointer(a.carry + at))).store(a.carry + at)
    }
  }
}

/// Vanilla RNN, from h: `dh (1 - h^2)`, or `dh` where h is above 0.
@_alwaysEmitIntoClient @inline(__always)
func rnnBackward<V: Lanes>(_: V.Type, _ a: BackwardArguments<V.Scalar>) {
  for row in 0..<a.count {
    let tape = UnsafePointer(a.tape[row])
    let out = a.dgates[row]
    for v in a.vectors {
      let u = v &* V.count
      prefetchNext(a, row, u, gates: 1, previous: false, gradients: 1)
      let h = V.load(tape + u)
      let dh = V.load(a.dh + (row &* a.stateStride &+ u))
      if a.flag {
        V.select(V.less(V.zero, h), dh, V.zero).store(out + u)
      } else {
        (dh * (V.one - h * h)).store(out + u)
      }
    }
  }
}

extension StepKernels {
  @_alwaysEmitIntoClient @inline(__always)
  init<V: Lanes>(_: V.Type) where Arguments == BackwardArguments<V.Scalar> {
    self.init(
      lstm: { lstmBackward(V.self, $0.pointee) }, gru: { gruBackward(V.self, $0.pointee) },
      gruResetGates: { gruResetBackwardGates(V.self, $0.pointee) },
      gruResetCandidate: { gruResetBackwardCandidate(V.self, $0.pointee) }, rnn: { rnnBackward(V.self, $0.pointee) })
  }
}
