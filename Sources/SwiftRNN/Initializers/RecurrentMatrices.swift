// Which parameters carry a state from step to step: what a look at vanishing and exploding gradients asks for.

extension Network {
  /// The state whose new value a step gives out, by its number in ``states``; nil: the output is something else, such as
  /// `V @ h' + d`.
  public var outputState: Int? {
    if let stack { return stack.block(0, 0).network.outputState }
    guard let equations else { return 0 }
    return equations.first.outputState
  }

  /// The square matrices that multiply a state of the step before, in the first direction of the first layer: of the LSTM
  /// the four blocks of `weight_hh`. Other layers and directions have the same blocks of the same parameters.
  ///
  /// - Returns: the parameter's number, the first row and the number of rows of each; what is not square for each gate, as
  ///   of an LSTM with projection, is left out.
  public var recurrentBlocks: [(parameter: Int, row: Int, size: Int)] {
    let network = stack?.block(0, 0).network ?? self
    var blocks: [(parameter: Int, row: Int, size: Int)] = []
    for (number, known) in InitializerPlan.roles(network, layer: 0).parameters.enumerated() {
      guard known.role == .recurrent else { continue }
      let info = network.layout.info(number)
      guard info.rank == 2, info.columns > 0, known.blockRows == info.columns, info.rows % info.columns == 0 else {
        continue
      }
      for row in stride(from: 0, to: info.rows, by: info.columns) { blocks.append((number, row, info.columns)) }
    }
    return blocks
  }
}

extension Network {
  /// Whether passes for training use statistics of the batch, by `batch_norm`, and passes for inference parameters.
  public var usesBatchStatistics: Bool { stack?.blocks.contains { !$0.statistics.isEmpty } ?? false }
}
