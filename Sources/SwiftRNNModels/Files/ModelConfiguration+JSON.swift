// A model's configuration as JSON, for a model file, and back from what may come from anyone.
import SwiftRNN

extension ModelCell {
  fileprivate func append(to object: inout JSON.Object) {
    object.append("cell", .string(text))
    if sizes.isEmpty { return }
    var own = JSON.Object()
    for (name, size) in sizes.sorted(by: { $0.key < $1.key }) { own.append(name, .integer(Int64(size))) }
    object.append("sizes", .object(own))
  }
}

extension ModelConfiguration {
  /// `{"kind": "language_model", "input": {"vocabulary": 256, "embedding_size": 64}, "network": {"cell": "lstm",
  /// "hidden_size": 128, "num_layers": 2, "bidirectional": false}, "outputs": 256, "dropout": 0.2, …}`: all that is needed
  /// to make the model again.
  public var json: JSON {
    var object = JSON.Object()
    object.append("kind", .string(kind.rawValue))
    if reads {
      object.append("input", Self.json(input))
      object.append("network", Self.json(recurrent))
    }
    if decodes {
      object.append("decoder_input", Self.json(decoderInput))
      object.append("decoder", Self.json(decoder))
    }
    object.append("outputs", .integer(Int64(outputs)))
    object.append("dropout", .double(dropout))
    if structure != .sequences { object.append("structure", .string(structure.rawValue)) }
    switch kind {
    case .languageModel: object.append("tie_embedding", .bool(tiesEmbedding))
    case .tagger, .outputFeedback: object.append("predicts_numbers", .bool(predictsNumbers))
    case .classifier, .regressor:
      object.append("pooling", .string(pooling.rawValue))
      if pooling == .attention { object.append("attention_size", .integer(Int64(attentionSize))) }
    case .vectorDecoder:
      object.append("vector_size", .integer(Int64(vectorSize)))
      object.append("vector_use", .string(vectorUse.rawValue))
      object.append("tie_embedding", .bool(tiesEmbedding))
    case .encoderDecoder:
      object.append("attention", .string(attention.rawValue))
      if attention == .additive || attention == .concat {
        object.append("attention_size", .integer(Int64(attentionSize)))
      }
      if attentionUse != .output { object.append("attention_use", .string(attentionUse.rawValue)) }
      object.append("tie_embedding", .bool(tiesEmbedding))
    }
    if !adaptiveCutoffs.isEmpty {
      object.append("adaptive_cutoffs", .array(adaptiveCutoffs.map { .integer(Int64($0)) }))
      object.append("adaptive_divisor", .integer(Int64(adaptiveDivisor)))
    }
    return .object(object)
  }

  private static func json(_ input: Input) -> JSON {
    switch input {
    case .tokens(let vocabulary, let size):
      ["vocabulary": .integer(Int64(vocabulary)), "embedding_size": .integer(Int64(size))]
    case .features(let count): ["features": .integer(Int64(count))]
    }
  }

  static func json(_ recurrent: Recurrent) -> JSON {
    var object = JSON.Object()
    recurrent.cell.append(to: &object)
    object.append("hidden_size", .integer(Int64(recurrent.hiddenSize)))
    object.append("num_layers", .integer(Int64(recurrent.layers)))
    object.append("bidirectional", .bool(recurrent.bidirectional))
    return .object(object)
  }

  /// Reads what ``json`` gives. Every key of the kind must be there, and no other, but for `structure`, which is `sequences`
  /// where it is missing, `attention_use`, which is `output`, `adaptive_cutoffs`, which are none, and `adaptive_divisor`,
  /// which is 4; whether sizes make sense together is found out when the model is made.
  ///
  /// - Parameters:
  ///   - json: the object.
  ///   - name: what errors call the configuration, such as a path.
  /// - Throws: ``ModelError/format(where:what:)``
  public init(_ json: JSON, name: String = "the configuration") throws(ModelError) {
    var fields = try JSONFields(json, name)
    let kind: Kind = try Self.word(fields.string("kind"), "kind", name)
    let reads = kind != .vectorDecoder
    let decodes = kind == .vectorDecoder || kind == .encoderDecoder
    let input = reads ? try Self.input(fields.required("input"), "\(name), input") : .features(1)
    let recurrent =
      reads ? try Self.recurrent(fields.required("network"), "\(name), network") : Recurrent(hiddenSize: 1)
    self.init(
      kind, input: input, recurrent: recurrent, outputs: try fields.integer("outputs", in: 1...Self.largestSize))
    if decodes {
      decoderInput = try Self.input(fields.required("decoder_input"), "\(name), decoder_input")
      guard case .tokens = decoderInput else {
        throw .format(where: name, what: "decoder_input must have a vocabulary")
      }
      decoder = try Self.recurrent(fields.required("decoder"), "\(name), decoder")
    }
    dropout = try fields.double("dropout")
    if kind == .tagger || kind == .classifier || kind == .regressor {
      structure =
        try fields.optionalString("structure").map { (text) throws(ModelError) in
          try Self.word(text, "structure", name)
        } ?? .sequences
    }
    if kind == .languageModel || decodes {
      tiesEmbedding = try fields.bool("tie_embedding")
      let sizes = 1...Self.largestSize
      adaptiveCutoffs = try fields.optionalIntegers("adaptive_cutoffs", in: sizes) ?? []
      adaptiveDivisor = try fields.optionalInteger("adaptive_divisor", in: sizes) ?? adaptiveDivisor
    }
    switch kind {
    case .languageModel: break
    case .tagger, .outputFeedback: predictsNumbers = try fields.bool("predicts_numbers")
    case .classifier, .regressor:
      pooling = try Self.word(fields.string("pooling"), "pooling", name)
      if pooling == .attention { attentionSize = try fields.integer("attention_size", in: 1...Self.largestSize) }
      predictsNumbers = kind == .regressor
    case .vectorDecoder:
      vectorSize = try fields.integer("vector_size", in: 1...Self.largestSize)
      vectorUse = try Self.word(fields.string("vector_use"), "vector_use", name)
      self.input = .features(vectorSize)
      self.recurrent = decoder
    case .encoderDecoder:
      attention = try Self.word(fields.string("attention"), "attention", name)
      if attention == .additive || attention == .concat {
        attentionSize = try fields.integer("attention_size", in: 1...Self.largestSize)
      }
      attentionUse =
        try fields.optionalString("attention_use").map { (text) throws(ModelError) in
          try Self.word(text, "attention_use", name)
        } ?? .output
    }
    try fields.end()
  }

  private static func word<Word: RawRepresentable & CaseIterable>(
    _ text: String, _ key: String, _ name: String
  ) throws(ModelError) -> Word where Word.RawValue == String {
    guard let word = Word(rawValue: text) else {
      let known = Word.allCases.map { "\"\($0.rawValue)\"" }.joined(separator: ", ")
      throw .format(where: name, what: "\(key) is \"\(ModelError.printable(text))\", must be one of \(known)")
    }
    return word
  }

  private static func input(_ json: JSON, _ name: String) throws(ModelError) -> Input {
    var fields = try JSONFields(json, name)
    let input: Input
    if fields.optional("features") != nil {
      input = .features(try fields.integer("features", in: 1...largestSize))
    } else {
      input = .tokens(
        vocabulary: try fields.integer("vocabulary", in: 1...largestSize),
        embeddingSize: try fields.integer("embedding_size", in: 1...largestSize))
    }
    try fields.end()
    return input
  }

  static func recurrent(_ json: JSON, _ name: String) throws(ModelError) -> Recurrent {
    var fields = try JSONFields(json, name)
    var cell = ModelCell(try fields.string("cell"))
    if let sizes = fields.optional("sizes") {
      guard case .object(let object) = sizes else {
        throw .format(where: name, what: "sizes is \(sizes.kind), must be an object")
      }
      for member in object.members {
        guard case .integer(let size) = member.value, (1...Int64(largestSize)).contains(size) else {
          throw .format(where: name, what: "sizes has a value that is no size")
        }
        cell.sizes[member.key] = Int(size)
      }
    }
    let recurrent = Recurrent(
      cell, hiddenSize: try fields.integer("hidden_size", in: 1...largestSize),
      layers: try fields.integer("num_layers", in: 1...1024), bidirectional: try fields.bool("bidirectional"))
    try fields.end()
    return recurrent
  }
}
