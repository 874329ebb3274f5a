// The door to networks: configuration, parameters, states and sizes.
import CSwiftRNN
import SwiftRNN

@implementation @_cdecl("swiftrnn_config_init")
public func swiftrnn_config_init(
  _ config: UnsafeMutablePointer<swiftrnn_config>!, _ size: Int64, _ cell: swiftrnn_cell
) -> swiftrnn_status {
  run { () throws(RNNError) in
    let config = try output(config, "config")
    let known = MemoryLayout<swiftrnn_config>.size
    guard size >= known, size <= 1 << 16 else { throw .invalidSize("size", Int(size), low: known, high: 1 << 16) }
    guard Int32(exactly: cell.rawValue).flatMap(CellKind.init(rawValue:)) != nil else {
      throw .invalidValue("cell", Int(cell.rawValue), low: 1, high: 6)
    }
    UnsafeMutableRawPointer(config).initializeMemory(as: UInt8.self, repeating: 0, count: Int(size))
    config.pointee.size = size
    config.pointee.cell = cell
    config.pointee.num_layers = 1
    config.pointee.num_directions = 1
    config.pointee.bias = 1
  }
}

@implementation @_cdecl("swiftrnn_network_create")
public func swiftrnn_network_create(
  _ config: UnsafePointer<swiftrnn_config>!, _ out_network: UnsafeMutablePointer<OpaquePointer?>!
) -> swiftrnn_status {
  run { () throws(RNNError) in
    let out = try output(out_network, "out_network")
    out.pointee = nil
    let config = try Argument.settings("config", config)
    guard let cell = Int32(exactly: config.cell.rawValue).flatMap(CellKind.init(rawValue:)) else {
      throw .invalidValue("cell", Int(config.cell.rawValue), low: 1, high: 6)
    }
    try make(out, reserving: Reserve.network(layers: config.num_layers)) { () throws(RNNError) in
      let configuration = try Argument.configuration(config, cell)
      let options = try Argument.options(config)
      return switch config.dtype {
      case SWIFTRNN_FLOAT32: NetworkHandle(.float(try Network<Float>(configuration, options: options)))
      case SWIFTRNN_FLOAT64: NetworkHandle(.double(try Network<Double>(configuration, options: options)))
      default: throw Argument.unknown(config.dtype)
      }
    }
  }
}

@implementation @_cdecl("swiftrnn_network_destroy")
public func swiftrnn_network_destroy(_ network: OpaquePointer!) { Handle.release(NetworkHandle.self, network) }

extension Argument {
  /// What a struct says, for a cell that has been checked.
  static func configuration(_ config: swiftrnn_config, _ cell: CellKind) throws(RNNError) -> NetworkConfiguration {
    guard (1...2).contains(config.num_directions) else {
      throw .invalidValue("num_directions", Int(config.num_directions), low: 1, high: 2)
    }
    var configuration = NetworkConfiguration(
      cell, inputSize: Int(config.input_size), hiddenSize: Int(config.hidden_size))
    configuration.projectionSize = Int(config.projection_size)
    configuration.layers = Int(config.num_layers)
    configuration.bidirectional = config.num_directions == 2
    configuration.bias = try flag("bias", config.bias)
    configuration.dropout = config.dropout
    configuration.threads = Int(config.num_threads)
    return configuration
  }

  /// How a struct says that layers are joined.
  static func options(_ config: swiftrnn_config) throws(RNNError) -> LayerOptions {
    var options = LayerOptions()
    options.skip = try choice("skip", config.skip.rawValue)
    options.merge = try choice("merge", config.merge.rawValue)
    options.gaps = try choice("gaps", config.gaps.rawValue)
    options.independentDirections = try flag("independent_directions", config.independent_directions)
    options.learnedInitialStates = try flag("learned_initial_states", config.learned_initial_states)
    guard config.reserved == 0 else { throw .invalidValue("reserved", Int(config.reserved), low: 0, high: 0) }
    // The lists below have as many entries.
    guard (1...1024).contains(config.num_layers) else {
      throw .invalidSize("num_layers", Int(config.num_layers), low: 1, high: 1024)
    }
    let layers = Int(config.num_layers)
    try options.hiddenSizes = list("layer_hidden_sizes", config.layer_hidden_sizes, layers)
    try options.dilations = list("layer_dilations", config.layer_dilations, layers)
    return options
  }

  /// A case by its number.
  private static func choice<Choice: RawRepresentable & CaseIterable>(
    _ name: StaticString, _ value: UInt32
  ) throws(RNNError) -> Choice where Choice.RawValue == Int32 {
    guard let choice = Int32(exactly: value).flatMap(Choice.init(rawValue:)) else {
      throw .invalidValue(name, Int(value), low: 0, high: Choice.allCases.count - 1)
    }
    return choice
  }

  private static func list(
    _ name: StaticString, _ pointer: UnsafePointer<Int64>?, _ count: Int
  ) throws(RNNError) -> [Int] {
    guard let pointer else { return [] }
    try alignment(name, UnsafeRawPointer(pointer), of: Int64.self)
    return (0..<count).map { Int(pointer[$0]) }
  }
}

// MARK: Parameters and states

@implementation @_cdecl("swiftrnn_network_parameter_count")
public func swiftrnn_network_parameter_count(
  _ network: OpaquePointer!, _ out_count: UnsafeMutablePointer<Int64>!
) -> swiftrnn_status {
  run { () throws(RNNError) in
    let handle = try Handle.network(network)
    let out = try output(out_count, "out_count")
    out.pointee = Int64(handle.parameterCount)
  }
}

@implementation @_cdecl("swiftrnn_network_parameter_info")
public func swiftrnn_network_parameter_info(
  _ network: OpaquePointer!, _ index: Int64, _ out_info: UnsafeMutablePointer<swiftrnn_parameter_info>!
) -> swiftrnn_status {
  run { () throws(RNNError) in
    let handle = try Handle.network(network)
    let out = try output(out_info, "out_info")
    let info =
      switch handle.network {
      case .float(let network): try network.parameter(Int(index))
      case .double(let network): try network.parameter(Int(index))
      }
    var result = swiftrnn_parameter_info()
    copy(info.name, to: &result.name)
    result.rank = Int64(info.rank)
    result.shape = (Int64(info.rows), Int64(info.columns))
    result.elements = Int64(info.elements)
    result.offset = Int64(info.offset)
    out.pointee = result
  }
}

/// Copies a name into a fixed array of characters, cut to fit, zeros behind.
func copy<Characters>(_ name: String, to characters: inout Characters) {
  withUnsafeMutableBytes(of: &characters) { bytes in
    for (i, byte) in name.utf8.prefix(bytes.count - 1).enumerated() { bytes[i] = byte }
  }
}

@implementation @_cdecl("swiftrnn_network_flat_count")
public func swiftrnn_network_flat_count(
  _ network: OpaquePointer!, _ out_elements: UnsafeMutablePointer<Int64>!
) -> swiftrnn_status {
  run { () throws(RNNError) in
    let handle = try Handle.network(network)
    let out = try output(out_elements, "out_elements")
    switch handle.network {
    case .float(let network): out.pointee = Int64(network.flatCount)
    case .double(let network): out.pointee = Int64(network.flatCount)
    }
  }
}

@implementation @_cdecl("swiftrnn_network_flat_pointers")
public func swiftrnn_network_flat_pointers(
  _ network: OpaquePointer!, _ flat: UnsafeMutableRawPointer!, _ flat_size: Int64,
  _ pointers: UnsafeMutablePointer<UnsafeMutableRawPointer?>!, _ pointer_count: Int64
) -> swiftrnn_status {
  func fill<Scalar: RNNScalar>(_ network: Network<Scalar>) throws(RNNError) {
    guard let flat else { throw .nullPointer("flat") }
    try Argument.alignment("flat", flat, of: Scalar.self)
    let needed = network.flatCount * MemoryLayout<Scalar>.stride
    guard flat_size >= needed else { throw .bufferTooSmall("flat_size", bytes: Int(flat_size), needed: needed) }
    guard pointer_count == network.parameterCount else {
      throw .sizeMismatch("pointer_count", Int(pointer_count), expected: network.parameterCount)
    }
    let pointers = try output(pointers, "pointers")
    for index in 0..<network.parameterCount {
      pointers[index] = flat + (try network.parameter(index).offset) * MemoryLayout<Scalar>.stride
    }
  }
  return run { () throws(RNNError) in
    switch try Handle.network(network).network {
    case .float(let network): try fill(network)
    case .double(let network): try fill(network)
    }
  }
}

@implementation @_cdecl("swiftrnn_network_state_count")
public func swiftrnn_network_state_count(
  _ network: OpaquePointer!, _ out_count: UnsafeMutablePointer<Int64>!
) -> swiftrnn_status {
  run { () throws(RNNError) in
    let handle = try Handle.network(network)
    try output(out_count, "out_count").pointee = Int64(handle.states.count)
  }
}

@implementation @_cdecl("swiftrnn_network_state_info")
public func swiftrnn_network_state_info(
  _ network: OpaquePointer!, _ index: Int64, _ out_info: UnsafeMutablePointer<swiftrnn_state_info>!
) -> swiftrnn_status {
  run { () throws(RNNError) in
    let states = try Handle.network(network).states
    let out = try output(out_info, "out_info")
    guard index >= 0, index < states.count else {
      throw .invalidValue("index", Int(index), low: 0, high: states.count - 1)
    }
    var info = swiftrnn_state_info()
    copy(states[Int(index)].name, to: &info.name)
    info.width = Int64(states[Int(index)].width)
    out.pointee = info
  }
}

@implementation @_cdecl("swiftrnn_network_state_part")
public func swiftrnn_network_state_part(
  _ network: OpaquePointer!, _ index: Int64, _ layer: Int64, _ out_part: UnsafeMutablePointer<swiftrnn_state_part>!
) -> swiftrnn_status {
  run { () throws(RNNError) in
    let handle = try Handle.network(network)
    let out = try output(out_part, "out_part")
    guard index >= 0, index < handle.states.count else {
      throw .invalidValue("index", Int(index), low: 0, high: handle.states.count - 1)
    }
    let part =
      switch handle.network {
      case .float(let network): try network.part(ofState: Int(index), layer: Int(layer))
      case .double(let network): try network.part(ofState: Int(index), layer: Int(layer))
      }
    out.pointee = swiftrnn_state_part(
      width: Int64(part.width), rows: Int64(part.rows), offset: Int64(part.offset))
  }
}

// MARK: Sizes

@implementation @_cdecl("swiftrnn_network_workspace_size")
public func swiftrnn_network_workspace_size(
  _ network: OpaquePointer!, _ purpose: swiftrnn_workspace, _ steps: Int64, _ sequences: Int64,
  _ out_size: UnsafeMutablePointer<Int64>!
) -> swiftrnn_status {
  func size<Scalar: RNNScalar>(_ network: Network<Scalar>) throws(RNNError) -> Int {
    guard let purpose = Int32(exactly: purpose.rawValue).flatMap(Network<Scalar>.Purpose.init(rawValue:)) else {
      throw .invalidValue("purpose", Int(purpose.rawValue), low: 0, high: 2)
    }
    return try network.workspaceSize(purpose, steps: Int(steps), sequences: Int(sequences))
  }
  return run { () throws(RNNError) in
    let handle = try Handle.network(network)
    let out = try output(out_size, "out_size")
    // Networks with layer options list their layers.
    try withReserve(handle.spareBytes()) { () throws(RNNError) in
      switch handle.network {
      case .float(let network): out.pointee = Int64(try size(network))
      case .double(let network): out.pointee = Int64(try size(network))
      }
    }
  }
}

@implementation @_cdecl("swiftrnn_network_tape_size")
public func swiftrnn_network_tape_size(
  _ network: OpaquePointer!, _ steps: Int64, _ sequences: Int64, _ out_size: UnsafeMutablePointer<Int64>!
) -> swiftrnn_status {
  run { () throws(RNNError) in
    let handle = try Handle.network(network)
    let out = try output(out_size, "out_size")
    try withReserve(handle.spareBytes()) { () throws(RNNError) in
      switch handle.network {
      case .float(let network):
        out.pointee = Int64(try network.tapeSize(steps: Int(steps), sequences: Int(sequences)))
      case .double(let network):
        out.pointee = Int64(try network.tapeSize(steps: Int(steps), sequences: Int(sequences)))
      }
    }
  }
}
