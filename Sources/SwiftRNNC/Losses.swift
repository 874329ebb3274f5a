// The door to losses: softmax cross-entropy, alone and behind a linear layer, and losses of numbers against numbers.
import CSwiftRNN
import SwiftRNN

extension Argument {
  fileprivate static func reduction(_ value: swiftrnn_reduction) throws(RNNError) -> LossReduction {
    switch value {
    case SWIFTRNN_REDUCTION_MEAN: return .mean
    case SWIFTRNN_REDUCTION_SUM: return .sum
    default: throw .invalidValue("reduction", Int(truncatingIfNeeded: value.rawValue), low: 0, high: 1)
    }
  }

  /// `[count]` to read, or nil for NULL.
  fileprivate static func optional<Element>(
    _ name: StaticString, _ pointer: UnsafeRawPointer?, _ count: Int, of type: Element.Type
  ) throws(RNNError) -> UnsafeBufferPointer<Element>? {
    pointer == nil ? nil : try array(name, pointer, count, of: type)
  }
}

/// Options as `swiftrnn_cross_entropy_options` gives them; defaults where the pointer is NULL.
private struct CrossEntropyOptions<Scalar: RNNScalar> {
  var labelSmoothing = 0.0
  var classWeights: UnsafeBufferPointer<Scalar>?
  var rowWeights: UnsafeBufferPointer<Scalar>?
  var reduction = LossReduction.mean

  init(
    _ options: UnsafePointer<swiftrnn_cross_entropy_options>?, rows: Int, classes: Int
  ) throws(RNNError) {
    guard let options else { return }
    let given = try Argument.settings("options", options)
    guard given.reserved == 0 else { throw .invalidValue("reserved", Int(given.reserved), low: 0, high: 0) }
    labelSmoothing = given.label_smoothing
    classWeights = try Argument.optional("class_weights", given.class_weights, classes, of: Scalar.self)
    rowWeights = try Argument.optional("row_weights", given.row_weights, rows, of: Scalar.self)
    reduction = try Argument.reduction(given.reduction)
  }
}

@implementation @_cdecl("swiftrnn_cross_entropy")
public func swiftrnn_cross_entropy(
  _ dtype: swiftrnn_dtype, _ rows: Int64, _ classes: Int64, _ logits: UnsafeRawPointer!,
  _ targets: UnsafePointer<Int64>!, _ ignore_index: Int64, _ row_losses: UnsafeMutablePointer<Double>!,
  _ dlogits: UnsafeMutableRawPointer!, _ out_loss: UnsafeMutablePointer<Double>!,
  _ out_perplexity: UnsafeMutablePointer<Double>!, _ out_count: UnsafeMutablePointer<Int64>!
) -> swiftrnn_status {
  swiftrnn_cross_entropy_with(
    dtype, nil, rows, classes, logits, targets, ignore_index, row_losses, dlogits, out_loss, out_perplexity, out_count)
}

@implementation @_cdecl("swiftrnn_cross_entropy_with")
public func swiftrnn_cross_entropy_with(
  _ dtype: swiftrnn_dtype, _ options: UnsafePointer<swiftrnn_cross_entropy_options>!, _ rows: Int64, _ classes: Int64,
  _ logits: UnsafeRawPointer!, _ targets: UnsafePointer<Int64>!, _ ignore_index: Int64,
  _ row_losses: UnsafeMutablePointer<Double>!, _ dlogits: UnsafeMutableRawPointer!,
  _ out_loss: UnsafeMutablePointer<Double>!, _ out_perplexity: UnsafeMutablePointer<Double>!,
  _ out_count: UnsafeMutablePointer<Int64>!
) -> swiftrnn_status {
  func evaluate<Scalar: RNNScalar>(_ type: Scalar.Type) throws(RNNError) {
    let rows = try Argument.size("rows", rows)
    let classes = try Argument.size("classes", classes)
    let options = try CrossEntropyOptions<Scalar>(options, rows: rows, classes: classes)
    let loss = try Argument.wanted("out_loss", out_loss, 1, of: Double.self)
    let perplexity = try Argument.wanted("out_perplexity", out_perplexity, 1, of: Double.self)
    let count = try Argument.wanted("out_count", out_count, 1, of: Int.self)
    let result = try CrossEntropy.evaluate(
      logits: try Argument.array("logits", logits, rows, classes, of: type), classes: classes,
      targets: try Argument.array("targets", targets, rows, of: Int.self), ignoring: Int(ignore_index),
      labelSmoothing: options.labelSmoothing, classWeights: options.classWeights, rowWeights: options.rowWeights,
      reduction: options.reduction, rowLosses: try Argument.wanted("row_losses", row_losses, rows, of: Double.self),
      dlogits: try Argument.wanted("dlogits", dlogits, rows, classes, of: type))
    loss?[0] = result.loss
    perplexity?[0] = result.perplexity
    count?[0] = result.count
  }
  return run(reserving: Reserve.pass) { () throws(RNNError) in
    try dispatch(
      dtype, float: { () throws(RNNError) in try evaluate(Float.self) },
      double: { () throws(RNNError) in try evaluate(Double.self) })
  }
}

@implementation @_cdecl("swiftrnn_linear_cross_entropy")
public func swiftrnn_linear_cross_entropy(
  _ dtype: swiftrnn_dtype, _ args: UnsafePointer<swiftrnn_linear_cross_entropy_args>!
) -> swiftrnn_status {
  func evaluate<Scalar: RNNScalar>(_ type: Scalar.Type) throws(RNNError) {
    let given = try Argument.settings("args", args)
    guard given.reserved == 0 else { throw .invalidValue("reserved", Int(given.reserved), low: 0, high: 0) }
    let rows = try Argument.size("rows", given.rows)
    let inputs = try Argument.size("inputs", given.inputs)
    let classes = try Argument.size("classes", given.classes)
    let limit = try Argument.size("memory_limit", given.memory_limit)
    let options = try CrossEntropyOptions<Scalar>(given.options, rows: rows, classes: classes)
    let loss = try Argument.wanted("out_loss", given.out_loss, 1, of: Double.self)
    let perplexity = try Argument.wanted("out_perplexity", given.out_perplexity, 1, of: Double.self)
    let count = try Argument.wanted("out_count", given.out_count, 1, of: Int.self)
    let result = try LinearCrossEntropy.evaluate(
      rows: rows, inputs: inputs, classes: classes, x: try Argument.array("x", given.x, rows, inputs, of: type),
      weight: try Argument.array("weight", given.weight, classes, inputs, of: type),
      bias: try Argument.optional("bias", given.bias, classes, of: type),
      targets: try Argument.array("targets", given.targets, rows, of: Int.self), ignoring: Int(given.ignore_index),
      labelSmoothing: options.labelSmoothing, classWeights: options.classWeights, rowWeights: options.rowWeights,
      reduction: options.reduction, accumulate: try Argument.flag("accumulate", given.accumulate),
      memoryLimit: limit == 0 ? LinearCrossEntropy.defaultMemoryLimit : limit,
      rowLosses: try Argument.wanted("row_losses", given.row_losses, rows, of: Double.self),
      dx: try Argument.wanted("dx", given.dx, rows, inputs, of: type),
      dweight: try Argument.wanted("dweight", given.dweight, classes, inputs, of: type),
      dbias: try Argument.wanted("dbias", given.dbias, classes, of: type))
    loss?[0] = result.loss
    perplexity?[0] = result.perplexity
    count?[0] = result.count
  }
  return run(reserving: Reserve.pass) { () throws(RNNError) in
    try dispatch(
      dtype, float: { () throws(RNNError) in try evaluate(Float.self) },
      double: { () throws(RNNError) in try evaluate(Double.self) })
  }
}

extension Argument {
  static func elementwiseLoss(_ loss: swiftrnn_loss, delta: Double) throws(RNNError) -> ElementwiseLoss {
    switch loss {
    case SWIFTRNN_LOSS_BINARY_CROSS_ENTROPY: .binaryCrossEntropy
    case SWIFTRNN_LOSS_SQUARED_ERROR: .squaredError
    case SWIFTRNN_LOSS_ABSOLUTE_ERROR: .absoluteError
    case SWIFTRNN_LOSS_HUBER: .huber(delta: delta)
    default: throw .invalidValue("loss", Int(truncatingIfNeeded: loss.rawValue), low: 0, high: 3)
    }
  }
}

@implementation @_cdecl("swiftrnn_elementwise_loss")
public func swiftrnn_elementwise_loss(
  _ dtype: swiftrnn_dtype, _ config: UnsafePointer<swiftrnn_elementwise_loss_config>!, _ rows: Int64, _ width: Int64,
  _ predictions: UnsafeRawPointer!, _ targets: UnsafeRawPointer!, _ dpredictions: UnsafeMutableRawPointer!,
  _ out_loss: UnsafeMutablePointer<Double>!
) -> swiftrnn_status {
  func evaluate<Scalar: RNNScalar>(_ type: Scalar.Type) throws(RNNError) {
    let settings = try Argument.settings("config", config)
    let rows = try Argument.size("rows", rows)
    let width = try Argument.size("width", width)
    let sequences = try Argument.size("sequences", settings.sequences)
    guard settings.lengths != nil || sequences == 0 else { throw .nullPointer("lengths, where sequences is not 0,") }
    let kind = try Argument.elementwiseLoss(settings.loss, delta: settings.delta)
    let loss = try Argument.wanted("out_loss", out_loss, 1, of: Double.self)
    let result = try kind.evaluate(
      predictions: try Argument.array("predictions", predictions, rows, width, of: type),
      targets: try Argument.array("targets", targets, rows, width, of: type), rows: rows, width: width,
      rowWeights: try Argument.optional("row_weights", settings.row_weights, rows, of: type),
      positiveWeights: try Argument.optional("positive_weights", settings.positive_weights, width, of: type),
      lengths: try Argument.optional("lengths", settings.lengths, sequences, of: Int.self),
      reduction: try Argument.reduction(settings.reduction),
      gradient: try Argument.wanted("dpredictions", dpredictions, rows, width, of: type))
    loss?[0] = result
  }
  return run(reserving: Reserve.pass) { () throws(RNNError) in
    try dispatch(
      dtype, float: { () throws(RNNError) in try evaluate(Float.self) },
      double: { () throws(RNNError) in try evaluate(Double.self) })
  }
}
