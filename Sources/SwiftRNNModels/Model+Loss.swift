// Losses of models: a forward pass, and for training the gradients of all parameters.
@_spi(Door) import SwiftRNN

extension Model {
  /// The loss of a batch in training, with dropout; the gradients of all parameters go to `parameters.gradients`, in place
  /// of what was there.
  ///
  /// - Parameters:
  ///   - batch: a batch with targets.
  ///   - state: of ``makeState(lookBack:)``: the batch goes on where the one before ended; nil: sequences begin here.
  ///   - options: seed, smoothing, class weights, scheduled sampling, and the loss of numbers.
  /// - Returns: the mean loss: cross-entropy in nats over the targets that count; of numbers the mean of `options.loss`
  ///   over the numbers of all steps or sequences.
  /// - Throws: `RNNError` for arrays that do not fit. The gradients are not to be used then, and a state stays.
  @_specialize(where Scalar == Float)
  @_specialize(where Scalar == Double)
  public func loss(
    _ batch: ModelBatch<Scalar>, state: ModelState<Scalar>? = nil,
    _ options: TrainingOptions<Scalar> = TrainingOptions()
  ) throws(RNNError) -> ModelLoss {
    let control = FloatControl()
    defer { control.leave() }
    try options.check(configuration)
    try limitTapes(options.tapeLimit)
    if feedback != nil, options.samplingProbability == 1 {
      return try loss(batch, feedback: .outputs, state: state, options)
    }
    let isRandom = drawsMasks || options.samplingProbability > 0 || options.sampledClasses > 0
    let seed = options.seed ?? (isRandom ? Philox.drawnSeed() : 0)
    if let state, state.lookBack > 0 { return try lossLookingBack(batch, state, options, seed: seed) }
    let loss = try run(mixed(batch, state, options, seed: seed), state, options, seed: seed)
    state?.moveOn()
    return loss
  }

  /// The loss of a batch at inference: without dropout, and without gradients.
  ///
  /// A measure for validation: targets have equal weights and no smoothing, tokens are those of the batch, so that the
  /// exponential of the mean is the perplexity, however the model is trained.
  ///
  /// - Parameters:
  ///   - batch: a batch with targets.
  ///   - state: the batch goes on where the one before ended; nil: sequences begin here.
  ///   - loss: of models that predict numbers, as in training; models of classes have the cross-entropy.
  @_specialize(where Scalar == Float)
  @_specialize(where Scalar == Double)
  public func evaluate(
    _ batch: ModelBatch<Scalar>, state: ModelState<Scalar>? = nil, loss: ElementwiseLoss = .squaredError
  ) throws(RNNError) -> ModelLoss {
    let control = FloatControl()
    defer { control.leave() }
    var options = TrainingOptions<Scalar>()
    options.loss = loss
    try options.check(configuration)
    let result = try run(batch, state, options, seed: nil)
    state?.moveOn()
    return result
  }

  /// Computes the outputs at inference: logits, or with an adaptive softmax log-probabilities, or numbers.
  ///
  /// - Returns: `[T, N, outputs]` of language models and taggers, `[N, outputs]` of classifiers and regressors,
  ///   `[targetSteps, N, outputs]` of decoders; over trees `[M, outputs]` of taggers, and a row for each root of others.
  ///   Output feedback runs freely, and targets are not looked at. Until the next call of the model.
  @_specialize(where Scalar == Float)
  @_specialize(where Scalar == Double)
  public func predict(
    _ batch: ModelBatch<Scalar>, state: ModelState<Scalar>? = nil
  ) throws(RNNError) -> UnsafeMutableBufferPointer<Scalar> {
    let control = FloatControl()
    defer { control.leave() }
    if feedback != nil { return try runFreely(batch, state, isTraining: false) }
    let rows = try forward(batch, state, seed: nil)
    let y = try output.forward(rows.x.constant, rows: rows.count)
    state?.moveOn()
    return y
  }

  /// Number of elements that ``predict(_:state:)`` gives for a batch.
  public func outputElements(_ batch: ModelBatch<Scalar>) throws(RNNError) -> Int {
    try Sizes.product(outputShape(batch).rows, configuration.outputs, name: "the outputs")
  }

  /// A state before the first step.
  ///
  /// - Parameter lookBack: steps before each batch that gradients reach back into (``ModelState/lookBack``); such a state
  ///   is for ``loss(_:state:_:)-(ModelBatch<Scalar>,_,_)`` of models of classes, with batches without lengths.
  /// - Throws: `RNNError/unsupported(_:)` for a model that needs whole sequences: both directions, or a decoder.
  public func makeState(lookBack: Int = 0) throws(RNNError) -> ModelState<Scalar> {
    guard (0...ModelConfiguration.largestSize).contains(lookBack) else {
      throw .invalidValue("look_back", lookBack, low: 0, high: ModelConfiguration.largestSize)
    }
    guard lookBack == 0 || feedback == nil else {
      throw .unsupported(
        "by teacher forcing output_feedback has no gradients back in time: its states do not look back")
    }
    guard let reader, !configuration.decodes, pool == nil, !configuration.recurrent.bidirectional,
      configuration.structure == .sequences
    else {
      throw .unsupported("a state is carried on by language models and taggers of one direction")
    }
    return ModelState(reader.part.network, lookBack: lookBack)
  }

  /// - Throws: `RNNError/unsupported(_:)` for a limit where no network's steps can be cut.
  private func limitTapes(_ limit: Int?) throws(RNNError) {
    let parts = [reader?.part, decoder?.part].compactMap { $0 }
    guard limit == nil || parts.contains(where: { $0.network.cutsSteps }) else {
      throw .unsupported("a limit on the tape is for networks of one direction, of cells with kernels")
    }
    for part in parts { part.tapeLimit = limit }
  }

  private var drawsMasks: Bool {
    configuration.dropout > 0 || reader?.part.network.drawsMasks == true || decoder?.part.network.drawsMasks == true
  }

  /// A pass. The states after the last steps go to the place behind `state`, which the caller moves on.
  ///
  /// - Parameter seed: of training; nil: inference, without gradients.
  func run(
    _ batch: ModelBatch<Scalar>, _ state: ModelState<Scalar>?, _ options: TrainingOptions<Scalar>, seed: UInt64?
  ) throws(RNNError) -> ModelLoss {
    let rows = try forward(batch, state, seed: seed)
    var (loss, dx): (ModelLoss, UnsafeMutableBufferPointer<Scalar>?)
    if configuration.predictsNumbers {
      let y = try output.forward(rows.x.constant, rows: rows.count)
      loss = try self.loss(of: y, batch, rows: rows.count, options.loss, wantsGradient: seed != nil)
      dx = seed == nil ? nil : try output.backward(rows.x.constant, rows: rows.count, dy: y.constant)
    } else if let seed, options.sampledClasses > 0 {
      (loss, dx) = try output.sampledCrossEntropy(
        rows.x.constant, targets: countedTargets(batch), count: options.sampledClasses, seed: Self.seed(seed, 7))
    } else {
      (loss, dx) = try output.crossEntropy(
        rows.x.constant, targets: countedTargets(batch), options, wantsGradient: seed != nil)
    }
    if let dx { try backward(dx, batch) }
    return loss
  }

  /// How many steps and sequences a batch has that come out, and how long they are.
  func outputShape(_ batch: ModelBatch<Scalar>) throws(RNNError) -> BatchShape {
    if configuration.decodes {
      return try BatchShape(
        steps: batch.targetSteps, sequences: batch.sequences, lengths: lengths(batch.targetLengths, batch),
        firstSequence: batch.firstSequence)
    }
    if pool != nil { return try BatchShape(steps: 1, sequences: batch.sequences) }
    if roots != nil, let forest = try forest(of: batch) {
      return try BatchShape(steps: 1, sequences: forest.roots.count)
    }
    return try inputShape(batch)
  }

  func inputShape(_ batch: ModelBatch<Scalar>) throws(RNNError) -> BatchShape {
    _ = try forest(of: batch)
    return try BatchShape(
      steps: configuration.reads ? batch.steps : 1, sequences: batch.sequences,
      lengths: configuration.reads ? lengths(batch.lengths, batch) : nil, firstSequence: batch.firstSequence)
  }

  private func lengths(
    _ lengths: UnsafeBufferPointer<Int64>?, _ batch: ModelBatch<Scalar>
  ) throws(RNNError) -> UnsafePointer<Int64>? {
    guard let lengths else { return nil }
    guard lengths.count == batch.sequences else {
      throw .countMismatch("lengths", lengths.count, expected: batch.sequences)
    }
    return lengths.baseAddress
  }

  // MARK: Forward

  /// The rows that the output layer reads.
  func forward(
    _ batch: ModelBatch<Scalar>, _ state: ModelState<Scalar>?, seed: UInt64?
  ) throws(RNNError) -> (x: UnsafeMutableBufferPointer<Scalar>, count: Int) {
    let own = seed.map { Self.seed($0, 3) }
    var x: UnsafeMutableBufferPointer<Scalar>?
    let shape = try inputShape(batch)
    if feedback != nil { return (try forceTargets(batch, shape, state), shape.rows) }
    if let reader, let readerStates {
      let input = SequenceInput(ids: batch.ids, features: batch.features, forest: batch.forest)
      if seed == nil, let state, state.lookBack > 0 {
        throw .unsupported("a state that looks back is for training")
      }
      let places = try state?.places(reader.part.network, sequences: batch.sequences)
      var final = places?.to ?? States()
      if decoder != nil { final = try readerStates.final.take(sequences: batch.sequences) }
      x = try reader.forward(shape, input, initial: places?.from ?? States(), final: final, seed: own)
    }
    if let decoder { x = try decode(batch, decoder, shape, encoded: x, seed: seed) }
    if let pool, let y = x { x = try pool.forward(y.constant, shape.counted) }
    if let roots, let forest = batch.forest, let y = x { x = try roots.forward(y.constant, forest) }
    guard let x else { throw .mismatch("the model has no parts") }
    return (x, try outputShape(batch).rows)
  }

  private func decode(
    _ batch: ModelBatch<Scalar>, _ decoder: SequencePart<Scalar>, _ shape: BatchShape,
    encoded: UnsafeMutableBufferPointer<Scalar>?, seed: UInt64?
  ) throws(RNNError) -> UnsafeMutableBufferPointer<Scalar> {
    let (initial, vector) = try firstStates(batch)
    if let attending, let encoded {
      return try attending.forward(
        outputShape(batch), SequenceInput(ids: batch.decoderIDs), encoded.constant, shape, initial: initial,
        seed: seed.map { Self.seed($0, 4) })
    }
    let y = try decoder.forward(
      outputShape(batch), SequenceInput(ids: batch.decoderIDs, features: nil),
      extra: configuration.vectorUse == .input ? vector : nil, initial: initial, final: States(),
      seed: seed.map { Self.seed($0, 4) })
    guard let attention, let encoded else { return y }
    return try attention.forward(y.constant, outputShape(batch), encoded.constant, shape)
  }

  /// What the decoder starts with, behind an encoder's pass; and the vector of a vector decoder.
  private func firstStates(
    _ batch: ModelBatch<Scalar>
  ) throws(RNNError) -> (States<Scalar>, UnsafePointer<Scalar>?) {
    guard let decoderStates else { throw .mismatch("the model has no parts") }
    var vector: UnsafePointer<Scalar>?
    if configuration.kind == .vectorDecoder {
      let count = try Sizes.product(batch.sequences, configuration.vectorSize, name: "features")
      guard let features = batch.features else { throw .nullPointer("features") }
      guard features.count == count else { throw .countMismatch("features", features.count, expected: count) }
      vector = features.baseAddress
    }
    guard let bridge else { return (readerStates?.final.pointers ?? States(), vector) }
    let initial = try decoderStates.initial.take(sequences: batch.sequences)
    try bridge.forward(
      sequences: batch.sequences, states: readerStates?.final.pointers ?? States(), vector: vector, initial: initial)
    return (initial, vector)
  }

  /// Runs the encoder, and gives what a decoder starts with.
  func startOfDecoder(
    _ batch: ModelBatch<Scalar>, copies: Int
  ) throws(RNNError) -> (initial: States<Scalar>, attention: AttentionReader<Scalar>?) {
    var encoded: UnsafeMutableBufferPointer<Scalar>?
    let shape = try inputShape(batch)
    if let reader, let readerStates {
      encoded = try reader.forward(
        shape, SequenceInput(ids: batch.ids, features: batch.features), initial: States(),
        final: readerStates.final.take(sequences: batch.sequences), seed: nil)
    }
    let initial = try firstStates(batch).0
    guard let attention, let encoded else { return (initial, nil) }
    return (initial, try AttentionReader(attention, encoded.constant, shape, copies: copies))
  }

  // MARK: Loss

  /// The loss of numbers; the gradient takes their place.
  func loss(
    of y: UnsafeMutableBufferPointer<Scalar>, _ batch: ModelBatch<Scalar>, rows: Int, _ loss: ElementwiseLoss,
    wantsGradient: Bool
  ) throws(RNNError) -> ModelLoss {
    let shape = try outputShape(batch)
    guard let values = batch.values else { throw .nullPointer("values") }
    guard values.count == y.count else { throw .countMismatch("values", values.count, expected: y.count) }
    let own = shape.lengths
    let lengths = own.map { own in (0..<shape.sequences).map { Int(own[$0]) } }
    let steps = lengths?.reduce(0, +) ?? shape.rows
    func evaluate(_ lengths: UnsafeBufferPointer<Int>?) throws(RNNError) -> ModelLoss {
      let mean = try loss.evaluate(
        predictions: y.constant, targets: values, rows: rows, width: configuration.outputs, lengths: lengths,
        gradient: wantsGradient ? y : nil)
      return ModelLoss(mean: mean, count: steps * configuration.outputs)
    }
    guard let lengths else { return try evaluate(nil) }
    return try lengths.withUnsafeBufferPointer { (lengths) throws(RNNError) in try evaluate(lengths) }
  }

  /// The targets of a batch, checked.
  func countedTargets(_ batch: ModelBatch<Scalar>) throws(RNNError) -> UnsafeBufferPointer<Int> {
    let shape = try outputShape(batch)
    guard let targets = batch.targets else { throw .nullPointer("targets") }
    guard targets.count == shape.rows else { throw .countMismatch("targets", targets.count, expected: shape.rows) }
    return try counted(targets, shape)
  }

  /// Targets, those behind the end of a sequence ignored.
  private func counted(
    _ targets: UnsafeBufferPointer<Int>, _ shape: BatchShape
  ) throws(RNNError) -> UnsafeBufferPointer<Int> {
    guard let lengths = shape.lengths else { return targets }
    let counted = try self.targets.take(targets.count)
    for t in 0..<shape.steps {
      for n in 0..<shape.sequences {
        let row = t * shape.sequences + n
        counted[row] = t < lengths[n] ? targets[row] : CrossEntropy.ignoredTarget
      }
    }
    return counted.constant
  }

  // MARK: Backward

  /// From the gradient of the rows that the output layer reads.
  private func backward(_ dx: UnsafeMutableBufferPointer<Scalar>, _ batch: ModelBatch<Scalar>) throws(RNNError) {
    let tied = configuration.tiesEmbedding
    if let feedback { return try feedback.backward(dx) }
    if let pool, let reader {
      let shape = try inputShape(batch)
      let y = try reader.outputs(shape)
      return try reader.backward(dy: pool.backward(y.constant, shape.counted, dout: dx.constant))
    }
    if let roots, let reader { return try reader.backward(dy: roots.backward(dx.constant)) }
    guard let decoder else {
      try reader?.backward(dy: dx, addsToTable: tied)
      return
    }
    guard let decoderStates else { return }
    var (dy, dEncoded) = (dx, UnsafeMutableBufferPointer<Scalar>?.none)
    if attending == nil, let attention { (dy, dEncoded) = try attention.backward(dx) }
    // Gradients of the states that the decoder starts with; none if it starts by itself.
    let startsByItself = bridge == nil && reader == nil
    let initial = try startsByItself ? States() : decoderStates.initialGradients.take(sequences: batch.sequences)
    if let attending {
      dEncoded = try attending.backward(dx, initialGradients: initial, addsToTable: tied)
    } else {
      try decoder.backward(dy: dy, initialGradients: initial, addsToTable: tied)
    }
    guard let reader, let readerStates else {
      try bridge?.backward(
        sequences: batch.sequences, initialGradients: initial, stateGradients: States(), dVector: nil)
      return
    }
    var final = initial
    if let bridge {
      final = try readerStates.finalGradients.take(sequences: batch.sequences)
      try readerStates.finalGradients.fill(with: 0)
      try bridge.backward(
        sequences: batch.sequences, initialGradients: initial, stateGradients: final, dVector: nil)
    }
    try reader.backward(dy: dEncoded, finalGradients: final)
  }
}
