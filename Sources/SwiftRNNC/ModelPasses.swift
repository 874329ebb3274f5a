// The door to what models compute: losses, predictions, log-probabilities.
import CSwiftRNN
import SwiftRNN
@_spi(Door) import SwiftRNNModels

@implementation @_cdecl("swiftrnn_model_state_create")
public func swiftrnn_model_state_create(
  _ model: OpaquePointer!, _ look_back: Int64, _ out_state: UnsafeMutablePointer<OpaquePointer?>!
) -> swiftrnn_status {
  run(reserving: Reserve.model, making: out_state, "out_state") { () throws(ModelError) in
    let handle = try Handle.model(model)
    return try withModelErrors { () throws(RNNError) in
      switch handle.model {
      case .float(let model): ModelStateHandle(.float(try model.makeState(lookBack: Int(look_back))))
      case .double(let model): ModelStateHandle(.double(try model.makeState(lookBack: Int(look_back))))
      }
    }
  }
}

@implementation @_cdecl("swiftrnn_model_state_destroy")
public func swiftrnn_model_state_destroy(_ state: OpaquePointer!) { Handle.release(ModelStateHandle.self, state) }

@implementation @_cdecl("swiftrnn_model_state_reset")
public func swiftrnn_model_state_reset(_ state: OpaquePointer!) -> swiftrnn_status {
  run { () throws(RNNError) in
    switch try Handle.object(ModelStateHandle.self, state, "state").state {
    case .float(let state): state.reset()
    case .double(let state): state.reset()
    }
  }
}

/// A batch and a state as a model of one type takes them.
struct PassArguments<Scalar: RNNScalar> {
  let batch: ModelBatch<Scalar>
  let state: ModelState<Scalar>?
}

extension Argument {
  static func pass(
    _ model: Model<Float>, _ batch: UnsafePointer<swiftrnn_model_batch>?, _ state: OpaquePointer?
  ) throws(RNNError) -> PassArguments<Float> {
    var own: ModelState<Float>?
    if state != nil {
      guard case .float(let given) = try Handle.object(ModelStateHandle.self, state, "state").state else {
        throw .mismatch("the state is of a model of another dtype")
      }
      own = given
    }
    return PassArguments(batch: try self.batch(model.configuration, batch), state: own)
  }

  static func pass(
    _ model: Model<Double>, _ batch: UnsafePointer<swiftrnn_model_batch>?, _ state: OpaquePointer?
  ) throws(RNNError) -> PassArguments<Double> {
    var own: ModelState<Double>?
    if state != nil {
      guard case .double(let given) = try Handle.object(ModelStateHandle.self, state, "state").state else {
        throw .mismatch("the state is of a model of another dtype")
      }
      own = given
    }
    return PassArguments(batch: try self.batch(model.configuration, batch), state: own)
  }

  /// A batch of C for a model: each pointer with as many elements as the model reads there.
  private static func batch<Scalar: RNNScalar>(
    _ c: ModelConfiguration, _ given: UnsafePointer<swiftrnn_model_batch>?
  ) throws(RNNError) -> ModelBatch<Scalar> {
    let given = try settings("batch", given)
    var forest: Forest?
    if let handle = given.forest { forest = try Handle.object(ForestHandle.self, handle, "forest").forest }
    let isOneStep = c.kind == .vectorDecoder || forest != nil
    let steps = isOneStep ? 1 : try size("steps", given.steps)
    let sequences = forest == nil ? try size("sequences", given.sequences) : forest?.nodeCount ?? 0
    let targetSteps = c.decodes ? try size("target_steps", given.target_steps) : 0
    let rows = try count("batch", steps, sequences, of: Int.self)
    var batch = forest.map { ModelBatch<Scalar>(forest: $0) } ?? ModelBatch<Scalar>(steps: steps, sequences: sequences)
    if let ids = given.ids { batch.ids = try array("ids", ids, rows, of: Int.self) }
    if let features = given.features, case .features(let width) = c.input {
      batch.features = try array("features", features, rows, width, of: Scalar.self)
    }
    if let lengths = given.lengths { batch.lengths = try array("lengths", lengths, sequences, of: Int64.self) }
    // Rows that come out.
    let outRows =
      switch c.kind {
      case .languageModel, .tagger, .outputFeedback: rows
      case .classifier, .regressor: forest?.roots.count ?? sequences
      case .vectorDecoder, .encoderDecoder: try count("targets", targetSteps, sequences, of: Int.self)
      }
    if let targets = given.targets { batch.targets = try array("targets", targets, outRows, of: Int.self) }
    if let values = given.values { batch.values = try array("values", values, outRows, c.outputs, of: Scalar.self) }
    if let ids = given.decoder_ids {
      batch.decoderIDs = try array("decoder_ids", ids, targetSteps, sequences, of: Int.self)
    }
    batch.targetSteps = targetSteps
    if let lengths = given.target_lengths {
      batch.targetLengths = try array("target_lengths", lengths, sequences, of: Int64.self)
    }
    batch.firstSequence = try size("first_sequence", given.first_sequence)
    return batch
  }
}

extension Argument {
  /// Options of a loss; NULL: the defaults.
  fileprivate static func training<Scalar: RNNScalar>(
    _ given: UnsafePointer<swiftrnn_model_loss_options>?, _ model: Model<Scalar>
  ) throws(RNNError) -> TrainingOptions<Scalar> {
    guard let given else { return TrainingOptions() }
    let settings = try settings("options", given)
    var options = TrainingOptions<Scalar>(
      seed: try seed(settings.seed, seeded: settings.seeded, settings.reserved))
    options.labelSmoothing = settings.label_smoothing
    options.samplingProbability = settings.sampling_probability
    options.memoryLimit = Int(settings.memory_limit)
    options.sampledClasses = Int(settings.sampled_classes)
    guard settings.tape_limit >= -1 else {
      throw .invalidValue("tape_limit", Int(settings.tape_limit), low: -1, high: .max)
    }
    switch settings.tape_limit {
    case 0: options.tapeLimit = nil
    case -1: options.tapeLimit = 0
    default: options.tapeLimit = Int(settings.tape_limit)
    }
    options.loss = try loss(settings.numbers)
    if let weights = settings.class_weights {
      options.classWeights = try array("class_weights", weights, model.configuration.outputs, of: Scalar.self)
    }
    return options
  }
}

extension Argument {
  /// The loss of models that predict numbers; NULL: the squared error.
  fileprivate static func loss(
    _ given: UnsafePointer<swiftrnn_elementwise_loss_config>?
  ) throws(RNNError) -> ElementwiseLoss {
    guard let given else { return .squaredError }
    let config = try settings("numbers", given)
    guard
      config.row_weights == nil, config.positive_weights == nil, config.lengths == nil, config.sequences == 0,
      config.reduction == SWIFTRNN_REDUCTION_MEAN
    else { throw .unsupported("the loss of a model's numbers has no weights, and the lengths of the batch") }
    return try elementwiseLoss(config.loss, delta: config.delta)
  }
}

/// Outputs of a loss.
private struct LossOutputs {
  let mean: UnsafeMutablePointer<Double>
  let count: UnsafeMutablePointer<Int64>?

  init(_ mean: UnsafeMutablePointer<Double>?, _ count: UnsafeMutablePointer<Int64>?) throws(RNNError) {
    self.mean = try output(mean, "out_mean")
    self.count = try count.map { (pointer) throws(RNNError) in try output(pointer, "out_count") }
  }

  func write(_ loss: ModelLoss) {
    mean.pointee = loss.mean
    count?.pointee = Int64(loss.count)
  }
}

@implementation @_cdecl("swiftrnn_model_loss")
public func swiftrnn_model_loss(
  _ model: OpaquePointer!, _ batch: UnsafePointer<swiftrnn_model_batch>!, _ state: OpaquePointer!,
  _ options: UnsafePointer<swiftrnn_model_loss_options>!, _ out_mean: UnsafeMutablePointer<Double>!,
  _ out_count: UnsafeMutablePointer<Int64>!
) -> swiftrnn_status {
  func loss<Scalar: RNNScalar>(
    _ model: Model<Scalar>, _ pass: PassArguments<Scalar>, _ out: LossOutputs
  ) throws(RNNError) {
    let options = try Argument.training(options, model)
    let bytes = Reserve.pass(model.spareBytes(pass.batch, sampledClasses: options.sampledClasses))
    out.write(
      try withReserve(bytes) { () throws(RNNError) in try model.loss(pass.batch, state: pass.state, options) })
  }
  return run { () throws(RNNError) in
    let handle = try Handle.object(ModelHandle.self, model, "model")
    let out = try LossOutputs(out_mean, out_count)
    switch handle.model {
    case .float(let model): try loss(model, Argument.pass(model, batch, state), out)
    case .double(let model): try loss(model, Argument.pass(model, batch, state), out)
    }
  }
}

@implementation @_cdecl("swiftrnn_model_evaluate")
public func swiftrnn_model_evaluate(
  _ model: OpaquePointer!, _ batch: UnsafePointer<swiftrnn_model_batch>!, _ state: OpaquePointer!,
  _ numbers: UnsafePointer<swiftrnn_elementwise_loss_config>!, _ out_mean: UnsafeMutablePointer<Double>!,
  _ out_count: UnsafeMutablePointer<Int64>!
) -> swiftrnn_status {
  func evaluate<Scalar: RNNScalar>(
    _ model: Model<Scalar>, _ pass: PassArguments<Scalar>, _ out: LossOutputs
  ) throws(RNNError) {
    let loss = try Argument.loss(numbers)
    out.write(
      try withReserve(Reserve.pass(model.spareBytes(pass.batch))) { () throws(RNNError) in
        try model.evaluate(pass.batch, state: pass.state, loss: loss)
      })
  }
  return run { () throws(RNNError) in
    let handle = try Handle.object(ModelHandle.self, model, "model")
    let out = try LossOutputs(out_mean, out_count)
    switch handle.model {
    case .float(let model): try evaluate(model, Argument.pass(model, batch, state), out)
    case .double(let model): try evaluate(model, Argument.pass(model, batch, state), out)
    }
  }
}

@implementation @_cdecl("swiftrnn_model_predict")
public func swiftrnn_model_predict(
  _ model: OpaquePointer!, _ batch: UnsafePointer<swiftrnn_model_batch>!, _ state: OpaquePointer!,
  _ out: UnsafeMutableRawPointer!, _ out_elements: Int64
) -> swiftrnn_status {
  func predict<Scalar: RNNScalar>(_ model: Model<Scalar>, _ pass: PassArguments<Scalar>) throws(RNNError) {
    let out = try Argument.output("out", out, Argument.size("out_elements", out_elements), of: Scalar.self)
    let expected = try model.outputElements(pass.batch)
    guard out.count == expected else { throw .countMismatch("out", out.count, expected: expected) }
    try withReserve(Reserve.pass(model.spareBytes(pass.batch))) { () throws(RNNError) in
      _ = out.update(fromContentsOf: try model.predict(pass.batch, state: pass.state))
    }
  }
  return run { () throws(RNNError) in
    switch try Handle.object(ModelHandle.self, model, "model").model {
    case .float(let model): try predict(model, Argument.pass(model, batch, state))
    case .double(let model): try predict(model, Argument.pass(model, batch, state))
    }
  }
}

@implementation @_cdecl("swiftrnn_model_score")
public func swiftrnn_model_score(
  _ model: OpaquePointer!, _ batch: UnsafePointer<swiftrnn_model_batch>!, _ state: OpaquePointer!,
  _ out_log_probabilities: UnsafeMutablePointer<Double>!, _ out_counts: UnsafeMutablePointer<Int64>!
) -> swiftrnn_status {
  func score<Scalar: RNNScalar>(_ model: Model<Scalar>, _ pass: PassArguments<Scalar>) throws(RNNError) {
    let kind = model.configuration.kind
    let sequences =
      kind == .classifier ? pass.batch.forest?.roots.count ?? pass.batch.sequences : pass.batch.sequences
    let sums = try Argument.output("out_log_probabilities", out_log_probabilities, sequences, of: Double.self)
    let counts = try Argument.wanted("out_counts", out_counts, sequences, of: Int64.self)
    try withReserve(Reserve.pass(model.spareBytes(pass.batch))) { () throws(RNNError) in
      for (n, score) in try model.score(pass.batch, state: pass.state).enumerated() {
        sums[n] = score.logProbability
        counts?[n] = Int64(score.count)
      }
    }
  }
  return run { () throws(RNNError) in
    switch try Handle.object(ModelHandle.self, model, "model").model {
    case .float(let model): try score(model, Argument.pass(model, batch, state))
    case .double(let model): try score(model, Argument.pass(model, batch, state))
    }
  }
}
