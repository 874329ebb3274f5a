// Search for likely sequences: the best few beginnings are kept at each step.
import SwiftRNN

/// The beams of one source, from step to step. Knows nothing of models: it is given log-probabilities.
struct BeamSearch {
  private let beams: Int
  private let length: Int
  private let end: Int?
  private let penalty: Double
  /// Beginnings that go on, the best first. Their score is the sum that the search goes by, not divided by anything yet.
  private(set) var alive: [GeneratedSequence]
  /// The best sequences that have ended, the best first; at most `beams`.
  private(set) var finished: [GeneratedSequence] = []
  private var steps = 0

  init(_ options: GenerationOptions) {
    (beams, length, end, penalty) = (options.beams, options.length, options.end, options.lengthPenalty)
    alive = [GeneratedSequence(tokens: [], logProbability: 0, score: 0)]
  }

  /// ((5 + length) / 6)^α (Wu et al. 2016, eq 14).
  static func lengthPenalty(_ length: Int, _ alpha: Double) -> Double {
    alpha == 0 ? 1 : Power.of(Double(5 + length) / 6, alpha)
  }

  /// Whether nothing that is alive can become better than what has finished.
  var isDone: Bool {
    guard steps < length, let best = alive.first else { return true }
    guard finished.count >= beams, let worst = finished.last else { return false }
    // Log-probabilities are at most 0 and only fall: with a longer sequence the divisor grows.
    return worst.score >= best.score / Self.lengthPenalty(length, penalty)
  }

  /// One step.
  ///
  /// - Parameters:
  ///   - logProbabilities: what the search goes by: of the next token behind beam `alive[beam]`, and of a class.
  ///   - own: the model's own log-probabilities, before penalties.
  /// - Returns: for each new beam the old one that it goes on from.
  mutating func step(
    classes: Int, own: (_ beam: Int, _ token: Int) -> Double, by logProbabilities: (_ beam: Int, _ token: Int) -> Double
  ) -> [Int] {
    steps += 1
    // The best of all continuations. Equal ones: the lower beam, then the lower token, first.
    var best: [(score: Double, beam: Int, token: Int)] = []
    let wanted = beams + (end == nil ? 0 : min(beams, alive.count))
    func isBefore(_ a: (score: Double, beam: Int, token: Int), _ b: (score: Double, beam: Int, token: Int)) -> Bool {
      a.score != b.score ? a.score > b.score : (a.beam, a.token) < (b.beam, b.token)
    }
    for beam in alive.indices {
      for token in 0..<classes {
        let score = alive[beam].score + logProbabilities(beam, token)
        if !(score > -.infinity) { continue }
        if best.count == wanted, let last = best.last, !isBefore((score, beam, token), last) { continue }
        var place = best.count
        while place > 0, isBefore((score, beam, token), best[place - 1]) { place -= 1 }
        best.insert((score, beam, token), at: place)
        if best.count > wanted { best.removeLast() }
      }
    }
    var (next, sources): ([GeneratedSequence], [Int]) = ([], [])
    for candidate in best {
      let tokens = alive[candidate.beam].tokens + [candidate.token]
      let sequence = GeneratedSequence(
        tokens: tokens, logProbability: alive[candidate.beam].logProbability + own(candidate.beam, candidate.token),
        score: candidate.score)
      if candidate.token == end {
        finish(sequence)
      } else if next.count < beams {
        next.append(sequence)
        sources.append(candidate.beam)
      }
    }
    alive = next
    return sources
  }

  /// Sequences that have not ended by now are ended.
  mutating func stop() {
    for sequence in alive where steps >= length { finish(sequence) }
    alive = []
  }

  private mutating func finish(_ sequence: GeneratedSequence) {
    var sequence = sequence
    sequence.score /= Self.lengthPenalty(sequence.tokens.count, penalty)
    let place = finished.firstIndex { $0.score < sequence.score } ?? finished.count
    finished.insert(sequence, at: place)
    if finished.count > beams { finished.removeLast() }
  }
}
