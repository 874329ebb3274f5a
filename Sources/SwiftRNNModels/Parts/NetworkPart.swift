// A recurrent network within a model: its parameters in the model's vector, and memory for its passes.
import SwiftRNN

/// How many steps and sequences a call has, and how long each sequence is.
struct BatchShape {
  var steps: Int
  var sequences: Int
  /// `[N]`, each in 0 ... T; nil: all T. Lives as long as the call.
  var lengths: UnsafePointer<Int64>?
  /// Added to a sequence's index in dropout masks.
  var firstSequence = 0

  var rows: Int { steps * sequences }

  /// - Throws: for sizes whose product does not fit.
  init(
    steps: Int, sequences: Int, lengths: UnsafePointer<Int64>? = nil, firstSequence: Int = 0
  ) throws(RNNError) {
    guard steps >= 0 else { throw .invalidSize("steps", steps, low: 0, high: .max) }
    guard sequences >= 0 else { throw .invalidSize("sequences", sequences, low: 0, high: .max) }
    _ = try Sizes.product(steps, sequences, name: "steps * sequences")
    (self.steps, self.sequences, self.lengths) = (steps, sequences, lengths)
    self.firstSequence = firstSequence
  }
}

extension BatchShape {
  /// Passes over whole sequences check lengths; where none runs, this does.
  func checkLengths() throws(RNNError) {
    guard let lengths else { return }
    for n in 0..<sequences where !(0...Int64(steps)).contains(lengths[n]) {
      throw .invalidLength(index: n, Int(lengths[n]), steps: steps)
    }
  }
}

/// The states of a network over the sequences of a batch.
final class StateBuffers<Scalar: RNNScalar> {
  private let network: Network<Scalar>
  private let memory: [Buffer<Scalar>]
  private(set) var pointers = States<Scalar>()
  private(set) var sequences = 0

  init(_ network: Network<Scalar>) {
    self.network = network
    memory = network.states.map { _ in Buffer<Scalar>() }
  }

  /// Room for `sequences` sequences; what was there is lost if there are more of them than ever before.
  func take(sequences: Int) throws(RNNError) -> States<Scalar> {
    for state in memory.indices {
      let elements = try network.stateElements(state, sequences: sequences)
      pointers[state] = try memory[state].take(elements).baseAddress
    }
    self.sequences = sequences
    return pointers
  }

  /// The elements of one state, for the sequences of the last ``take(sequences:)``.
  func elements(_ state: Int) throws(RNNError) -> UnsafeMutableBufferPointer<Scalar> {
    try memory[state].take(network.stateElements(state, sequences: sequences))
  }

  func fill(with number: Scalar) throws(RNNError) {
    for state in memory.indices { try elements(state).update(repeating: number) }
  }
}

/// A network as a layer of a model.
final class NetworkPart<Scalar: RNNScalar> {
  let network: Network<Scalar>
  /// Owner of the memory of parameters and gradients.
  private let store: ParameterStore<Scalar>
  private(set) var parameters: [UnsafeMutableRawPointer?] = []
  private(set) var gradients: [UnsafeMutableRawPointer?] = []
  let (output, tape, workspace) = (Buffer<Scalar>(), Buffer<UInt8>(), Buffer<UInt8>())
  /// What the last forward pass was called with; nil: none for training was.
  private(set) var last: (arguments: Network<Scalar>.Forward, shape: BatchShape)?
  /// Arguments of the last pass over trees.
  var lastForest: (arguments: Network<Scalar>.ForestForward, forest: Forest)?
  /// Gradients that the backward pass after it was given.
  private(set) var lastGradients: (dy: UnsafePointer<Scalar>?, final: States<Scalar>)?
  /// Limit of ``TrainingOptions/tapeLimit``, for the next pass in training.
  var tapeLimit: Int?
  private let segments = SegmentMemory<Scalar>()
  /// Whether the last forward pass for training was cut into segments, and by which limit. The segments are found again
  /// for the backward pass: a list that outlives a call would keep the memory of the call's reserve.
  private var cut: (isCut: Bool, tapeLimit: Int?) = (false, nil)

  /// Names within the layer, and shapes, as the list of the model's parameters wants them.
  static func tensors(_ network: Network<Scalar>) throws(RNNError) -> [(name: String, shape: [Int])] {
    var tensors: [(name: String, shape: [Int])] = []
    for index in 0..<network.parameterCount {
      let info = try network.parameter(index)
      tensors.append((info.name, info.shape))
    }
    return tensors
  }

  init(_ network: Network<Scalar>, _ store: ParameterStore<Scalar>, layer: String) throws(RNNError) {
    (self.network, self.store) = (network, store)
    for (name, _) in try Self.tensors(network) {
      let parameter = try Parameter(store, "\(layer).\(name)")
      parameters.append(UnsafeMutableRawPointer(mutating: parameter.values.baseAddress))
      gradients.append(UnsafeMutableRawPointer(parameter.gradient.baseAddress))
    }
  }

  var outputSize: Int { network.configuration.outputSize }

  func initialize(_ initializer: Initializer, seed: UInt64) throws(RNNError) {
    let pointers = parameters
    try pointers.withUnsafeBufferPointer { (pointers) throws(RNNError) in
      try network.initialize(initializer, seed: seed, parameters: pointers)
    }
  }

  /// A snapshot of the parameters for inference.
  func packed() throws(RNNError) -> PackedWeights<Scalar> {
    let constants = parameters.map { UnsafeRawPointer($0) }
    return try constants.withUnsafeBufferPointer { (pointers) throws(RNNError) in
      try PackedWeights(network, parameters: pointers)
    }
  }

  /// Whole sequences.
  ///
  /// - Parameters:
  ///   - x: `[T, N, I]`; the backward pass reads it again.
  ///   - initial: entries that are nil start where the cell does; the backward pass reads them again.
  ///   - final: where the states after the last steps go; entries that are nil are not wanted.
  ///   - seed: of dropout masks between layers; nil: inference, no backward pass follows.
  /// - Returns: y, `[T, N, outputSize]`, in memory of this part, until its next pass.
  func forward(
    _ shape: BatchShape, x: UnsafePointer<Scalar>?, initial: States<Scalar>, final: States<Scalar>, seed: UInt64?
  ) throws(RNNError) -> UnsafeMutableBufferPointer<Scalar> {
    (last, lastGradients) = (nil, nil)
    let y = try output.take(Sizes.product(shape.rows, outputSize, name: "y"))
    var forward = Network<Scalar>.Forward(steps: shape.steps, sequences: shape.sequences)
    forward.x = x
    forward.y = y.baseAddress
    forward.lengths = shape.lengths
    (forward.initial, forward.final) = (initial, final)
    let memory = try workspace.take(
      network.workspaceSize(.forward, steps: shape.steps, sequences: shape.sequences))
    (forward.workspace, forward.workspaceBytes) = (UnsafeMutableRawPointer(memory.baseAddress), memory.count)
    if let seed {
      forward.seed = seed
      forward.firstSequence = shape.firstSequence
      let cuts = try StepSegment.segments(shape, network, tapeLimit: tapeLimit)
      cut = (cuts.count > 1, tapeLimit)
      if cut.isCut {
        try SegmentedPass(self, forward, shape, cuts, segments, tape: tape, workspace: workspace).forward()
        last = (forward, shape)
        return y
      }
      let memory = try tape.take(network.tapeSize(steps: shape.steps, sequences: shape.sequences))
      (forward.tape, forward.tapeBytes) = (UnsafeMutableRawPointer(memory.baseAddress), memory.count)
    }
    let constants = parameters.map { UnsafeRawPointer($0) }
    try constants.withUnsafeBufferPointer { (pointers) throws(RNNError) in
      forward.parameters = pointers
      try network.forward(forward)
    }
    if seed != nil { last = (forward, shape) }
    return y
  }

  /// The gradients of the last forward pass for training: those of the parameters are written, not added.
  ///
  /// - Parameters:
  ///   - dy: `[T, N, outputSize]`; nil: zeros.
  ///   - dx: `[T, N, I]`; nil: not wanted.
  func backward(
    dy: UnsafePointer<Scalar>?, finalGradients: States<Scalar>, dx: UnsafeMutablePointer<Scalar>?,
    initialGradients: States<Scalar>
  ) throws(RNNError) {
    guard let (forward, shape) = last else { throw .mismatch("a backward pass follows a forward pass for training") }
    var backward = Network<Scalar>.Backward(steps: shape.steps, sequences: shape.sequences)
    (backward.x, backward.dy, backward.dx) = (forward.x, dy, dx)
    (backward.lengths, backward.initial) = (shape.lengths, forward.initial)
    (backward.finalGradients, backward.initialGradients) = (finalGradients, initialGradients)
    if cut.isCut {
      let cuts = try StepSegment.segments(shape, network, tapeLimit: cut.tapeLimit)
      return try SegmentedPass(self, forward, shape, cuts, segments, tape: tape, workspace: workspace).backward(
        backward)
    }
    (backward.tape, backward.tapeBytes) = (UnsafeRawPointer(forward.tape), forward.tapeBytes)
    let memory = try workspace.take(
      network.workspaceSize(.backward, steps: shape.steps, sequences: shape.sequences))
    (backward.workspace, backward.workspaceBytes) = (UnsafeMutableRawPointer(memory.baseAddress), memory.count)
    let constants = parameters.map { UnsafeRawPointer($0) }
    try constants.withUnsafeBufferPointer { (pointers) throws(RNNError) in
      try gradients.withUnsafeBufferPointer { (targets) throws(RNNError) in
        (backward.parameters, backward.gradients) = (pointers, targets)
        try network.backward(backward)
      }
    }
    lastGradients = (dy, finalGradients)
  }
}
