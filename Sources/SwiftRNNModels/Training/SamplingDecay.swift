// Probabilities of scheduled sampling over the steps of a training.
@_spi(Door) import SwiftRNN

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Decay of ε, the share of a decoder's inputs that are the batch's tokens, over the steps i of a training; the other
/// inputs are the model's own tokens (Bengio, Vinyals, Jaitly, Shazeer 2015, section 2.4).
public struct SamplingDecay: Sendable, Equatable {
  public enum Shape: String, Sendable, CaseIterable {
    /// ε = 1: teacher forcing.
    case none
    /// ε = 1 - k i
    case linear
    /// ε = k^i, k < 1
    case exponential
    /// ε = k / (k + exp(i / k)), k ≥ 1
    case inverseSigmoid = "inverse_sigmoid"
  }

  public var shape: Shape
  /// k: finite and above 0; below 1 for `exponential`, at least 1 for `inverseSigmoid`. Not read by `none`.
  public var k: Double
  /// The smallest ε, in [0, 1]. The paper has a floor for `linear`; here each shape has one.
  public var floor: Double

  public init(_ shape: Shape = .none, k: Double = 1, floor: Double = 0) {
    (self.shape, self.k, self.floor) = (shape, k, floor)
  }

  /// 1 - ε: ``TrainingOptions/samplingProbability`` of a step, counted from 0.
  public func probability(_ step: Int) -> Double {
    let control = FloatControl()
    defer { control.leave() }
    let i = Double(step)
    let share =
      switch shape {
      case .none: 1.0
      case .linear: 1 - k * i
      case .exponential: pow(k, i)
      case .inverseSigmoid: k / (k + exp(i / k))
      }
    return 1 - min(1, max(floor, share))
  }
}
