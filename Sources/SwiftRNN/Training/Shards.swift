// How work on plain arrays is cut between threads.

/// A cut of `0 ..< count` into one part per thread.
struct Shards {
  /// Below this many elements per thread a second one costs more (10 µs to wake it) than it saves.
  static let grain = 1 << 15

  let count: Int
  let tasks: Int
  private let length: Int

  /// - Parameters:
  ///   - count: what is cut: elements, rows, columns.
  ///   - work: elements that it comes to altogether.
  ///   - multiple: parts begin at multiples of this.
  init(_ count: Int, work: Int, multiple: Int = 1) {
    self.count = count
    let units = count / multiple + (count % multiple == 0 ? 0 : 1)
    let most = max(1, min(Threads.count, units, work / Self.grain))
    let share = units / most + (units % most == 0 ? 0 : 1)
    tasks = share == 0 ? 0 : units / share + (units % share == 0 ? 0 : 1)
    length = share * multiple
  }

  /// The part of task `task`.
  func range(_ task: Int) -> Range<Int> {
    let first = task * length
    return first..<min(count, first + min(length, count - first))
  }

  /// Runs `body` on every part, inside `withFloatControl`.
  func run(_ body: (Range<Int>) -> Void) {
    parallel(tasks, threads: tasks) { body(range($0)) }
  }
}
