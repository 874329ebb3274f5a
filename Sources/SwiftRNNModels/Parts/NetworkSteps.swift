// A network within a model, step by step: where the input of a step is made of the output of the step before.
import SwiftRNN

/// Single steps of whole sequences, forward, each with a tape of its own, and backward from the last one to the first.
final class NetworkSteps<Scalar: RNNScalar> {
  private let part: NetworkPart<Scalar>
  private let (tapes, workspace, counts) = (Buffer<UInt8>(), Buffer<UInt8>(), Buffer<Int64>())
  /// States before step t, at t; T + 1 of each.
  private let states: [Buffer<Scalar>]
  private var (carried, next): (StateBuffers<Scalar>, StateBuffers<Scalar>)
  private var shape: BatchShape?
  private var tapeBytes = 0

  init(_ part: NetworkPart<Scalar>) {
    self.part = part
    states = part.network.states.map { _ in Buffer<Scalar>() }
    (carried, next) = (StateBuffers(part.network), StateBuffers(part.network))
  }

  private var network: Network<Scalar> { part.network }

  /// Begins sequences.
  ///
  /// - Parameters:
  ///   - initial: entries that are nil start where the cell does.
  ///   - isTraining: keeps a tape of each step.
  func begin(_ shape: BatchShape, initial: States<Scalar>, isTraining: Bool) throws(RNNError) {
    self.shape = nil
    let (count, overflow) = shape.steps.addingReportingOverflow(1)
    if overflow { throw .overflow("the states") }
    let start = try network.makeState(sequences: shape.sequences)
    for number in states.indices {
      let elements = try network.stateElements(number, sequences: shape.sequences)
      let all = try states[number].take(Sizes.product(count, elements, name: "the states"))
      guard let to = all.baseAddress else { continue }
      if let from = initial[number] {
        to.update(from: from, count: elements)
      } else {
        start.tensors[number].withUnsafeBufferPointer { from in
          if let from = from.baseAddress { to.update(from: from, count: elements) }
        }
      }
    }
    // Each tape begins at a cache line.
    let bytes = try network.tapeSize(steps: 1, sequences: shape.sequences)
    let (rounded, isTooLarge) = bytes.addingReportingOverflow(63)
    if isTooLarge { throw .overflow("the tapes") }
    tapeBytes = rounded & ~63
    if isTraining { _ = try tapes.take(Sizes.product(tapeBytes, shape.steps, name: "the tapes")) }
    self.shape = shape
  }

  private func begun() throws(RNNError) -> BatchShape {
    guard let shape else { throw .mismatch("a step follows the beginning of its sequences") }
    return shape
  }

  private func place(_ step: Int, _ shape: BatchShape) throws(RNNError) -> States<Scalar> {
    var places = States<Scalar>()
    for number in states.indices {
      let elements = try network.stateElements(number, sequences: shape.sequences)
      places[number] = try states[number].take((shape.steps + 1) * elements).baseAddress.map { $0 + step * elements }
    }
    return places
  }

  /// 1 for each sequence that has the step.
  private func lengths(_ step: Int, _ shape: BatchShape) throws(RNNError) -> UnsafePointer<Int64>? {
    guard let lengths = shape.lengths else { return nil }
    let counts = try self.counts.take(shape.sequences)
    for n in 0..<shape.sequences { counts[n] = step < lengths[n] ? 1 : 0 }
    return UnsafePointer(counts.baseAddress)
  }

  private func tape(_ step: Int, _ shape: BatchShape) throws(RNNError) -> UnsafeMutableRawPointer? {
    let all = try tapes.take(tapeBytes * shape.steps)
    return all.baseAddress.map { UnsafeMutableRawPointer($0) + step * tapeBytes }
  }

  /// One step.
  ///
  /// - Parameters:
  ///   - x: `[N, I]`; the backward pass reads it again.
  ///   - y: `[N, O]`, receives the output; zeros of sequences that have ended.
  ///   - seed: of masks; nil: inference.
  func forward(
    _ step: Int, x: UnsafePointer<Scalar>?, y: UnsafeMutablePointer<Scalar>?, seed: UInt64?
  ) throws(RNNError) {
    let shape = try begun()
    var forward = Network<Scalar>.Forward(steps: 1, sequences: shape.sequences)
    (forward.x, forward.y, forward.lengths) = (x, y, try lengths(step, shape))
    (forward.initial, forward.final) = (try place(step, shape), try place(step + 1, shape))
    let memory = try workspace.take(network.workspaceSize(.forward, steps: 1, sequences: shape.sequences))
    (forward.workspace, forward.workspaceBytes) = (UnsafeMutableRawPointer(memory.baseAddress), memory.count)
    if let seed {
      (forward.tape, forward.tapeBytes) = (try tape(step, shape), tapeBytes)
      (forward.seed, forward.firstSequence) = (seed, shape.firstSequence)
    }
    let constants = part.parameters.map { UnsafeRawPointer($0) }
    try constants.withUnsafeBufferPointer { (pointers) throws(RNNError) in
      forward.parameters = pointers
      try network.forward(forward)
    }
  }

  /// Begins the way back: gradients of the last states are zeros, those of the parameters too.
  func beginBackward() throws(RNNError) {
    let shape = try begun()
    _ = try carried.take(sequences: shape.sequences)
    try carried.fill(with: 0)
    for (number, gradient) in part.gradients.enumerated() {
      gradient?.assumingMemoryBound(to: Scalar.self).update(repeating: 0, count: try network.parameter(number).elements)
    }
  }

  /// The gradients of one step, with those of the step behind it; those of the parameters are added.
  ///
  /// - Parameters:
  ///   - x: as the forward pass had it.
  ///   - dy: `[N, O]`
  ///   - dx: `[N, I]`, overwritten.
  func backward(
    _ step: Int, x: UnsafePointer<Scalar>?, dy: UnsafePointer<Scalar>?, dx: UnsafeMutablePointer<Scalar>?
  ) throws(RNNError) {
    let shape = try begun()
    var backward = Network<Scalar>.Backward(steps: 1, sequences: shape.sequences)
    (backward.x, backward.dy, backward.dx) = (x, dy, dx)
    (backward.lengths, backward.initial) = (try lengths(step, shape), try place(step, shape))
    backward.finalGradients = carried.pointers
    backward.initialGradients = try next.take(sequences: shape.sequences)
    (backward.tape, backward.tapeBytes) = (UnsafeRawPointer(try tape(step, shape)), tapeBytes)
    let memory = try workspace.take(network.workspaceSize(.backward, steps: 1, sequences: shape.sequences))
    (backward.workspace, backward.workspaceBytes) = (UnsafeMutableRawPointer(memory.baseAddress), memory.count)
    backward.accumulate = true
    let constants = part.parameters.map { UnsafeRawPointer($0) }
    try constants.withUnsafeBufferPointer { (pointers) throws(RNNError) in
      try part.gradients.withUnsafeBufferPointer { (targets) throws(RNNError) in
        (backward.parameters, backward.gradients) = (pointers, targets)
        try network.backward(backward)
      }
    }
    swap(&carried, &next)
  }

  /// Gradients of the states before the step that was gone back through last.
  var stateGradients: States<Scalar> { carried.pointers }
}
