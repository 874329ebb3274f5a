// Passes of layers whose cell normalises by the statistics of a batch, in training.
import Kernels

/// Where the statistics of one call of `batch_norm` are in a tape, in bytes: the count of rows, then mean and variance
/// of each direction; and the tape of the network of what is normalised.
struct StatisticPlace {
  let moments: Int
  let tape: Int
  let tapeBytes: Int
}

extension StackPass {
  /// The statistics of call `index` in a block and direction.
  func moments(_ block: Block, _ index: Int, _ direction: Int) -> (mean: Pointer, variance: Pointer)? {
    let place = layout.statistics[block.flow &* stack.layers &+ block.layer][index]
    let width = block.statistics[index].width
    return tape.map {
      let first = ($0 + place.moments + 8).assumingMemoryBound(to: Scalar.self) + 2 &* direction &* width
      return (first, first + width)
    }
  }

  /// A block's parameters; in training with the statistics of the batch for running ones, as many as have been found.
  func layerParameters(_ block: Block, found: Int) -> [UnsafeRawPointer?] {
    var pointers = Array(parameters.dropFirst(block.firstParameter).prefix(block.parameterCount))
    guard tape != nil, rows.count > 0 else { return pointers }
    for (index, statistic) in block.statistics.prefix(found).enumerated() {
      for direction in 0..<block.directions {
        guard let own = moments(block, index, direction) else { continue }
        let first = direction &* (block.parameterCount / block.directions)
        pointers[first &+ statistic.mean] = UnsafeRawPointer(own.mean)
        pointers[first &+ statistic.variance] = UnsafeRawPointer(own.variance)
      }
    }
    return pointers
  }

  /// Finds the statistics of a block's batch.
  ///
  /// - Parameter f: the arguments of the block's pass.
  func findStatistics(_ block: Block, _ f: Network<Scalar>.Forward) throws(RNNError) {
    guard let tape else { return }
    for (index, statistic) in block.statistics.enumerated() {
      let place = layout.statistics[block.flow &* stack.layers &+ block.layer][index]
      (tape + place.moments).storeBytes(of: Int64(rows.count), as: Int64.self)
      if rows.count == 0 { continue }
      var own = f
      (own.y, own.initial, own.final, own.weights) = (nil, States(), States(), nil)
      (own.tape, own.tapeBytes) = (tape + place.tape, place.tapeBytes)
      let pointers = layerParameters(block, found: index)
      try pointers.withUnsafeBufferPointer { (buffer) throws(RNNError) in
        own.parameters = buffer
        try statistic.network.pass(own)
      }
      let values = try statisticValues(block, index)
      withFloatControl {
        for direction in 0..<block.directions {
          guard let own = moments(block, index, direction) else { continue }
          rows.moments(
            values.offset(by: direction &* statistic.width), statistic.width, mean: own.mean, variance: own.variance)
        }
      }
    }
  }

  /// The inputs beside x of a block's network for training: the cell's own, then what is normalised.
  func trainingInputs(_ block: Block) throws(RNNError) -> Inputs<Scalar> {
    var inputs = blockInputs
    for (index, statistic) in block.statistics.enumerated() {
      guard let input = statistic.input else { continue }
      inputs[block.network.inputCount &+ input] = try statisticValues(block, index).base
    }
    return inputs
  }

  /// What call `index` normalises, of all directions.
  func statisticValues(_ block: Block, _ index: Int) throws(RNNError) -> Rows<Scalar> {
    let statistic = block.statistics[index]
    let place = layout.statistics[block.flow &* stack.layers &+ block.layer][index]
    let batch = try stack.batch(block, steps: rows.steps, sequences: sequences)
    let layout = try statistic.network.tapeLayout(steps: batch.steps, sequences: batch.sequences)
    let rows: Rows<Scalar> = layout.output(tape.unsafelyUnwrapped + place.tape, layer: 0)
    return Rows(dense: rows.base, sequences: sequences, width: block.directions &* statistic.width)
  }
}

extension StackBackwardPass {
  /// Gradients of a block's parameters as its pass writes them: of statistics to the workspace, of others the caller's.
  func layerGradients(_ block: Block) -> [UnsafeMutableRawPointer?] {
    var pointers = [UnsafeMutableRawPointer?](repeating: nil, count: block.parameterCount)
    if arguments.gradients.baseAddress != nil {
      for index in pointers.indices { pointers[index] = arguments.gradients[block.firstParameter &+ index] }
    }
    var next = pass.workspace.statistics
    for statistic in block.statistics {
      for direction in 0..<block.directions {
        let first = direction &* (block.parameterCount / block.directions)
        for parameter in [statistic.mean, statistic.variance] {
          next.update(repeating: 0, count: statistic.width)
          pointers[first &+ parameter] = UnsafeMutableRawPointer(next)
          next += statistic.width
        }
      }
    }
    return pointers
  }

  /// dL/d of what call `index` normalises, of all directions.
  func normalised(_ block: Block, _ index: Int) -> Rows<Scalar> {
    var column = 0
    for statistic in block.statistics.prefix(index) { column &+= block.directions &* statistic.width }
    return Rows(
      dense: pass.workspace.normalised + column &* stack.paddedSteps(pass.rows.steps) &* pass.sequences,
      sequences: pass.sequences, width: block.directions &* block.statistics[index].width)
  }

  /// Behind a block's pass: from gradients of what is normalised, and of its statistics, to those of what it is made of.
  ///
  /// - Parameters:
  ///   - b: the arguments of that pass.
  ///   - below: dL/d of what the block reads.
  func addStatistics(_ block: Block, _ b: Network<Scalar>.Backward, below: Rows<Scalar>) throws(RNNError) {
    let count = pass.rows.count
    for (index, statistic) in block.statistics.enumerated().reversed() where count > 0 {
      let (values, gradient) = (try pass.statisticValues(block, index), normalised(block, index))
      withFloatControl { spread(block, index, b.gradients, values, gradient) }
      var own = b
      (own.initial, own.finalGradients, own.initialGradients) = (States(), States(), States())
      own.dy = UnsafePointer(gradient.base)
      own.inputs = pass.blockInputs
      for input in block.network.inputCount..<max(block.network.inputCount, block.training.inputCount) {
        own.inputGradients[input] = nil
      }
      if b.dx != nil { own.dx = pass.workspace.statisticInput.base }
      own.accumulate = true
      let place = pass.layout.statistics[block.flow &* stack.layers &+ block.layer][index]
      own.tape = pass.tape.map { UnsafeRawPointer($0 + place.tape) }
      own.tapeBytes = place.tapeBytes
      let parameters = pass.layerParameters(block, found: index)
      try parameters.withUnsafeBufferPointer { (buffer) throws(RNNError) in
        own.parameters = buffer
        try statistic.network.pass(own)
      }
      if b.dx != nil {
        let from = Rows(
          dense: pass.workspace.statisticInput.base, sequences: pass.sequences, width: block.inputWidth)
        add(from, to: below, block.inputWidth, isFirst: false)
      }
      addInputGradients(block, isFirst: false)
    }
    zeroRunning(block)
  }

  /// Adds `dm / M + ds 2 (v - m) / M` to each row, or writes it where the block's pass gave no gradient.
  @inline(never)
  private func spread(
    _ block: Block, _ index: Int, _ gradients: UnsafeBufferPointer<UnsafeMutableRawPointer?>, _ values: Rows<Scalar>,
    _ out: Rows<Scalar>
  ) {
    let statistic = block.statistics[index]
    let (rows, width, share) = (pass.rows, statistic.width, 1 / Scalar(pass.rows.count))
    for direction in 0..<block.directions {
      let first = direction &* (block.parameterCount / block.directions)
      guard let mean = pass.moments(block, index, direction)?.mean,
        let dm = gradients[first &+ statistic.mean]?.assumingMemoryBound(to: Scalar.self),
        let ds = gradients[first &+ statistic.variance]?.assumingMemoryBound(to: Scalar.self)
      else { continue }
      rows.visit { s, n in
        let (v, to) = (values[s, n] + direction &* width, out[s, n] + direction &* width)
        for i in 0..<width {
          let own = (dm[i] + 2 * ds[i] * (v[i] - mean[i])) * share
          to[i] = statistic.input == nil ? own : to[i] + own
        }
      }
    }
  }

  /// Running statistics are not learned: their gradients are zero.
  private func zeroRunning(_ block: Block) {
    guard arguments.gradients.baseAddress != nil, !arguments.accumulate else { return }
    for statistic in block.statistics {
      for direction in 0..<block.directions {
        let first = block.firstParameter &+ direction &* (block.parameterCount / block.directions)
        for parameter in [statistic.mean, statistic.variance] {
          arguments.gradients[first &+ parameter]?.assumingMemoryBound(to: Scalar.self)
            .update(repeating: 0, count: statistic.width)
        }
      }
    }
  }
}

extension Network {
  /// Moves running means and variances towards those of a forward pass for training: `m += momentum * (batch - m)`, the
  /// variance with M - 1 for M rows, as in torch. Nothing without `batch_norm`.
  ///
  /// - Parameters:
  ///   - tape: as the forward pass of `steps` and `sequences` filled it.
  ///   - tapeBytes: bytes of the tape.
  ///   - steps: T of the forward pass.
  ///   - sequences: N of the forward pass.
  ///   - momentum: in [0, 1]; torch's is 0.1.
  ///   - parameters: one pointer per tensor, none nil; those of running statistics are changed.
  @_specialize(exported:true,where Scalar == Float)
  @_specialize(exported:true,where Scalar == Double)
  public func updateStatistics(
    tape: UnsafeRawPointer?, tapeBytes: Int, steps: Int, sequences: Int, momentum: Double,
    parameters: UnsafeBufferPointer<UnsafeMutableRawPointer?>
  ) throws(RNNError) {
    try moveStatistics(
      tape: tape, tapeBytes: tapeBytes, steps: steps, sequences: sequences, momentum: momentum, parameters: parameters)
  }

  /// What the module itself calls.
  @inline(never)
  func moveStatistics(
    tape: UnsafeRawPointer?, tapeBytes: Int, steps: Int, sequences: Int, momentum: Double,
    parameters: UnsafeBufferPointer<UnsafeMutableRawPointer?>
  ) throws(RNNError) {
    guard momentum >= 0, momentum <= 1 else {
      throw .invalidNumber("momentum", momentum, allowed: "in [0, 1]")
    }
    try checkPointers("parameter_count", parameters)
    for pointer in parameters {
      guard let pointer else { throw .nullPointer("an entry of parameters") }
      try Check.aligned(pointer.assumingMemoryBound(to: Scalar.self), "an entry of parameters")
    }
    try Check.buffer(
      tape, tapeBytes, needed: tapeSize(steps: steps, sequences: sequences), "tape", "tape_size")
    try Check.aligned(tape?.assumingMemoryBound(to: Scalar.self), "tape")
    guard let stack, let tape else { return }
    let header = TapeHeader.read(from: tape)
    // Which rows the pass ran over is the tape's to say.
    try header.check(
      TapeHeader(
        executed, isDouble: Scalar.self == Double.self, steps: steps, sequences: sequences, rows: header.rows,
        seed: header.seed, firstSequence: Int(header.firstSequence)))
    let layout = try StackTape(stack, steps: steps, sequences: sequences)
    try layout.checkCounts(tape, steps: steps, sequences: sequences)
    withFloatControl { update(stack, layout, tape, Scalar(momentum), parameters) }
  }

  @inline(never)
  private func update(
    _ stack: Stack<Scalar>, _ layout: StackTape, _ tape: UnsafeRawPointer, _ momentum: Scalar,
    _ parameters: UnsafeBufferPointer<UnsafeMutableRawPointer?>
  ) {
    for (number, block) in stack.blocks.enumerated() {
      for (index, statistic) in block.statistics.enumerated() {
        let place = layout.statistics[number][index]
        let count = tape.loadUnaligned(fromByteOffset: place.moments, as: Int64.self)
        if count < 1 { continue }
        let unbiased = count > 1 ? Scalar(count) / Scalar(count - 1) : 1
        let moments = (tape + place.moments + 8).assumingMemoryBound(to: Scalar.self)
        for direction in 0..<block.directions {
          let first = block.firstParameter &+ direction &* (block.parameterCount / block.directions)
          for (offset, parameter) in [statistic.mean, statistic.variance].enumerated() {
            let running = parameters[first &+ parameter].unsafelyUnwrapped.assumingMemoryBound(to: Scalar.self)
            let own = moments + (2 &* direction &+ offset) &* statistic.width
            for i in 0..<statistic.width {
              running[i] += momentum * (own[i] * (offset == 1 ? unbiased : 1) - running[i])
            }
          }
        }
      }
    }
  }
}
