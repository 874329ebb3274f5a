// Calls that allocate, where memory may run out. Swift's own allocations, of objects and of small arrays, end the process
// where the system gives none. In libswiftrnn.so they draw on the call's reserve then (Sources/CReserve), which is had
// before anything is written.
import CPrimitives
import SwiftRNN
@_spi(Door) import SwiftRNNModels

/// Reserves of calls: more than all that the Swift runtime allocates in them at once (Tests/C/failing_allocations.c).
enum Reserve {
  /// Of a pass, and of what looks after few small arrays.
  static let pass = 1 << 16
  /// What is known of the parameters of the largest cell.
  static let initializer = 1 << 20
  /// The words about a network.
  static let description = 1 << 22
  /// Compiling a cell.
  static let compiler = 1 << 26

  /// Calls of models that look after few small arrays and texts.
  static let model = 1 << 20

  /// A pass of a model whose arrays and objects have so many bytes. More than there can be is refused when it is asked for.
  static func pass(_ bytes: Int) -> Int { model &+ min(bytes, Int.max >> 1) }

  /// Making a model: compiling its cells, and lists of its parameters, of which a text of so many bytes can ask for some
  /// in each of 1024 layers. Of JSON up to 256 bytes for each of the text.
  static func configuration(_ text: Int64) -> Int {
    let bytes = Int(min(max(text, 0), 1 << 30))
    return 2 * compiler + min(bytes, 1 << 16) << 16 + bytes * 256
  }

  /// Reading a model file, whose header has all that is made of it.
  static func file(_ path: UnsafePointer<CChar>?) -> Int {
    guard let path else { return model }
    return 2 * compiler + Safetensors.headerBytes(String(cString: path)) * 256
  }

  /// Reading a file's tensors: its header as JSON.
  static func tensors(_ path: UnsafePointer<CChar>?) -> Int {
    guard let path else { return model }
    return model + Safetensors.headerBytes(String(cString: path)) * 256
  }

  /// Names of so many parameters, and of each in turn the name in a file.
  static func parameters(_ count: Int, prefix: Int) -> Int { model + count * 512 + min(prefix, 1 << 40) * 8 }

  /// Writing a model file: its header as JSON.
  static func file(_ model: ModelHandle, moments: Int = 0, text: Int = 0) -> Int {
    var bytes = 2 * Self.model + text * 64
    for vocabulary in model.vocabularies {
      if let vocabulary { bytes += Self.vocabulary(vocabulary) }
    }
    for entry in model.metadata { bytes += (entry.key.utf8.count + entry.value.utf8.count) * 64 + 1024 }
    return bytes + (model.parameters.infos.count * (moments + 1) + 64) * 4096
  }

  /// A vocabulary as JSON, also as a text within JSON: a value and a string for each token.
  static func vocabulary(_ vocabulary: Vocabulary) -> Int {
    model + vocabulary.size * 192 + vocabulary.textBytes * 64
  }

  /// Texts become values of JSON or lists of ids: up to so many bytes for each of the text.
  static func text(_ bytes: Int64, each: Int) throws(RNNError) -> Int {
    guard bytes >= 0 else { throw .invalidSize("a text's size", Int(bytes), low: 0, high: Int.max) }
    let (product, overflow) = Int(bytes).multipliedReportingOverflow(by: each)
    let (sum, overflow2) = product.addingReportingOverflow(model)
    guard !overflow, !overflow2 else { throw .overflow("a text") }
    return sum
  }

  /// Names and numbers of parameters are listed for each layer where layers have options.
  static func network(layers: Int64) -> Int { pass + min(max(Int(layers), 0), 1024) << 13 }

  /// A dozen numbers for each node and edge.
  static func forest(nodes: Int64, edges: Int64) throws(RNNError) -> Int {
    let (sum, overflow) = nodes.addingReportingOverflow(edges)
    let (bytes, overflow2) = sum.multipliedReportingOverflow(by: 160)
    guard !overflow, !overflow2 else { throw .overflow("a forest") }
    return Int(bytes) + pass
  }
}

/// Runs `body` with a reserve of so many bytes for all its allocations together. What `body` leaves there stays alive; a
/// call that only computes may draw on it and succeed.
func withReserve<Result>(_ bytes: Int, _ body: () throws(RNNError) -> Result) throws(RNNError) -> Result {
  guard swiftrnn_open_reserve(bytes) else { throw .outOfMemory(bytes: bytes) }
  defer { swiftrnn_close_reserve() }
  return try body()
}

/// Makes an object for `out`, with a reserve of so many bytes. An object that would keep some of the reserve is given
/// back: it has no memory of its own.
func make<Object: AnyObject>(
  _ out: UnsafeMutablePointer<OpaquePointer?>, reserving bytes: Int, _ body: () throws(RNNError) -> Object
) throws(RNNError) {
  try withReserve(bytes) { () throws(RNNError) in
    let handle = try handle(of: body)
    guard !swiftrnn_reserve_holds() else {
      Handle.release(Object.self, handle)
      throw .outOfMemory(bytes: swiftrnn_lacking_memory())
    }
    out.pointee = handle
  }
}

/// Never inlined: nothing of `body` is alive behind it but the object.
@inline(never)
private func handle<Object: AnyObject>(of body: () throws(RNNError) -> Object) throws(RNNError) -> OpaquePointer {
  Handle.make(try body())
}
