// The door to tensors of safetensors files, for networks whose parameters somebody else has saved.
import CSwiftRNN
import SwiftRNN
@_spi(Door) import SwiftRNNModels

final class TensorsHandle: Sendable {
  let tensors: LoadedTensors
  init(_ tensors: LoadedTensors) { self.tensors = tensors }
}

extension Handle {
  fileprivate static func tensors(_ pointer: OpaquePointer?) throws(RNNError) -> LoadedTensors {
    try object(TensorsHandle.self, pointer, "tensors").tensors
  }
}

@implementation @_cdecl("swiftrnn_tensors_load")
public func swiftrnn_tensors_load(
  _ path: UnsafePointer<CChar>!, _ out_tensors: UnsafeMutablePointer<OpaquePointer?>!
) -> swiftrnn_status {
  run(reserving: Reserve.tensors(path), making: out_tensors, "out_tensors") { () throws(ModelError) in
    TensorsHandle(try LoadedTensors(Argument.string("path", path)))
  }
}

@implementation @_cdecl("swiftrnn_tensors_destroy")
public func swiftrnn_tensors_destroy(_ tensors: OpaquePointer!) { Handle.release(TensorsHandle.self, tensors) }

@implementation @_cdecl("swiftrnn_tensors_count")
public func swiftrnn_tensors_count(
  _ tensors: OpaquePointer!, _ out_count: UnsafeMutablePointer<Int64>!
) -> swiftrnn_status {
  run { () throws(RNNError) in
    let tensors = try Handle.tensors(tensors)
    try output(out_count, "out_count").pointee = Int64(tensors.count)
  }
}

@implementation @_cdecl("swiftrnn_tensors_index")
public func swiftrnn_tensors_index(
  _ tensors: OpaquePointer!, _ name: UnsafePointer<CChar>!, _ out_index: UnsafeMutablePointer<Int64>!
) -> swiftrnn_status {
  run { () throws(RNNError) in
    let tensors = try Handle.tensors(tensors)
    guard let name else { throw .nullPointer("name") }
    try output(out_index, "out_index").pointee = Int64(tensors.index(of: name) ?? -1)
  }
}

@implementation @_cdecl("swiftrnn_tensors_info_at")
public func swiftrnn_tensors_info_at(
  _ tensors: OpaquePointer!, _ index: Int64, _ out_info: UnsafeMutablePointer<swiftrnn_tensor_info>!
) -> swiftrnn_status {
  run { () throws(RNNError) in
    let tensors = try Handle.tensors(tensors)
    let out = try output(out_info, "out_info")
    guard index >= 0, index < tensors.count else {
      throw .invalidValue("index", Int(index), low: 0, high: tensors.count - 1)
    }
    let tensor = tensors[Int(index)]
    out.pointee = swiftrnn_tensor_info(
      name: tensor.name, dtype: tensor.type, rank: Int64(tensor.rank), shape: tensor.shape,
      elements: Int64(tensor.elements), bytes: Int64(tensor.byteCount), data: tensor.data)
  }
}

@implementation @_cdecl("swiftrnn_tensors_metadata")
public func swiftrnn_tensors_metadata(
  _ tensors: OpaquePointer!, _ key: UnsafePointer<CChar>!, _ text: UnsafeMutablePointer<CChar>!, _ text_size: Int64,
  _ out_size: UnsafeMutablePointer<Int64>!
) -> swiftrnn_status {
  run { () throws(RNNError) in
    let tensors = try Handle.tensors(tensors)
    guard let key else { throw .nullPointer("key") }
    if let value = tensors.value(key) { return try write(value, text, text_size, out_size) }
    try checkText(text, text_size)
    try out_size.map { (pointer) throws(RNNError) in try output(pointer, "out_size") }?.pointee = 0
  }
}

@implementation @_cdecl("swiftrnn_tensors_parameters")
public func swiftrnn_tensors_parameters(
  _ tensors: OpaquePointer!, _ prefix: UnsafePointer<CChar>!, _ network: OpaquePointer!,
  _ parameters: UnsafeMutablePointer<UnsafeRawPointer?>!, _ parameter_count: Int64
) -> swiftrnn_status {
  let prefixBytes = Argument.length(prefix)
  return run(models: { () throws(ModelError) in
    let (tensors, network, parameters) = try withModelErrors { () throws(RNNError) in
      let (tensors, network) = (try Handle.tensors(tensors), try Handle.network(network))
      guard parameter_count == network.parameterCount else {
        throw .sizeMismatch("parameter_count", Int(parameter_count), expected: network.parameterCount)
      }
      let parameters = try Argument.output(
        "parameters", parameters, network.parameterCount, of: UnsafeRawPointer?.self)
      return (tensors, network.network, parameters)
    }
    try withModelReserve(Reserve.parameters(parameters.count, prefix: prefixBytes)) { () throws(ModelError) in
      let prefix = prefix == nil ? "" : try Argument.string("prefix", prefix)
      switch network {
      case .float(let network): try tensors.parameters(of: network, prefix: prefix, into: parameters)
      case .double(let network): try tensors.parameters(of: network, prefix: prefix, into: parameters)
      }
    }
  })
}
