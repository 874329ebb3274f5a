// The door to a look inside of models.
import CSwiftRNN
import SwiftRNN
@_spi(Door) import SwiftRNNModels

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
  func inspection<Scalar: RNNScalar>(
    _ model: Model<Scalar>, _ pass: PassArguments<Scalar>
  ) throws(ModelError) -> OpaquePointer? {
    // Counts a model of its own.
    let bytes = try withModelErrors { () throws(RNNError) in try model.inspectionBytes(pass.batch) }
    return try withModelReserve(Reserve.configuration(0) &+ Reserve.pass(bytes)) { () throws(ModelError) in
      try keptHandle { () throws(ModelError) in
        let inspection = try withModelErrors { () throws(RNNError) in
          try model.inspect(pass.batch, state: pass.state)
        }
        return InspectionHandle(try inspection.json.text())
      }
    }
  }
  return run(models: { () throws(ModelError) in
    let out = try withModelErrors { () throws(RNNError) in try output(out_inspection, "out_inspection") }
    out.pointee = nil
    switch try Handle.model(model).model {
    case .float(let model):
      let pass = try withModelErrors { () throws(RNNError) in try Argument.pass(model, batch, state) }
      out.pointee = try inspection(model, pass)
    case .double(let model):
      let pass = try withModelErrors { () throws(RNNError) in try Argument.pass(model, batch, state) }
      out.pointee = try inspection(model, pass)
    }
  })
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
