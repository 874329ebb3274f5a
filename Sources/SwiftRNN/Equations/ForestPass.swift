// A network of equations over the nodes of trees, forward and backward: from the leaves up, and back.
import Kernels

extension Network {
  /// Arguments of the passes over a forest.
  public struct ForestForward {
    /// `[M, I]`, dense.
    public var x: UnsafePointer<Scalar>?
    /// `[M, O]`, dense, or nil: not wanted.
    public var y: UnsafeMutablePointer<Scalar>?
    /// `[L, M, width]` of each state of all nodes; nil entries: not wanted.
    public var final = States<Scalar>()
    /// The inputs beside x, `[M, width]`.
    public var inputs = Inputs<Scalar>()
    public var parameters = UnsafeBufferPointer<UnsafeRawPointer?>(start: nil, count: 0)
    /// Filled for the backward pass, with dropout and masks; nil: inference.
    public var tape: UnsafeMutableRawPointer?
    public var tapeBytes = 0
    public var workspace: UnsafeMutableRawPointer?
    public var workspaceBytes = 0
    /// Of dropout and masks; nil: the pass draws one, and the tape has it.
    public var seed: UInt64?
    /// 0 ... 2^32 - M, added to a node's index in the masks.
    public var firstNode = 0

    public init() {}
  }

  public struct ForestBackward {
    public var x: UnsafePointer<Scalar>?
    /// `[M, O]`, or nil: zeros.
    public var dy: UnsafePointer<Scalar>?
    /// `[M, I]`, or nil: not wanted.
    public var dx: UnsafeMutablePointer<Scalar>?
    /// `[L, M, width]` for each state of all nodes; nil entries: zeros.
    public var finalGradients = States<Scalar>()
    public var inputs = Inputs<Scalar>()
    public var inputGradients = Inputs<Scalar>()
    public var parameters = UnsafeBufferPointer<UnsafeRawPointer?>(start: nil, count: 0)
    public var gradients = UnsafeBufferPointer<UnsafeMutableRawPointer?>(start: nil, count: 0)
    public var accumulate = false
    public var tape: UnsafeRawPointer?
    public var tapeBytes = 0
    public var workspace: UnsafeMutableRawPointer?
    public var workspaceBytes = 0

    public init() {}
  }

  /// - Throws: why the network can't run over the forest.
  private func checkForest(_ forest: Forest) throws(RNNError) -> Equations<Scalar> {
    if stack != nil { throw .unsupported("trees have no layer options and no batch_norm") }
    guard let equations, equations.trees != nil else {
      throw .unsupported("the cell is not recursive: it reads one child's state, without sum_children or h[1]")
    }
    guard !configuration.bidirectional else { throw .unsupported("trees have one direction, from the leaves up") }
    guard forest.isTrees || !equations.cell.numbersChildren else {
      throw .mismatch("a cell with numbered children needs nodes with one parent at most")
    }
    return equations
  }

  /// Bytes of the tape of a pass over a forest.
  public func forestTapeSize(_ forest: Forest) throws(RNNError) -> Int {
    let equations = try checkForest(forest)
    var elements = 0
    for layer in 0..<configuration.layers {
      let of = equations.tree(layer)
      let tape = of.backwardPlan.tape
      let nodes = try Size.product(forest.nodeCount, Size.sum(tape.width, of.outputWidth, of: "tape"), of: "tape")
      let children = try Size.product(forest.edgeCount, tape.childWidth, of: "tape")
      elements = try Size.sum(elements, nodes, children, of: "tape")
    }
    return try Size.sum(Size.bytes(elements, of: Scalar.self, "tape"), TapeHeader.bytes, 64, of: "tape")
  }

  /// Bytes of scratch of a pass over a forest.
  public func forestWorkspaceSize(_ purpose: Purpose, _ forest: Forest) throws(RNNError) -> Int {
    let equations = try checkForest(forest)
    var arena = Arena(nil)
    if purpose == .backward {
      _ = ForestBackwardPlace(&arena, self, equations, forest)
    } else {
      _ = ForestForwardPlace(&arena, self, equations, forest)
    }
    return try arena.size("workspace")
  }

  private func checkedInputs(
    _ given: Inputs<Scalar>, _ x: UnsafePointer<Scalar>?, _ forest: Forest, mayBeNil: Bool = false
  ) throws(RNNError) -> InputRows<Scalar> {
    try Check.aligned(x, "x")
    _ = try Size.product(forest.nodeCount, configuration.inputSize, MemoryLayout<Scalar>.stride, of: "x")
    if x == nil && forest.nodeCount > 0 { throw .nullPointer("x") }
    let nowhere = UnsafeMutablePointer<Scalar>(bitPattern: 64).unsafelyUnwrapped
    let rows = Rows(
      dense: x.map { UnsafeMutablePointer(mutating: $0) } ?? nowhere, sequences: 1, width: configuration.inputSize)
    return try checkedInputs(given, rows, steps: forest.nodeCount, sequences: 1, mayBeNil: mayBeNil)
  }

  /// Runs all nodes through all layers. Nothing is written unless all arguments are right.
  @_specialize(exported:true,where Scalar == Float)
  @_specialize(exported:true,where Scalar == Double)
  public func forward(_ forest: Forest, _ f: ForestForward) throws(RNNError) {
    let equations = try checkForest(forest)
    let inputs = try checkedInputs(f.inputs, f.x, forest)
    try Check.aligned(f.y, "y")
    try f.final.check(configuration, sequences: forest.nodeCount, "final_states")
    let parameters = try Check.parameters(f.parameters, of: self)
    let largest = (1 << 32) - forest.nodeCount
    guard (0...largest).contains(f.firstNode) else {
      throw .invalidValue("first_node", f.firstNode, low: 0, high: largest)
    }
    if f.tape != nil {
      try Check.buffer(f.tape, f.tapeBytes, needed: forestTapeSize(forest), "tape", "tape_size")
      try Check.aligned(f.tape?.assumingMemoryBound(to: Scalar.self), "tape")
    }
    try Check.buffer(
      f.workspace, f.workspaceBytes, needed: forestWorkspaceSize(.forward, forest), "workspace", "workspace_size")
    withFloatControl { run(forest, f, equations, inputs, parameters) }
  }

  @inline(never)
  private func run(
    _ forest: Forest, _ f: ForestForward, _ equations: Equations<Scalar>, _ inputs: InputRows<Scalar>,
    _ parameters: Parameters<Scalar>
  ) {
    let c = configuration
    var arena = Arena(f.workspace)
    let place = ForestForwardPlace(&arena, self, equations, forest)
    let isTraining = f.tape != nil
    let seed = self.seed(f.seed, isTraining: isTraining)
    if let tape = f.tape { forestHeader(forest, seed, f.firstNode).write(to: tape) }
    let dropout = isTraining && c.dropout > 0 ? Dropout<Scalar>(self, seed: seed, firstSequence: f.firstNode) : nil
    var inputs = inputs
    for number in 0..<c.layers {
      let layer = equations.tree(number)
      let tape = f.tape.map { ForestTape<Scalar>($0, equations, forest, layer: number) }
      let scratch = place.scratch(self, layer, forest, isTraining: isTraining)
      let weights = place.weights(layer, isTraining: isTraining)
      let masks =
        isTraining
        ? CellMasks(philox: Philox(seed: seed), firstSequence: f.firstNode, stream: 2 &* number) : nil
      let last = number == c.layers &- 1
      let output = tape?.output ?? (last ? nil : place.between(number))
      scratch.prepare(layer, forest)
      runTeam(threads(forest)) { member in
        weights.pack(
          self, layer.forward(isTraining: isTraining), parameters.pointers + layout.first(layer: number, direction: 0),
          layer.layer, masks, &member)
        member.share(forest.parts.count) { some in
          for part in some {
            ForestForwardRunner(
              network: self, layer: layer, isTraining: isTraining, forest: forest, scratch: scratch, weights: weights,
              inputs: inputs, outputs: (output, last ? f.y : nil), tape: tape,
              final: f.final.part(layer, index: number, sequences: forest.nodeCount), masks: masks,
              firstNode: f.firstNode
            ).run(part)
          }
        }
      }
      guard !last, let output else { break }
      inputs.x = Rows(dense: output, sequences: 1, width: c.stateWidth)
      if let dropout {
        for node in 0..<forest.nodeCount {
          dropout.apply(
            UnsafePointer(output + node &* c.stateWidth), place.masked + node &* c.stateWidth, layer: number, t: 0,
            n: node)
        }
        inputs.x = Rows(dense: place.masked, sequences: 1, width: c.stateWidth)
      }
    }
  }

  func threads(_ forest: Forest) -> Int {
    min(forest.parts.count, threads(steps: 1, sequences: forest.nodeCount))
  }

  func forestHeader(_ forest: Forest, _ seed: UInt64, _ firstNode: Int) -> TapeHeader {
    TapeHeader(
      configuration, isDouble: Scalar.self == Double.self, steps: forest.nodeCount, sequences: forest.edgeCount,
      rows: forest.fingerprint, seed: seed, firstSequence: firstNode)
  }

  /// The gradients of a loss. Nothing is written unless all arguments are right.
  @_specialize(exported:true,where Scalar == Float)
  @_specialize(exported:true,where Scalar == Double)
  public func backward(_ forest: Forest, _ b: ForestBackward) throws(RNNError) {
    let equations = try checkForest(forest)
    let inputs = try checkedInputs(b.inputs, b.x, forest)
    _ = try checkedInputs(b.inputGradients, b.x, forest, mayBeNil: true)
    try Check.aligned(b.dy, "dy")
    try Check.aligned(b.dx, "dx")
    try b.finalGradients.check(configuration, sequences: forest.nodeCount, "state_gradients")
    let parameters = try Check.parameters(b.parameters, of: self)
    if b.gradients.baseAddress != nil {
      try checkPointers("parameter_count", b.gradients)
      for pointer in b.gradients {
        try Check.aligned(pointer?.assumingMemoryBound(to: Scalar.self), "an entry of gradients")
      }
    }
    try Check.buffer(b.tape, b.tapeBytes, needed: forestTapeSize(forest), "tape", "tape_size")
    guard let tape = b.tape else { throw .nullPointer("tape") }
    try Check.aligned(tape.assumingMemoryBound(to: Scalar.self), "tape")
    let header = TapeHeader.read(from: tape)
    let expected = forestHeader(forest, header.seed, Int(header.firstSequence))
    // Steps, sequences and rows stand for the forest there, and no caller knows them.
    if header.magic == expected.magic && header.configuration == expected.configuration
      && (header.steps, header.sequences, header.rows)
        != (expected.steps, expected.sequences, expected.rows)
    {
      throw .mismatch("the tape was filled by a pass over another forest")
    }
    try header.check(expected)
    try Check.buffer(
      b.workspace, b.workspaceBytes, needed: forestWorkspaceSize(.backward, forest), "workspace", "workspace_size")
    let pass = ForestBackwardPass(
      network: self, equations: equations, forest: forest, arguments: b, inputs: inputs, parameters: parameters,
      tape: UnsafeMutableRawPointer(mutating: tape), seed: header.seed, firstNode: Int(header.firstSequence))
    withFloatControl { pass.run() }
  }
}

extension Equations {
  /// A layer over nodes of trees.
  func tree(_ number: Int) -> EquationsLayer<Scalar> {
    guard let trees else { return layer(number) }
    return number == 0 ? trees.first : trees.others
  }
}

/// What one layer leaves for its backward pass, dense, and aligned to its elements only, so that a tape may be moved.
struct ForestTape<Scalar: RNNScalar> {
  /// `[M, width]`, `[E, width]` and `[M, O]`.
  let nodes: UnsafeMutablePointer<Scalar>
  let children: UnsafeMutablePointer<Scalar>
  let output: UnsafeMutablePointer<Scalar>

  init(_ tape: UnsafeMutableRawPointer, _ equations: Equations<Scalar>, _ forest: Forest, layer: Int) {
    var start = (tape + TapeHeader.bytes).assumingMemoryBound(to: Scalar.self)
    func nodes(_ layer: Int) -> Int { forest.nodeCount &* equations.tree(layer).tapeWidth }
    func children(_ layer: Int) -> Int {
      forest.edgeCount &* equations.tree(layer).backwardPlan.tape.childWidth
    }
    for before in 0..<layer {
      start += nodes(before) &+ children(before) &+ forest.nodeCount &* equations.tree(before).outputWidth
    }
    self.nodes = start
    self.children = start + nodes(layer)
    output = start + (nodes(layer) &+ children(layer))
  }
}

/// The workspace of a forward pass. All layers have their scratch in the same place.
struct ForestForwardPlace<Scalar: RNNScalar> {
  private let buffers: (UnsafeMutablePointer<Scalar>, UnsafeMutablePointer<Scalar>)
  let masked: UnsafeMutablePointer<Scalar>
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
      for isTraining in [false, true] {
        var end = start
        Self.lay(&end, equations.tree(layer), forest, isTraining: isTraining)
        arena.reach(end)
      }
    }
  }

  private static func lay(
    _ arena: inout Arena, _ layer: EquationsLayer<Scalar>, _ forest: Forest, isTraining: Bool
  ) {
    let program = layer.forward(isTraining: isTraining)
    _ = PackedCell<Scalar>(&arena, program, maskedElements: layer.maskedElements(program))
    _ = ForestScratch(&arena, layer, program, forest, isBackward: false)
  }

  func between(_ layer: Int) -> UnsafeMutablePointer<Scalar> { layer % 2 == 0 ? buffers.0 : buffers.1 }

  func weights(_ layer: EquationsLayer<Scalar>, isTraining: Bool) -> PackedCell<Scalar> {
    var arena = start
    let program = layer.forward(isTraining: isTraining)
    return PackedCell(&arena, program, maskedElements: layer.maskedElements(program))
  }

  func scratch(
    _ network: Network<Scalar>, _ layer: EquationsLayer<Scalar>, _ forest: Forest, isTraining: Bool
  ) -> ForestScratch<Scalar> {
    var arena = start
    let program = layer.forward(isTraining: isTraining)
    _ = PackedCell<Scalar>(&arena, program, maskedElements: layer.maskedElements(program))
    return ForestScratch(&arena, layer, program, forest, isBackward: false)
  }
}

/// One part of a forest, forward.
struct ForestForwardRunner<Scalar: RNNScalar> {
  typealias Pointer = UnsafeMutablePointer<Scalar>

  let network: Network<Scalar>
  let layer: EquationsLayer<Scalar>
  let isTraining: Bool
  let forest: Forest
  let scratch: ForestScratch<Scalar>
  let weights: PackedCell<Scalar>
  let inputs: InputRows<Scalar>
  let outputs: (Pointer?, Pointer?)
  let tape: ForestTape<Scalar>?
  let final: States<Scalar>
  let masks: CellMasks?
  let firstNode: Int

  private var program: CellProgram<Scalar> { layer.forward(isTraining: isTraining) }

  @inline(never)
  func run(_ part: Int) {
    let run = ForestRun(
      network: network, program: program, weights: weights, forest: forest, scratch: scratch, masks: masks,
      firstNode: firstNode, nodeRow: nodeRow, edgeRow: edgeRow)
    let heights = forest.parts[part]
    var firstEdge = forest.partEdges[part]
    ForestBlocks.visit(heights, 0..<heights.count - 1) { range in
      run.run([ForestSection.before, ForestSection.step], part: part, range, firstEdge: firstEdge)
      for position in range {
        let node = forest.order[position]
        firstEdge += forest.firstEdges[node + 1] - forest.firstEdges[node]
        hand(node)
      }
    }
  }

  private func hand(_ node: Int) {
    let output =
      layer.outputState.map { scratch.states + (node &* layer.statesWidth &+ layer.states[$0].column) }
      ?? scratch.kept + node &* program.keptWidth
    for out in [outputs.0, outputs.1] {
      if let out { (out + node &* layer.outputWidth).update(from: output, count: layer.outputWidth) }
    }
    for (number, state) in layer.states.enumerated() {
      guard let out = final[number] else { continue }
      (out + node &* state.width).update(
        from: scratch.states + (node &* layer.statesWidth &+ state.column), count: state.width)
    }
  }

  private func stateRow(_ node: Int, _ state: Int) -> Pointer {
    scratch.states + (node &* layer.statesWidth &+ layer.states[state].column)
  }

  private func nodeRow(_ place: Int, _ node: Int) -> Pointer {
    switch place {
    case Place.kept: return scratch.kept + node &* program.keptWidth
    case Place.ahead: return scratch.ahead + node &* program.aheadWidth
    case Place.tape: return tape.map { $0.nodes + node &* layer.tapeWidth } ?? scratch.zeros
    case Place.childCount: return scratch.counts + node
    case Place.next(0)..<Place.next(Place.mostStates): return stateRow(node, place &- Place.next(0))
    case Place.child(0)..<Place.child(Place.mostChildStates):
      let child = layer.childStates[place &- Place.child(0)]
      let edge = forest.firstEdges[node] &+ child.child &- 1
      return edge < forest.firstEdges[node &+ 1] ? stateRow(forest.children[edge], child.state) : scratch.zeros
    default: return inputs[place &- Place.input(0)][node, 0]
    }
  }

  private func edgeRow(_ place: Int, _ edge: Int) -> Pointer? {
    switch place {
    case Place.childKept: scratch.childKept + edge &* program.childKeptWidth
    case Place.childTape:
      tape.map { $0.children + edge &* layer.backwardPlan.tape.childWidth } ?? scratch.zeros
    case Place.previous(0)..<Place.previous(Place.mostStates):
      stateRow(forest.children[edge], place &- Place.previous(0))
    default: nil
    }
  }
}

/// Sections of programs over trees that are run for each height.
private enum ForestSection {
  static let before = ForwardSection.before
  static let step = ForwardSection.step
}
