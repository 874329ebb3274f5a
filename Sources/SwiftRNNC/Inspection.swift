// The door to a look inside of models.
import CSwiftRNN
import SwiftRNN
import SwiftRNNModels

/// A look inside, as text.
final class InspectionHandle: Sendable {
  let json: String
  init(_ json: String) { self.json = json }
}

@implementation @_cdecl("swiftrnn_inspection_create")
public func swiftrnn_inspection_create(
  _ model: OpaquePointer!, _ batch: UnsafePointer<swiftrnn_model_batch>!, _ state: OpaquePointer!,
  _ out_inspection: UnsafeMutablePointer<OpaquePointer?>!
) -> swiftrnn_status {
  // A norm for each step and state, as a number and as text; and a model of its own.
  let steps = batch.map { max($0.pointee.steps, $0.pointee.target_steps) } ?? 0
  let bytes = Argument.reserve(min(max(steps, 0), 1 << 20), each: 1 << 12)
  return run(reserving: Reserve.modelCreation + bytes, making: out_inspection, "out_inspection") {
    () throws(ModelError) in
    let handle = try Handle.model(model)
    let inspection = try withModelErrors { () throws(RNNError) in
      switch handle.model {
      case .float(let model):
        let pass = try Argument.pass(model, batch, state)
        return try model.inspect(pass.batch, state: pass.state)
      case .double(let model):
        let pass = try Argument.pass(model, batch, state)
        return try model.inspect(pass.batch, state: pass.state)
      }
    }
    return InspectionHandle(try inspection.json.text())
  }
}

@implementation @_cdecl("swiftrnn_inspection_destroy")
public func swiftrnn_inspection_destroy(_ inspection: OpaquePointer!) {
  Handle.release(InspectionHandle.self, inspection)
}

@implementation @_cdecl("swiftrnn_inspection_json")
public func swiftrnn_inspection_json(
  _ inspection: OpaquePointer!, _ text: UnsafeMutablePointer<CChar>!, _ text_size: Int64,
  _ out_size: UnsafeMutablePointer<Int64>!
) -> swiftrnn_status {
  run { () throws(RNNError) in
    let json = try Handle.object(InspectionHandle.self, inspection, "inspection").json
    try withReserve(Argument.reserve(Int64(json.utf8.count), each: 2)) { () throws(RNNError) in
      try write(json, text, text_size, out_size)
    }
  }
}
