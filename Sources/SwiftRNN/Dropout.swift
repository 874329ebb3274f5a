// Dropout between layers: masks that are never stored. Both passes draw them again from their counters.
import Kernels

/// The masks of one call: inverted dropout (Srivastava 2014), a number of its own for each layer, direction, step,
/// sequence and unit.
///
/// Philox keyed by the seed, counter words `(unit / 4, t + firstStep, sequence + firstSequence, 2 * layer + direction)`, word
/// `unit % 4` of the result. A unit is kept where its word is at least p * 2^32, and then scaled by 1 / (1 - p). `t` is
/// the step in the order of the input, `layer` the one whose output is masked.
struct Dropout<Scalar: RNNScalar> {
  let kernels: KernelTable<Scalar>
  let philox: Philox
  let firstSequence: Int
  /// Added to a step's index: the steps are a part of a sequence.
  var firstStep = 0
  let threshold: UInt32
  let scale: Scalar
  let width: Int
  let directions: Int
  /// The first one's number.
  let firstDirection: Int

  init(_ network: Network<Scalar>, seed: UInt64, firstSequence: Int, firstStep: Int = 0) {
    let c = network.configuration
    self.init(
      network, width: c.stateWidth, directions: c.directions, firstDirection: 0, seed: seed,
      firstSequence: firstSequence)
    self.firstStep = firstStep
  }

  init(
    _ network: Network<Scalar>, width: Int, directions: Int, firstDirection: Int, seed: UInt64, firstSequence: Int
  ) {
    let c = network.configuration
    kernels = network.kernels
    philox = Philox(seed: seed)
    self.firstSequence = firstSequence
    threshold = UInt32(c.dropout * 0x1p32)
    scale = Scalar(1 / (1 - c.dropout))
    (self.width, self.directions, self.firstDirection) = (width, directions, firstDirection)
  }

  /// `out = mask * x` for all steps of all sequences that `layer` gave out; `out` may be `x`.
  func apply(
    _ x: Rows<Scalar>, _ out: Rows<Scalar>, layer: Int, _ batch: BatchPlan, _ member: inout TeamMember
  ) {
    let parts = member.members
    member.share(parts) { some in
      for part in some {
        for t in Split.range(batch.steps, part, parts) {
          for n in 0..<batch.sequences where t < batch.length(n) {
            apply(UnsafePointer(x[t, n]), out[t, n], layer: layer, t: t, n: n)
          }
        }
      }
    }
  }

  /// `out = mask * x` for the output row of `layer` at step `t` of sequence `n`; `out` may be `x`.
  func apply(
    _ x: UnsafePointer<Scalar>, _ out: UnsafeMutablePointer<Scalar>, layer: Int, t: Int, n: Int
  ) {
    let sequence = UInt32(truncatingIfNeeded: n &+ firstSequence)
    for direction in 0..<directions {
      let start = direction &* width
      var counter = MaskCounter(
        key: philox.key, 0, UInt32(truncatingIfNeeded: t &+ firstStep), sequence,
        UInt32(truncatingIfNeeded: 2 &* layer &+ firstDirection &+ direction), threshold: threshold)
      kernels.masks.apply(&counter, scale, x + start, out + start, width)
    }
  }
}
