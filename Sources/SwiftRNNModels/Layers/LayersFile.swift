// Layers in one file: their parameters, names and kinds.
import SwiftRNN

/// A file of ``Layers``: safetensors, whose metadata have the `format` `swiftrnn layers 1` and `layers`, a JSON array of
/// objects as ``LayerKind/json`` has them, with a `name`.
public enum LayersFile {
  static let format = "swiftrnn layers 1"
  private static let ownKeys = ["format", "layers", Safetensors.checksumKey]

  /// Writes layers: the file appears whole or not at all.
  ///
  /// - Parameters:
  ///   - layers: the layers.
  ///   - path: the file, which is replaced if there is one.
  ///   - metadata: the caller's own entries, under other keys than those above.
  /// - Throws: ``ModelError``
  public static func save<Scalar: RNNScalar>(
    _ layers: Layers<Scalar>, to path: String, metadata: [(key: String, value: String)] = []
  ) throws(ModelError) {
    if let key = metadata.first(where: { ownKeys.contains($0.key) })?.key {
      throw .value(name: "metadata", reason: "has the key \"\(key)\", which a file of layers has for itself")
    }
    let kinds = layers.kinds.map { layer -> JSON in
      guard case .object(let own) = layer.kind.json else { return layer.kind.json }
      var object = JSON.Object()
      object.append("name", .string(layer.name))
      for member in own.members { object.append(member.key, member.value) }
      return .object(object)
    }
    let entries = [(key: "format", value: format), (key: "layers", value: try JSON.array(kinds).text())]
    let sources: [Safetensors.Source]
    if let values = layers.parameters.values as? UnsafeMutableBufferPointer<Float> {
      sources = try Safetensors.sources(layers.parameters.list, values.constant)
    } else if let values = layers.parameters.values as? UnsafeMutableBufferPointer<Double> {
      sources = try Safetensors.sources(layers.parameters.list, values.constant)
    } else {
      throw .value(name: "the layers", reason: "have numbers of a type that no file has")
    }
    try Safetensors.write(sources, metadata: entries + metadata, to: path)
  }

  /// Makes the layers that a file has. Whatever the file says is checked first.
  ///
  /// Parameters of a part of a model come from any file of safetensors by ``SafetensorsFile``, whose `read` takes
  /// `layers.parameters.list` and a prefix.
  ///
  /// - Throws: ``ModelError``: the file cannot be read, is no file of layers, or is damaged.
  public static func load<Scalar: RNNScalar>(
    _ path: String, as _: Scalar.Type
  ) throws(ModelError) -> (layers: Layers<Scalar>, metadata: [(key: String, value: String)]) {
    let file = try SafetensorsFile(path)
    guard let format = file.value("format"), let text = file.value("layers") else {
      throw .format(where: path, what: "no file of layers: its metadata lack format or layers")
    }
    guard format == Self.format else {
      throw .format(
        where: path, what: "the format is \"\(ModelError.printable(format))\", this library reads \"\(Self.format)\"")
    }
    guard case .array(let elements) = try JSON(parsing: text, name: "\(path), layers") else {
      throw .format(where: path, what: "layers must be an array")
    }
    var kinds: [(name: String, kind: LayerKind)] = []
    for (number, element) in elements.enumerated() {
      let place = "\(path), layers[\(number)]"
      guard case .object(var object) = element, case .string(let name) = object["name"] else {
        throw .format(where: place, what: "must be an object with a name")
      }
      object["name"] = nil
      kinds.append((name, try LayerKind(.object(object), name: place)))
    }
    // Check before memory is asked for: the file has as many numbers as its layers ask for.
    let list = try Layers<Scalar>.plan(kinds).list
    try file.check(names: list.infos.map(\.name))
    for info in list.infos where file[info.name]?.shape != info.shape {
      throw .format(where: path, what: "the tensor \(info.name) has another shape than its layer says")
    }
    let layers = try Layers<Scalar>(kinds)
    if let values = layers.parameters.values as? UnsafeMutableBufferPointer<Float> {
      try file.read(list, into: values)
    } else if let values = layers.parameters.values as? UnsafeMutableBufferPointer<Double> {
      try file.read(list, into: values)
    }
    return (layers, file.metadata.filter { !ownKeys.contains($0.key) })
  }
}
