// The door to what parameters start with.
import CSwiftRNN
@_spi(Door) import SwiftRNN

@implementation @_cdecl("swiftrnn_network_initialize")
public func swiftrnn_network_initialize(
  _ network: OpaquePointer!, _ seed: UInt64, _ parameters: UnsafePointer<UnsafeMutableRawPointer?>!,
  _ parameter_count: Int64
) -> swiftrnn_status {
  run { () throws(RNNError) in try initialize(network, Initializer(), seed, parameters, parameter_count) }
}

@implementation @_cdecl("swiftrnn_initializer_init")
public func swiftrnn_initializer_init(
  _ initializer: UnsafeMutablePointer<swiftrnn_initializer>!, _ size: Int64
) -> swiftrnn_status {
  run { () throws(RNNError) in
    let initializer = try output(initializer, "initializer")
    let known = MemoryLayout<swiftrnn_initializer>.size
    guard size >= known, size <= 1 << 16 else { throw .invalidSize("size", Int(size), low: known, high: 1 << 16) }
    UnsafeMutableRawPointer(initializer).initializeMemory(as: UInt8.self, repeating: 0, count: Int(size))
    initializer.pointee.size = size
    initializer.pointee.weights_scale = 1
    initializer.pointee.recurrent_scale = 1
    initializer.pointee.forget_value = 1
  }
}

@implementation @_cdecl("swiftrnn_network_initialize_with")
public func swiftrnn_network_initialize_with(
  _ network: OpaquePointer!, _ initializer: UnsafePointer<swiftrnn_initializer>!, _ seed: UInt64,
  _ parameters: UnsafePointer<UnsafeMutableRawPointer?>!, _ parameter_count: Int64
) -> swiftrnn_status {
  run { () throws(RNNError) in
    let given = try Argument.settings("initializer", initializer)
    try initialize(network, try Argument.initializer(given), seed, parameters, parameter_count)
  }
}

private func initialize(
  _ network: OpaquePointer?, _ initializer: Initializer, _ seed: UInt64,
  _ parameters: UnsafePointer<UnsafeMutableRawPointer?>?, _ count: Int64
) throws(RNNError) {
  let handle = try Handle.network(network)
  let parameters = try Argument.parameters("parameters", parameters, count, expected: handle.parameterCount)
  try withReserve(Reserve.initializer) { () throws(RNNError) in
    switch handle.network {
    case .float(let network): try network.initialize(initializer, seed: seed, parameters: parameters)
    case .double(let network): try network.initialize(initializer, seed: seed, parameters: parameters)
    }
  }
}

extension Argument {
  static func initializer(_ given: swiftrnn_initializer) throws(RNNError) -> Initializer {
    var initializer = Initializer()
    initializer.weights = try distribution("weights", given.weights, given.weights_scale, last: 11)
    initializer.recurrent = try distribution("recurrent", given.recurrent, given.recurrent_scale, last: 11)
    initializer.bias = try distribution("bias", given.bias, given.bias_scale, last: 3)
    switch given.forget_gate {
    case SWIFTRNN_FORGET_GATE_AS_BIAS: break
    case SWIFTRNN_FORGET_GATE_CONSTANT: initializer.forgetGate = .constant(given.forget_value)
    case SWIFTRNN_FORGET_GATE_CHRONO: initializer.forgetGate = .chrono(longest: given.forget_value)
    default: throw .invalidValue("forget_gate", Int(given.forget_gate.rawValue), low: 0, high: 2)
    }
    return initializer
  }

  private static func distribution(
    _ name: StaticString, _ value: swiftrnn_distribution, _ scale: Double, last: Int
  ) throws(RNNError) -> Initializer.Distribution {
    guard
      value.rawValue <= UInt32(last), let number = Int32(exactly: value.rawValue),
      let distribution = Initializer.Distribution(number: number, scale: scale)
    else { throw .invalidValue(name, Int(value.rawValue), low: 0, high: last) }
    return distribution
  }
}
