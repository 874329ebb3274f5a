import Testing

@testable import SwiftRNN

/// The rows within the lengths of a batch.
@Suite struct ValidRowsTests {
  @Test(arguments: [
    (steps: 1, lengths: [1]), (steps: 4, lengths: [0, 4, 2, 1]), (steps: 5, lengths: [0, 0, 3]),
    (steps: 3, lengths: [3, 3]), (steps: 6, lengths: [1, 5, 0, 5, 2, 0]), (steps: 7, lengths: [0, 0]),
  ]) func anyPartIsInOrder(steps: Int, lengths: [Int]) {
    let sequences = lengths.count
    let all = (0..<steps).flatMap { t in lengths.indices.filter { t < lengths[$0] }.map { (t: t, n: $0) } }
    var before = [Int](repeating: -1, count: steps + 1)
    let (order, counters, sorted) = (
      UnsafeMutablePointer<Int>.allocate(capacity: sequences), UnsafeMutablePointer<Int>.allocate(capacity: steps + 2),
      UnsafeMutablePointer<Int>.allocate(capacity: sequences)
    )
    defer { for memory in [order, counters, sorted] { memory.deallocate() } }
    before.withUnsafeMutableBufferPointer { before in
      lengths.map(Int64.init).withUnsafeBufferPointer { lengths in
        guard let room = before.baseAddress else { return }
        let batch = BatchPlan(
          steps: steps, sequences: sequences, lengths: lengths.baseAddress, shards: 2,
          scratch: (order: order, counters: counters, sorted: sorted))
        check(ValidRows(batch, before: room), all)
      }
    }
  }

  @Test func withoutLengths() {
    check(ValidRows(steps: 5), (0..<5).map { (t: $0, n: 0) })
    let memory = UnsafeMutablePointer<Int>.allocate(capacity: 8)
    defer { memory.deallocate() }
    let batch = BatchPlan(
      steps: 2, sequences: 3, lengths: nil, shards: 1,
      scratch: (order: memory, counters: memory + 3, sorted: memory + 5))
    check(ValidRows(batch, before: memory), (0..<6).map { (t: $0 / 3, n: $0 % 3) })
  }

  private func check(_ rows: ValidRows, _ all: [(t: Int, n: Int)]) {
    #expect(rows.count == all.count)
    for lower in 0...all.count {
      for upper in lower...all.count {
        var visited: [[Int]] = []
        rows.visit(lower..<upper) { i, t, n in visited.append([i, t, n]) }
        #expect(visited == (lower..<upper).map { [$0, all[$0].t, all[$0].n] })
      }
    }
  }
}
