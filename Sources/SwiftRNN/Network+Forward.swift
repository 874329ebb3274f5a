// The forward pass of a network: layer after layer, each layer's directions and shards side by side.
import Kernels

extension Network {
  /// The arguments of ``forward(_:)``.
  public struct Forward {
    /// T and N, 0 or more.
    public var steps: Int
    public var sequences: Int
    /// `[T, N, I]`; both strides 0: dense. May be nil when T * N is 0.
    public var x: UnsafePointer<Scalar>?
    public var xStepStride = 0
    public var xSequenceStride = 0
    /// Of equations: the inputs beside x, by their number from 0, each dense `[T, N, width]`.
    public var inputs = Inputs<Scalar>()
    /// `[T, N, D * P]`, or nil: not wanted. Zero past each sequence's length.
    public var y: UnsafeMutablePointer<Scalar>?
    public var yStepStride = 0
    public var ySequenceStride = 0
    /// `[N]`, each in 0 ... T, or nil: all T.
    public var lengths: UnsafePointer<Int64>?
    public var initial = States<Scalar>()
    /// May be the memory of `initial`.
    public var final = States<Scalar>()
    /// One pointer per tensor, none nil. Not read if there are `weights`.
    public var parameters = UnsafeBufferPointer<UnsafeRawPointer?>(start: nil, count: 0)
    public var weights: PackedWeights<Scalar>?
    /// Filled for ``Network/backward(_:)``, with dropout applied; nil: inference.
    public var tape: UnsafeMutableRawPointer?
    public var tapeBytes = 0
    public var workspace: UnsafeMutableRawPointer?
    public var workspaceBytes = 0
    /// Of the dropout masks; nil: the pass draws one, and the tape has it.
    public var seed: UInt64?
    /// Added to a sequence's index in the masks.
    public var firstSequence = 0
    /// Added to a step's index in the masks, for a pass over a part of the steps (``Network/cutsSteps``); 0 … 2^32 - T.
    public var firstStep = 0
    /// With ``LayerOptions/gaps``: `[T, N]`, steps with 0 are left out; nil: none are.
    public var mask: UnsafePointer<UInt8>?
    /// Of a layer of a network with layer options: its number, and how many chains a sequence has.
    var firstLayer = 0
    var chains = 1
    /// Of one layer of LSTM: where c of every step goes, `[T, N, D * H]`; nil: not wanted.
    var cells: Rows<Scalar>?

    public init(steps: Int, sequences: Int) {
      self.steps = steps
      self.sequences = sequences
    }

    /// The seed of the masks, which a pass has drawn by now where it needs one.
    var drawnSeed: UInt64 { seed ?? 0 }
  }

  /// Runs whole sequences through all layers and directions. Nothing is written unless all arguments are right.
  @_specialize(exported:true,where Scalar == Float)
  @_specialize(exported:true,where Scalar == Double)
  public func forward(_ f: Forward) throws(RNNError) { try pass(f) }

  /// What the module itself calls: an exported specialisation that is called here too was lost at linking.
  @inline(never)
  func pass(_ f: Forward) throws(RNNError) {
    let c = executed
    let (steps, sequences) = (f.steps, f.sequences)
    try Self.checkBatch(steps: steps, sequences: sequences)
    try Check.lengths(f.lengths, steps: steps, sequences: sequences)
    try f.initial.check(c, sequences: sequences, "initial_states")
    try f.final.check(c, sequences: sequences, "final_states")
    // A mask's counter has 32 bits for the sequence.
    let largest = (1 << 32) - sequences / f.chains
    guard (0...largest).contains(f.firstSequence) else {
      throw .invalidValue("first_sequence", f.firstSequence, low: 0, high: largest)
    }
    try check(f.mask)
    try checkFirstStep(f.firstStep, steps: steps)
    let empty = steps == 0 || sequences == 0
    if f.x == nil && !empty { throw .nullPointer("x") }
    // An address is only needed where there are rows; an empty batch has none.
    let nowhere = UnsafeMutablePointer<Scalar>(bitPattern: MemoryLayout<Scalar>.alignment).unsafelyUnwrapped
    let x = try Check.rows(
      f.x.map { UnsafeMutablePointer(mutating: $0) } ?? nowhere, .x, stepStride: f.xStepStride,
      sequenceStride: f.xSequenceStride, steps: steps, sequences: sequences, width: c.inputSize)
    var y: Rows<Scalar>?
    if let base = f.y {
      y = try Check.rows(
        base, .y, stepStride: f.yStepStride, sequenceStride: f.ySequenceStride, steps: steps, sequences: sequences,
        width: c.outputSize, written: true)
    }
    var parameters: Parameters<Scalar>?
    if let weights = f.weights {
      guard weights.isFor(self) else { throw .mismatch("the weights are of another network's configuration") }
    } else {
      parameters = try Check.parameters(f.parameters, of: self)
    }
    if f.tape != nil {
      let needed = try tapeSize(steps: steps, sequences: sequences)
      try Check.buffer(f.tape, f.tapeBytes, needed: needed, "tape", "tape_size")
      try Check.aligned(f.tape?.assumingMemoryBound(to: Scalar.self), "tape")
    }
    let needed = try workspaceBytes(
      f.weights == nil ? .forward : .forwardWeights, steps: steps, sequences: sequences)
    try Check.buffer(f.workspace, f.workspaceBytes, needed: needed, "workspace", "workspace_size")
    if c.cell == .equations && f.weights != nil && f.tape != nil {
      throw .unsupported("training of equations is from parameters, not from packed weights")
    }
    var f = f
    f.seed = seed(f.seed, isTraining: f.tape != nil)
    if let stack {
      _ = try checkedInputs(f.inputs, x, steps: steps, sequences: sequences)
      return try run(f, stack, x: x, y: y)
    }
    let tape = try tapeLayout(steps: steps, sequences: sequences)
    var arena = Arena(f.workspace)
    if let equations = interpreter {
      let inputs = try checkedInputs(f.inputs, x, steps: steps, sequences: sequences)
      let workspace = EquationsForwardWorkspace(
        &arena, self, packed: f.weights != nil, steps: steps, sequences: sequences)
      return withFloatControl {
        run(f, equations, workspace, inputs: inputs, y: y, parameters: parameters, tape: tape)
      }
    }
    let workspace = ForwardWorkspace(&arena, self, packed: f.weights != nil, steps: steps, sequences: sequences)

    withFloatControl {
      run(f, workspace: workspace, x: x, y: y, parameters: parameters, tape: tape)
    }
  }

  /// Never inlined, so that no arithmetic moves past the change of the floating-point control.
  @inline(never)
  private func run(
    _ f: Forward, workspace: ForwardWorkspace<Scalar>, x: Rows<Scalar>, y: Rows<Scalar>?,
    parameters: Parameters<Scalar>?, tape: TapeLayout
  ) {
    let c = executed
    let (steps, sequences) = (f.steps, f.sequences)
    let cut = cut(steps: steps, sequences: sequences, unpacked: parameters != nil)
    let batch = BatchPlan(
      steps: steps, sequences: sequences, lengths: f.lengths, shards: cut.shards, scratch: workspace.batch)
    if let memory = f.tape { tapeHeader(f).write(to: memory) }
    let dropout =
      f.tape != nil && c.dropout > 0
      ? Dropout<Scalar>(
        self, seed: f.drawnSeed, firstSequence: f.firstSequence, firstStep: f.firstStep) : nil

    run(cut) { member in
      var input = x
      for layer in 0..<c.layers {
        let last = layer == c.layers &- 1
        // h goes to the tape, to y, or to a buffer for the next layer.
        var output = last ? y : nil
        var copy: Rows<Scalar>?
        if let memory = f.tape {
          copy = output
          output = tape.output(memory, layer: layer)
        } else if !last {
          output = workspace.between(layer)
        }
        // nil: the weights are packed. Else runners pack each panel at its use.
        var unpacked: Parameters<Scalar>?
        if let parameters, !packs(parameters, workspace, layer: layer, steps: steps, cut, &member.all) {
          unpacked = parameters
        }
        runLayer(batch, sharing: cut.sharing, &member) { direction in
          let offset = direction &* c.stateWidth
          return ForwardRunner(
            cell: CellStep(
              self, layer: layer, f.weights?.packed(layer, direction) ?? workspace.weights(layer, direction),
              unpacked: unpacked?.tensors(layout, layer: layer, direction: direction)),
            batch: batch, scratch: workspace.scratch(direction), reverse: c.isReverse(direction),
            input: input, outputs: (output?.offset(by: offset), copy?.offset(by: offset)),
            tape: f.tape.map { tape.gates($0, layer: layer, direction: direction) },
            initial: f.initial.part(constant: c, layer: layer, direction: direction, sequences: sequences),
            final: f.final.part(c, layer: layer, direction: direction, sequences: sequences),
            cells: f.cells?.offset(by: direction &* c.hiddenSize))
        }
        if last { break }
        input = output.unsafelyUnwrapped
        if let dropout {
          dropout.apply(input, workspace.masked, layer: layer, batch, &member.all)
          input = workspace.masked
        }
      }
    }
    if let y, f.lengths != nil { clear(y, batch, width: c.outputSize) }
  }

  /// Packs a layer's weights, unless its runners are to do that; its biases in any case.
  ///
  /// - Returns: whether the weights are packed.
  private func packs(
    _ parameters: Parameters<Scalar>, _ workspace: ForwardWorkspace<Scalar>, layer: Int, steps: Int, _ cut: Cut,
    _ member: inout TeamMember
  ) -> Bool {
    let jobs = PackedWeights.jobs(workspace.weightsStart, self, parameters, layer: layer, &member)
    if packsAtUse(jobs, steps: steps, cut) { return false }
    PackJob.run(jobs, kernels, &member)
    return true
  }

  /// - Throws: a mask that the network does not take.
  func check(_ mask: UnsafePointer<UInt8>?) throws(RNNError) {
    guard mask == nil || stack.map({ $0.options.gaps != .none }) ?? false else {
      throw .unsupported("a mask needs a network with the option gaps")
    }
  }

  /// Zeros past each sequence's length.
  func clear(_ rows: Rows<Scalar>, _ batch: BatchPlan, width: Int) {
    for n in 0..<batch.sequences {
      var t = batch.length(n)
      while t < batch.steps {
        rows[t, n].update(repeating: 0, count: width)
        t &+= 1
      }
    }
  }
}

/// The workspace of a forward pass.
struct ForwardWorkspace<Scalar: RNNScalar> {
  let batch: (order: UnsafeMutablePointer<Int>, counters: UnsafeMutablePointer<Int>, sorted: UnsafeMutablePointer<Int>)
  private let scratch: (ForwardScratch<Scalar>, ForwardScratch<Scalar>)
  private let buffers: (Rows<Scalar>, Rows<Scalar>)
  /// All layers' weights, packed; the first element is where they start.
  let weightsStart: Arena
  private let network: Network<Scalar>

  init(_ arena: inout Arena, _ network: Network<Scalar>, packed: Bool, steps: Int, sequences: Int) {
    let c = network.executed
    self.network = network
    batch = BatchPlan.take(&arena, steps: steps, sequences: sequences)
    let first = ForwardScratch<Scalar>(&arena, network.plan, c, steps: steps, sequences: sequences)
    let second =
      c.bidirectional ? ForwardScratch<Scalar>(&arena, network.plan, c, steps: steps, sequences: sequences) : first
    scratch = (first, second)
    let between = c.layers > 1 ? steps : 0
    let width = c.outputSize
    // No closure here: it would be an allocation, in every pass.
    buffers = (
      Rows(dense: arena.take(Scalar.self, between, sequences, width), sequences: sequences, width: width),
      Rows(dense: arena.take(Scalar.self, between, sequences, width), sequences: sequences, width: width)
    )
    weightsStart = arena
    if !packed { PackedWeights<Scalar>.lay(&arena, network) }
  }

  func scratch(_ direction: Int) -> ForwardScratch<Scalar> { direction == 0 ? scratch.0 : scratch.1 }

  /// Inference: the output of an inner layer.
  func between(_ layer: Int) -> Rows<Scalar> { layer % 2 == 0 ? buffers.0 : buffers.1 }

  /// Training: the masked output of an inner layer, whose own output is in the tape.
  var masked: Rows<Scalar> { buffers.0 }

  func weights(_ layer: Int, _ direction: Int) -> PackedForward<Scalar> {
    PackedWeights<Scalar>.packed(weightsStart, network, layer, direction)
  }
}
