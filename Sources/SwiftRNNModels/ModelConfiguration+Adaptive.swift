// Models whose output layer is an adaptive softmax: what there is of them.
import SwiftRNN

extension ModelConfiguration {
  /// The output layer, of `inputs` numbers; nil: a linear layer.
  func adaptiveSoftmax(inputs: Int) throws(RNNError) -> AdaptiveSoftmax? {
    adaptiveCutoffs.isEmpty
      ? nil : try AdaptiveSoftmax(inputs: inputs, classes: outputs, cutoffs: adaptiveCutoffs, divisor: adaptiveDivisor)
  }

  /// - Throws: `RNNError` for cutoffs that do not rise within the classes, and for models that have no use for them.
  func checkAdaptive() throws(RNNError) {
    guard (1...Self.largestSize).contains(adaptiveDivisor) else {
      throw .invalidValue("adaptive_divisor", adaptiveDivisor, low: 1, high: Self.largestSize)
    }
    if adaptiveCutoffs.isEmpty {
      guard adaptiveDivisor == 4 else {
        throw .unsupported("adaptive_divisor is of the clusters of adaptive_cutoffs, and there are none")
      }
      return
    }
    guard kind == .languageModel || decodes else {
      throw .unsupported("adaptive_cutoffs are of language models and decoders")
    }
    guard !tiesEmbedding else {
      throw .unsupported("with adaptive_cutoffs the output layer has no matrix that an embedding could be tied to")
    }
    var last = 0
    for (index, cutoff) in adaptiveCutoffs.enumerated() {
      guard cutoff > last, cutoff < outputs else {
        throw .invalidElement("adaptive_cutoffs", index: index, cutoff, low: last + 1, high: outputs - 1)
      }
      last = cutoff
    }
  }
}
