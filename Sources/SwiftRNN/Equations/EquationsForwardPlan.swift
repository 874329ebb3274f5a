// The forward pass of a cell of equations in a layer: its program, and what it leaves on the tape.
import Kernels

/// Sections of a forward program.
enum ForwardSection {
  static let prepared = 0
  /// For the rows of a block of steps: what comes from inputs only.
  static let before = 1
  static let step = 2
}

/// What a backward pass reads of a forward one, [T, N] rows of `width` numbers beside the layer's output.
struct TapeContents {
  struct Entry {
    let node: Int
    let column: Int
    let width: Int
  }

  private(set) var entries: [Entry] = []
  /// Of trees: [children] rows of `childWidth` numbers.
  private(set) var childEntries: [Entry] = []
  private(set) var childWidth = 0
  /// Of each state, where its value after the step is: a column, or nil: it is the output.
  var states: [Int?] = []
  private(set) var width = 0
  /// By node.
  private var columns: [Int: Int] = [:]
  private var children: Set<Int> = []

  func column(of node: Int) -> Int? { columns[node] }

  /// Whether a value of a child is kept.
  func holdsChild(_ node: Int) -> Bool { children.contains(node) }

  mutating func appendChild(_ node: Int, width: Int) {
    guard children.insert(node).inserted else { return }
    childEntries.append(Entry(node: node, column: childWidth, width: width))
    childWidth += width
  }

  mutating func append(_ node: Int, width: Int) -> Int {
    if let known = column(of: node) { return known }
    entries.append(Entry(node: node, column: self.width, width: width))
    columns[node] = self.width
    self.width += width
    return self.width - width
  }
}

/// A cell's values in one layer: numbers of everything.
struct CellInLayer {
  let cell: Cell
  let extents: CellExtents
  let lanes: Int
  /// Over nodes of trees instead of steps.
  var isTree = false

  var graph: CellGraph { cell.graph }
  /// Numbers of the output of a step.
  var outputWidth: Int { graph.nodes[graph.output].kind == .number ? 1 : extents.rows[graph.output] }
  func width(ofState state: Int) -> Int { extents.rows[graph.states[state].previous] }
  func width(ofInput input: Int) -> Int {
    graph.nodes[graph.inputs[input].node].kind == .number ? 1 : extents.rows[graph.inputs[input].node]
  }
  func padded(_ width: Int) -> Int { (max(width, 1) + lanes - 1) / lanes * lanes }

  /// Vectors and numbers among the parameters have their places in the prepared row first.
  func parameterColumns() -> (list: [(parameter: Int, column: Int, count: Int)], given: [Int: Location], width: Int) {
    var list: [(parameter: Int, column: Int, count: Int)] = []
    var given: [Int: Location] = [:]
    var column = 0
    for (number, parameter) in graph.parameters.enumerated() where parameter.kind != .matrix {
      let count = parameter.kind == .number ? 1 : extents.rows[parameter.node]
      list.append((number, column, count))
      given[parameter.node] = Location(Place.prepared, column)
      column += padded(count)
    }
    return (list, given, column)
  }

  /// Of trees: values such as `h[2]`.
  var childStates: [(node: Int, state: Int, child: Int)] {
    graph.nodes.enumerated().compactMap { number, node in
      guard isTree, case .childState(let state, let child) = node.operation else { return nil }
      return (number, state, child)
    }
  }

  /// The state whose next value is the output, if that is a vector.
  var outputState: Int? {
    graph.states.firstIndex { $0.next == graph.output && graph.nodes[$0.next].kind == .vector }
  }

  func forward(isTraining: Bool, tape: TapeContents?) -> (program: AssembledProgram, schedule: CellSchedule) {
    let sized = SizedGraph(
      cell, extents, nodes: graph.nodes, isTraining: isTraining, isOfChild: isTree ? cell.phases.isOfChild : nil)
    let parameters = parameterColumns()
    var given = parameters.given
    for (number, input) in graph.inputs.enumerated() { given[input.node] = Location(Place.input(number)) }
    for (number, state) in graph.states.enumerated() { given[state.previous] = Location(Place.previous(number)) }
    for (number, child) in childStates.enumerated() { given[child.node] = Location(Place.child(number)) }
    var required: [RequiredValue] = []
    for (number, state) in graph.states.enumerated() {
      required.append(
        RequiredValue(
          node: state.next, location: Location(Place.next(number)), width: width(ofState: number),
          section: ForwardSection.step))
    }
    var taken = [Place.prepared: parameters.width]
    if outputState == nil {
      required.append(
        RequiredValue(
          node: graph.output, location: Location(Place.kept), width: outputWidth, section: ForwardSection.step))
      taken[Place.kept] = padded(outputWidth)
    }
    for entry in tape?.entries ?? [] {
      required.append(
        RequiredValue(
          node: entry.node, location: Location(Place.tape, entry.column), width: entry.width,
          section: ForwardSection.step))
    }
    for entry in tape?.childEntries ?? [] {
      required.append(
        RequiredValue(
          node: entry.node, location: Location(Place.childTape, entry.column), width: entry.width,
          section: ForwardSection.step))
    }
    let phases = cell.phases.phases
    let schedule = CellSchedule(sized, lanes: lanes, required: required, given: given) { node in
      switch phases[node] {
      case .parameters: ForwardSection.prepared
      case .before: ForwardSection.before
      case .step, .after: ForwardSection.step
      }
    }
    let program = CellAssembler.program(
      schedule, homes: ([Place.prepared, Place.ahead, Place.kept], [Place.prepared, Place.ahead, Place.kept]),
      taken: taken, parameters: parameters.list)
    return (program, schedule)
  }

  /// What the backward pass wants of the forward pass: sums that hold products, as their activation where the derivative
  /// follows from it, and the states. All else is computed again.
  ///
  /// - Parameters:
  ///   - roots: values that the backward pass needs, of `sized`.
  ///   - given: those that are there without a tape.
  func tape(roots: [Int], _ sized: SizedGraph, given: [Int: Location]) -> TapeContents {
    let forward = forward(isTraining: true, tape: nil).schedule
    var tape = TapeContents()
    var widths: [Int: Int] = [:]
    for (number, state) in graph.states.enumerated() {
      widths[state.next] = max(widths[state.next] ?? 0, width(ofState: number))
    }
    for state in graph.states {
      let isOutput = state.next == graph.output && graph.nodes[state.next].kind == .vector
      tape.states.append(isOutput ? nil : tape.append(state.next, width: widths[state.next] ?? 1))
    }
    var isSeen: Set<Int> = []
    var waiting = roots.reversed().map { sized.resolved($0).node }
    while let node = waiting.popLast() {
      guard isSeen.insert(node).inserted, given[node] == nil, sized.constant(node) == nil, node != graph.output,
        tape.column(of: node) == nil, !tape.holdsChild(node), sized.nodes[node].kind != .matrix
      else { continue }
      let value = sized.nodes[node]
      func keep() {
        if sized.isChilds(node) {
          tape.appendChild(node, width: sized.rows[node])
        } else {
          _ = tape.append(node, width: sized.rows[node])
        }
      }
      if node < graph.nodes.count {
        // What children hand up is not computed again: it would be, from all of them.
        if forward.accumulators[node] != nil || sized.isReduction(node) {
          keep()
          continue
        }
        if case .unary(let function, _) = value.operation, function.isDerivedFromResult,
          case let sum = sized.resolved(value.operands[0]).node, forward.accumulators[sum] != nil,
          forward.uses[sum] == 1, sized.isChilds(sum) == sized.isChilds(node)
        {
          keep()
          continue
        }
      }
      waiting += value.operands.reversed().map { sized.resolved($0).node }
    }
    return tape
  }
}
