// The door to models: making, loading and saving, parameters, vocabularies, metadata.
import CPrimitives
import CSwiftRNN
import SwiftRNN
import SwiftRNNModels

@implementation @_cdecl("swiftrnn_model_create")
public func swiftrnn_model_create(
  _ dtype: swiftrnn_dtype, _ configuration: UnsafePointer<CChar>!, _ configuration_size: Int64,
  _ out_model: UnsafeMutablePointer<OpaquePointer?>!
) -> swiftrnn_status {
  run(
    reserving: Reserve.configuration(configuration_size), making: out_model, "out_model"
  ) { () throws(ModelError) in
    let text = try Argument.text("configuration", configuration, configuration_size)
    let configuration = try ModelConfiguration(
      JSON(parsing: UnsafeRawBufferPointer(text), name: "the configuration"))
    return try withModelErrors { () throws(RNNError) in
      switch dtype {
      case SWIFTRNN_FLOAT32: ModelHandle(.float(try Model<Float>(configuration)))
      case SWIFTRNN_FLOAT64: ModelHandle(.double(try Model<Double>(configuration)))
      default: throw Argument.unknown(dtype)
      }
    }
  }
}

@implementation @_cdecl("swiftrnn_model_load")
public func swiftrnn_model_load(
  _ path: UnsafePointer<CChar>!, _ out_model: UnsafeMutablePointer<OpaquePointer?>!
) -> swiftrnn_status {
  run(reserving: Reserve.file(path), making: out_model, "out_model") { () throws(ModelError) in
    try ModelHandle(file: Argument.string("path", path))
  }
}

extension ModelHandle {
  /// The model of a file, in the type of its numbers.
  convenience init(file path: String) throws(ModelError) {
    switch try ModelFile.elementType(path) {
    case .f64:
      let contents = try ModelFile.load(path, as: Double.self)
      self.init(
        .double(contents.model), vocabularies: [contents.vocabulary, contents.targetVocabulary],
        metadata: contents.metadata)
    default:
      let contents = try ModelFile.load(path, as: Float.self)
      self.init(
        .float(contents.model), vocabularies: [contents.vocabulary, contents.targetVocabulary],
        metadata: contents.metadata)
    }
  }

  func save(to path: String) throws(ModelError) {
    switch model {
    case .float(let model):
      try ModelFile.save(
        model, to: path, vocabulary: vocabularies[0], targetVocabulary: vocabularies[1], metadata: metadata)
    case .double(let model):
      try ModelFile.save(
        model, to: path, vocabulary: vocabularies[0], targetVocabulary: vocabularies[1], metadata: metadata)
    }
  }
}

@implementation @_cdecl("swiftrnn_model_save")
public func swiftrnn_model_save(_ model: OpaquePointer!, _ path: UnsafePointer<CChar>!) -> swiftrnn_status {
  run(models: { () throws(ModelError) in
    let handle = try Handle.model(model)
    try withModelReserve(Reserve.file(handle)) { () throws(ModelError) in
      try handle.save(to: Argument.string("path", path))
    }
  })
}

@implementation @_cdecl("swiftrnn_model_destroy")
public func swiftrnn_model_destroy(_ model: OpaquePointer!) { Handle.release(ModelHandle.self, model) }

@implementation @_cdecl("swiftrnn_model_initialize")
public func swiftrnn_model_initialize(
  _ model: OpaquePointer!, _ initializer: UnsafePointer<swiftrnn_initializer>!, _ seed: UInt64
) -> swiftrnn_status {
  run { () throws(RNNError) in
    let handle = try Handle.object(ModelHandle.self, model, "model")
    var own = Initializer()
    if let initializer { own = try Argument.initializer(Argument.settings("initializer", initializer)) }
    // A few words for each tensor.
    try withReserve(2 * Reserve.initializer + handle.parameters.infos.count * 512) { () throws(RNNError) in
      switch handle.model {
      case .float(let model): try model.initialize(own, seed: seed)
      case .double(let model): try model.initialize(own, seed: seed)
      }
    }
  }
}

@implementation @_cdecl("swiftrnn_model_configuration")
public func swiftrnn_model_configuration(
  _ model: OpaquePointer!, _ text: UnsafeMutablePointer<CChar>!, _ text_size: Int64,
  _ out_size: UnsafeMutablePointer<Int64>!
) -> swiftrnn_status {
  run(
    reserving: Reserve.model,
    models: { () throws(ModelError) in
      let json = try Handle.model(model).configuration.json.text()
      try withModelErrors { () throws(RNNError) in try write(json, text, text_size, out_size) }
    })
}

@implementation @_cdecl("swiftrnn_model_dtype")
public func swiftrnn_model_dtype(
  _ model: OpaquePointer!, _ out_dtype: UnsafeMutablePointer<swiftrnn_dtype>!
) -> swiftrnn_status {
  run { () throws(RNNError) in
    let handle = try Handle.object(ModelHandle.self, model, "model")
    let out = try output(out_dtype, "out_dtype")
    switch handle.model {
    case .float: out.pointee = SWIFTRNN_FLOAT32
    case .double: out.pointee = SWIFTRNN_FLOAT64
    }
  }
}

// MARK: Parameters

@implementation @_cdecl("swiftrnn_model_parameters")
public func swiftrnn_model_parameters(
  _ model: OpaquePointer!, _ out_values: UnsafeMutablePointer<UnsafeMutableRawPointer?>!,
  _ out_gradients: UnsafeMutablePointer<UnsafeMutableRawPointer?>!, _ out_elements: UnsafeMutablePointer<Int64>!
) -> swiftrnn_status {
  run { () throws(RNNError) in
    let handle = try Handle.object(ModelHandle.self, model, "model")
    let values = try out_values.map { (out) throws(RNNError) in try output(out, "out_values") }
    let gradients = try out_gradients.map { (out) throws(RNNError) in try output(out, "out_gradients") }
    let elements = try out_elements.map { (out) throws(RNNError) in try output(out, "out_elements") }
    func write<Scalar: RNNScalar>(_ store: ParameterStore<Scalar>) {
      values?.pointee = UnsafeMutableRawPointer(store.values.baseAddress)
      gradients?.pointee = UnsafeMutableRawPointer(store.gradients.baseAddress)
      elements?.pointee = Int64(store.list.flatCount)
    }
    switch handle.model {
    case .float(let model): write(model.parameters)
    case .double(let model): write(model.parameters)
    }
  }
}

@implementation @_cdecl("swiftrnn_model_parameter_count")
public func swiftrnn_model_parameter_count(
  _ model: OpaquePointer!, _ out_count: UnsafeMutablePointer<Int64>!
) -> swiftrnn_status {
  run { () throws(RNNError) in
    let handle = try Handle.object(ModelHandle.self, model, "model")
    try output(out_count, "out_count").pointee = Int64(handle.parameters.infos.count)
  }
}

@implementation @_cdecl("swiftrnn_model_parameter_info_at")
public func swiftrnn_model_parameter_info_at(
  _ model: OpaquePointer!, _ index: Int64, _ out_info: UnsafeMutablePointer<swiftrnn_model_parameter_info>!
) -> swiftrnn_status {
  run { () throws(RNNError) in
    let infos = try Handle.object(ModelHandle.self, model, "model").parameters.infos
    let out = try output(out_info, "out_info")
    guard index >= 0, index < infos.count else {
      throw .invalidValue("index", Int(index), low: 0, high: infos.count - 1)
    }
    let info = infos[Int(index)]
    var result = swiftrnn_model_parameter_info()
    copy(info.name, to: &result.name)
    result.rank = Int64(info.shape.count)
    result.shape = (Int64(info.shape.first ?? 1), Int64(info.shape.count > 1 ? info.shape[1] : 1))
    result.elements = Int64(info.elements)
    result.offset = Int64(info.offset)
    out.pointee = result
  }
}

// MARK: Vocabularies and metadata

extension Argument {
  fileprivate static func role(_ role: swiftrnn_vocabulary_role) throws(ModelError) -> Int {
    guard role.rawValue <= 1 else {
      throw .rnn(.invalidValue("role", Int(role.rawValue), low: 0, high: 1))
    }
    return Int(role.rawValue)
  }
}

@implementation @_cdecl("swiftrnn_model_set_vocabulary")
public func swiftrnn_model_set_vocabulary(
  _ model: OpaquePointer!, _ role: swiftrnn_vocabulary_role, _ vocabulary: OpaquePointer!
) -> swiftrnn_status {
  run(
    reserving: Reserve.model,
    models: { () throws(ModelError) in
      let handle = try Handle.model(model)
      let role = try Argument.role(role)
      let vocabulary = vocabulary == nil ? nil : try Handle.vocabulary(vocabulary)
      if let vocabulary {
        try handle.configuration.check(vocabulary, role == 0 ? .input : .output)
      }
      handle.vocabularies[role] = vocabulary
    })
}

@implementation @_cdecl("swiftrnn_model_vocabulary")
public func swiftrnn_model_vocabulary(
  _ model: OpaquePointer!, _ role: swiftrnn_vocabulary_role, _ out_vocabulary: UnsafeMutablePointer<OpaquePointer?>!
) -> swiftrnn_status {
  run(reserving: Reserve.model, making: out_vocabulary, "out_vocabulary") { () throws(ModelError) in
    try Handle.model(model).vocabularies[Argument.role(role)].map { VocabularyHandle($0) }
  }
}

@implementation @_cdecl("swiftrnn_model_set_metadata")
public func swiftrnn_model_set_metadata(
  _ model: OpaquePointer!, _ key: UnsafePointer<CChar>!, _ value: UnsafePointer<CChar>!
) -> swiftrnn_status {
  let bytes = Argument.length(key) + Argument.length(value)
  return run(models: { () throws(ModelError) in
    let handle = try Handle.model(model)
    try withModelReserve(Reserve.model + (handle.metadata.count + 1) * 256 + bytes * 8) { () throws(ModelError) in
      let key = try Argument.string("key", key)
      try ModelFile.check(metadataKey: key)
      let before = handle.metadata
      let own = value == nil ? "" : try Argument.string("value", value)
      handle.metadata.removeAll { $0.key.utf8.elementsEqual(key.utf8) }
      if value != nil { handle.metadata.append((key, own)) }
      guard !swiftrnn_reserve_holds() else {
        handle.metadata = before
        throw .rnn(.outOfMemory(bytes: swiftrnn_lacking_memory()))
      }
    }
  })
}

@implementation @_cdecl("swiftrnn_model_metadata")
public func swiftrnn_model_metadata(
  _ model: OpaquePointer!, _ key: UnsafePointer<CChar>!, _ text: UnsafeMutablePointer<CChar>!, _ text_size: Int64,
  _ out_size: UnsafeMutablePointer<Int64>!
) -> swiftrnn_status {
  let bytes = Argument.length(key)
  return run(models: { () throws(ModelError) in
    let handle = try Handle.model(model)
    let values = handle.metadata.reduce(bytes) { max($0, $1.value.utf8.count) }
    try withModelReserve(Reserve.model + values * 8) { () throws(ModelError) in
      let key = try Argument.string("key", key)
      let value = handle.metadata.first { $0.key.utf8.elementsEqual(key.utf8) }?.value
      try withModelErrors { () throws(RNNError) in
        if let value { return try write(value, text, text_size, out_size) }
        try checkText(text, text_size)
        try out_size.map { (pointer) throws(RNNError) in try output(pointer, "out_size") }?.pointee = 0
      }
    }
  })
}
