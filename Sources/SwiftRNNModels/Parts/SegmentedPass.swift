// A pass of a network whose activations are kept for a part of the steps at a time.
import SwiftRNN

/// Memory between the segments of a pass.
final class SegmentMemory<Scalar: RNNScalar> {
  /// States at the first step of each segment but the first; carried gradients of the same steps.
  let (states, carried) = (Buffer<Scalar>(), Buffer<Scalar>())
  let lengths = Buffer<Int64>()
  /// The segment whose activations are on the tape.
  var current: Int?
}

/// A pass over all steps, segment by segment (Chen, Xu, Zhang, Guestrin, "Training deep nets with sublinear memory cost",
/// 2016; over time Gruslys, Munos, Danihelka, Lanctot, Graves, "Memory-efficient backpropagation through time", 2016).
///
/// 1. Forward: each segment on the same tape; the states at its end are kept.
/// 2. Backward, from the last segment to the first: the segment forward again, and its gradients of x and of the states.
/// 3. From the first segment to the last, forward and backward once more: the gradients of the parameters, whose sums are
///    over rows in the order of time. A second time is what the bits of a pass over all steps at once cost.
struct SegmentedPass<Scalar: RNNScalar> {
  private let part: NetworkPart<Scalar>
  /// Arguments of the whole pass.
  private let whole: Network<Scalar>.Forward
  private let shape: BatchShape
  private let segments: [StepSegment]
  private let memory: SegmentMemory<Scalar>
  private let (tape, workspace): (Buffer<UInt8>, Buffer<UInt8>)

  init(
    _ part: NetworkPart<Scalar>, _ whole: Network<Scalar>.Forward, _ shape: BatchShape, _ segments: [StepSegment],
    _ memory: SegmentMemory<Scalar>, tape: Buffer<UInt8>, workspace: Buffer<UInt8>
  ) {
    (self.part, self.whole, self.shape, self.segments) = (part, whole, shape, segments)
    (self.memory, self.tape, self.workspace) = (memory, tape, workspace)
  }

  private var network: Network<Scalar> { part.network }
  private var mostSteps: Int { segments.reduce(0) { max($0, $1.steps) } }

  /// States at the first step of a segment, counted from 1.
  private func states(_ number: Int) throws(RNNError) -> States<Scalar> {
    var (sizes, all) = ([Int](), 0)
    for state in network.states.indices {
      sizes.append(try network.stateElements(state, sequences: shape.sequences))
      all += sizes[state]
    }
    let place = try memory.states.take(Sizes.product(all, segments.count - 1, name: "states between segments"))
    var (states, offset) = (States<Scalar>(), all * (number - 1))
    for state in network.states.indices {
      states[state] = place.baseAddress.map { $0 + offset }
      offset += sizes[state]
    }
    return states
  }

  private func carried(_ number: Int) throws(RNNError) -> UnsafeMutablePointer<Scalar>? {
    let size = try network.carriedElements(sequences: shape.sequences)
    let place = try memory.carried.take(Sizes.product(size, segments.count - 1, name: "gradients between segments"))
    return place.baseAddress.map { $0 + size * (number - 1) }
  }

  /// Lengths of the sequences within some steps of a segment.
  private func lengths(_ segment: StepSegment, steps: Int) throws(RNNError) -> UnsafePointer<Int64>? {
    guard let all = shape.lengths else { return nil }
    let own = try memory.lengths.take(shape.sequences)
    for n in 0..<shape.sequences { own[n] = min(max(all[n] - Int64(segment.first), 0), Int64(steps)) }
    return UnsafePointer(own.baseAddress)
  }

  private func scratch(
    _ purpose: Network<Scalar>.Purpose, _ steps: Int
  ) throws(RNNError) -> (UnsafeMutableRawPointer?, Int) {
    let bytes = try network.workspaceSize(purpose, steps: steps, sequences: shape.sequences)
    return (UnsafeMutableRawPointer(try workspace.take(bytes).baseAddress), bytes)
  }

  /// Offset of a segment's first row in an array over all steps.
  private func offset(_ segment: StepSegment, _ width: Int) -> Int { segment.first * shape.sequences * width }

  // MARK: Forward

  /// All outputs and the last states.
  func forward() throws(RNNError) {
    memory.current = nil
    for (number, segment) in segments.enumerated() {
      let isLast = number == segments.count - 1
      var f = try arguments(number, steps: segment.ownSteps)
      f.y = whole.y.map { $0 + offset(segment, part.outputSize) }
      f.final = isLast ? whole.final : try states(number + 1)
      try run(f)
      if isLast { memory.current = number }
    }
  }

  /// Arguments of a pass over the first `steps` steps of a segment, with outputs and last states not wanted.
  private func arguments(_ number: Int, steps: Int) throws(RNNError) -> Network<Scalar>.Forward {
    let segment = segments[number]
    var f = Network<Scalar>.Forward(steps: steps, sequences: shape.sequences)
    f.x = whole.x.map { $0 + offset(segment, network.configuration.inputSize) }
    f.lengths = try lengths(segment, steps: steps)
    f.initial = number == 0 ? whole.initial : try states(number)
    (f.seed, f.firstSequence, f.firstStep) = (whole.seed, whole.firstSequence, segment.first)
    // The largest segment's, so that the memory is asked for once.
    let tape = try tape.take(network.tapeSize(steps: mostSteps, sequences: shape.sequences))
    (f.tape, f.tapeBytes) = (UnsafeMutableRawPointer(tape.baseAddress), tape.count)
    return f
  }

  private func run(_ f: Network<Scalar>.Forward) throws(RNNError) {
    var f = f
    (f.workspace, f.workspaceBytes) = try scratch(.forward, f.steps)
    let constants = part.parameters.map { UnsafeRawPointer($0) }
    try constants.withUnsafeBufferPointer { (pointers) throws(RNNError) in
      f.parameters = pointers
      try network.forward(f)
    }
  }

  // MARK: Backward

  /// - Parameter b: the whole pass's gradients; sizes, tape and workspace are filled in here.
  func backward(_ b: Network<Scalar>.Backward) throws(RNNError) {
    for number in segments.indices.reversed() { try backward(b, number, sums: false) }
    for number in segments.indices { try backward(b, number, sums: true) }
  }

  /// A segment forward, unless its activations are there, and backward.
  ///
  /// - Parameter sums: whether the gradients of the parameters are wanted; else those of x and the states are.
  private func backward(_ whole: Network<Scalar>.Backward, _ number: Int, sums: Bool) throws(RNNError) {
    let segment = segments[number]
    let f = try arguments(number, steps: segment.steps)
    if memory.current != number {
      memory.current = nil
      try run(f)
      memory.current = number
    }
    var b = Network<Scalar>.Backward(steps: segment.steps, sequences: shape.sequences)
    (b.x, b.lengths, b.initial, b.firstStep) = (f.x, f.lengths, f.initial, f.firstStep)
    b.dy = whole.dy.map { $0 + offset(segment, part.outputSize) }
    b.finalGradients = whole.finalGradients
    (b.tape, b.tapeBytes) = (UnsafeRawPointer(f.tape), f.tapeBytes)
    (b.workspace, b.workspaceBytes) = try scratch(.backward, segment.steps)
    if number < segments.count - 1 { b.carriedIn = UnsafePointer(try carried(number + 1)) }
    if !sums {
      b.dx = whole.dx.map { $0 + offset(segment, network.configuration.inputSize) }
      if number > 0 { b.carriedOut = try carried(number) } else { b.initialGradients = whole.initialGradients }
    }
    (b.gradientRows, b.accumulate) = (segment.rows, number > 0)
    let constants = part.parameters.map { UnsafeRawPointer($0) }
    try constants.withUnsafeBufferPointer { (pointers) throws(RNNError) in
      try part.gradients.withUnsafeBufferPointer { (targets) throws(RNNError) in
        b.parameters = pointers
        if sums { b.gradients = targets }
        try network.backward(b)
      }
    }
  }
}
