// What the compiler made of a network of equations, in words: what is computed when, and what it costs.
import Kernels

extension Network {
  /// The plan of a network of equations: its parameters, states and inputs, and section by section the products with
  /// their shapes and how many numbers the vector instructions make, for each kind of layer; what the tape holds of a
  /// step; where the kernels of a fused cell run it, that. Of other networks: its parameters.
  public func describe() -> String {
    var lines: [String] = []
    if let stack { return stack.description }
    guard let equations else {
      for index in 0..<layout.count {
        let info = layout.info(index)
        lines.append("parameter \(info.name) \(info.shape)")
      }
      return lines.joined(separator: "\n") + "\n"
    }
    if interpreter == nil {
      lines.append("run over sequences by the kernels of the \(executed.cell.name); as equations it would be:")
    }
    let kinds = equations.first === equations.others ? [equations.first] : [equations.first, equations.others]
    for (number, layer) in kinds.enumerated() {
      if kinds.count > 1 { lines.append(number == 0 ? "first layer" : "other layers") }
      lines += layer.description
    }
    return lines.joined(separator: "\n") + "\n"
  }
}

extension CellKind {
  fileprivate var name: String {
    switch self {
    case .rnnTanh: "RNN with tanh"
    case .rnnRelu: "RNN with relu"
    case .lstm: "LSTM"
    case .gru: "GRU with reset after the product"
    case .gruResetBefore: "GRU with reset before the product"
    case .equations: "equations"
    }
  }
}

extension Stack {
  /// Each layer's plan; of layers that share one network once.
  fileprivate var description: String {
    var text = ""
    for block in blocks {
      let flow = flows == 2 ? block.flow == 0 ? ", forward" : ", reverse" : ""
      let chains = block.dilation > 1 ? ", states of \(block.dilation) steps back" : ""
      text += "layer \(block.layer)\(flow): \(block.inputWidth) to \(block.mergedWidth)\(chains)\n"
      let first = blocks.first { $0.network === block.network }
      if first?.layer != block.layer || first?.flow != block.flow { continue }
      if let head = block.head {
        text += head.core.describe() + "behind all steps, the output:\n" + head.network.describe()
        continue
      }
      text += block.network.describe()
      if block.statistics.isEmpty { continue }
      text += "in training, with batch_norm by the batch's statistics\n" + block.training.describe()
      for statistic in block.statistics {
        text += "what is normalised, over all steps before it and behind it\n" + statistic.network.describe()
      }
    }
    return text
  }
}

extension EquationsLayer {
  fileprivate var description: [String] {
    var lines = describeNames(
      layer, (0..<inputCount).map { inputWidths($0) }, states.map { ($0.width, Double($0.initial)) },
      output: outputWidth)
    lines.append("forward")
    lines += describe(training, ["parameters, once", "inputs, a block of steps", "step"])
    lines.append("tape: \(tapeWidth) numbers of a step and sequence, beside the output")
    lines.append("backward")
    lines += describe(backward, ["parameters, once", "step", "behind the steps", "sums over all rows, once"])
    lines.append("gradients of weights: \(backwardPlan.matrices.count) products, \(backwardPlan.sumCount) sums of rows")
    return lines
  }

  private func describe(_ program: CellProgram<Scalar>, _ names: [String]) -> [String] {
    var lines: [String] = []
    for (section, name) in zip(program.sections, names) where !section.stages.isEmpty {
      lines.append("  " + name)
      for stage in section.stages {
        lines += describeStage(
          stage.groups, stage.instructions.count, stage.instructions.reduce(0) { $0 + Int($1.width) },
          masks: stage.masks.count)
      }
    }
    return lines
  }
}

private func describeStage(_ groups: [ProductGroup], _ instructions: Int, _ numbers: Int, masks: Int) -> [String] {
  var lines = groups.map { group in
    let units = group.members.reduce(0) { $0 + $1.units }
    return "    product [\(units), \(group.segments.map { "\($0.depth)" }.joined(separator: " + "))]"
  }
  if instructions > 0 {
    lines.append(
      "    \(instructions) vector instructions of \(numbers) numbers" + (masks == 0 ? "" : ", \(masks) masks"))
  }
  return lines
}

/// A layer's parameters, inputs and states.
private func describeNames(
  _ layer: CellInLayer, _ inputs: [Int], _ states: [(width: Int, initial: Double)], output: Int
) -> [String] {
  var lines: [String] = []
  for (number, parameter) in layer.graph.parameters.enumerated() {
    let shape = layer.shape(ofParameter: number)
    lines.append(
      "parameter \(parameter.name) "
        + (parameter.kind == .matrix ? "[\(shape.rows), \(shape.columns)]" : "[\(shape.rows)]"))
  }
  for (input, width) in zip(layer.graph.inputs, inputs) { lines.append("input \(input.name) [\(width)]") }
  for (state, place) in zip(layer.graph.states, states) {
    lines.append("state \(state.name) [\(place.width)]" + (place.initial == 0 ? "" : " from \(place.initial)"))
  }
  return lines + ["output [\(output)]"]
}
