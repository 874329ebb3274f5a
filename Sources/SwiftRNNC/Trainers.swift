// The door to trainers: steps, reports, checkpoints.
import CPrimitives
import CSwiftRNN
import SwiftRNN
@_spi(Door) import SwiftRNNModels

extension Handle {
  fileprivate static func trainer(_ pointer: OpaquePointer?) throws(RNNError) -> TrainerHandle {
    try object(TrainerHandle.self, pointer, "trainer")
  }
}

@implementation @_cdecl("swiftrnn_trainer_create")
public func swiftrnn_trainer_create(
  _ model: OpaquePointer!, _ settings: UnsafePointer<CChar>!, _ settings_size: Int64,
  _ out_trainer: UnsafeMutablePointer<OpaquePointer?>!
) -> swiftrnn_status {
  run(
    reserving: Argument.reserve(settings_size, each: 256), making: out_trainer, "out_trainer"
  ) { () throws(ModelError) in
    let handle = try Handle.model(model)
    let text = try Argument.text("settings", settings, settings_size)
    let settings = try TrainerSettings(JSON(parsing: UnsafeRawBufferPointer(text), name: "the settings"))
    return try withModelErrors { () throws(RNNError) in
      switch handle.model {
      case .float(let model): TrainerHandle(.float(try Trainer(model, settings)), handle)
      case .double(let model): TrainerHandle(.double(try Trainer(model, settings)), handle)
      }
    }
  }
}

@implementation @_cdecl("swiftrnn_trainer_destroy")
public func swiftrnn_trainer_destroy(_ trainer: OpaquePointer!) { Handle.release(TrainerHandle.self, trainer) }

@implementation @_cdecl("swiftrnn_trainer_settings")
public func swiftrnn_trainer_settings(
  _ trainer: OpaquePointer!, _ text: UnsafeMutablePointer<CChar>!, _ text_size: Int64,
  _ out_size: UnsafeMutablePointer<Int64>!
) -> swiftrnn_status {
  run(models: { () throws(ModelError) in
    let handle = try withModelErrors { () throws(RNNError) in try Handle.trainer(trainer) }
    let weights = handle.settings.classWeights?.count ?? 0
    try withModelReserve(Reserve.model + weights * 256) { () throws(ModelError) in
      let json = try handle.settings.json.text()
      try withModelErrors { () throws(RNNError) in try write(json, text, text_size, out_size) }
    }
  })
}

/// Checks where a step's results go.
private func results(
  _ out: UnsafeMutablePointer<swiftrnn_trainer_result>?
) throws(RNNError) -> UnsafeMutablePointer<swiftrnn_trainer_result>? {
  guard let out else { return nil }
  _ = try Argument.settings("out_result", UnsafePointer(out))
  return out
}

extension Trainer {
  fileprivate func step(
    _ pass: PassArguments<Scalar>, _ out: UnsafeMutablePointer<swiftrnn_trainer_result>?
  ) throws(RNNError) {
    let bytes = Reserve.pass(model.spareBytes(pass.batch, sampledClasses: settings.sampledClasses))
    let step = try withReserve(bytes) { () throws(RNNError) -> TrainerStep in
      try self.step(pass.batch, state: pass.state)
    }
    guard let out else { return }
    out.pointee.loss = step.loss.mean
    out.pointee.count = Int64(step.loss.count)
    out.pointee.norm = step.gradientNorm
    out.pointee.rate = step.rate
    out.pointee.step = Int64(steps)
  }

  fileprivate func update(_ out: UnsafeMutablePointer<swiftrnn_trainer_result>?) throws(RNNError) {
    let (norm, rate) = try update()
    guard let out else { return }
    out.pointee.loss = .nan
    out.pointee.count = 0
    out.pointee.norm = norm
    out.pointee.rate = rate
    out.pointee.step = Int64(steps)
  }
}

@implementation @_cdecl("swiftrnn_trainer_step")
public func swiftrnn_trainer_step(
  _ trainer: OpaquePointer!, _ batch: UnsafePointer<swiftrnn_model_batch>!, _ state: OpaquePointer!,
  _ out_result: UnsafeMutablePointer<swiftrnn_trainer_result>!
) -> swiftrnn_status {
  run { () throws(RNNError) in
    let handle = try Handle.trainer(trainer)
    let out = try results(out_result)
    switch handle.trainer {
    case .float(let trainer): try trainer.step(Argument.pass(trainer.model, batch, state), out)
    case .double(let trainer): try trainer.step(Argument.pass(trainer.model, batch, state), out)
    }
  }
}

@implementation @_cdecl("swiftrnn_trainer_update")
public func swiftrnn_trainer_update(
  _ trainer: OpaquePointer!, _ out_result: UnsafeMutablePointer<swiftrnn_trainer_result>!
) -> swiftrnn_status {
  run(reserving: Reserve.model) { () throws(RNNError) in
    let handle = try Handle.trainer(trainer)
    let out = try results(out_result)
    switch handle.trainer {
    case .float(let trainer): try trainer.update(out)
    case .double(let trainer): try trainer.update(out)
    }
  }
}

@implementation @_cdecl("swiftrnn_trainer_report")
public func swiftrnn_trainer_report(
  _ trainer: OpaquePointer!, _ validation_loss: Double, _ out_improved: UnsafeMutablePointer<Int32>!
) -> swiftrnn_status {
  run { () throws(RNNError) in
    let handle = try Handle.trainer(trainer)
    let out = try out_improved.map { (pointer) throws(RNNError) in try output(pointer, "out_improved") }
    let isImproved =
      switch handle.trainer {
      case .float(let trainer): trainer.report(validationLoss: validation_loss)
      case .double(let trainer): trainer.report(validationLoss: validation_loss)
      }
    out?.pointee = isImproved ? 1 : 0
  }
}

@implementation @_cdecl("swiftrnn_trainer_rate")
public func swiftrnn_trainer_rate(
  _ trainer: OpaquePointer!, _ out_rate: UnsafeMutablePointer<Double>!, _ out_steps: UnsafeMutablePointer<Int64>!
) -> swiftrnn_status {
  run { () throws(RNNError) in
    let handle = try Handle.trainer(trainer)
    let outRate = try out_rate.map { (pointer) throws(RNNError) in try output(pointer, "out_rate") }
    let outSteps = try out_steps.map { (pointer) throws(RNNError) in try output(pointer, "out_steps") }
    let (rate, steps) =
      switch handle.trainer {
      case .float(let trainer): (trainer.rate, trainer.steps)
      case .double(let trainer): (trainer.rate, trainer.steps)
      }
    outRate?.pointee = rate
    outSteps?.pointee = Int64(steps)
  }
}

@implementation @_cdecl("swiftrnn_trainer_set_rate_factor")
public func swiftrnn_trainer_set_rate_factor(_ trainer: OpaquePointer!, _ factor: Double) -> swiftrnn_status {
  run { () throws(RNNError) in
    let handle = try Handle.trainer(trainer)
    guard factor >= 0, factor < .infinity else {
      throw .invalidNumber("factor", factor, allowed: "a finite number that is 0 or more")
    }
    switch handle.trainer {
    case .float(let trainer): trainer.rateFactor = factor
    case .double(let trainer): trainer.rateFactor = factor
    }
  }
}

// MARK: Checkpoints

@implementation @_cdecl("swiftrnn_trainer_save")
public func swiftrnn_trainer_save(
  _ trainer: OpaquePointer!, _ state: OpaquePointer!, _ progress: UnsafePointer<CChar>!, _ progress_size: Int64,
  _ path: UnsafePointer<CChar>!
) -> swiftrnn_status {
  func save<Scalar: RNNScalar>(
    _ trainer: Trainer<Scalar>, _ state: ModelState<Scalar>?, _ model: ModelHandle
  ) throws(ModelError) {
    try trainer.save(
      to: Argument.string("path", path), state: state,
      progress: String(decoding: Argument.text("progress", progress, progress_size), as: UTF8.self),
      vocabulary: model.vocabularies[0], targetVocabulary: model.vocabularies[1], metadata: model.metadata)
  }
  return run(models: { () throws(ModelError) in
    let (handle, state, text) = try withModelErrors { () throws(RNNError) in
      (
        try Handle.trainer(trainer),
        state == nil ? nil : try Handle.object(ModelStateHandle.self, state, "state").state,
        try Argument.array(
          "progress", UnsafeRawPointer(progress), Argument.size("progress_size", progress_size), of: UInt8.self
        ).count
      )
    }
    let weights = handle.settings.classWeights?.count ?? 0
    try withModelReserve(Reserve.file(handle.model, moments: 3, text: text + weights * 24)) { () throws(ModelError) in
      switch (handle.trainer, state) {
      case (.float(let trainer), nil): try save(trainer, nil, handle.model)
      case (.float(let trainer), .float(let state)?): try save(trainer, state, handle.model)
      case (.double(let trainer), nil): try save(trainer, nil, handle.model)
      case (.double(let trainer), .double(let state)?): try save(trainer, state, handle.model)
      default: throw .rnn(.mismatch("the state is of a model of another dtype"))
      }
    }
  })
}

@implementation @_cdecl("swiftrnn_trainer_load")
public func swiftrnn_trainer_load(
  _ path: UnsafePointer<CChar>!, _ out_model: UnsafeMutablePointer<OpaquePointer?>!,
  _ out_trainer: UnsafeMutablePointer<OpaquePointer?>!, _ out_state: UnsafeMutablePointer<OpaquePointer?>!
) -> swiftrnn_status {
  func handles<Scalar: RNNScalar>(
    _ path: String, _ model: (Model<Scalar>) -> Either<Model<Float>, Model<Double>>,
    _ trainer: (Trainer<Scalar>) -> Either<Trainer<Float>, Trainer<Double>>,
    _ state: (ModelState<Scalar>) -> Either<ModelState<Float>, ModelState<Double>>
  ) throws(ModelError) -> (TrainerHandle, ModelStateHandle?) {
    let checkpoint = try Trainer<Scalar>.load(path)
    let own = ModelHandle(
      model(checkpoint.trainer.model), vocabularies: [checkpoint.vocabulary, checkpoint.targetVocabulary],
      metadata: checkpoint.metadata)
    return (
      TrainerHandle(trainer(checkpoint.trainer), own, progress: checkpoint.progress),
      checkpoint.state.map { ModelStateHandle(state($0)) }
    )
  }
  return run(models: { () throws(ModelError) in
    let (outModel, outTrainer, outState) = try withModelErrors { () throws(RNNError) in
      (
        try output(out_model, "out_model"), try output(out_trainer, "out_trainer"),
        try out_state.map { (pointer) throws(RNNError) in try output(pointer, "out_state") }
      )
    }
    (outModel.pointee, outTrainer.pointee) = (nil, nil)
    outState?.pointee = nil
    try withModelReserve(Reserve.file(path)) { () throws(ModelError) in
      let path = try Argument.string("path", path)
      let (trainer, state) =
        try ModelFile.elementType(path) == .f64
        ? try handles(path, { (model: Model<Double>) in .double(model) }, { .double($0) }, { .double($0) })
        : try handles(path, { (model: Model<Float>) in .float(model) }, { .float($0) }, { .float($0) })
      guard !swiftrnn_reserve_holds() else { throw .rnn(.outOfMemory(bytes: swiftrnn_lacking_memory())) }
      outModel.pointee = Handle.make(trainer.model)
      outTrainer.pointee = Handle.make(trainer)
      outState?.pointee = state.map { Handle.make($0) }
    }
  })
}

@implementation @_cdecl("swiftrnn_trainer_progress")
public func swiftrnn_trainer_progress(
  _ trainer: OpaquePointer!, _ text: UnsafeMutablePointer<CChar>!, _ text_size: Int64,
  _ out_size: UnsafeMutablePointer<Int64>!
) -> swiftrnn_status {
  run { () throws(RNNError) in
    let progress = try Handle.trainer(trainer).progress
    try withReserve(Reserve.model + progress.utf8.count * 2) { () throws(RNNError) in
      try write(progress, text, text_size, out_size)
    }
  }
}
