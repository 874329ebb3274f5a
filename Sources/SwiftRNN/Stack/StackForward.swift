// The forward pass of a network with layer options: each block's network, and behind it what joins it to the next.
import Kernels

extension Network {
  /// Runs `f`, whose arguments have been checked.
  func run(_ f: Forward, _ stack: Stack<Scalar>, x: Rows<Scalar>, y: Rows<Scalar>?) throws(RNNError) {
    var arena = Arena(f.workspace)
    let workspace = try StackWorkspace(
      &arena, stack, f.weights == nil ? .forward : .forwardWeights, steps: f.steps, sequences: f.sequences)
    let pass = StackPass(
      network: self, stack: stack, workspace: workspace,
      rows: stackRows(workspace, f.lengths, f.mask, steps: f.steps, sequences: f.sequences), x: x, inputs: f.inputs,
      initial: f.initial, parameters: f.parameters, weights: f.weights, tape: f.tape,
      layout: try StackTape(stack, steps: f.steps, sequences: f.sequences), seed: f.drawnSeed,
      firstSequence: f.firstSequence)
    if let tape = f.tape { tapeHeader(f).write(to: tape) }
    pass.copyInputs(isBackward: false)
    for flow in 0..<stack.flows {
      for layer in 0..<stack.layers { try pass.forward(stack.block(layer, flow), f.final, y: y) }
    }
    if let y { try pass.finish(y, given: f.lengths) }
  }

  /// The valid rows of a pass: with a mask those that it leaves.
  func stackRows(
    _ workspace: StackWorkspace<Scalar>, _ lengths: UnsafePointer<Int64>?, _ mask: UnsafePointer<UInt8>?, steps: Int,
    sequences: Int
  ) -> StackRows {
    let numbers = Double(steps) * Double(sequences) * Double(configuration.outputSize)
    let threads = BatchPlan.threads(
      configuration.threads > 0 ? configuration.threads : Threads.count, operations: numbers, each: 131_072)
    guard let mask else {
      return StackRows(steps: steps, sequences: sequences, lengths: lengths, positions: nil, threads: threads)
    }
    StackRows.find(
      mask: mask, given: lengths, steps: steps, sequences: sequences, lengths: workspace.lengths,
      positions: workspace.positions)
    return StackRows(
      steps: steps, sequences: sequences, lengths: UnsafePointer(workspace.lengths),
      positions: UnsafePointer(workspace.positions), threads: threads)
  }
}

extension StackPass {
  fileprivate func forward(_ block: Block, _ final: States<Scalar>, y: Rows<Scalar>?) throws(RNNError) {
    let batch = try stack.batch(block, steps: rows.steps, sequences: sequences)
    var f = Network<Scalar>.Forward(steps: batch.steps, sequences: batch.sequences)
    let input = input(block)
    f.x = UnsafePointer(input.base)
    (f.xStepStride, f.xSequenceStride) = strides(input, block)
    f.inputs = blockInputs
    if tape == nil { f.y = workspace.output.base }
    f.lengths = rows.chainLengths(block.dilation, workspace.chainLengths)
    f.initial = initialStates(block, workspace.states.0)
    let callers = stack.states(final, block, sequences: sequences)
    f.final = callers
    if block.dilation > 1 {
      for state in 0..<block.network.stateCount where callers[state] != nil {
        f.final[state] = workspace.states.1[state]
      }
    }
    f.weights = weights?.block(block.flow &* stack.layers &+ block.layer)
    if let (start, bytes) = blockTape(block) { (f.tape, f.tapeBytes) = (start, bytes) }
    (f.workspace, f.workspaceBytes) = (UnsafeMutableRawPointer(workspace.block), workspace.blockBytes)
    (f.seed, f.firstSequence) = (seed, firstSequence)
    (f.firstLayer, f.chains) = (block.layer, block.dilation)
    try findStatistics(block, f)
    let own = layerParameters(block, found: block.statistics.count)
    if tape != nil { f.inputs = try trainingInputs(block) }
    try own.withUnsafeBufferPointer { (buffer) throws(RNNError) in
      f.parameters = buffer
      if let head = block.head { return try forward(block, head, f) }
      try (tape == nil ? block.network : block.training).pass(f)
    }
    if block.dilation > 1 { moveFinalStates(block, callers: callers, own: f.final, toCaller: true) }
    try join(block, y: y)
  }

  /// What a layer gives on: its directions merged, masked, and what it has read added.
  ///
  /// - Parameter y: of the last layer, if it has the last word: with gaps and with two flows ``finish(_:given:)`` has it.
  @inline(never)
  func join(_ block: Block, y: Rows<Scalar>?) throws(RNNError) {
    let isLast = block.layer == stack.layers &- 1
    if isLast && stack.flows == 1 && options.gaps != .none { return }
    guard let target = !isLast ? target(block) : stack.flows == 1 ? y : end(block.flow) else { return }
    let (output, input, dropout, width) = (try output(block), input(block), dropout(block), block.mergedWidth)
    let merge = options.merge
    let merges = block.directions == 2 && merge != .concatenate
    let adds = options.skip == .residual && block.layer > 0
    withFloatControl {
      rows.visit { s, n in
        let (from, to) = (UnsafePointer(output[s, n]), target[s, n])
        StackRow.merge(merge, from, merges ? from + width : nil, to, width)
        dropout?.apply(UnsafePointer(to), to, layer: block.layer, t: s, n: n)
        if adds { StackRow.add(UnsafePointer(input[s, n]), to: to, width) }
      }
    }
  }

  /// y where it is more than the last layer's rows: made of two flows, or with gaps; zeros past each length.
  @inline(never)
  fileprivate func finish(_ y: Rows<Scalar>, given: UnsafePointer<Int64>?) throws(RNNError) {
    let steps = rows.steps
    if stack.flows == 2 || options.gaps != .none {
      let block = stack.block(stack.layers &- 1, 0)
      let (parts, input) = (try lastParts(), input(block))
      let (merge, repeats, width) = (options.merge, options.gaps == .repeated, parts.width)
      let (rows, size) = (rows, stack.outputSize)
      workspace.zeros.update(repeating: 0, count: size)
      let zeros = UnsafePointer(workspace.zeros)
      let adds = options.skip == .residual && stack.flows == 1 && block.layer > 0
      withFloatControl {
        rows.visitSequences { n in
          // The row that the forward direction has at this step or had last, and the one that comes next.
          var (before, next) = (-1, 0)
          for t in 0..<(given.map { Int($0[n]) } ?? steps) {
            let isValid = next < rows.length(n) && rows.position(next, n) == t
            if isValid { before = next }
            if isValid || repeats {
              let first = before >= 0 ? UnsafePointer(parts.first[before, n]) : zeros
              let second = parts.second.map { next < rows.length(n) ? UnsafePointer($0[next, n]) : zeros }
              StackRow.merge(merge, first, second, y[t, n], width)
              if adds && before >= 0 { StackRow.add(UnsafePointer(input[before, n]), to: y[t, n], size) }
            } else {
              y[t, n].update(repeating: 0, count: size)
            }
            if isValid { next &+= 1 }
          }
        }
      }
    }
    guard let given else { return }
    for n in 0..<sequences {
      var t = Int(given[n])
      while t < steps {
        y[t, n].update(repeating: 0, count: stack.outputSize)
        t &+= 1
      }
    }
  }
}
