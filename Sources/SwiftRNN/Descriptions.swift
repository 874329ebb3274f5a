// Descriptions, as `print` shows them, of networks, their parts, and their results.

extension NetworkConfiguration: CustomStringConvertible {
  /// `LSTM(3 -> 8, 2 layers, bidirectional)`: I, H, and what differs from a new configuration.
  public var description: String { described() }

  /// - Parameter more: what stands behind the configuration's own.
  func described(hidden: String? = nil, _ more: [String] = []) -> String {
    var parts = ["\(inputSize) -> \(hidden ?? "\(hiddenSize)")"]
    if projectionSize > 0 { parts[0] += " -> \(projectionSize)" }
    if cell == .equations && equationsWidth > 0 && equationsWidth != hiddenSize && hidden == nil {
      parts[0] += ", output \(equationsWidth)"
    }
    if layers != 1 { parts.append("\(layers) layers") }
    if bidirectional { parts.append("bidirectional") }
    if cell == .rnnRelu { parts.append("relu") }
    if cell == .gruResetBefore { parts.append("reset before") }
    if !bias { parts.append("no bias") }
    if dropout > 0 { parts.append("dropout \(dropout)") }
    if threads > 0 { parts.append("\(threads) \(threads == 1 ? "thread" : "threads")") }
    let name =
      switch cell {
      case .rnnTanh, .rnnRelu: "RNN"
      case .lstm: "LSTM"
      case .gru, .gruResetBefore: "GRU"
      case .equations: "Equations"
      }
    return "\(name)(\((parts + more).joined(separator: ", ")))"
  }
}

extension LayerOptions: CustomStringConvertible {
  /// `LayerOptions(residual, merge sum, dilations [1, 2, 4])`: what differs from new options.
  public var description: String {
    let sizes = hiddenSizes.isEmpty ? [] : ["hidden sizes \(hiddenSizes)"]
    return "LayerOptions(\((sizes + parts).joined(separator: ", ")))"
  }

  /// All but the sizes.
  var parts: [String] {
    var parts: [String] = []
    if skip != .none { parts.append("\(skip)") }
    if merge != .concatenate { parts.append("merge \(merge)") }
    if independentDirections { parts.append("independent directions") }
    if !dilations.isEmpty { parts.append("dilations \(dilations)") }
    if learnedInitialStates { parts.append("learned initial states") }
    if gaps != .none { parts.append("gaps \(gaps)") }
    return parts
  }
}

extension Network: CustomStringConvertible {
  /// `LSTM(3 -> 8, 2 layers, bidirectional, Float)`. Of a cell of equations ``describe()`` tells more.
  public var description: String {
    let options = stack?.options ?? LayerOptions()
    return configuration.described(
      hidden: options.hiddenSizes.isEmpty ? nil : "\(options.hiddenSizes)", options.parts + ["\(Scalar.self)"])
  }
}

extension NetworkParameters: CustomStringConvertible {
  /// How many numbers there are, and a line for each tensor with its name and shape.
  public var description: String {
    let lines = infos.map { "  \($0.name) \($0.shape)" }
    return (["\(flat.count) parameters, \(Scalar.self)"] + lines).joined(separator: "\n")
  }
}

extension PackedWeights: CustomStringConvertible {
  public var description: String { "PackedWeights(\(network))" }
}

extension Tape: CustomStringConvertible {
  public var description: String {
    "Tape(\(network), \(batch.steps) steps, \(batch.sequences) sequences, seed \(seed), \(memory.count) bytes)"
  }
}

extension ForestPassTape: CustomStringConvertible {
  public var description: String { "ForestPassTape(\(network), \(forest), seed \(seed), \(memory.count) bytes)" }
}

extension Network.State: CustomStringConvertible {
  /// `State([1, 2, 8], [1, 2, 8])`: the shape of each state.
  public var description: String { "State(\(tensors.map { "\($0.shape)" }.joined(separator: ", ")))" }
}

extension Tape.Gradients: CustomStringConvertible {
  /// Shapes; the numbers are in the properties.
  public var description: String {
    let others = inputs.isEmpty ? "" : ", inputs \(inputs.map(\.shape))"
    return "Gradients(x \(x.shape), \(state)\(others), \(parameters.flat.count) parameters, \(Scalar.self))"
  }
}

extension ForestPassTape.Gradients: CustomStringConvertible {
  public var description: String {
    let others = inputs.isEmpty ? "" : ", inputs \(inputs.map(\.shape))"
    return "Gradients(x \(x.shape)\(others), \(parameters.flat.count) parameters, \(Scalar.self))"
  }
}

extension Stream: CustomStringConvertible {
  public var description: String { "Stream(\(network), \(sequences) \(sequences == 1 ? "sequence" : "sequences"))" }
}

extension Forest: CustomStringConvertible {
  public var description: String { "Forest(\(nodeCount) nodes, \(edgeCount) edges)" }
}

extension Cell: CustomStringConvertible {
  /// The text, as it was given.
  public var description: String { String(decoding: bytes, as: UTF8.self) }
}
