// The forward pass of a network of equations: layer after layer, each layer's directions and shards side by side.
import Kernels

/// The workspace of a forward pass.
struct EquationsForwardWorkspace<Scalar: RNNScalar> {
  let batch: (order: UnsafeMutablePointer<Int>, counters: UnsafeMutablePointer<Int>, sorted: UnsafeMutablePointer<Int>)
  private let buffers: (Rows<Scalar>, Rows<Scalar>)
  private let network: Network<Scalar>
  /// Where the scratch of a layer begins, and where its packed parameters do.
  private let start: Arena
  private let packed: Arena
  private let steps: Int
  private let sequences: Int

  @inline(never)
  init(_ arena: inout Arena, _ network: Network<Scalar>, packed: Bool, steps: Int, sequences: Int) {
    let c = network.configuration
    (self.network, self.steps, self.sequences) = (network, steps, sequences)
    batch = BatchPlan.take(&arena, steps: steps, sequences: sequences)
    let between = c.layers > 1 ? steps : 0
    buffers = (
      Rows(dense: arena.take(Scalar.self, between, sequences, c.outputSize), sequences: sequences, width: c.outputSize),
      Rows(dense: arena.take(Scalar.self, between, sequences, c.outputSize), sequences: sequences, width: c.outputSize)
    )
    start = arena
    for layer in 0..<min(c.layers, 2) {
      for isTraining in [false, true] {
        var end = start
        Self.lay(&end, network, layer, isTraining: isTraining, steps, sequences)
        arena.reach(end)
      }
    }
    self.packed = arena
    if packed { return }
    for layer in 0..<min(c.layers, 2) {
      for isTraining in [false, true] {
        var end = self.packed
        for _ in 0..<c.directions { _ = Self.packedCell(&end, network, layer, isTraining: isTraining) }
        arena.reach(end)
      }
    }
  }

  private static func lay(
    _ arena: inout Arena, _ network: Network<Scalar>, _ layer: Int, isTraining: Bool, _ steps: Int, _ sequences: Int
  ) {
    guard let equations = network.equations else { return }
    for _ in 0..<network.configuration.directions {
      _ = CellForwardScratch(
        &arena, equations.layer(layer), isTraining: isTraining, steps: steps, sequences: sequences)
    }
  }

  private static func packedCell(
    _ arena: inout Arena, _ network: Network<Scalar>, _ layer: Int, isTraining: Bool
  ) -> PackedCell<Scalar>? {
    guard let of = network.equations?.layer(layer) else { return nil }
    let program = of.forward(isTraining: isTraining)
    return PackedCell(&arena, program, maskedElements: of.maskedElements(program))
  }

  /// Inference: the output of an inner layer.
  func between(_ layer: Int) -> Rows<Scalar> { layer % 2 == 0 ? buffers.0 : buffers.1 }

  /// Training: the masked output of an inner layer, whose own output is in the tape.
  var masked: Rows<Scalar> { buffers.0 }

  @inline(never)
  func scratch(
    _ of: EquationsLayer<Scalar>, _ direction: Int, isTraining: Bool
  ) -> CellForwardScratch<Scalar> {
    var arena = start
    for _ in 0..<direction {
      _ = CellForwardScratch(&arena, of, isTraining: isTraining, steps: steps, sequences: sequences)
    }
    return CellForwardScratch(&arena, of, isTraining: isTraining, steps: steps, sequences: sequences)
  }

  /// All layers' packed parameters are in the same place, one layer's after the other's.
  @inline(never)
  func weights(_ of: EquationsLayer<Scalar>, _ direction: Int, isTraining: Bool) -> PackedCell<Scalar> {
    var arena = packed
    let program = of.forward(isTraining: isTraining)
    for _ in 0..<direction { _ = PackedCell(&arena, program, maskedElements: of.maskedElements(program)) }
    return PackedCell(&arena, program, maskedElements: of.maskedElements(program))
  }
}

extension Network {
  /// Never inlined, so that no arithmetic moves past the change of the floating-point control.
  @inline(never)
  func run(
    _ f: Forward, _ equations: Equations<Scalar>, _ workspace: EquationsForwardWorkspace<Scalar>,
    inputs: InputRows<Scalar>, y: Rows<Scalar>?, parameters: Parameters<Scalar>?, tape: TapeLayout
  ) {
    let c = configuration
    let (steps, sequences) = (f.steps, f.sequences)
    let isTraining = f.tape != nil
    let cut = cut(steps: steps, sequences: sequences, unpacked: parameters != nil)
    let batch = BatchPlan(
      steps: steps, sequences: sequences, lengths: f.lengths, shards: cut.shards, scratch: workspace.batch)
    if let memory = f.tape { tapeHeader(f).write(to: memory) }
    let dropout =
      isTraining && c.dropout > 0 ? Dropout<Scalar>(self, seed: f.drawnSeed, firstSequence: f.firstSequence) : nil
    let philox = Philox(seed: f.drawnSeed)

    run(cut) { member in
      var inputs = inputs
      for number in 0..<c.layers {
        let layer = equations.layer(number)
        let last = number == c.layers &- 1
        // The output goes to the tape, to y, or to a buffer for the next layer.
        var output = last ? y : nil
        var copy: Rows<Scalar>?
        if let memory = f.tape {
          copy = output
          output = tape.output(memory, layer: number)
        } else if !last {
          output = workspace.between(number)
        }
        func masks(_ direction: Int) -> CellMasks? {
          isTraining
            ? CellMasks(
              philox: philox, firstSequence: f.firstSequence,
              stream: 2 &* (f.firstLayer &+ number) &+ (c.isReverse(direction) ? 1 : 0), sequences: sequences,
              chains: f.chains) : nil
        }
        if let parameters {
          for direction in 0..<c.directions {
            workspace.weights(layer, direction, isTraining: isTraining).pack(
              self, layer.forward(isTraining: isTraining),
              parameters.pointers + layout.first(layer: number, direction: direction), layer.layer, masks(direction),
              &member.all)
          }
        }
        runLayer(batch, sharing: 1, &member) { direction in
          let offset = direction &* c.stateWidth
          let index = number &* c.directions &+ direction
          return CellForwardRunner(
            network: self, layer: layer, isTraining: isTraining,
            weights: f.weights?.packedCell(number, direction)
              ?? workspace.weights(layer, direction, isTraining: isTraining), batch: batch,
            scratch: workspace.scratch(layer, direction, isTraining: isTraining), reverse: c.isReverse(direction),
            inputs: equations.inputs(inputs, direction: direction),
            outputs: (output?.offset(by: offset), copy?.offset(by: offset)),
            tape: f.tape.map { tape.gates($0, layer: number, direction: direction) },
            initial: f.initial.part(layer, index: index, sequences: sequences),
            final: f.final.part(layer, index: index, sequences: sequences), masks: masks(direction))
        }
        if last { break }
        inputs.x = output.unsafelyUnwrapped
        if let dropout {
          dropout.apply(inputs.x, workspace.masked, layer: number, batch, &member.all)
          inputs.x = workspace.masked
        }
      }
    }
    if let y, f.lengths != nil { clear(y, batch, width: c.outputSize) }
  }
}
