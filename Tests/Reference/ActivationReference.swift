#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The functions of the language for one Double, and their derivatives, as their definitions say: nothing of the
/// library's arithmetic.
public enum ActivationReference {
  public static func value(_ name: String, _ x: Double, _ k: [Double]) -> Double {
    switch name {
    case "sigmoid": 1 / (1 + exp(-x))
    case "tanh": tanh(x)
    case "relu": max(x, 0)
    // Klambauer 2017
    case "selu": 1.0507009873554804934193349852946 * (x > 0 ? x : 1.6732632423543772848170429916717 * expm1(x))
    // Hendrycks, Gimpel 2016
    case "gelu": x / 2 * erfc(-x / 2.squareRoot())
    case "silu": x / (1 + exp(-x))
    case "softplus": max(x, 0) + log1p(exp(-abs(x)))
    case "softsign": x / (1 + abs(x))
    case "exp": exp(x)
    case "log": log(x)
    case "log_sigmoid": min(x, 0) - log1p(exp(-abs(x)))
    case "sqrt": x.squareRoot()
    case "abs": abs(x)
    case "sign": x > 0 ? 1 : x < 0 ? -1 : 0
    case "leaky_relu": x > 0 ? x : k[0] * x
    case "elu": x > 0 ? x : k[0] * expm1(x)
    case "hard_sigmoid": min(max(k[0] * x + k[1], 0), 1)
    case "hard_tanh", "clip": min(max(x, k[0]), k[1])
    case "thresholded_relu": x >= k[0] ? x : 0
    case "scaled_tanh": k[0] * tanh(k[1] * x)
    case "affine": k[0] * x + k[1]
    default: .nan
    }
  }

  /// At kinks torch's.
  public static func derivative(_ name: String, _ x: Double, _ k: [Double]) -> Double {
    let s = 1 / (1 + exp(-x))
    switch name {
    case "sigmoid": return s * (1 - s)
    case "tanh": return 1 - tanh(x) * tanh(x)
    case "relu": return x > 0 ? 1 : 0
    case "selu": return 1.0507009873554804934193349852946 * (x > 0 ? 1 : 1.6732632423543772848170429916717 * exp(x))
    case "gelu": return erfc(-x / 2.squareRoot()) / 2 + x * exp(-x * x / 2) / (2 * Double.pi).squareRoot()
    case "silu": return s * (1 + x * (1 - s))
    case "softplus": return s
    case "softsign": return 1 / ((1 + abs(x)) * (1 + abs(x)))
    case "exp": return exp(x)
    case "log": return 1 / x
    case "log_sigmoid": return 1 - s
    case "sqrt": return 0.5 / x.squareRoot()
    case "abs": return x > 0 ? 1 : x < 0 ? -1 : 0
    case "sign": return 0
    case "leaky_relu": return x > 0 ? 1 : k[0]
    case "elu": return x > 0 ? 1 : k[0] * exp(x)
    case "hard_sigmoid": return k[0] * x + k[1] > 0 && k[0] * x + k[1] < 1 ? k[0] : 0
    case "hard_tanh": return x > k[0] && x < k[1] ? 1 : 0
    case "clip": return x >= k[0] && x <= k[1] ? 1 : 0
    case "thresholded_relu": return x >= k[0] ? 1 : 0
    case "scaled_tanh": return k[0] * k[1] * (1 - tanh(k[1] * x) * tanh(k[1] * x))
    case "affine": return k[0]
    default: return .nan
    }
  }

  public static func layerNorm(_ x: [Double]) -> [Double] {
    let mean = x.reduce(0, +) / Double(x.count)
    let variance = x.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(x.count)
    return x.map { ($0 - mean) / (variance + 1e-5).squareRoot() }
  }

  public static func rmsNorm(_ x: [Double]) -> [Double] {
    let square = x.reduce(0) { $0 + $1 * $1 } / Double(x.count)
    return x.map { $0 / (square + 1e-5).squareRoot() }
  }

  public static func softmax(_ x: [Double]) -> [Double] {
    let largest = x.max() ?? 0
    let powers = x.map { exp($0 - largest) }
    return powers.map { $0 / powers.reduce(0, +) }
  }
}
