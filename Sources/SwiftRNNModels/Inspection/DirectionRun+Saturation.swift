// Shares of activations at the ends of their range: the sums of the gates again, from the input and the states of all
// steps, by two linear layers.
import SwiftRNN

extension DirectionRun {
  /// log(0.95 / 0.05): where a sigmoid is 0.95.
  private static var sigmoidBound: Double { 2.9444389791664403 }
  /// artanh(0.95)
  private static var tanhBound: Double { 1.8317808230648232 }

  /// Shares of numbers below and above a bound, over the steps that there are.
  private func share(
    _ name: String, _ rows: UnsafeBufferPointer<Scalar>, width: Int, columns: Range<Int>, low: Double, high: Double,
    countsEqual: Bool = false
  ) -> ModelInspection.Saturation {
    var (below, above, count) = (0, 0, 0)
    for row in 0..<shape.rows where row / shape.sequences < length(row % shape.sequences) {
      for column in columns {
        let value = Double(rows[row * width + column])
        if value < low || (countsEqual && value == low) { below += 1 }
        if value > high { above += 1 }
      }
      count += columns.count
    }
    let all = Double(max(count, 1))
    return ModelInspection.Saturation(name: name, low: Double(below) / all, high: Double(above) / all)
  }

  func saturations() throws(RNNError) -> [ModelInspection.Saturation] {
    let hidden = network.configuration.hiddenSize
    let kind = network.configuration.cell
    let after = try outputs()
    func outputShare(_ name: String, low: Double, high: Double, countsEqual: Bool = false) -> [ModelInspection
      .Saturation]
    {
      let width = network.configuration.outputSize
      return [
        share(name, after.constant, width: width, columns: 0..<width, low: low, high: high, countsEqual: countsEqual)
      ]
    }
    switch kind {
    case .rnnTanh: return outputShare("h", low: -0.95, high: 0.95)
    case .rnnRelu: return outputShare("h", low: 0, high: .infinity, countsEqual: true)
    case .equations: return outputShare("y", low: -0.95, high: 0.95)
    case .lstm, .gru, .gruResetBefore: break
    }
    let memory = (Buffer<Scalar>(), Buffer<Scalar>())
    defer { withExtendedLifetime(memory) {} }
    let gates = kind.gates * hidden
    let fromX = try memory.0.take(Sizes.product(shape.rows, gates, name: "the gates"))
    let fromH = try memory.1.take(Sizes.product(shape.rows, gates, name: "the gates"))
    let h = try states(0).part(0..<shape.rows * hidden)
    try linear(inputs().constant, 0, outputs: gates, into: fromX)
    try linear(h.constant, 1, outputs: gates, into: fromH)
    func gate(_ name: String, _ number: Int, _ bound: Double) -> ModelInspection.Saturation {
      share(
        name, fromX.constant, width: gates, columns: number * hidden..<(number + 1) * hidden, low: -bound, high: bound)
    }
    if kind == .lstm {
      for i in fromX.indices { fromX[i] += fromH[i] }
      let c = try states(1)
      let cells = c.part(shape.sequences * hidden..<c.count)
      return [
        gate("i", 0, Self.sigmoidBound), gate("f", 1, Self.sigmoidBound), gate("g", 2, Self.tanhBound),
        gate("o", 3, Self.sigmoidBound),
        share(
          "tanh(c)", cells.constant, width: hidden, columns: 0..<hidden, low: -Self.tanhBound, high: Self.tanhBound),
      ]
    }
    try addRecurrent(fromX, fromH, h, resetsBefore: kind == .gruResetBefore)
    return [gate("r", 0, Self.sigmoidBound), gate("z", 1, Self.sigmoidBound), gate("n", 2, Self.tanhBound)]
  }

  /// Part of a GRU's gates that comes from h, the reset gate applied where the cell does.
  private func addRecurrent(
    _ sums: UnsafeMutableBufferPointer<Scalar>, _ fromH: UnsafeMutableBufferPointer<Scalar>,
    _ h: UnsafeMutableBufferPointer<Scalar>, resetsBefore: Bool
  ) throws(RNNError) {
    let hidden = network.configuration.hiddenSize
    let memory = (Buffer<Scalar>(), Buffer<Scalar>())
    defer { withExtendedLifetime(memory) {} }
    // sigmoid(s) = (1 + tanh(s / 2)) / 2
    let reset = try memory.0.take(shape.rows * hidden)
    for row in 0..<shape.rows {
      for i in 0..<3 * hidden {
        let at = row * 3 * hidden + i
        if i < 2 * hidden { sums[at] += fromH[at] }
        if i < hidden { reset[row * hidden + i] = sums[at] / 2 }
      }
    }
    try Activation.tanh(reset)
    for i in reset.indices { reset[i] = (reset[i] + 1) / 2 }
    var recurrent = fromH
    if resetsBefore {
      let scaled = try memory.1.take(shape.rows * hidden)
      for i in scaled.indices { scaled[i] = reset[i] * h[i] }
      try linear(scaled.constant, 1, outputs: 3 * hidden, into: fromH)
      reset.update(repeating: 1)
      recurrent = fromH
    }
    for row in 0..<shape.rows {
      for i in 0..<hidden {
        let at = row * 3 * hidden + 2 * hidden + i
        sums[at] += reset[row * hidden + i] * recurrent[at]
      }
    }
  }

  /// Multiplies by `weight_ih` and `bias_ih`, or by `weight_hh` and `bias_hh`, which come in this order.
  private func linear(
    _ x: UnsafeBufferPointer<Scalar>, _ number: Int, outputs: Int, into y: UnsafeMutableBufferPointer<Scalar>
  ) throws(RNNError) {
    let inputs = number == 0 ? network.configuration.inputSize : network.configuration.hiddenSize
    func values(_ index: Int, _ count: Int) -> UnsafeBufferPointer<Scalar>? {
      guard parameters.indices.contains(index), let start = parameters[index] else { return nil }
      return UnsafeBufferPointer(start: UnsafePointer(start.assumingMemoryBound(to: Scalar.self)), count: count)
    }
    guard let weight = values(number, outputs * inputs) else { throw .mismatch("the network has no such parameter") }
    try Linear.forward(
      rows: shape.rows, inputs: inputs, outputs: outputs, x: x, weight: weight, bias: values(2 + number, outputs), y: y)
  }
}
