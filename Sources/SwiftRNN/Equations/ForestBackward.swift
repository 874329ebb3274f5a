// Back-propagation through the structure of trees: from the roots down, all nodes of one height at once.
import Kernels

/// The workspace of a backward pass. All layers have their scratch in the same place.
struct ForestBackwardPlace<Scalar: RNNScalar> {
  typealias Pointer = UnsafeMutablePointer<Scalar>

  private let buffers: (Pointer, Pointer)
  let masked: Pointer
  private let start: Arena

  init(_ arena: inout Arena, _ network: Network<Scalar>, _ equations: Equations<Scalar>, _ forest: Forest) {
    let c = network.configuration
    let between = c.layers > 1 ? forest.nodeCount : 0
    buffers = (
      arena.take(Scalar.self, between, c.stateWidth), arena.take(Scalar.self, between, c.stateWidth)
    )
    masked = arena.take(Scalar.self, between, c.stateWidth)
    start = arena
    for layer in 0..<min(c.layers, 2) {
      var end = start
      _ = Layer(&end, network, equations.tree(layer), forest)
      arena.reach(end)
    }
  }

  func between(_ layer: Int) -> Pointer { layer % 2 == 0 ? buffers.0 : buffers.1 }

  func layer(_ network: Network<Scalar>, _ layer: EquationsLayer<Scalar>, _ forest: Forest) -> Layer {
    var arena = start
    return Layer(&arena, network, layer, forest)
  }

  struct Layer {
    let weights: PackedCell<Scalar>
    /// Of nodes, and of children.
    let gradients: (CellGradientRows<Scalar>, CellGradientRows<Scalar>)
    let unmasked: Pointer
    let scratch: ForestScratch<Scalar>
    let gradient: WeightGradientScratch<Scalar>

    init(_ arena: inout Arena, _ network: Network<Scalar>, _ layer: EquationsLayer<Scalar>, _ forest: Forest) {
      let (program, plan) = (layer.backward, layer.backwardPlan)
      weights = PackedCell(&arena, program, maskedElements: layer.maskedElements(program))
      gradients = (
        CellGradientRows(&arena, layer, rows: forest.nodeCount, columns: plan.columns),
        CellGradientRows(&arena, layer, rows: forest.edgeCount, columns: program.childGradientsWidth)
      )
      unmasked = arena.take(Scalar.self, plan.maskedElements)
      var ends = arena
      gradient = WeightGradientScratch(
        &ends, lanes: network.kernels.lanes,
        lists: .init(operands: plan.rights.count, lefts: 1, blocks: plan.blocks.count, sums: plan.sumCount),
        leftColumns: plan.blocks.reduce(0) { $0 + plan.matrices[$1.first].rows },
        batchRows: max(forest.nodeCount, forest.edgeCount)
      ) { plan.rights[$0].columns }
      scratch = ForestScratch(&arena, layer, program, forest, isBackward: true)
      arena.reach(ends)
    }
  }
}

/// A backward pass over a forest whose arguments have been checked.
struct ForestBackwardPass<Scalar: RNNScalar> {
  typealias Pointer = UnsafeMutablePointer<Scalar>

  let network: Network<Scalar>
  let equations: Equations<Scalar>
  let forest: Forest
  let arguments: Network<Scalar>.ForestBackward
  let inputs: InputRows<Scalar>
  let parameters: Parameters<Scalar>
  /// Only read.
  let tape: UnsafeMutableRawPointer
  let seed: UInt64
  let firstNode: Int

  private var c: NetworkConfiguration { network.configuration }

  /// Never inlined, so that no arithmetic moves past the change of the floating-point control.
  @inline(never)
  func run() {
    var arena = Arena(arguments.workspace)
    let place = ForestBackwardPlace(&arena, network, equations, forest)
    let dropout = c.dropout > 0 ? Dropout<Scalar>(network, seed: seed, firstSequence: firstNode) : nil
    let width = c.stateWidth
    var dy = arguments.dy
    var number = c.layers &- 1
    while number >= 0 {
      let layer = equations.tree(number)
      let own = place.layer(network, layer, forest)
      var inputs = inputs
      if number > 0 {
        var below = tapeOf(number &- 1).output
        if let dropout {
          for node in 0..<forest.nodeCount {
            dropout.apply(
              UnsafePointer(below + node &* width), place.masked + node &* width, layer: number &- 1, t: 0, n: node)
          }
          below = place.masked
        }
        inputs.x = Rows(dense: below, sequences: 1, width: width)
      }
      let dx = number > 0 ? place.between(number) : arguments.dx
      run(number, layer, own, inputs, dy, dx)
      if number > 0, let dropout, let dx {
        for node in 0..<forest.nodeCount {
          dropout.apply(UnsafePointer(dx + node &* width), dx + node &* width, layer: number &- 1, t: 0, n: node)
        }
      }
      dy = dx.map { UnsafePointer($0) }
      number &-= 1
    }
  }

  private func tapeOf(_ layer: Int) -> ForestTape<Scalar> {
    ForestTape(tape, equations, forest, layer: layer)
  }

  private func run(
    _ number: Int, _ layer: EquationsLayer<Scalar>, _ place: ForestBackwardPlace<Scalar>.Layer,
    _ inputs: InputRows<Scalar>, _ dy: UnsafePointer<Scalar>?, _ dx: Pointer?
  ) {
    let masks = CellMasks(philox: Philox(seed: seed), firstSequence: firstNode, stream: 2 &* number)
    let first = network.layout.first(layer: number, direction: 0)
    let tape = tapeOf(number)
    place.scratch.prepare(layer, forest)
    place.gradients.0.prepare(layer)
    let finals = arguments.finalGradients.part(layer, index: number, sequences: forest.nodeCount)
    runTeam(network.threads(forest)) { member in
      place.weights.pack(network, layer.backward, parameters.pointers + first, layer.layer, masks, &member)
      member.share(forest.parts.count) { some in
        for part in some {
          ForestBackwardRunner(
            network: network, layer: layer, forest: forest, place: place, inputs: inputs, dy: dy, dx: dx,
            inputGradients: arguments.inputGradients, addsInputs: number < c.layers &- 1, tape: tape,
            finalGradients: finals, masks: masks, firstNode: firstNode
          ).run(part)
        }
      }
      for isOfChild in [false, true] {
        CellParameterGradients(
          network: network, layer: layer, rows: ValidRows(steps: isOfChild ? forest.edgeCount : forest.nodeCount),
          weights: place.weights, scratch: place.gradient, unmasked: place.unmasked,
          gradients: isOfChild ? place.gradients.1 : place.gradients.0, isOfChild: isOfChild,
          pointers: arguments.gradients.baseAddress.map { $0 + first }, accumulate: arguments.accumulate,
          inputs: inputs, tape: Rows(dense: tape.nodes, sequences: 1, width: layer.tapeWidth),
          output: Rows(dense: tape.output, sequences: 1, width: layer.outputWidth), masks: masks
        ).run(&member)
      }
    }
  }
}

/// One part of a forest, backward.
struct ForestBackwardRunner<Scalar: RNNScalar> {
  typealias Pointer = UnsafeMutablePointer<Scalar>

  let network: Network<Scalar>
  let layer: EquationsLayer<Scalar>
  let forest: Forest
  let place: ForestBackwardPlace<Scalar>.Layer
  let inputs: InputRows<Scalar>
  let dy: UnsafePointer<Scalar>?
  let dx: Pointer?
  let inputGradients: Inputs<Scalar>
  let addsInputs: Bool
  let tape: ForestTape<Scalar>
  let finalGradients: States<Scalar>
  let masks: CellMasks
  let firstNode: Int

  private var program: CellProgram<Scalar> { layer.backward }
  private var scratch: ForestScratch<Scalar> { place.scratch }

  @inline(never)
  func run(_ part: Int) {
    let heights = forest.parts[part]
    for position in heights[0]..<heights[heights.count - 1] { begin(forest.order[position]) }
    let run = ForestRun(
      network: network, program: program, weights: place.weights, forest: forest, scratch: scratch, masks: masks,
      firstNode: firstNode, nodeRow: nodeRow, edgeRow: edgeRow)
    ForestBlocks.visit(heights, (0..<heights.count - 1).reversed()) { range in
      run.run([BackwardSection.step], part: part, range, firstEdge: forest.partEdges[part])
      for position in range { hand(forest.order[position]) }
    }
  }

  /// dL/d of the node's states from outside.
  private func begin(_ node: Int) {
    for (number, state) in layer.states.enumerated() {
      let row = stateRow(node, number)
      if let given = finalGradients[number] {
        row.update(from: given + node &* state.width, count: state.width)
      } else {
        row.update(repeating: 0, count: state.width)
      }
    }
  }

  /// What the node hands to its children, and to its inputs.
  private func hand(_ node: Int) {
    let edges = forest.firstEdges[node]..<forest.firstEdges[node + 1]
    for edge in edges {
      for (number, state) in layer.states.enumerated() {
        network.kernels.panels.addRow(
          UnsafePointer(leavingRow(edge, number)), stateRow(forest.children[edge], number), state.width)
      }
    }
    for number in layer.backwardPlan.childStates {
      let child = layer.childStates[number]
      guard child.child <= edges.count else { continue }
      network.kernels.panels.addRow(
        UnsafePointer(childLeavingRow(node, number)),
        stateRow(forest.children[edges.lowerBound + child.child - 1], child.state), layer.states[child.state].width)
    }
    for input in 0..<layer.inputCount {
      let width = layer.inputWidths(input)
      guard let out = (input == 0 ? dx : inputGradients[input - 1]).map({ $0 + node &* width }) else { continue }
      let adds = input > 0 && addsInputs
      if let column = layer.backwardPlan.inputs[input] {
        let row = scratch.ahead + (node &* program.aheadWidth &+ column)
        if adds {
          network.kernels.panels.addRow(UnsafePointer(row), out, width)
        } else {
          out.update(from: row, count: width)
        }
      } else if !adds {
        out.update(repeating: 0, count: width)
      }
    }
  }

  private func stateRow(_ node: Int, _ state: Int) -> Pointer {
    scratch.states + (node &* layer.statesWidth &+ layer.states[state].column)
  }

  private func leavingRow(_ edge: Int, _ state: Int) -> Pointer {
    scratch.leaving + (edge &* layer.statesWidth &+ layer.states[state].column)
  }

  private func childLeavingRow(_ node: Int, _ number: Int) -> Pointer {
    scratch.childLeaving + (node &* layer.childStatesWidth &+ layer.childStates[number].column)
  }

  /// A state as the forward pass left it.
  private func givenState(_ node: Int, _ state: Int) -> Pointer {
    layer.backwardPlan.tape.states[state].map { tape.nodes + (node &* layer.tapeWidth &+ $0) }
      ?? tape.output + node &* layer.outputWidth
  }

  private func nodeRow(_ place: Int, _ node: Int) -> Pointer {
    switch place {
    case Place.kept: return scratch.kept + node &* program.keptWidth
    case Place.ahead: return scratch.ahead + node &* program.aheadWidth
    case Place.tape: return tape.nodes + node &* layer.tapeWidth
    case Place.output: return tape.output + node &* layer.outputWidth
    case Place.dy: return dy.map { UnsafeMutablePointer(mutating: $0) + node &* layer.outputWidth } ?? scratch.zeros
    case Place.gradients: return self.place.gradients.0.rows + node &* layer.backwardPlan.columns
    case Place.childCount: return scratch.counts + node
    case Place.arriving(0)..<Place.arriving(Place.mostStates): return stateRow(node, place &- Place.arriving(0))
    case Place.child(0)..<Place.child(Place.mostChildStates):
      let child = layer.childStates[place &- Place.child(0)]
      let edge = forest.firstEdges[node] &+ child.child &- 1
      return edge < forest.firstEdges[node &+ 1] ? givenState(forest.children[edge], child.state) : scratch.zeros
    case Place.childLeaving(0)..<Place.childLeaving(Place.mostChildStates):
      return childLeavingRow(node, place &- Place.childLeaving(0))
    default: return inputs[place &- Place.input(0)][node, 0]
    }
  }

  private func edgeRow(_ place: Int, _ edge: Int) -> Pointer? {
    switch place {
    case Place.childKept: scratch.childKept + edge &* program.childKeptWidth
    case Place.childGradients: self.place.gradients.1.rows + edge &* program.childGradientsWidth
    case Place.childTape: tape.children + edge &* layer.backwardPlan.tape.childWidth
    case Place.leaving(0)..<Place.leaving(Place.mostStates): leavingRow(edge, place &- Place.leaving(0))
    case Place.before(0)..<Place.before(Place.mostStates): givenState(forest.children[edge], place &- Place.before(0))
    default: nil
    }
  }
}
