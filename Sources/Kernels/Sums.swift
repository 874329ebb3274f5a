// The sums of a tile as types: a row of 1 … 4 vectors, a block of 1 … 8 rows. Everything is a named field and straight
// code, so that the compiler keeps it in registers. An InlineArray indexed in loops stays there only if the compiler
// unrolls every loop that touches it early enough; it often did not.

/// The sums of one row: `vectors` vectors.
public protocol RowSums {
  associatedtype V: Lanes
  static var vectors: Int { get }
  /// Zeros.
  init()
  /// `vectors` vectors from memory.
  init(_ p: UnsafePointer<V.Scalar>)
  func store(_ p: UnsafeMutablePointer<V.Scalar>)
  /// What is at `p`, and self, there.
  func added(to p: UnsafeMutablePointer<V.Scalar>)
  /// self += w * x, in all vectors.
  mutating func add(_ w: Self, _ x: V)
  /// self += w * x, in vector `v`, a constant.
  mutating func add(_ w: V, _ x: V, vector v: Int)
  /// Vector `v`, a constant.
  func vector(_ v: Int) -> V
}

@frozen @usableFromInline struct Row1<V: Lanes>: RowSums {
  @usableFromInline var a: V
  @_alwaysEmitIntoClient @inline(__always) static var vectors: Int { 1 }
  @_alwaysEmitIntoClient @inline(__always) init() { a = .zero }
  @_alwaysEmitIntoClient @inline(__always) init(_ p: UnsafePointer<V.Scalar>) { a = V.load(p) }
  @_alwaysEmitIntoClient @inline(__always) func store(_ p: UnsafeMutablePointer<V.Scalar>) { a.store(p) }
  @_alwaysEmitIntoClient @inline(__always) func added(to p: UnsafeMutablePointer<V.Scalar>) {
    (V.load(UnsafePointer(p)) + a).store(p)
  }
  @_alwaysEmitIntoClient @inline(__always) mutating func add(_ w: Self, _ x: V) { a = V.multiplyAdd(w.a, x, a) }
  @_alwaysEmitIntoClient @inline(__always) mutating func add(_ w: V, _ x: V, vector v: Int) {
    a = V.multiplyAdd(w, x, a)
  }
  @_alwaysEmitIntoClient @inline(__always) func vector(_ v: Int) -> V { a }
}

@frozen @usableFromInline struct Row2<V: Lanes>: RowSums {
  @usableFromInline var a: V
  @usableFromInline var b: V
  @_alwaysEmitIntoClient @inline(__always) static var vectors: Int { 2 }
  @_alwaysEmitIntoClient @inline(__always) init() {
    a = .zero
    b = .zero
  }
  @_alwaysEmitIntoClient @inline(__always) init(_ p: UnsafePointer<V.Scalar>) {
    a = V.load(p)
    b = V.load(p + V.count)
  }
  @_alwaysEmitIntoClient @inline(__always) func store(_ p: UnsafeMutablePointer<V.Scalar>) {
    a.store(p)
    b.store(p + V.count)
  }
  @_alwaysEmitIntoClient @inline(__always) func added(to p: UnsafeMutablePointer<V.Scalar>) {
    (V.load(UnsafePointer(p)) + a).store(p)
    (V.load(UnsafePointer(p + V.count)) + b).store(p + V.count)
  }
  @_alwaysEmitIntoClient @inline(__always) mutating func add(_ w: Self, _ x: V) {
    a = V.multiplyAdd(w.a, x, a)
    b = V.multiplyAdd(w.b, x, b)
  }
  @_alwaysEmitIntoClient @inline(__always) mutating func add(_ w: V, _ x: V, vector v: Int) {
    if v == 0 { a = V.multiplyAdd(w, x, a) } else { b = V.multiplyAdd(w, x, b) }
  }
  @_alwaysEmitIntoClient @inline(__always) func vector(_ v: Int) -> V { v == 0 ? a : b }
}

@frozen @usableFromInline struct Row3<V: Lanes>: RowSums {
  @usableFromInline var a: V
  @usableFromInline var b: V
  @usableFromInline var c: V
  @_alwaysEmitIntoClient @inline(__always) static var vectors: Int { 3 }
  @_alwaysEmitIntoClient @inline(__always) init() {
    a = .zero
    b = .zero
    c = .zero
  }
  @_alwaysEmitIntoClient @inline(__always) init(_ p: UnsafePointer<V.Scalar>) {
    a = V.load(p)
    b = V.load(p + V.count)
    c = V.load(p + 2 &* V.count)
  }
  @_alwaysEmitIntoClient @inline(__always) func store(_ p: UnsafeMutablePointer<V.Scalar>) {
    a.store(p)
    b.store(p + V.count)
    c.store(p + 2 &* V.count)
  }
  @_alwaysEmitIntoClient @inline(__always) func added(to p: UnsafeMutablePointer<V.Scalar>) {
    (V.load(UnsafePointer(p)) + a).store(p)
    (V.load(UnsafePointer(p + V.count)) + b).store(p + V.count)
    (V.load(UnsafePointer(p + 2 &* V.count)) + c).store(p + 2 &* V.count)
  }
  @_alwaysEmitIntoClient @inline(__always) mutating func add(_ w: Self, _ x: V) {
    a = V.multiplyAdd(w.a, x, a)
    b = V.multiplyAdd(w.b, x, b)
    c = V.multiplyAdd(w.c, x, c)
  }
  @_alwaysEmitIntoClient @inline(__always) mutating func add(_ w: V, _ x: V, vector v: Int) {
    switch v {
    case 0: a = V.multiplyAdd(w, x, a)
    case 1: b = V.multiplyAdd(w, x, b)
    default: c = V.multiplyAdd(w, x, c)
    }
  }
  @_alwaysEmitIntoClient @inline(__always) func vector(_ v: Int) -> V { v == 0 ? a : v == 1 ? b : c }
}

@frozen @usableFromInline struct Row4<V: Lanes>: RowSums {
  @usableFromInline var a: V
  @usableFromInline var b: V
  @usableFromInline var c: V
  @usableFromInline var d: V
  @_alwaysEmitIntoClient @inline(__always) init(_ a: V, _ b: V, _ c: V, _ d: V) {
    self.a = a
    self.b = b
    self.c = c
    self.d = d
  }
  @_alwaysEmitIntoClient @inline(__always) static var vectors: Int { 4 }
  @_alwaysEmitIntoClient @inline(__always) init() {
    a = .zero
    b = .zero
    c = .zero
    d = .zero
  }
  @_alwaysEmitIntoClient @inline(__always) init(_ p: UnsafePointer<V.Scalar>) {
    a = V.load(p)
    b = V.load(p + V.count)
    c = V.load(p + 2 &* V.count)
    d = V.load(p + 3 &* V.count)
  }
  @_alwaysEmitIntoClient @inline(__always) func store(_ p: UnsafeMutablePointer<V.Scalar>) {
    a.store(p)
    b.store(p + V.count)
    c.store(p + 2 &* V.count)
    d.store(p + 3 &* V.count)
  }
  @_alwaysEmitIntoClient @inline(__always) func added(to p: UnsafeMutablePointer<V.Scalar>) {
    (V.load(UnsafePointer(p)) + a).store(p)
    (V.load(UnsafePointer(p + V.count)) + b).store(p + V.count)
    (V.load(UnsafePointer(p + 2 &* V.count)) + c).store(p + 2 &* V.count)
    (V.load(UnsafePointer(p + 3 &* V.count)) + d).store(p + 3 &* V.count)
  }
  @_alwaysEmitIntoClient @inline(__always) mutating func add(_ w: Self, _ x: V) {
    a = V.multiplyAdd(w.a, x, a)
    b = V.multiplyAdd(w.b, x, b)
    c = V.multiplyAdd(w.c, x, c)
    d = V.multiplyAdd(w.d, x, d)
  }
  @_alwaysEmitIntoClient @inline(__always) mutating func add(_ w: V, _ x: V, vector v: Int) {
    switch v {
    case 0: a = V.multiplyAdd(w, x, a)
    case 1: b = V.multiplyAdd(w, x, b)
    case 2: c = V.multiplyAdd(w, x, c)
    default: d = V.multiplyAdd(w, x, d)
    }
  }
  @_alwaysEmitIntoClient @inline(__always) func vector(_ v: Int) -> V { v == 0 ? a : v == 1 ? b : v == 2 ? c : d }
}

/// The sums of `height` rows, 1 … 8, and the rows' pointers. Fields beyond the height are never touched and vanish.
@frozen @usableFromInline
struct Block<Row: RowSums, let height: Int> {
  @usableFromInline typealias V = Row.V
  @usableFromInline typealias Pointer = UnsafePointer<V.Scalar>

  @usableFromInline var s0 = Row()
  @usableFromInline var s1 = Row()
  @usableFromInline var s2 = Row()
  @usableFromInline var s3 = Row()
  @usableFromInline var s4 = Row()
  @usableFromInline var s5 = Row()
  @usableFromInline var s6 = Row()
  @usableFromInline var s7 = Row()
  @usableFromInline var p0: Pointer
  @usableFromInline var p1: Pointer
  @usableFromInline var p2: Pointer
  @usableFromInline var p3: Pointer
  @usableFromInline var p4: Pointer
  @usableFromInline var p5: Pointer
  @usableFromInline var p6: Pointer
  @usableFromInline var p7: Pointer

  /// Zero sums.
  @_alwaysEmitIntoClient @inline(__always)
  init(_ rows: UnsafePointer<Pointer>) {
    p0 = rows[0]
    p1 = rows[height > 1 ? 1 : 0]
    p2 = rows[height > 2 ? 2 : 0]
    p3 = rows[height > 3 ? 3 : 0]
    p4 = rows[height > 4 ? 4 : 0]
    p5 = rows[height > 5 ? 5 : 0]
    p6 = rows[height > 6 ? 6 : 0]
    p7 = rows[height > 7 ? 7 : 0]
  }

  /// Moves all rows' pointers.
  @_alwaysEmitIntoClient @inline(__always)
  mutating func advance(_ elements: Int) {
    p0 += elements
    if height > 1 { p1 += elements }
    if height > 2 { p2 += elements }
    if height > 3 { p3 += elements }
    if height > 4 { p4 += elements }
    if height > 5 { p5 += elements }
    if height > 6 { p6 += elements }
    if height > 7 { p7 += elements }
  }

  /// The sums of row r from `start + r * stride`.
  @_alwaysEmitIntoClient @inline(__always)
  mutating func load(_ start: Pointer, stride: Int) {
    s0 = Row(start + 0 &* stride)
    if height > 1 { s1 = Row(start + 1 &* stride) }
    if height > 2 { s2 = Row(start + 2 &* stride) }
    if height > 3 { s3 = Row(start + 3 &* stride) }
    if height > 4 { s4 = Row(start + 4 &* stride) }
    if height > 5 { s5 = Row(start + 5 &* stride) }
    if height > 6 { s6 = Row(start + 6 &* stride) }
    if height > 7 { s7 = Row(start + 7 &* stride) }
  }

  /// The sums of row r from `out[r] + offset`.
  @_alwaysEmitIntoClient @inline(__always)
  mutating func load(_ out: UnsafePointer<UnsafeMutablePointer<V.Scalar>>, offset: Int) {
    s0 = Row(Pointer(out[0] + offset))
    if height > 1 { s1 = Row(Pointer(out[1] + offset)) }
    if height > 2 { s2 = Row(Pointer(out[2] + offset)) }
    if height > 3 { s3 = Row(Pointer(out[3] + offset)) }
    if height > 4 { s4 = Row(Pointer(out[4] + offset)) }
    if height > 5 { s5 = Row(Pointer(out[5] + offset)) }
    if height > 6 { s6 = Row(Pointer(out[6] + offset)) }
    if height > 7 { s7 = Row(Pointer(out[7] + offset)) }
  }

  /// The sums of the first four rows, or of the others, from `start + r * stride`, r counted from the first of them.
  @_alwaysEmitIntoClient @inline(__always)
  mutating func load(half: Int, _ start: Pointer, stride: Int) {
    if half == 0 {
      s0 = Row(start)
      if height > 1 { s1 = Row(start + stride) }
      if height > 2 { s2 = Row(start + 2 &* stride) }
      if height > 3 { s3 = Row(start + 3 &* stride) }
    } else {
      if height > 4 { s4 = Row(start) }
      if height > 5 { s5 = Row(start + stride) }
      if height > 6 { s6 = Row(start + 2 &* stride) }
      if height > 7 { s7 = Row(start + 3 &* stride) }
    }
  }

  /// The sums of the first four rows, or of the others, to `out + r * stride`, r counted from the first of them.
  @_alwaysEmitIntoClient @inline(__always)
  func store(half: Int, _ out: UnsafeMutablePointer<V.Scalar>, stride: Int) {
    if half == 0 {
      s0.store(out)
      if height > 1 { s1.store(out + stride) }
      if height > 2 { s2.store(out + 2 &* stride) }
      if height > 3 { s3.store(out + 3 &* stride) }
    } else {
      if height > 4 { s4.store(out) }
      if height > 5 { s5.store(out + stride) }
      if height > 6 { s6.store(out + 2 &* stride) }
      if height > 7 { s7.store(out + 3 &* stride) }
    }
  }

  /// The sums of row r to `out[r] + offset`.
  @_alwaysEmitIntoClient @inline(__always)
  func store(_ out: UnsafePointer<UnsafeMutablePointer<V.Scalar>>, offset: Int) {
    s0.store(out[0] + offset)
    if height > 1 { s1.store(out[1] + offset) }
    if height > 2 { s2.store(out[2] + offset) }
    if height > 3 { s3.store(out[3] + offset) }
    if height > 4 { s4.store(out[4] + offset) }
    if height > 5 { s5.store(out[5] + offset) }
    if height > 6 { s6.store(out[6] + offset) }
    if height > 7 { s7.store(out[7] + offset) }
  }

  /// What is at `out[r] + offset`, and the sums of row r, there.
  @_alwaysEmitIntoClient @inline(__always)
  func add(_ out: UnsafePointer<UnsafeMutablePointer<V.Scalar>>, offset: Int) {
    s0.added(to: out[0] + offset)
    if height > 1 { s1.added(to: out[1] + offset) }
    if height > 2 { s2.added(to: out[2] + offset) }
    if height > 3 { s3.added(to: out[3] + offset) }
    if height > 4 { s4.added(to: out[4] + offset) }
    if height > 5 { s5.added(to: out[5] + offset) }
    if height > 6 { s6.added(to: out[6] + offset) }
    if height > 7 { s7.added(to: out[7] + offset) }
  }

  /// sums += panel vectors * rows[k], row by row: for blocks at least as tall as wide, which hold the panel's vectors.
  @_alwaysEmitIntoClient @inline(__always)
  mutating func multiplyAddTall(_ panel: Pointer, _ k: Int) {
    let w = Row(panel)
    s0.add(w, V(repeating: p0[k]))
    if height > 1 { s1.add(w, V(repeating: p1[k])) }
    if height > 2 { s2.add(w, V(repeating: p2[k])) }
    if height > 3 { s3.add(w, V(repeating: p3[k])) }
    if height > 4 { s4.add(w, V(repeating: p4[k])) }
    if height > 5 { s5.add(w, V(repeating: p5[k])) }
    if height > 6 { s6.add(w, V(repeating: p6[k])) }
    if height > 7 { s7.add(w, V(repeating: p7[k])) }
  }

  /// The same, vector by vector: for wide blocks of at most 3 rows, which hold the rows' numbers. 12 sums, 3 numbers
  /// and 1 vector fill the 16 registers of AVX2; the other order spilled one of them in the loop.
  @_alwaysEmitIntoClient @inline(__always)
  mutating func multiplyAddWide(_ panel: Pointer, _ k: Int) {
    let x0 = V(repeating: p0[k])
    let x1 = height > 1 ? V(repeating: p1[k]) : x0
    let x2 = height > 2 ? V(repeating: p2[k]) : x0
    multiplyAdd(V.load(panel), x0, x1, x2, vector: 0)
    if Row.vectors > 1 { multiplyAdd(V.load(panel + V.count), x0, x1, x2, vector: 1) }
    if Row.vectors > 2 { multiplyAdd(V.load(panel + 2 &* V.count), x0, x1, x2, vector: 2) }
    if Row.vectors > 3 { multiplyAdd(V.load(panel + 3 &* V.count), x0, x1, x2, vector: 3) }
  }

  @_alwaysEmitIntoClient @inline(__always)
  mutating func multiplyAdd(_ w: V, _ x0: V, _ x1: V, _ x2: V, vector: Int) {
    s0.add(w, x0, vector: vector)
    if height > 1 { s1.add(w, x1, vector: vector) }
    if height > 2 { s2.add(w, x2, vector: vector) }
  }
}
