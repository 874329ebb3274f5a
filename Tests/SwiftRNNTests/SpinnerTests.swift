import Dispatch
import Synchronization
import Testing

@testable import SwiftRNN

/// Threads that wait awake between calls. One after the other: the spin time is the process's.
@Suite(.serialized) struct SpinnerTests {
  /// Every number is run once, from several callers at the same time too, whether or not anybody was waiting.
  @Test func everyNumberRunsOnce() throws {
    try Threads.setSpinTime(3000)
    defer { try? Threads.setSpinTime(0) }
    let wrong = Atomic<Int>(0)
    @Sendable func calls(_ count: Int) {
      for call in 0..<count {
        let threads = 2 + call % 5
        var runs = [Int](repeating: 0, count: threads)
        runs.withUnsafeMutableBufferPointer { runs in
          nonisolated(unsafe) let runs = runs
          parallel(threads, threads: threads) { runs[$0] += 1 }
        }
        if runs.contains(where: { $0 != 1 }) { wrong.add(1, ordering: .relaxed) }
      }
    }
    calls(500)
    DispatchQueue.concurrentPerform(iterations: 3) { _ in calls(200) }
    #expect(wrong.load(ordering: .relaxed) == 0)
  }

  /// The threads see what the caller wrote, and the caller what they wrote.
  @Test func workIsHandedOverWhole() throws {
    try Threads.setSpinTime(3000)
    defer { try? Threads.setSpinTime(0) }
    for call in 0..<500 {
      var given = [0, 0, 0]
      var taken = [0, 0, 0]
      given.withUnsafeMutableBufferPointer { given in
        for index in given.indices { given[index] = call + index }
        taken.withUnsafeMutableBufferPointer { taken in
          nonisolated(unsafe) let (given, taken) = (given, taken)
          parallel(3, threads: 3) { taken[$0] = 2 * given[$0] }
        }
      }
      #expect(taken == [2 * call, 2 * call + 2, 2 * call + 4])
    }
  }
}
