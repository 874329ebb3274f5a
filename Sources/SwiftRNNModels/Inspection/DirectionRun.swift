// One direction of one layer, in single steps: the states of all steps forward, and the gradients of all states back.
import SwiftRNN

/// Keeps the input and the states of all steps. Steps are in the order of the direction: of the reverse one, step s of a
/// sequence of length l is its step l - 1 - s in time.
final class DirectionRun<Scalar: RNNScalar> {
  let network: Network<Scalar>
  let parameters: [UnsafeMutableRawPointer?]
  let shape: BatchShape
  private let isReverse: Bool
  /// Number of the direction among all of the whole network: layer * directions + direction.
  private let index: Int
  private let widths: [Int]
  private let input = Buffer<Scalar>()
  /// `[T + 1, N, width]` of each state: before step s, at s.
  private let states: [Buffer<Scalar>]
  /// `[T, N, O]`, in the order of the direction.
  private let output = Buffer<Scalar>()
  private let (tape, workspace) = (Buffer<UInt8>(), Buffer<UInt8>())
  private let counts = Buffer<Int64>()

  init(
    _ network: Network<Scalar>, _ parameters: [UnsafeMutableRawPointer?], _ shape: BatchShape, isReverse: Bool,
    index: Int
  ) throws(RNNError) {
    (self.network, self.parameters, self.shape) = (network, parameters, shape)
    (self.isReverse, self.index) = (isReverse, index)
    widths = network.states.map(\.width)
    states = widths.map { _ in Buffer<Scalar>() }
  }

  private var sequences: Int { shape.sequences }
  func length(_ n: Int) -> Int { shape.lengths.map { Int($0[n]) } ?? shape.steps }

  /// The row in time of step `step` of sequence n, which has such a step.
  private func row(_ step: Int, _ n: Int) -> Int {
    (isReverse ? length(n) - 1 - step : step) * sequences + n
  }

  /// The input in the order of the direction, `[T, N, I]`; zeros behind the end of a sequence.
  func inputs() throws(RNNError) -> UnsafeMutableBufferPointer<Scalar> {
    try input.take(Sizes.product(shape.rows, network.configuration.inputSize, name: "x"))
  }

  /// The outputs in the order of the direction, `[T, N, O]`; zeros behind the end of a sequence.
  func outputs() throws(RNNError) -> UnsafeMutableBufferPointer<Scalar> {
    try output.take(Sizes.product(shape.rows, network.configuration.outputSize, name: "y"))
  }

  /// `[T + 1, N, width]`
  func states(_ number: Int) throws(RNNError) -> UnsafeMutableBufferPointer<Scalar> {
    let (steps, overflow) = shape.steps.addingReportingOverflow(1)
    if overflow { throw .overflow("the states") }
    return try states[number].take(Sizes.product(steps, sequences, widths[number], name: "the states"))
  }

  /// The states before a step.
  private func place(_ step: Int) throws(RNNError) -> States<Scalar> {
    var places = States<Scalar>()
    for number in states.indices {
      places[number] = try states(number).baseAddress.map { $0 + step * sequences * widths[number] }
    }
    return places
  }

  // MARK: Forward

  /// - Parameters:
  ///   - x: `[T, N, I]`, in time.
  ///   - initial: of the whole network.
  ///   - y: `[T, N, ...]`, in time: receives the outputs from `column` on.
  func forward(
    _ x: UnsafePointer<Scalar>?, initial: States<Scalar>, into y: UnsafeMutableBufferPointer<Scalar>, column: Int
  ) throws(RNNError) {
    let (inputs, width) = (network.configuration.inputSize, network.configuration.outputSize)
    let own = try self.inputs()
    own.update(repeating: 0)
    let start = try network.makeState(sequences: sequences)
    for number in states.indices {
      guard let to = try states(number).baseAddress else { continue }
      let count = sequences * widths[number]
      if let from = initial[number] {
        to.update(from: from + index * count, count: count)
      } else {
        start.tensors[number].withUnsafeBufferPointer { from in
          if let from = from.baseAddress { to.update(from: from, count: count) }
        }
      }
    }
    let outputs = try self.outputs()
    let rowWidth = shape.rows == 0 ? 0 : y.count / shape.rows
    for step in 0..<shape.steps {
      for n in 0..<sequences where step < length(n) {
        guard let x, let to = own.baseAddress else { continue }
        (to + (step * sequences + n) * inputs).update(from: x + row(step, n) * inputs, count: inputs)
      }
      let out = outputs.baseAddress.map { $0 + step * sequences * width }
      try run(step, y: out, final: place(step + 1), isTraining: false)
      for n in 0..<sequences where step < length(n) {
        guard let from = out, let to = y.baseAddress else { continue }
        (to + row(step, n) * rowWidth + column).update(from: from + n * width, count: width)
      }
    }
  }

  /// One step; sequences that have none keep their states.
  private func run(
    _ step: Int, y: UnsafeMutablePointer<Scalar>?, final: States<Scalar>, isTraining: Bool
  ) throws(RNNError) {
    var forward = Network<Scalar>.Forward(steps: 1, sequences: sequences)
    forward.x = try UnsafePointer(inputs().baseAddress.map { $0 + step * sequences * network.configuration.inputSize })
    (forward.y, forward.initial, forward.final) = (y, try place(step), final)
    forward.lengths = try lengths(step)
    let memory = try workspace.take(network.workspaceSize(.forward, steps: 1, sequences: sequences))
    (forward.workspace, forward.workspaceBytes) = (UnsafeMutableRawPointer(memory.baseAddress), memory.count)
    if isTraining {
      let memory = try tape.take(network.tapeSize(steps: 1, sequences: sequences))
      (forward.tape, forward.tapeBytes) = (UnsafeMutableRawPointer(memory.baseAddress), memory.count)
      forward.seed = 0
    }
    let constants = parameters.map { UnsafeRawPointer($0) }
    try constants.withUnsafeBufferPointer { (pointers) throws(RNNError) in
      forward.parameters = pointers
      try network.forward(forward)
    }
  }

  /// 1 for each sequence that has the step.
  private func lengths(_ step: Int) throws(RNNError) -> UnsafePointer<Int64>? {
    let counts = try self.counts.take(sequences)
    for n in 0..<sequences { counts[n] = step < length(n) ? 1 : 0 }
    return UnsafePointer(counts.baseAddress)
  }

  // MARK: Backward

  /// - Parameters:
  ///   - dy: `[T, N, ...]`, in time: the direction's gradients from `column` on.
  ///   - final: gradients of the last states, of the whole network.
  ///   - dx: `[T, N, I]`, in time: the input's gradients are added.
  /// - Returns: the norms of each state's gradients.
  func backward(
    _ dy: UnsafeBufferPointer<Scalar>, column: Int, final: States<Scalar>, into dx: UnsafeMutableBufferPointer<Scalar>
  ) throws(RNNError) -> [ModelInspection.Gradients] {
    let (inputs, width) = (network.configuration.inputSize, network.configuration.outputSize)
    let outputState = network.outputState
    var (carried, next) = (StateBuffers(network), StateBuffers(network))
    let first = try carried.take(sequences: sequences)
    try carried.fill(with: 0)
    for number in states.indices {
      let count = sequences * widths[number]
      if let from = final[number] { first[number]?.update(from: from + index * count, count: count) }
    }
    let memory = (Buffer<Scalar>(), Buffer<Scalar>())
    defer { withExtendedLifetime((carried, next, memory)) {} }
    let ownDy = try memory.0.take(Sizes.product(sequences, width, name: "dy"))
    let ownDx = try memory.1.take(Sizes.product(sequences, inputs, name: "dx"))
    let rowWidth = shape.rows == 0 ? 0 : dy.count / shape.rows
    var squares = widths.map { _ in [Double](repeating: 0, count: shape.steps) }
    for step in (0..<shape.steps).reversed() {
      ownDy.update(repeating: 0)
      for n in 0..<sequences where step < length(n) {
        for i in 0..<width { ownDy[n * width + i] = dy[row(step, n) * rowWidth + column + i] }
      }
      for number in states.indices {
        let gradient = try carried.elements(number)
        for n in 0..<sequences where step < length(n) {
          var sum = 0.0
          for i in 0..<widths[number] {
            var value = Double(gradient[n * widths[number] + i])
            if number == outputState { value += Double(ownDy[n * width + i]) }
            sum += value * value
          }
          squares[number][row(step, n) / sequences] += sum
        }
      }
      try run(step, y: nil, final: States(), isTraining: true)
      try back(step, ownDy, carried.pointers, ownDx, next.take(sequences: sequences))
      swap(&carried, &next)
      for n in 0..<sequences where step < length(n) {
        for i in 0..<inputs { dx[row(step, n) * inputs + i] += ownDx[n * inputs + i] }
      }
    }
    return network.states.enumerated().map { number, state in
      ModelInspection.Gradients(
        state: state.name, norms: squares[number].map { $0.squareRoot() }, isOutput: number == outputState)
    }
  }

  private func back(
    _ step: Int, _ dy: UnsafeMutableBufferPointer<Scalar>, _ final: States<Scalar>,
    _ dx: UnsafeMutableBufferPointer<Scalar>, _ initial: States<Scalar>
  ) throws(RNNError) {
    var backward = Network<Scalar>.Backward(steps: 1, sequences: sequences)
    backward.x = try UnsafePointer(inputs().baseAddress.map { $0 + step * sequences * network.configuration.inputSize })
    (backward.dy, backward.dx) = (UnsafePointer(dy.baseAddress), dx.baseAddress)
    (backward.lengths, backward.initial) = (try lengths(step), try place(step))
    (backward.finalGradients, backward.initialGradients) = (final, initial)
    let tape = try self.tape.take(network.tapeSize(steps: 1, sequences: sequences))
    (backward.tape, backward.tapeBytes) = (UnsafeRawPointer(tape.baseAddress), tape.count)
    let memory = try workspace.take(network.workspaceSize(.backward, steps: 1, sequences: sequences))
    (backward.workspace, backward.workspaceBytes) = (UnsafeMutableRawPointer(memory.baseAddress), memory.count)
    let constants = parameters.map { UnsafeRawPointer($0) }
    try constants.withUnsafeBufferPointer { (pointers) throws(RNNError) in
      backward.parameters = pointers
      try network.backward(backward)
    }
  }
}
