// When each value of a cell is computed: once for a call, for all steps before the loop over time, in its turn within a
// step, or for all steps behind the loop.

struct CellPhases: Sendable {
  enum Phase: Equatable, Sendable {
    /// From parameters only: once for a call.
    case parameters
    /// From inputs and parameters: before the loop, for all steps at once.
    case before
    /// In the loop.
    case step
    /// From states, and leading to none: behind the loop, for all steps at once.
    case after
  }

  /// Of each node.
  let phases: [Phase]
  /// Of each node: how many products of the loop stand one after the other on the longest way to it, its own among
  /// them.
  let depths: [Int]
  /// Of each node: in a tree it is another for each child, as a state and all that is made of it.
  let isOfChild: [Bool]

  /// Stages of a step: products that have to wait for each other.
  var stages: Int { depths.max() ?? 0 }

  init(_ graph: CellGraph) {
    let nodes = graph.nodes
    var (fromState, fromInput) = (
      Array(repeating: false, count: nodes.count), Array(repeating: false, count: nodes.count)
    )
    for (number, node) in nodes.enumerated() {
      switch node.operation {
      case .state, .childState, .sumChildren: fromState[number] = true
      // A mask is another one for each step and sequence, whatever it is laid on.
      case .input, .dropout, .zoneout: fromInput[number] = true
      default: break
      }
      for operand in node.operands {
        if fromState[operand] { fromState[number] = true }
        if fromInput[operand] { fromInput[number] = true }
      }
    }
    // Operands stand before what is made of them.
    var reaches = Array(repeating: false, count: nodes.count)
    for state in graph.states { reaches[state.next] = true }
    for (number, node) in nodes.enumerated().reversed() where reaches[number] {
      for operand in node.operands { reaches[operand] = true }
    }
    var phases: [Phase] = []
    var depths: [Int] = []
    for (number, node) in nodes.enumerated() {
      phases.append(
        fromState[number] ? (reaches[number] ? .step : .after) : fromInput[number] ? .before : .parameters)
      let before = node.operands.map { depths[$0] }.max() ?? 0
      depths.append(before + (node.operation == .product && phases[number] == .step ? 1 : 0))
    }
    var isOfChild: [Bool] = []
    for node in nodes {
      switch node.operation {
      case .state: isOfChild.append(true)
      case .sumChildren, .childState: isOfChild.append(false)
      default: isOfChild.append(node.operands.contains { isOfChild[$0] })
      }
    }
    (self.phases, self.depths, self.isOfChild) = (phases, depths, isOfChild)
  }
}
