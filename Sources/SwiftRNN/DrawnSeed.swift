// The seed of a call that is given none: docs/equations.md, "Seeds".
import CPrimitives
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Seeds that no other call has had. Nothing of theirs is kept in the process, so that a child after fork() draws
/// others than its parent. Allocates nothing and cannot fail.
enum DrawnSeed {
  /// From the system; where that has no random numbers, as under a strict seccomp filter, from clocks and a counter.
  @inline(never)
  static func next() -> UInt64 {
    var bits: UInt64 = 0
    return swiftrnn_random_bits(&bits) != 0 ? bits : withoutSystem()
  }

  private static let calls = Atomic<UInt64>(0)

  /// What tells this call apart from those of other processes and from earlier ones, mixed.
  static func withoutSystem() -> UInt64 {
    let (_, call) = calls.add(1, ordering: .relaxed)
    var (day, up) = (timespec(), timespec())
    clock_gettime(CLOCK_REALTIME, &day)
    clock_gettime(CLOCK_MONOTONIC, &up)
    var seed = mixed(call)
    func add(_ part: Int) { seed = mixed(seed ^ UInt64(UInt(bitPattern: part))) }
    add(Int(day.tv_sec))
    add(Int(day.tv_nsec))
    add(Int(up.tv_sec))
    add(Int(up.tv_nsec))
    add(withUnsafePointer(to: &day) { Int(bitPattern: $0) })
    add(Int(getpid()))
    return seed
  }

  /// SplitMix64's finaliser (Steele, Lea, Flood 2014): every bit depends on all.
  private static func mixed(_ number: UInt64) -> UInt64 {
    var z = number &+ 0x9e37_79b9_7f4a_7c15
    z = (z ^ z &>> 30) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ z &>> 27) &* 0x94d0_49bb_1331_11eb
    return z ^ z &>> 31
  }
}

extension Network {
  /// Whether a pass for training draws random numbers: dropout between layers, or masks of the cell.
  public var drawsMasks: Bool {
    if configuration.dropout > 0 && configuration.layers > 1 { return true }
    if let stack { return stack.blocks.contains { $0.network.drawsMasks } }
    return equations?.cell.drawsMasks ?? false
  }

  /// `given`, or what a pass for training draws where it needs a seed; else 0.
  func seed(_ given: UInt64?, isTraining: Bool) -> UInt64 {
    given ?? (isTraining && drawsMasks ? DrawnSeed.next() : 0)
  }
}

extension Philox {
  /// A seed that no other call has had: 64 bits from the operating system.
  public static func drawnSeed() -> UInt64 { DrawnSeed.next() }
}

extension Cell {
  /// Whether the text has masks.
  public var drawsMasks: Bool {
    graph.nodes.contains {
      switch $0.operation {
      case .dropout, .zoneout, .dropConnect: true
      default: false
      }
    }
  }
}
