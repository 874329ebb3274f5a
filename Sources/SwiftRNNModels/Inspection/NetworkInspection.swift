// A network of a model, layer by layer and step by step, behind a pass for training: where the gradients of single steps
// come from.
import SwiftRNN

/// Goes through the layers of a network again as networks of one layer and one direction. Single steps of the whole
/// network would not do: the second layer of both directions reads whole sequences of the first.
struct NetworkInspection<Scalar: RNNScalar> {
  private let part: NetworkPart<Scalar>
  private let recurrent: ModelConfiguration.Recurrent
  private let name: String
  /// One layer and direction each: the first layer, and the others.
  private let networks: [Network<Scalar>]

  /// - Throws: `RNNError/unsupported(_:)`: a pass for training is another than one for inference.
  init(_ part: NetworkPart<Scalar>, _ recurrent: ModelConfiguration.Recurrent, name: String) throws(RNNError) {
    (self.part, self.recurrent, self.name) = (part, recurrent, name)
    var single = recurrent
    (single.layers, single.bidirectional) = (1, false)
    let c = part.network.configuration
    var networks: [Network<Scalar>] = []
    for layer in 0..<c.layers {
      if layer > 1 {
        networks.append(networks[1])
        continue
      }
      networks.append(
        try recurrent.cell.network(inputSize: layer == 0 ? c.inputSize : c.outputSize, single, dropout: 0))
    }
    self.networks = networks
    guard let first = networks.first, !first.drawsMasks, !first.usesBatchStatistics else {
      throw .unsupported("the cell draws masks or uses the batch's statistics in training: no look inside")
    }
  }

  /// The last passes of the part, looked into.
  func layers() throws(RNNError) -> [ModelInspection.Layer] {
    guard let (forward, shape) = part.last, let gradients = part.lastGradients else {
      throw .mismatch("a look inside follows a forward and a backward pass")
    }
    let c = part.network.configuration
    let width = c.outputSize
    // Forward: the outputs of each layer, and the states of each direction.
    let outputs = networks.map { _ in Buffer<Scalar>() }
    let memory = (Buffer<Scalar>(), Buffer<Scalar>())
    // Pointers to both are read below, after the last use of the objects.
    defer { withExtendedLifetime((outputs, memory)) {} }
    var runs: [[DirectionRun<Scalar>]] = []
    var x = forward.x
    for (layer, network) in networks.enumerated() {
      let y = try outputs[layer].take(Sizes.product(shape.rows, width, name: "y"))
      y.update(repeating: 0)
      var own: [DirectionRun<Scalar>] = []
      for direction in 0..<c.directions {
        let run = try DirectionRun(
          network, parameters(layer, direction), shape, isReverse: direction == 1,
          index: layer * c.directions + direction
        )
        try run.forward(x, initial: forward.initial, into: y, column: direction * c.stateWidth)
        own.append(run)
      }
      runs.append(own)
      x = UnsafePointer(y.baseAddress)
    }
    // Backward.
    let dx = try memory.0.take(Sizes.product(shape.rows, max(width, c.inputSize), name: "dx"))
    let dy = try memory.1.take(Sizes.product(shape.rows, width, name: "dy"))
    dy.update(repeating: 0)
    if let from = gradients.dy { dy.baseAddress?.update(from: from, count: dy.count) }
    var found: [ModelInspection.Layer] = []
    for layer in networks.indices.reversed() {
      let own = dx.part(0..<shape.rows * networks[layer].configuration.inputSize)
      own.update(repeating: 0)
      for direction in (0..<c.directions).reversed() {
        let run = runs[layer][direction]
        var inspected = ModelInspection.Layer(network: name, layer: layer, direction: direction)
        inspected.gradients = try run.backward(
          dy.constant, column: direction * c.stateWidth, final: gradients.final, into: own)
        inspected.radii = try radii(networks[layer], layer, direction)
        inspected.saturations = try run.saturations()
        found.append(inspected)
      }
      if layer > 0 { _ = dy.update(fromContentsOf: own) }
    }
    return found.reversed()
  }

  /// The tensors of one direction of a layer, in the order of the network.
  private func numbers(_ layer: Int, _ direction: Int) throws(RNNError) -> [Int] {
    var numbers: [Int] = []
    for number in 0..<part.network.parameterCount {
      let info = try part.network.parameter(number)
      if info.layer == layer, info.direction == direction { numbers.append(number) }
    }
    guard numbers.count == networks[layer].parameterCount else {
      throw .unsupported("the network's layers have parameters in common: no look inside")
    }
    return numbers
  }

  private func parameters(_ layer: Int, _ direction: Int) throws(RNNError) -> [UnsafeMutableRawPointer?] {
    try numbers(layer, direction).map { part.parameters[$0] }
  }

  private func radii(
    _ network: Network<Scalar>, _ layer: Int, _ direction: Int
  ) throws(RNNError) -> [ModelInspection.Radius] {
    let numbers = try numbers(layer, direction)
    let gates: [String] =
      switch network.configuration.cell {
      case .lstm: ["i", "f", "g", "o"]
      case .gru, .gruResetBefore: ["r", "z", "n"]
      default: []
      }
    let blocks = network.recurrentBlocks
    var radii: [ModelInspection.Radius] = []
    for block in blocks {
      guard let start = part.parameters[numbers[block.parameter]] else { continue }
      let values = UnsafeBufferPointer(
        start: UnsafePointer(start.assumingMemoryBound(to: Scalar.self)) + block.row * block.size,
        count: block.size * block.size)
      let number = block.row / block.size
      let isOne = blocks.filter { $0.parameter == block.parameter }.count == 1
      radii.append(
        ModelInspection.Radius(
          parameter: "\(name).\(try part.network.parameter(numbers[block.parameter]).name)",
          gate: number < gates.count ? gates[number] : isOne ? "" : "\(number)",
          value: try SpectralRadius.of(values, size: block.size)))
    }
    return radii
  }
}
