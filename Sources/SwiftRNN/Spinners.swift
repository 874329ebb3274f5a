// Threads that wait awake for the next call, if the process asks for that. Waking a sleeping thread takes 8 microseconds,
// and on a virtual machine whose host is busy some hundred: more than many passes take.
import CPrimitives
import Dispatch
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Work with a number for each of `count` threads, of which spinners take the highest. Lives until all of them are done:
/// they hold no references.
private final class SpinnerJob: Sendable {
  private let count: Int
  nonisolated(unsafe) private let body: (Int) -> Void
  private let taken = Atomic<Int>(0)
  private let done = Atomic<Int>(0)

  init(_ count: Int, _ body: @escaping (Int) -> Void) {
    self.count = count
    self.body = body
  }

  /// Never inlined: nothing may hold on to `body` once a spinner has said that it is done.
  @inline(never)
  func perform() { body(count &- taken.add(1, ordering: .relaxed).newValue) }

  /// A spinner's last word: the job may be gone then.
  func finish() { done.add(1, ordering: .releasing) }

  func wait(for spinners: Int) {
    var turns = 0
    while done.load(ordering: .acquiring) < spinners {
      turns &+= 1
      if turns < 2000 { swiftrnn_pause() } else { sched_yield() }
    }
  }
}

/// The spinners of the process.
enum Spinners {
  /// Nanoseconds that a thread waits awake; 0: none does.
  private static let time = Atomic<Int>(0)
  /// Threads that wait, run a job, or have been asked to come.
  private static let count = Atomic<Int>(0)
  private static let most = 127
  /// A cache line for each place.
  private static let stride = 64
  /// What each place holds: `empty`, `waiting`, `busy`, or the address of a job for the thread that waits there.
  private static let empty = 0
  private static let waiting = 1
  private static let busy = 2
  nonisolated(unsafe) private static let places: UnsafeMutableRawPointer = {
    let memory = UnsafeMutableRawPointer.allocate(byteCount: most * stride, alignment: stride)
    for index in 0..<most {
      (memory + index * stride).bindMemory(to: Atomic<Int>.self, capacity: 1).initialize(to: Atomic(empty))
    }
    return memory
  }()

  static var areWanted: Bool { time.load(ordering: .relaxed) > 0 }

  static var microseconds: Int {
    get { time.load(ordering: .relaxed) / 1000 }
    set { time.store(newValue * 1000, ordering: .relaxed) }
  }

  @inline(__always)
  private static func place(_ index: Int) -> UnsafeMutablePointer<Atomic<Int>> {
    (places + index &* stride).assumingMemoryBound(to: Atomic<Int>.self)
  }

  /// Runs `body(0) … body(threads - 1)` on as many threads: spinners that wait, and for the rest those of
  /// `concurrentPerform`; as many more spinners are asked to come for the next time.
  static func run(_ threads: Int, _ body: @escaping (Int) -> Void) {
    let job = SpinnerJob(threads, body)
    let address = Int(bitPattern: Unmanaged.passUnretained(job).toOpaque())
    var found = 0
    var index = 0
    while found < threads &- 1 && index < most {
      let (won, _) = place(index).pointee.compareExchange(
        expected: waiting, desired: address, ordering: .releasing)
      if won { found &+= 1 }
      index &+= 1
    }
    nonisolated(unsafe) let body = body
    if found == threads &- 1 {
      body(0)
    } else {
      DispatchQueue.concurrentPerform(iterations: threads &- found) { body($0) }
      call(threads &- 1 &- found)
    }
    withExtendedLifetime(job) { job.wait(for: found) }
  }

  /// Asks for more spinners, but for no more than one less than a call may have threads.
  private static func call(_ more: Int) {
    let limit = min(Threads.count &- 1, most)
    for _ in 0..<more {
      if count.add(1, ordering: .relaxed).newValue > limit {
        count.subtract(1, ordering: .relaxed)
        return
      }
      DispatchQueue.global().async {
        spin()
        count.subtract(1, ordering: .relaxed)
      }
    }
  }

  /// Waits for jobs and runs them, until none has come for the time that was set.
  private static func spin() {
    guard
      let index = (0..<most).first(where: { index in
        place(index).pointee.compareExchange(expected: empty, desired: waiting, ordering: .relaxed).exchanged
      })
    else { return }
    let own = place(index)
    var end = now() &+ time.load(ordering: .relaxed)
    var turns = 0
    while true {
      let held = own.pointee.load(ordering: .acquiring)
      if held != waiting, let job = UnsafeRawPointer(bitPattern: held) {
        own.pointee.store(busy, ordering: .relaxed)
        Unmanaged<SpinnerJob>.fromOpaque(job)._withUnsafeGuaranteedRef {
          $0.perform()
          // Before it is done: whoever gave it may have another one at once.
          own.pointee.store(waiting, ordering: .relaxed)
          $0.finish()
        }
        end = now() &+ time.load(ordering: .relaxed)
      }
      swiftrnn_pause()
      turns &+= 1
      if turns % 64 != 0 || now() < end { continue }
      let left = own.pointee.compareExchange(expected: waiting, desired: empty, ordering: .relaxed)
      if left.exchanged { return }
    }
  }

  private static func now() -> Int {
    var now = timespec()
    clock_gettime(CLOCK_MONOTONIC, &now)
    return Int(now.tv_sec) &* 1_000_000_000 &+ Int(now.tv_nsec)
  }
}
