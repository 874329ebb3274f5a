// Pieces of a text as a language model takes them.
import SwiftRNN

extension Model {
  /// ``loss(_:state:seed:)`` of a piece of a ``TextStream``.
  public func loss(
    _ piece: TextStream.Batch, state: ModelState<Scalar>? = nil, seed: UInt64? = nil
  ) throws(RNNError) -> ModelLoss {
    try with(piece) { (batch) throws(RNNError) in try loss(batch, state: state, seed: seed) }
  }

  /// ``evaluate(_:state:)`` of a piece of a ``TextStream``.
  public func evaluate(_ piece: TextStream.Batch, state: ModelState<Scalar>? = nil) throws(RNNError) -> ModelLoss {
    try with(piece) { (batch) throws(RNNError) in try evaluate(batch, state: state) }
  }

  private func with(
    _ piece: TextStream.Batch, _ body: (ModelBatch<Scalar>) throws(RNNError) -> ModelLoss
  ) throws(RNNError) -> ModelLoss {
    try piece.inputs.withUnsafeBufferPointer { (inputs) throws(RNNError) in
      try piece.targets.withUnsafeBufferPointer { (targets) throws(RNNError) in
        var batch = ModelBatch<Scalar>(steps: piece.steps, sequences: piece.steps == 0 ? 0 : inputs.count / piece.steps)
        (batch.ids, batch.targets) = (inputs, targets)
        return try body(batch)
      }
    }
  }
}
