// A model: its parts, put together as the configuration says.
import SwiftRNN

/// A language model, tagger, classifier, regressor or decoder, with its parameters and their gradients.
///
///     let model = try Model<Float>(.classifier(input: .features(1), classes: 10, .init(.gru, hiddenSize: 64)))
///     try model.initialize(seed: 1)
///     let loss = try model.loss(batch)        // and the gradients, in model.parameters.gradients
///
/// A model keeps the memory of its passes, which grows with the largest batch. One thread at a time.
public final class Model<Scalar: RNNScalar> {
  public let configuration: ModelConfiguration
  /// All parameters and their gradients.
  public let parameters: ParameterStore<Scalar>
  /// What reads the input; nil: of a vector decoder.
  let reader: SequencePart<Scalar>?
  let pool: PoolPart<Scalar>?
  let bridge: BridgePart<Scalar>?
  let decoder: SequencePart<Scalar>?
  let attention: AttentionPart<Scalar>?
  let output: OutputPart<Scalar>
  /// The states after the last passes, and their gradients.
  let (readerStates, decoderStates): (PassStates<Scalar>?, PassStates<Scalar>?)
  let (targets, losses, scratch) = (Buffer<Int>(), Buffer<Scalar>(), Buffer<Scalar>())

  /// A model whose parameters are zeros: ``initialize(_:seed:)`` draws them, or a file has them.
  ///
  /// - Throws: what is wrong with the configuration.
  public init(_ configuration: ModelConfiguration) throws(RNNError) {
    try configuration.check()
    self.configuration = configuration
    let c = configuration
    var list = ParameterList()
    // 1. Networks, and the list of all parameters.
    var (readerNetwork, decoderNetwork): (Network<Scalar>?, Network<Scalar>?)
    if c.reads {
      let network: Network<Scalar> = try c.recurrent.cell.network(
        inputSize: SequencePart<Scalar>.width(c.input), c.recurrent, dropout: c.dropout)
      try SequencePart.add(c.input, network, prefix: c.decodes ? "encoder_" : "", to: &list)
      readerNetwork = network
    }
    let extra = c.kind == .vectorDecoder && c.vectorUse == .input ? c.vectorSize : 0
    if c.decodes {
      let network: Network<Scalar> = try c.decoder.cell.network(
        inputSize: SequencePart<Scalar>.width(c.decoderInput) + extra, c.decoder, dropout: c.dropout)
      try SequencePart.add(c.decoderInput, network, prefix: "decoder_", to: &list)
      decoderNetwork = network
    }
    var needsBridge = false
    if let decoderNetwork {
      needsBridge =
        try readerNetwork.map { (own) throws(RNNError) in try !BridgePart.agrees(own, decoderNetwork) } ?? (extra == 0)
      if needsBridge {
        try BridgePart.add(readerNetwork, vectorSize: c.vectorSize, decoderNetwork, to: &list)
      }
    }
    let readerWidth = readerNetwork?.configuration.outputSize ?? 0
    if c.kind == .classifier || c.kind == .regressor {
      try PoolPart<Scalar>.add(c.pooling, width: readerWidth, size: c.attentionSize, to: &list)
    }
    let outputInputs = decoderNetwork?.configuration.outputSize ?? readerWidth
    if c.attention != .none {
      try AttentionPart<Scalar>.add(
        c.attention, queries: outputInputs, keys: readerWidth, size: c.attentionSize, to: &list)
    }
    if c.tiesEmbedding {
      let width = SequencePart<Scalar>.width(c.decodes ? c.decoderInput : c.input)
      guard width == outputInputs else {
        throw .sizeMismatch("embedding_size, of an embedding that is tied,", width, expected: outputInputs)
      }
    }
    try OutputPart<Scalar>.add(inputs: outputInputs, outputs: c.outputs, isTied: c.tiesEmbedding, to: &list)

    // 2. The parts, with their places in it.
    let store = try ParameterStore<Scalar>(list)
    parameters = store
    reader = try readerNetwork.map { (network) throws(RNNError) in
      try SequencePart(
        c.input, network, store, prefix: c.decodes ? "encoder_" : "", dropout: c.dropout, number: 0)
    }
    decoder = try decoderNetwork.map { (network) throws(RNNError) in
      try SequencePart(
        c.decoderInput, network, store, prefix: "decoder_", dropout: c.dropout, extra: extra, number: 1)
    }
    bridge =
      if needsBridge, let decoderNetwork {
        try BridgePart(readerNetwork, vectorSize: c.vectorSize, decoderNetwork, store)
      } else {
        nil
      }
    pool =
      c.kind == .classifier || c.kind == .regressor
      ? try PoolPart(
        c.pooling, width: readerWidth, size: c.attentionSize, directions: c.recurrent.bidirectional ? 2 : 1, store)
      : nil
    attention =
      c.attention == .none
      ? nil
      : try AttentionPart(c.attention, queries: outputInputs, keys: readerWidth, size: c.attentionSize, store)
    output = try OutputPart(
      inputs: outputInputs, outputs: c.outputs, store,
      tiedTo: c.tiesEmbedding ? (decoder ?? reader)?.table : nil)
    readerStates = readerNetwork.map { PassStates($0) }
    decoderStates = decoderNetwork.map { PassStates($0) }
  }

  /// Draws all parameters: networks as `initializer` says, embeddings from N(0, 1), or if tied from N(0, 1 / width), other
  /// layers from U(-1/sqrt(inputs), 1/sqrt(inputs)), as torch does.
  ///
  /// - Parameter seed: the same seed, the same numbers, on every machine.
  public func initialize(_ initializer: Initializer = Initializer(), seed: UInt64) throws(RNNError) {
    for (number, info) in parameters.list.infos.enumerated() {
      let parts = info.name.split(separator: ".")
      guard let layer = parts.first, let tensor = parts.last, let values = parameters.values(of: info.name),
        !layer.hasSuffix("network")
      else { continue }
      let columns = info.shape.count == 2 ? info.shape[1] : 1
      let distribution: Initializer.Distribution
      var inputs = columns
      if layer.hasSuffix("embedding") {
        distribution = .normal(deviation: configuration.tiesEmbedding ? 1 / Double(columns).squareRoot() : 1)
      } else {
        // A bias is drawn as the matrix before it.
        if info.shape.count == 1, number > 0, tensor.hasPrefix("bias") {
          inputs = parameters.list.infos[number - 1].shape.last ?? 1
        }
        distribution = .uniform(bound: 1 / Double(max(inputs, 1)).squareRoot())
      }
      try distribution.fill(
        values, rows: info.shape[0], columns: columns, hidden: inputs, seed: Self.seed(seed, 2), tensor: number)
    }
    try reader?.part.initialize(initializer, seed: Self.seed(seed, 0))
    try decoder?.part.initialize(initializer, seed: Self.seed(seed, 1))
  }

  /// A seed of its own for each part of a model.
  static func seed(_ seed: UInt64, _ part: UInt32) -> UInt64 {
    let words = Philox(seed: seed).words(part, 0, 0, .max)
    return UInt64(words.0) | UInt64(words.1) << 32
  }
}

/// The states that the passes of a network begin and end with, and their gradients.
struct PassStates<Scalar: RNNScalar> {
  var initial: StateBuffers<Scalar>
  var final: StateBuffers<Scalar>
  let initialGradients: StateBuffers<Scalar>
  let finalGradients: StateBuffers<Scalar>

  init(_ network: Network<Scalar>) {
    initial = StateBuffers(network)
    final = StateBuffers(network)
    initialGradients = StateBuffers(network)
    finalGradients = StateBuffers(network)
  }
}
