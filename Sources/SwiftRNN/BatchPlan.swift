// How a batch is run: which sequences each thread takes, longest first, so that the active ones of a step are always
// the first of its list and unsorted lengths cost nothing.
import Kernels

/// The sequences of a call in the order in which they are run, and their cut into shards.
struct BatchPlan {
  let steps: Int
  let sequences: Int
  /// As the caller gave them, or nil: all `steps`.
  let lengths: UnsafePointer<Int64>?
  /// Sequence numbers, shard after shard, in each by falling length.
  let order: UnsafeMutablePointer<Int>
  let shards: Int

  /// Scratch: `order`, and counters for the sort.
  static func take(_ arena: inout Arena, steps: Int, sequences: Int) -> (
    order: UnsafeMutablePointer<Int>, counters: UnsafeMutablePointer<Int>, sorted: UnsafeMutablePointer<Int>
  ) {
    let (counters, _) = steps.addingReportingOverflow(2)
    return (arena.take(Int.self, sequences), arena.take(Int.self, counters), arena.take(Int.self, sequences))
  }

  init(
    steps: Int, sequences: Int, lengths: UnsafePointer<Int64>?, shards: Int,
    scratch: (order: UnsafeMutablePointer<Int>, counters: UnsafeMutablePointer<Int>, sorted: UnsafeMutablePointer<Int>)
  ) {
    self.steps = steps
    self.sequences = sequences
    self.lengths = lengths
    self.shards = max(1, min(shards, sequences))
    order = scratch.order
    guard let lengths else {
      for n in 0..<sequences { order[n] = n }
      return
    }
    // A counting sort by falling length: Swift's sort allocates, and would end the process without memory.
    let (counters, sorted) = (scratch.counters, scratch.sorted)
    for t in 0...(steps + 1) { counters[t] = 0 }
    for n in 0..<sequences { counters[steps - Int(lengths[n]) + 1] += 1 }
    for t in 1...(steps + 1) { counters[t] += counters[t - 1] }
    for n in 0..<sequences {
      let slot = steps - Int(lengths[n])
      sorted[counters[slot]] = n
      counters[slot] += 1
    }
    // Dealt out like cards: each shard gets as much work as the others, and keeps the order.
    var next = 0
    for shard in 0..<self.shards {
      var n = shard
      while n < sequences {
        order[next] = sorted[n]
        next += 1
        n += self.shards
      }
    }
  }

  /// Positions in `order` of a shard's sequences. The same cut as dealing makes.
  func range(_ shard: Int) -> Range<Int> { Split.range(sequences, shard, shards) }

  @inline(__always)
  func length(_ sequence: Int) -> Int { lengths.map { Int($0[sequence]) } ?? steps }

  /// How many threads are worth their while for `operations` if each is to have as many as `each`. Operations may be of
  /// sizes that no pass accepts, negative ones too.
  static func threads(_ limit: Int, operations: Double, each: Double) -> Int {
    max(1, min(limit, Int(min(max(operations / each, 1), 1e6))))
  }
}
