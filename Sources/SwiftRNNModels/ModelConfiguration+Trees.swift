// Models over trees: what there is of them.
import SwiftRNN

extension ModelConfiguration {
  /// - Throws: `RNNError/unsupported(_:)` for what trees do not have.
  func checkTrees() throws(RNNError) {
    guard kind == .tagger || kind == .classifier || kind == .regressor else {
      throw .unsupported("models over trees are taggers, classifiers and regressors")
    }
    guard !recurrent.bidirectional else { throw .unsupported("trees have one direction, from the leaves up") }
    guard kind == .tagger || pooling == .last else {
      throw .unsupported("a classifier or regressor over trees reads the roots: its pooling is last")
    }
  }
}
