// What a model is: everything that is needed to make it again, as a model file has it.
import SwiftRNN

/// The recurrent cell of a model.
public struct ModelCell: Sendable, Equatable {
  /// "rnn", "rnn_relu", "lstm", "gru" or "gru_before" (the reset gate before the product): the cells with torch's
  /// parameters. Else a name of `Cell/builtInNames`, or a text of equations.
  public var text: String
  /// Of the names that the text's sizes have, such as `["P": 64]`.
  public var sizes: [String: Int]

  public init(_ text: String, sizes: [String: Int] = [:]) {
    (self.text, self.sizes) = (text, sizes)
  }

  public static let lstm = ModelCell("lstm")
  public static let gru = ModelCell("gru")
  public static let rnn = ModelCell("rnn")

  private static let kernels: [String: CellKind] = [
    "rnn": .rnnTanh, "rnn_relu": .rnnRelu, "lstm": .lstm, "gru": .gru, "gru_before": .gruResetBefore,
  ]

  /// A network of this cell.
  func network<Scalar: RNNScalar>(
    inputSize: Int, _ stack: ModelConfiguration.Recurrent, dropout: Double
  ) throws(RNNError) -> Network<Scalar> {
    let kind = Self.kernels[text] ?? .equations
    var configuration = NetworkConfiguration(kind, inputSize: inputSize, hiddenSize: stack.hiddenSize)
    configuration.layers = stack.layers
    configuration.bidirectional = stack.bidirectional
    configuration.dropout = stack.layers > 1 ? dropout : 0
    if kind != .equations {
      guard sizes.isEmpty else { throw .unsupported("the sizes of a cell are those that its text names") }
      return try Network(configuration)
    }
    let isName = text.utf8.allSatisfy {
      $0 == UInt8(ascii: "_") || ($0 | 0x20 >= UInt8(ascii: "a") && $0 | 0x20 <= UInt8(ascii: "z"))
        || ($0 >= UInt8(ascii: "0") && $0 <= UInt8(ascii: "9"))
    }
    let cell: Cell
    do {
      cell = isName ? try Cell(named: text) : try Cell(text)
    } catch {
      throw .cell(error)
    }
    return try Network(cell, configuration, sizes: sizes)
  }
}

/// A model: its kind, its sizes, and how it learns.
public struct ModelConfiguration: Sendable, Equatable {
  public enum Kind: String, Sendable, CaseIterable {
    /// Tokens to the token that follows each of them.
    case languageModel = "language_model"
    /// A label, or numbers, for every step of a sequence.
    case tagger
    /// A label for a sequence.
    case classifier
    /// Numbers for a sequence.
    case regressor
    /// A sequence of tokens from a vector.
    case vectorDecoder = "vector_decoder"
    /// A sequence of tokens from a sequence.
    case encoderDecoder = "encoder_decoder"
    /// A label, or numbers, for every step of a sequence, each made of the one before (Jordan 1986).
    case outputFeedback = "output_feedback"
  }

  /// What a step of a sequence is.
  public enum Input: Sendable, Equatable {
    /// A token, looked up in a table of vectors.
    case tokens(vocabulary: Int, embeddingSize: Int)
    /// So many numbers.
    case features(Int)
  }

  /// Layers of a recurrent network.
  public struct Recurrent: Sendable, Equatable {
    public var cell: ModelCell
    public var hiddenSize: Int
    public var layers: Int
    public var bidirectional: Bool

    public init(_ cell: ModelCell = .lstm, hiddenSize: Int, layers: Int = 1, bidirectional: Bool = false) {
      (self.cell, self.hiddenSize, self.layers, self.bidirectional) = (cell, hiddenSize, layers, bidirectional)
    }
  }

  /// How the outputs of the steps become one vector.
  public enum Pooling: String, Sendable, CaseIterable {
    /// The last step's output; of the reverse direction that of the first step.
    case last
    case mean
    case max
    /// A weighted mean, by weights that are learned (Yang 2016).
    case attention
  }

  /// How a decoder looks at the outputs of the encoder.
  public enum Attention: String, Sendable, CaseIterable {
    case none
    /// Bahdanau, Cho, Bengio 2015.
    case additive
    /// Luong, Pham, Manning 2015, as the next two.
    case dot
    case general
    case concat
  }

  /// Place of attention's context.
  public enum AttentionUse: String, Sendable, CaseIterable {
    /// Context behind the decoder, of its output h_t (Luong, Pham, Manning 2015). All steps at once in training.
    case output
    /// Into the decoder, beside the token of a step: h_{t-1} attends (Bahdanau, Cho, Bengio 2015). Steps one after the other.
    /// The output layer reads `tanh(W [c_t; h_t])` all the same, where Bahdanau has a maxout layer of h, c and the token.
    case input
  }

  /// Where the vector of a vector decoder goes.
  public enum VectorUse: String, Sendable, CaseIterable {
    /// It makes the states that the decoder starts with.
    case states
    /// It is part of the decoder's input at every step.
    case input
  }

  /// Relation of the input's steps to each other.
  public enum Structure: String, Sendable, CaseIterable {
    /// One behind the other.
    case sequences
    /// Children and parents: the nodes of a `Forest`, by a cell that is recursive (`Cell/isRecursive`). Of taggers,
    /// classifiers and regressors.
    case trees
  }

  public var kind: Kind
  public var structure = Structure.sequences
  /// Of the sequence that is read; of a vector decoder nothing is.
  public var input: Input
  public var recurrent: Recurrent
  /// Classes, labels or numbers that come out; of a language model the size of its vocabulary.
  public var outputs: Int
  /// Share of the numbers that training leaves out: of what goes into the first layer, between layers, and of what goes
  /// into the last linear layer (Zaremba, Sutskever, Vinyals 2014).
  public var dropout = 0.0
  public var pooling = Pooling.last
  /// Numbers of attention's hidden layer: of pooling, additive and concat.
  public var attentionSize = 128
  /// The linear layer of a language model, or of a decoder, has the embedding's table for its weights (Press, Wolf 2017).
  public var tiesEmbedding = false
  /// Cutoffs of language models and decoders whose output layer is an adaptive softmax (``AdaptiveSoftmax``),
  /// rising, each in `1 ..< outputs`, for large vocabularies in falling order of frequency. Empty: a linear layer.
  public var adaptiveCutoffs: [Int] = []
  /// Factor by which each cluster of an adaptive softmax is narrower than the one before, 1 or more.
  public var adaptiveDivisor = 4
  /// Outputs are numbers, and not classes: of a tagger. A regressor's always are.
  public var predictsNumbers = false
  /// Of a decoder: what it reads and writes, and its layers.
  public var decoderInput = Input.tokens(vocabulary: 0, embeddingSize: 0)
  public var decoder = Recurrent(hiddenSize: 0)
  public var attention = Attention.none
  public var attentionUse = AttentionUse.output
  /// Of a vector decoder: the numbers of the vector.
  public var vectorSize = 0
  public var vectorUse = VectorUse.states

  init(_ kind: Kind, input: Input, recurrent: Recurrent, outputs: Int) {
    (self.kind, self.input, self.recurrent, self.outputs) = (kind, input, recurrent, outputs)
  }

  /// A language model over `vocabulary` tokens.
  public static func languageModel(
    vocabulary: Int, embeddingSize: Int, _ recurrent: Recurrent, dropout: Double = 0, tiesEmbedding: Bool = false
  ) -> ModelConfiguration {
    var configuration = ModelConfiguration(
      .languageModel, input: .tokens(vocabulary: vocabulary, embeddingSize: embeddingSize), recurrent: recurrent,
      outputs: vocabulary)
    (configuration.dropout, configuration.tiesEmbedding) = (dropout, tiesEmbedding)
    return configuration
  }

  /// A label for each step: `labels` classes, or with `predictsNumbers` so many numbers.
  public static func tagger(
    input: Input, labels: Int, _ recurrent: Recurrent, dropout: Double = 0, predictsNumbers: Bool = false
  ) -> ModelConfiguration {
    var configuration = ModelConfiguration(.tagger, input: input, recurrent: recurrent, outputs: labels)
    (configuration.dropout, configuration.predictsNumbers) = (dropout, predictsNumbers)
    return configuration
  }

  /// A class for each sequence.
  public static func classifier(
    input: Input, classes: Int, _ recurrent: Recurrent, dropout: Double = 0, pooling: Pooling = .last
  ) -> ModelConfiguration {
    var configuration = ModelConfiguration(.classifier, input: input, recurrent: recurrent, outputs: classes)
    (configuration.dropout, configuration.pooling) = (dropout, pooling)
    return configuration
  }

  /// `outputs` numbers for each sequence.
  public static func regressor(
    input: Input, outputs: Int = 1, _ recurrent: Recurrent, dropout: Double = 0, pooling: Pooling = .last
  ) -> ModelConfiguration {
    var configuration = ModelConfiguration(.regressor, input: input, recurrent: recurrent, outputs: outputs)
    (configuration.dropout, configuration.pooling, configuration.predictsNumbers) = (dropout, pooling, true)
    return configuration
  }

  /// A sequence of tokens from a vector of `vectorSize` numbers.
  public static func vectorDecoder(
    vectorSize: Int, vocabulary: Int, embeddingSize: Int, _ decoder: Recurrent, dropout: Double = 0,
    vectorUse: VectorUse = .states, tiesEmbedding: Bool = false
  ) -> ModelConfiguration {
    var configuration = ModelConfiguration(
      .vectorDecoder, input: .features(vectorSize), recurrent: decoder, outputs: vocabulary)
    configuration.decoderInput = .tokens(vocabulary: vocabulary, embeddingSize: embeddingSize)
    configuration.decoder = decoder
    (configuration.vectorSize, configuration.vectorUse) = (vectorSize, vectorUse)
    (configuration.dropout, configuration.tiesEmbedding) = (dropout, tiesEmbedding)
    return configuration
  }

  /// A sequence of tokens from a sequence.
  public static func encoderDecoder(
    input: Input, encoder: Recurrent, vocabulary: Int, embeddingSize: Int, decoder: Recurrent, dropout: Double = 0,
    attention: Attention = .general, attentionUse: AttentionUse = .output, tiesEmbedding: Bool = false
  ) -> ModelConfiguration {
    var configuration = ModelConfiguration(.encoderDecoder, input: input, recurrent: encoder, outputs: vocabulary)
    configuration.decoderInput = .tokens(vocabulary: vocabulary, embeddingSize: embeddingSize)
    configuration.decoder = decoder
    (configuration.dropout, configuration.attention, configuration.tiesEmbedding) = (dropout, attention, tiesEmbedding)
    configuration.attentionUse = attentionUse
    return configuration
  }

  /// Which of a model's vocabularies.
  public enum VocabularyRole: Sendable {
    /// Tokens that are read; of a language model also those that are written.
    case input
    /// Labels, or tokens that a decoder writes.
    case output
  }

  /// - Throws: ``ModelError/value(name:reason:)`` for a vocabulary of another size than the model's, or of a role that the
  ///   model does not have.
  public func check(_ vocabulary: Vocabulary, _ role: VocabularyRole) throws(ModelError) {
    let size: Int
    switch (role, input) {
    case (.input, .tokens(let vocabulary, _)) where reads: size = vocabulary
    case (.output, _) where kind != .languageModel && !predictsNumbers: size = outputs
    default:
      throw .value(
        name: "the vocabulary", reason: "has no use: the model has no \(role == .input ? "input" : "output") tokens")
    }
    guard vocabulary.size == size else {
      throw .value(name: "the vocabulary", reason: "has \(vocabulary.size) tokens, the model \(size)")
    }
  }

  /// Whether there is a decoder.
  public var decodes: Bool { kind == .vectorDecoder || kind == .encoderDecoder }

  /// Whether a sequence is read.
  var reads: Bool { kind != .vectorDecoder }

  /// - Throws: what is wrong with the sizes and the combination; cells and networks are checked when they are made.
  func check() throws(RNNError) {
    func positive(_ name: StaticString, _ value: Int) throws(RNNError) {
      guard (1...Self.largestSize).contains(value) else {
        throw .invalidSize(name, value, low: 1, high: Self.largestSize)
      }
    }
    func check(_ input: Input) throws(RNNError) {
      switch input {
      case .tokens(let vocabulary, let embeddingSize):
        try positive("vocabulary", vocabulary)
        try positive("embedding_size", embeddingSize)
      case .features(let count): try positive("features", count)
      }
    }
    try positive("outputs", outputs)
    try positive("attention_size", attentionSize)
    if structure == .trees { try checkTrees() }
    if kind == .outputFeedback { try checkFeedback() }
    guard dropout >= 0, dropout < 1 else { throw .invalidNumber("dropout", dropout, allowed: "in [0, 1)") }
    if reads { try check(input) }
    if decodes {
      try check(decoderInput)
      guard !decoder.bidirectional else {
        throw .unsupported("a decoder writes one token after the other: its network has one direction")
      }
    }
    if kind == .vectorDecoder { try positive("vector_size", vectorSize) }
    if kind == .languageModel, recurrent.bidirectional {
      throw .unsupported("a language model would see the tokens that it predicts: its network has one direction")
    }
    if attention != .none, kind != .encoderDecoder {
      throw .unsupported("attention is of the model encoder_decoder; a classifier has the pooling attention")
    }
    if attentionUse == .input, attention == .none {
      throw .unsupported("attention_use is input, and there is no attention")
    }
    try checkAdaptive()
    if tiesEmbedding {
      guard kind == .languageModel || decodes else {
        throw .unsupported("an embedding is tied to the output layer of language models and decoders")
      }
    }
  }

  static let largestSize = 1 << 31
}
