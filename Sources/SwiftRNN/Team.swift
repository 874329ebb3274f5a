// Threads that go through the same phases of work and meet after each: the steps of few sequences with many hidden
// units, where each needs all of the h of the step before; the large products of a backward pass, one after the other.
//
// They can't wait for each other by number: `concurrentPerform` does not promise that its iterations run at the same
// time, and a machine may be busy. So the work of a phase lies in atomic counters from which whoever is there takes it:
// its own range of pieces first, so that what they read stays in its second-level cache, then the others'. A phase is
// over when its work is done, by however many threads.
import CPrimitives
import Synchronization

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The counters of a team.
struct Team {
  /// More threads than this do not share the hidden units of a shard.
  static let limit = 32
  /// Nor do threads share the units of more sequences: pointers to the rows of a block are on each thread's stack.
  static let sequences = Blocking.inputRows
  /// More threads than this do not share a pass.
  static let largest = 128
  /// Multiply-adds of a step for each member below which meeting after every step costs more than sharing it saves.
  static let leastWork = 24_000
  /// Sequences for each member above which cutting the batch is faster: full tiles, and nobody waits.
  static let rowsEach = 8
  /// And for all members together: many would meet more than they work.
  static let rowsOfSmall = 32
  /// Sequences for each member at most where the weights are large: each thread then streams only its own panels, or
  /// holds them in its second-level cache. Two threads of an Emerald Rapids: GRU N 32 H 1536 0.85 of its time, H 512 T 1
  /// 0.84, LSTM N 32 H 512 0.93, its training at H 1024 0.94; but LSTM N 32 H 256, of 1 MB, 1.09, and GRU N 32 H 64 1.3.
  static let rowsEachOfLarge = 16
  /// Large: more of them in a step than a second-level cache holds beside the rest.
  static let largeBytes = 2 << 20
  /// A cache line for each counter.
  private static let stride = 64

  let members: Int
  private let memory: UnsafeMutableRawPointer

  private init(members: Int, memory: UnsafeMutableRawPointer) {
    self.members = members
    self.memory = memory
    for counter in 0...members {
      (memory + counter * Self.stride).bindMemory(to: Atomic<Int>.self, capacity: 1).initialize(to: Atomic(0))
    }
  }

  /// Runs `body` with a team that has done nothing yet, of at most `largest` members. Its counters are on the stack, and
  /// not from `withUnsafeTemporaryAllocation`: that takes aligned memory from the heap, and ends the process without it.
  /// Never inlined: a thread alone has no counters, and hosts of plug-ins give few kilobytes of stack.
  @inline(never)
  static func with(members: Int, _ body: (Team) -> Void) {
    if members > limit { return withMany(members: members, body) }
    // A counter for each, one for all, and one more to align the first.
    var memory = InlineArray<272, UInt64>(repeating: 0)
    withUnsafeMutableBytes(of: &memory) { body(Team(members: members, at: $0)) }
  }

  @inline(never)
  private static func withMany(members: Int, _ body: (Team) -> Void) {
    var memory = InlineArray<1040, UInt64>(repeating: 0)
    withUnsafeMutableBytes(of: &memory) { body(Team(members: members, at: $0)) }
  }

  private init(members: Int, at memory: UnsafeMutableRawBufferPointer) {
    self.init(members: members, memory: memory.baseAddress.unsafelyUnwrapped.alignedUp(toMultipleOf: Self.stride))
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
  /// Places for pieces that each member had in the phases so far.
  private var before = 0

  static var alone: TeamMember { TeamMember(team: nil, number: 0) }

  init(_ team: Team, number: Int) { self.init(team: team, number: number) }

  private init(team: Team?, number: Int) {
    self.team = team
    self.number = number
  }

  /// Those who may take a piece.
  var members: Int { team?.members ?? 1 }

  /// Runs `body` for `0 ..< pieces`, in one call if alone, else piece by piece and together with the other members.
  /// Returns when all of them are done.
  @inline(__always)
  mutating func share(_ pieces: Int, _ body: (Range<Int>) -> Void) {
    guard let team else { return body(0..<pieces) }
    let members = team.members
    // As many places for each member; those that have no piece do nothing.
    let (first, end) = (before, before &+ (pieces &+ members &- 1) / members)
    before = end
    for turn in 0..<members {
      let owner = (number &+ turn) % members
      let taken = team.taken(owner)
      let own = Split.range(pieces, owner, members)
      var next = taken.pointee.load(ordering: .relaxed)
      while next < end {
        let (won, now) = taken.pointee.weakCompareExchange(expected: next, desired: next &+ 1, ordering: .relaxed)
        if won {
          let piece = own.lowerBound &+ next &- first
          if piece < own.upperBound { body(piece..<(piece &+ 1)) }
          // What this piece wrote becomes visible to those who see the count.
          team.done.pointee.add(1, ordering: .releasing)
          next = taken.pointee.load(ordering: .relaxed)
        } else {
          next = now
        }
      }
    }
    let target = end &* members
    var turns = 0
    while team.done.pointee.load(ordering: .acquiring) < target {
      turns &+= 1
      if turns < 2000 { swiftrnn_pause() } else { sched_yield() }
    }
  }
}

/// Runs `body` by the members of a team, one thread each: all phases of an operation in one fork.
///
/// - Parameter threads: at most `Team.largest` of them.
func runTeam(_ threads: Int, _ body: (inout TeamMember) -> Void) {
  let members = min(threads, Team.largest)
  if members < 2 {
    var member = TeamMember.alone
    return body(&member)
  }
  Team.with(members: members) { team in
    parallel(members, threads: members) { number in
      var member = TeamMember(team, number: number)
      body(&member)
    }
  }
}
