// What the forward and the backward pass of a network with layer options have in common.
import Kernels

/// A pass over whole sequences, its arguments checked.
struct StackPass<Scalar: RNNScalar> {
  typealias Pointer = UnsafeMutablePointer<Scalar>
  typealias Block = Stack<Scalar>.Block

  let network: Network<Scalar>
  let stack: Stack<Scalar>
  let workspace: StackWorkspace<Scalar>
  let rows: StackRows
  /// As the caller has it.
  let x: Rows<Scalar>
  let inputs: Inputs<Scalar>
  let initial: States<Scalar>
  let parameters: UnsafeBufferPointer<UnsafeRawPointer?>
  let weights: PackedWeights<Scalar>?
  /// nil: inference.
  let tape: UnsafeMutableRawPointer?
  let layout: StackTape
  let seed: UInt64
  let firstSequence: Int

  var options: LayerOptions { stack.options }
  var sequences: Int { rows.sequences }

  // MARK: Rows

  /// What a block reads.
  func input(_ block: Block) -> Rows<Scalar> {
    if options.skip == .dense { return wide(block.flow) }
    if block.layer == 0 { return stack.copiesInput ? workspace.x : x }
    if tape == nil { return block.layer % 2 == 1 ? workspace.between.0 : workspace.between.1 }
    return taped(block, width: block.inputWidth)
  }

  /// With dense connections: what the blocks of a flow read, each the first columns of it.
  private func wide(_ flow: Int) -> Rows<Scalar> {
    tape == nil ? workspace.between.0 : taped(stack.block(0, flow), width: stack.wideWidth(flow))
  }

  private func taped(_ block: Block, width: Int) -> Rows<Scalar> {
    let start = tape.unsafelyUnwrapped + layout.inputs[block.flow &* stack.layers &+ block.layer]
    return Rows(dense: start.assumingMemoryBound(to: Scalar.self), sequences: sequences, width: width)
  }

  func blockTape(_ block: Block) -> (start: UnsafeMutableRawPointer, bytes: Int)? {
    let place = layout.tapes[block.flow &* stack.layers &+ block.layer]
    return tape.map { ($0 + place.offset, place.bytes) }
  }

  /// What a block gives out: in training it is in the block's tape.
  func output(_ block: Block) throws(RNNError) -> Rows<Scalar> {
    guard let (start, _) = blockTape(block) else {
      return Rows(dense: workspace.output.base, sequences: sequences, width: block.outputWidth)
    }
    if let head = block.head, let output = try headOutput(block, head) {
      return Rows(dense: output.base, sequences: sequences, width: block.outputWidth)
    }
    let batch = try stack.batch(block, steps: rows.steps, sequences: sequences)
    let layout = try block.training.tapeLayout(steps: batch.steps, sequences: batch.sequences)
    let rows: Rows<Scalar> = layout.output(start, layer: 0)
    return Rows(dense: rows.base, sequences: sequences, width: block.outputWidth)
  }

  /// The last rows of a flow, where there are two.
  func end(_ flow: Int) -> Rows<Scalar> {
    let rows = flow == 0 ? workspace.ends.0 : workspace.ends.1
    return Rows(dense: rows.base, sequences: sequences, width: stack.block(stack.layers &- 1, flow).mergedWidth)
  }

  /// What y is made of: one direction's rows, or each of two directions'; and their width.
  func lastParts() throws(RNNError) -> (first: Rows<Scalar>, second: Rows<Scalar>?, width: Int) {
    let block = stack.block(stack.layers &- 1, 0)
    if stack.flows == 2 { return (end(0), end(1), block.mergedWidth) }
    let (rows, width) = (try output(block), block.outputWidth / block.directions)
    return (rows, block.directions == 2 ? rows.offset(by: width) : nil, width)
  }

  /// The rows where the next layer reads what this one gives on; nil: it is the last one.
  func target(_ block: Block) -> Rows<Scalar>? {
    if block.layer == stack.layers &- 1 { return nil }
    let next = input(stack.block(block.layer &+ 1, block.flow))
    return options.skip == .dense ? next.offset(by: block.inputWidth) : next
  }

  /// Rows as a block's network takes them, whose steps are rounds of chains.
  func strides(_ rows: Rows<Scalar>, _ block: Block) -> (step: Int, sequence: Int) {
    (rows.stepStride &* block.dilation, rows.sequenceStride)
  }

  /// The other inputs as blocks read them.
  var blockInputs: Inputs<Scalar> { stack.copiesInput ? workspace.inputs : inputs }

  // MARK: Preparation

  /// Copies of x and the other inputs, where blocks do not read the caller's. With dense connections and a tape only
  /// the forward pass makes x's, which is in the tape then.
  @inline(never)
  func copyInputs(isBackward: Bool) {
    withFloatControl {
      for flow in 0..<stack.flows {
        let isDense = options.skip == .dense
        if isDense ? isBackward : !stack.copiesInput || flow > 0 { continue }
        let (from, to) = (x, input(stack.block(0, flow)))
        rows.visit { s, n in
          to[s, n].update(from: from[rows.position(s, n), n], count: stack.inputSize)
        }
      }
      if !stack.copiesInput { return }
      for (number, input) in network.inputs.enumerated() {
        guard let source = inputs[number], let copy = workspace.inputs[number] else { continue }
        let from = Rows(dense: source, sequences: sequences, width: input.width)
        let to = Rows(dense: copy, sequences: sequences, width: input.width)
        rows.visit { s, n in to[s, n].update(from: from[rows.position(s, n), n], count: input.width) }
      }
    }
  }

  /// The masks on a layer's outputs, in training; nil: there are none.
  func dropout(_ block: Block) -> Dropout<Scalar>? {
    let c = network.configuration
    guard tape != nil, c.dropout > 0, block.layer < stack.layers &- 1 else { return nil }
    let directions = options.merge == .concatenate ? block.directions : 1
    return Dropout(
      network, width: block.mergedWidth / directions, directions: directions, firstDirection: block.flow, seed: seed,
      firstSequence: firstSequence)
  }

  // MARK: Initial states

  private func isReverse(_ block: Block, _ direction: Int) -> Bool { block.network.configuration.isReverse(direction) }

  /// A learned initial state's place among the parameters.
  func initialParameter(_ block: Block, direction: Int, state: Int) -> Int {
    stack.firstInitialState[block.layer] &+ (block.flow &+ direction) &* block.network.stateCount &+ state
  }

  /// Runs `body` for each chain of each sequence in a direction: the row of its state in the block's order, and in the
  /// caller's, before or after a call.
  @inline(__always)
  private func visitChains(
    _ block: Block, _ direction: Int, after: Bool, _ body: (_ own: Int, _ callers: Int) -> Void
  ) {
    let chains = ChainRows(dilation: block.dilation, isReverse: isReverse(block, direction))
    let first = direction &* block.dilation &* sequences
    for chain in 0..<block.dilation {
      for n in 0..<sequences {
        let length = rows.length(n)
        let row = after ? chains.after(chain, length: length) : chains.before(chain, length: length)
        body(first &+ chain &* sequences &+ n, first &+ row &* sequences &+ n)
      }
    }
  }

  /// A block's initial states: the caller's, or in `scratch`.
  @inline(never)
  func initialStates(_ block: Block, _ scratch: States<Scalar>) -> States<Scalar> {
    var states = stack.states(initial, block, sequences: sequences)
    for state in 0..<block.network.stateCount {
      guard let to = scratch[state] else { continue }
      let width = block.network.width(ofState: state)
      for direction in 0..<block.directions {
        let first = direction &* block.dilation &* sequences
        if let from = states[state] {
          if block.dilation == 1 { continue }
          visitChains(block, direction, after: false) { own, callers in
            (to + own &* width).update(from: from + callers &* width, count: width)
          }
        } else if options.learnedInitialStates {
          let index = initialParameter(block, direction: direction, state: state)
          let learned =
            weights?.initialState(index).map { UnsafePointer($0) }
            ?? parameters[index].unsafelyUnwrapped.assumingMemoryBound(to: Scalar.self)
          for row in 0..<block.dilation &* sequences {
            (to + (first &+ row) &* width).update(from: learned, count: width)
          }
        }
      }
      if states[state] == nil ? options.learnedInitialStates : block.dilation > 1 { states[state] = to }
    }
    return states
  }

  /// From a dilated block's rows of final states to the caller's, or from the caller's gradients of them to the block's.
  @inline(never)
  func moveFinalStates(_ block: Block, callers: States<Scalar>, own: States<Scalar>, toCaller: Bool) {
    for state in 0..<block.network.stateCount {
      guard let callers = callers[state], let own = own[state] else { continue }
      let width = block.network.width(ofState: state)
      for direction in 0..<block.directions {
        visitChains(block, direction, after: true) { ownRow, callersRow in
          let (blocks, its) = (own + ownRow &* width, callers + callersRow &* width)
          if toCaller { its.update(from: blocks, count: width) } else { blocks.update(from: its, count: width) }
        }
      }
    }
  }

  /// Gradients of a block's initial states to the caller's, and to those of learned ones.
  @inline(never)
  func moveInitialGradients(
    _ block: Block, callers: States<Scalar>, own: States<Scalar>,
    gradients: UnsafeBufferPointer<UnsafeMutableRawPointer?>, accumulate: Bool
  ) {
    for state in 0..<block.network.stateCount {
      guard let from = own[state] else { continue }
      let width = block.network.width(ofState: state)
      for direction in 0..<block.directions {
        let first = direction &* block.dilation &* sequences
        if let to = callers[state], to != from {
          visitChains(block, direction, after: false) { own, callers in
            (to + callers &* width).update(from: from + own &* width, count: width)
          }
        }
        guard options.learnedInitialStates, gradients.baseAddress != nil,
          let learned = gradients[initialParameter(block, direction: direction, state: state)]?
            .assumingMemoryBound(to: Scalar.self)
        else { continue }
        if !accumulate { learned.update(repeating: 0, count: width) }
        // Where the caller has given the state, it is not the learned one.
        if initial[state] != nil { continue }
        for row in 0..<block.dilation &* sequences {
          StackRow.add(UnsafePointer(from + (first &+ row) &* width), to: learned, width)
        }
      }
    }
  }
}
