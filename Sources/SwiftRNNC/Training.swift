// The door to what surrounds a network in training: embedding, clipping, optimizers, sampling, linear
// layer.
import CSwiftRNN
@_spi(Door) import SwiftRNN

@implementation @_cdecl("swiftrnn_embedding_forward")
public func swiftrnn_embedding_forward(
  _ dtype: swiftrnn_dtype, _ vocabulary: Int64, _ width: Int64, _ weight: UnsafeRawPointer!, _ count: Int64,
  _ ids: UnsafePointer<Int64>!, _ out: UnsafeMutableRawPointer!
) -> swiftrnn_status {
  func forward<Scalar: RNNScalar>(_ type: Scalar.Type) throws(RNNError) {
    let vocabulary = try Argument.size("vocabulary", vocabulary)
    let width = try Argument.size("width", width)
    let count = try Argument.size("count", count)
    try Embedding.forward(
      weight: try Argument.array("weight", weight, vocabulary, width, of: type), vocabulary: vocabulary, width: width,
      ids: try Argument.array("ids", ids, count, of: Int.self),
      out: try Argument.output("out", out, count, width, of: type))
  }
  return run(reserving: Reserve.pass) { () throws(RNNError) in
    try dispatch(
      dtype, float: { () throws(RNNError) in try forward(Float.self) },
      double: { () throws(RNNError) in try forward(Double.self) })
  }
}

@implementation @_cdecl("swiftrnn_embedding_backward")
public func swiftrnn_embedding_backward(
  _ dtype: swiftrnn_dtype, _ vocabulary: Int64, _ width: Int64, _ count: Int64, _ ids: UnsafePointer<Int64>!,
  _ dout: UnsafeRawPointer!, _ accumulate: Int32, _ dweight: UnsafeMutableRawPointer!
) -> swiftrnn_status {
  func backward<Scalar: RNNScalar>(_ type: Scalar.Type) throws(RNNError) {
    let vocabulary = try Argument.size("vocabulary", vocabulary)
    let width = try Argument.size("width", width)
    let count = try Argument.size("count", count)
    try Embedding.backward(
      ids: try Argument.array("ids", ids, count, of: Int.self),
      dout: try Argument.array("dout", dout, count, width, of: type), vocabulary: vocabulary, width: width,
      accumulate: try Argument.flag("accumulate", accumulate),
      dweight: try Argument.output("dweight", dweight, vocabulary, width, of: type))
  }
  return run(reserving: Reserve.pass) { () throws(RNNError) in
    try dispatch(
      dtype, float: { () throws(RNNError) in try backward(Float.self) },
      double: { () throws(RNNError) in try backward(Double.self) })
  }
}

@implementation @_cdecl("swiftrnn_clip_gradients")
public func swiftrnn_clip_gradients(
  _ dtype: swiftrnn_dtype, _ tensor_count: Int64, _ gradients: UnsafePointer<UnsafeMutableRawPointer?>!,
  _ elements: UnsafePointer<Int64>!, _ max_norm: Double, _ out_norm: UnsafeMutablePointer<Double>!
) -> swiftrnn_status {
  func clip<Scalar: RNNScalar>(_ type: Scalar.Type) throws(RNNError) {
    let norm = try Argument.wanted("out_norm", out_norm, 1, of: Double.self)
    let (pointers, counts) = try Argument.tensors(tensor_count, gradients, elements, of: type)
    let before = try GradientClipping.clip(tensors: counts.count, maxNorm: max_norm) { t in
      UnsafeMutableBufferPointer(
        start: pointers[t]?.assumingMemoryBound(to: Scalar.self), count: pointers[t] == nil ? 0 : counts[t])
    }
    norm?[0] = before
  }
  return run(reserving: Reserve.pass) { () throws(RNNError) in
    try dispatch(
      dtype, float: { () throws(RNNError) in try clip(Float.self) },
      double: { () throws(RNNError) in try clip(Double.self) })
  }
}

@implementation @_cdecl("swiftrnn_clip_values")
public func swiftrnn_clip_values(
  _ dtype: swiftrnn_dtype, _ tensor_count: Int64, _ gradients: UnsafePointer<UnsafeMutableRawPointer?>!,
  _ elements: UnsafePointer<Int64>!, _ limit: Double
) -> swiftrnn_status {
  func clip<Scalar: RNNScalar>(_ type: Scalar.Type) throws(RNNError) {
    let (pointers, counts) = try Argument.tensors(tensor_count, gradients, elements, of: type)
    try GradientClipping.clip(tensors: counts.count, values: limit) { t in
      UnsafeMutableBufferPointer(
        start: pointers[t]?.assumingMemoryBound(to: Scalar.self), count: pointers[t] == nil ? 0 : counts[t])
    }
  }
  return run(reserving: Reserve.pass) { () throws(RNNError) in
    try dispatch(
      dtype, float: { () throws(RNNError) in try clip(Float.self) },
      double: { () throws(RNNError) in try clip(Double.self) })
  }
}

@implementation @_cdecl("swiftrnn_sgd_step")
public func swiftrnn_sgd_step(
  _ dtype: swiftrnn_dtype, _ elements: Int64, _ rate: Double, _ momentum: Double, _ weight_decay: Double,
  _ nesterov: Int32, _ gradient: UnsafeRawPointer!, _ parameter: UnsafeMutableRawPointer!,
  _ velocity: UnsafeMutableRawPointer!
) -> swiftrnn_status {
  func step<Scalar: RNNScalar>(_ type: Scalar.Type) throws(RNNError) {
    let elements = try Argument.size("elements", elements)
    let sgd = SGD(
      rate: rate, momentum: momentum, weightDecay: weight_decay, nesterov: try Argument.flag("nesterov", nesterov))
    try sgd.step(
      gradient: try Argument.array("gradient", gradient, elements, of: type),
      parameter: try Argument.output("parameter", parameter, elements, of: type),
      velocity: velocity == nil && elements == 0
        ? try Argument.output("velocity", velocity, 0, of: type)
        : try Argument.wanted("velocity", velocity, elements, of: type))
  }
  return run(reserving: Reserve.pass) { () throws(RNNError) in
    try dispatch(
      dtype, float: { () throws(RNNError) in try step(Float.self) },
      double: { () throws(RNNError) in try step(Double.self) })
  }
}

@implementation @_cdecl("swiftrnn_adam_step")
public func swiftrnn_adam_step(
  _ dtype: swiftrnn_dtype, _ config: UnsafePointer<swiftrnn_adam_config>!, _ step: Int64, _ elements: Int64,
  _ gradient: UnsafeRawPointer!, _ parameter: UnsafeMutableRawPointer!, _ first: UnsafeMutableRawPointer!,
  _ second: UnsafeMutableRawPointer!
) -> swiftrnn_status {
  func update<Scalar: RNNScalar>(_ type: Scalar.Type) throws(RNNError) {
    let settings = try Argument.settings("config", config)
    guard settings.reserved == 0 else { throw .invalidValue("reserved", Int(settings.reserved), low: 0, high: 0) }
    let elements = try Argument.size("elements", elements)
    let adam = Adam(
      rate: settings.rate, beta1: settings.beta1, beta2: settings.beta2, epsilon: settings.epsilon,
      weightDecay: settings.weight_decay, decoupled: try Argument.flag("decoupled", settings.decoupled))
    try adam.step(
      Int(step), gradient: try Argument.array("gradient", gradient, elements, of: type),
      parameter: try Argument.output("parameter", parameter, elements, of: type),
      first: try Argument.output("first", first, elements, of: type),
      second: try Argument.output("second", second, elements, of: type))
  }
  return run(reserving: Reserve.pass) { () throws(RNNError) in
    try dispatch(
      dtype, float: { () throws(RNNError) in try update(Float.self) },
      double: { () throws(RNNError) in try update(Double.self) })
  }
}

@implementation @_cdecl("swiftrnn_rmsprop_step")
public func swiftrnn_rmsprop_step(
  _ dtype: swiftrnn_dtype, _ config: UnsafePointer<swiftrnn_rmsprop_config>!, _ elements: Int64,
  _ gradient: UnsafeRawPointer!, _ parameter: UnsafeMutableRawPointer!, _ square: UnsafeMutableRawPointer!,
  _ mean: UnsafeMutableRawPointer!, _ velocity: UnsafeMutableRawPointer!
) -> swiftrnn_status {
  func update<Scalar: RNNScalar>(_ type: Scalar.Type) throws(RNNError) {
    let settings = try Argument.settings("config", config)
    guard settings.reserved == 0 else { throw .invalidValue("reserved", Int(settings.reserved), low: 0, high: 0) }
    let elements = try Argument.size("elements", elements)
    let rmsprop = RMSprop(
      rate: settings.rate, alpha: settings.alpha, epsilon: settings.epsilon, weightDecay: settings.weight_decay,
      momentum: settings.momentum, centered: try Argument.flag("centered", settings.centered))
    /// Where there are no elements, no array need be there.
    func moment(
      _ name: StaticString, _ pointer: UnsafeMutableRawPointer?
    ) throws(RNNError) -> UnsafeMutableBufferPointer<Scalar>? {
      pointer == nil && elements == 0
        ? try Argument.output(name, pointer, 0, of: type) : try Argument.wanted(name, pointer, elements, of: type)
    }
    try rmsprop.step(
      gradient: try Argument.array("gradient", gradient, elements, of: type),
      parameter: try Argument.output("parameter", parameter, elements, of: type),
      square: try Argument.output("square", square, elements, of: type), mean: try moment("mean", mean),
      velocity: try moment("velocity", velocity))
  }
  return run(reserving: Reserve.pass) { () throws(RNNError) in
    try dispatch(
      dtype, float: { () throws(RNNError) in try update(Float.self) },
      double: { () throws(RNNError) in try update(Double.self) })
  }
}

@implementation @_cdecl("swiftrnn_sample")
public func swiftrnn_sample(
  _ dtype: swiftrnn_dtype, _ config: UnsafePointer<swiftrnn_sample_config>!, _ rows: Int64, _ classes: Int64,
  _ logits: UnsafeRawPointer!, _ out_ids: UnsafeMutablePointer<Int64>!
) -> swiftrnn_status {
  func sample<Scalar: RNNScalar>(_ type: Scalar.Type) throws(RNNError) {
    let settings = try Argument.settings("config", config)
    let seed = try Argument.seed(settings.seed, seeded: settings.seeded, settings.reserved)
    guard seed != nil || settings.position == 0 else {
      throw .invalidNumber("position", Double(settings.position), allowed: "0 unless seeded is 1")
    }
    let rows = try Argument.size("rows", rows)
    let classes = try Argument.size("classes", classes)
    var sampler = Sampler(
      temperature: settings.temperature, topK: Int(settings.top_k), topP: settings.top_p, seed: seed,
      position: settings.position)
    try sampler.sample(
      logits: try Argument.array("logits", logits, rows, classes, of: type), classes: classes,
      ids: try Argument.output("out_ids", out_ids, rows, of: Int.self))
  }
  return run(reserving: Reserve.pass) { () throws(RNNError) in
    try dispatch(
      dtype, float: { () throws(RNNError) in try sample(Float.self) },
      double: { () throws(RNNError) in try sample(Double.self) })
  }
}

@implementation @_cdecl("swiftrnn_linear_forward")
public func swiftrnn_linear_forward(
  _ dtype: swiftrnn_dtype, _ rows: Int64, _ inputs: Int64, _ outputs: Int64, _ x: UnsafeRawPointer!,
  _ weight: UnsafeRawPointer!, _ bias: UnsafeRawPointer!, _ y: UnsafeMutableRawPointer!
) -> swiftrnn_status {
  func forward<Scalar: RNNScalar>(_ type: Scalar.Type) throws(RNNError) {
    let rows = try Argument.size("rows", rows)
    let inputs = try Argument.size("inputs", inputs)
    let outputs = try Argument.size("outputs", outputs)
    try Linear.forward(
      rows: rows, inputs: inputs, outputs: outputs, x: try Argument.array("x", x, rows, inputs, of: type),
      weight: try Argument.array("weight", weight, outputs, inputs, of: type),
      bias: bias == nil ? nil : try Argument.array("bias", bias, outputs, of: type),
      y: try Argument.output("y", y, rows, outputs, of: type))
  }
  // Sizes that are refused do not get far.
  let allocates = Linear.allocates(rows: Int(rows), inputs: Int(inputs), outputs: Int(outputs))
  return run(reserving: allocates ? Reserve.pass : nil) { () throws(RNNError) in
    try dispatch(
      dtype, float: { () throws(RNNError) in try forward(Float.self) },
      double: { () throws(RNNError) in try forward(Double.self) })
  }
}

@implementation @_cdecl("swiftrnn_linear_backward")
public func swiftrnn_linear_backward(
  _ dtype: swiftrnn_dtype, _ rows: Int64, _ inputs: Int64, _ outputs: Int64, _ x: UnsafeRawPointer!,
  _ weight: UnsafeRawPointer!, _ dy: UnsafeRawPointer!, _ accumulate: Int32, _ dx: UnsafeMutableRawPointer!,
  _ dweight: UnsafeMutableRawPointer!, _ dbias: UnsafeMutableRawPointer!
) -> swiftrnn_status {
  func backward<Scalar: RNNScalar>(_ type: Scalar.Type) throws(RNNError) {
    let rows = try Argument.size("rows", rows)
    let inputs = try Argument.size("inputs", inputs)
    let outputs = try Argument.size("outputs", outputs)
    try Linear.backward(
      rows: rows, inputs: inputs, outputs: outputs,
      x: dweight == nil ? nil : try Argument.array("x", x, rows, inputs, of: type),
      weight: dx == nil ? nil : try Argument.array("weight", weight, outputs, inputs, of: type),
      dy: try Argument.array("dy", dy, rows, outputs, of: type),
      accumulate: try Argument.flag("accumulate", accumulate),
      dx: try Argument.wanted("dx", dx, rows, inputs, of: type),
      dweight: try Argument.wanted("dweight", dweight, outputs, inputs, of: type),
      dbias: try Argument.wanted("dbias", dbias, outputs, of: type))
  }
  return run(reserving: Reserve.pass) { () throws(RNNError) in
    try dispatch(
      dtype, float: { () throws(RNNError) in try backward(Float.self) },
      double: { () throws(RNNError) in try backward(Double.self) })
  }
}
