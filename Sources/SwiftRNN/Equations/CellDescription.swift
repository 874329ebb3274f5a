// What the compiler made of a network of equations, in words: what is computed when, and what it costs.
import Kernels

extension Network {
  /// The plan of a network of equations: its parameters, states and inputs, and section by section the products with
  /// their shapes and how many numbers the vector instructions make, for each kind of layer; what the tape holds of a
  /// step. Of other networks: its parameters.
  public func describe() -> String {
    var lines: [String] = []
    guard let equations else {
      for index in 0..<layout.count {
        let info = layout.info(index)
        lines.append("parameter \(info.name) \(info.shape)")
      }
      return lines.joined(separator: "\n") + "\n"
    }
    let kinds = equations.first === equations.others ? [equations.first] : [equations.first, equations.others]
    for (number, layer) in kinds.enumerated() {
      if kinds.count > 1 { lines.append(number == 0 ? "first layer" : "other layers") }
      lines += layer.description
    }
    return lines.joined(separator: "\n") + "\n"
  }
}

extension EquationsLayer {
  fileprivate var description: [String] {
    var lines: [String] = []
    for (number, parameter) in layer.graph.parameters.enumerated() {
      let shape = layer.shape(ofParameter: number)
      let text = parameter.kind == .matrix ? "[\(shape.rows), \(shape.columns)]" : "[\(shape.rows)]"
      lines.append("parameter \(parameter.name) \(text)")
    }
    for (number, input) in layer.graph.inputs.enumerated() {
      lines.append("input \(input.name) [\(inputWidths(number))]")
    }
    for (state, place) in zip(layer.graph.states, states) {
      lines.append("state \(state.name) [\(place.width)]" + (state.initial == 0 ? "" : " from \(state.initial)"))
    }
    lines.append("output [\(outputWidth)]")
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
      lines.append("  \(name)")
      for stage in section.stages {
        for group in stage.groups {
          let units = group.members.reduce(0) { $0 + $1.units }
          let depths = group.segments.map { "\($0.depth)" }.joined(separator: " + ")
          lines.append("    product [\(units), \(depths)]")
        }
        if stage.instructions.isEmpty { continue }
        let numbers = stage.instructions.reduce(0) { $0 + Int($1.width) }
        let masks = stage.masks.isEmpty ? "" : ", \(stage.masks.count) masks"
        lines.append("    \(stage.instructions.count) vector instructions of \(numbers) numbers\(masks)")
      }
    }
    return lines
  }
}
