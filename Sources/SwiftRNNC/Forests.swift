// The door to trees.
import CSwiftRNN
import SwiftRNN

final class ForestHandle: Sendable {
  let forest: Forest
  init(_ forest: Forest) { self.forest = forest }
}

extension Argument {
  fileprivate static func numbers(
    _ name: StaticString, _ pointer: UnsafePointer<Int64>?, _ count: Int64
  ) throws(RNNError) -> [Int] {
    let values = try array(name, UnsafeRawPointer(pointer), Int(count), of: Int64.self)
    return values.map { Int($0) }
  }

  fileprivate static func count(_ name: StaticString, _ count: Int64) throws(RNNError) {
    guard (0...(1 << 31)).contains(count) else { throw .invalidSize(name, Int(count), low: 0, high: 1 << 31) }
  }
}

@implementation @_cdecl("swiftrnn_forest_create")
public func swiftrnn_forest_create(
  _ parents: UnsafePointer<Int64>!, _ node_count: Int64, _ out_forest: UnsafeMutablePointer<OpaquePointer?>!
) -> swiftrnn_status {
  run { () throws(RNNError) in
    let out = try output(out_forest, "out_forest")
    out.pointee = nil
    try Argument.count("node_count", node_count)
    try make(out, reserving: Reserve.forest(nodes: node_count, edges: node_count)) { () throws(RNNError) in
      ForestHandle(try Forest(parents: Argument.numbers("parents", parents, node_count)))
    }
  }
}

@implementation @_cdecl("swiftrnn_forest_create_edges")
public func swiftrnn_forest_create_edges(
  _ node_count: Int64, _ children: UnsafePointer<Int64>!, _ parents: UnsafePointer<Int64>!, _ edge_count: Int64,
  _ out_forest: UnsafeMutablePointer<OpaquePointer?>!
) -> swiftrnn_status {
  run { () throws(RNNError) in
    let out = try output(out_forest, "out_forest")
    out.pointee = nil
    try Argument.count("node_count", node_count)
    try Argument.count("edge_count", edge_count)
    try make(out, reserving: Reserve.forest(nodes: node_count, edges: edge_count)) { () throws(RNNError) in
      ForestHandle(
        try Forest(
          nodeCount: Int(node_count), children: Argument.numbers("children", children, edge_count),
          parents: Argument.numbers("parents", parents, edge_count)))
    }
  }
}

@implementation @_cdecl("swiftrnn_forest_destroy")
public func swiftrnn_forest_destroy(_ forest: OpaquePointer!) { Handle.release(ForestHandle.self, forest) }

@implementation @_cdecl("swiftrnn_forest_tape_size")
public func swiftrnn_forest_tape_size(
  _ network: OpaquePointer!, _ forest: OpaquePointer!, _ out_size: UnsafeMutablePointer<Int64>!
) -> swiftrnn_status {
  run { () throws(RNNError) in
    let handle = try Handle.network(network)
    let forest = try Handle.object(ForestHandle.self, forest, "forest").forest
    let out = try output(out_size, "out_size")
    switch handle.network {
    case .float(let network): out.pointee = Int64(try network.forestTapeSize(forest))
    case .double(let network): out.pointee = Int64(try network.forestTapeSize(forest))
    }
  }
}

@implementation @_cdecl("swiftrnn_forest_workspace_size")
public func swiftrnn_forest_workspace_size(
  _ network: OpaquePointer!, _ forest: OpaquePointer!, _ purpose: swiftrnn_workspace,
  _ out_size: UnsafeMutablePointer<Int64>!
) -> swiftrnn_status {
  func size<Scalar: RNNScalar>(_ network: Network<Scalar>, _ forest: Forest) throws(RNNError) -> Int {
    guard let purpose = Int32(exactly: purpose.rawValue).flatMap(Network<Scalar>.Purpose.init(rawValue:)),
      purpose != .forwardWeights
    else { throw .invalidValue("purpose", Int(purpose.rawValue), low: 0, high: 2) }
    return try network.forestWorkspaceSize(purpose, forest)
  }
  return run { () throws(RNNError) in
    let handle = try Handle.network(network)
    let forest = try Handle.object(ForestHandle.self, forest, "forest").forest
    let out = try output(out_size, "out_size")
    switch handle.network {
    case .float(let network): out.pointee = Int64(try size(network, forest))
    case .double(let network): out.pointee = Int64(try size(network, forest))
    }
  }
}

@implementation @_cdecl("swiftrnn_forest_forward")
public func swiftrnn_forest_forward(
  _ network: OpaquePointer!, _ forest: OpaquePointer!, _ args: UnsafePointer<swiftrnn_forest_forward_args>!
) -> swiftrnn_status {
  func forward<Scalar: RNNScalar>(
    _ network: Network<Scalar>, _ forest: Forest, _ a: swiftrnn_forest_forward_args
  ) throws(RNNError) {
    var f = Network<Scalar>.ForestForward()
    f.x = a.x?.assumingMemoryBound(to: Scalar.self)
    f.y = a.y?.assumingMemoryBound(to: Scalar.self)
    f.inputs = try Argument.inputs("inputs", a.inputs, a.input_count, expected: network.inputCount)
    f.final = try Argument.states("final_states", a.final_states, a.state_count, network)
    f.parameters = try Argument.parameters(
      "parameters", a.parameters, a.parameter_count, expected: network.parameterCount)
    f.tape = a.tape
    f.tapeBytes = Int(a.tape_size)
    f.workspace = a.workspace
    f.workspaceBytes = Int(a.workspace_size)
    f.seed = try Argument.seed(a.seed, seeded: a.seeded, a.reserved)
    f.firstNode = Int(a.first_node)
    try network.forward(forest, f)
  }
  return run(reserving: Reserve.pass) { () throws(RNNError) in
    let handle = try Handle.network(network)
    let forest = try Handle.object(ForestHandle.self, forest, "forest").forest
    let a = try Argument.settings("args", args)
    switch handle.network {
    case .float(let network): try forward(network, forest, a)
    case .double(let network): try forward(network, forest, a)
    }
  }
}

@implementation @_cdecl("swiftrnn_forest_backward")
public func swiftrnn_forest_backward(
  _ network: OpaquePointer!, _ forest: OpaquePointer!, _ args: UnsafePointer<swiftrnn_forest_backward_args>!
) -> swiftrnn_status {
  func backward<Scalar: RNNScalar>(
    _ network: Network<Scalar>, _ forest: Forest, _ a: swiftrnn_forest_backward_args
  ) throws(RNNError) {
    var b = Network<Scalar>.ForestBackward()
    b.x = a.x?.assumingMemoryBound(to: Scalar.self)
    b.dy = a.dy?.assumingMemoryBound(to: Scalar.self)
    b.dx = a.dx?.assumingMemoryBound(to: Scalar.self)
    b.inputs = try Argument.inputs("inputs", a.inputs, a.input_count, expected: network.inputCount)
    b.inputGradients = try Argument.inputs(
      "input_gradients", UnsafeRawPointer(a.input_gradients)?.assumingMemoryBound(to: UnsafeRawPointer?.self),
      a.input_count, expected: network.inputCount)
    b.finalGradients = try Argument.states("state_gradients", a.state_gradients, a.state_count, network)
    let parameters = network.parameterCount
    b.parameters = try Argument.parameters("parameters", a.parameters, a.parameter_count, expected: parameters)
    if a.gradients != nil {
      b.gradients = try Argument.parameters("gradients", a.gradients, a.parameter_count, expected: parameters)
    }
    b.accumulate = try Argument.flag("accumulate", a.accumulate)
    guard a.reserved == 0 else { throw .invalidValue("reserved", Int(a.reserved), low: 0, high: 0) }
    b.tape = a.tape
    b.tapeBytes = Int(a.tape_size)
    b.workspace = a.workspace
    b.workspaceBytes = Int(a.workspace_size)
    try network.backward(forest, b)
  }
  return run(reserving: Reserve.pass) { () throws(RNNError) in
    let handle = try Handle.network(network)
    let forest = try Handle.object(ForestHandle.self, forest, "forest").forest
    let a = try Argument.settings("args", args)
    switch handle.network {
    case .float(let network): try backward(network, forest, a)
    case .double(let network): try backward(network, forest, a)
    }
  }
}
