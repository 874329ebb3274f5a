// Sources of the batches of `Trainer.fit`: examples, or a text.
import SwiftRNN

/// Data that a trainer goes through.
protocol FitSource<Scalar> {
  associatedtype Scalar: RNNScalar

  /// One epoch of steps.
  ///
  /// - Returns: the mean loss by what counted, and the rate of the last step.
  /// - Throws: ``ModelError``, also for a loss that is not finite.
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

  mutating func add(_ step: TrainerStep, number: Int) throws(ModelError) {
    guard step.loss.mean.isFinite else {
      throw .value(name: "the loss", reason: "of step \(number) is \(step.loss.mean)")
    }
    add(step.loss)
    rate = step.rate
  }
}

/// Examples in batches of about the same length.
struct ExampleBatches<Scalar: RNNScalar>: FitSource {
  let examples: ModelExamples<Scalar>
  let buckets: Buckets

  func train(_ trainer: Trainer<Scalar>, epoch: Int) throws(ModelError) -> (loss: Double, rate: Double) {
    var sum = LossSum()
    for batch in buckets.batches(epoch: epoch) {
      let step = try examples.withBatch(batch) { (batch) throws(RNNError) in try trainer.step(batch) }
      try sum.add(step, number: trainer.steps)
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
      let step = try withModelErrors { () throws(RNNError) in try trainer.step(piece, state: state) }
      try sum.add(step, number: trainer.steps)
    }
    return (sum.mean, sum.rate)
  }

  func evaluate(_ trainer: Trainer<Scalar>) throws(ModelError) -> Double {
    let state = try withModelErrors { () throws(RNNError) in try trainer.model.makeState() }
    try text.seek(to: 0)
    var sum = LossSum()
    while let piece = try text.next() {
      sum.add(try withModelErrors { () throws(RNNError) in try trainer.model.evaluate(piece, state: state) })
    }
    return sum.mean
  }
}
