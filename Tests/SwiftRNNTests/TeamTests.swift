import Dispatch
import Synchronization
import Testing

@_spi(Door) @testable import SwiftRNN

/// Threads that go through the same phases of work; among them those that share the hidden units of few sequences.
@Suite struct TeamTests {
  /// Members that come early, late, and not at all: every piece of every phase is done once, and no phase begins before
  /// the one before it is done.
  @Test(arguments: [1, 2, 3, 7], [1, 2, 5, 16]) func phases(members: Int, pieces: Int) {
    let phases = 40
    let doneOf = (0..<phases).map { _ in Counter() }
    let early = Counter()
    // Fewer pieces in every third phase, as in a cell with several products, and none in some.
    @Sendable func count(_ phase: Int) -> Int { phase % 7 == 3 ? 0 : phase % 3 == 2 ? max(1, pieces / 2) : pieces }
    @Sendable func run(_ team: Team, _ number: Int) {
      var member = TeamMember(team, number: number)
      for phase in 0..<phases {
        member.share(count(phase)) { some in
          if phase > 0 && doneOf[phase - 1].value != count(phase - 1) { early.add(1) }
          doneOf[phase].add(some.count)
        }
      }
    }
    Team.with(members: members) { team in
      nonisolated(unsafe) let team = team
      // The last member finds everything done.
      DispatchQueue.concurrentPerform(iterations: max(1, members - 1)) { run(team, $0) }
      run(team, members - 1)
    }
    #expect(early.value == 0)
    for phase in 0..<phases { #expect(doneOf[phase].value == count(phase)) }
  }

  private final class Counter: Sendable {
    private let number = Atomic<Int>(0)
    var value: Int { number.load(ordering: .acquiring) }
    func add(_ count: Int) { number.add(count, ordering: .acquiringAndReleasing) }
  }

  /// Sizes at which a pass is cut over hidden units: all results as with one thread.
  @Test(arguments: [1, 3, 5]) func fewSequencesHaveTheSameBits(sequences: Int) throws {
    try compare(Float.self, sequences)
    try compare(Double.self, sequences)
  }

  private func compare<S: TrainingScalar>(_: S.Type, _ sequences: Int) throws {
    var teams = 0
    for bidirectional in [false, true] {
      let all = configurations(
        inputSize: 37, hiddenSize: 219, projectionSize: 201, layers: 2, dropout: 0.2, bidirectional: bidirectional)
      for (index, configuration) in all.enumerated() {
        let run = try NetworkCase<S>(
          configuration, steps: 31, sequences: sequences, lengths: sequences > 1, seed: UInt64(index))
        let one = try results(run.threads(1))
        for count in [2, 4, 7] {
          let several = try run.threads(count)
          let threads = several.network.threads(steps: 31, sequences: sequences)
          if several.network.sharing(
            threads: threads, steps: run.steps, sequences: sequences, unpacked: true) > 1
          {
            teams += 1
          }
          #expect(try results(several) == one, "\(configuration.cell), \(count) threads")
        }
      }
    }
    // Of 36: two directions have no threads left for teams of 2, and one sequence of a vanilla RNN is too little work.
    #expect(teams >= 18)
  }

  /// More sequences share the units where the weights are large: 16 for each thread, and 96 at most.
  @Test(arguments: [(27, 2, 2), (27, 3, 3), (33, 2, 1), (96, 6, 6), (97, 7, 1)])
  func largeWeights(sequences: Int, threads: Int, members: Int) throws {
    for bidirectional in [false, true] {
      let count = bidirectional ? 2 * threads : threads
      for configuration: NetworkConfiguration in [
        .gru(inputSize: 40, hiddenSize: 421, bidirectional: bidirectional),
        .lstm(inputSize: 3, hiddenSize: 391, layers: 2, bidirectional: bidirectional, projectionSize: 350),
      ] {
        let run = try NetworkCase<Float>(configuration, steps: 3, sequences: sequences, seed: 4)
        let expected = try results(run.threads(1))
        let several = try run.threads(count)
        let comment: Comment = "\(configuration.cell), \(count) threads"
        #expect(several.network.threads(steps: 3, sequences: sequences) == count, comment)
        #expect(
          several.network.sharing(threads: count, steps: 3, sequences: sequences, unpacked: true) == members, comment)
        #expect(try results(several) == expected, comment)
      }
    }
  }

  /// Small weights: 8 sequences for each thread, and 32 at most, because many members would meet more than they work.
  @Test func smallWeights() throws {
    var configuration = NetworkConfiguration.lstm(inputSize: 40, hiddenSize: 128)
    configuration.threads = 8
    let network = try Network<Float>(configuration)
    func members(_ sequences: Int, threads: Int) -> Int {
      network.sharing(threads: threads, steps: 50, sequences: sequences, unpacked: true)
    }
    #expect(members(16, threads: 2) == 2 && members(17, threads: 2) == 1)
    #expect(members(32, threads: 8) == 8 && members(33, threads: 8) == 1)
  }

  /// Panels are packed at their use in single steps, and where nobody else uses the place. Threads that share the units
  /// of two directions have numbers in each that are not theirs alone.
  @Test func panelsArePackedAtTheirUse() throws {
    for bidirectional in [false, true] {
      let network = try Network<Float>(.lstm(inputSize: 40, hiddenSize: 400, bidirectional: bidirectional))
      typealias Cut = Network<Float>.Cut
      let jobs = PackJobs<Float>()
      #expect(network.packsAtUse(jobs, steps: 1, Cut(members: 1, sharing: 1, shards: 1)))
      #expect(!network.packsAtUse(jobs, steps: 2, Cut(members: 1, sharing: 1, shards: 1)))
      #expect(!network.packsAtUse(jobs, steps: 1, Cut(members: 1, sharing: 1, shards: 2)))
      #expect(!network.packsAtUse(jobs, steps: 1, Cut(members: 2, sharing: 1, shards: 2)))
      #expect(network.packsAtUse(jobs, steps: 1, Cut(members: 4, sharing: 2, shards: 1)) == !bidirectional)
    }
  }

  private func results<S: TrainingScalar>(_ run: NetworkCase<S>) throws -> [Bits] {
    let (inferred, _) = try run.infer()
    let (y, state, tape) = try run.forward()
    let gradients = try tape.backward(run.dy, dState: run.dState)
    return [
      inferred.bits, y.bits, state.bits, gradients.x.bits, gradients.state.bits, gradients.parameters.flat.bits,
    ]
  }

  /// More callers, each with a team of its own, than the machine has threads: members come late, and nobody hangs.
  @Test func crowd() throws {
    let run = try NetworkCase<Float>(
      .lstm(inputSize: 40, hiddenSize: 200, layers: 2), steps: 40, sequences: 2, lengths: false, seed: 3)
    let expected = try results(run.threads(1))
    let wrong = Counter()
    let several = try run.threads(4)
    DispatchQueue.concurrentPerform(iterations: 6) { _ in
      guard let own = try? results(several), own == expected else { return wrong.add(1) }
    }
    #expect(wrong.value == 0)
  }
}
