// The door to vocabularies and to texts that are read as a stream.
import CSwiftRNN
import SwiftRNN
import SwiftRNNModels

extension Argument {
  /// `size` bytes of text.
  static func text(
    _ name: StaticString, _ text: UnsafePointer<CChar>?, _ size: Int64
  ) throws(ModelError) -> UnsafeBufferPointer<UInt8> {
    try withModelErrors { () throws(RNNError) in
      try array(name, UnsafeRawPointer(text), self.size("a text's size", size), of: UInt8.self)
    }
  }

  /// A zero-terminated text. Bytes that are no UTF-8 would silently become others, and a path that of another file.
  static func string(_ name: StaticString, _ text: UnsafePointer<CChar>?) throws(ModelError) -> String {
    guard let text else { throw .rnn(.nullPointer(name)) }
    guard let valid = String(validatingCString: text) else { throw .value(name: "\(name)", reason: "is no UTF-8") }
    return valid
  }

  /// Bytes of a zero-terminated text; 0 for NULL.
  static func length(_ text: UnsafePointer<CChar>?) -> Int {
    guard let text else { return 0 }
    var count = 0
    while text[count] != 0 { count &+= 1 }
    return count
  }

  /// Bytes of a reserve for a text: see `Reserve.text(_:each:)`. Of a size that will be refused, little.
  static func reserve(_ size: Int64, each: Int) -> Int { (try? Reserve.text(size, each: each)) ?? Reserve.model }

  fileprivate static func tokens(_ config: swiftrnn_vocabulary_config) throws(ModelError) -> Vocabulary.Kind {
    switch config.tokens {
    case SWIFTRNN_TOKENS_BYTES: return .bytes
    case SWIFTRNN_TOKENS_CHARACTERS: return .characters
    case SWIFTRNN_TOKENS_WORDS: return .words
    case SWIFTRNN_TOKENS_WHITESPACE: return .whitespace
    case SWIFTRNN_TOKENS_LINES: return .lines
    default:
      throw .rnn(.invalidValue("tokens", Int(truncatingIfNeeded: config.tokens.rawValue), low: 0, high: 4))
    }
  }
}

/// A vocabulary as a struct says, of what `add` gives to its builder.
private func vocabulary(
  _ config: UnsafePointer<swiftrnn_vocabulary_config>?, _ add: (VocabularyBuilder) throws(ModelError) -> Void
) throws(ModelError) -> VocabularyHandle {
  let config = try withModelErrors { () throws(RNNError) in
    let config = try Argument.settings("config", config)
    guard config.reserved == 0 else { throw .invalidValue("reserved", Int(config.reserved), low: 0, high: 0) }
    guard (0...15).contains(config.specials) else {
      throw .invalidValue("specials", Int(config.specials), low: 0, high: 15)
    }
    let most = Int64(Vocabulary.largestSize)
    guard (0...Int64.max).contains(config.minimum_count) else {
      throw .invalidValue("minimum_count", Int(config.minimum_count), low: 0, high: Int.max)
    }
    guard (0...most).contains(config.maximum_size) else {
      throw .invalidValue("maximum_size", Int(config.maximum_size), low: 0, high: Int(most))
    }
    return config
  }
  let isLowercase = try withModelErrors { () throws(RNNError) in
    try Argument.flag("lowercase", config.lowercase)
  }
  let kind = try Argument.tokens(config)
  guard !isLowercase || kind == .words else {
    throw .rnn(.unsupported("lowercase is of vocabularies of words"))
  }
  let builder = try VocabularyBuilder(kind, isLowercase: isLowercase)
  try add(builder)
  return VocabularyHandle(
    try builder.build(
      specials: Vocabulary.Specials(rawValue: Int(config.specials)), minimumCount: Int(config.minimum_count),
      maximumSize: config.maximum_size == 0 ? nil : Int(config.maximum_size)))
}

@implementation @_cdecl("swiftrnn_vocabulary_create")
public func swiftrnn_vocabulary_create(
  _ config: UnsafePointer<swiftrnn_vocabulary_config>!, _ texts: UnsafePointer<UnsafePointer<CChar>?>!,
  _ text_sizes: UnsafePointer<Int64>!, _ text_count: Int64, _ out_vocabulary: UnsafeMutablePointer<OpaquePointer?>!
) -> swiftrnn_status {
  run(reserving: Reserve.model, making: out_vocabulary, "out_vocabulary") { () throws(ModelError) in
    let (texts, sizes) = try withModelErrors { () throws(RNNError) in
      let count = try Argument.size("text_count", text_count)
      return (
        try Argument.array("texts", UnsafeRawPointer(texts), count, of: UnsafePointer<CChar>?.self),
        try Argument.array("text_sizes", UnsafeRawPointer(text_sizes), count, of: Int64.self)
      )
    }
    return try vocabulary(config) { (builder) throws(ModelError) in
      for (text, size) in zip(texts, sizes) { try builder.add(Argument.text("a text", text, size)) }
    }
  }
}

@implementation @_cdecl("swiftrnn_vocabulary_create_from_file")
public func swiftrnn_vocabulary_create_from_file(
  _ config: UnsafePointer<swiftrnn_vocabulary_config>!, _ path: UnsafePointer<CChar>!,
  _ out_vocabulary: UnsafeMutablePointer<OpaquePointer?>!
) -> swiftrnn_status {
  run(reserving: Reserve.model, making: out_vocabulary, "out_vocabulary") { () throws(ModelError) in
    let path = try Argument.string("path", path)
    return try vocabulary(config) { (builder) throws(ModelError) in try builder.add(file: path) }
  }
}

@implementation @_cdecl("swiftrnn_vocabulary_parse")
public func swiftrnn_vocabulary_parse(
  _ json: UnsafePointer<CChar>!, _ json_size: Int64, _ out_vocabulary: UnsafeMutablePointer<OpaquePointer?>!
) -> swiftrnn_status {
  run(reserving: Argument.reserve(json_size, each: 256), making: out_vocabulary, "out_vocabulary") {
    () throws(ModelError) in
    let text = try Argument.text("json", json, json_size)
    return VocabularyHandle(try Vocabulary(JSON(parsing: UnsafeRawBufferPointer(text), name: "the vocabulary")))
  }
}

@implementation @_cdecl("swiftrnn_vocabulary_destroy")
public func swiftrnn_vocabulary_destroy(_ vocabulary: OpaquePointer!) {
  Handle.release(VocabularyHandle.self, vocabulary)
}

@implementation @_cdecl("swiftrnn_vocabulary_json")
public func swiftrnn_vocabulary_json(
  _ vocabulary: OpaquePointer!, _ text: UnsafeMutablePointer<CChar>!, _ text_size: Int64,
  _ out_size: UnsafeMutablePointer<Int64>!
) -> swiftrnn_status {
  run(models: { () throws(ModelError) in
    let vocabulary = try Handle.vocabulary(vocabulary)
    try withModelReserve(Reserve.vocabulary(vocabulary)) { () throws(ModelError) in
      let json = try vocabulary.json.text()
      try withModelErrors { () throws(RNNError) in try write(json, text, text_size, out_size) }
    }
  })
}

@implementation @_cdecl("swiftrnn_vocabulary_size")
public func swiftrnn_vocabulary_size(
  _ vocabulary: OpaquePointer!, _ out_size: UnsafeMutablePointer<Int64>!
) -> swiftrnn_status {
  run { () throws(RNNError) in
    let vocabulary = try Handle.object(VocabularyHandle.self, vocabulary, "vocabulary").vocabulary
    try output(out_size, "out_size").pointee = Int64(vocabulary.size)
  }
}

@implementation @_cdecl("swiftrnn_vocabulary_id")
public func swiftrnn_vocabulary_id(
  _ vocabulary: OpaquePointer!, _ token: UnsafePointer<CChar>!, _ token_size: Int64,
  _ out_id: UnsafeMutablePointer<Int64>!
) -> swiftrnn_status {
  run(
    reserving: Argument.reserve(token_size, each: 8),
    models: { () throws(ModelError) in
      let vocabulary = try Handle.vocabulary(vocabulary)
      let token = String(decoding: try Argument.text("token", token, token_size), as: UTF8.self)
      let out = try withModelErrors { () throws(RNNError) in try output(out_id, "out_id") }
      out.pointee = Int64(vocabulary.id(of: token) ?? -1)
    })
}

@implementation @_cdecl("swiftrnn_vocabulary_encode")
public func swiftrnn_vocabulary_encode(
  _ vocabulary: OpaquePointer!, _ text: UnsafePointer<CChar>!, _ text_size: Int64, _ framed: Int32,
  _ ids: UnsafeMutablePointer<Int64>!, _ id_count: Int64, _ out_count: UnsafeMutablePointer<Int64>!
) -> swiftrnn_status {
  run(
    reserving: Reserve.model,
    models: { () throws(ModelError) in
      let vocabulary = try Handle.vocabulary(vocabulary)
      let bytes = try Argument.text("text", text, text_size)
      let (isFramed, out, ids) = try withModelErrors { () throws(RNNError) in
        (
          try Argument.flag("framed", framed), try output(out_count, "out_count"),
          try Argument.output("ids", ids, Argument.size("id_count", id_count), of: Int.self)
        )
      }
      out.pointee = Int64(try vocabulary.encode(bytes, framed: isFramed, prefix: ids))
    })
}

@implementation @_cdecl("swiftrnn_vocabulary_decode")
public func swiftrnn_vocabulary_decode(
  _ vocabulary: OpaquePointer!, _ ids: UnsafePointer<Int64>!, _ id_count: Int64, _ write_specials: Int32,
  _ text: UnsafeMutablePointer<CChar>!, _ text_size: Int64, _ out_size: UnsafeMutablePointer<Int64>!
) -> swiftrnn_status {
  run(
    reserving: Reserve.model,
    models: { () throws(ModelError) in
      let vocabulary = try Handle.vocabulary(vocabulary)
      let (ids, writesSpecials, bytes, out) = try withModelErrors { () throws(RNNError) in
        (
          try Argument.array("ids", ids, Argument.size("id_count", id_count), of: Int.self),
          try Argument.flag("write_specials", write_specials),
          try Argument.output("text", text, Argument.size("text_size", text_size), of: UInt8.self),
          try out_size.map { (pointer) throws(RNNError) in try output(pointer, "out_size") }
        )
      }
      // The last byte is for the zero.
      let room = UnsafeMutableBufferPointer(rebasing: bytes.dropLast())
      let count = try vocabulary.decode(ids, writesSpecials: writesSpecials, prefix: room)
      if !bytes.isEmpty { bytes[min(count, room.count)] = 0 }
      out?.pointee = Int64(count + 1)
    })
}

// MARK: Texts

@implementation @_cdecl("swiftrnn_text_stream_open")
public func swiftrnn_text_stream_open(
  _ path: UnsafePointer<CChar>!, _ vocabulary: OpaquePointer!, _ sequences: Int64, _ steps: Int64,
  _ out_stream: UnsafeMutablePointer<OpaquePointer?>!
) -> swiftrnn_status {
  // A list and three objects for each sequence; of more than a file's stream takes, nothing.
  let bytes = Reserve.model + Int(min(max(sequences, 0), 1 << 16)) * 1024
  return run(reserving: bytes, making: out_stream, "out_stream") { () throws(ModelError) in
    TextStreamHandle(
      try TextStream(
        file: Argument.string("path", path), Handle.vocabulary(vocabulary), sequences: Int(sequences),
        steps: Int(steps)))
  }
}

@implementation @_cdecl("swiftrnn_text_stream_destroy")
public func swiftrnn_text_stream_destroy(_ stream: OpaquePointer!) { Handle.release(TextStreamHandle.self, stream) }

extension Handle {
  fileprivate static func text(_ pointer: OpaquePointer?) throws(ModelError) -> TextStream {
    try withModelErrors { () throws(RNNError) in try object(TextStreamHandle.self, pointer, "stream").stream }
  }
}

@implementation @_cdecl("swiftrnn_text_stream_position")
public func swiftrnn_text_stream_position(
  _ stream: OpaquePointer!, _ out_tokens: UnsafeMutablePointer<Int64>!, _ out_batches: UnsafeMutablePointer<Int64>!,
  _ out_position: UnsafeMutablePointer<Int64>!
) -> swiftrnn_status {
  run { () throws(RNNError) in
    let stream = try Handle.object(TextStreamHandle.self, stream, "stream").stream
    let (tokens, batches, position) = (stream.tokens, stream.batches, stream.position)
    let outs = [
      try out_tokens.map { (out) throws(RNNError) in (try output(out, "out_tokens"), tokens) },
      try out_batches.map { (out) throws(RNNError) in (try output(out, "out_batches"), batches) },
      try out_position.map { (out) throws(RNNError) in (try output(out, "out_position"), position) },
    ]
    for case (let out, let value)? in outs { out.pointee = Int64(value) }
  }
}

@implementation @_cdecl("swiftrnn_text_stream_next")
public func swiftrnn_text_stream_next(
  _ stream: OpaquePointer!, _ ids: UnsafeMutablePointer<Int64>!, _ targets: UnsafeMutablePointer<Int64>!,
  _ out_steps: UnsafeMutablePointer<Int64>!
) -> swiftrnn_status {
  run(
    reserving: Reserve.model,
    models: { () throws(ModelError) in
      let stream = try Handle.text(stream)
      let (inputs, targets, out) = try withModelErrors { () throws(RNNError) in
        (
          try Argument.output("ids", ids, stream.steps, stream.sequences, of: Int.self),
          try Argument.output("targets", targets, stream.steps, stream.sequences, of: Int.self),
          try output(out_steps, "out_steps")
        )
      }
      out.pointee = Int64(try stream.next(inputs: inputs, targets: targets))
    })
}

@implementation @_cdecl("swiftrnn_text_stream_seek")
public func swiftrnn_text_stream_seek(_ stream: OpaquePointer!, _ position: Int64) -> swiftrnn_status {
  run(
    reserving: Reserve.model,
    models: { () throws(ModelError) in try Handle.text(stream).seek(to: Int(position)) })
}
