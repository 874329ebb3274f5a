// Panels: how the second operand of a product lies in memory, so that each k reads the vectors that it multiplies, one
// behind the other. docs/kernels.md has the pictures.

import CPrimitives

/// How a matrix with `gates * units` columns is cut into panels of vectors.
///
/// With several gates a panel holds one vector of units of every gate, so that a fused step finds all gates of a unit
/// in one tile. With one gate (`gates == 1`) it holds up to 4 vectors of consecutive units, the vectors shared out
/// evenly: 5 are 3 and 2, not 4 and 1, because a panel of one vector leaves the multiply-add units idle.
public struct PanelLayout: Sendable, Equatable, BitwiseCopyable {
  /// Scalars per vector.
  public let lanes: Int
  public let gates: Int
  public let units: Int
  /// Vectors per gate.
  public let unitVectors: Int
  /// How many panels there are.
  public let count: Int
  // Kept, because a division takes longer than a small panel's product. Panels `0 ..< larger` have one vector more.
  @usableFromInline let least: Int
  @usableFromInline let larger: Int

  @inlinable
  public init(lanes: Int, gates: Int = 1, units: Int) {
    self.lanes = lanes
    self.gates = gates
    self.units = units
    unitVectors = (units &+ lanes &- 1) / lanes
    count = gates == 1 ? (unitVectors &+ 3) / 4 : unitVectors
    least = gates == 1 && count > 0 ? unitVectors / count : 1
    larger = gates == 1 ? unitVectors &- least &* count : 0
  }

  /// Units with the padding of the last vector.
  @inlinable public var paddedUnits: Int { unitVectors &* lanes }
  /// Columns of all panels, with padding.
  @inlinable public var paddedColumns: Int { paddedUnits &* gates }

  /// The vectors per gate of panel `index`, and how many come before it.
  @inlinable
  public func panel(_ index: Int) -> (firstVector: Int, unitVectors: Int) {
    (index &* least &+ min(index, larger), least &+ (index < larger ? 1 : 0))
  }

  /// All vectors of panel `index`: what its kernel is chosen by.
  @inlinable public func vectors(_ index: Int) -> Int { gates &* panel(index).unitVectors }

  /// The first column of panel `index` among the padded columns, in elements.
  @inlinable public func column(_ index: Int) -> Int { panel(index).firstVector &* gates &* lanes }

  /// The vectors per gate of panels `some`, one or more.
  @inlinable
  public func vectors(_ some: Range<Int>) -> Range<Int> {
    let last = panel(some.upperBound &- 1)
    return panel(some.lowerBound).firstVector..<(last.firstVector &+ last.unitVectors)
  }

  /// The units that exist in panels `some`, one or more.
  @inlinable
  public func units(_ some: Range<Int>) -> Range<Int> {
    let last = some.upperBound &- 1
    let start = panel(some.lowerBound).firstVector &* lanes
    return start..<(panel(last).firstVector &* lanes &+ validUnits(last))
  }

  /// How many units of panel `index` exist.
  @inlinable
  public func validUnits(_ index: Int) -> Int {
    let (first, vectors) = panel(index)
    return min(vectors &* lanes, units &- first &* lanes)
  }
}

/// One gate's vectors of one panel: `out[k * outStride + lane] = source[k * kStride + lane * unitStride]` for the first
/// `valid` lanes, 0 for the others. Several vectors when `lanes` is a multiple.
public struct PackArguments<Scalar: Real> {
  public var source: UnsafePointer<Scalar>
  public var kStride: Int
  public var unitStride: Int
  public var depth: Int
  public var lanes: Int
  public var valid: Int
  public var out: UnsafeMutablePointer<Scalar>
  public var outStride: Int

  @inlinable
  public init(
    source: UnsafePointer<Scalar>, kStride: Int, unitStride: Int, depth: Int, lanes: Int, valid: Int,
    out: UnsafeMutablePointer<Scalar>, outStride: Int
  ) {
    self.source = source
    self.kStride = kStride
    self.unitStride = unitStride
    self.depth = depth
    self.lanes = lanes
    self.valid = valid
    self.out = out
    self.outStride = outStride
  }
}

@_alwaysEmitIntoClient @inline(__always)
func pack<V: Lanes>(_: V.Type, _ a: PackArguments<V.Scalar>) {
  if a.unitStride == 1 && a.valid == a.lanes && a.lanes % V.count == 0 {
    packColumns(V.self, a)
  } else {
    packUnits(a)
  }
}

/// Units side by side in memory: whole vectors of them.
@_alwaysEmitIntoClient @inline(__always)
func packColumns<V: Lanes>(_: V.Type, _ a: PackArguments<V.Scalar>) {
  let line = 64 / MemoryLayout<V.Scalar>.stride
  for k in 0..<a.depth {
    let source = a.source + k &* a.kStride
    // The rows of a large matrix lie a page or more apart, where the hardware's own prefetch does not look.
    var ahead = 0
    while ahead < a.lanes {
      swiftrnn_prefetch_first(source + (16 &* a.kStride &+ ahead))
      ahead &+= line
    }
    var lane = 0
    while lane < a.lanes {
      V.load(source + lane).store(a.out + (k &* a.outStride &+ lane))
      lane &+= V.count
    }
  }
}

/// Four numbers of each of four rows, transposed in registers: column j to `to + j * toStride`. A fourth of the loads
/// and stores that one number at a time takes.
@_alwaysEmitIntoClient @inline(__always)
func transposeFour<Scalar: Real>(
  _ r0: UnsafePointer<Scalar>, _ r1: UnsafePointer<Scalar>, _ r2: UnsafePointer<Scalar>, _ r3: UnsafePointer<Scalar>,
  to: UnsafeMutablePointer<Scalar>, _ toStride: Int
) {
  typealias Four = SIMD4<Scalar>
  @inline(__always) func load(_ row: UnsafePointer<Scalar>) -> Four {
    UnsafeRawPointer(row).loadUnaligned(as: Four.self)
  }
  @inline(__always) func store(_ column: Int, _ four: Four) {
    UnsafeMutableRawPointer(to + column &* toStride).storeBytes(of: four, as: Four.self)
  }
  let (a, b, c, d) = (load(r0), load(r1), load(r2), load(r3))
  store(0, Four(a[0], b[0], c[0], d[0]))
  store(1, Four(a[1], b[1], c[1], d[1]))
  store(2, Four(a[2], b[2], c[2], d[2]))
  store(3, Four(a[3], b[3], c[3], d[3]))
}

/// The numbers of a unit side by side in memory, or nothing: four units by four k are transposed in registers, a line
/// of each unit's row at a time. The lines behind are asked for: more rows than the hardware's own prefetch follows.
@_alwaysEmitIntoClient @inline(__always)
func packUnits<Scalar: Real>(_ a: PackArguments<Scalar>) {
  let line = 64 / MemoryLayout<Scalar>.stride
  let wholeLanes = a.kStride == 1 ? a.valid & ~3 : 0
  var k = 0
  while k < a.depth {
    let end = min(k &+ line, a.depth)
    let whole = k &+ (end &- k) & ~3
    var lane = 0
    while lane < wholeLanes {
      for next in lane..<lane &+ 4 { swiftrnn_prefetch(a.source + (next &* a.unitStride &+ k &+ 2 &* line)) }
      var q = k
      while q < whole {
        let unit = a.source + (lane &* a.unitStride &+ q)
        transposeFour(
          unit, unit + a.unitStride, unit + 2 &* a.unitStride, unit + 3 &* a.unitStride,
          to: a.out + (q &* a.outStride &+ lane), a.outStride)
        q &+= 4
      }
      lane &+= 4
    }
    for lane in 0..<a.valid {
      let source = a.source + lane &* a.unitStride
      for q in (lane < wholeLanes ? whole : k)..<end { a.out[q &* a.outStride &+ lane] = source[q &* a.kStride] }
    }
    for q in k..<end {
      for lane in a.valid..<a.lanes { a.out[q &* a.outStride &+ lane] = 0 }
    }
    k = end
  }
}

/// A panel of a chunk of rows: `out[k * lanes + j] = rows[k][offset + j]` for the first `valid` j, 0 for the others.
@_alwaysEmitIntoClient @inline(__always)
func packRows<V: Lanes>(
  _: V.Type, _ rows: UnsafePointer<UnsafePointer<V.Scalar>>, _ count: Int, _ offset: Int, _ lanes: Int, _ valid: Int,
  _ out: UnsafeMutablePointer<V.Scalar>
) {
  for k in 0..<count {
    let row = rows[k] + offset
    let out = out + k &* lanes
    var j = 0
    while j &+ V.count <= valid {
      V.load(row + j).store(out + j)
      j &+= V.count
    }
    while j < valid {
      out[j] = row[j]
      j &+= 1
    }
    while j < lanes {
      out[j] = 0
      j &+= 1
    }
  }
}

/// `rows[r][offset ..< offset + vector] = vector`, for `count` rows.
@_alwaysEmitIntoClient @inline(__always)
func fillVector<V: Lanes>(
  _: V.Type, _ vector: UnsafePointer<V.Scalar>, _ rows: UnsafePointer<UnsafeMutablePointer<V.Scalar>>, _ count: Int,
  _ offset: Int
) {
  let value = V.load(vector)
  for r in 0..<count { value.store(rows[r] + offset) }
}

/// `out[j * outStride + k] = rows[k][offset + j]` for `count` rows of `width` numbers.
@_alwaysEmitIntoClient @inline(__always)
func transpose<Scalar: Real>(
  _ rows: UnsafePointer<UnsafePointer<Scalar>>, _ count: Int, _ offset: Int, _ width: Int,
  _ out: UnsafeMutablePointer<Scalar>, _ outStride: Int
) {
  // A line of every row, then the next line: rows are often a power of two long, and few of their lines lie in the
  // first-level cache together.
  let line = 64 / MemoryLayout<Scalar>.stride
  let (wholeRows, wholeWidth) = (count & ~3, width & ~3)
  var start = 0
  while start < wholeWidth {
    let end = min(start &+ line, wholeWidth)
    var k = 0
    while k < wholeRows {
      let row = (rows[k] + offset, rows[k &+ 1] + offset, rows[k &+ 2] + offset, rows[k &+ 3] + offset)
      swiftrnn_prefetch(row.0 + end)
      swiftrnn_prefetch(row.1 + end)
      swiftrnn_prefetch(row.2 + end)
      swiftrnn_prefetch(row.3 + end)
      var j = start
      while j < end {
        transposeFour(row.0 + j, row.1 + j, row.2 + j, row.3 + j, to: out + (j &* outStride &+ k), outStride)
        j &+= 4
      }
      k &+= 4
    }
    start = end
  }
  for k in 0..<count {
    let row = rows[k] + offset
    for j in (k < wholeRows ? wholeWidth : 0)..<width { out[j &* outStride &+ k] = row[j] }
  }
}

/// `out[j] = chain`, or `out[j] + chain`, where chain = 0 + rows[0][offset + j] + rows[1][offset + j] + … in this
/// order.
@_alwaysEmitIntoClient @inline(__always)
func sumRows<V: Lanes>(
  _: V.Type, _ rows: UnsafePointer<UnsafePointer<V.Scalar>>, _ count: Int, _ offset: Int, _ width: Int,
  _ out: UnsafeMutablePointer<V.Scalar>, _ add: Bool
) {
  var j = 0
  while j &+ V.count <= width {
    var sum = V.zero
    for k in 0..<count { sum = sum + V.load(rows[k] + (offset &+ j)) }
    (add ? V.load(UnsafePointer(out + j)) + sum : sum).store(out + j)
    j &+= V.count
  }
  while j < width {
    var sum: V.Scalar = 0
    for k in 0..<count { sum += rows[k][offset &+ j] }
    out[j] = add ? out[j] + sum : sum
    j &+= 1
  }
}

/// `out[j] += x[j]`
@_alwaysEmitIntoClient @inline(__always)
func addRow<V: Lanes>(_: V.Type, _ x: UnsafePointer<V.Scalar>, _ out: UnsafeMutablePointer<V.Scalar>, _ count: Int) {
  var j = 0
  while j &+ V.count <= count {
    (V.load(UnsafePointer(out + j)) + V.load(x + j)).store(out + j)
    j &+= V.count
  }
  while j < count {
    out[j] += x[j]
    j &+= 1
  }
}

/// Packing, and moving rows.
public struct PanelKernels<Scalar: Real>: Sendable {
  public let pack: @Sendable (UnsafePointer<PackArguments<Scalar>>) -> Void
  /// `(rows, count, offset, lanes, valid, out)`
  public let packRows:
    @Sendable (UnsafePointer<UnsafePointer<Scalar>>, Int, Int, Int, Int, UnsafeMutablePointer<Scalar>) -> Void
  /// `(vector, rows, count, offset)`
  public let fillVector:
    @Sendable (UnsafePointer<Scalar>, UnsafePointer<UnsafeMutablePointer<Scalar>>, Int, Int) -> Void
  /// `(rows, count, offset, width, out, outStride)`
  public let transpose:
    @Sendable (UnsafePointer<UnsafePointer<Scalar>>, Int, Int, Int, UnsafeMutablePointer<Scalar>, Int) -> Void
  /// `(rows, count, offset, width, out, add)`
  public let sumRows:
    @Sendable (UnsafePointer<UnsafePointer<Scalar>>, Int, Int, Int, UnsafeMutablePointer<Scalar>, Bool) -> Void
  /// `(x, out, count)`
  public let addRow: @Sendable (UnsafePointer<Scalar>, UnsafeMutablePointer<Scalar>, Int) -> Void
  public let arrive: @Sendable (UnsafePointer<ArrivalArguments<Scalar>>) -> Void

  @_alwaysEmitIntoClient @inline(__always)
  public init<V: Lanes>(_: V.Type) where V.Scalar == Scalar {
    pack = { Kernels.pack(V.self, $0.pointee) }
    packRows = { Kernels.packRows(V.self, $0, $1, $2, $3, $4, $5) }
    fillVector = { Kernels.fillVector(V.self, $0, $1, $2, $3) }
    transpose = { Kernels.transpose($0, $1, $2, $3, $4, $5) }
    sumRows = { Kernels.sumRows(V.self, $0, $1, $2, $3, $4, $5) }
    addRow = { Kernels.addRow(V.self, $0, $1, $2) }
    arrive = { Kernels.arrive(V.self, $0.pointee) }
  }
}
