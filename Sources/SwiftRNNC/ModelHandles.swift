// Handles of the models' part of the header, and calls whose errors may be of the models' floor.
import CPrimitives
import CSwiftRNN
import SwiftRNN
import SwiftRNNModels

/// A model with what its files have beside parameters. One thread at a time, as the header says.
final class ModelHandle {
  let model: Either<Model<Float>, Model<Double>>
  /// Vocabularies by role; nil: none.
  var vocabularies: [Vocabulary?]
  var metadata: [(key: String, value: String)]

  init(
    _ model: Either<Model<Float>, Model<Double>>, vocabularies: [Vocabulary?] = [nil, nil],
    metadata: [(key: String, value: String)] = []
  ) {
    (self.model, self.vocabularies, self.metadata) = (model, vocabularies, metadata)
  }

  var configuration: ModelConfiguration {
    switch model {
    case .float(let model): model.configuration
    case .double(let model): model.configuration
    }
  }

  var parameters: ParameterList {
    switch model {
    case .float(let model): model.parameters.list
    case .double(let model): model.parameters.list
    }
  }
}

final class ModelStateHandle {
  let state: Either<ModelState<Float>, ModelState<Double>>
  init(_ state: Either<ModelState<Float>, ModelState<Double>>) { self.state = state }
}

/// A trainer with its model, and the caller's text of the checkpoint that the trainer comes from.
final class TrainerHandle {
  let trainer: Either<Trainer<Float>, Trainer<Double>>
  let model: ModelHandle
  let progress: String

  init(_ trainer: Either<Trainer<Float>, Trainer<Double>>, _ model: ModelHandle, progress: String = "") {
    (self.trainer, self.model, self.progress) = (trainer, model, progress)
  }

  var settings: TrainerSettings {
    switch trainer {
    case .float(let trainer): trainer.settings
    case .double(let trainer): trainer.settings
    }
  }
}

final class VocabularyHandle: Sendable {
  let vocabulary: Vocabulary
  init(_ vocabulary: Vocabulary) { self.vocabulary = vocabulary }
}

final class TextStreamHandle {
  let stream: TextStream
  init(_ stream: TextStream) { self.stream = stream }
}

extension Handle {
  static func model(_ pointer: OpaquePointer?) throws(ModelError) -> ModelHandle {
    try withModelErrors { () throws(RNNError) in try object(ModelHandle.self, pointer, "model") }
  }

  static func vocabulary(_ pointer: OpaquePointer?) throws(ModelError) -> Vocabulary {
    try withModelErrors { () throws(RNNError) in
      try object(VocabularyHandle.self, pointer, "vocabulary").vocabulary
    }
  }
}

/// The status that a refusal of the models' floor becomes.
func status(of error: ModelError) -> swiftrnn_status {
  switch error {
  case .file: SWIFTRNN_STATUS_FILE
  case .format: SWIFTRNN_STATUS_INVALID_FORMAT
  case .configuration, .value: SWIFTRNN_STATUS_INVALID_VALUE
  case .rnn(let error): status(of: error)
  }
}

/// Writes the message of `error` for the calling thread, cut to fit at a scalar's end.
@inline(never)
func record(_ error: ModelError) {
  if case .rnn(let error) = error { return record(error) }
  guard let text = lastMessage(make: true) else { return }
  var count = 0
  for scalar in error.description.unicodeScalars {
    let bytes = UTF8.width(scalar)
    guard count + bytes < 1024 else { break }
    for byte in UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter {
      text[count] = CChar(bitPattern: byte)
      count += 1
    }
  }
  text[count] = 0
}

/// The body of a call of the models' part: OK, or the status of what `body` throws, with the message written. Errors have
/// memory of their own, so they are told while there is a reserve.
///
/// - Parameter bytes: of the reserve that `body` runs with: see `withReserve()`.
func run(reserving bytes: Int, models body: () throws(ModelError) -> Void) -> swiftrnn_status {
  var result = SWIFTRNN_STATUS_OK
  let reserved = run(reserving: bytes) { () throws(RNNError) in
    do throws(ModelError) {
      try body()
    } catch {
      record(error)
      result = status(of: error)
    }
  }
  return reserved == SWIFTRNN_STATUS_OK ? result : reserved
}

/// Runs a body without a reserve, for calls that look at their arguments before the size of the reserve is known.
func run(models body: () throws(ModelError) -> Void) -> swiftrnn_status {
  var result = SWIFTRNN_STATUS_OK
  let other = run { () throws(RNNError) in
    do throws(ModelError) {
      try body()
    } catch {
      record(error)
      result = status(of: error)
    }
  }
  return other == SWIFTRNN_STATUS_OK ? result : other
}

/// Runs `body` with a reserve: see `withReserve()`.
func withModelReserve<Result>(_ bytes: Int, _ body: () throws(ModelError) -> Result) throws(ModelError) -> Result {
  guard swiftrnn_open_reserve(bytes) else { throw .rnn(.outOfMemory(bytes: bytes)) }
  defer { swiftrnn_close_reserve() }
  return try body()
}

/// Makes an object for `out`, or nil for none. An object that would keep some of the reserve is given back, as
/// `make(_:reserving:_:)` does.
func run<Object: AnyObject>(
  reserving bytes: Int, making out: UnsafeMutablePointer<OpaquePointer?>?, _ name: StaticString,
  _ body: () throws(ModelError) -> Object?
) -> swiftrnn_status {
  run(models: { () throws(ModelError) in
    let out = try withModelErrors { () throws(RNNError) in try output(out, name) }
    out.pointee = nil
    out.pointee = try withModelReserve(bytes) { () throws(ModelError) in try keptHandle(body) }
  })
}

/// A handle of an object that keeps nothing of the reserve, or nil for none.
func keptHandle<Object: AnyObject>(_ body: () throws(ModelError) -> Object?) throws(ModelError) -> OpaquePointer? {
  guard let handle = try madeHandle(body) else { return nil }
  guard !swiftrnn_reserve_holds() else {
    Handle.release(Object.self, handle)
    throw .rnn(.outOfMemory(bytes: swiftrnn_lacking_memory()))
  }
  return handle
}

/// Never inlined: nothing of `body` is alive behind it but the object.
@inline(never)
private func madeHandle<Object: AnyObject>(
  _ body: () throws(ModelError) -> Object?
) throws(ModelError) -> OpaquePointer? {
  try body().map { Handle.make($0) }
}
