// RMSprop.
import Kernels

/// RMSprop (Tieleman, Hinton, "Lecture 6.5: divide the gradient by a running average of its recent magnitude", 2012), in
/// torch's form.
///
///     g = g + weightDecay p
///     s = alpha s + (1 - alpha) g²
///     m = m + (1 - alpha) (g - m)                   centered (Graves 2013): the variance s - m² takes the place of s
///     d = g / (√s + epsilon)
///     v = momentum v + d,  p = p - rate v           without momentum: p = p - rate d
public struct RMSprop: Sendable {
  /// 0 or more.
  public var rate: Double
  /// In [0, 1).
  public var alpha: Double
  /// 0 or more.
  public var epsilon: Double
  /// 0: none.
  public var weightDecay: Double
  /// 0: none.
  public var momentum: Double
  /// Whether the gradient is divided by an estimate of its standard deviation.
  public var centered: Bool

  public init(
    rate: Double = 1e-2, alpha: Double = 0.99, epsilon: Double = 1e-8, weightDecay: Double = 0, momentum: Double = 0,
    centered: Bool = false
  ) {
    self.rate = rate
    self.alpha = alpha
    self.epsilon = epsilon
    self.weightDecay = weightDecay
    self.momentum = momentum
    self.centered = centered
  }

  /// One step for one array of parameters. Any cut of the array gives the same bits.
  ///
  /// - Parameters:
  ///   - gradient: as many elements as `parameter`.
  ///   - parameter: updated in place.
  ///   - square: s, as many elements, zeros before the first step, updated in place.
  ///   - mean: m, as `square`; may be nil if not `centered`, and is left alone then.
  ///   - velocity: v, as `square`; may be nil if `momentum` is 0, and is left alone then.
  /// - Throws: ``RNNError``; nothing is written then.
  @_specialize(exported:true,where Scalar == Float)
  @_specialize(exported:true,where Scalar == Double)
  public func step<Scalar: RNNScalar>(
    gradient: UnsafeBufferPointer<Scalar>, parameter: UnsafeMutableBufferPointer<Scalar>,
    square: UnsafeMutableBufferPointer<Scalar>, mean: UnsafeMutableBufferPointer<Scalar>? = nil,
    velocity: UnsafeMutableBufferPointer<Scalar>? = nil
  ) throws(RNNError) {
    try Check.notNegative("rate", rate)
    try Check.belowOne("alpha", alpha)
    try Check.notNegative("epsilon", epsilon)
    try Check.notNegative("weight_decay", weightDecay)
    try Check.notNegative("momentum", momentum)
    try Check.count("gradient", gradient.count, parameter.count)
    try Check.count("square", square.count, parameter.count)
    if let mean {
      try Check.count("mean", mean.count, parameter.count)
    } else if centered {
      throw .nullPointer("mean, where centered is true,")
    }
    if let velocity {
      try Check.count("velocity", velocity.count, parameter.count)
    } else if momentum != 0 {
      throw .nullPointer("velocity, where momentum is not 0,")
    }
    let kernel = try Scalar.kernels.training.rmsprop
    guard let g = gradient.baseAddress, let p = parameter.baseAddress, let s = square.baseAddress else { return }
    let m = centered ? mean?.baseAddress : nil
    let v = momentum != 0 ? velocity?.baseAddress : nil
    let factors = RMSpropFactors(
      rate: rate, alpha: alpha, epsilon: epsilon, weightDecay: weightDecay, momentum: momentum)
    withFloatControl {
      Shards(parameter.count, work: parameter.count, multiple: 16).run { range in
        let at = range.lowerBound
        let moments = RMSpropMoments(square: s + at, mean: m.map { $0 + at }, velocity: v.map { $0 + at })
        withUnsafePointer(to: factors) { factors in
          withUnsafePointer(to: moments) { kernel(factors, g + at, p + at, $0, range.count) }
        }
      }
    }
  }
}
