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
    /// Of equations: the inputs beside x, and where their gradients go; nil entries: not wanted.
    public var inputs = Inputs<Scalar>()
    public var inputGradients = Inputs<Scalar>()
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
    /// As the forward pass had it.
    public var mask: UnsafePointer<UInt8>?
    /// First step of a pass over a part of the steps (``Network/cutsSteps``): as the forward pass had it.
    public var firstStep = 0
    /// Carried gradients that the pass over the steps from this pass's last one on has written to `carriedOut`: the last
    /// step's gate gradients are taken from there, and not computed. nil: no steps follow. ``Network/carriedElements(sequences:)``
    /// elements.
    public var carriedIn: UnsafePointer<Scalar>?
    /// Receives what a pass over the steps up to this pass's first one takes as `carriedIn`; nil: not wanted.
    public var carriedOut: UnsafeMutablePointer<Scalar>?
    /// Valid rows of this pass, in (t, n) order, that the gradients of the parameters are sums over; nil: all. Sums are cut
    /// where a pass over all steps cuts them if the range begins and ends at multiples of 256 of the whole's valid rows.
    public var gradientRows: Range<Int>?
    /// As in ``Network/Forward``.
    var firstLayer = 0
    var chains = 1
    /// Of one layer of LSTM: dL/dc of every step but for what comes through h, `[T, N, D * H]`; nil: zeros.
    var cellGradients: Rows<Scalar>?

    public init(steps: Int, sequences: Int) {
      self.steps = steps
      self.sequences = sequences
    }
  }

  /// The gradients of a loss whose gradients for y and the final states are given. Nothing is written unless all
  /// arguments are right.
  ///
  /// - Throws: also ``RNNError/mismatch(_:)`` if another configuration, T, N or lengths filled the tape.
  @_specialize(exported:true,where Scalar == Float)
  @_specialize(exported:true,where Scalar == Double)
  public func backward(_ b: Backward) throws(RNNError) { try pass(b) }

  /// As in the forward pass.
  @inline(never)
  func pass(_ b: Backward) throws(RNNError) {
    let c = executed
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
    try check(b.mask)
    try check(cut: b)
    try Check.buffer(
      b.tape, b.tapeBytes, needed: tapeSize(steps: steps, sequences: sequences), "tape", "tape_size")
    guard let tape = b.tape else { throw .nullPointer("tape") }
    try Check.aligned(tape.assumingMemoryBound(to: Scalar.self), "tape")
    let header = TapeHeader.read(from: tape)
    try header.check(tapeHeader(b, header))
    let needed = try workspaceBytes(.backward, steps: steps, sequences: sequences)
    try Check.buffer(b.workspace, b.workspaceBytes, needed: needed, "workspace", "workspace_size")
    if let stack {
      _ = try checkedInputs(b.inputs, x, steps: steps, sequences: sequences)
      _ = try checkedInputs(b.inputGradients, x, steps: steps, sequences: sequences, mayBeNil: true)
      return try run(
        b, stack, x: x, dy: dy, dx: dx, tape: UnsafeMutableRawPointer(mutating: tape), header: header)
    }
    let layout = try tapeLayout(steps: steps, sequences: sequences)
    var arena = Arena(b.workspace)
    if let equations = interpreter {
      var gradients = InputGradientRows<Scalar>()
      gradients[0] = dx
      for (number, input) in inputs.enumerated() {
        gradients[number + 1] = b.inputGradients[number].map {
          Rows(dense: $0, sequences: sequences, width: input.width)
        }
      }
      let inputs = try checkedInputs(b.inputs, x, steps: steps, sequences: sequences)
      _ = try checkedInputs(b.inputGradients, x, steps: steps, sequences: sequences, mayBeNil: true)
      let pass = EquationsBackwardPass(
        network: self, equations: equations, arguments: b,
        workspace: EquationsBackwardWorkspace(&arena, self, steps: steps, sequences: sequences), inputs: inputs, dy: dy,
        gradients: gradients, parameters: parameters, tapeLayout: layout, tape: UnsafeMutableRawPointer(mutating: tape),
        seed: header.seed, firstSequence: Int(header.firstSequence))
      return withFloatControl { pass.run() }
    }
    let workspace = BackwardWorkspace(&arena, self, steps: steps, sequences: sequences)
    let pass = BackwardPass(
      network: self, arguments: b, workspace: workspace, x: x, dy: dy, dx: dx, parameters: parameters,
      tapeLayout: layout, tape: UnsafeMutableRawPointer(mutating: tape), seed: header.seed,
      firstSequence: Int(header.firstSequence))
    if let range = b.gradientRows {
      let count = Self.validRows(b.lengths, steps: steps, sequences: sequences)
      guard range.lowerBound >= 0, range.upperBound <= count else {
        throw .invalidValue("gradient_rows", range.upperBound, low: 0, high: count)
      }
    }
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
    c.dropout > 0
      ? Dropout(network, seed: seed, firstSequence: firstSequence, firstStep: arguments.firstStep) : nil
  }

  private var c: NetworkConfiguration { network.executed }

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
          weightGradient(layer, direction, rows, input: input, &member.all)
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
        scratch: workspace.scratch(direction), reverse: c.isReverse(direction),
        dy: dy?.offset(by: offset), tape: tapeLayout.gates(tape, layer: layer, direction: direction),
        output: tapeLayout.output(tape, layer: layer).offset(by: offset),
        initial: arguments.initial.part(constant: c, layer: layer, direction: direction, sequences: sequences),
        finalGradients: arguments.finalGradients.part(
          constant: c, layer: layer, direction: direction, sequences: sequences),
        initialGradients: arguments.initialGradients.part(c, layer: layer, direction: direction, sequences: sequences),
        cellGradients: arguments.cellGradients?.offset(by: direction &* c.hiddenSize),
        carriedIn: arguments.carriedIn.map { $0 + layer &* network.carriedRow &* sequences },
        carriedOut: arguments.carriedOut.map { $0 + layer &* network.carriedRow &* sequences })
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

  /// Where the gradients of some rows of a parameter go, `columns` wide; nil: not wanted, or there is none.
  private func gradient(_ rows: GateRows?, columns: Int, _ layer: Int, _ direction: Int) -> Pointer? {
    guard let rows, arguments.gradients.baseAddress != nil else { return nil }
    let first = network.layout.first(layer: layer, direction: direction)
    return arguments.gradients[first &+ Int(rows.tensor)].map {
      $0.assumingMemoryBound(to: Scalar.self) + Int(rows.part) &* c.hiddenSize &* columns
    }
  }

  /// The gradients of one direction's parameters, those that are wanted.
  private func weightGradient(
    _ layer: Int, _ direction: Int, _ rows: ValidRows, input: Rows<Scalar>, _ member: inout TeamMember
  ) {
    guard wantsGradients(layer, direction) else { return }
    WeightGradient(
      kernels: network.kernels, rows: rows, accumulate: arguments.accumulate, scratch: workspace.gradient,
      part: arguments.gradientRows
    ).run(&member) { list(layer, direction, input: input, in: $0) }
  }

  private func wantsGradients(_ layer: Int, _ direction: Int) -> Bool {
    if arguments.gradients.baseAddress == nil { return false }
    let first = network.layout.first(layer: layer, direction: direction)
    return (first..<first &+ network.layout.perDirection).contains { arguments.gradients[$0] != nil }
  }

  /// Lists the gradients of one direction's parameters, those that are wanted.
  private func list(_ layer: Int, _ direction: Int, input: Rows<Scalar>, in lists: GradientLists<Scalar>) {
    let plan = network.plan
    let (hidden, padded) = (c.hiddenSize, plan.paddedHidden)
    let inputs = c.inputSize(ofLayer: layer)
    let scratch = workspace.scratch(direction)
    let rowSize = plan.gradientSegments &* padded
    let gates = lists.lefts.append(LeftRows(base: UnsafePointer(scratch.gates), size: rowSize))
    let x = lists.operands.append(OperandRows(rows: input, columns: inputs))
    let output: Rows<Scalar> = tapeLayout.output(tape, layer: layer).offset(by: direction &* c.stateWidth)
    let h0 = arguments.initial.part(
      constant: c, layer: layer, direction: direction, sequences: arguments.sequences
    ).0
    let h = lists.operands.append(
      OperandRows(
        rows: output, columns: c.stateWidth,
        before: .init(
          shift: c.isReverse(direction) ? 1 : -1, initial: h0 ?? UnsafePointer(workspace.zeros),
          initialStride: h0 == nil ? 0 : c.stateWidth)))
    // What stands behind the gates' gradients: r * h of the step before (GRU, reset before), o * tanh(c) (LSTM with
    // projection).
    var behind = h
    if plan.gradientSegments > plan.gateSegments {
      behind = lists.operands.append(
        OperandRows(
          rows: Rows(dense: scratch.gates, sequences: arguments.sequences, width: rowSize)
            .offset(by: plan.gateSegments &* padded), columns: hidden))
    }
    // The columns of a segment are transposed once for both matrices.
    for segment in 0..<plan.gateSegments {
      var block = GradientBlock<Scalar>(
        left: gates, leftOffset: segment &* padded, columns: hidden, targets: (nil, nil))
      if let gate = plan.inputSegments.firstIndex(of: segment),
        let dW = gradient(plan.parameters.weightIH[gate], columns: inputs, layer, direction)
      {
        block.targets.0 = .init(operand: x, gradient: dW)
      }
      if let gate = plan.recurrentSegments.firstIndex(of: segment),
        let dU = gradient(plan.parameters.weightHH[gate], columns: c.stateWidth, layer, direction)
      {
        block.targets.1 = .init(operand: gate < plan.stateGates ? h : behind, gradient: dU)
      }
      if block.targets.0 != nil || block.targets.1 != nil { lists.blocks.append(block) }
    }
    if let dP = gradient(plan.parameters.weightHR, columns: hidden, layer, direction) {
      let width = PanelLayout(lanes: plan.lanes, units: c.stateWidth).paddedUnits
      let outputs = lists.lefts.append(LeftRows(base: UnsafePointer(scratch.outputs), size: width))
      lists.blocks.append(
        GradientBlock(
          left: outputs, leftOffset: 0, columns: c.projectionSize,
          targets: (.init(operand: behind, gradient: dP), nil)))
    }
    func add(_ biases: GateParameters.Gates, _ segments: [Int]) {
      for (gate, segment) in segments.enumerated() {
        guard let gradient = self.gradient(biases[gate], columns: 1, layer, direction) else { continue }
        lists.sums.append(
          GradientSum(gradient: gradient, left: gates, leftOffset: segment &* padded, columns: hidden))
      }
    }
    add(plan.parameters.biasIH, plan.inputSegments)
    add(plan.parameters.biasHH, plan.recurrentSegments)
  }
}
