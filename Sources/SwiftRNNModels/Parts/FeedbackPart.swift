// The part of a network with output feedback that is trained by teacher forcing: all steps at once.
import SwiftRNN

/// `h = tanh(W x + U p + b)` over all rows of a batch, p of a step the target of the step before. Has the parameters of the
/// network that runs freely.
final class FeedbackPart<Scalar: RNNScalar> {
  let reader: SequencePart<Scalar>
  private let outputs: Int
  private let hidden: Int
  private let w: Parameter<Scalar>
  private let u: Parameter<Scalar>
  private let bias: Parameter<Scalar>
  private let (valid, previous, fromX, fromP) = (
    Buffer<Scalar>(), Buffer<Scalar>(), Buffer<Scalar>(), Buffer<Scalar>()
  )
  private let gradient = Buffer<Scalar>()
  private var last: (shape: BatchShape, x: UnsafeBufferPointer<Scalar>, input: SequenceInput<Scalar>)?

  /// Targets of a batch.
  enum Targets {
    /// `[T, N]`; an ignored target is fed back as zeros.
    case classes(UnsafeBufferPointer<Int>)
    /// `[T, N, outputs]`
    case numbers(UnsafeBufferPointer<Scalar>)
  }

  init(_ reader: SequencePart<Scalar>, outputs: Int, hidden: Int, _ store: ParameterStore<Scalar>) throws(RNNError) {
    (self.reader, self.outputs, self.hidden) = (reader, outputs, hidden)
    w = try Parameter(store, "network.W_l0")
    u = try Parameter(store, "network.U_l0")
    bias = try Parameter(store, "network.b_l0")
  }

  private var width: Int { SequencePart<Scalar>.width(reader.input) }

  /// - Parameters:
  ///   - first: `[N, outputs]`, what is fed back to the first step; nil: zeros.
  ///   - final: `[N, outputs]`, receives what the step behind the last one would be fed; nil: not wanted.
  /// - Returns: h, `[T, N, hidden]`, until the next pass; the backward pass reads it again.
  func forward(
    _ shape: BatchShape, _ input: SequenceInput<Scalar>, _ targets: Targets, first: UnsafePointer<Scalar>?,
    final: UnsafeMutablePointer<Scalar>?
  ) throws(RNNError) -> UnsafeMutableBufferPointer<Scalar> {
    last = nil
    let x = try validInputs(shape, input)
    let p = try previous.take(Sizes.product(shape.rows, outputs, name: "the outputs of the steps before"))
    try feed(shape, targets, first: first, into: p)
    let h = try fromX.take(Sizes.product(shape.rows, hidden, name: "h"))
    let recurrent = try fromP.take(h.count)
    try Linear.forward(
      rows: shape.rows, inputs: width, outputs: hidden, x: x, weight: w.values, bias: bias.values, y: h)
    try Linear.forward(
      rows: shape.rows, inputs: outputs, outputs: hidden, x: p.constant, weight: u.values, bias: nil, y: recurrent)
    for i in h.indices { h[i] += recurrent[i] }
    try Activation.tanh(h)
    if let final { finish(shape, targets, first: first, into: final) }
    last = (shape, x, input)
    return h
  }

  /// The input, with zeros behind the end of each sequence, where any numbers may be: NaN times a gradient of 0 is NaN.
  private func validInputs(
    _ shape: BatchShape, _ input: SequenceInput<Scalar>
  ) throws(RNNError) -> UnsafeBufferPointer<Scalar> {
    let x = try reader.vectors(shape, input)
    guard let lengths = shape.lengths else { return x }
    let valid = try self.valid.take(x.count)
    for row in 0..<shape.rows {
      let counts = row / shape.sequences < lengths[row % shape.sequences]
      for i in row * width..<(row + 1) * width { valid[i] = counts ? x[i] : 0 }
    }
    return valid.constant
  }

  private func feed(
    _ shape: BatchShape, _ targets: Targets, first: UnsafePointer<Scalar>?, into p: UnsafeMutableBufferPointer<Scalar>
  ) throws(RNNError) {
    if case .classes(let classes) = targets {
      for (row, target) in classes.enumerated()
      where target != CrossEntropy.ignoredTarget && !(0..<outputs).contains(target) {
        if let lengths = shape.lengths, row / shape.sequences >= lengths[row % shape.sequences] { continue }
        throw .invalidElement("targets", index: row, target, low: 0, high: outputs - 1)
      }
    }
    guard let start = p.baseAddress else { return }
    for row in 0..<shape.rows {
      let (t, n) = (row / shape.sequences, row % shape.sequences)
      let to = start + row * outputs
      if let lengths = shape.lengths, t >= lengths[n] {
        to.update(repeating: 0, count: outputs)
      } else if t > 0 {
        write(targets, row: row - shape.sequences, to)
      } else if let first {
        to.update(from: first + n * outputs, count: outputs)
      } else {
        to.update(repeating: 0, count: outputs)
      }
    }
  }

  /// Writes the feedback of a target.
  private func write(_ targets: Targets, row: Int, _ to: UnsafeMutablePointer<Scalar>) {
    switch targets {
    case .numbers(let values): for i in 0..<outputs { to[i] = values[row * outputs + i] }
    case .classes(let classes):
      to.update(repeating: 0, count: outputs)
      if classes[row] != CrossEntropy.ignoredTarget { to[classes[row]] = 1 }
    }
  }

  private func finish(
    _ shape: BatchShape, _ targets: Targets, first: UnsafePointer<Scalar>?, into final: UnsafeMutablePointer<Scalar>
  ) {
    for n in 0..<shape.sequences {
      let length = shape.lengths.map { Int($0[n]) } ?? shape.steps
      let to = final + n * outputs
      if length > 0 {
        write(targets, row: (length - 1) * shape.sequences + n, to)
      } else if let first {
        to.update(from: first + n * outputs, count: outputs)
      } else {
        to.update(repeating: 0, count: outputs)
      }
    }
  }

  /// The gradients of the last forward pass; those of parameters are written.
  ///
  /// - Parameter dh: `[T, N, hidden]`; is changed.
  func backward(_ dh: UnsafeMutableBufferPointer<Scalar>) throws(RNNError) {
    guard let (shape, x, input) = last else {
      throw .mismatch("a backward pass follows a forward pass for training")
    }
    let rows = shape.rows
    try Activation.tanhGradient(dh, y: fromX.take(rows * hidden).constant)
    let dx = try reader.table == nil ? nil : gradient.take(Sizes.product(rows, width, name: "dx"))
    try Linear.backward(
      rows: rows, inputs: width, outputs: hidden, x: x, weight: w.values, dy: dh.constant, accumulate: false, dx: dx,
      dweight: w.gradient, dbias: bias.gradient)
    try Linear.backward(
      rows: rows, inputs: outputs, outputs: hidden, x: previous.take(rows * outputs).constant, weight: u.values,
      dy: dh.constant, accumulate: false, dx: nil, dweight: u.gradient, dbias: nil)
    if let dx { try reader.embeddingBackward(input, dx, addsToTable: false) }
  }
}
