// A model that writes: token after token, the states of all its sequences between them.
import SwiftRNN

/// The part of a language model or decoder that is stepped: what it needs to give the logits of the next token.
///
/// Has a copy of the parameters as they were when it was made. One thread at a time.
final class TokenWriter<Scalar: RNNScalar> {
  let model: Model<Scalar>
  let sequences: Int
  let classes: Int
  private let part: SequencePart<Scalar>
  private let stream: Stream<Scalar>
  private let states: (StateBuffers<Scalar>, StateBuffers<Scalar>)
  private let (x, y, rows) = (Buffer<Scalar>(), Buffer<Scalar>(), Buffer<Scalar>())
  /// What every step's input has behind it, `[sequences, extra]`.
  private var extra: UnsafeMutableBufferPointer<Scalar>?
  private let extraMemory = Buffer<Scalar>()
  private var reader: AttentionReader<Scalar>?
  /// Query of attention in the input: the output of the step before, `[sequences, Q]`.
  private let (queries, spare) = (Buffer<Scalar>(), Buffer<Scalar>())
  private var attends: Bool { model.attending != nil }

  /// - Parameters:
  ///   - part: what is stepped: of a language model its one network.
  ///   - sequences: how many are written side by side.
  init(_ model: Model<Scalar>, _ part: SequencePart<Scalar>, sequences: Int) throws(RNNError) {
    guard case .tokens = part.input else {
      throw .unsupported("a model writes if tokens are what it reads: a language model, or a decoder")
    }
    (self.model, self.part, self.sequences) = (model, part, sequences)
    classes = model.configuration.outputs
    stream = try Stream(part.part.network, weights: part.part.packed(), sequences: sequences)
    states = (StateBuffers(part.part.network), StateBuffers(part.part.network))
  }

  /// Begins with these states; without any, where the cell does.
  func start(_ initial: States<Scalar>?) throws(RNNError) {
    stream.reset()
    if let initial { try stream.setState(initial) }
  }

  /// Begins with the states of an encoder and its outputs, or with a vector, of `sources` sequences, each `copies` times
  /// side by side.
  func start(
    initial: States<Scalar>, vector: UnsafePointer<Scalar>?, vectorSize: Int, attention: AttentionReader<Scalar>?,
    sources: Int, copies: Int
  ) throws(RNNError) {
    let network = part.part.network
    let wanted = try states.0.take(sequences: sequences)
    for (number, state) in network.states.enumerated() {
      guard let from = initial[number], let to = wanted[number] else { continue }
      for layer in 0..<network.configuration.layers {
        for n in 0..<sequences {
          (to + (layer * sequences + n) * state.width).update(
            from: from + (layer * sources + n / copies) * state.width, count: state.width)
        }
      }
    }
    if network.states.indices.contains(where: { initial[$0] != nil }) {
      try start(wanted)
    } else {
      try start(nil)
    }
    if let vector, vectorSize > 0 {
      let all = try extraMemory.take(Sizes.product(sequences, vectorSize, name: "the vectors"))
      if let to = all.baseAddress {
        for n in 0..<sequences {
          (to + n * vectorSize).update(from: vector + n / copies * vectorSize, count: vectorSize)
        }
      }
      extra = all
    }
    reader = attention
    guard attends else { return }
    let query = try queries.take(Sizes.product(sequences, part.part.outputSize, name: "the queries"))
    query.update(repeating: 0)
    if let first = AttendingDecoder<Scalar>.firstQuery(network, wanted, sequences: sequences) {
      query.baseAddress?.update(from: first, count: query.count)
    }
  }

  /// The logits behind one more token for each sequence.
  ///
  /// - Parameter ids: `[sequences]`
  /// - Returns: `[sequences, classes]`, until the next step.
  func step(_ ids: [Int]) throws(RNNError) -> UnsafeMutableBufferPointer<Scalar> {
    guard case .tokens(let vocabulary, let width) = part.input, let table = part.table else {
      throw .mismatch("the model has no parts")
    }
    guard ids.count == sequences else { throw .countMismatch("ids", ids.count, expected: sequences) }
    if attends, let reader {
      let query = try queries.take(sequences * part.part.outputSize)
      extra = try reader.context(of: query.constant, sequences: sequences)
    }
    let extraWidth = extra.map { $0.count / max(sequences, 1) } ?? 0
    let input = try x.take(Sizes.product(sequences, width + extraWidth, name: "x"))
    let embedded = extraWidth == 0 ? input : try rows.take(sequences * width)
    try ids.withUnsafeBufferPointer { (ids) throws(RNNError) in
      try Embedding.forward(weight: table.values, vocabulary: vocabulary, width: width, ids: ids, out: embedded)
    }
    if let extra, let to = input.baseAddress, let own = embedded.baseAddress, let behind = extra.baseAddress {
      for n in 0..<sequences {
        let row = to + n * (width + extraWidth)
        row.update(from: own + n * width, count: width)
        (row + width).update(from: behind + n * extraWidth, count: extraWidth)
      }
    }
    let out = try y.take(Sizes.product(sequences, part.part.outputSize, name: "y"))
    try stream.step(unsafe: UnsafePointer(input.baseAddress), into: out.baseAddress)
    if attends, let reader, let context = extra {
      _ = try queries.take(out.count).update(fromContentsOf: out)
      let read = try reader.part.finish(context.constant, out.constant, rows: sequences)
      return try model.output.forward(read.constant, rows: sequences)
    }
    let read = try reader?.forward(out.constant, sequences: sequences) ?? out
    return try model.output.forward(read.constant, rows: sequences)
  }

  /// Sequence n goes on from where sequence `sources[n]` is. Weights are not copied, and neither is what attention reads:
  /// sequences stay with their source.
  func reorder(_ sources: [Int]) throws(RNNError) {
    let network = part.part.network
    let (from, to) = (try states.0.take(sequences: sequences), try states.1.take(sequences: sequences))
    try stream.getState(from)
    for (number, state) in network.states.enumerated() {
      guard let from = from[number], let to = to[number] else { continue }
      for layer in 0..<network.configuration.layers {
        for n in 0..<sequences {
          (to + (layer * sequences + n) * state.width).update(
            from: from + (layer * sequences + sources[n]) * state.width, count: state.width)
        }
      }
    }
    try stream.setState(to)
    guard attends else { return }
    let width = part.part.outputSize
    let (own, moved) = (try queries.take(sequences * width), try spare.take(sequences * width))
    guard let from = own.baseAddress, let to = moved.baseAddress else { return }
    for n in 0..<sequences { (to + n * width).update(from: from + sources[n] * width, count: width) }
    from.update(from: to, count: sequences * width)
  }

  /// Copies of the states, for a caller that goes on later.
  func getState(_ states: States<Scalar>) throws(RNNError) { try stream.getState(states) }
}
