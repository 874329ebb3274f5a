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
  /// Inputs of a pass with scheduled sampling.
  let mixedIDs = Buffer<Int>()

  /// A model whose parameters are zeros: ``initialize(_:seed:)`` draws them, or a file has them.
  ///
  /// - Throws: what is wrong with the configuration.
  public init(_ configuration: ModelConfiguration) throws(RNNError) {
    let plan = try Plan(configuration)
    let c = configuration
    self.configuration = c
    let store = try ParameterStore<Scalar>(plan.list)
    parameters = store
    reader = try plan.reader.map { (network) throws(RNNError) in
      try SequencePart(c.input, network, store, prefix: plan.prefix, dropout: c.dropout, number: 0)
    }
    decoder = try plan.decoder.map { (network) throws(RNNError) in
      try SequencePart(
        c.decoderInput, network, store, prefix: "decoder_", dropout: c.dropout, extra: plan.extra, number: 1)
    }
    bridge =
      if plan.hasBridge, let decoder = plan.decoder {
        try BridgePart(plan.reader, vectorSize: c.vectorSize, decoder, store)
      } else {
        nil
      }
    pool =
      plan.pools
      ? try PoolPart(
        c.pooling, width: plan.readerWidth, size: c.attentionSize, directions: c.recurrent.bidirectional ? 2 : 1, store)
      : nil
    attention =
      c.attention == .none
      ? nil
      : try AttentionPart(
        c.attention, queries: plan.outputInputs, keys: plan.readerWidth, size: c.attentionSize, store)
    output = try OutputPart(
      inputs: plan.outputInputs, outputs: c.outputs, store, tiedTo: c.tiesEmbedding ? (decoder ?? reader)?.table : nil)
    readerStates = plan.reader.map { PassStates($0) }
    decoderStates = plan.decoder.map { PassStates($0) }
  }

  /// Names, shapes and places of the parameters that a model of a configuration has; no memory for them is asked for.
  public static func parameterList(_ configuration: ModelConfiguration) throws(RNNError) -> ParameterList {
    try Plan(configuration).list
  }

  /// What a configuration comes to: networks, widths, and the list of all parameters.
  private struct Plan {
    var list = ParameterList()
    private(set) var reader: Network<Scalar>?
    private(set) var decoder: Network<Scalar>?
    let prefix: String
    /// Numbers beside the input at every step of the decoder.
    let extra: Int
    private(set) var hasBridge = false
    let pools: Bool
    let readerWidth: Int
    /// Numbers that the output layer reads.
    let outputInputs: Int

    init(_ c: ModelConfiguration) throws(RNNError) {
      try c.check()
      prefix = c.decodes ? "encoder_" : ""
      extra = c.kind == .vectorDecoder && c.vectorUse == .input ? c.vectorSize : 0
      pools = c.kind == .classifier || c.kind == .regressor
      if c.reads {
        let network: Network<Scalar> = try c.recurrent.cell.network(
          inputSize: SequencePart<Scalar>.width(c.input), c.recurrent, dropout: c.dropout)
        try SequencePart.add(c.input, network, prefix: prefix, to: &list)
        reader = network
      }
      readerWidth = reader?.configuration.outputSize ?? 0
      if c.decodes {
        let network: Network<Scalar> = try c.decoder.cell.network(
          inputSize: SequencePart<Scalar>.width(c.decoderInput) + extra, c.decoder, dropout: c.dropout)
        try SequencePart.add(c.decoderInput, network, prefix: "decoder_", to: &list)
        decoder = network
        if let reader { hasBridge = try !BridgePart.agrees(reader, network) } else { hasBridge = extra == 0 }
        if hasBridge { try BridgePart.add(reader, vectorSize: c.vectorSize, network, to: &list) }
      }
      outputInputs = decoder?.configuration.outputSize ?? readerWidth
      if pools { try PoolPart<Scalar>.add(c.pooling, width: readerWidth, size: c.attentionSize, to: &list) }
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
    }
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
