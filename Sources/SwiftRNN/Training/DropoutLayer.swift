// Dropout by itself, for what is between the layers of a model: the masks of Dropout.swift, on an array.
import Kernels

/// Inverted dropout (Srivastava et al. 2014) as a call: `y = mask * x / (1 - p)`. The mask is never stored: the same
/// call with the same seed and positions is the backward pass, `dx = mask * dy / (1 - p)`.
///
///     let dropout = DropoutLayer(probability: 0.5)
///     let (y, seed) = try dropout.apply(x)
///     let dx = try dropout.apply(dy, seed: seed).y
///
/// The number of unit u at step t of sequence n is kept if its word is at least ⌊p · 2³²⌋: word `u % 4` of Philox4x32-10
/// (Salmon, Moraes, Dror, Shaw 2011) with the seed as key and counter `(u / 4, t + firstStep, n + firstSequence,
/// 2³¹ + layer)`. No network draws with a last word of 2³¹ or more, so one seed serves a model's networks and its
/// dropout layers, each of which has a ``layer`` of its own.
public struct DropoutLayer: Sendable, Equatable {
  /// p in [0, 1): how likely a number becomes 0.
  public var probability: Double
  /// Tells the dropout layers of a model apart that are drawn with one seed: 0 ..< 2^31.
  public var layer: Int

  public init(probability: Double, layer: Int = 0) {
    self.probability = probability
    self.layer = layer
  }

  /// `y = mask * x / (1 - p)`. Any number of threads, and any part of a batch whose place is told, gives the same bits.
  ///
  /// - Parameters:
  ///   - steps: T of `[T, N, width]`.
  ///   - sequences: N.
  ///   - width: elements of a row.
  ///   - x: `[T, N, width]`, dense.
  ///   - y: `[T, N, width]`, dense; may be `x`, and overlaps it in no other way.
  ///   - seed: nil: the call draws one (docs/equations.md, "Seeds"), but for a probability of 0, which needs none.
  ///   - firstStep: added to a step's index in the mask, for parts of a sequence.
  ///   - firstSequence: added to a sequence's index, for parts of a batch. With either there has to be a seed.
  /// - Returns: the seed of the mask.
  /// - Throws: ``RNNError`` for a probability or positions outside their ranges and counts that do not fit.
  @_specialize(exported:true,where Scalar == Float)
  @_specialize(exported:true,where Scalar == Double)
  @discardableResult
  public func apply<Scalar: RNNScalar>(
    steps: Int, sequences: Int, width: Int, x: UnsafeBufferPointer<Scalar>, y: UnsafeMutableBufferPointer<Scalar>,
    seed: UInt64? = nil, firstStep: Int = 0, firstSequence: Int = 0
  ) throws(RNNError) -> UInt64 {
    try Check.belowOne("p", probability)
    try Check.size("steps", steps)
    try Check.size("sequences", sequences)
    try Check.size("width", width)
    let rows = try Size.product(steps, sequences, of: "x")
    let elements = try Size.product(rows, width, of: "x")
    try Check.count("x", x.count, elements)
    try Check.count("y", y.count, elements)
    // Words of the counter have 32 bits each.
    let words = 1 << 32
    guard (0..<1 << 31).contains(layer) else { throw .invalidValue("layer", layer, low: 0, high: 1 << 31 - 1) }
    if elements > 0 {
      guard steps <= words else { throw .invalidSize("steps", steps, low: 0, high: words) }
      guard sequences <= words else { throw .invalidSize("sequences", sequences, low: 0, high: words) }
      guard width <= 4 * words else { throw .invalidSize("width", width, low: 0, high: 4 * words) }
    }
    try Self.check("first_step", firstStep, high: words - min(steps, words), isSeeded: seed != nil)
    try Self.check("first_sequence", firstSequence, high: words - min(sequences, words), isSeeded: seed != nil)
    let masks = try Scalar.kernels.masks
    let seed = seed ?? (probability > 0 ? DrawnSeed.next() : 0)
    guard elements > 0, let x = x.baseAddress, let y = y.baseAddress else { return seed }
    let key = Philox(seed: seed).key
    let threshold = UInt32(probability * 0x1p32)
    let word = UInt32(truncatingIfNeeded: 1 << 31 | layer)
    withFloatControl {
      // Four times the work of a plain pass.
      let scale = Scalar(inverse())
      let (work, overflow) = elements.multipliedReportingOverflow(by: 4)
      Shards(rows, work: overflow ? elements : work).run { some in
        for row in some {
          var counter = MaskCounter(
            key: key, 0, UInt32(truncatingIfNeeded: row / sequences &+ firstStep),
            UInt32(truncatingIfNeeded: row % sequences &+ firstSequence), word, threshold: threshold)
          masks.apply(&counter, scale, x + row &* width, y + row &* width, width)
        }
      }
    }
    return seed
  }

  /// Never inlined: arithmetic must stay inside of the floating-point control.
  @inline(never)
  private func inverse() -> Double { 1 / (1 - probability) }

  private static func check(
    _ name: StaticString, _ value: Int, high: Int, isSeeded: Bool
  ) throws(RNNError) {
    guard (0...high).contains(value) else { throw .invalidValue(name, value, low: 0, high: high) }
    guard isSeeded || value == 0 else { throw .invalidNumber(name, Double(value), allowed: "0 unless there is a seed") }
  }
}
