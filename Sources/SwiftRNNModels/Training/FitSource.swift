// Sources of the batches of `Trainer.fit`: examples, or a text.
import SwiftRNN

/// Data that a trainer goes through.
protocol FitSource<Scalar> {
  associatedtype Scalar: RNNScalar

  /// All that results depend on beside model and settings: size, batches, a checksum of the contents.
  func identity() throws(ModelError) -> JSON

  /// One epoch of steps.
  ///
  /// - Returns: the mean loss by what counted, and the rate of the last step.
  /// - Throws: ``ModelError``, also for a loss or a gradient that is not finite; the parameters are those of before that step
  ///   then.
  func train(_ trainer: Trainer<Scalar>, epoch: Int) throws(ModelError) -> (loss: Double, rate: Double)

  /// The mean loss of all data, without training.
  func evaluate(_ trainer: Trainer<Scalar>) throws(ModelError) -> Double
}

/// Mean of losses by what counted, and the last rate.
private struct LossSum {
  private var (total, weight) = (0.0, 0.0)
  private(set) var rate = 0.0
  var mean: Double { weight == 0 ? 0 : total / weight }

  mutating func add(_ loss: ModelLoss) {
    total += loss.total
    weight += loss.weight
  }

  /// - Throws: for a step that was not made, as its loss or gradient is not finite; `steps` are those before.
  mutating func add(_ step: TrainerStep, steps: Int) throws(ModelError) {
    guard step.loss.mean.isFinite else { throw FitFailure.loss("the loss", step.loss.mean, step: steps + 1) }
    guard step.gradientNorm.isFinite else {
      throw FitFailure.loss("the norm of the gradients", step.gradientNorm, step: steps + 1)
    }
    add(step.loss)
    rate = step.rate
  }
}

/// Errors of a training that numbers have ended.
enum FitFailure {
  /// - Parameter name: of the number.
  static func loss(_ name: String, _ value: Double, step: Int) -> ModelError {
    .value(
      name: name,
      reason:
        "of step \(step) is \(value): the training cannot go on. A smaller rate, clipping (clip_norm) or a longer "
        + "warm-up may help")
  }
}

/// Examples in batches of about the same length.
struct ExampleBatches<Scalar: RNNScalar>: FitSource {
  let examples: ModelExamples<Scalar>
  let buckets: Buckets

  func train(_ trainer: Trainer<Scalar>, epoch: Int) throws(ModelError) -> (loss: Double, rate: Double) {
    var sum = LossSum()
    for batch in buckets.batches(epoch: epoch) {
      let step = try examples.withBatch(batch) { (batch) throws(RNNError) in try trainer.finiteStep(batch) }
      try sum.add(step, steps: trainer.steps)
    }
    return (sum.mean, sum.rate)
  }

  func evaluate(_ trainer: Trainer<Scalar>) throws(ModelError) -> Double {
    var sum = LossSum()
    for batch in buckets.batches(epoch: 0, shuffles: false) {
      sum.add(try examples.withBatch(batch) { (batch) throws(RNNError) in try trainer.evaluate(batch) })
    }
    return sum.mean
  }
}

/// A text from its beginning, with states carried on.
struct TextPieces<Scalar: RNNScalar>: FitSource {
  let text: TextStream

  func train(_ trainer: Trainer<Scalar>, epoch: Int) throws(ModelError) -> (loss: Double, rate: Double) {
    let state = try withModelErrors { () throws(RNNError) in try trainer.model.makeState() }
    try text.seek(to: 0)
    var sum = LossSum()
    while let piece = try text.next() {
      let step = try withModelErrors { () throws(RNNError) in
        try piece.withBatch { (batch) throws(RNNError) in try trainer.finiteStep(batch, state: state) }
      }
      try sum.add(step, steps: trainer.steps)
    }
    return (sum.mean, sum.rate)
  }

  func evaluate(_ trainer: Trainer<Scalar>) throws(ModelError) -> Double {
    let state = try withModelErrors { () throws(RNNError) in try trainer.model.makeState() }
    try text.seek(to: 0)
    var sum = LossSum()
    while let piece = try text.next() {
      sum.add(
        try withModelErrors { () throws(RNNError) in
          try piece.withBatch { (batch) throws(RNNError) in try trainer.evaluate(batch, state: state) }
        })
    }
    return sum.mean
  }
}
