// What each parameter of a layer is to an initialiser.

/// Rows of a parameter, by its number among those of one direction of a layer.
struct ParameterPart: Equatable {
  var parameter: Int
  var row: Int
  var rows: Int
}

/// The biases of the gates that keep a state, and of those of what is new in it: of each gate as many as are added up.
struct GateBiases: Equatable {
  var forget: [[ParameterPart]] = []
  var input: [[ParameterPart]] = []
}

/// The parameters of one direction of a layer. Layers from the second one on have the same.
struct ParameterRoles {
  /// In the order in which one that a parameter has goes before another.
  enum Role: Int {
    /// A matrix of what states of the step before have no part in.
    case input
    /// A matrix of what the step has made of states, such as a projection.
    case other
    /// A matrix of a state of the step before, be it after gates and functions of each number.
    case recurrent
    /// A vector that is only added.
    case bias
    /// Peepholes, gains, numbers.
    case rest
  }

  /// For each parameter, its role, and the rows of the matrix of one gate.
  var parameters: [(role: Role, blockRows: Int)] = []
  /// Of each state that a gate keeps.
  var gates: [GateBiases] = []
  /// What the text says, in its order.
  var firstValues: [(part: ParameterPart, distribution: Initializer.Distribution)] = []

  /// Of the cells with kernels of their own.
  init(_ configuration: NetworkConfiguration, _ infos: [ParameterInfo]) {
    let hidden = configuration.hiddenSize
    var (forget, input): ([ParameterPart], [ParameterPart]) = ([], [])
    for (number, info) in infos.enumerated() {
      switch info.stem {
      case ParameterInfo.Kind.weightIH.stem: parameters.append((.input, hidden))
      case ParameterInfo.Kind.weightHH.stem: parameters.append((.recurrent, hidden))
      case ParameterInfo.Kind.weightHR.stem: parameters.append((.other, info.rows))
      case ParameterInfo.Kind.biasIH.stem, ParameterInfo.Kind.biasHH.stem:
        parameters.append((.bias, hidden))
        // Rows i f g o and r z n.
        forget.append(ParameterPart(parameter: number, row: hidden, rows: hidden))
        input.append(ParameterPart(parameter: number, row: 0, rows: hidden))
      default: parameters.append((.rest, info.rows))
      }
    }
    switch configuration.cell {
    case .lstm: gates = [GateBiases(forget: [forget], input: [input])]
    // The new value's weight is 1 - z.
    case .gru, .gruResetBefore: gates = [GateBiases(forget: [forget])]
    default: break
    }
  }
}
