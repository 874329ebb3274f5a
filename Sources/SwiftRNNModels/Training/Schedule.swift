// Learning rates over the steps of a training.
@_spi(Door) import SwiftRNN

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A learning rate for each step: functions of the step alone, so that a training that resumes goes on as it was.
public struct Schedule: Sendable, Equatable {
  public enum Shape: Sendable, Equatable {
    /// The same rate all the time.
    case constant
    /// Multiplied by `factor` after every `every` steps.
    case step(every: Int, factor: Double)
    /// Multiplied by `factor` after each step.
    case exponential(factor: Double)
    /// Half a cosine from the peak down to `floor` times it (Loshchilov, Hutter 2017), which the step behind the last one
    /// would have: the last one has a rate above it, so that with a floor of 0 every step learns.
    case cosine(floor: Double)
    /// A straight line from the peak down to `floor` times it, which the step behind the last one would have.
    case linear(floor: Double)
  }

  /// The largest rate.
  public var peak: Double
  public var shape: Shape
  /// Steps in which the rate rises to the peak in a straight line, from `peak / warmUp` (Goyal et al. 2017); 0: none.
  public var warmUp: Int
  /// Steps altogether, of cosine and linear, warm-up included; later steps have the peak times `floor`. Without warm-up the
  /// cosine is torch's `CosineAnnealingLR(optimizer, T_max=steps)`.
  public var steps: Int

  public init(_ peak: Double, _ shape: Shape = .constant, warmUp: Int = 0, steps: Int = 1) {
    (self.peak, self.shape, self.warmUp, self.steps) = (peak, shape, warmUp, steps)
  }

  /// The rate of a step, counted from 0.
  public func rate(_ step: Int) -> Double {
    let control = FloatControl()
    defer { control.leave() }
    if step < warmUp { return peak * Double(step + 1) / Double(warmUp) }
    let after = step - warmUp
    let length = steps - warmUp
    let done = length > 0 ? min(1, Double(after) / Double(length)) : 1
    switch shape {
    case .constant: return peak
    case .step(let every, let factor): return peak * pow(factor, Double(after / max(1, every)))
    case .exponential(let factor): return peak * pow(factor, Double(after))
    case .cosine(let floor): return peak * (floor + (1 - floor) * 0.5 * (1 + cos(Double.pi * done)))
    case .linear(let floor): return peak * (1 + (floor - 1) * done)
    }
  }
}
