// Threads: how many, and how work is handed to them. Every entry and every worker runs with the same floating-point
// control: round to nearest, subnormals flushed, no traps.
import CPrimitives
import Dispatch
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// How many threads a call may use.
public enum Threads {
  /// The largest number that may be asked for.
  public static let limit = 1024

  /// What `setCount` set; 0: the default.
  private static let chosen = Atomic<Int>(0)
  /// The default when it was last read; 0: not yet.
  private static let lastRead = Atomic<Int>(0)

  /// The number in use where a network's configuration does not say: the one that was set, or what the process's
  /// affinity and its cgroup's CPU quota left when they were last read, at the first need or by `setCount(0)`. 1 in a
  /// child of a process that had used several, where all work is done on the calling thread.
  public static var count: Int {
    if forked.load(ordering: .relaxed) { return 1 }
    let set = chosen.load(ordering: .relaxed)
    if set > 0 { return set }
    let known = lastRead.load(ordering: .relaxed)
    return known > 0 ? known : readDefault()
  }

  /// - Parameter count: 1 or more, or 0 for the default: affinity and quota are read again.
  public static func setCount(_ count: Int) throws(RNNError) {
    guard (0...limit).contains(count) else { throw .invalidValue("threads", count, low: 0, high: limit) }
    if count == 0 { _ = readDefault() }
    chosen.store(count, ordering: .relaxed)
  }

  /// Not for each call: it opens files.
  private static func readDefault() -> Int {
    var count = max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))))
    #if canImport(Glibc)
      let own = Int(swiftrnn_affinity_count())
      if own > 0 { count = min(count, own) }
      if let quota = cgroupQuota() { count = min(count, quota) }
    #endif
    count = min(max(1, count), limit)
    lastRead.store(count, ordering: .relaxed)
    return count
  }

  #if canImport(Glibc)
    /// CPUs that the cgroup's quota is worth, rounded up; nil without one. Version 2 holds "quota period" in one file,
    /// version 1 a number in each of two.
    private static func cgroupQuota() -> Int? {
      func numbers(_ path: StaticString) -> (Int, Int)? {
        // Not fopen(), which needs memory: what is found here is kept.
        let file = open(UnsafeRawPointer(path.utf8Start).assumingMemoryBound(to: CChar.self), O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return nil }
        defer { close(file) }
        var text = InlineArray<64, CChar>(repeating: 0)
        var span = text.mutableSpan
        return span.withUnsafeMutableBufferPointer { buffer -> (Int, Int)? in
          guard let start = buffer.baseAddress, read(file, start, 63) > 0 else { return nil }
          var rest: UnsafeMutablePointer<CChar>?
          let first = strtol(start, &rest, 10)
          guard let rest, rest != start else { return nil }
          return (first, strtol(rest, nil, 10))
        }
      }
      if let (quota, period) = numbers("/sys/fs/cgroup/cpu.max"), quota > 0, period > 0 {
        return (quota + period - 1) / period
      }
      if let (quota, _) = numbers("/sys/fs/cgroup/cpu/cpu.cfs_quota_us"), quota > 0,
        let (period, _) = numbers("/sys/fs/cgroup/cpu/cpu.cfs_period_us"), period > 0
      {
        return (quota + period - 1) / period
      }
      return nil
    }
  #endif
}

extension Threads {
  /// The second of the last thread that could be made.
  private static let lastMade = Atomic<Int>(-1)
  /// This process came from fork() after threads were wanted.
  private static let forked = Atomic<Bool>(false)
  private static let watchesForks = Atomic<Bool>(false)

  /// That needs memory, which may be there at another time.
  private static func watchForks() -> Bool {
    if watchesForks.load(ordering: .relaxed) { return true }
    guard pthread_atfork(nil, nil, { Threads.forked.store(true, ordering: .relaxed) }) == 0 else { return false }
    watchesForks.store(true, ordering: .relaxed)
    return true
  }

  /// Whether `concurrentPerform` may be called. Never in a child of a process that had threads: what libdispatch knows of
  /// its threads is no longer true there. Nor where it would wait, asleep, until it can make one: a process at its limit
  /// of threads or memory would hang. Sources/CReserve keeps it from that. Elsewhere a thread is made and ended first,
  /// once a second: that costs some 20 microseconds. libdispatch keeps its own threads for longer than that.
  static var available: Bool {
    if forked.load(ordering: .relaxed) || !watchForks() { return false }
    return swiftrnn_has_reserve() ? swiftrnn_has_threads() : canMakeThread()
  }

  private static func canMakeThread() -> Bool {
    var now = timespec()
    clock_gettime(CLOCK_MONOTONIC, &now)
    let second = Int(now.tv_sec)
    if lastMade.load(ordering: .relaxed) == second { return true }
    #if canImport(Darwin)
      var thread: pthread_t?
      guard pthread_create(&thread, nil, { _ in nil }, nil) == 0, let thread else { return false }
    #else
      var thread = pthread_t()
      guard pthread_create(&thread, nil, { _ in nil }, nil) == 0 else { return false }
    #endif
    pthread_join(thread, nil)
    lastMade.store(second, ordering: .relaxed)
    return true
  }
}

/// Runs `body` with the library's floating-point control, and puts the caller's back.
@inline(__always)
func withFloatControl<Result, Failure: Error>(_ body: () throws(Failure) -> Result) throws(Failure) -> Result {
  let before = swiftrnn_float_control_enter()
  defer { swiftrnn_float_control_leave(before) }
  return try body()
}

/// The library's floating-point control for a call of the floor above, whose own arithmetic is between those of this floor:
///
///     let control = FloatControl()
///     defer { control.leave() }
@_spi(Door)
public struct FloatControl {
  private let before: UInt64

  @inline(never)
  public init() { before = swiftrnn_float_control_enter() }

  /// Puts the caller's control back.
  @inline(never)
  public func leave() { swiftrnn_float_control_leave(before) }
}

/// Runs `body(0) … body(tasks - 1)` on at most `threads` threads, each with consecutive tasks; all of them on the
/// calling thread if no other can be made. The caller is inside `withFloatControl`; each worker sets its own. Results
/// must not depend on which tasks run at the same time.
func parallel(_ tasks: Int, threads: Int, _ body: (Int) -> Void) {
  let workers = min(tasks, threads)
  if workers <= 1 || !Threads.available {
    var task = 0
    while task < tasks {
      body(task)
      task += 1
    }
    return
  }
  let gathering = Gathering(workers: workers)
  withoutActuallyEscaping(body) { body in
    nonisolated(unsafe) let body = body
    DispatchQueue.concurrentPerform(iterations: workers) { worker in
      gathering.begin()
      withFloatControl {
        for task in Split.range(tasks, worker, workers) { body(task) }
      }
      gathering.end()
    }
  }
}

/// Keeps the caller of `concurrentPerform` awake until the workers are done. It would sleep as soon as it has nothing
/// left to do, and waking it takes some 8 microseconds on a virtual machine: two threads with 18 us of work each took
/// 31, and 25 with this.
private struct Gathering: ~Copyable {
  private let workers: Int
  private let caller = pthread_self()
  /// What the caller's allocations may draw on.
  nonisolated(unsafe) private let reserve = swiftrnn_own_reserve()
  private let begun = Atomic<Int>(0)
  private let done = Atomic<Int>(0)
  /// Pauses until the caller sleeps after all: some 100 microseconds.
  private static var patience: Int { 2000 }

  init(workers: Int) { self.workers = workers }

  borrowing func begin() {
    begun.add(1, ordering: .relaxed)
    if pthread_equal(pthread_self(), caller) == 0 { swiftrnn_use_reserve(reserve) }
  }

  /// Waits, if it is the caller and nothing is left to begin. Not for long, and for nothing that has not begun:
  /// workers need not run at the same time.
  borrowing func end() {
    if pthread_equal(pthread_self(), caller) == 0 { swiftrnn_use_reserve(nil) }
    done.add(1, ordering: .relaxed)
    if pthread_equal(pthread_self(), caller) == 0 || begun.load(ordering: .relaxed) < workers { return }
    var turns = 0
    while done.load(ordering: .relaxed) < workers && turns < Self.patience {
      turns &+= 1
      swiftrnn_pause()
    }
  }
}

/// Even cuts of a range.
enum Split {
  /// Part `part` of `0 ..< count` cut into `parts`.
  @inline(__always)
  static func range(_ count: Int, _ part: Int, _ parts: Int) -> Range<Int> {
    let least = count / parts
    let larger = count % parts
    let start = part &* least &+ min(part, larger)
    return start..<(start &+ least &+ (part < larger ? 1 : 0))
  }
}
