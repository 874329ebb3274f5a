// Back-propagation through a network with layer options: from the last layer to the first, through what joins them.
import Kernels

extension Network {
  /// Runs `b`, whose arguments have been checked.
  func run(
    _ b: Backward, _ stack: Stack<Scalar>, x: Rows<Scalar>, dy: Rows<Scalar>?, dx: Rows<Scalar>?,
    tape: UnsafeMutableRawPointer, header: TapeHeader
  ) throws(RNNError) {
    var arena = Arena(b.workspace)
    let workspace = try StackWorkspace(&arena, stack, .backward, steps: b.steps, sequences: b.sequences)
    let pass = StackPass(
      network: self, stack: stack, workspace: workspace,
      rows: stackRows(workspace, b.lengths, b.mask, steps: b.steps, sequences: b.sequences), x: x, inputs: b.inputs,
      initial: b.initial, parameters: b.parameters, weights: nil, tape: tape,
      layout: try StackTape(stack, steps: b.steps, sequences: b.sequences), seed: header.seed,
      firstSequence: Int(header.firstSequence))
    try pass.checkTapes()
    try StackBackwardPass(pass: pass, arguments: b, dy: dy, dx: dx).run()
  }
}

struct StackBackwardPass<Scalar: RNNScalar> {
  typealias Block = Stack<Scalar>.Block

  let pass: StackPass<Scalar>
  let arguments: Network<Scalar>.Backward
  let dy: Rows<Scalar>?
  let dx: Rows<Scalar>?

  var stack: Stack<Scalar> { pass.stack }
  private var options: LayerOptions { pass.options }
  private var rows: StackRows { pass.rows }
  private var sequences: Int { pass.sequences }

  func run() throws(RNNError) {
    pass.copyInputs(isBackward: true)
    if stack.flows == 2 && options.merge == .product {
      // Each flow's gradient has the other's output as a factor.
      for flow in 0..<2 { try pass.join(stack.block(stack.layers &- 1, flow), y: nil) }
    }
    for flow in 0..<stack.flows {
      // What a layer gives on has its gradient in one buffer, what it reads in the other.
      var (above, below) = pass.workspace.gradients
      let last = stack.block(stack.layers &- 1, flow)
      above = dense(above, last.mergedWidth)
      try start(last, above)
      var layer = stack.layers &- 1
      while layer >= 0 {
        let block = stack.block(layer, flow)
        below = dense(below, block.inputWidth)
        try backward(block, above, into: below)
        if layer > 0 || options.skip == .dense { joinBelow(block, above, below) }
        // With residual connections the sum is above; else what a layer reads is all that the one below gives on.
        if layer > 0 && options.skip != .residual { (above, below) = (below, above) }
        if layer > 0 { above = dense(above, block.inputWidth) }
        layer &-= 1
      }
      if let dx { deliver(options.skip == .dense ? wide(flow) : below, stack.inputSize, to: dx, adds: flow > 0) }
    }
    for (number, input) in pass.network.inputs.enumerated() {
      guard let to = arguments.inputGradients[number], let from = pass.workspace.inputGradients.sums[number] else {
        continue
      }
      deliver(
        Rows(dense: from, sequences: sequences, width: input.width), input.width,
        to: Rows(dense: to, sequences: sequences, width: input.width), adds: false)
    }
  }

  private func dense(_ rows: Rows<Scalar>, _ width: Int) -> Rows<Scalar> {
    Rows(dense: rows.base, sequences: sequences, width: width)
  }

  /// With dense connections: dL/d of all that the blocks of a flow read.
  private func wide(_ flow: Int) -> Rows<Scalar> { dense(pass.workspace.wide, stack.wideWidth(flow)) }

  /// Steps of y that a direction's row is part of: its own, and those that repeat it.
  private func uses(_ s: Int, _ n: Int, reverse: Bool) -> ClosedRange<Int> {
    let own = rows.position(s, n)
    guard options.gaps == .repeated else { return own...own }
    if reverse { return (s > 0 ? rows.position(s &- 1, n) &+ 1 : 0)...own }
    let end = s &+ 1 < rows.length(n) ? rows.position(s &+ 1, n) : arguments.lengths.map { Int($0[n]) } ?? rows.steps
    return own...(end &- 1)
  }

  /// `out[s]` = the sum of a direction's share in all rows of dy that its row s is part of.
  ///
  /// - Parameters:
  ///   - own: which of `parts` it is.
  ///   - sums: add dy itself, as it is for what passes a residual layer by.
  @inline(never)
  private func start(
    _ out: Rows<Scalar>, own: Int, of parts: (first: Rows<Scalar>, second: Rows<Scalar>?, width: Int), sums: Bool
  ) {
    let (rows, merge, width) = (rows, options.merge, sums ? stack.outputSize : parts.width)
    let other = sums ? nil : own == 0 ? parts.second : parts.first
    pass.workspace.zeros.update(repeating: 0, count: stack.outputSize)
    let zeros = UnsafePointer(pass.workspace.zeros)
    withFloatControl {
      rows.visit { s, n in
        let to = out[s, n]
        to.update(repeating: 0, count: width)
        guard let dy else { return }
        for t in uses(s, n, reverse: own == 1) {
          // Where this row is repeated, the other direction has the row on the other side of the gap.
          let its = t == rows.position(s, n) ? s : own == 0 ? s &+ 1 : s &- 1
          let factor = other.map { its >= 0 && its < rows.length(n) ? UnsafePointer($0[its, n]) : zeros }
          StackRow.addUnmerged(merge, dy[t, n], own: own, other: factor, to: to, width)
        }
      }
    }
  }

  /// dL/d of what a flow's last layer gives on in `above`, or, if one layer has both directions, of its outputs.
  private func start(_ block: Block, _ above: Rows<Scalar>) throws(RNNError) {
    let parts = try pass.lastParts()
    if stack.flows == 2 { return start(above, own: block.flow, of: parts, sums: false) }
    let output = dense(pass.workspace.output, block.outputWidth)
    for direction in 0..<block.directions {
      start(output.offset(by: direction &* parts.width), own: direction, of: parts, sums: false)
    }
    if options.skip == .residual && block.layer > 0 { start(above, own: 0, of: parts, sums: true) }
  }

  /// dL/d of a block's output, in the workspace.
  @inline(never)
  private func separate(_ block: Block, _ above: Rows<Scalar>) throws(RNNError) -> Rows<Scalar> {
    let isLast = block.layer == stack.layers &- 1
    let to = dense(pass.workspace.output, block.outputWidth)
    if isLast && stack.flows == 1 { return to }
    let from = options.skip == .dense && !isLast ? wide(block.flow).offset(by: block.inputWidth) : above
    let (output, dropout, width, merge) = (
      try pass.output(block), pass.dropout(block), block.mergedWidth, options.merge
    )
    let merges = block.directions == 2 && merge != .concatenate
    withFloatControl {
      rows.visit { s, n in
        let (gradient, own) = (from[s, n], to[s, n])
        own.update(from: gradient, count: width)
        dropout?.apply(UnsafePointer(own), own, layer: block.layer, t: s, n: n)
        if merges {
          let output = UnsafePointer(output[s, n])
          (own + width).update(repeating: 0, count: width)
          StackRow.addUnmerged(merge, own, own: 1, other: output, to: own + width, width)
          // In its place: what it was is no longer needed.
          switch merge {
          case .concatenate, .sum: break
          case .mean: for i in 0..<width { own[i] *= 0.5 }
          case .product: for i in 0..<width { own[i] *= output[width &+ i] }
          }
        }
      }
    }
    return to
  }

  private func backward(_ block: Block, _ above: Rows<Scalar>, into below: Rows<Scalar>) throws(RNNError) {
    let batch = try stack.batch(block, steps: rows.steps, sequences: sequences)
    var b = Network<Scalar>.Backward(steps: batch.steps, sequences: batch.sequences)
    let input = pass.input(block)
    b.x = UnsafePointer(input.base)
    (b.xStepStride, b.xSequenceStride) = pass.strides(input, block)
    b.inputs = try pass.trainingInputs(block)
    b.dy = UnsafePointer(try separate(block, above).base)
    if block.layer > 0 || dx != nil { b.dx = below.base }
    b.lengths = rows.chainLengths(block.dilation, pass.workspace.chainLengths)
    b.initial = pass.initialStates(block, pass.workspace.states.0)
    let states = (
      final: stack.states(arguments.finalGradients, block, sequences: sequences),
      initial: stack.states(arguments.initialGradients, block, sequences: sequences)
    )
    (b.finalGradients, b.initialGradients) = (states.final, states.initial)
    for state in 0..<block.network.stateCount {
      if block.dilation > 1 && states.final[state] != nil { b.finalGradients[state] = pass.workspace.states.1[state] }
      if options.learnedInitialStates || (block.dilation > 1 && states.initial[state] != nil) {
        b.initialGradients[state] = pass.workspace.states.2[state]
      }
    }
    if block.dilation > 1 {
      pass.moveFinalStates(block, callers: states.final, own: b.finalGradients, toCaller: false)
    }
    for number in 0..<block.network.inputCount where arguments.inputGradients[number] != nil {
      b.inputGradients[number] = pass.workspace.inputGradients.own[number]
    }
    for (index, statistic) in block.statistics.enumerated() {
      guard let input = statistic.input else { continue }
      b.inputGradients[block.network.inputCount &+ input] = normalised(block, index).base
    }
    b.accumulate = arguments.accumulate
    if let (start, bytes) = pass.blockTape(block) { (b.tape, b.tapeBytes) = (UnsafeRawPointer(start), bytes) }
    (b.workspace, b.workspaceBytes) = (UnsafeMutableRawPointer(pass.workspace.block), pass.workspace.blockBytes)
    (b.firstLayer, b.chains) = (block.layer, block.dilation)
    let parameters = pass.layerParameters(block, found: block.statistics.count)
    let gradients = layerGradients(block)
    try parameters.withUnsafeBufferPointer { (buffer) throws(RNNError) in
      b.parameters = buffer
      try gradients.withUnsafeBufferPointer { (out) throws(RNNError) in
        if arguments.gradients.baseAddress != nil || !block.statistics.isEmpty { b.gradients = out }
        if let head = block.head { return try pass.backward(block, head, b) }
        try block.training.pass(b)
        addInputGradients(block, isFirst: block.flow == 0 && block.layer == stack.layers &- 1)
        try addStatistics(block, b, below: below)
      }
    }
    if options.learnedInitialStates || block.dilation > 1 {
      pass.moveInitialGradients(
        block, callers: states.initial, own: b.initialGradients, gradients: arguments.gradients,
        accumulate: arguments.accumulate)
    }
  }

  /// Adds the gradients of a block's other inputs to those of the blocks before.
  func addInputGradients(_ block: Block, isFirst: Bool) {
    for (number, input) in pass.network.inputs.enumerated() where arguments.inputGradients[number] != nil {
      guard let from = pass.workspace.inputGradients.own[number], let to = pass.workspace.inputGradients.sums[number]
      else { continue }
      add(dense(from: from, input.width), to: dense(from: to, input.width), input.width, isFirst: isFirst)
    }
  }

  private func dense(from base: UnsafeMutablePointer<Scalar>, _ width: Int) -> Rows<Scalar> {
    Rows(dense: base, sequences: sequences, width: width)
  }

  /// What goes past a layer: to `above` with residual connections, to all that the flow reads with dense ones.
  private func joinBelow(_ block: Block, _ above: Rows<Scalar>, _ below: Rows<Scalar>) {
    switch options.skip {
    case .none: break
    case .residual: add(below, to: above, block.inputWidth, isFirst: false)
    case .dense:
      if block.layer > 0 || dx != nil {
        add(below, to: wide(block.flow), block.inputWidth, isFirst: block.layer == stack.layers &- 1)
      }
    }
  }

  @inline(never)
  func add(_ from: Rows<Scalar>, to sum: Rows<Scalar>, _ width: Int, isFirst: Bool) {
    withFloatControl {
      rows.visit { s, n in
        if isFirst {
          sum[s, n].update(from: from[s, n], count: width)
        } else {
          StackRow.add(UnsafePointer(from[s, n]), to: sum[s, n], width)
        }
      }
    }
  }

  /// Gradients of the caller's rows: zero where no step is valid.
  @inline(never)
  private func deliver(_ from: Rows<Scalar>, _ width: Int, to: Rows<Scalar>, adds: Bool) {
    let rows = rows
    withFloatControl {
      rows.visitSequences { n in
        var s = 0
        for t in 0..<rows.steps {
          if s < rows.length(n) && rows.position(s, n) == t {
            if adds {
              StackRow.add(UnsafePointer(from[s, n]), to: to[t, n], width)
            } else {
              to[t, n].update(from: from[s, n], count: width)
            }
            s &+= 1
          } else if !adds {
            to[t, n].update(repeating: 0, count: width)
          }
        }
      }
    }
  }
}
