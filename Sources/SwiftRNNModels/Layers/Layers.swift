// Layers by name, with all parameters in one vector: what a model of one's own is made of.
@_spi(Door) import SwiftRNN

/// Layers with parameters, each by its name: one flat vector of parameters and one of gradients, so that one optimizer, one
/// clipping and one file do.
///
///     let layers = try Layers<Float>([
///       "embedding": .embedding(vocabulary: 100, width: 32),
///       "network": .network(.init(.gru, hiddenSize: 64), inputs: 32),
///       "pool": .pool(Pool(.mean, width: 64)),
///       "output": .linear(inputs: 64, outputs: 5),
///     ])
///     try layers.initialize(seed: 1)
///     let x = try layers.embedding("embedding").forward(ids)
///     let y = try layers.network("network").forward(x, counted, seed: 0)
///
/// Passes are calls of the layers, in whatever order, and their backward passes in the opposite one: each writes the
/// gradients of its own parameters. A layer that is used several times in a pass accumulates in all backward calls but the
/// first, and its results are copied, as the next call writes over them. One thread at a time.
public final class Layers<Scalar: RNNScalar> {
  /// Names and kinds, in the order of the parameters.
  public let kinds: [(name: String, kind: LayerKind)]
  /// All parameters and their gradients: names such as "output.weight".
  public let parameters: ParameterStore<Scalar>
  private let made: [String: Made]

  private enum Made {
    case embedding(EmbeddingLayer<Scalar>)
    case linear(LinearLayer<Scalar>)
    case dropout(DropoutLayer)
    case pool(PoolLayer<Scalar>)
    case attention(AttentionLayer<Scalar>)
    case network(NetworkLayer<Scalar>)
  }

  /// Layers whose parameters are zeros: ``initialize(_:seed:)`` draws them, or a file has them.
  ///
  /// - Throws: ``ModelError/value(name:reason:)`` for names that are empty, have a dot or come twice;
  ///   ``ModelError/rnn(_:)`` for sizes that make no sense.
  public convenience init(_ layers: KeyValuePairs<String, LayerKind>) throws(ModelError) {
    try self.init(layers.map { (name: $0.key, kind: $0.value) })
  }

  init(_ kinds: [(name: String, kind: LayerKind)]) throws(ModelError) {
    self.kinds = kinds
    let (list, networks) = try Self.plan(kinds)
    (parameters, made) = try withModelErrors { () throws(RNNError) in
      let store = try ParameterStore<Scalar>(list)
      var made: [String: Made] = [:]
      for (number, layer) in kinds.enumerated() {
        made[layer.name] = try Self.make(layer, store, number: number, networks[layer.name])
      }
      return (store, made)
    }
  }

  /// Names, shapes and places of the parameters that layers have; no memory for them is asked for.
  static func plan(
    _ kinds: [(name: String, kind: LayerKind)]
  ) throws(ModelError) -> (list: ParameterList, networks: [String: Network<Scalar>]) {
    var names: Set<String> = []
    for layer in kinds {
      let name = ModelError.printable(layer.name)
      guard !layer.name.isEmpty, !layer.name.contains(".") else {
        throw .value(name: "the layer name \"\(name)\"", reason: "must have a character, and no dot")
      }
      guard names.insert(layer.name).inserted else {
        throw .value(name: "the layer name \"\(name)\"", reason: "comes twice")
      }
    }
    return try withModelErrors { () throws(RNNError) in
      var (list, networks) = (ParameterList(), [String: Network<Scalar>]())
      for layer in kinds {
        try layer.kind.check()
        switch layer.kind {
        case .embedding(let vocabulary, let width):
          try list.add(layer.name, EmbeddingLayer<Scalar>.tensors(vocabulary: vocabulary, width: width))
        case .linear(let inputs, let outputs, let bias):
          try list.add(layer.name, LinearLayer<Scalar>.tensors(inputs: inputs, outputs: outputs, bias: bias))
        case .dropout: break
        case .pool(let pool): try list.add(layer.name, PoolLayer<Scalar>.tensors(pool))
        case .attention(let attention): try list.add(layer.name, AttentionLayer<Scalar>.tensors(attention))
        case .network(let recurrent, let inputs, let dropout):
          let network: Network<Scalar> = try recurrent.cell.network(inputSize: inputs, recurrent, dropout: dropout)
          networks[layer.name] = network
          try list.add(layer.name, NetworkPart.tensors(network))
        }
      }
      return (list, networks)
    }
  }

  private static func make(
    _ layer: (name: String, kind: LayerKind), _ store: ParameterStore<Scalar>, number: Int, _ network: Network<Scalar>?
  ) throws(RNNError) -> Made {
    switch layer.kind {
    case .embedding(let vocabulary, let width):
      return .embedding(try EmbeddingLayer(store, layer.name, vocabulary: vocabulary, width: width))
    case .linear(let inputs, let outputs, let bias):
      return .linear(try LinearLayer(store, layer.name, inputs: inputs, outputs: outputs, bias: bias))
    // One seed serves all dropout layers: each has masks of its own.
    case .dropout(let probability): return .dropout(DropoutLayer(probability: probability, layer: number))
    case .pool(let pool): return .pool(try PoolLayer(store, layer.name, pool))
    case .attention(let attention): return .attention(try AttentionLayer(store, layer.name, attention))
    case .network:
      guard let network else { throw .mismatch("the network was not made") }
      return .network(try NetworkLayer(store, layer.name, network))
    }
  }

  // MARK: Layers

  /// - Throws: ``ModelError/value(name:reason:)``: there is no layer of this name, or one of another kind. So for all below.
  public func embedding(_ name: String) throws(ModelError) -> EmbeddingLayer<Scalar> {
    if case .embedding(let layer) = made[name] { return layer }
    throw missing(name, "embedding")
  }

  public func linear(_ name: String) throws(ModelError) -> LinearLayer<Scalar> {
    if case .linear(let layer) = made[name] { return layer }
    throw missing(name, "linear")
  }

  /// Its number tells its masks apart from those of the other dropout layers.
  public func dropout(_ name: String) throws(ModelError) -> DropoutLayer {
    if case .dropout(let layer) = made[name] { return layer }
    throw missing(name, "dropout")
  }

  public func pool(_ name: String) throws(ModelError) -> PoolLayer<Scalar> {
    if case .pool(let layer) = made[name] { return layer }
    throw missing(name, "pool")
  }

  public func attention(_ name: String) throws(ModelError) -> AttentionLayer<Scalar> {
    if case .attention(let layer) = made[name] { return layer }
    throw missing(name, "attention")
  }

  public func network(_ name: String) throws(ModelError) -> NetworkLayer<Scalar> {
    if case .network(let layer) = made[name] { return layer }
    throw missing(name, "network")
  }

  private func missing(_ name: String, _ word: String) -> ModelError {
    let known = kinds.first { $0.name == name }?.kind.word
    return .value(
      name: "the layer \"\(ModelError.printable(name))\"",
      reason: known.map { "is of the kind \($0), not \(word)" } ?? "does not exist")
  }

  /// The gradients of one layer's parameters, one after the other: a group for clipping. Empty: the layer has none.
  public func gradients(of layer: String) -> UnsafeMutableBufferPointer<Scalar> {
    parameters.gradients.part(parameters.list.range(of: layer))
  }

  /// Draws all parameters as ``Model/initialize(_:seed:)`` does: networks as `initializer` says, embeddings from N(0, 1),
  /// other layers from U(-1/sqrt(inputs), 1/sqrt(inputs)).
  ///
  /// - Parameters:
  ///   - initializer: the distributions of networks.
  ///   - seed: the same seed, the same numbers, on every machine.
  public func initialize(_ initializer: Initializer = Initializer(), seed: UInt64) throws(RNNError) {
    let control = FloatControl()
    defer { control.leave() }
    let own = Model<Scalar>.seed(seed, 2)
    for (number, layer) in kinds.enumerated() {
      if case .network(let network) = made[layer.name] {
        try network.part.initialize(
          initializer, seed: Model<Scalar>.seed(seed, UInt32(truncatingIfNeeded: 16 &+ number)))
        continue
      }
      for (tensor, info) in parameters.list.infos.enumerated() where info.name.hasPrefix("\(layer.name).") {
        try parameters.draw(tensor, embedding: layer.kind.word == "embedding" ? 1 : nil, seed: own)
      }
    }
  }
}
