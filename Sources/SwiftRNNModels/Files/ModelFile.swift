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

  private static let ownKeys = ["format", "configuration", "vocabulary", "target_vocabulary", Safetensors.checksumKey]

  /// - Throws: ``ModelError/value(name:reason:)`` for a key that model files have for themselves.
  public static func check(metadataKey key: String) throws(ModelError) {
    guard !ownKeys.contains(key) else {
      throw .value(name: "metadata", reason: "has the key \"\(key)\", which a model file has for itself")
    }
  }

  /// The type of a file's numbers, those of the first tensor: what ``load(_:as:)`` reads without conversion.
  ///
  /// - Throws: ``ModelError`` for a file that is no safetensors file or has no tensors.
  public static func elementType(_ path: String) throws(ModelError) -> Safetensors.ElementType {
    let file = try SafetensorsFile(path)
    guard let first = file.tensors.first else { throw .format(where: path, what: "no model file: it has no tensors") }
    return first.type
  }

  /// Writes a model: the file appears whole or not at all.
  ///
  /// - Parameter metadata: the caller's own entries, under other keys than those above.
  /// - Throws: ``ModelError``
  public static func save<Scalar: RNNScalar>(
    _ model: Model<Scalar>, to path: String, vocabulary: Vocabulary? = nil, targetVocabulary: Vocabulary? = nil,
    metadata: [(key: String, value: String)] = []
  ) throws(ModelError) {
    for entry in metadata { try check(metadataKey: entry.key) }
    var entries = [
      (key: "format", value: format), (key: "configuration", value: try model.configuration.json.text()),
    ]
    if let vocabulary { entries.append(("vocabulary", try vocabulary.json.text())) }
    if let targetVocabulary { entries.append(("target_vocabulary", try targetVocabulary.json.text())) }
    let sources: [Safetensors.Source]
    if let values = model.parameters.values as? UnsafeMutableBufferPointer<Float> {
      sources = try Safetensors.sources(model.parameters.list, values.constant)
    } else if let values = model.parameters.values as? UnsafeMutableBufferPointer<Double> {
      sources = try Safetensors.sources(model.parameters.list, values.constant)
    } else {
      throw .value(name: "the model", reason: "has numbers of a type that no file has")
    }
    try Safetensors.write(sources, metadata: entries + metadata, to: path)
  }

  /// Makes the model that a file has. Whatever the file says is checked first.
  ///
  /// - Throws: ``ModelError``: the file cannot be read, is no model file, or is damaged.
  public static func load<Scalar: RNNScalar>(_ path: String, as _: Scalar.Type) throws(ModelError) -> Contents<Scalar> {
    let file = try SafetensorsFile(path)
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
    try file.check(names: list.infos.map(\.name))
    for info in list.infos where file[info.name]?.shape != info.shape {
      throw .format(where: path, what: "the tensor \(info.name) has another shape than the configuration says")
    }
    let model = try withModelErrors { () throws(RNNError) in try Model<Scalar>(configuration) }
    if let values = model.parameters.values as? UnsafeMutableBufferPointer<Float> {
      try file.read(model.parameters.list, into: values)
    } else if let values = model.parameters.values as? UnsafeMutableBufferPointer<Double> {
      try file.read(model.parameters.list, into: values)
    }
    return Contents(
      model: model, vocabulary: source, targetVocabulary: target,
      metadata: file.metadata.filter { !ownKeys.contains($0.key) })
  }
}
