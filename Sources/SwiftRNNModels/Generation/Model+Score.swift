// How likely a model finds sequences.
@_spi(Door) import SwiftRNN

extension Model {
  /// Sum of log P of the targets of each sequence, at inference: the log-probability of a sentence, or of a translation.
  ///
  /// - Parameters:
  ///   - batch: with targets; steps whose target is ignored do not count.
  ///   - state: as for ``evaluate(_:state:)``.
  /// - Returns: for each sequence the sum, in nats, and how many targets counted; over trees for each node of a tagger, and
  ///   for each root of a classifier.
  @_specialize(where Scalar == Float)
  @_specialize(where Scalar == Double)
  public func score(
    _ batch: ModelBatch<Scalar>, state: ModelState<Scalar>? = nil
  ) throws(RNNError) -> [(logProbability: Double, count: Int)] {
    let control = FloatControl()
    defer { control.leave() }
    guard !configuration.predictsNumbers else { throw .unsupported("numbers have no log-probability") }
    let rows = try forward(batch, state, seed: nil)
    let targets = try countedTargets(batch)
    let losses = Buffer<Double>()
    defer { withExtendedLifetime(losses) {} }
    let each = try losses.take(targets.count)
    _ = try output.crossEntropy(
      rows.x.constant, targets: targets, TrainingOptions(), rowLosses: each, wantsGradient: false)
    state?.moveOn()
    let sequences = try outputShape(batch).sequences
    var scores = [(logProbability: Double, count: Int)](repeating: (0, 0), count: sequences)
    for (row, target) in targets.enumerated() where target != CrossEntropy.ignoredTarget {
      scores[row % sequences].logProbability -= each[row]
      scores[row % sequences].count += 1
    }
    return scores
  }
}
