// What surrounds a network in training, in plain scalar Double, from the equations.
import Kernels

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

public enum TrainingReference {
  /// `[vocabulary, width]` gathered from `dout` by identifier.
  public static func embeddingGradient(
    ids: [Int], dout: [Double], vocabulary: Int, width: Int, start: [Double]? = nil
  ) -> [Double] {
    var dweight = start ?? [Double](repeating: 0, count: vocabulary * width)
    for (k, id) in ids.enumerated() {
      for j in 0..<width { dweight[id * width + j] += dout[k * width + j] }
    }
    return dweight
  }

  public struct CrossEntropy {
    public var rowLosses: [Double] = []
    public var gradient: [Double] = []
    public var loss = 0.0
    public var count = 0
  }

  public static func crossEntropy(logits: [Double], classes: Int, targets: [Int], ignored: Int) -> CrossEntropy {
    var result = CrossEntropy()
    result.count = targets.count { $0 != ignored }
    for (row, target) in targets.enumerated() {
      let x = Array(logits[row * classes..<(row + 1) * classes])
      guard target != ignored else {
        result.rowLosses.append(0)
        result.gradient += [Double](repeating: 0, count: classes)
        continue
      }
      let largest = x.max() ?? 0
      let sum = x.reduce(0) { $0 + exp($1 - largest) }
      result.rowLosses.append(log(sum) + largest - x[target])
      result.gradient += (0..<classes).map {
        (exp(x[$0] - largest) / sum - ($0 == target ? 1 : 0)) / Double(result.count)
      }
    }
    result.loss = result.count == 0 ? 0 : result.rowLosses.reduce(0, +) / Double(result.count)
    return result
  }

  /// Row losses and gradients with every option.
  public static func weightedCrossEntropy(
    logits: [Double], classes: Int, targets: [Int], smoothing: Double, classWeights: [Double], rowWeights: [Double],
    scale: Double
  ) -> (losses: [Double], gradient: [Double]) {
    var (losses, gradient) = ([Double](), [Double]())
    for (row, target) in targets.enumerated() {
      let x = Array(logits[row * classes..<(row + 1) * classes])
      let largest = x.max() ?? 0
      let normaliser = log(x.reduce(0) { $0 + exp($1 - largest) }) + largest
      // What each class's -log p is multiplied by.
      let shares = (0..<classes).map {
        rowWeights[row] * classWeights[$0] * (smoothing / Double(classes) + ($0 == target ? 1 - smoothing : 0))
      }
      losses.append(zip(shares, x).reduce(0) { $0 + $1.0 * (normaliser - $1.1) })
      let all = shares.reduce(0, +)
      gradient += (0..<classes).map { scale * (all * exp(x[$0] - normaliser) - shares[$0]) }
    }
    return (losses, gradient)
  }

  /// The loss of one pair and its derivative.
  public static func pair(
    _ kind: ElementLossKind, _ p: Double, _ t: Double, delta: Double, positive: Double
  ) -> (loss: Double, slope: Double) {
    let d = p - t
    switch kind {
    case .binaryCrossEntropy:
      let (yes, no) = (1 / (1 + exp(-p)), 1 / (1 + exp(p)))
      return (-positive * t * log(yes) - (1 - t) * log(no), (1 - t) * yes - positive * t * no)
    case .squared: return (d * d, 2 * d)
    case .absolute: return (abs(d), d == 0 ? 0 : d > 0 ? 1 : -1)
    case .huber:
      return abs(d) <= delta ? (d * d / 2, d) : (delta * (abs(d) - delta / 2), d > 0 ? delta : -delta)
    }
  }

  /// One element's step of RMSprop.
  public static func rmsprop(
    rate: Double, alpha: Double, epsilon: Double, weightDecay: Double, momentum: Double, centered: Bool,
    gradient: Double, parameter: inout Double, square: inout Double, mean: inout Double, velocity: inout Double
  ) {
    let gradient = gradient + weightDecay * parameter
    square = alpha * square + (1 - alpha) * gradient * gradient
    if centered { mean = alpha * mean + (1 - alpha) * gradient }
    let step = gradient / ((centered ? max(square - mean * mean, 0) : square).squareRoot() + epsilon)
    velocity = momentum * velocity + step
    parameter -= rate * (momentum > 0 ? velocity : step)
  }

  public static func norm(_ tensors: [[Double]]) -> Double {
    tensors.joined().reduce(0) { $0 + $1 * $1 }.squareRoot()
  }

  public static func linear(
    x: [Double], weight: [Double], bias: [Double]?, rows: Int, inputs: Int, outputs: Int
  ) -> [Double] {
    (0..<rows * outputs).map { at in
      let (row, output) = at.quotientAndRemainder(dividingBy: outputs)
      return (0..<inputs).reduce(bias?[output] ?? 0) { $0 + x[row * inputs + $1] * weight[output * inputs + $1] }
    }
  }

  /// One element's step of stochastic gradient descent.
  public static func sgd(
    rate: Double, momentum: Double, weightDecay: Double, nesterov: Bool, gradient: Double, parameter: inout Double,
    velocity: inout Double
  ) {
    let slope = gradient + weightDecay * parameter
    velocity = momentum * velocity + slope
    parameter -= rate * (nesterov ? slope + momentum * velocity : velocity)
  }

  /// One element's step of Adam or AdamW.
  public static func adam(
    rate: Double, beta1: Double, beta2: Double, epsilon: Double, weightDecay: Double, decoupled: Bool, step: Int,
    gradient: Double, parameter: inout Double, first: inout Double, second: inout Double
  ) {
    var gradient = gradient
    if decoupled { parameter *= 1 - rate * weightDecay } else { gradient += weightDecay * parameter }
    first = beta1 * first + (1 - beta1) * gradient
    second = beta2 * second + (1 - beta2) * gradient * gradient
    let unbiasedFirst = first / (1 - pow(beta1, Double(step)))
    let unbiasedSecond = second / (1 - pow(beta2, Double(step)))
    parameter -= rate * unbiasedFirst / (unbiasedSecond.squareRoot() + epsilon)
  }

  /// The probability of each class of one row, by sorting.
  public static func samplingProbabilities(
    logits: [Double], temperature: Double, topK: Int, topP: Double
  ) -> [Double] {
    let order = logits.indices.sorted { logits[$0] > logits[$1] || (logits[$0] == logits[$1] && $0 < $1) }
    let largest = logits[order[0]]
    let weights = logits.map { exp(($0 - largest) / temperature) }
    var kept = Array(order.prefix(topK == 0 ? logits.count : topK))
    if topP > 0, topP < 1 {
      let total = kept.reduce(0) { $0 + weights[$1] }
      var sum = 0.0
      var enough = 0
      while enough < kept.count, enough == 0 || sum < topP * total {
        sum += weights[kept[enough]]
        enough += 1
      }
      kept = Array(kept.prefix(enough))
    }
    let total = kept.reduce(0) { $0 + weights[$1] }
    var probabilities = [Double](repeating: 0, count: logits.count)
    for index in kept { probabilities[index] = weights[index] / total }
    return probabilities
  }
}
