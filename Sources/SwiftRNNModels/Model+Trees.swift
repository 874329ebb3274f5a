// Models over trees: the forest of a batch.
import SwiftRNN

extension Model {
  /// The forest of a batch, checked; nil: the model reads sequences.
  ///
  /// - Throws: `RNNError/unsupported(_:)` for what the model's structure does not have,
  ///   `RNNError/nullPointer(_:)` without a forest, `RNNError/sizeMismatch(_:_:expected:)`.
  func forest(of batch: ModelBatch<Scalar>) throws(RNNError) -> Forest? {
    guard configuration.structure == .trees else {
      guard batch.forest == nil else { throw .unsupported("a forest is for models whose structure is trees") }
      return nil
    }
    guard let forest = batch.forest else { throw .nullPointer("forest") }
    guard batch.lengths == nil else { throw .unsupported("trees have no lengths") }
    guard batch.steps == 1 else { throw .sizeMismatch("steps, of a batch of trees,", batch.steps, expected: 1) }
    guard batch.sequences == forest.nodeCount else {
      throw .sizeMismatch("sequences, the nodes of a batch of trees,", batch.sequences, expected: forest.nodeCount)
    }
    return forest
  }
}
