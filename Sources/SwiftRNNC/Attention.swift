// The door to dropout, pooling over steps and attention.
import CSwiftRNN
@_spi(Door) import SwiftRNN

extension Argument {
  /// `[a, b, c]` to read, if that many elements have a number of bytes.
  static func array<Element>(
    _ name: StaticString, _ pointer: UnsafeRawPointer?, _ a: Int, _ b: Int, _ c: Int, of type: Element.Type
  ) throws(RNNError) -> UnsafeBufferPointer<Element> {
    let rows = try count(name, a, b, of: UInt8.self)
    return try array(name, pointer, rows, c, of: type)
  }

  static func output<Element>(
    _ name: StaticString, _ pointer: UnsafeMutableRawPointer?, _ a: Int, _ b: Int, _ c: Int, of type: Element.Type
  ) throws(RNNError) -> UnsafeMutableBufferPointer<Element> {
    UnsafeMutableBufferPointer(mutating: try array(name, UnsafeRawPointer(pointer), a, b, c, of: type))
  }

  /// The same to write, or nil for NULL: not wanted.
  static func wanted<Element>(
    _ name: StaticString, _ pointer: UnsafeMutableRawPointer?, _ a: Int, _ b: Int, _ c: Int, of type: Element.Type
  ) throws(RNNError) -> UnsafeMutableBufferPointer<Element>? {
    pointer == nil ? nil : try output(name, pointer, a, b, c, of: type)
  }

  /// The same to read, or nil for NULL.
  static func given<Element>(
    _ name: StaticString, _ pointer: UnsafeRawPointer?, _ a: Int, _ b: Int = 1, _ c: Int = 1, of type: Element.Type
  ) throws(RNNError) -> UnsafeBufferPointer<Element>? {
    pointer == nil ? nil : try array(name, pointer, a, b, c, of: type)
  }

  /// Which steps of a batch count.
  static func counted(
    steps: Int64, sequences: Int64, _ lengths: UnsafePointer<Int64>?, _ mask: UnsafePointer<UInt8>?
  ) throws(RNNError) -> CountedSteps {
    let (steps, sequences) = (try size("steps", steps), try size("sequences", sequences))
    return CountedSteps(
      steps: steps, sequences: sequences, lengths: try given("lengths", lengths, sequences, of: Int64.self),
      mask: try given("mask", mask, steps, sequences, of: UInt8.self))
  }

  static func zero(_ name: StaticString, _ value: Int32) throws(RNNError) {
    guard value == 0 else { throw .invalidValue(name, Int(value), low: 0, high: 0) }
  }
}

/// Runs `body` for the type that `dtype` names, with a reserve.
private func withType(
  _ dtype: swiftrnn_dtype, float: () throws(RNNError) -> Void, double: () throws(RNNError) -> Void
) -> swiftrnn_status {
  run(reserving: Reserve.pass) { () throws(RNNError) in try dispatch(dtype, float: float, double: double) }
}

@implementation @_cdecl("swiftrnn_dropout")
public func swiftrnn_dropout(
  _ dtype: swiftrnn_dtype, _ config: UnsafePointer<swiftrnn_dropout_config>!, _ steps: Int64, _ sequences: Int64,
  _ width: Int64, _ x: UnsafeRawPointer!, _ y: UnsafeMutableRawPointer!, _ out_seed: UnsafeMutablePointer<UInt64>!
) -> swiftrnn_status {
  func apply<Scalar: RNNScalar>(_ type: Scalar.Type) throws(RNNError) {
    let settings = try Argument.settings("config", config)
    let seed = try Argument.seed(settings.seed, seeded: settings.seeded, settings.reserved)
    let steps = try Argument.size("steps", steps)
    let sequences = try Argument.size("sequences", sequences)
    let width = try Argument.size("width", width)
    let out = try Argument.wanted("out_seed", out_seed, 1, of: UInt64.self)
    let used = try DropoutLayer(probability: settings.p, layer: Int(settings.layer)).apply(
      steps: steps, sequences: sequences, width: width,
      x: try Argument.array("x", x, steps, sequences, width, of: type),
      y: try Argument.output("y", y, steps, sequences, width, of: type), seed: seed,
      firstStep: Int(settings.first_step), firstSequence: Int(settings.first_sequence))
    out?[0] = used
  }
  return withType(
    dtype, float: { () throws(RNNError) in try apply(Float.self) },
    double: { () throws(RNNError) in try apply(Double.self) })
}

// MARK: Pooling

extension Pool {
  fileprivate init(_ config: UnsafePointer<swiftrnn_pool_config>?) throws(RNNError) {
    let settings = try Argument.settings("config", config)
    let number = Int(truncatingIfNeeded: settings.kind.rawValue)
    guard let kind = Kind(rawValue: number) else { throw .invalidValue("kind", number, low: 0, high: 3) }
    // A negative size would be one of no number of bytes.
    self.init(
      kind, width: try Argument.size("width", settings.width),
      directions: settings.num_directions == 0 ? 1 : Int(settings.num_directions),
      attentionSize: try Argument.size("attention_size", settings.attention_size))
  }

  fileprivate func parameters<Scalar: RNNScalar>(
    _ weight: UnsafeRawPointer?, _ bias: UnsafeRawPointer?, _ query: UnsafeRawPointer?, _ type: Scalar.Type
  ) throws(RNNError) -> Parameters<Scalar> {
    let isThere = kind == .attention
    return .init(
      weight: try isThere
        ? Argument.array("weight", weight, attentionSize, width, of: type)
        : Argument.given("weight", weight, attentionSize, width, of: type),
      bias: try Argument.given("bias", bias, attentionSize, of: type),
      query: try isThere
        ? Argument.array("query", query, attentionSize, of: type)
        : Argument.given("query", query, attentionSize, of: type))
  }
}

@implementation @_cdecl("swiftrnn_pool_forward")
public func swiftrnn_pool_forward(
  _ dtype: swiftrnn_dtype, _ config: UnsafePointer<swiftrnn_pool_config>!, _ args: UnsafePointer<swiftrnn_pool_args>!
) -> swiftrnn_status {
  func forward<Scalar: RNNScalar>(_ type: Scalar.Type) throws(RNNError) {
    let pool = try Pool(config)
    let a = try Argument.settings("args", args)
    let counted = try Argument.counted(steps: a.steps, sequences: a.sequences, a.lengths, a.mask)
    try pool.forward(
      y: try Argument.array("y", a.y, counted.steps, counted.sequences, pool.width, of: type), counted: counted,
      parameters: try pool.parameters(a.weight, a.bias, a.query, type),
      out: try Argument.output("out", a.out, counted.sequences, pool.width, of: type),
      weights: try Argument.wanted("weights", a.weights, counted.steps, counted.sequences, of: type))
  }
  return withType(
    dtype, float: { () throws(RNNError) in try forward(Float.self) },
    double: { () throws(RNNError) in try forward(Double.self) })
}

@implementation @_cdecl("swiftrnn_pool_backward")
public func swiftrnn_pool_backward(
  _ dtype: swiftrnn_dtype, _ config: UnsafePointer<swiftrnn_pool_config>!,
  _ args: UnsafePointer<swiftrnn_pool_backward_args>!
) -> swiftrnn_status {
  func backward<Scalar: RNNScalar>(_ type: Scalar.Type) throws(RNNError) {
    let pool = try Pool(config)
    let a = try Argument.settings("args", args)
    try Argument.zero("reserved", a.reserved)
    let counted = try Argument.counted(steps: a.steps, sequences: a.sequences, a.lengths, a.mask)
    let reads = pool.kind == .max || pool.kind == .attention
    try pool.backward(
      y: reads ? try Argument.array("y", a.y, counted.steps, counted.sequences, pool.width, of: type) : nil,
      counted: counted, parameters: try pool.parameters(a.weight, a.bias, a.query, type),
      dout: try Argument.array("dout", a.dout, counted.sequences, pool.width, of: type),
      accumulate: try Argument.flag("accumulate", a.accumulate),
      dy: try Argument.wanted("dy", a.dy, counted.steps, counted.sequences, pool.width, of: type),
      gradients: .init(
        weight: try Argument.wanted("dweight", a.dweight, pool.attentionSize, pool.width, of: type),
        bias: try Argument.wanted("dbias", a.dbias, pool.attentionSize, of: type),
        query: try Argument.wanted("dquery", a.dquery, pool.attentionSize, of: type)))
  }
  return withType(
    dtype, float: { () throws(RNNError) in try backward(Float.self) },
    double: { () throws(RNNError) in try backward(Double.self) })
}

// MARK: Attention

extension Attention {
  fileprivate init(_ config: UnsafePointer<swiftrnn_attention_config>?) throws(RNNError) {
    let settings = try Argument.settings("config", config)
    let number = Int(truncatingIfNeeded: settings.kind.rawValue)
    guard let kind = Kind(rawValue: number) else { throw .invalidValue("kind", number, low: 0, high: 3) }
    try Argument.zero("reserved", settings.reserved)
    self.init(
      kind, querySize: try Argument.size("query_size", settings.query_size),
      keySize: try Argument.size("key_size", settings.key_size),
      valueSize: try Argument.size("value_size", settings.value_size),
      size: try Argument.size("attention_size", settings.attention_size),
      scale: settings.scale == 0 ? 1 : settings.scale)
  }

  /// Rows and columns of the weight.
  private var weightShape: (Int, Int) {
    get throws(RNNError) {
      switch kind {
      case .dot: (0, 0)
      case .general: (querySize, keySize)
      case .concat:
        (size, try Argument.sum("weight", querySize, keySize))
      case .additive: (size, keySize)
      }
    }
  }

  fileprivate func parameters<Scalar: RNNScalar>(
    _ queryWeight: UnsafeRawPointer?, _ weight: UnsafeRawPointer?, _ bias: UnsafeRawPointer?,
    _ score: UnsafeRawPointer?, _ type: Scalar.Type, ofQueries: Bool, ofKeys: Bool
  ) throws(RNNError) -> Parameters<Scalar> {
    let (rows, columns) = try weightShape
    func parameter(
      _ name: StaticString, _ pointer: UnsafeRawPointer?, _ rows: Int, _ columns: Int, isNeeded: Bool
    ) throws(RNNError) -> UnsafeBufferPointer<Scalar>? {
      try isNeeded
        ? Argument.array(name, pointer, rows, columns, of: type)
        : Argument.given(name, pointer, rows, columns, of: type)
    }
    let isTanh = kind == .concat || kind == .additive
    return .init(
      queryWeight: ofQueries
        ? try parameter("query_weight", queryWeight, size, querySize, isNeeded: kind == .additive) : nil,
      weight: try parameter("weight", weight, rows, columns, isNeeded: kind == .concat || (ofKeys && kind != .dot)),
      bias: try parameter("bias", bias, size, 1, isNeeded: false),
      score: ofQueries ? try parameter("score", score, size, 1, isNeeded: isTanh) : nil)
  }

  fileprivate func gradients<Scalar: RNNScalar>(
    _ a: swiftrnn_attention_backward_args, _ type: Scalar.Type, ofQueries: Bool
  ) throws(RNNError) -> Gradients<Scalar> {
    let (rows, columns) = try weightShape
    return .init(
      queryWeight: ofQueries
        ? try Argument.wanted("dquery_weight", a.dquery_weight, size, querySize, of: type) : nil,
      weight: try Argument.wanted("dweight", a.dweight, rows, columns, of: type),
      bias: try Argument.wanted("dbias", a.dbias, size, of: type),
      score: ofQueries ? try Argument.wanted("dscore", a.dscore, size, of: type) : nil)
  }
}

extension Argument {
  /// The sum of two sizes.
  static func sum(_ name: StaticString, _ a: Int, _ b: Int) throws(RNNError) -> Int {
    let (sum, overflow) = a.addingReportingOverflow(b)
    guard !overflow else { throw .overflow(name) }
    return sum
  }
}

@implementation @_cdecl("swiftrnn_attention_memory")
public func swiftrnn_attention_memory(
  _ dtype: swiftrnn_dtype, _ config: UnsafePointer<swiftrnn_attention_config>!,
  _ args: UnsafePointer<swiftrnn_attention_args>!
) -> swiftrnn_status {
  func make<Scalar: RNNScalar>(_ type: Scalar.Type) throws(RNNError) {
    let attention = try Attention(config)
    let a = try Argument.settings("args", args)
    let counted = try Argument.counted(steps: a.steps, sequences: a.sequences, a.lengths, a.mask)
    try attention.memory(
      keys: try Argument.array("keys", a.keys, counted.steps, counted.sequences, attention.keySize, of: type),
      counted: counted,
      parameters: try attention.parameters(nil, a.weight, a.bias, nil, type, ofQueries: false, ofKeys: true),
      memory: try Argument.output(
        "memory", a.memory, counted.steps, counted.sequences, attention.memorySize, of: type))
  }
  return withType(
    dtype, float: { () throws(RNNError) in try make(Float.self) },
    double: { () throws(RNNError) in try make(Double.self) })
}

@implementation @_cdecl("swiftrnn_attention_forward")
public func swiftrnn_attention_forward(
  _ dtype: swiftrnn_dtype, _ config: UnsafePointer<swiftrnn_attention_config>!,
  _ args: UnsafePointer<swiftrnn_attention_args>!
) -> swiftrnn_status {
  func forward<Scalar: RNNScalar>(_ type: Scalar.Type) throws(RNNError) {
    let attention = try Attention(config)
    let a = try Argument.settings("args", args)
    let counted = try Argument.counted(steps: a.steps, sequences: a.sequences, a.lengths, a.mask)
    let (steps, sequences) = (counted.steps, counted.sequences)
    let querySteps = try Argument.size("query_steps", a.query_steps)
    let inputs = try Inputs(
      attention, steps, sequences, querySteps, a.queries, a.keys, UnsafeRawPointer(a.memory), a.values, type)
    try attention.forward(
      .init(
        querySteps: querySteps, counted: counted, queries: inputs.queries, keys: inputs.keys, memory: inputs.memory,
        values: inputs.values,
        parameters: try attention.parameters(
          a.query_weight, a.weight, a.bias, a.score, type, ofQueries: true, ofKeys: inputs.memory == nil),
        context: try Argument.output("context", a.context, querySteps, sequences, attention.valueSize, of: type),
        weights: try Argument.wanted("weights", a.weights, querySteps, sequences, steps, of: type)))
  }
  return withType(
    dtype, float: { () throws(RNNError) in try forward(Float.self) },
    double: { () throws(RNNError) in try forward(Double.self) })
}

/// Operands of both passes.
private struct Inputs<Scalar: RNNScalar> {
  let queries: UnsafeBufferPointer<Scalar>
  let keys: UnsafeBufferPointer<Scalar>?
  let memory: UnsafeBufferPointer<Scalar>?
  let values: UnsafeBufferPointer<Scalar>?

  init(
    _ attention: Attention, _ steps: Int, _ sequences: Int, _ querySteps: Int, _ queries: UnsafeRawPointer?,
    _ keys: UnsafeRawPointer?, _ memory: UnsafeRawPointer?, _ values: UnsafeRawPointer?, _ type: Scalar.Type
  ) throws(RNNError) {
    self.queries = try Argument.array("queries", queries, querySteps, sequences, attention.querySize, of: type)
    self.memory = try Argument.given("memory", memory, steps, sequences, attention.memorySize, of: type)
    self.values = try Argument.given("values", values, steps, sequences, attention.valueSize, of: type)
    // Keys without elements may be NULL.
    self.keys =
      try self.memory == nil || self.values == nil
      ? Argument.array("keys", keys, steps, sequences, attention.keySize, of: type)
      : Argument.given("keys", keys, steps, sequences, attention.keySize, of: type)
  }
}

@implementation @_cdecl("swiftrnn_attention_backward")
public func swiftrnn_attention_backward(
  _ dtype: swiftrnn_dtype, _ config: UnsafePointer<swiftrnn_attention_config>!,
  _ args: UnsafePointer<swiftrnn_attention_backward_args>!
) -> swiftrnn_status {
  func backward<Scalar: RNNScalar>(_ type: Scalar.Type) throws(RNNError) {
    let attention = try Attention(config)
    let a = try Argument.settings("args", args)
    let counted = try Argument.counted(steps: a.steps, sequences: a.sequences, a.lengths, a.mask)
    let (steps, sequences) = (counted.steps, counted.sequences)
    let querySteps = try Argument.size("query_steps", a.query_steps)
    let inputs = try Inputs(
      attention, steps, sequences, querySteps, a.queries, a.keys, a.memory, a.values, type)
    var b = Attention.Backward(
      querySteps: querySteps, counted: counted, queries: inputs.queries, keys: inputs.keys, memory: inputs.memory,
      values: inputs.values,
      parameters: try attention.parameters(
        a.query_weight, a.weight, a.bias, a.score, type, ofQueries: true, ofKeys: inputs.memory == nil),
      weights: try Argument.array("weights", a.weights, querySteps, sequences, steps, of: type),
      dcontext: try Argument.array("dcontext", a.dcontext, querySteps, sequences, attention.valueSize, of: type))
    b.accumulate = try Argument.flag("accumulate", a.accumulate)
    b.accumulateKeys = try Argument.flag("accumulate_keys", a.accumulate_keys)
    b.dqueries = try Argument.wanted("dqueries", a.dqueries, querySteps, sequences, attention.querySize, of: type)
    b.dkeys = try Argument.wanted("dkeys", a.dkeys, steps, sequences, attention.keySize, of: type)
    b.dvalues = try Argument.wanted("dvalues", a.dvalues, steps, sequences, attention.valueSize, of: type)
    b.dmemory = try Argument.wanted("dmemory", a.dmemory, steps, sequences, attention.memorySize, of: type)
    b.gradients = try attention.gradients(a, type, ofQueries: true)
    try attention.backward(b)
  }
  return withType(
    dtype, float: { () throws(RNNError) in try backward(Float.self) },
    double: { () throws(RNNError) in try backward(Double.self) })
}

@implementation @_cdecl("swiftrnn_attention_memory_backward")
public func swiftrnn_attention_memory_backward(
  _ dtype: swiftrnn_dtype, _ config: UnsafePointer<swiftrnn_attention_config>!,
  _ args: UnsafePointer<swiftrnn_attention_backward_args>!
) -> swiftrnn_status {
  func backward<Scalar: RNNScalar>(_ type: Scalar.Type) throws(RNNError) {
    let attention = try Attention(config)
    let a = try Argument.settings("args", args)
    let counted = try Argument.counted(steps: a.steps, sequences: a.sequences, a.lengths, a.mask)
    let (steps, sequences) = (counted.steps, counted.sequences)
    let keys =
      try a.dweight == nil
      ? Argument.given("keys", a.keys, steps, sequences, attention.keySize, of: type)
      : Argument.array("keys", a.keys, steps, sequences, attention.keySize, of: type)
    var b = Attention.MemoryBackward(
      counted: counted, keys: keys,
      parameters: try attention.parameters(nil, a.weight, a.bias, nil, type, ofQueries: false, ofKeys: true),
      dmemory: try Argument.array(
        "dmemory", UnsafeRawPointer(a.dmemory), steps, sequences, attention.memorySize, of: type))
    b.accumulate = try Argument.flag("accumulate", a.accumulate)
    b.accumulateKeys = try Argument.flag("accumulate_keys", a.accumulate_keys)
    b.dkeys = try Argument.wanted("dkeys", a.dkeys, steps, sequences, attention.keySize, of: type)
    b.gradients = try attention.gradients(a, type, ofQueries: false)
    try attention.memoryBackward(b)
  }
  return withType(
    dtype, float: { () throws(RNNError) in try backward(Float.self) },
    double: { () throws(RNNError) in try backward(Double.self) })
}
