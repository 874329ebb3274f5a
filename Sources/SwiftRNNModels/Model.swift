// A model: its parts, put together as the configuration says.
@_spi(Door) import SwiftRNN

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
  let pool: PoolLayer<Scalar>?
  /// Roots' part of classifiers and regressors over trees; nil: other models.
  let roots: RootsPart<Scalar>?
  let bridge: BridgePart<Scalar>?
  let decoder: SequencePart<Scalar>?
  let attention: AttentionPart<Scalar>?
  /// Steps of a decoder whose input has attention; nil: other models.
  let attending: AttendingDecoder<Scalar>?
  let output: OutputPart<Scalar>
  /// Part of output feedback that is trained by teacher forcing; nil: other models.
  let feedback: FeedbackPart<Scalar>?
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
      plan.pools ? try PoolLayer(store, "pool", c.pool(width: plan.readerWidth)) : nil
    roots = c.structure == .trees && c.kind != .tagger ? RootsPart(width: plan.readerWidth) : nil
    attention =
      c.attention == .none
      ? nil
      : try AttentionPart(
        c.attention, queries: plan.outputInputs, keys: plan.readerWidth, size: c.attentionSize, store)
    attending =
      if c.attentionUse == .input, let decoder, let attention { AttendingDecoder(decoder, attention) } else { nil }
    if c.kind == .outputFeedback, let reader {
      feedback = try FeedbackPart(reader, outputs: c.outputs, hidden: plan.outputInputs, store)
      output = OutputPart(
        inputs: plan.outputInputs, outputs: c.outputs, weight: try Parameter(store, "network.V_l0"),
        bias: try Parameter(store, "network.d_l0"))
    } else if let softmax = try c.adaptiveSoftmax(inputs: plan.outputInputs) {
      feedback = nil
      output = try OutputPart(softmax, store)
    } else {
      feedback = nil
      output = try OutputPart(
        inputs: plan.outputInputs, outputs: c.outputs, store,
        tiedTo: c.tiesEmbedding ? (decoder ?? reader)?.table : nil)
    }
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
    private(set) var extra: Int
    private(set) var hasBridge = false
    let pools: Bool
    let readerWidth: Int
    /// Numbers that the output layer reads.
    let outputInputs: Int

    init(_ c: ModelConfiguration) throws(RNNError) {
      try c.check()
      prefix = c.decodes ? "encoder_" : ""
      extra = c.kind == .vectorDecoder && c.vectorUse == .input ? c.vectorSize : 0
      pools = (c.kind == .classifier || c.kind == .regressor) && c.structure == .sequences
      if c.reads {
        let network: Network<Scalar> = try c.readerLayers.cell.network(
          inputSize: SequencePart<Scalar>.width(c.input), c.readerLayers, dropout: c.dropout)
        // Whether the cell can run over trees is told here, not at the first batch.
        if c.structure == .trees { _ = try network.forestTapeSize(Forest(parents: [])) }
        try SequencePart.add(c.input, network, prefix: prefix, to: &list)
        reader = network
      }
      readerWidth = reader?.configuration.outputSize ?? 0
      if c.attentionUse == .input { extra = readerWidth }
      if c.decodes {
        let network: Network<Scalar> = try c.decoder.cell.network(
          inputSize: SequencePart<Scalar>.width(c.decoderInput) + extra, c.decoder, dropout: c.dropout)
        try SequencePart.add(c.decoderInput, network, prefix: "decoder_", to: &list)
        decoder = network
        if let reader { hasBridge = try !BridgePart.agrees(reader, network) } else { hasBridge = extra == 0 }
        if hasBridge { try BridgePart.add(reader, vectorSize: c.vectorSize, network, to: &list) }
      }
      let feedsBack = c.kind == .outputFeedback
      outputInputs = feedsBack ? c.recurrent.hiddenSize : decoder?.configuration.outputSize ?? readerWidth
      if pools { try list.add("pool", PoolLayer<Scalar>.tensors(c.pool(width: readerWidth))) }
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
      if feedsBack { return }
      if let softmax = try c.adaptiveSoftmax(inputs: outputInputs) {
        try OutputPart<Scalar>.add(softmax, to: &list)
      } else {
        try OutputPart<Scalar>.add(inputs: outputInputs, outputs: c.outputs, isTied: c.tiesEmbedding, to: &list)
      }
    }
  }

  /// Draws all parameters: networks as `initializer` says, embeddings from N(0, 1), or if tied from N(0, 1 / width), other
  /// layers from U(-1/sqrt(inputs), 1/sqrt(inputs)), as torch does.
  ///
  /// - Parameters:
  ///   - initializer: the distributions of networks.
  ///   - seed: the same seed, the same numbers, on every machine.
  /// - Throws: `RNNError` for an initializer that the cell has no use for; the parameters are as before then.
  public func initialize(_ initializer: Initializer = Initializer(), seed: UInt64) throws(RNNError) {
    let control = FloatControl()
    defer { control.leave() }
    let copy = Buffer<Scalar>()
    defer { withExtendedLifetime(copy) {} }
    let before = try copy.take(parameters.values.count)
    _ = before.update(fromContentsOf: parameters.values)
    do throws(RNNError) {
      try draw(initializer, seed: seed)
    } catch {
      _ = parameters.values.update(fromContentsOf: before)
      throw error
    }
  }

  private func draw(_ initializer: Initializer, seed: UInt64) throws(RNNError) {
    for (number, info) in parameters.list.infos.enumerated() {
      guard let layer = info.name.split(separator: ".").first, !layer.hasSuffix("network") else { continue }
      let deviation = configuration.tiesEmbedding ? 1 / Double(info.shape.last ?? 1).squareRoot() : 1
      try parameters.draw(
        number, embedding: layer.hasSuffix("embedding") ? deviation : nil, seed: Self.seed(seed, 2))
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
