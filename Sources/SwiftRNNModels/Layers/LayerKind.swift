// Kinds of layers with parameters: everything beside the name that is needed to make a layer again.
import SwiftRNN

/// A layer of ``Layers``.
public enum LayerKind: Sendable, Equatable {
  /// Rows of a table, by tokens: ``EmbeddingLayer``. Parameter `weight`, `[vocabulary, width]`.
  case embedding(vocabulary: Int, width: Int)
  /// `y = W x + b`: ``LinearLayer``. Parameters `weight`, `[outputs, inputs]`, and `bias`, `[outputs]`, unless `bias` is
  /// false.
  case linear(inputs: Int, outputs: Int, bias: Bool = true)
  /// Dropout with a probability in [0, 1): `DropoutLayer`. No parameters.
  case dropout(Double)
  /// One vector of the steps of a sequence: ``PoolLayer``. Of attention the parameters `weight`, `[A, W]`, `bias` and
  /// `query`, `[A]`.
  case pool(Pool)
  /// Attention over keys: ``AttentionLayer``. Parameters as `Attention` has them: `query_weight`, `weight`, `bias`,
  /// `score`.
  case attention(Attention)
  /// A recurrent network: ``NetworkLayer``. Parameters by torch's names, or the text's. `dropout` is between layers.
  case network(ModelConfiguration.Recurrent, inputs: Int, dropout: Double = 0)

  /// The word for the kind in files and messages.
  var word: String {
    switch self {
    case .embedding: "embedding"
    case .linear: "linear"
    case .dropout: "dropout"
    case .pool: "pool"
    case .attention: "attention"
    case .network: "network"
    }
  }

  /// - Throws: `RNNError` for sizes and probabilities that make no sense; networks are checked when they are made.
  func check() throws(RNNError) {
    func positive(_ name: StaticString, _ value: Int) throws(RNNError) {
      let largest = ModelConfiguration.largestSize
      guard (1...largest).contains(value) else { throw .invalidSize(name, value, low: 1, high: largest) }
    }
    func probability(_ value: Double) throws(RNNError) {
      guard value >= 0, value < 1 else { throw .invalidNumber("dropout", value, allowed: "in [0, 1)") }
    }
    switch self {
    case .embedding(let vocabulary, let width):
      try positive("vocabulary", vocabulary)
      try positive("width", width)
    case .linear(let inputs, let outputs, _):
      try positive("inputs", inputs)
      try positive("outputs", outputs)
    case .dropout(let value): try probability(value)
    case .pool(let pool):
      try positive("width", pool.width)
      if pool.kind == .attention {
        try positive("attention_size", pool.attentionSize)
      } else if pool.attentionSize != 0 {
        throw .invalidSize("attention_size", pool.attentionSize, low: 0, high: 0)
      }
      let most = pool.kind == .last ? 2 : 1
      guard (1...most).contains(pool.directions), pool.width % pool.directions == 0 else {
        throw .invalidValue("directions", pool.directions, low: 1, high: most)
      }
    case .attention(let attention):
      try positive("query_size", attention.querySize)
      try positive("key_size", attention.keySize)
      guard attention.valueSize == attention.keySize else {
        throw .sizeMismatch(
          "value_size, where the keys are the values,", attention.valueSize, expected: attention.keySize)
      }
      if attention.kind == .dot, attention.querySize != attention.keySize {
        throw .sizeMismatch("query_size, of dot,", attention.querySize, expected: attention.keySize)
      }
      if attention.kind == .concat || attention.kind == .additive {
        try positive("attention_size", attention.size)
      } else if attention.size != 0 {
        throw .invalidSize("attention_size", attention.size, low: 0, high: 0)
      }
      guard attention.scale.isFinite else { throw .invalidNumber("scale", attention.scale, allowed: "finite") }
    case .network(_, let inputs, let dropout):
      try positive("inputs", inputs)
      try probability(dropout)
    }
  }
}
