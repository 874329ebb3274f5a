// The rows of a batch that exist: what the large products behind back-propagation run over.

/// Steps within their sequences' lengths, in (t, n) order: row i is row t * N + n of the arrays over all steps.
struct ValidRows {
  /// At most so many are visited with pointers to them on the stack: `withRowPointers`.
  static let most = 256

  let count: Int
  private let steps: Int
  let sequences: Int
  private let lengths: UnsafePointer<Int64>?
  /// With lengths: how many rows come before step t.
  private let before: UnsafePointer<Int>?

  /// Rows without lengths: N is 1.
  init(steps: Int) {
    self.steps = steps
    (count, sequences, lengths, before) = (steps, 1, nil, nil)
  }

  /// - Parameter before: room for T + 1 numbers.
  init(_ batch: BatchPlan, before: UnsafeMutablePointer<Int>) {
    (steps, sequences, lengths) = (batch.steps, batch.sequences, batch.lengths)
    guard let lengths else {
      self.before = nil
      count = batch.steps &* batch.sequences
      return
    }
    before.update(repeating: 0, count: steps &+ 1)
    for n in 0..<sequences { before[Int(lengths[n])] &+= 1 }
    var (active, rows) = (sequences, 0)
    for t in 0...steps {
      active &-= before[t]
      before[t] = rows
      rows &+= active
    }
    self.before = UnsafePointer(before)
    count = rows
  }

  @inline(__always)
  func length(_ sequence: Int) -> Int { lengths.map { Int($0[sequence]) } ?? steps }

  /// Calls `body` for rows `range`, each with its step and sequence.
  @inline(__always)
  func visit(_ range: Range<Int>, _ body: (_ i: Int, _ t: Int, _ n: Int) -> Void) {
    if range.isEmpty { return }
    guard let lengths, let before else {
      var (t, n) = (range.lowerBound / sequences, range.lowerBound % sequences)
      for i in range {
        body(i, t, n)
        n &+= 1
        if n == sequences { (t, n) = (t &+ 1, 0) }
      }
      return
    }
    var (t, end) = (0, steps)
    while t &+ 1 < end {
      let middle = (t &+ end) / 2
      if before[middle] <= range.lowerBound { t = middle } else { end = middle }
    }
    var (i, n) = (before[t], 0)
    while i < range.upperBound {
      if lengths[n] > t {
        if i >= range.lowerBound { body(i, t, n) }
        i &+= 1
      }
      n &+= 1
      if n == sequences { (t, n) = (t &+ 1, 0) }
    }
  }
}

/// Calls `body` with room on the stack for pointers to `ValidRows.most` rows, or for their numbers. Not `withUnsafeTemporaryAllocation`: that
/// takes more than a kilobyte from the heap.
@inline(__always)
func withRowPointers<Row: BitwiseCopyable>(_: Row.Type, _ body: (UnsafeMutablePointer<Row>) -> Void) {
  var memory = InlineArray<256, UInt>(repeating: 0)
  withUnsafeMutableBytes(of: &memory) {
    body($0.baseAddress.unsafelyUnwrapped.bindMemory(to: Row.self, capacity: ValidRows.most))
  }
}
