// The door to passes over whole sequences, packed weights and streams.
import CSwiftRNN
@_spi(Door) import SwiftRNN

extension Argument {
  /// A pointer per parameter tensor.
  static func parameters<Pointer>(
    _ name: StaticString, _ pointers: UnsafePointer<Pointer>?, _ count: Int64, expected: Int
  ) throws(RNNError) -> UnsafeBufferPointer<Pointer> {
    guard let pointers else { throw .nullPointer(name) }
    guard count == expected else { throw .sizeMismatch("parameter_count", Int(count), expected: expected) }
    try alignment(name, UnsafeRawPointer(pointers), of: Pointer.self)
    return UnsafeBufferPointer(start: pointers, count: expected)
  }

  /// State tensors. `count` must be the network's number of states; not read if the array is NULL.
  static func states<Scalar: RNNScalar>(
    _ name: StaticString, _ pointers: UnsafePointer<UnsafeMutableRawPointer?>?, _ count: Int64,
    _ network: Network<Scalar>
  ) throws(RNNError) -> States<Scalar> {
    guard let pointers else { return States() }
    let expected = network.stateCount
    guard count == expected else { throw .sizeMismatch("state_count", Int(count), expected: expected) }
    try alignment(name, UnsafeRawPointer(pointers), of: UnsafeMutableRawPointer?.self)
    var states = States<Scalar>()
    for index in 0..<expected { states[index] = pointers[index]?.assumingMemoryBound(to: Scalar.self) }
    return states
  }

  /// The same for tensors that are only read.
  static func states<Scalar: RNNScalar>(
    _ name: StaticString, _ pointers: UnsafePointer<UnsafeRawPointer?>?, _ count: Int64, _ network: Network<Scalar>
  ) throws(RNNError) -> States<Scalar> {
    let mutable = UnsafeRawPointer(pointers)?.assumingMemoryBound(to: UnsafeMutableRawPointer?.self)
    return try states(name, mutable, count, network)
  }
}

@implementation @_cdecl("swiftrnn_network_forward")
public func swiftrnn_network_forward(
  _ network: OpaquePointer!, _ args: UnsafePointer<swiftrnn_forward_args>!
) -> swiftrnn_status {
  func forward<Scalar: RNNScalar>(
    _ network: Network<Scalar>, _ a: swiftrnn_forward_args, _ weights: PackedWeights<Scalar>?
  ) throws(RNNError) {
    var f = Network<Scalar>.Forward(steps: Int(a.steps), sequences: Int(a.sequences))
    f.x = a.x?.assumingMemoryBound(to: Scalar.self)
    f.xStepStride = Int(a.x_step_stride)
    f.xSequenceStride = Int(a.x_sequence_stride)
    f.y = a.y?.assumingMemoryBound(to: Scalar.self)
    f.yStepStride = Int(a.y_step_stride)
    f.ySequenceStride = Int(a.y_sequence_stride)
    f.lengths = a.lengths
    f.initial = try Argument.states("initial_states", a.initial_states, a.state_count, network)
    f.final = try Argument.states("final_states", a.final_states, a.state_count, network)
    f.inputs = try Argument.inputs("inputs", a.inputs, a.input_count, expected: network.inputCount)
    f.weights = weights
    if weights == nil {
      f.parameters = try Argument.parameters(
        "parameters", a.parameters, a.parameter_count, expected: network.parameterCount)
    }
    f.tape = a.tape
    f.tapeBytes = Int(a.tape_size)
    f.workspace = a.workspace
    f.workspaceBytes = Int(a.workspace_size)
    f.seed = try Argument.seed(a.seed, seeded: a.seeded, a.reserved)
    f.firstSequence = Int(a.first_sequence)
    f.mask = a.mask
    guard network.allocates(packed: weights != nil, steps: f.steps, sequences: f.sequences) else {
      return try network.forward(f)
    }
    try withReserve(network.spareBytes()) { () throws(RNNError) in try network.forward(f) }
  }
  return run { () throws(RNNError) in
    let handle = try Handle.network(network)
    let a = try Argument.settings("args", args)
    let weights = try a.weights.map { (pointer) throws(RNNError) in
      try Handle.object(WeightsHandle.self, pointer, "weights").weights
    }
    switch (handle.network, weights) {
    case (.float(let network), nil): try forward(network, a, nil)
    case (.float(let network), .float(let weights)?): try forward(network, a, weights)
    case (.double(let network), nil): try forward(network, a, nil)
    case (.double(let network), .double(let weights)?): try forward(network, a, weights)
    default: throw .mismatch("the weights are of another type of numbers than the network")
    }
  }
}

@implementation @_cdecl("swiftrnn_network_backward")
public func swiftrnn_network_backward(
  _ network: OpaquePointer!, _ args: UnsafePointer<swiftrnn_backward_args>!
) -> swiftrnn_status {
  func backward<Scalar: RNNScalar>(_ network: Network<Scalar>, _ a: swiftrnn_backward_args) throws(RNNError) {
    var b = Network<Scalar>.Backward(steps: Int(a.steps), sequences: Int(a.sequences))
    b.x = a.x?.assumingMemoryBound(to: Scalar.self)
    b.xStepStride = Int(a.x_step_stride)
    b.xSequenceStride = Int(a.x_sequence_stride)
    b.dy = a.dy?.assumingMemoryBound(to: Scalar.self)
    b.dyStepStride = Int(a.dy_step_stride)
    b.dySequenceStride = Int(a.dy_sequence_stride)
    b.dx = a.dx?.assumingMemoryBound(to: Scalar.self)
    b.dxStepStride = Int(a.dx_step_stride)
    b.dxSequenceStride = Int(a.dx_sequence_stride)
    b.lengths = a.lengths
    b.initial = try Argument.states("initial_states", a.initial_states, a.state_count, network)
    b.finalGradients = try Argument.states("final_state_gradients", a.final_state_gradients, a.state_count, network)
    b.initialGradients = try Argument.states(
      "initial_state_gradients", a.initial_state_gradients, a.state_count, network)
    b.inputs = try Argument.inputs("inputs", a.inputs, a.input_count, expected: network.inputCount)
    b.inputGradients = try Argument.inputs(
      "input_gradients", UnsafeRawPointer(a.input_gradients)?.assumingMemoryBound(to: UnsafeRawPointer?.self),
      a.input_count, expected: network.inputCount)
    let parameters = network.parameterCount
    b.parameters = try Argument.parameters("parameters", a.parameters, a.parameter_count, expected: parameters)
    if a.gradients != nil {
      b.gradients = try Argument.parameters("gradients", a.gradients, a.parameter_count, expected: parameters)
    }
    b.mask = a.mask
    b.accumulate = try Argument.flag("accumulate", a.accumulate)
    guard a.reserved == 0 else { throw .invalidValue("reserved", Int(a.reserved), low: 0, high: 0) }
    b.tape = a.tape
    b.tapeBytes = Int(a.tape_size)
    b.workspace = a.workspace
    b.workspaceBytes = Int(a.workspace_size)
    try network.backward(b)
  }
  return run { () throws(RNNError) in
    let handle = try Handle.network(network)
    let a = try Argument.settings("args", args)
    try withReserve(handle.spareBytes()) { () throws(RNNError) in
      switch handle.network {
      case .float(let network): try backward(network, a)
      case .double(let network): try backward(network, a)
      }
    }
  }
}

@implementation @_cdecl("swiftrnn_network_update_statistics")
public func swiftrnn_network_update_statistics(
  _ network: OpaquePointer!, _ tape: UnsafeRawPointer!, _ tape_size: Int64, _ steps: Int64, _ sequences: Int64,
  _ momentum: Double, _ parameters: UnsafePointer<UnsafeMutableRawPointer?>!, _ parameter_count: Int64
) -> swiftrnn_status {
  run { () throws(RNNError) in
    let handle = try Handle.network(network)
    let parameters = try Argument.parameters(
      "parameters", parameters, parameter_count, expected: handle.parameterCount)
    try withReserve(handle.spareBytes()) { () throws(RNNError) in
      switch handle.network {
      case .float(let network):
        try network.updateStatistics(
          tape: tape, tapeBytes: Int(tape_size), steps: Int(steps), sequences: Int(sequences), momentum: momentum,
          parameters: parameters)
      case .double(let network):
        try network.updateStatistics(
          tape: tape, tapeBytes: Int(tape_size), steps: Int(steps), sequences: Int(sequences), momentum: momentum,
          parameters: parameters)
      }
    }
  }
}

// MARK: Packed weights

@implementation @_cdecl("swiftrnn_weights_create")
public func swiftrnn_weights_create(
  _ network: OpaquePointer!, _ parameters: UnsafePointer<UnsafeRawPointer?>!, _ parameter_count: Int64,
  _ out_weights: UnsafeMutablePointer<OpaquePointer?>!
) -> swiftrnn_status {
  run { () throws(RNNError) in
    let out = try output(out_weights, "out_weights")
    out.pointee = nil
    let handle = try Handle.network(network)
    let parameters = try Argument.parameters(
      "parameters", parameters, parameter_count, expected: handle.parameterCount)
    try make(out, reserving: handle.spareBytes()) { () throws(RNNError) in
      switch handle.network {
      case .float(let network): WeightsHandle(.float(try PackedWeights(network, parameters: parameters)))
      case .double(let network): WeightsHandle(.double(try PackedWeights(network, parameters: parameters)))
      }
    }
  }
}

@implementation @_cdecl("swiftrnn_weights_destroy")
public func swiftrnn_weights_destroy(_ weights: OpaquePointer!) { Handle.release(WeightsHandle.self, weights) }

// MARK: Streams

@implementation @_cdecl("swiftrnn_stream_create")
public func swiftrnn_stream_create(
  _ network: OpaquePointer!, _ weights: OpaquePointer!, _ sequences: Int64,
  _ out_stream: UnsafeMutablePointer<OpaquePointer?>!
) -> swiftrnn_status {
  run { () throws(RNNError) in
    let out = try output(out_stream, "out_stream")
    out.pointee = nil
    let handle = try Handle.network(network)
    let network = handle.network
    let weights = try Handle.object(WeightsHandle.self, weights, "weights").weights
    try make(out, reserving: handle.spareBytes(isStream: true)) { () throws(RNNError) in
      switch (network, weights) {
      case (.float(let network), .float(let weights)):
        StreamHandle(.float(try Stream(network, weights: weights, sequences: Int(sequences))))
      case (.double(let network), .double(let weights)):
        StreamHandle(.double(try Stream(network, weights: weights, sequences: Int(sequences))))
      default: throw .mismatch("the weights are of another type of numbers than the network")
      }
    }
  }
}

@implementation @_cdecl("swiftrnn_stream_destroy")
public func swiftrnn_stream_destroy(_ stream: OpaquePointer!) { Handle.release(StreamHandle.self, stream) }

@implementation @_cdecl("swiftrnn_stream_step")
public func swiftrnn_stream_step(
  _ stream: OpaquePointer!, _ x: UnsafeRawPointer!, _ y: UnsafeMutableRawPointer!
) -> swiftrnn_status {
  run { () throws(RNNError) in
    switch try Handle.uncounted(StreamHandle.self, stream, "stream")._withUnsafeGuaranteedRef({ $0.uncounted }) {
    case .float(let stream):
      try stream.with { (stream) throws(RNNError) in
        try stream.controlledStep(
          unsafe: x?.assumingMemoryBound(to: Float.self), into: y?.assumingMemoryBound(to: Float.self))
      }
    case .double(let stream):
      try stream.with { (stream) throws(RNNError) in
        try stream.controlledStep(
          unsafe: x?.assumingMemoryBound(to: Double.self), into: y?.assumingMemoryBound(to: Double.self))
      }
    }
  }
}

@implementation @_cdecl("swiftrnn_stream_run")
public func swiftrnn_stream_run(
  _ stream: OpaquePointer!, _ steps: Int64, _ x: UnsafeRawPointer!, _ y: UnsafeMutableRawPointer!
) -> swiftrnn_status {
  run { () throws(RNNError) in
    switch try Handle.object(StreamHandle.self, stream, "stream").stream {
    case .float(let stream):
      try stream.run(
        unsafe: x?.assumingMemoryBound(to: Float.self), into: y?.assumingMemoryBound(to: Float.self), steps: Int(steps))
    case .double(let stream):
      try stream.run(
        unsafe: x?.assumingMemoryBound(to: Double.self), into: y?.assumingMemoryBound(to: Double.self),
        steps: Int(steps))
    }
  }
}

@implementation @_cdecl("swiftrnn_stream_reset")
public func swiftrnn_stream_reset(_ stream: OpaquePointer!) -> swiftrnn_status {
  run { () throws(RNNError) in
    switch try Handle.object(StreamHandle.self, stream, "stream").stream {
    case .float(let stream): stream.reset()
    case .double(let stream): stream.reset()
    }
  }
}

@implementation @_cdecl("swiftrnn_stream_get_state")
public func swiftrnn_stream_get_state(
  _ stream: OpaquePointer!, _ states: UnsafePointer<UnsafeMutableRawPointer?>!, _ state_count: Int64
) -> swiftrnn_status {
  run { () throws(RNNError) in
    let handle = try Handle.object(StreamHandle.self, stream, "stream")
    if states == nil { throw .nullPointer("states") }
    switch handle.stream {
    case .float(let stream):
      try stream.getState(Argument.states("states", states, state_count, stream.network))
    case .double(let stream):
      try stream.getState(Argument.states("states", states, state_count, stream.network))
    }
  }
}

@implementation @_cdecl("swiftrnn_stream_set_state")
public func swiftrnn_stream_set_state(
  _ stream: OpaquePointer!, _ states: UnsafePointer<UnsafeRawPointer?>!, _ state_count: Int64
) -> swiftrnn_status {
  run { () throws(RNNError) in
    let handle = try Handle.object(StreamHandle.self, stream, "stream")
    if states == nil { throw .nullPointer("states") }
    switch handle.stream {
    case .float(let stream):
      try stream.setState(Argument.states("states", states, state_count, stream.network))
    case .double(let stream):
      try stream.setState(Argument.states("states", states, state_count, stream.network))
    }
  }
}
