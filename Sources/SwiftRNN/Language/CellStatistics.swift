// What `batch_norm` is laid on in a cell, as cells of their own: their outputs are what the statistics of a batch are of.

/// One call of `batch_norm`.
struct CellStatistic: Sendable {
  /// Without states; its output is the value that is normalised. The nodes of the whole cell, with their numbers.
  let cell: Cell
  /// Of the running mean and variance among the cell's parameters.
  let mean: Int
  let variance: Int
  /// Its value's number among the inputs that the cell for training has behind its own, which so hands its gradient on;
  /// nil: an earlier call has the same value, or it is an input of the cell, or there are too many.
  let input: Int?
}

extension CellStatistic {
  /// Calls of `batch_norm` in a cell, at most: each is a network of its own in every layer.
  static let most = 16

  /// The calls of `batch_norm` in a cell, each behind those that its value depends on.
  ///
  /// - Throws: one whose value depends on a state, or on parameters only.
  static func all(
    _ graph: CellGraph, _ phases: CellPhases, _ sizes: CellSizes, _ bytes: [UInt8]
  ) throws(CellError) -> [CellStatistic] {
    var found: [CellStatistic] = []
    var given: [Int] = []
    let calls = graph.nodes.filter { $0.operation == .batchNorm }
    guard calls.count <= most else {
      throw calls[most].place.error("the cell has \(calls.count) calls of batch_norm, and at most \(most) are allowed")
    }
    for node in calls {
      guard phases.phases[node.operands[0]] == .before else {
        throw node.place.error(
          phases.phases[node.operands[0]] == .parameters
            ? "batch_norm is of parameters alone, and must be of a value that depends on an input: a batch has no statistics "
              + "of it else"
            : "batch_norm is of a value that depends on a state, and must be of one that depends on inputs and parameters "
              + "only, as in batch_norm(W @ x, mean, variance)")
      }
      func parameter(_ operand: Int) -> Int { graph.parameters.firstIndex { $0.node == node.operands[operand] } ?? 0 }
      let (mean, variance) = (parameter(1), parameter(2))
      // In training others would read the batch's statistics in the place of the parameter.
      let isOwn = node.operands[1...2].allSatisfy { own in
        graph.nodes.reduce(0) { $0 + $1.operands.count { $0 == own } } == 1
      }
      guard isOwn else {
        let names = [mean, variance].map { "\"\(graph.parameters[$0].name.prefix(32))\"" }.joined(separator: " or ")
        throw node.place.error(
          "the running mean or variance of batch_norm, \(names), is read elsewhere, too: give each batch_norm two parameters "
            + "that nothing else reads")
      }
      let value = node.operands[0]
      let cell = try Cell(part: graph, output: value, sizes: sizes, bytes: bytes)
      let isGiven =
        !given.contains(value) && !graph.inputs.contains { $0.node == value }
        && graph.inputs.count + given.count < Place.mostInputs
      found.append(
        CellStatistic(
          cell: cell, mean: mean, variance: variance, input: isGiven ? given.count : nil))
      if isGiven { given.append(value) }
    }
    return found
  }
}
