// A fused cell with an output equation of its own: y is made of h' and c' by parameters that nothing else reads, such as
//
//     like lstm
//     y = V @ h' + d
//
// The kernels of the fused cell run the states, and a program that has h' and c' as inputs makes y of them, for all steps
// at once.

struct CellHead: Sendable {
  let core: FusedCell
  /// Without states; behind x its inputs are h' and, if ``readsC``, c'. The nodes of the whole cell, with their numbers.
  let cell: Cell
  /// The parameters that the output equation reads.
  let parameters: Set<Int>
  let readsC: Bool

  /// nil: no fused cell makes the states, or y depends on more than the states' next values.
  init?(_ graph: CellGraph, sizes: CellSizes, bytes: [UInt8]) throws(CellError) {
    let next = Set(graph.states.map(\.next))
    guard !graph.states.isEmpty, graph.states.count <= 2, let read = Self.parametersOfOutput(graph, from: next)
    else { return nil }
    var found: FusedCell?
    for h in graph.states.indices where found == nil { found = FusedCell(graph, h: h, without: read.parameters) }
    guard let core = found else { return nil }
    let c = core.c.map { graph.states[$0].next }
    (self.core, parameters) = (core, read.parameters)
    readsC = c.map(read.states.contains) ?? false
    var inputs = [("h'", graph.states[core.h].next)]
    if readsC, let c { inputs.append(("c'", c)) }
    cell = try Cell(giving: inputs, in: graph, states: [], sizes: sizes, bytes: bytes)
  }

  /// What the output is made of; nil: of more than parameters and the states' next values.
  private static func parametersOfOutput(
    _ graph: CellGraph, from next: Set<Int>
  ) -> (parameters: Set<Int>, states: Set<Int>)? {
    var (parameters, states, seen): (Set<Int>, Set<Int>, Set<Int>) = ([], [], [])
    var waiting = [graph.output]
    while let node = waiting.popLast() {
      guard seen.insert(node).inserted else { continue }
      if next.contains(node) {
        states.insert(node)
        continue
      }
      switch graph.nodes[node].operation {
      case .parameter:
        guard let number = graph.parameters.firstIndex(where: { $0.node == node }) else { return nil }
        parameters.insert(number)
      case .constant, .sum, .multiply, .divide, .minimum, .maximum, .negate, .unary, .vector, .select, .cut, .product,
        .blocks:
        break
      // Masks and statistics belong to the whole cell's step; the others are no values of this step's states.
      case .input, .state, .childState, .sumChildren, .batchNorm, .dropout, .zoneout, .dropConnect, .outputGradient,
        .nextGradient, .overRows, .transposedProduct, .placed, .unaryGradient, .minimumGradient, .maximumGradient,
        .vectorGradient, .zoneoutGradient, .batchNormGradient:
        return nil
      }
      waiting += graph.nodes[node].operands
    }
    return states.isEmpty ? nil : (parameters, states)
  }
}
