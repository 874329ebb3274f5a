// Few sequences, many hidden units: threads that share the units of every step instead of the sequences.
//
// A step needs all of the h of the step before, so the threads meet after each. They can't wait for each other by
// number: `concurrentPerform` does not promise that its iterations run at the same time, and a machine may be busy. So
// the work of a step lies in atomic counters from which whoever is there takes it: its own range of panels first, so
// that their weights stay in its second-level cache, then the others'. A step is over when its work is done, by however
// many threads.
import CPrimitives
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The counters of a team, in scratch memory.
struct Team {
  /// More threads than this do not share a shard.
  static let limit = 32
  /// Nor do they share more sequences: pointers to their rows are on each thread's stack.
  static let sequences = 32
  /// Multiply-adds of a step for each member below which meeting after every step costs more than sharing it saves.
  static let leastWork = 24_000
  /// Sequences for each member above which cutting the batch is faster.
  static let rowsEach = 8
  /// A cache line for each counter.
  private static let stride = 64

  let members: Int
  /// How many pieces of work a member has in each phase; those that a phase lacks do nothing.
  let slots: Int
  private let memory: UnsafeMutableRawPointer

  static func take(_ arena: inout Arena) -> UnsafeMutablePointer<UInt8> {
    arena.take(UInt8.self, stride * (limit + 1))
  }

  /// Before the members run, by one thread.
  ///
  /// - Parameter panels: of the phase that has most.
  init(members: Int, panels: Int, memory: UnsafeMutablePointer<UInt8>) {
    self.members = members
    slots = (panels + members - 1) / members
    self.memory = UnsafeMutableRawPointer(memory)
    for counter in 0...members {
      (self.memory + counter * Self.stride).bindMemory(to: Atomic<Int>.self, capacity: 1).initialize(to: Atomic(0))
    }
  }

  /// Pieces of member `owner` that have been taken, over all phases.
  @inline(__always)
  fileprivate func taken(_ owner: Int) -> UnsafeMutablePointer<Atomic<Int>> {
    (memory + (owner &+ 1) &* Self.stride).assumingMemoryBound(to: Atomic<Int>.self)
  }

  /// Pieces that are done, over all members and phases.
  @inline(__always)
  fileprivate var done: UnsafeMutablePointer<Atomic<Int>> { memory.assumingMemoryBound(to: Atomic<Int>.self) }
}

/// One thread of a team, or the only thread of a shard. Every member goes through the same phases.
struct TeamMember {
  /// nil: alone.
  private let team: Team?
  /// Among the members; 0 alone.
  let number: Int
  private var phase = 0

  static var alone: TeamMember { TeamMember(team: nil, number: 0) }

  init(_ team: Team, number: Int) { self.init(team: team, number: number) }

  private init(team: Team?, number: Int) {
    self.team = team
    self.number = number
  }

  var isAlone: Bool { team == nil }

  /// Runs `body` for `0 ..< panels`, in one call if alone, else in pieces and together with the other members. Returns
  /// when all of them are done.
  @inline(__always)
  mutating func share(_ panels: Int, _ body: (Range<Int>) -> Void) {
    guard let team else { return body(0..<panels) }
    let (members, slots) = (team.members, team.slots)
    let (first, end) = (phase &* slots, (phase &+ 1) &* slots)
    for turn in 0..<members {
      let owner = (number &+ turn) % members
      let taken = team.taken(owner)
      let own = Split.range(panels, owner, members)
      var next = taken.pointee.load(ordering: .relaxed)
      while next < end {
        let (won, now) = taken.pointee.weakCompareExchange(expected: next, desired: next &+ 1, ordering: .relaxed)
        if won {
          let panel = own.lowerBound &+ next &- first
          if panel < own.upperBound { body(panel..<(panel &+ 1)) }
          // What this piece wrote becomes visible to those who see the count.
          team.done.pointee.add(1, ordering: .releasing)
          next = taken.pointee.load(ordering: .relaxed)
        } else {
          next = now
        }
      }
    }
    phase &+= 1
    let target = phase &* slots &* members
    var turns = 0
    while team.done.pointee.load(ordering: .acquiring) < target {
      turns &+= 1
      if turns < 2000 { swiftrnn_pause() } else { sched_yield() }
    }
  }
}
