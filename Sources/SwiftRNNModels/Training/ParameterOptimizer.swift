// One optimizer for all parameters of layers.
import SwiftRNN

/// Steps of SGD, Adam or RMSprop over the whole flat vector of ``Layers``, with clipping; a model has a ``Trainer``.
///
///     let optimizer = try ParameterOptimizer(.adam(Adam(rate: 0.003)), layers.parameters)
///     // passes forward and backward
///     try optimizer.step(maxNorm: 1)
///
/// Changes the parameters and, where it clips, their gradients. Belongs to one thread at a time, as they do.
public final class ParameterOptimizer<Scalar: RNNScalar> {
  public enum Method: Sendable {
    case sgd(SGD)
    case adam(Adam)
    case rmsprop(RMSprop)
  }

  /// Its settings may be changed between steps: the rate, by a ``Schedule``.
  public var method: Method
  /// Steps so far.
  public private(set) var steps = 0
  private let parameters: ParameterStore<Scalar>
  /// Velocity; first and second moments; or mean square, mean and velocity. Each as large as the parameters, if needed.
  private let moments: [UnsafeMutableBufferPointer<Scalar>]
  private let memory: [Buffer<Scalar>]

  /// - Throws: `RNNError/outOfMemory(bytes:)`
  public init(_ method: Method, _ parameters: ParameterStore<Scalar>) throws(RNNError) {
    (self.method, self.parameters) = (method, parameters)
    let count =
      switch method {
      case .sgd: 1
      case .adam: 2
      case .rmsprop: 3
      }
    var (memory, moments): ([Buffer<Scalar>], [UnsafeMutableBufferPointer<Scalar>]) = ([], [])
    for _ in 0..<count {
      let buffer = Buffer<Scalar>()
      let moment = try buffer.take(parameters.list.flatCount)
      moment.update(repeating: 0)
      memory.append(buffer)
      moments.append(moment)
    }
    (self.memory, self.moments) = (memory, moments)
  }

  /// One step with the gradients of the last loss.
  ///
  /// - Parameters:
  ///   - rate: of this step and later ones; nil: the method's.
  ///   - maxNorm: gradients are scaled to this 2-norm if theirs is larger; nil: they are not.
  /// - Returns: the norm of the gradients before, 0 if it was not asked for.
  /// - Throws: `RNNError` for settings that make no sense; parameters and moments are as before then.
  @discardableResult
  @_specialize(where Scalar == Float)
  @_specialize(where Scalar == Double)
  public func step(rate: Double? = nil, maxNorm: Double? = nil) throws(RNNError) -> Double {
    let (values, gradients) = (parameters.values, parameters.gradients)
    var norm = 0.0
    if let maxNorm { norm = try GradientClipping.clip([gradients], maxNorm: maxNorm) }
    switch method {
    case .sgd(var sgd):
      if let rate { sgd.rate = rate }
      try sgd.step(gradient: gradients.constant, parameter: values, velocity: moments[0])
      method = .sgd(sgd)
    case .adam(var adam):
      if let rate { adam.rate = rate }
      try adam.step(
        steps + 1, gradient: gradients.constant, parameter: values, first: moments[0], second: moments[1])
      method = .adam(adam)
    case .rmsprop(var rmsprop):
      if let rate { rmsprop.rate = rate }
      try rmsprop.step(
        gradient: gradients.constant, parameter: values, square: moments[0], mean: moments[1], velocity: moments[2])
      method = .rmsprop(rmsprop)
    }
    steps += 1
    return norm
  }
}
