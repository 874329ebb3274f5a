// A stream of a network of equations: what a step of each layer runs over, laid out when the stream is made. Setting up
// a pass for one step took ten times as long as the step of a small cell.
import Kernels

/// One layer of such a stream. Even steps read the first buffer of states and write the second, odd steps the reverse.
private final class CellStreamLayer<Scalar: RNNScalar> {
  typealias Pointer = UnsafeMutablePointer<Scalar>

  let layer: EquationsLayer<Scalar>
  /// Of even and of odd steps.
  let calls: (CellCalls<Scalar>, CellCalls<Scalar>)
  /// `[N][padded states]`
  let states: (Pointer, Pointer)
  /// Pointers to the rows of x and the other inputs, input by input `[N]`.
  let inputRows: UnsafeMutablePointer<Pointer>
  /// Where even and odd steps leave the output, and from one sequence's to the next.
  let outputs: (Pointer, Pointer)
  let outputStride: Int

  /// The states as the next step finds them.
  func states(odd: Bool) -> Pointer { odd ? states.1 : states.0 }

  func output(odd: Bool) -> Pointer { odd ? outputs.1 : outputs.0 }

  init(
    _ arena: inout Arena, _ network: Network<Scalar>, _ layer: EquationsLayer<Scalar>, _ packed: PackedCell<Scalar>,
    _ scratch: CellForwardScratch<Scalar>, sequences: Int, counting: Bool
  ) {
    let program = layer.inference
    // A vector behind the last row, which whole-vector reads may touch.
    let states = (
      arena.take(Scalar.self, sequences, layer.statesWidth, behind: 64),
      arena.take(Scalar.self, sequences, layer.statesWidth, behind: 64)
    )
    let inputRows = arena.take(Pointer.self, layer.inputCount, sequences)
    func calls(_ arena: inout Arena, from: Pointer, to: Pointer) -> CellCalls<Scalar> {
      let table = arena.take(VectorRows<Scalar>.self, Place.count)
      if !counting {
        table.initialize(repeating: VectorRows(scratch.slots, stride: 0), count: Place.count)
        for (number, state) in layer.states.enumerated() {
          table[Place.previous(number)] = VectorRows(from + state.column, stride: layer.statesWidth)
          table[Place.next(number)] = VectorRows(to + state.column, stride: layer.statesWidth)
        }
        table[Place.kept] = VectorRows(scratch.kept, stride: program.keptWidth)
        table[Place.ahead] = VectorRows(scratch.ahead, stride: program.aheadWidth)
        for input in 0..<layer.inputCount {
          table[Place.input(input)] = VectorRows(
            MovingRows(UnsafePointer(inputRows + input &* sequences), offset: 0))
        }
      }
      let run = CellRun(
        network: network, program: program, packed: UnsafePointer(packed.packed), prepared: packed.prepared,
        slots: scratch.slots, slotRows: sequences, table: table, tile: table, operands: scratch.operands,
        sums: scratch.sums, pointerRows: sequences, masks: nil, maskRows: scratch.maskRows)
      return CellCalls(&arena, run, rows: sequences, counting: counting)
    }
    (self.layer, self.states, self.inputRows) = (layer, states, inputRows)
    self.calls = (
      calls(&arena, from: states.0, to: states.1), calls(&arena, from: states.1, to: states.0)
    )
    if let state = layer.outputState {
      let column = layer.states[state].column
      (outputs, outputStride) = ((states.1 + column, states.0 + column), layer.statesWidth)
    } else {
      (outputs, outputStride) = ((scratch.kept, scratch.kept), program.keptWidth)
    }
  }

  /// One step of all sequences.
  ///
  /// - Parameters:
  ///   - x: the first sequence's row, and from there to the next one's.
  ///   - inputs: each `[N, width]`.
  func step(
    _ network: Network<Scalar>, odd: Bool, _ x: Pointer, stride: Int, _ inputs: Inputs<Scalar>, sequences: Int
  ) {
    for n in 0..<sequences { inputRows[n] = x + n &* stride }
    for input in 1..<max(1, layer.inputCount) {
      guard let base = inputs[input &- 1] else { continue }
      let width = layer.inputWidths(input)
      for n in 0..<sequences { inputRows[input &* sequences &+ n] = base + n &* width }
    }
    if odd { calls.1.run(network) } else { calls.0.run(network) }
  }
}

/// What a stream has in its memory. Belongs to one thread at a time.
struct CellStream<Scalar: RNNScalar> {
  typealias Pointer = UnsafeMutablePointer<Scalar>

  private let network: Network<Scalar>
  private let layers: [CellStreamLayer<Scalar>]
  private let sequences: Int
  private let inputWidth: Int
  private let outputWidth: Int

  init(
    _ arena: inout Arena, _ network: Network<Scalar>, _ equations: Equations<Scalar>, _ weights: PackedWeights<Scalar>,
    sequences: Int, counting: Bool
  ) {
    let c = network.configuration
    (self.network, self.sequences, inputWidth, outputWidth) = (network, sequences, c.inputSize, c.stateWidth)
    // Of the first layer, and of the others: between two layers' steps nothing is left in it.
    func scratch(_ arena: inout Arena, _ layer: EquationsLayer<Scalar>) -> CellForwardScratch<Scalar> {
      CellForwardScratch(&arena, layer, isTraining: false, steps: 1, sequences: sequences)
    }
    let first = scratch(&arena, equations.first)
    let others = c.layers == 1 ? first : scratch(&arena, equations.others)
    // The output of one layer is what the next one reads.
    let third = c.layers < 3 ? others : scratch(&arena, equations.others)
    var layers: [CellStreamLayer<Scalar>] = []
    for number in 0..<c.layers {
      guard let packed = weights.packedCell(number, 0) else { continue }
      layers.append(
        CellStreamLayer(
          &arena, network, equations.layer(number), packed, number == 0 ? first : number % 2 == 1 ? others : third,
          sequences: sequences, counting: counting))
    }
    self.layers = layers
  }

  /// One step: x `[N, I]`, y `[N, O]` or nil, the other inputs `[N, width]`.
  func step(odd: Bool, _ x: UnsafePointer<Scalar>, _ inputs: Inputs<Scalar>, _ y: Pointer?) {
    var (x, stride) = (UnsafeMutablePointer(mutating: x), inputWidth)
    for number in layers.indices {
      layers[number].step(network, odd: odd, x, stride: stride, inputs, sequences: sequences)
      (x, stride) = (layers[number].output(odd: odd), layers[number].outputStride)
    }
    guard let y else { return }
    for n in 0..<sequences { (y + n &* outputWidth).update(from: x + n &* stride, count: outputWidth) }
  }

  /// - Parameter odd: of the next step.
  func reset(odd: Bool) { setState(States(), odd: odd) }

  /// `[L, N, width]` of each state, out or in; nil: not wanted, or where the cell starts.
  func getState(_ out: States<Scalar>, odd: Bool) {
    for (number, layer) in layers.enumerated() {
      for (state, place) in layer.layer.states.enumerated() {
        guard let to = out[state].map({ $0 + number &* sequences &* place.width }) else { continue }
        let from = layer.states(odd: odd) + place.column
        for n in 0..<sequences {
          (to + n &* place.width).update(from: from + n &* layer.layer.statesWidth, count: place.width)
        }
      }
    }
  }

  func setState(_ given: States<Scalar>, odd: Bool) {
    for (number, layer) in layers.enumerated() {
      for (state, place) in layer.layer.states.enumerated() {
        let from = given[state].map { $0 + number &* sequences &* place.width }
        let to = layer.states(odd: odd) + place.column
        for n in 0..<sequences {
          let row = to + n &* layer.layer.statesWidth
          if let from {
            row.update(from: from + n &* place.width, count: place.width)
          } else {
            row.update(repeating: place.initial, count: place.width)
          }
        }
      }
    }
  }
}
