// Back-propagation through time through a network of equations: from the last layer to the first, in each the steps by
// shards of the batch, then dL/d of the inputs by shards, then the gradients of the parameters.
import Kernels

/// The workspace of a backward pass.
struct EquationsBackwardWorkspace<Scalar: RNNScalar> {
  let batch: (order: UnsafeMutablePointer<Int>, counters: UnsafeMutablePointer<Int>, sorted: UnsafeMutablePointer<Int>)
  /// T + 1 numbers.
  let rowsBefore: UnsafeMutablePointer<Int>
  private let buffers: (Rows<Scalar>, Rows<Scalar>)
  let masked: Rows<Scalar>
  private let start: Arena
  private let steps: Int
  private let sequences: Int
  private let directions: Int
  private let lanes: Int

  @inline(never)
  init(_ arena: inout Arena, _ network: Network<Scalar>, steps: Int, sequences: Int) {
    let c = network.configuration
    (self.steps, self.sequences, directions, lanes) = (steps, sequences, c.directions, network.kernels.lanes)
    batch = BatchPlan.take(&arena, steps: steps, sequences: sequences)
    rowsBefore = arena.take(Int.self, steps.addingReportingOverflow(1).partialValue)
    let between = c.layers > 1 ? steps : 0
    let dense = { (p: UnsafeMutablePointer<Scalar>) in Rows(dense: p, sequences: sequences, width: c.outputSize) }
    buffers = (
      dense(arena.take(Scalar.self, between, sequences, c.outputSize)),
      dense(arena.take(Scalar.self, between, sequences, c.outputSize))
    )
    masked = dense(arena.take(Scalar.self, c.dropout > 0 ? between : 0, sequences, c.outputSize))
    start = arena
    guard let equations = network.equations else { return }
    for layer in 0..<min(c.layers, 2) {
      var end = start
      _ = place(&end, equations.layer(layer))
      arena.reach(end)
    }
  }

  /// What a layer has while it is run. All layers' are in the same place.
  struct LayerPlace {
    let scratch: (CellBackwardScratch<Scalar>, CellBackwardScratch<Scalar>)
    let weights: (PackedCell<Scalar>, PackedCell<Scalar>)
    let gradient: WeightGradientScratch<Scalar>
    /// Gradients of matrices with dropped connections, before their masks.
    let unmasked: UnsafeMutablePointer<Scalar>

    func scratch(_ direction: Int) -> CellBackwardScratch<Scalar> { direction == 0 ? scratch.0 : scratch.1 }
    func weights(_ direction: Int) -> PackedCell<Scalar> { direction == 0 ? weights.0 : weights.1 }
  }

  func place(_ layer: EquationsLayer<Scalar>) -> LayerPlace {
    var arena = start
    return place(&arena, layer)
  }

  @inline(never)
  private func place(_ arena: inout Arena, _ layer: EquationsLayer<Scalar>) -> LayerPlace {
    func pair<Element>(_ make: () -> Element) -> (Element, Element) {
      let first = make()
      return (first, directions == 2 ? make() : first)
    }
    let program = layer.backward
    let weights = pair { PackedCell(&arena, program, maskedElements: layer.maskedElements(program)) }
    let gradients = pair { CellGradientRows(&arena, layer, steps: steps, sequences: sequences) }
    let unmasked = arena.take(Scalar.self, layer.backwardPlan.maskedElements)
    // The steps of a layer, and after them its weights' gradients.
    var ends = arena
    let plan = layer.backwardPlan
    let gradient = WeightGradientScratch<Scalar>(
      &ends, lanes: lanes,
      lists: .init(operands: plan.rights.count, lefts: 1, blocks: plan.blocks.count, sums: plan.sumCount),
      leftColumns: plan.blocks.reduce(0) { $0 + plan.matrices[$1.first].rows },
      batchRows: steps.multipliedReportingOverflow(by: sequences).partialValue
    ) { plan.rights[$0].columns }
    let first = CellBackwardScratch(&arena, layer, gradients.0, steps: steps, sequences: sequences)
    let other =
      directions == 2
      ? CellBackwardScratch(&arena, layer, gradients.1, steps: steps, sequences: sequences) : first
    arena.reach(ends)
    return LayerPlace(scratch: (first, other), weights: weights, gradient: gradient, unmasked: unmasked)
  }

  /// dL/dx of an inner layer.
  func between(_ layer: Int) -> Rows<Scalar> { layer % 2 == 0 ? buffers.0 : buffers.1 }
}

/// A backward pass of equations whose arguments have been checked.
struct EquationsBackwardPass<Scalar: RNNScalar> {
  let network: Network<Scalar>
  let equations: Equations<Scalar>
  let arguments: Network<Scalar>.Backward
  let workspace: EquationsBackwardWorkspace<Scalar>
  let inputs: InputRows<Scalar>
  let dy: Rows<Scalar>?
  let gradients: InputGradientRows<Scalar>
  let parameters: Parameters<Scalar>
  let tapeLayout: TapeLayout
  /// Only read.
  let tape: UnsafeMutableRawPointer
  let seed: UInt64
  let firstSequence: Int

  private var c: NetworkConfiguration { network.configuration }
  private var dropout: Dropout<Scalar>? {
    c.dropout > 0 ? Dropout(network, seed: seed, firstSequence: firstSequence) : nil
  }

  /// Never inlined, so that no arithmetic moves past the change of the floating-point control.
  @inline(never)
  func run() {
    let (steps, sequences) = (arguments.steps, arguments.sequences)
    let cut = network.cut(steps: steps, sequences: sequences, unpacked: true)
    let batch = BatchPlan(
      steps: steps, sequences: sequences, lengths: arguments.lengths, shards: cut.shards, scratch: workspace.batch)
    let rows = ValidRows(batch, before: workspace.rowsBefore)
    network.run(cut) { member in
      var dy = dy
      var number = c.layers &- 1
      while number >= 0 {
        let layer = equations.layer(number)
        let place = workspace.place(layer)
        for direction in 0..<c.directions { pack(number, direction, place, &member.all) }
        let inputs = inputRows(number, batch, &member.all)
        run(number, batch, place, inputs, dy, &member)
        var wanted = gradients
        wanted[0] = number > 0 ? workspace.between(number) : gradients[0]
        inputGradients(number, batch, place, inputs, dy, wanted, &member.all)
        for direction in 0..<c.directions {
          CellParameterGradients(
            network: network, layer: layer, rows: rows, weights: place.weights(direction), scratch: place.gradient,
            unmasked: place.unmasked, gradients: place.scratch(direction).gradients,
            pointers: arguments.gradients.baseAddress.map {
              $0 + network.layout.first(layer: number, direction: direction)
            }, accumulate: arguments.accumulate,
            inputs: equations.inputs(inputs, direction: direction), tape: tapeRows(number, direction),
            output: outputRows(number, direction), initial: states(arguments.initial, number, direction),
            isReverse: c.isReverse(direction), masks: masks(number, direction)
          ).run(&member.all)
        }
        dy = wanted[0]
        number &-= 1
      }
    }
    if arguments.lengths != nil {
      for input in 0..<equations.first.inputCount {
        let directions = input >= equations.firstOwnInput ? c.directions : 1
        if let rows = gradients[input] {
          network.clear(rows, batch, width: directions &* equations.first.inputWidths(input))
        }
      }
    }
  }

  private func masks(_ layer: Int, _ direction: Int) -> CellMasks {
    CellMasks(
      philox: Philox(seed: seed), firstSequence: firstSequence,
      stream: 2 &* (arguments.firstLayer &+ layer) &+ (c.isReverse(direction) ? 1 : 0),
      sequences: arguments.sequences, chains: arguments.chains)
  }

  private func tapeRows(_ layer: Int, _ direction: Int) -> Rows<Scalar> {
    tapeLayout.gates(tape, layer: layer, direction: direction)
  }

  private func outputRows(_ layer: Int, _ direction: Int) -> Rows<Scalar> {
    tapeLayout.output(tape, layer: layer).offset(by: direction &* c.stateWidth)
  }

  private func states(_ states: States<Scalar>, _ layer: Int, _ direction: Int) -> States<Scalar> {
    states.part(
      equations.layer(layer), index: layer &* c.directions &+ direction, sequences: arguments.sequences)
  }

  private func pack(
    _ layer: Int, _ direction: Int, _ place: EquationsBackwardWorkspace<Scalar>.LayerPlace, _ member: inout TeamMember
  ) {
    let of = equations.layer(layer)
    place.weights(direction).pack(
      network, of.backward, parameters.pointers + network.layout.first(layer: layer, direction: direction), of.layer,
      masks(layer, direction), &member)
  }

  /// What the layer read: x, or the layer below's output, masked again.
  private func inputRows(_ layer: Int, _ batch: BatchPlan, _ member: inout TeamMember) -> InputRows<Scalar> {
    if layer == 0 { return inputs }
    var inputs = inputs
    inputs.x = tapeLayout.output(tape, layer: layer &- 1)
    guard let dropout else { return inputs }
    dropout.apply(inputs.x, workspace.masked, layer: layer &- 1, batch, &member)
    inputs.x = workspace.masked
    return inputs
  }

  private func runner(
    _ layer: Int, _ direction: Int, _ batch: BatchPlan, _ place: EquationsBackwardWorkspace<Scalar>.LayerPlace,
    _ inputs: InputRows<Scalar>, _ dy: Rows<Scalar>?
  ) -> CellBackwardRunner<Scalar> {
    CellBackwardRunner(
      network: network, layer: equations.layer(layer), weights: place.weights(direction), batch: batch,
      scratch: place.scratch(direction), reverse: c.isReverse(direction),
      inputs: equations.inputs(inputs, direction: direction),
      dy: dy?.offset(by: direction &* c.stateWidth), tape: tapeRows(layer, direction),
      output: outputRows(layer, direction), initial: states(arguments.initial, layer, direction),
      finalGradients: states(arguments.finalGradients, layer, direction),
      initialGradients: states(arguments.initialGradients, layer, direction), masks: masks(layer, direction))
  }

  private func run(
    _ layer: Int, _ batch: BatchPlan, _ place: EquationsBackwardWorkspace<Scalar>.LayerPlace,
    _ inputs: InputRows<Scalar>, _ dy: Rows<Scalar>?, _ member: inout PassMember
  ) {
    member.all.share(1) { _ in
      for direction in 0..<c.directions { place.scratch(direction).gradients.prepare(equations.layer(layer)) }
    }
    network.runLayer(batch, sharing: 1, &member) { direction in runner(layer, direction, batch, place, inputs, dy) }
  }

  /// A shard's rows by one thread, its directions one after the other. Other inputs are read by every layer.
  private func inputGradients(
    _ layer: Int, _ batch: BatchPlan, _ place: EquationsBackwardWorkspace<Scalar>.LayerPlace,
    _ inputs: InputRows<Scalar>, _ dy: Rows<Scalar>?, _ wanted: InputGradientRows<Scalar>, _ member: inout TeamMember
  ) {
    if wanted.isEmpty(equations.first.inputCount) { return }
    member.share(batch.shards) { some in
      for shard in some {
        for direction in 0..<c.directions {
          var own = wanted
          for number in equations.firstOwnInput..<max(equations.firstOwnInput, equations.first.inputCount) {
            own[number] = wanted[number]?.offset(by: direction &* equations.first.inputWidths(number))
          }
          runner(layer, direction, batch, place, inputs, dy).inputGradients(shard: shard, own) { input in
            input < equations.firstOwnInput && (direction > 0 || (input > 0 && layer < c.layers &- 1))
          }
        }
      }
    }
    if layer > 0, let dropout, let below = wanted[0] {
      dropout.apply(below, below, layer: layer &- 1, batch, &member)
    }
  }
}
