// The functions of the language: what each takes, and what it is.

/// A function of one vector, number by number.
enum UnaryFunction: String, CaseIterable, Hashable, Sendable {
  case sigmoid, tanh, relu, selu, gelu, silu, softplus, softsign, exp, log, sqrt, abs, sign, elu, affine, clip
  case logSigmoid = "log_sigmoid"
  case leakyRelu = "leaky_relu"
  case hardSigmoid = "hard_sigmoid"
  case hardTanh = "hard_tanh"
  case thresholdedRelu = "thresholded_relu"
  case scaledTanh = "scaled_tanh"

  /// The numbers that may stand behind the vector, with their defaults; nil: must be given.
  var constants: [(name: String, byDefault: Double?)] {
    switch self {
    case .leakyRelu: [("slope", 0.01)]
    case .elu: [("alpha", 1)]
    case .hardSigmoid: [("slope", 0.2), ("offset", 0.5)]
    case .hardTanh: [("low", -1), ("high", 1)]
    case .thresholdedRelu: [("threshold", 1)]
    case .scaledTanh: [("scale", 1), ("slope", 1)]
    case .affine: [("slope", 1), ("offset", 0)]
    case .clip: [("low", nil), ("high", nil)]
    default: []
    }
  }
}

/// A function of a whole vector.
enum VectorFunction: String, CaseIterable, Hashable, Sendable {
  case softmax, sum, mean
  case layerNorm = "layer_norm"
  case rmsNorm = "rms_norm"

  /// Whether it gives one number.
  var isReduction: Bool { self == .sum || self == .mean }
}

/// Everything else that is written as a call.
enum SpecialFunction: String, CaseIterable, Sendable {
  case min, max, `where`, scalar, dropout, zoneout, blocks
  case batchNorm = "batch_norm"
  case dropConnect = "drop_connect"
  case sumChildren = "sum_children"
}

/// A function by its name.
enum CellFunction {
  case unary(UnaryFunction)
  case vector(VectorFunction)
  case special(SpecialFunction)

  /// nil: there is none of that name.
  init?(_ name: String) {
    guard let known = Self.all[name] else { return nil }
    self = known
  }

  /// Looked up, because each name would be compared with all of them.
  private static let all: [String: CellFunction] = {
    var all: [String: CellFunction] = [:]
    for function in UnaryFunction.allCases { all[function.rawValue] = .unary(function) }
    for function in VectorFunction.allCases { all[function.rawValue] = .vector(function) }
    for function in SpecialFunction.allCases { all[function.rawValue] = .special(function) }
    return all
  }()

  /// For suggestions.
  static var names: [String] {
    UnaryFunction.allCases.map(\.rawValue) + VectorFunction.allCases.map(\.rawValue)
      + SpecialFunction.allCases.map(\.rawValue)
  }

  static func unknown(_ name: String, _ place: CellPlace) -> CellError {
    place.error("there is no function \"\(name)\"\(Suggestion.text(for: name, among: names))")
  }
}
