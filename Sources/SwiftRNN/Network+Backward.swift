// Back-propagation through time through a network: from the last layer to the first, in each the recurrent part by
// shards of the batch, then dL/dx by rows of the batch, then the gradients of the weights by rows of the weights.
import Kernels

extension Network {
  /// The arguments of ``backward(_:)``; `x`, `lengths`, `initial` and `parameters` as the forward pass had them.
  public struct Backward {
    public var steps: Int
    public var sequences: Int
    /// `[T, N, I]`; both strides 0: dense.
    public var x: UnsafePointer<Scalar>?
    public var xStepStride = 0
    public var xSequenceStride = 0
    /// `[T, N, D * P]`, or nil: zeros. Read only up to each length.
    public var dy: UnsafePointer<Scalar>?
    public var dyStepStride = 0
    public var dySequenceStride = 0
    /// `[T, N, I]`, or nil: not wanted. Zero past each length.
    public var dx: UnsafeMutablePointer<Scalar>?
    public var dxStepStride = 0
    public var dxSequenceStride = 0
    public var lengths: UnsafePointer<Int64>?
    public var initial = States<Scalar>()
    /// nil entries: zeros.
    public var finalGradients = States<Scalar>()
    /// nil entries: not wanted.
    public var initialGradients = States<Scalar>()
    public var parameters = UnsafeBufferPointer<UnsafeRawPointer?>(start: nil, count: 0)
    /// One pointer per tensor; nil entries, or no array at all: not wanted, their work is skipped.
    public var gradients = UnsafeBufferPointer<UnsafeMutableRawPointer?>(start: nil, count: 0)
    /// Add to the gradients of parameters instead of overwriting them.
    public var accumulate = false
    /// As the forward pass filled it. Only read.
    public var tape: UnsafeRawPointer?
    public var tapeBytes = 0
    public var workspace: UnsafeMutableRawPointer?
    public var workspaceBytes = 0

    public init(steps: Int, sequences: Int) {
      self.steps = steps
      self.sequences = sequences
    }
  }

  /// The gradients of a loss whose gradients for y and the final states are given. Nothing is written unless all
  /// arguments are right.
  ///
  /// - Throws: also ``RNNError/mismatch(_:)`` if another configuration, T, N or lengths filled the tape.
  @_specialize(where Scalar == Float)
  @_specialize(where Scalar == Double)
  public func backward(_ b: Backward) throws(RNNError) {
    let c = configuration
    let (steps, sequences) = (b.steps, b.sequences)
    try Self.checkBatch(steps: steps, sequences: sequences)
    try Check.lengths(b.lengths, steps: steps, sequences: sequences)
    try b.initial.check(c, sequences: sequences, "initial_states")
    try b.finalGradients.check(c, sequences: sequences, "final_state_gradients")
    try b.initialGradients.check(c, sequences: sequences, "initial_state_gradients")
    if b.x == nil && steps > 0 && sequences > 0 { throw .nullPointer("x") }
    let nowhere = UnsafeMutablePointer<Scalar>(bitPattern: MemoryLayout<Scalar>.alignment).unsafelyUnwrapped
    let x = try Check.rows(
      b.x.map { UnsafeMutablePointer(mutating: $0) } ?? nowhere, .x, stepStride: b.xStepStride,
      sequenceStride: b.xSequenceStride, steps: steps, sequences: sequences, width: c.inputSize)
    var dy: Rows<Scalar>?
    if let base = b.dy {
      dy = try Check.rows(
        UnsafeMutablePointer(mutating: base), .dy, stepStride: b.dyStepStride, sequenceStride: b.dySequenceStride,
        steps: steps, sequences: sequences, width: c.outputSize)
    }
    var dx: Rows<Scalar>?
    if let base = b.dx {
      dx = try Check.rows(
        base, .dx, stepStride: b.dxStepStride, sequenceStride: b.dxSequenceStride, steps: steps,
        sequences: sequences, width: c.inputSize, written: true)
    }
    let parameters = try Check.parameters(b.parameters, of: self)
    if b.gradients.baseAddress != nil {
      try checkPointers("parameter_count", b.gradients)
      for pointer in b.gradients {
        try Check.aligned(pointer?.assumingMemoryBound(to: Scalar.self), "an entry of gradients")
      }
    }
    let layout = try TapeLayout(Scalar.self, c, steps: steps, sequences: sequences)
    try Check.buffer(b.tape, b.tapeBytes, needed: layout.bytes, "tape", "tape_size")
    guard let tape = b.tape else { throw .nullPointer("tape") }
    try Check.aligned(tape.assumingMemoryBound(to: Scalar.self), "tape")
    let header = TapeHeader.read(from: tape)
    let expected = TapeHeader(
      c, isDouble: Scalar.self == Double.self, steps: steps, sequences: sequences, lengths: b.lengths,
      seed: header.seed, firstSequence: Int(header.firstSequence))
    try header.check(expected)
    let needed = try workspaceSize(.backward, steps: steps, sequences: sequences)
    try Check.buffer(b.workspace, b.workspaceBytes, needed: needed, "workspace", "workspace_size")
    var arena = Arena(b.workspace)
    let workspace = BackwardWorkspace(&arena, self, steps: steps, sequences: sequences)
    let pass = BackwardPass(
      network: self, arguments: b, workspace: workspace, x: x, dy: dy, dx: dx, parameters: parameters,
      tapeLayout: layout, tape: UnsafeMutableRawPointer(mutating: tape), seed: header.seed,
      firstSequence: Int(header.firstSequence))
    withFloatControl { pass.run() }
  }
}

/// A backward pass whose arguments have been checked.
struct BackwardPass<Scalar: RNNScalar> {
  typealias Pointer = UnsafeMutablePointer<Scalar>

  let network: Network<Scalar>
  let arguments: Network<Scalar>.Backward
  let workspace: BackwardWorkspace<Scalar>
  let x: Rows<Scalar>
  let dy: Rows<Scalar>?
  let dx: Rows<Scalar>?
  let parameters: Parameters<Scalar>
  let tapeLayout: TapeLayout
  /// Only read.
  let tape: UnsafeMutableRawPointer
  /// Of the dropout masks.
  let seed: UInt64
  let firstSequence: Int

  /// Made anew where it is needed: all of its arithmetic runs with the library's rounding.
  private var dropout: Dropout<Scalar>? {
    c.dropout > 0 ? Dropout(c, seed: seed, firstSequence: firstSequence) : nil
  }

  private var c: NetworkConfiguration { network.configuration }

  /// Never inlined, so that no arithmetic moves past the change of the floating-point control.
  @inline(never)
  func run() {
    let (steps, sequences) = (arguments.steps, arguments.sequences)
    let cut = network.cut(steps: steps, sequences: sequences, unpacked: true)
    let batch = BatchPlan(
      steps: steps, sequences: sequences, lengths: arguments.lengths, shards: cut.shards, scratch: workspace.batch)
    workspace.zeros.update(repeating: 0, count: c.stateWidth)
    let rows = ValidRows(batch, before: workspace.rowsBefore)

    network.run(cut) { member in
      var dy = dy
      var layer = c.layers &- 1
      while layer >= 0 {
        let below = layer > 0 ? workspace.between(layer) : dx
        let packed = packs(layer, wantsInput: below != nil, cut, &member.all)
        propagate(layer, batch, dy, packed: packed, cut, &member)
        let input = inputRows(layer, batch, &member.all)
        if let below { inputGradient(layer, batch, rows, packed: packed, cut, &member.all, into: below) }
        for direction in 0..<c.directions {
          weightGradient(layer, direction, batch, rows, input: input).run(&member.all)
        }
        dy = below
        layer &-= 1
      }
    }
    if let dx, arguments.lengths != nil { network.clear(dx, batch, width: c.inputSize) }
  }

  /// Packs a layer's weights, unless its products are to do that.
  ///
  /// - Returns: whether the weights are packed.
  private func packs(
    _ layer: Int, wantsInput: Bool, _ cut: Network<Scalar>.Cut, _ member: inout TeamMember
  ) -> Bool {
    var jobs = PackJobs<Scalar>()
    for direction in 0..<c.directions {
      workspace.weights(layer, direction).addJobs(
        to: &jobs, network.plan, c, tensors(layer, direction), inputs: c.inputSize(ofLayer: layer),
        wantsInput: wantsInput)
    }
    if network.packsAtUse(jobs, steps: arguments.steps, cut) { return false }
    PackJob.run(jobs, network.kernels, &member)
    return true
  }

  private func tensors(_ layer: Int, _ direction: Int) -> DirectionTensors<Scalar> {
    parameters.tensors(network.layout, layer: layer, direction: direction)
  }

  /// The recurrent part of a layer.
  private func propagate(
    _ layer: Int, _ batch: BatchPlan, _ dy: Rows<Scalar>?, packed: Bool, _ cut: Network<Scalar>.Cut,
    _ member: inout PassMember
  ) {
    let sequences = arguments.sequences
    network.runLayer(batch, sharing: cut.sharing, &member) { direction in
      let offset = direction &* c.stateWidth
      return BackwardRunner(
        network: network, batch: batch, weights: workspace.weights(layer, direction),
        unpacked: packed ? nil : tensors(layer, direction),
        scratch: workspace.scratch(direction), reverse: direction == 1,
        dy: dy?.offset(by: offset), tape: tapeLayout.gates(tape, layer: layer, direction: direction),
        output: tapeLayout.output(tape, layer: layer).offset(by: offset),
        initial: arguments.initial.part(constant: c, layer: layer, direction: direction, sequences: sequences),
        finalGradients: arguments.finalGradients.part(
          constant: c, layer: layer, direction: direction, sequences: sequences),
        initialGradients: arguments.initialGradients.part(c, layer: layer, direction: direction, sequences: sequences))
    }
  }

  /// What the layer read: x, or the layer below's output, masked again.
  private func inputRows(_ layer: Int, _ batch: BatchPlan, _ member: inout TeamMember) -> Rows<Scalar> {
    if layer == 0 { return x }
    let output: Rows<Scalar> = tapeLayout.output(tape, layer: layer &- 1)
    guard let dropout else { return output }
    dropout.apply(output, workspace.masked, layer: layer &- 1, batch, &member)
    return workspace.masked
  }

  /// dL/dx of a layer, with the mask of the layer below applied.
  private func inputGradient(
    _ layer: Int, _ batch: BatchPlan, _ rows: ValidRows, packed: Bool, _ cut: Network<Scalar>.Cut,
    _ member: inout TeamMember, into dx: Rows<Scalar>
  ) {
    InputGradient(
      network: network, rows: rows, inputs: c.inputSize(ofLayer: layer),
      sources: OneOrTwo(count: c.directions) { direction in
        .init(
          weights: workspace.weights(layer, direction), gates: UnsafePointer(workspace.scratch(direction).gates),
          unpacked: packed ? nil : tensors(layer, direction))
      }, dx: dx
    ).run(&member, slots: cut.sharing)
    if layer > 0, let dropout { dropout.apply(dx, dx, layer: layer &- 1, batch, &member) }
  }

  private func gradient(_ kind: ParameterInfo.Kind, _ layer: Int, _ direction: Int) -> Pointer? {
    guard arguments.gradients.baseAddress != nil,
      let index = network.layout.index(kind, layer: layer, direction: direction)
    else { return nil }
    return arguments.gradients[index]?.assumingMemoryBound(to: Scalar.self)
  }

  /// The gradients of one direction's parameters, those that are wanted.
  private func weightGradient(
    _ layer: Int, _ direction: Int, _ batch: BatchPlan, _ rows: ValidRows, input: Rows<Scalar>
  ) -> WeightGradient<Scalar> {
    let plan = network.plan
    let (hidden, padded) = (c.hiddenSize, plan.paddedHidden)
    let inputs = c.inputSize(ofLayer: layer)
    let (dW, dU) = (gradient(.weightIH, layer, direction), gradient(.weightHH, layer, direction))
    // The columns of a segment are transposed once for both matrices.
    var blocks = GradientBlocks<Scalar>()
    for segment in 0..<plan.gateSegments {
      var block = GradientBlock<Scalar>(
        left: .gates, leftOffset: segment &* padded, columns: hidden, targets: (nil, nil))
      if let dW, let gate = plan.inputSegments.firstIndex(of: segment) {
        block.targets.0 = (.input, dW + gate &* hidden &* inputs)
      }
      if let dU, let gate = plan.recurrentSegments.firstIndex(of: segment) {
        block.targets.1 = (gate < plan.stateGates ? .previous : .reset, dU + gate &* hidden &* c.stateWidth)
      }
      if block.targets.0 != nil || block.targets.1 != nil { blocks.append(block) }
    }
    if let dP = gradient(.weightHR, layer, direction) {
      blocks.append(
        GradientBlock(left: .outputs, leftOffset: 0, columns: c.projectionSize, targets: ((.inner, dP), nil)))
    }
    var sums = GradientSums<Scalar>()
    func add(_ gradient: Pointer?, _ segments: [Int]) {
      guard let gradient else { return }
      for (gate, segment) in segments.enumerated() {
        sums.append(GradientSum(gradient: gradient + gate &* hidden, columns: hidden, leftOffset: segment &* padded))
      }
    }
    add(gradient(.biasIH, layer, direction), plan.inputSegments)
    add(gradient(.biasHH, layer, direction), plan.recurrentSegments)
    let scratch = workspace.scratch(direction)
    let rowSize = plan.gradientSegments &* padded
    let behind = plan.gateSegments &* padded
    let width = PanelLayout(lanes: plan.lanes, units: c.stateWidth).paddedUnits
    let output: Rows<Scalar> = tapeLayout.output(tape, layer: layer).offset(by: direction &* c.stateWidth)
    let sequences = arguments.sequences
    let h0 = arguments.initial.part(constant: c, layer: layer, direction: direction, sequences: sequences).0
    let behindRows = Rows(
      scratch.gates + behind, stepStride: sequences &* rowSize, sequenceStride: rowSize)
    return WeightGradient(
      kernels: network.kernels, rows: rows, blocks: blocks, sums: sums,
      accumulate: arguments.accumulate,
      scratch: workspace.gradient, gates: (UnsafePointer(scratch.gates), rowSize),
      outputs: (UnsafePointer(scratch.outputs), width),
      operands: (
        OperandRows(rows: input, columns: inputs),
        OperandRows(
          rows: output, columns: c.stateWidth, shift: direction == 1 ? 1 : -1,
          initial: h0 ?? UnsafePointer(workspace.zeros), initialStride: h0 == nil ? 0 : c.stateWidth),
        OperandRows(rows: behindRows, columns: hidden)
      ))
  }
}

/// The workspace of a backward pass.
struct BackwardWorkspace<Scalar: RNNScalar> {
  let batch: (order: UnsafeMutablePointer<Int>, counters: UnsafeMutablePointer<Int>, sorted: UnsafeMutablePointer<Int>)
  /// T + 1 numbers.
  let rowsBefore: UnsafeMutablePointer<Int>
  /// P zeros: h before the first step where there is no initial state.
  let zeros: UnsafeMutablePointer<Scalar>
  private let scratch: (BackwardScratch<Scalar>, BackwardScratch<Scalar>)
  private let buffers: (Rows<Scalar>, Rows<Scalar>)
  let masked: Rows<Scalar>
  /// In the place of what the recurrences need.
  let gradient: WeightGradientScratch<Scalar>
  /// The first layer's packed weights and the other layers', in the same place: a layer is packed when it is run.
  private let firstLayer: (PackedBackward<Scalar>, PackedBackward<Scalar>)
  private let otherLayers: (PackedBackward<Scalar>, PackedBackward<Scalar>)

  init(_ arena: inout Arena, _ network: Network<Scalar>, steps: Int, sequences: Int) {
    let (c, plan) = (network.configuration, network.plan)
    batch = BatchPlan.take(&arena, steps: steps, sequences: sequences)
    // Where a sum or product does not fit, the arrays below do not either, and the workspace is refused.
    rowsBefore = arena.take(Int.self, steps.addingReportingOverflow(1).partialValue)
    zeros = arena.take(Scalar.self, c.stateWidth)
    let between = c.layers > 1 ? steps : 0
    let dense = { (p: UnsafeMutablePointer<Scalar>) in Rows(dense: p, sequences: sequences, width: c.outputSize) }
    buffers = (
      dense(arena.take(Scalar.self, between, sequences, c.outputSize)),
      dense(arena.take(Scalar.self, between, sequences, c.outputSize))
    )
    masked = dense(arena.take(Scalar.self, c.dropout > 0 ? between : 0, sequences, c.outputSize))
    let forward = GateGradients<Scalar>(&arena, plan, c, steps: steps, sequences: sequences)
    let reverse = c.bidirectional ? GateGradients(&arena, plan, c, steps: steps, sequences: sequences) : forward

    // The recurrences of a layer and dL/dx, and after them its weights' gradients.
    var ends = arena
    let behind = (plan.gradientSegments - plan.gateSegments) * c.hiddenSize
    gradient = WeightGradientScratch(
      &ends, lanes: plan.lanes,
      columns: (max(c.inputSize, c.layers > 1 ? c.outputSize : 0), c.stateWidth, behind),
      leftColumns: plan.gateSegments * c.hiddenSize + c.projectionSize,
      batchRows: steps.multipliedReportingOverflow(by: sequences).partialValue)
    let first = BackwardScratch(&arena, plan, c, sequences: sequences, forward)
    scratch = (first, c.bidirectional ? BackwardScratch(&arena, plan, c, sequences: sequences, reverse) : first)
    var other = arena
    func packed(_ arena: inout Arena, layer: Int) -> (PackedBackward<Scalar>, PackedBackward<Scalar>) {
      let first = PackedBackward<Scalar>(&arena, plan, c, layer: layer)
      return (first, c.bidirectional ? PackedBackward<Scalar>(&arena, plan, c, layer: layer) : first)
    }
    firstLayer = packed(&arena, layer: 0)
    otherLayers = packed(&other, layer: 1)
    if c.layers > 1 { arena.reach(other) }
    arena.reach(ends)
  }

  func scratch(_ direction: Int) -> BackwardScratch<Scalar> { direction == 0 ? scratch.0 : scratch.1 }

  /// dL/dx of an inner layer.
  func between(_ layer: Int) -> Rows<Scalar> { layer % 2 == 0 ? buffers.0 : buffers.1 }

  func weights(_ layer: Int, _ direction: Int) -> PackedBackward<Scalar> {
    let layers = layer == 0 ? firstLayer : otherLayers
    return direction == 0 ? layers.0 : layers.1
  }
}
