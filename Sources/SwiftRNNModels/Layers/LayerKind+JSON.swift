// A layer's kind as JSON, for a file of layers, and back from what may come from anyone.
import SwiftRNN

extension LayerKind {
  private static let poolWords: [(kind: Pool.Kind, word: String)] = [
    (.last, "last"), (.mean, "mean"), (.max, "max"), (.attention, "attention"),
  ]
  private static let scoreWords: [(kind: Attention.Kind, word: String)] = [
    (.dot, "dot"), (.general, "general"), (.concat, "concat"), (.additive, "additive"),
  ]

  /// `{"kind": "linear", "inputs": 64, "outputs": 5, "bias": true}`: all that is needed to make the layer again.
  public var json: JSON {
    var object = JSON.Object()
    func add(_ name: String, _ value: Int) { object.append(name, .integer(Int64(value))) }
    object.append("kind", .string(word))
    switch self {
    case .embedding(let vocabulary, let width):
      add("vocabulary", vocabulary)
      add("width", width)
    case .linear(let inputs, let outputs, let bias):
      add("inputs", inputs)
      add("outputs", outputs)
      object.append("bias", .bool(bias))
    case .dropout(let probability): object.append("probability", .double(probability))
    case .pool(let pool):
      object.append("pooling", .string(Self.poolWords.first { $0.kind == pool.kind }?.word ?? ""))
      add("width", pool.width)
      add("directions", pool.directions)
      add("attention_size", pool.attentionSize)
    case .attention(let attention):
      object.append("score", .string(Self.scoreWords.first { $0.kind == attention.kind }?.word ?? ""))
      add("query_size", attention.querySize)
      add("key_size", attention.keySize)
      add("attention_size", attention.size)
      object.append("scale", .double(attention.scale))
    case .network(let recurrent, let inputs, let dropout):
      add("inputs", inputs)
      object.append("dropout", .double(dropout))
      object.append("network", ModelConfiguration.json(recurrent))
    }
    return .object(object)
  }

  /// Reads what ``json`` gives. Every key must be there, and no other; whether sizes make sense together is found out when
  /// the layers are made.
  ///
  /// - Parameters:
  ///   - json: the object.
  ///   - name: what errors call the layer, such as a path.
  /// - Throws: ``ModelError/format(where:what:)``
  public init(_ json: JSON, name: String = "the layer") throws(ModelError) {
    var fields = try JSONFields(json, name)
    func size(_ key: String, from low: Int = 1) throws(ModelError) -> Int {
      try fields.integer(key, in: low...ModelConfiguration.largestSize)
    }
    let kind = try fields.string("kind")
    switch kind {
    case "embedding": self = .embedding(vocabulary: try size("vocabulary"), width: try size("width"))
    case "linear":
      self = .linear(inputs: try size("inputs"), outputs: try size("outputs"), bias: try fields.bool("bias"))
    case "dropout": self = .dropout(try fields.double("probability"))
    case "pool":
      let kind = try Self.kind(try fields.string("pooling"), "pooling", of: Self.poolWords, name)
      self = .pool(
        Pool(
          kind, width: try size("width"), directions: try fields.integer("directions", in: 1...2),
          attentionSize: try size("attention_size", from: 0)))
    case "attention":
      let kind = try Self.kind(try fields.string("score"), "score", of: Self.scoreWords, name)
      self = .attention(
        Attention(
          kind, querySize: try size("query_size"), keySize: try size("key_size"),
          size: try size("attention_size", from: 0), scale: try fields.double("scale")))
    case "network":
      let (inputs, dropout) = (try size("inputs"), try fields.double("dropout"))
      self = .network(
        try ModelConfiguration.recurrent(fields.required("network"), "\(name), network"), inputs: inputs,
        dropout: dropout)
    default:
      throw .format(where: name, what: "kind is \"\(ModelError.printable(kind))\", which no layer is")
    }
    try fields.end()
  }

  private static func kind<Kind>(
    _ text: String, _ key: String, of words: [(kind: Kind, word: String)], _ name: String
  ) throws(ModelError) -> Kind {
    guard let known = words.first(where: { $0.word == text }) else {
      let all = words.map { "\"\($0.word)\"" }.joined(separator: ", ")
      throw .format(where: name, what: "\(key) is \"\(ModelError.printable(text))\", must be one of \(all)")
    }
    return known.kind
  }
}
