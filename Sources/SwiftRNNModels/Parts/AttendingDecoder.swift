// A decoder whose input has attention in it: steps one after the other, forward and backward.
import SwiftRNN

/// Step t of the decoder reads the token and the context of h_{t-1} (Bahdanau, Cho, Bengio 2015, section 3.1): of the last
/// layer's output of the step before, for the first step of the state that the decoder starts with. Behind all steps
/// `tanh(W [c_t; h_t])`, for all of them at once.
final class AttendingDecoder<Scalar: RNNScalar> {
  private let decoder: SequencePart<Scalar>
  private let part: AttentionPart<Scalar>
  private let steps: NetworkSteps<Scalar>
  /// `[T + 1, N, Q]`: queries from the first one on, outputs from the second one on.
  private let h = Buffer<Scalar>()
  private let (embedded, x, context, weights, memory, dropped) = (
    Buffer<Scalar>(), Buffer<Scalar>(), Buffer<Scalar>(), Buffer<Scalar>(), Buffer<Scalar>(), Buffer<Scalar>()
  )
  private let (dy, dx, dEmbedded, dContext, dQuery, dMemory, dKeys) = (
    Buffer<Scalar>(), Buffer<Scalar>(), Buffer<Scalar>(), Buffer<Scalar>(), Buffer<Scalar>(), Buffer<Scalar>(),
    Buffer<Scalar>()
  )
  private var last: Pass?

  private struct Pass {
    let shape: BatchShape
    let input: SequenceInput<Scalar>
    let keys: UnsafeBufferPointer<Scalar>
    let counted: CountedSteps
    let seed: UInt64
  }

  init(_ decoder: SequencePart<Scalar>, _ part: AttentionPart<Scalar>) {
    (self.decoder, self.part) = (decoder, part)
    steps = NetworkSteps(decoder.part)
  }

  private var attention: Attention { part.attention }
  private var width: Int { SequencePart<Scalar>.width(decoder.input) }

  /// The state that the first step attends with, in its first element of the last layer; nil: the cell gives out something
  /// else than a state, and the first query is zeros.
  static func firstQuery(_ network: Network<Scalar>, _ initial: States<Scalar>, sequences: Int) -> UnsafeMutablePointer<
    Scalar
  >? {
    guard let state = network.outputState, let start = initial[state] else { return nil }
    return start + (network.configuration.layers - 1) * sequences * network.configuration.outputSize
  }

  // MARK: Forward

  /// - Parameters:
  ///   - shape: of the decoder's sequences.
  ///   - input: the tokens that it reads.
  ///   - keys: the encoder's outputs, `[Tk, N, K]`. The backward pass reads them again.
  ///   - initial: what the decoder starts with.
  ///   - seed: of dropout masks; nil: inference.
  /// - Returns: `[T, N, Q]`, until the next call.
  func forward(
    _ shape: BatchShape, _ input: SequenceInput<Scalar>, _ keys: UnsafeBufferPointer<Scalar>, _ keyShape: BatchShape,
    initial: States<Scalar>, seed: UInt64?
  ) throws(RNNError) -> UnsafeMutableBufferPointer<Scalar> {
    last = nil
    try shape.checkLengths()
    let (n, k, q) = (shape.sequences, attention.keySize, attention.querySize)
    let counted = keyShape.counted
    let embedded = try embed(shape, input, seed: seed)
    let memory = try self.memory.take(Sizes.product(keyShape.rows, attention.memorySize, name: "the memory"))
    try attention.memory(keys: keys, counted: counted, parameters: part.values, memory: memory)
    let (count, overflow) = shape.steps.addingReportingOverflow(1)
    if overflow { throw .overflow("the decoder's outputs") }
    let h = try self.h.take(Sizes.product(count, n, q, name: "the decoder's outputs"))
    let x = try self.x.take(Sizes.product(shape.rows, width + k, name: "the decoder's input"))
    let context = try self.context.take(Sizes.product(shape.rows, k, name: "the context"))
    let weights = try self.weights.take(Sizes.product(shape.rows, keyShape.steps, name: "the weights of attention"))
    h.part(0..<n * q).update(repeating: 0)
    if let first = Self.firstQuery(decoder.part.network, initial, sequences: n) {
      h.baseAddress?.update(from: first, count: n * q)
    }
    try steps.begin(shape, initial: initial, isTraining: seed != nil)
    for t in 0..<shape.steps {
      let own = context.part(t * n * k..<(t + 1) * n * k)
      try attention.forward(
        Attention.Forward(
          querySteps: 1, counted: counted, queries: h.part(t * n * q..<(t + 1) * n * q).constant, keys: keys,
          memory: memory.constant, values: keys, parameters: part.values, context: own,
          weights: weights.part(t * n * keyShape.steps..<(t + 1) * n * keyShape.steps)))
      let rows = x.part(t * n * (width + k)..<(t + 1) * n * (width + k))
      join(embedded.part(t * n * width..<(t + 1) * n * width), own, into: rows, count: n)
      try steps.forward(
        t, x: UnsafePointer(rows.baseAddress), y: h.baseAddress.map { $0 + (t + 1) * n * q },
        seed: seed.map { Model<Scalar>.seed($0, UInt32(truncatingIfNeeded: t)) })
    }
    var outputs = h.part(n * q..<h.count)
    if let seed, decoder.dropout > 0 {
      let dropped = try self.dropped.take(outputs.count)
      try ModelDropout.apply(
        shape, width: q, decoder.dropout, seed: seed, layer: 2 * decoder.number + 1, outputs.constant, dropped)
      outputs = dropped
    }
    let out = try part.finish(context.constant, outputs.constant, rows: shape.rows)
    if let seed { last = Pass(shape: shape, input: input, keys: keys, counted: counted, seed: seed) }
    return out
  }

  private func embed(
    _ shape: BatchShape, _ input: SequenceInput<Scalar>, seed: UInt64?
  ) throws(RNNError) -> UnsafeMutableBufferPointer<Scalar> {
    let vectors = try decoder.vectors(shape, input)
    let embedded = try self.embedded.take(vectors.count)
    if let seed, decoder.dropout > 0 {
      try ModelDropout.apply(
        shape, width: width, decoder.dropout, seed: seed, layer: 2 * decoder.number, vectors, embedded)
    } else {
      _ = embedded.update(fromContentsOf: vectors)
    }
    return embedded
  }

  /// Rows `[token; context]`.
  private func join(
    _ tokens: UnsafeMutableBufferPointer<Scalar>, _ context: UnsafeMutableBufferPointer<Scalar>,
    into x: UnsafeMutableBufferPointer<Scalar>, count: Int
  ) {
    guard let to = x.baseAddress, let tokens = tokens.baseAddress, let context = context.baseAddress else { return }
    let k = attention.keySize
    for row in 0..<count {
      (to + row * (width + k)).update(from: tokens + row * width, count: width)
      (to + row * (width + k) + width).update(from: context + row * k, count: k)
    }
  }

  // MARK: Backward

  /// The gradients of the last forward pass; those of parameters are written.
  ///
  /// - Parameters:
  ///   - dout: of what it gave; is changed.
  ///   - initialGradients: receives the gradients of the states that the decoder starts with.
  ///   - addsToTable: the table's gradient is there already, and is added to.
  /// - Returns: dL/dkeys, until the next call.
  func backward(
    _ dout: UnsafeMutableBufferPointer<Scalar>, initialGradients: States<Scalar>, addsToTable: Bool
  ) throws(RNNError) -> UnsafeMutableBufferPointer<Scalar> {
    guard let pass = last else { throw .mismatch("a backward pass follows a forward pass for training") }
    let (shape, n, k, q) = (pass.shape, pass.shape.sequences, attention.keySize, attention.querySize)
    let joined = try part.finishBackward(dout, rows: shape.rows)
    let (dOutputs, dContexts) = (try dy.take(shape.rows * q), try dContext.take(shape.rows * k))
    for row in 0..<shape.rows {
      for i in 0..<k { dContexts[row * k + i] = joined[row * (k + q) + i] }
      for i in 0..<q { dOutputs[row * q + i] = joined[row * (k + q) + k + i] }
    }
    if decoder.dropout > 0 {
      try ModelDropout.apply(
        shape, width: q, decoder.dropout, seed: pass.seed, layer: 2 * decoder.number + 1, dOutputs.constant, dOutputs)
    }
    let x = try self.x.take(shape.rows * (width + k))
    let dEmbedded = try self.dEmbedded.take(Sizes.product(shape.rows, width, name: "dx"))
    let dInput = try dx.take(Sizes.product(n, width + k, name: "dx"))
    let dQuery = try self.dQuery.take(Sizes.product(n, q, name: "the gradient of the queries"))
    dQuery.update(repeating: 0)
    try beginKeys(pass)
    try steps.beginBackward()
    for t in (0..<shape.steps).reversed() {
      let own = dOutputs.part(t * n * q..<(t + 1) * n * q)
      for i in own.indices { own[i] += dQuery[i] }
      let place = t * n * (width + k)
      try steps.backward(
        t, x: x.baseAddress.map { UnsafePointer($0) + place }, dy: UnsafePointer(own.baseAddress),
        dx: dInput.baseAddress)
      let context = dContexts.part(t * n * k..<(t + 1) * n * k)
      for row in 0..<n {
        for i in 0..<width { dEmbedded[(t * n + row) * width + i] = dInput[row * (width + k) + i] }
        for i in 0..<k { context[row * k + i] += dInput[row * (width + k) + width + i] }
      }
      try attend(pass, t, context.constant, into: dQuery)
    }
    finishStates(initialGradients, dQuery, sequences: n)
    let dKeys = try finishKeys(pass)
    if decoder.dropout > 0 {
      try ModelDropout.apply(
        shape, width: width, decoder.dropout, seed: pass.seed, layer: 2 * decoder.number, dEmbedded.constant, dEmbedded)
    }
    try decoder.embeddingBackward(pass.input, dEmbedded, addsToTable: addsToTable)
    return dKeys
  }

  private func beginKeys(_ pass: Pass) throws(RNNError) {
    try dKeys.take(pass.keys.count).update(repeating: 0)
    try dMemory.take(pass.counted.steps * pass.counted.sequences * attention.memorySize).update(repeating: 0)
    let gradients = part.layer.gradients
    for gradient in [gradients.queryWeight, gradients.weight, gradients.bias, gradients.score] {
      gradient?.update(repeating: 0)
    }
  }

  /// The gradients of one step's attention: what reaches the keys and the parameters is added.
  private func attend(
    _ pass: Pass, _ t: Int, _ dcontext: UnsafeBufferPointer<Scalar>, into dQuery: UnsafeMutableBufferPointer<Scalar>
  ) throws(RNNError) {
    let (n, q, keySteps) = (pass.shape.sequences, attention.querySize, pass.counted.steps)
    let rows = keySteps * n
    var backward = Attention.Backward(
      querySteps: 1, counted: pass.counted,
      queries: try h.take((pass.shape.steps + 1) * n * q).part(t * n * q..<(t + 1) * n * q).constant, keys: pass.keys,
      parameters: part.values,
      weights: try weights.take(pass.shape.rows * keySteps).part(t * n * keySteps..<(t + 1) * n * keySteps).constant,
      dcontext: dcontext)
    backward.memory = try memory.take(rows * attention.memorySize).constant
    backward.values = pass.keys
    (backward.accumulate, backward.accumulateKeys) = (true, true)
    backward.dqueries = dQuery
    backward.dmemory = try dMemory.take(rows * attention.memorySize)
    backward.dvalues = try dKeys.take(pass.keys.count)
    let gradients = part.layer.gradients
    (backward.gradients.queryWeight, backward.gradients.score) = (gradients.queryWeight, gradients.score)
    if attention.kind == .concat { backward.gradients.weight = gradients.weight }
    try attention.backward(backward)
  }

  /// Gradients of the keys and their parameters from that of the memory, once for all steps.
  private func finishKeys(_ pass: Pass) throws(RNNError) -> UnsafeMutableBufferPointer<Scalar> {
    let dKeys = try self.dKeys.take(pass.keys.count)
    let rows = pass.counted.steps * pass.counted.sequences
    var backward = Attention.MemoryBackward(
      counted: pass.counted, keys: pass.keys, parameters: part.values,
      dmemory: try dMemory.take(rows * attention.memorySize).constant)
    (backward.accumulate, backward.accumulateKeys, backward.dkeys) = (true, true, dKeys)
    (backward.gradients.weight, backward.gradients.bias) = (part.layer.gradients.weight, part.layer.gradients.bias)
    try attention.memoryBackward(backward)
    return dKeys
  }

  /// The gradients of the states before the first step, with that of the first query.
  private func finishStates(
    _ initialGradients: States<Scalar>, _ dQuery: UnsafeMutableBufferPointer<Scalar>, sequences: Int
  ) {
    let network = decoder.part.network
    let carried = steps.stateGradients
    for (number, state) in network.states.enumerated() {
      guard let to = initialGradients[number], let from = carried[number] else { continue }
      to.update(from: from, count: network.configuration.layers * sequences * state.width)
    }
    guard let first = Self.firstQuery(network, initialGradients, sequences: sequences) else { return }
    for i in dQuery.indices { first[i] += dQuery[i] }
  }
}
