// A cell as its equations say it: from the text to the graph with its sizes and phases, once.

/// A cell that is made of equations. Immutable: threads may share it.
public final class Cell: Sendable {
  /// As it was given.
  let bytes: [UInt8]
  let graph: CellGraph
  let sizes: CellSizes
  let phases: CellPhases
  let backward: CellBackward
  /// nil: it is no fused cell.
  let fused: FusedCell?
  /// nil: nor is it one with an output equation behind.
  let head: CellHead?
  /// Calls of `batch_norm`.
  let statistics: [CellStatistic]
  /// The cell for training: what `batch_norm` is laid on are inputs, behind its own. nil: it is this one.
  let training: Cell?

  /// - Parameter text: in the language of docs/cells.md; any bytes at all.
  public convenience init(_ text: String) throws(CellError) { try self.init(bytes: Array(text.utf8)) }

  public init(bytes: [UInt8]) throws(CellError) {
    self.bytes = bytes
    let definition = try CellDefinition(
      CellSource(bytes), builtIn: { BuiltInCells.text($0) }, names: { BuiltInCells.names })
    let written = try CellBuilder.build(definition)
    // Whether all sizes can be told is asked of the graph as it was written: messages are about that.
    _ = try CellSizes(written)
    graph = try CellNormalForm.of(written)
    sizes = try CellSizes(graph)
    phases = CellPhases(graph)
    try Self.check(graph, phases)
    backward = try CellBackward(graph, phases)
    fused = FusedCell(graph)
    head = fused == nil ? try CellHead(graph, sizes: sizes, bytes: bytes) : nil
    statistics = try CellStatistic.all(graph, phases, sizes, bytes)
    let given = statistics.compactMap { $0.input == nil ? nil : $0.cell.graph.output }
    training =
      given.isEmpty
      ? nil
      : try Cell(giving: given.map { ("batch_norm", $0) }, in: graph, states: graph.states, sizes: sizes, bytes: bytes)
  }

  /// A cell some of whose values are inputs.
  ///
  /// - Parameter states: those that are left.
  init(
    giving values: [(name: String, node: Int)], in whole: CellGraph, states: [CellState], sizes: CellSizes,
    bytes: [UInt8]
  ) throws(CellError) {
    var nodes = whole.nodes
    for (number, value) in values.enumerated() {
      nodes[value.node] = CellNode(
        operation: .input(whole.inputs.count + number), operands: [], kind: nodes[value.node].kind,
        place: nodes[value.node].place)
    }
    let roots = [whole.output] + states.flatMap { [$0.previous, $0.next] }
    graph = CellGraph(
      keeping: roots, of: whole, nodes: nodes, inputs: whole.inputs + values, states: states, output: whole.output)
    self.bytes = bytes
    self.sizes = sizes
    phases = CellPhases(graph)
    backward = try CellBackward(graph, phases)
    (fused, head, statistics, training) = (nil, nil, [], nil)
  }

  /// A value of a cell that no state reaches, as a cell without states.
  init(part whole: CellGraph, output: Int, sizes: CellSizes, bytes: [UInt8]) throws(CellError) {
    self.bytes = bytes
    graph = CellGraph(
      keeping: [output], of: whole, nodes: whole.nodes, inputs: whole.inputs, states: [], output: output)
    self.sizes = sizes
    phases = CellPhases(graph)
    backward = try CellBackward(graph, phases)
    (fused, head, statistics, training) = (nil, nil, [], nil)
  }

  /// What passes could not hold, or would compute again in every step.
  private static func check(_ graph: CellGraph, _ phases: CellPhases) throws(CellError) {
    let place = graph.nodes[graph.output].place
    guard graph.states.count <= Place.mostStates else {
      throw place.error("the cell has \(graph.states.count) states, and at most \(Place.mostStates) are allowed")
    }
    guard graph.inputs.count <= Place.mostInputs else {
      throw place.error("the cell has \(graph.inputs.count) inputs, and at most \(Place.mostInputs) are allowed")
    }
    let children = graph.nodes.filter { if case .childState = $0.operation { true } else { false } }
    guard children.count <= Place.mostChildStates else {
      throw children[Place.mostChildStates].place.error(
        "the cell has \(children.count) states of numbered children, and at most \(Place.mostChildStates) are allowed")
    }
    for state in graph.states where state.name.utf8.count > longestStateName {
      throw graph.nodes[state.next].place.error(
        "the name of a state has at most \(longestStateName) characters, and \"\(state.name)\" has more")
    }
    for parameter in graph.parameters where parameter.name.utf8.count > longestParameterName {
      throw parameter.place.error("the name of a parameter has at most \(longestParameterName) characters")
    }
    for (number, node) in graph.nodes.enumerated() where node.operation == .product {
      guard phases.phases[number] != .parameters else {
        throw node.place.error(ParametersAlone.message(product: node, graph))
      }
    }
  }

  /// They fit the C structs that describe them, with their layer.
  private static let longestStateName = 15
  private static let longestParameterName = 48

  /// Names of sizes that a layer has to give, beside I and H.
  public var sizeNames: [String] {
    var names: Set<String> = []
    for given in graph.givenSizes { if let name = given.size.name { names.insert(name) } }
    for node in graph.nodes {
      if case .blocks(let count) = node.operation, let name = count.name { names.insert(name) }
    }
    return names.subtracting(["I", "H"]).sorted()
  }

  /// Whether it can run over the nodes of trees: neither its states nor its output are a child's.
  public var isRecursive: Bool {
    !phases.isOfChild[graph.output] && !graph.states.contains { phases.isOfChild[$0.next] }
      && graph.nodes.contains {
        switch $0.operation {
        case .sumChildren, .childState: true
        default: false
        }
      }
  }

  /// Whether it tells its children apart, by `h[k]`: nodes have one parent then.
  var numbersChildren: Bool {
    graph.nodes.contains { if case .childState = $0.operation { true } else { false } }
  }

  /// Bytes of a text at most.
  public static let largestText = 1 << 16

  /// The cells of the library, `like` which a text may be.
  public static var builtInNames: [String] { BuiltInCells.names }
  /// nil: there is none of that name.
  public static func builtInText(_ name: String) -> String? { BuiltInCells.text(name) }

  /// A cell of the library, with some of its names assigned other numbers: `like` it, with these as equations.
  public convenience init(named name: String, numbers: [(String, Double)] = []) throws(CellError) {
    let lines = numbers.map { "\($0.0) = \($0.1)" }
    try self.init((["like \(name)"] + lines).joined(separator: "\n"))
  }
}
