// Adam and AdamW.
import Kernels

/// Adam (Kingma, Ba, "Adam: a method for stochastic optimization", 2015), or AdamW (Loshchilov, Hutter, "Decoupled
/// weight decay regularization", 2019).
///
///     Adam:  g = g + weightDecay p            AdamW:  p = p (1 - rate weightDecay)
///     m = m + (1 - beta1) (g - m)
///     v = beta2 v + (1 - beta2) g²
///     p = p - rate / (1 - beta1^t) · m / (√v / √(1 - beta2^t) + epsilon)
public struct Adam: Sendable {
  /// 0 or more.
  public var rate: Double
  /// In [0, 1).
  public var beta1: Double
  /// In [0, 1).
  public var beta2: Double
  /// 0 or more.
  public var epsilon: Double
  /// 0: none.
  public var weightDecay: Double
  /// Whether weight decay acts on the parameters by itself (AdamW) instead of joining the gradient.
  public var decoupled: Bool

  public init(
    rate: Double = 1e-3, beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Double = 1e-8, weightDecay: Double = 0,
    decoupled: Bool = false
  ) {
    self.rate = rate
    self.beta1 = beta1
    self.beta2 = beta2
    self.epsilon = epsilon
    self.weightDecay = weightDecay
    self.decoupled = decoupled
  }

  /// One step for one array of parameters. Any cut of the array gives the same bits.
  ///
  /// - Parameters:
  ///   - step: t, counted from 1.
  ///   - gradient: as many elements as `parameter`.
  ///   - parameter: updated in place.
  ///   - first: m, as many elements, zeros before the first step, updated in place.
  ///   - second: v, as `first`.
  /// - Throws: ``RNNError``; nothing is written then.
  @_specialize(exported:true,where Scalar == Float)
  @_specialize(exported:true,where Scalar == Double)
  public func step<Scalar: RNNScalar>(
    _ step: Int, gradient: UnsafeBufferPointer<Scalar>, parameter: UnsafeMutableBufferPointer<Scalar>,
    first: UnsafeMutableBufferPointer<Scalar>, second: UnsafeMutableBufferPointer<Scalar>
  ) throws(RNNError) {
    guard step >= 1 else { throw .invalidValue("step", step, low: 1, high: .max) }
    try Check.notNegative("rate", rate)
    try Check.belowOne("beta1", beta1)
    try Check.belowOne("beta2", beta2)
    try Check.notNegative("epsilon", epsilon)
    try Check.notNegative("weight_decay", weightDecay)
    try Check.count("gradient", gradient.count, parameter.count)
    try Check.count("first", first.count, parameter.count)
    try Check.count("second", second.count, parameter.count)
    let kernel = try Scalar.kernels.training.adam
    guard let g = gradient.baseAddress, let p = parameter.baseAddress, let m = first.baseAddress,
      let v = second.baseAddress
    else { return }
    let factors = AdamFactors(
      rate: rate, beta1: beta1, beta2: beta2, epsilon: epsilon, weightDecay: weightDecay, decoupled: decoupled,
      step: step)
    withFloatControl {
      Shards(parameter.count, work: parameter.count, multiple: 16).run { range in
        let at = range.lowerBound
        withUnsafePointer(to: factors) { kernel($0, g + at, p + at, m + at, v + at, range.count) }
      }
    }
  }
}
