// Stochastic gradient descent.
import Kernels

/// Stochastic gradient descent with momentum, in torch's form.
///
///     d = g + weightDecay p
///     v = momentum v + d
///     p = p - rate v                     or, with Nesterov's momentum (Sutskever et al. 2013),
///     p = p - rate (d + momentum v)
public struct SGD: Sendable {
  /// 0 or more.
  public var rate: Double
  /// 0: none.
  public var momentum: Double
  /// 0: none.
  public var weightDecay: Double
  public var nesterov: Bool

  public init(rate: Double, momentum: Double = 0, weightDecay: Double = 0, nesterov: Bool = false) {
    self.rate = rate
    self.momentum = momentum
    self.weightDecay = weightDecay
    self.nesterov = nesterov
  }

  /// One step for one array of parameters. Any cut of the array gives the same bits.
  ///
  /// - Parameters:
  ///   - gradient: as many elements as `parameter`.
  ///   - parameter: updated in place.
  ///   - velocity: as many elements, zeros before the first step, updated in place; may be nil if `momentum` is 0.
  /// - Throws: ``RNNError``; nothing is written then.
  @_specialize(exported:true,where Scalar == Float)
  @_specialize(exported:true,where Scalar == Double)
  public func step<Scalar: RNNScalar>(
    gradient: UnsafeBufferPointer<Scalar>, parameter: UnsafeMutableBufferPointer<Scalar>,
    velocity: UnsafeMutableBufferPointer<Scalar>? = nil
  ) throws(RNNError) {
    try Check.notNegative("rate", rate)
    try Check.notNegative("momentum", momentum)
    try Check.notNegative("weight_decay", weightDecay)
    try Check.count("gradient", gradient.count, parameter.count)
    if let velocity {
      try Check.count("velocity", velocity.count, parameter.count)
    } else if momentum != 0 {
      throw .nullPointer("velocity, where momentum is not 0,")
    }
    let kernel = try Scalar.kernels.training.sgd
    guard let g = gradient.baseAddress, let p = parameter.baseAddress else { return }
    let v = velocity?.baseAddress
    let factors = SGDFactors(rate: rate, momentum: momentum, weightDecay: weightDecay, nesterov: nesterov)
    withFloatControl {
      Shards(parameter.count, work: parameter.count, multiple: 16).run { range in
        let at = range.lowerBound
        withUnsafePointer(to: factors) { kernel($0, g + at, p + at, v.map { $0 + at }, range.count) }
      }
    }
  }
}
