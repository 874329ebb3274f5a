// A model in one file: its parameters, its configuration, and its vocabularies.
import SwiftRNN

/// A model file: safetensors, whose metadata have all that is needed to make the model again (docs/files.md).
///
/// | key | value |
/// |---|---|
/// | `format` | `swiftrnn model 1` |
/// | `configuration` | JSON, ``ModelConfiguration/json`` |
/// | `vocabulary` | JSON, ``Vocabulary/json``, of what is read; may be missing |
/// | `target_vocabulary` | the same of what is written, or of labels; may be missing |
/// | `trainer` | JSON, the state of a training: of checkpoints (``Trainer``) |
///
/// A checkpoint is a model file with more tensors, which are ignored where only the model is loaded.
public enum ModelFile {
  static let format = "swiftrnn model 1"

  /// What a file has beside the model.
  public struct Contents<Scalar: RNNScalar> {
    public let model: Model<Scalar>
    public let vocabulary: Vocabulary?
    public let targetVocabulary: Vocabulary?
    /// Entries of the metadata that are the caller's own.
    public let metadata: [(key: String, value: String)]
  }

  /// The key of a training's state, of files that a ``Trainer`` has written.
  static let trainerKey = "trainer"
  /// Prefixes of the tensors of such a state.
  static let trainerPrefixes = ["optimizer.", "state."]
  private static let ownKeys = [
    "format", "configuration", "vocabulary", "target_vocabulary", trainerKey, Safetensors.checksumKey,
  ]

  /// - Throws: ``ModelError/value(name:reason:)`` for a key that model files have for themselves.
  public static func check(metadataKey key: String) throws(ModelError) {
    guard !ownKeys.contains(key) else {
      throw .value(name: "metadata", reason: "has the key \"\(key)\", which a model file has for itself")
    }
  }

  /// A tensor of the output layer, one of which every model has: a linear layer, an adaptive softmax, output feedback.
  private static let outputTensors = ["output.bias", "output.head.weight", "network.d_l0"]

  /// The type of a file's parameters: what ``load(_:as:)`` reads without conversion.
  ///
  /// - Throws: ``ModelError`` for a file that is no safetensors file or has no output layer.
  public static func elementType(_ path: String) throws(ModelError) -> Safetensors.ElementType {
    let file = try SafetensorsFile(path)
    for name in outputTensors {
      if let tensor = file[name] { return tensor.type }
    }
    throw .format(
      where: path, what: "no model file: there is no output layer, of \(outputTensors.joined(separator: " or "))")
  }

  /// Writes a model: the file appears whole or not at all.
  ///
  /// - Parameters:
  ///   - model: the model.
  ///   - path: the file, which is replaced if there is one.
  ///   - vocabulary: the vocabulary of the input; nil: none.
  ///   - targetVocabulary: the vocabulary of the output; nil: none.
  ///   - metadata: the caller's own entries, under other keys than those above.
  /// - Throws: ``ModelError``
  public static func save<Scalar: RNNScalar>(
    _ model: Model<Scalar>, to path: String, vocabulary: Vocabulary? = nil, targetVocabulary: Vocabulary? = nil,
    metadata: [(key: String, value: String)] = []
  ) throws(ModelError) {
    try save(model, to: path, vocabulary, targetVocabulary, metadata, trainer: nil, tensors: [])
  }

  /// - Parameters:
  ///   - trainer: text of the training's state; nil: none.
  ///   - tensors: the state's tensors.
  static func save<Scalar: RNNScalar>(
    _ model: Model<Scalar>, to path: String, _ vocabulary: Vocabulary?, _ targetVocabulary: Vocabulary?,
    _ metadata: [(key: String, value: String)], trainer: String?, tensors: [Safetensors.Source]
  ) throws(ModelError) {
    for entry in metadata { try check(metadataKey: entry.key) }
    if let vocabulary { try model.configuration.check(vocabulary, .input) }
    if let targetVocabulary { try model.configuration.check(targetVocabulary, .output) }
    var entries = [
      (key: "format", value: format), (key: "configuration", value: try model.configuration.json.text()),
    ]
    if let vocabulary { entries.append(("vocabulary", try vocabulary.json.text())) }
    if let targetVocabulary { entries.append(("target_vocabulary", try targetVocabulary.json.text())) }
    if let trainer { entries.append((trainerKey, trainer)) }
    let sources = try Safetensors.tensors(of: model.parameters.list, model.parameters.values.constant)
    try Safetensors.write(sources + tensors, metadata: entries + metadata, to: path)
  }

  /// Makes the model that a file has. Whatever the file says is checked first.
  ///
  /// - Throws: ``ModelError``: the file cannot be read, is no model file, or is damaged.
  public static func load<Scalar: RNNScalar>(_ path: String, as _: Scalar.Type) throws(ModelError) -> Contents<Scalar> {
    try load(SafetensorsFile(path))
  }

  static func load<Scalar: RNNScalar>(_ file: SafetensorsFile) throws(ModelError) -> Contents<Scalar> {
    let path = file.path
    guard let format = file.value("format"), let text = file.value("configuration") else {
      throw .format(where: path, what: "no model file: its metadata lack format or configuration")
    }
    guard format == Self.format else {
      throw .format(
        where: path, what: "the format is \"\(ModelError.printable(format))\", this library reads \"\(Self.format)\"")
    }
    let name = "\(path), configuration"
    let configuration = try ModelConfiguration(JSON(parsing: text, name: name), name: name)
    func vocabulary(_ key: String) throws(ModelError) -> Vocabulary? {
      guard let text = file.value(key) else { return nil }
      return try Vocabulary(JSON(parsing: text, name: "\(path), \(key)"), name: "\(path), \(key)")
    }
    let (source, target) = (try vocabulary("vocabulary"), try vocabulary("target_vocabulary"))
    if let source { try configuration.check(source, .input) }
    if let target { try configuration.check(target, .output) }
    // Before memory is asked for: the file has as many numbers as the configuration asks for.
    let list = try withModelErrors { () throws(RNNError) in try Model<Scalar>.parameterList(configuration) }
    // A training's state is of no use to the model, and is checked by the trainer that reads it.
    let others =
      file.value(trainerKey) == nil
      ? [] : file.tensors.map(\.name).filter { name in trainerPrefixes.contains { name.hasPrefix($0) } }
    try file.check(names: list.infos.map(\.name) + others)
    for info in list.infos where file[info.name]?.shape != info.shape {
      throw .format(where: path, what: "the tensor \(info.name) has another shape than the configuration says")
    }
    let model = try withModelErrors { () throws(RNNError) in try Model<Scalar>(configuration) }
    try file.readTensors(of: list, into: model.parameters.values)
    return Contents(
      model: model, vocabulary: source, targetVocabulary: target,
      metadata: file.metadata.filter { !ownKeys.contains($0.key) })
  }
}
