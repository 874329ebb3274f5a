// The part of a model that reads sequences: tokens or features, then a recurrent network.
import SwiftRNN

/// The sequences of a call: tokens or features, one of them, as the configuration says.
struct SequenceInput<Scalar: RNNScalar> {
  /// `[T, N]`
  var ids: UnsafeBufferPointer<Int>?
  /// `[T, N, features]`
  var features: UnsafeBufferPointer<Scalar>?
  /// Trees, whose nodes are sequences of one step; nil: sequences.
  var forest: Forest?
}

/// An embedding or features, dropout, a recurrent network, dropout.
final class SequencePart<Scalar: RNNScalar> {
  let part: NetworkPart<Scalar>
  let input: ModelConfiguration.Input
  private let embedding: EmbeddingLayer<Scalar>?
  let dropout: Double
  /// Numbers beside the input that every step has, such as the vector of a vector decoder.
  private let extra: Int
  /// Tells the masks of a model's parts apart.
  let number: Int
  private let (masked, joined, gradient) = (Buffer<Scalar>(), Buffer<Scalar>(), Buffer<Scalar>())
  private var last: (shape: BatchShape, input: SequenceInput<Scalar>, seed: UInt64)?

  static func width(_ input: ModelConfiguration.Input) -> Int {
    switch input {
    case .tokens(_, let embeddingSize): embeddingSize
    case .features(let count): count
    }
  }

  /// Names within the layers called `name` and `nameembedding`, and shapes.
  static func add(
    _ input: ModelConfiguration.Input, _ network: Network<Scalar>, prefix: String, to list: inout ParameterList
  ) throws(RNNError) {
    if case .tokens(let vocabulary, let embeddingSize) = input {
      try list.add(
        "\(prefix)embedding", EmbeddingLayer<Scalar>.tensors(vocabulary: vocabulary, width: embeddingSize))
    }
    try list.add("\(prefix)network", NetworkPart.tensors(network))
  }

  init(
    _ input: ModelConfiguration.Input, _ network: Network<Scalar>, _ store: ParameterStore<Scalar>, prefix: String,
    dropout: Double, extra: Int = 0, number: Int
  ) throws(RNNError) {
    self.input = input
    part = try NetworkPart(network, store, layer: "\(prefix)network")
    if case .tokens(let vocabulary, let width) = input {
      embedding = try EmbeddingLayer(store, "\(prefix)embedding", vocabulary: vocabulary, width: width)
    } else {
      embedding = nil
    }
    (self.dropout, self.extra, self.number) = (dropout, extra, number)
  }

  /// The table of the tokens' vectors; nil for features.
  var table: Parameter<Scalar>? { embedding?.table }

  /// The outputs of the last pass, of this shape.
  func outputs(_ shape: BatchShape) throws(RNNError) -> UnsafeMutableBufferPointer<Scalar> {
    try part.output.take(Sizes.product(shape.rows, part.outputSize, name: "y"))
  }

  /// - Parameters:
  ///   - extra: `[N, extra]`, put behind the input of every step; nil if there is none.
  ///   - seed: of dropout masks; nil: inference.
  /// - Returns: `[T, N, outputSize]`, until the next pass.
  func forward(
    _ shape: BatchShape, _ input: SequenceInput<Scalar>, extra: UnsafePointer<Scalar>? = nil,
    initial: States<Scalar>, final: States<Scalar>, seed: UInt64?
  ) throws(RNNError) -> UnsafeMutableBufferPointer<Scalar> {
    last = nil
    var x = try vectors(shape, input)
    let width = Self.width(self.input)
    if let seed, dropout > 0 {
      let target = embedding == nil ? try masked.take(x.count) : UnsafeMutableBufferPointer(mutating: x)
      try ModelDropout.apply(shape, width: width, dropout, seed: seed, layer: 2 * number, x, target)
      x = target.constant
    }
    if let extra { x = try join(x, extra, shape, width) }
    let y: UnsafeMutableBufferPointer<Scalar>
    if let forest = input.forest {
      y = try part.forward(forest, x: x.baseAddress, seed: seed, firstNode: shape.firstSequence)
    } else {
      y = try part.forward(shape, x: x.baseAddress, initial: initial, final: final, seed: seed)
    }
    if let seed {
      last = (shape, input, seed)
      if dropout > 0 {
        try ModelDropout.apply(
          shape, width: part.outputSize, dropout, seed: seed, layer: 2 * number + 1, y.constant, y)
      }
    }
    return y
  }

  /// The input of the network's first step on, `[T, N, width]`: tokens looked up, or features, checked.
  func vectors(
    _ shape: BatchShape, _ input: SequenceInput<Scalar>
  ) throws(RNNError) -> UnsafeBufferPointer<Scalar> {
    switch self.input {
    case .tokens:
      guard let ids = input.ids, let embedding else { throw .nullPointer("ids") }
      guard ids.count == shape.rows else { throw .countMismatch("ids", ids.count, expected: shape.rows) }
      return try embedding.forward(ids).constant
    case .features(let width):
      guard let features = input.features else { throw .nullPointer("features") }
      let count = try Sizes.product(shape.rows, width, name: "features")
      guard features.count == count else { throw .countMismatch("features", features.count, expected: count) }
      return features
    }
  }

  /// Rows of `x` with those of `extra` behind, the same ones at every step.
  private func join(
    _ x: UnsafeBufferPointer<Scalar>, _ extra: UnsafePointer<Scalar>, _ shape: BatchShape, _ width: Int
  ) throws(RNNError) -> UnsafeBufferPointer<Scalar> {
    let whole = width + self.extra
    let out = try joined.take(Sizes.product(shape.rows, whole, name: "the decoder's input"))
    guard let to = out.baseAddress, let from = x.baseAddress else { return out.constant }
    for row in 0..<shape.rows {
      (to + row * whole).update(from: from + row * width, count: width)
      (to + row * whole + width).update(from: extra + row % shape.sequences * self.extra, count: self.extra)
    }
    return out.constant
  }

  /// The gradients of the last forward pass for training; those of parameters are written.
  ///
  /// - Parameters:
  ///   - dy: `[T, N, outputSize]`; is changed. nil: zeros.
  ///   - addsToTable: the table's gradient is there already, of the output layer that it is tied to, and is added to.
  ///   - dExtra: `[N, extra]`, receives the gradient of what stands behind every step's input; nil: not wanted.
  func backward(
    dy: UnsafeMutableBufferPointer<Scalar>?, finalGradients: States<Scalar> = States(),
    initialGradients: States<Scalar> = States(), addsToTable: Bool = false,
    dExtra: UnsafeMutableBufferPointer<Scalar>? = nil
  ) throws(RNNError) {
    guard let (shape, input, seed) = last else {
      throw .mismatch("a backward pass follows a forward pass for training")
    }
    if let dy, dropout > 0 {
      try ModelDropout.apply(
        shape, width: part.outputSize, dropout, seed: seed, layer: 2 * number + 1, dy.constant, dy)
    }
    let width = Self.width(self.input)
    let wantsInput = embedding != nil || dExtra != nil
    let dx = try wantsInput ? gradient.take(Sizes.product(shape.rows, width + extra, name: "dx")) : nil
    if input.forest != nil {
      try part.backward(dy: UnsafePointer(dy?.baseAddress), dx: dx?.baseAddress)
    } else {
      try part.backward(
        dy: UnsafePointer(dy?.baseAddress), finalGradients: finalGradients, dx: dx?.baseAddress,
        initialGradients: initialGradients)
    }
    guard var dx else { return }
    if extra > 0 { dx = split(dx, into: dExtra, shape, width) }
    if embedding != nil, dropout > 0 {
      try ModelDropout.apply(shape, width: width, dropout, seed: seed, layer: 2 * number, dx.constant, dx)
    }
    try embeddingBackward(input, dx, addsToTable: addsToTable)
  }

  /// The gradient of the table, of tokens.
  ///
  /// - Parameter dx: `[T, N, width]`
  func embeddingBackward(
    _ input: SequenceInput<Scalar>, _ dx: UnsafeMutableBufferPointer<Scalar>, addsToTable: Bool
  ) throws(RNNError) {
    guard let ids = input.ids, let embedding else { return }
    try embedding.backward(ids, dout: dx.constant, accumulate: addsToTable)
  }

  /// The first `width` numbers of each row, moved together; the others summed over the steps, in their order.
  private func split(
    _ rows: UnsafeMutableBufferPointer<Scalar>, into sums: UnsafeMutableBufferPointer<Scalar>?, _ shape: BatchShape,
    _ width: Int
  ) -> UnsafeMutableBufferPointer<Scalar> {
    sums?.update(repeating: 0)
    guard let start = rows.baseAddress else { return rows }
    for row in 0..<shape.rows {
      let from = start + row * (width + extra)
      if let sums = sums?.baseAddress {
        let to = sums + row % shape.sequences * extra
        for i in 0..<extra { to[i] += from[width + i] }
      }
      (start + row * width).update(from: from, count: width)
    }
    return rows.part(0..<shape.rows * width)
  }
}
