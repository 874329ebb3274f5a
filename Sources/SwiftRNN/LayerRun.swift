// The steps of one layer, forward or backward: its directions side by side, each by shards of the batch or by a team
// that shares the hidden units.

/// One direction of one layer, as a pass runs it.
protocol DirectionRunner {
  /// The counters of a team.
  var teamMemory: UnsafeMutablePointer<UInt8> { get }
  /// All of a shard by the calling thread.
  func run(shard: Int)
  /// By one thread, before the members of a team run the shard.
  func start(shard: Int)
  func run(shard: Int, _ member: TeamMember)
  /// By one thread, after them.
  func finish(shard: Int)
}

extension Network {
  /// All directions of a layer.
  ///
  /// - Parameters:
  ///   - members: threads that share the units of a direction; 1: each thread takes a shard.
  ///   - panels: of the step's product that has most.
  func runLayer<Runner: DirectionRunner>(
    _ batch: BatchPlan, threads: Int, members: Int, panels: Int, _ runner: (_ direction: Int) -> Runner
  ) {
    let directions = configuration.directions
    if members == 1 {
      parallel(directions &* batch.shards, threads: threads) { task in
        runner(task % directions).run(shard: task / directions)
      }
      return
    }
    func team(_ direction: Int) -> Team {
      let runner = runner(direction)
      runner.start(shard: 0)
      return Team(members: members, panels: panels, memory: runner.teamMemory)
    }
    let first = team(0)
    let teams = (first, directions == 2 ? team(1) : first)
    parallel(directions &* members, threads: threads) { task in
      let direction = task % directions
      let member = TeamMember(direction == 0 ? teams.0 : teams.1, number: task / directions)
      runner(direction).run(shard: 0, member)
    }
    for direction in 0..<directions { runner(direction).finish(shard: 0) }
  }
}
