// How large products are cut, so that what several tiles use in turn stays in a near cache.
import Kernels

/// What a block of steps and a product are cut by. Measured with `scripts/bench` on Zen 3, Zen 5 and Cascade Lake.
enum Blocking {
  /// Rows of W x that are computed ahead of the steps that use them: enough for full tiles, little enough to be still
  /// in the second-level cache.
  static let inputRows = 96
  /// Steps computed ahead for each sequence at most, so that scratch does not depend on the thread count.
  static func steps(_ steps: Int, sequences: Int) -> Int {
    sequences == 0 ? 0 : min(steps, max(1, (384 + sequences - 1) / sequences))
  }
  /// Bytes of a panel that several tiles use in turn before the next. Tiles of 24 sums fetch it ahead from the
  /// second-level cache, where it stays: smaller blocks cost where weights come from the third level, because sums
  /// leave the registers more often. Smaller tiles wait for their loads: theirs stay in the first-level cache. LSTM N
  /// 64 T 20 H 512 with AVX2 on a Cascade Lake: 95 ms with 32 KB, 101 with 128.
  static func panelBytes(accumulators: Int) -> Int { accumulators < 24 ? 32768 : 131_072 }

  /// Bytes of sums that all sequences of a shard have in a step, at most, if that leaves it enough of them.
  static let sumsBytes = 262_144

  /// How many k of a panel of `vectors` vectors are taken at a time.
  @inline(__always)
  static func depth(vectorBytes: Int, vectors: Int, accumulators: Int) -> Int {
    // No division by a variable: this is asked for every panel.
    let bytes = panelBytes(accumulators: accumulators) / (vectors == 1 ? 1 : vectors == 2 ? 2 : vectors == 3 ? 3 : 4)
    return max(32, bytes >> vectorBytes.trailingZeroBitCount)
  }
}

extension KernelTable {
  /// `out[r] (set or resumed) += rows[r] * panel`, with k in blocks that keep the panel in a near cache.
  @inline(__always)
  func product(_ arguments: inout ProductArguments<Scalar>, vectors: Int, depth: Int) {
    let oneTile = arguments.count <= tallestTile(accumulators: accumulators, vectors: vectors)
    let block =
      oneTile
      ? depth
      : Blocking.depth(
        vectorBytes: lanes &* MemoryLayout<Scalar>.stride, vectors: vectors, accumulators: accumulators)
    if depth <= block {
      arguments.depth = depth
      product(vectors: vectors, &arguments)
      return
    }
    let panel = arguments.panel
    let offset = arguments.rowOffset
    var k = 0
    while k < depth {
      arguments.depth = min(block, depth &- k)
      arguments.panel = panel + k &* vectors &* lanes
      arguments.rowOffset = offset &+ k
      product(vectors: vectors, &arguments)
      arguments.finish = .resume
      k &+= arguments.depth
    }
  }

  /// The same over `segments` pieces of the rows, `depth` numbers each, `stride` apart: one chain, which stays in the
  /// registers where the pieces touch.
  @inline(__always)
  func product(
    _ arguments: inout ProductArguments<Scalar>, vectors: Int, depth: Int, segments: Int, stride: Int
  ) {
    if stride == depth { return product(&arguments, vectors: vectors, depth: segments &* depth) }
    let (panel, offset) = (arguments.panel, arguments.rowOffset)
    for segment in 0..<segments {
      arguments.panel = panel + segment &* depth &* vectors &* lanes
      arguments.rowOffset = offset &+ segment &* stride
      product(&arguments, vectors: vectors, depth: depth)
      arguments.finish = .resume
    }
  }
}
