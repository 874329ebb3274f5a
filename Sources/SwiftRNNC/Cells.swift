// The door to cells that are given as equations.
import CSwiftRNN
import SwiftRNN

final class EquationsHandle: Sendable {
  let cell: Cell
  init(_ cell: Cell) { self.cell = cell }
}

@implementation @_cdecl("swiftrnn_cell_parse")
public func swiftrnn_cell_parse(
  _ text: UnsafePointer<CChar>!, _ text_size: Int64, _ out_equations: UnsafeMutablePointer<OpaquePointer?>!
) -> swiftrnn_status {
  run { () throws(RNNError) in
    let out = try output(out_equations, "out_equations")
    out.pointee = nil
    guard let text else { throw .nullPointer("text") }
    guard (0...Int64(Cell.largestText)).contains(text_size) else {
      throw .invalidSize("text_size", Int(text_size), low: 0, high: Cell.largestText)
    }
    let bytes = UnsafeRawBufferPointer(start: text, count: Int(text_size))
    try make(out, reserving: Reserve.compiler) { () throws(RNNError) in
      do throws(CellError) {
        return EquationsHandle(try Cell(bytes: Array(bytes)))
      } catch {
        throw .cell(error)
      }
    }
  }
}

@implementation @_cdecl("swiftrnn_equations_destroy")
public func swiftrnn_equations_destroy(_ equations: OpaquePointer!) {
  Handle.release(EquationsHandle.self, equations)
}

@implementation @_cdecl("swiftrnn_network_create_equations")
public func swiftrnn_network_create_equations(
  _ equations: OpaquePointer!, _ config: UnsafePointer<swiftrnn_config>!,
  _ sizes: UnsafePointer<swiftrnn_named_size>!, _ size_count: Int64,
  _ out_network: UnsafeMutablePointer<OpaquePointer?>!
) -> swiftrnn_status {
  run { () throws(RNNError) in
    let out = try output(out_network, "out_network")
    out.pointee = nil
    let cell = try Handle.object(EquationsHandle.self, equations, "equations").cell
    let config = try Argument.settings("config", config)
    guard Int32(exactly: config.cell.rawValue) == CellKind.equations.rawValue else {
      throw .invalidValue("cell", Int(config.cell.rawValue), low: 6, high: 6)
    }
    try make(out, reserving: Reserve.compiler) { () throws(RNNError) in
      let configuration = try Argument.configuration(config, .equations)
      let options = try Argument.options(config)
      let sizes = try Argument.sizes(sizes, size_count)
      return switch config.dtype {
      case SWIFTRNN_FLOAT32:
        NetworkHandle(.float(try Network(cell, configuration, sizes: sizes, options: options)))
      case SWIFTRNN_FLOAT64:
        NetworkHandle(.double(try Network(cell, configuration, sizes: sizes, options: options)))
      default: throw Argument.unknown(config.dtype)
      }
    }
  }
}

extension Argument {
  /// Sizes by name.
  fileprivate static func sizes(
    _ pointer: UnsafePointer<swiftrnn_named_size>?, _ count: Int64
  ) throws(RNNError) -> [String: Int] {
    guard (0...256).contains(count) else { throw .invalidValue("size_count", Int(count), low: 0, high: 256) }
    if count == 0 { return [:] }
    guard let pointer else { throw .nullPointer("sizes") }
    try alignment("sizes", UnsafeRawPointer(pointer), of: swiftrnn_named_size.self)
    var sizes: [String: Int] = [:]
    for index in 0..<Int(count) {
      guard let name = pointer[index].name else { throw .nullPointer("the name of a size") }
      let before = sizes.updateValue(Int(pointer[index].value), forKey: String(cString: name))
      guard before == nil else { throw .mismatch("a size is given twice") }
    }
    return sizes
  }
}

// MARK: What a network is made of

@implementation @_cdecl("swiftrnn_network_describe")
public func swiftrnn_network_describe(
  _ network: OpaquePointer!, _ text: UnsafeMutablePointer<CChar>!, _ text_size: Int64,
  _ out_size: UnsafeMutablePointer<Int64>!
) -> swiftrnn_status {
  run(reserving: Reserve.description) { () throws(RNNError) in
    let handle = try Handle.network(network)
    switch handle.network {
    case .float(let network): try write(network.describe(), text, text_size, out_size)
    case .double(let network): try write(network.describe(), text, text_size, out_size)
    }
  }
}

@implementation @_cdecl("swiftrnn_network_output_size")
public func swiftrnn_network_output_size(
  _ network: OpaquePointer!, _ out_size: UnsafeMutablePointer<Int64>!
) -> swiftrnn_status {
  run { () throws(RNNError) in
    let handle = try Handle.network(network)
    try output(out_size, "out_size").pointee = Int64(handle.configuration.outputSize)
  }
}

@implementation @_cdecl("swiftrnn_network_input_count")
public func swiftrnn_network_input_count(
  _ network: OpaquePointer!, _ out_count: UnsafeMutablePointer<Int64>!
) -> swiftrnn_status {
  run { () throws(RNNError) in
    let handle = try Handle.network(network)
    try output(out_count, "out_count").pointee = Int64(handle.inputs.count)
  }
}

@implementation @_cdecl("swiftrnn_network_input_info")
public func swiftrnn_network_input_info(
  _ network: OpaquePointer!, _ index: Int64, _ out_info: UnsafeMutablePointer<swiftrnn_input_info>!
) -> swiftrnn_status {
  run { () throws(RNNError) in
    let inputs = try Handle.network(network).inputs
    let out = try output(out_info, "out_info")
    guard index >= 0, index < inputs.count else {
      throw .invalidValue("index", Int(index), low: 0, high: inputs.count - 1)
    }
    var info = swiftrnn_input_info()
    copy(inputs[Int(index)].name, to: &info.name)
    info.width = Int64(inputs[Int(index)].width)
    out.pointee = info
  }
}

// MARK: The cells of the library

@implementation @_cdecl("swiftrnn_cell_count")
public func swiftrnn_cell_count(_ out_count: UnsafeMutablePointer<Int64>!) -> swiftrnn_status {
  run { () throws(RNNError) in
    try output(out_count, "out_count").pointee = Int64(Cell.builtInNames.count)
  }
}

@implementation @_cdecl("swiftrnn_cell_name")
public func swiftrnn_cell_name(
  _ index: Int64, _ name: UnsafeMutablePointer<CChar>!, _ name_size: Int64
) -> swiftrnn_status {
  run { () throws(RNNError) in
    let names = Cell.builtInNames
    guard index >= 0, index < names.count else {
      throw .invalidValue("index", Int(index), low: 0, high: names.count - 1)
    }
    guard name_size > names[Int(index)].utf8.count else {
      throw .bufferTooSmall("name_size", bytes: Int(name_size), needed: names[Int(index)].utf8.count + 1)
    }
    if name == nil { throw .nullPointer("name") }
    try write(names[Int(index)], name, name_size, nil)
  }
}

@implementation @_cdecl("swiftrnn_cell_text")
public func swiftrnn_cell_text(
  _ name: UnsafePointer<CChar>!, _ text: UnsafeMutablePointer<CChar>!, _ text_size: Int64,
  _ out_size: UnsafeMutablePointer<Int64>!
) -> swiftrnn_status {
  run(reserving: Reserve.description) { () throws(RNNError) in
    guard let name else { throw .nullPointer("name") }
    guard let found = Cell.builtInText(String(cString: name)) else {
      throw .mismatch("the library has no cell of this name")
    }
    try write(found, text, text_size, out_size)
  }
}

// MARK: Streams

@implementation @_cdecl("swiftrnn_stream_step_inputs")
public func swiftrnn_stream_step_inputs(
  _ stream: OpaquePointer!, _ x: UnsafeRawPointer!, _ inputs: UnsafePointer<UnsafeRawPointer?>!,
  _ input_count: Int64, _ y: UnsafeMutableRawPointer!
) -> swiftrnn_status {
  func step<Scalar: RNNScalar>(_ stream: Stream<Scalar>) throws(RNNError) {
    try stream.step(
      unsafe: x?.assumingMemoryBound(to: Scalar.self),
      inputs: Argument.inputs("inputs", inputs, input_count, expected: stream.network.inputCount),
      into: y?.assumingMemoryBound(to: Scalar.self))
  }
  return run { () throws(RNNError) in
    switch try Handle.object(StreamHandle.self, stream, "stream").stream {
    case .float(let stream): try step(stream)
    case .double(let stream): try step(stream)
    }
  }
}

extension Argument {
  /// Inputs beside x. `count` must be the network's; not read if the array is NULL.
  static func inputs<Scalar: RNNScalar>(
    _ name: StaticString, _ pointers: UnsafePointer<UnsafeRawPointer?>?, _ count: Int64, expected: Int
  ) throws(RNNError) -> Inputs<Scalar> {
    var inputs = Inputs<Scalar>()
    guard let pointers else { return inputs }
    guard count == expected else { throw .sizeMismatch("input_count", Int(count), expected: expected) }
    try alignment(name, UnsafeRawPointer(pointers), of: UnsafeRawPointer?.self)
    for index in 0..<expected {
      inputs[index] = UnsafeMutableRawPointer(mutating: pointers[index])?.assumingMemoryBound(to: Scalar.self)
    }
    return inputs
  }
}
