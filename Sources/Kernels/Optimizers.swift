// One step of an optimizer over arrays: elementwise, so that any cut between threads gives the same bits.
import CPrimitives

/// The settings of a step of stochastic gradient descent.
@frozen public struct SGDFactors {
  public var rate: Double
  public var momentum: Double
  public var weightDecay: Double
  public var nesterov: Bool

  @inlinable public init(rate: Double, momentum: Double, weightDecay: Double, nesterov: Bool) {
    self.rate = rate
    self.momentum = momentum
    self.weightDecay = weightDecay
    self.nesterov = nesterov
  }
}

@_alwaysEmitIntoClient @inline(__always)
func sgd<V: Lanes>(
  _: V.Type, _ factors: UnsafePointer<SGDFactors>, _ gradient: UnsafePointer<V.Scalar>,
  _ parameter: UnsafeMutablePointer<V.Scalar>, _ velocity: UnsafeMutablePointer<V.Scalar>?, _ count: Int
) {
  let f = factors.pointee
  let rate = V(repeating: V.Scalar(-f.rate))
  let momentum = V(repeating: V.Scalar(f.momentum))
  let decay = V(repeating: V.Scalar(f.weightDecay))
  @inline(__always) func step(_ g: V, _ p: V, _ v: V) -> (parameter: V, velocity: V) {
    let slope = V.multiplyAdd(decay, p, g)
    let v = V.multiplyAdd(momentum, v, slope)
    let direction = f.nesterov ? V.multiplyAdd(momentum, v, slope) : v
    return (V.multiplyAdd(rate, direction, p), v)
  }
  vectors(V.self, count) { i, n in
    let next = step(
      V.load(gradient + i, first: n), V.load(parameter + i, first: n),
      velocity.map { V.load($0 + i, first: n) } ?? .zero)
    next.parameter.store(parameter + i, first: n)
    if let velocity { next.velocity.store(velocity + i, first: n) }
  }
}

/// The settings of a step of Adam or AdamW.
@frozen public struct AdamFactors {
  public var rate: Double
  public var beta1: Double
  public var beta2: Double
  public var epsilon: Double
  public var weightDecay: Double
  public var decoupled: Bool
  /// 1 at the first step
  public var step: Int

  @inlinable public init(
    rate: Double, beta1: Double, beta2: Double, epsilon: Double, weightDecay: Double, decoupled: Bool, step: Int
  ) {
    self.rate = rate
    self.beta1 = beta1
    self.beta2 = beta2
    self.epsilon = epsilon
    self.weightDecay = weightDecay
    self.decoupled = decoupled
    self.step = step
  }
}

/// `base` to the power of `exponent` >= 0 by squaring, from the exponent's lowest bit.
@_alwaysEmitIntoClient @inline(__always)
func power(_ base: Double, _ exponent: Int) -> Double {
  var result = 1.0
  var square = base
  var rest = exponent
  while rest > 0 {
    if rest & 1 == 1 { result *= square }
    square *= square
    rest &>>= 1
  }
  return result
}

@_alwaysEmitIntoClient @inline(__always)
func adam<V: Lanes>(
  _: V.Type, _ factors: UnsafePointer<AdamFactors>, _ gradient: UnsafePointer<V.Scalar>,
  _ parameter: UnsafeMutablePointer<V.Scalar>, _ first: UnsafeMutablePointer<V.Scalar>,
  _ second: UnsafeMutablePointer<V.Scalar>, _ count: Int
) {
  // Everything that is the same for all elements is computed in Double and rounded once.
  let f = factors.pointee
  let rate = V(repeating: V.Scalar(-(f.rate / (1 - power(f.beta1, f.step)))))
  let correction = V(repeating: V.Scalar(swiftrnn_square_root_double(1 - power(f.beta2, f.step))))
  let share1 = V(repeating: V.Scalar(1 - f.beta1))
  let beta2 = V(repeating: V.Scalar(f.beta2))
  let share2 = V(repeating: V.Scalar(1 - f.beta2))
  let epsilon = V(repeating: V.Scalar(f.epsilon))
  let decay = V(repeating: V.Scalar(f.decoupled ? 0 : f.weightDecay))
  let shrink = V(repeating: V.Scalar(f.decoupled ? 1 - f.rate * f.weightDecay : 1))
  @inline(__always) func step(_ g: V, _ p: V, _ m: V, _ v: V) -> (parameter: V, first: V, second: V) {
    let slope = V.multiplyAdd(decay, p, g)
    let m = V.multiplyAdd(share1, slope - m, m)
    let v = V.multiplyAdd(share2, slope * slope, beta2 * v)
    let denominator = v.squareRoot() / correction + epsilon
    return (V.multiplyAdd(rate, m / denominator, shrink * p), m, v)
  }
  vectors(V.self, count) { i, n in
    let next = step(
      V.load(gradient + i, first: n), V.load(parameter + i, first: n), V.load(first + i, first: n),
      V.load(second + i, first: n))
    next.parameter.store(parameter + i, first: n)
    next.first.store(first + i, first: n)
    next.second.store(second + i, first: n)
  }
}

/// The settings of a step of RMSprop.
@frozen public struct RMSpropFactors {
  public var rate: Double
  public var alpha: Double
  public var epsilon: Double
  public var weightDecay: Double
  public var momentum: Double

  @inlinable public init(rate: Double, alpha: Double, epsilon: Double, weightDecay: Double, momentum: Double) {
    self.rate = rate
    self.alpha = alpha
    self.epsilon = epsilon
    self.weightDecay = weightDecay
    self.momentum = momentum
  }
}

/// Arrays that a step of RMSprop changes beside the parameters. Pointers need only their elements' alignment.
@frozen public struct RMSpropMoments<Scalar: Real> {
  /// Mean of the squares.
  public var square: UnsafeMutablePointer<Scalar>
  /// Mean of the gradients; nil: not centered.
  public var mean: UnsafeMutablePointer<Scalar>?
  /// nil: no momentum.
  public var velocity: UnsafeMutablePointer<Scalar>?

  @inlinable public init(
    square: UnsafeMutablePointer<Scalar>, mean: UnsafeMutablePointer<Scalar>?, velocity: UnsafeMutablePointer<Scalar>?
  ) {
    self.square = square
    self.mean = mean
    self.velocity = velocity
  }
}

@_alwaysEmitIntoClient @inline(__always)
func rmsprop<V: Lanes>(
  _: V.Type, _ factors: UnsafePointer<RMSpropFactors>, _ gradient: UnsafePointer<V.Scalar>,
  _ parameter: UnsafeMutablePointer<V.Scalar>, _ moments: UnsafePointer<RMSpropMoments<V.Scalar>>, _ count: Int
) {
  let (f, moments) = (factors.pointee, moments.pointee)
  let rate = V(repeating: V.Scalar(-f.rate))
  let alpha = V(repeating: V.Scalar(f.alpha))
  let share = V(repeating: V.Scalar(1 - f.alpha))
  let epsilon = V(repeating: V.Scalar(f.epsilon))
  let decay = V(repeating: V.Scalar(f.weightDecay))
  let momentum = V(repeating: V.Scalar(f.momentum))
  vectors(V.self, count) { i, n in
    let p = V.load(parameter + i, first: n)
    let slope = V.multiplyAdd(decay, p, V.load(gradient + i, first: n))
    var square = V.load(moments.square + i, first: n)
    square = V.multiplyAdd(share, slope * slope, alpha * square)
    square.store(moments.square + i, first: n)
    if let place = moments.mean {
      var mean = V.load(place + i, first: n)
      mean = V.multiplyAdd(share, slope - mean, mean)
      mean.store(place + i, first: n)
      // Not below 0, where roundings would leave a variance of nothing.
      let variance = V.multiplyAdd(-mean, mean, square)
      square = V.select(V.less(variance, .zero), .zero, variance)
    }
    var step = slope / (square.squareRoot() + epsilon)
    if let place = moments.velocity {
      step = V.multiplyAdd(momentum, V.load(place + i, first: n), step)
      step.store(place + i, first: n)
    }
    V.multiplyAdd(rate, step, p).store(parameter + i, first: n)
  }
}
