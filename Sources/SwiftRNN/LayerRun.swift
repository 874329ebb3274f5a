// The steps of one layer, forward or backward: its directions side by side, each by shards of the batch or by threads
// that share the hidden units.

/// One direction of one layer, as a pass runs it.
protocol DirectionRunner {
  /// All of a shard by the calling thread.
  func run(shard: Int)
  /// By one thread, before several run the shard.
  func start(shard: Int)
  func run(shard: Int, _ member: inout TeamMember)
  /// By one thread, after them.
  func finish(shard: Int)
}

/// One thread of a pass.
struct PassMember {
  /// Among all threads of the pass.
  var all: TeamMember
  /// Where threads share the units of two directions: among those of each. The same through all layers.
  fileprivate var directions: (TeamMember, TeamMember)
}

extension Network {
  /// Runs `body` by the threads of a pass: all of it in one fork.
  func run(_ cut: Cut, _ body: (inout PassMember) -> Void) {
    guard cut.sharing > 1 && cut.members > cut.sharing else {
      return runTeam(cut.members) { member in
        var member = PassMember(all: member, directions: (.alone, .alone))
        body(&member)
      }
    }
    Team.with(members: cut.sharing) { first in
      Team.with(members: cut.sharing) { second in
        runTeam(cut.members) { member in
          // Two threads of a number in each, one of them late: a number is no place of its own for what is packed at
          // use.
          let number = member.number / 2
          var member = PassMember(
            all: member, directions: (TeamMember(first, number: number), TeamMember(second, number: number)))
          body(&member)
        }
      }
    }
  }

  /// All directions of a layer.
  ///
  /// - Parameter sharing: threads that share the units of a direction; 1: each takes shards.
  func runLayer<Runner: DirectionRunner>(
    _ batch: BatchPlan, sharing: Int, _ member: inout PassMember, _ runner: (_ direction: Int) -> Runner
  ) {
    let directions = configuration.directions
    if sharing == 1 {
      return member.all.share(directions &* batch.shards) { some in
        for task in some { runner(task % directions).run(shard: task / directions) }
      }
    }
    member.all.share(directions) { some in
      for direction in some { runner(direction).start(shard: 0) }
    }
    if directions == 1 {
      runner(0).run(shard: 0, &member.all)
    } else if member.all.number % 2 == 0 {
      // Its own direction, then what is left of the other: all of it, if nobody else has come.
      runner(0).run(shard: 0, &member.directions.0)
      runner(1).run(shard: 0, &member.directions.1)
    } else {
      runner(1).run(shard: 0, &member.directions.1)
      runner(0).run(shard: 0, &member.directions.0)
    }
    member.all.share(directions) { some in
      for direction in some { runner(direction).finish(shard: 0) }
    }
  }
}
