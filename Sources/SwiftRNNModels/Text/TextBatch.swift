// Pieces of a text as a language model takes them.
import SwiftRNN

extension Model {
  /// ``loss(_:state:_:)-(ModelBatch<Scalar>,_,_)`` of a piece of a ``TextStream``.
  public func loss(
    _ piece: TextStream.Batch, state: ModelState<Scalar>? = nil, _ options: TrainingOptions<Scalar> = TrainingOptions()
  ) throws(RNNError) -> ModelLoss {
    try piece.withBatch { (batch) throws(RNNError) in try loss(batch, state: state, options) }
  }

  /// ``evaluate(_:state:loss:)`` of a piece of a ``TextStream``.
  public func evaluate(_ piece: TextStream.Batch, state: ModelState<Scalar>? = nil) throws(RNNError) -> ModelLoss {
    try piece.withBatch { (batch) throws(RNNError) in try evaluate(batch, state: state) }
  }
}

extension Trainer {
  /// ``step(_:state:)-(ModelBatch<Scalar>,_)`` with a piece of a ``TextStream``.
  @discardableResult
  public func step(_ piece: TextStream.Batch, state: ModelState<Scalar>? = nil) throws(RNNError) -> TrainerStep {
    try piece.withBatch { (batch) throws(RNNError) in try step(batch, state: state) }
  }
}

extension TextStream.Batch {
  /// Runs `body` with the piece as a model takes it.
  func withBatch<Scalar: RNNScalar, Result>(
    _ body: (ModelBatch<Scalar>) throws(RNNError) -> Result
  ) throws(RNNError) -> Result {
    try inputs.withUnsafeBufferPointer { (inputs) throws(RNNError) in
      try targets.withUnsafeBufferPointer { (targets) throws(RNNError) in
        var batch = ModelBatch<Scalar>(steps: steps, sequences: steps == 0 ? 0 : inputs.count / steps)
        (batch.ids, batch.targets) = (inputs, targets)
        return try body(batch)
      }
    }
  }
}
