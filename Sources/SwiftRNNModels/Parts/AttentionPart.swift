// The part of a decoder that looks at the outputs of the encoder.
import SwiftRNN

/// Attention behind the decoder's network, for all steps at once: `a = tanh(W [c; h])`, c the context of the output h
/// (Luong, Pham, Manning 2015, eq 5). The score is Luong's or Bahdanau's; the keys are the encoder's outputs.
final class AttentionPart<Scalar: RNNScalar> {
  let layer: AttentionLayer<Scalar>
  private let weight: Parameter<Scalar>
  private let (joined, output, dJoined, dContext) = (
    Buffer<Scalar>(), Buffer<Scalar>(), Buffer<Scalar>(), Buffer<Scalar>()
  )

  private static func made(_ kind: ModelConfiguration.Attention, queries: Int, keys: Int, size: Int) throws(RNNError)
    -> Attention
  {
    switch kind {
    case .none: throw .unsupported("the model has no attention")
    case .dot:
      guard queries == keys else {
        throw .sizeMismatch("the encoder's output size, for the attention dot,", keys, expected: queries)
      }
      return Attention(.dot, querySize: queries, keySize: keys)
    case .general: return Attention(.general, querySize: queries, keySize: keys)
    case .concat: return Attention(.concat, querySize: queries, keySize: keys, size: size)
    case .additive: return Attention(.additive, querySize: queries, keySize: keys, size: size)
    }
  }

  private static func tensors(_ attention: Attention) -> [(name: String, shape: [Int])] {
    AttentionLayer<Scalar>.tensors(attention)
      + [("output_weight", [attention.querySize, attention.keySize + attention.querySize])]
  }

  static func add(
    _ kind: ModelConfiguration.Attention, queries: Int, keys: Int, size: Int, to list: inout ParameterList
  ) throws(RNNError) {
    try list.add("attention", tensors(made(kind, queries: queries, keys: keys, size: size)))
  }

  init(
    _ kind: ModelConfiguration.Attention, queries: Int, keys: Int, size: Int, _ store: ParameterStore<Scalar>
  ) throws(RNNError) {
    layer = try AttentionLayer(store, "attention", Self.made(kind, queries: queries, keys: keys, size: size))
    weight = try Parameter(store, "attention.output_weight")
  }

  var attention: Attention { layer.attention }
  var values: Attention.Parameters<Scalar> { layer.values }

  /// - Parameters:
  ///   - queries: the decoder's outputs, `[Tq, N, Q]`.
  ///   - keys: the encoder's, `[Tk, N, K]`. The backward pass reads both again.
  /// - Returns: `[Tq, N, Q]`, until the next call.
  func forward(
    _ queries: UnsafeBufferPointer<Scalar>, _ shape: BatchShape, _ keys: UnsafeBufferPointer<Scalar>,
    _ keyShape: BatchShape
  ) throws(RNNError) -> UnsafeMutableBufferPointer<Scalar> {
    let context = try layer.forward(queries, steps: shape.steps, keys: keys, keyShape.counted)
    return try finish(context.constant, queries, rows: shape.rows)
  }

  /// `tanh(W [c; h])`
  func finish(
    _ context: UnsafeBufferPointer<Scalar>, _ queries: UnsafeBufferPointer<Scalar>, rows: Int
  ) throws(RNNError) -> UnsafeMutableBufferPointer<Scalar> {
    let (k, q) = (attention.keySize, attention.querySize)
    let joined = try self.joined.take(Sizes.product(rows, k + q, name: "context and output"))
    if let to = joined.baseAddress, let context = context.baseAddress, let queries = queries.baseAddress {
      for row in 0..<rows {
        (to + row * (k + q)).update(from: context + row * k, count: k)
        (to + row * (k + q) + k).update(from: queries + row * q, count: q)
      }
    }
    let out = try output.take(Sizes.product(rows, q, name: "the output of attention"))
    try Linear.forward(
      rows: rows, inputs: k + q, outputs: q, x: joined.constant, weight: weight.values, bias: nil, y: out)
    try Activation.tanh(out)
    return out
  }

  /// - Parameter dout: of what the last ``finish(_:_:rows:)`` gave; is changed.
  /// - Returns: dL/d[c; h], `[rows, K + Q]`, until the next call; that of W is written.
  func finishBackward(
    _ dout: UnsafeMutableBufferPointer<Scalar>, rows: Int
  ) throws(RNNError) -> UnsafeMutableBufferPointer<Scalar> {
    let (k, q) = (attention.keySize, attention.querySize)
    let joined = try self.joined.take(rows * (k + q))
    try Activation.tanhGradient(dout, y: output.take(rows * q).constant)
    let d = try dJoined.take(rows * (k + q))
    try Linear.backward(
      rows: rows, inputs: k + q, outputs: q, x: joined.constant, weight: weight.values, dy: dout.constant,
      accumulate: false, dx: d, dweight: weight.gradient, dbias: nil)
    return d
  }

  /// - Parameter dout: of what the last forward pass gave; is changed.
  /// - Returns: dL/dqueries and dL/dkeys, until the next call.
  func backward(
    _ dout: UnsafeMutableBufferPointer<Scalar>
  ) throws(RNNError) -> (UnsafeMutableBufferPointer<Scalar>, UnsafeMutableBufferPointer<Scalar>) {
    let (k, q) = (attention.keySize, attention.querySize)
    let rows = dout.count / q
    let d = try finishBackward(dout, rows: rows)
    let dcontext = try dContext.take(rows * k)
    if let from = d.baseAddress, let to = dcontext.baseAddress {
      for row in 0..<rows { (to + row * k).update(from: from + row * (k + q), count: k) }
    }
    let (dqueries, dkeys) = try layer.backward(dcontext: dcontext.constant)
    // What reaches the decoder's outputs beside the context.
    if let from = d.baseAddress, let to = dqueries.baseAddress {
      for row in 0..<rows {
        for i in 0..<q { to[row * q + i] += from[row * (k + q) + k + i] }
      }
    }
    return (dqueries, dkeys)
  }
}

/// Attention of a decoder that writes: the keys of its sources, and what they alone give, computed once.
final class AttentionReader<Scalar: RNNScalar> {
  let part: AttentionPart<Scalar>
  private let (keys, memory, context) = (Buffer<Scalar>(), Buffer<Scalar>(), Buffer<Scalar>())
  private let lengths: [Int64]
  private let steps: Int
  private let sequences: Int

  /// - Parameters:
  ///   - encoded: `[T, N, K]` of the sources.
  ///   - copies: sequences that are written for each source, side by side.
  init(
    _ part: AttentionPart<Scalar>, _ encoded: UnsafeBufferPointer<Scalar>, _ shape: BatchShape, copies: Int
  ) throws(RNNError) {
    self.part = part
    let width = part.attention.keySize
    steps = shape.steps
    sequences = try Sizes.product(shape.sequences, copies, name: "the beams")
    let keys = try self.keys.take(Sizes.product(steps, sequences, width, name: "keys"))
    if let to = keys.baseAddress, let from = encoded.baseAddress {
      for row in 0..<steps * sequences {
        let (t, n) = (row / sequences, row % sequences / copies)
        (to + row * width).update(from: from + (t * shape.sequences + n) * width, count: width)
      }
    }
    let own = shape.lengths
    lengths = (0..<sequences).map { n in own.map { $0[n / copies] } ?? Int64(shape.steps) }
    let memory = try self.memory.take(Sizes.product(steps, sequences, part.attention.memorySize, name: "the memory"))
    try lengths.withUnsafeBufferPointer { (lengths) throws(RNNError) in
      try part.attention.memory(
        keys: keys.constant, counted: CountedSteps(steps: steps, sequences: sequences, lengths: lengths),
        parameters: part.values, memory: memory)
    }
  }

  /// - Parameter y: the decoder's output of one step, `[N, Q]`.
  /// - Returns: the same with attention, until the next call.
  func forward(_ y: UnsafeBufferPointer<Scalar>, sequences: Int) throws(RNNError) -> UnsafeMutableBufferPointer<Scalar>
  {
    try part.finish(context(of: y, sequences: sequences).constant, y, rows: sequences)
  }

  /// - Parameter queries: of one step, `[N, Q]`.
  /// - Returns: their context, `[N, K]`, until the next call.
  func context(
    of queries: UnsafeBufferPointer<Scalar>, sequences: Int
  ) throws(RNNError) -> UnsafeMutableBufferPointer<Scalar> {
    let (keys, memory) = (
      try self.keys.take(steps * sequences * part.attention.keySize),
      try self.memory.take(steps * sequences * part.attention.memorySize)
    )
    let context = try self.context.take(sequences * part.attention.keySize)
    try lengths.withUnsafeBufferPointer { (lengths) throws(RNNError) in
      try part.attention.forward(
        Attention.Forward(
          querySteps: 1, counted: CountedSteps(steps: steps, sequences: sequences, lengths: lengths), queries: queries,
          keys: keys.constant, memory: memory.constant, values: keys.constant, parameters: part.values,
          context: context))
    }
    return context
  }
}
