// A stream of a network of equations: each step is a pass over one step, from the states to the states.
import Kernels

/// What a stream has in its memory. Belongs to one thread at a time.
struct CellStream<Scalar: RNNScalar> {
  typealias Pointer = UnsafeMutablePointer<Scalar>

  private let network: Network<Scalar>
  private let equations: Equations<Scalar>
  private let weights: PackedWeights<Scalar>
  private let batch: BatchPlan
  /// Of the first layer, and of the others.
  private let scratch: (CellForwardScratch<Scalar>, CellForwardScratch<Scalar>)
  /// Of each layer, state by state `[N, width]`.
  private let states: UnsafeMutablePointer<States<Scalar>>
  /// Outputs of inner layers, in turn.
  private let between: (Pointer, Pointer)

  init(
    _ arena: inout Arena, _ network: Network<Scalar>, _ equations: Equations<Scalar>, _ weights: PackedWeights<Scalar>,
    sequences: Int, counting: Bool
  ) {
    let c = network.configuration
    (self.network, self.equations, self.weights) = (network, equations, weights)
    let order = BatchPlan.take(&arena, steps: 1, sequences: sequences)
    let first = CellForwardScratch(&arena, equations.first, isTraining: false, steps: 1, sequences: sequences)
    scratch = (
      first,
      c.layers == 1
        ? first : CellForwardScratch(&arena, equations.others, isTraining: false, steps: 1, sequences: sequences)
    )
    let wide = c.layers > 1 ? c.stateWidth : 0
    between = (arena.take(Scalar.self, sequences, wide), arena.take(Scalar.self, sequences, wide))
    states = arena.take(States<Scalar>.self, c.layers)
    for layer in 0..<c.layers {
      var pointers = States<Scalar>()
      for (number, state) in equations.first.states.enumerated() {
        pointers[number] = arena.take(Scalar.self, sequences, state.width)
      }
      if !counting { (states + layer).initialize(to: pointers) }
    }
    batch = BatchPlan(
      steps: 1, sequences: counting ? 0 : sequences, lengths: nil, shards: 1, scratch: order)
  }

  func reset() {
    for layer in 0..<network.configuration.layers {
      for (number, state) in equations.first.states.enumerated() {
        states[layer][number]?.update(repeating: state.initial, count: batch.sequences &* state.width)
      }
    }
  }

  /// One step: x `[N, I]`, y `[N, O]` or nil, the other inputs `[N, width]`.
  func step(_ x: UnsafePointer<Scalar>, _ inputs: Inputs<Scalar>, _ y: Pointer?) {
    let c = network.configuration
    func dense(_ base: Pointer, _ width: Int) -> Rows<Scalar> {
      Rows(dense: base, sequences: batch.sequences, width: width)
    }
    var rows = InputRows(dense(UnsafeMutablePointer(mutating: x), c.inputSize))
    for input in 1..<max(1, equations.first.inputCount) {
      rows.others[input &- 1] = inputs[input &- 1].map { dense($0, equations.first.inputWidths(input)) }
    }
    for number in 0..<c.layers {
      let last = number == c.layers &- 1
      let output = last ? y : number % 2 == 0 ? between.0 : between.1
      let layer = equations.layer(number)
      guard let packed = weights.packedCell(number, 0) else { return }
      CellForwardRunner(
        network: network, layer: layer, isTraining: false, weights: packed, batch: batch,
        scratch: number == 0 ? scratch.0 : scratch.1, reverse: false, inputs: rows,
        outputs: (output.map { dense($0, c.stateWidth) }, nil), tape: nil, initial: states[number],
        final: states[number], masks: nil
      ).run(shard: 0)
      if let output { rows.x = dense(output, c.stateWidth) }
    }
  }

  /// `[L, N, width]` of each state, out or in; nil: not wanted, or where the cell starts.
  func getState(_ out: States<Scalar>) {
    for layer in 0..<network.configuration.layers {
      for (number, state) in equations.first.states.enumerated() {
        let count = batch.sequences &* state.width
        if let to = out[number], let from = states[layer][number] {
          (to + layer &* count).update(from: from, count: count)
        }
      }
    }
  }

  func setState(_ given: States<Scalar>) {
    reset()
    for layer in 0..<network.configuration.layers {
      for (number, state) in equations.first.states.enumerated() {
        let count = batch.sequences &* state.width
        if let from = given[number], let to = states[layer][number] {
          to.update(from: from + layer &* count, count: count)
        }
      }
    }
  }
}
