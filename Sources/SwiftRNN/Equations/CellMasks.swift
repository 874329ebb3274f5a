// Masks within a cell's step. Never stored: the backward pass draws them again from their counters.
import Kernels

/// The masks of one direction of a layer in a call.
///
/// Philox keyed by the seed, counter words `(unit / 4, t, sequence + firstSequence, (call + 1) * 2048 + 2 * layer +
/// direction)`, word `unit % 4` of the result; `call` counts the calls in the text that draw. t is the step in the order
/// of the input, 2^32 - 1 for a mask of the whole sequence. A unit is kept where its word is at least p * 2^32. Of
/// dropped connections: words (element / 4, 0, 0), elements counted by rows of the parameter.
struct CellMasks {
  let philox: Philox
  let firstSequence: Int
  /// `2 * layer + direction`
  let stream: Int
  /// Of a dilated layer: its sequences, and how many of them are the chains of one.
  var sequences = 0
  var chains = 1

  /// What a row's masks are drawn for.
  @inline(__always)
  func row(_ t: Int, _ n: Int) -> MaskRow {
    var (step, sequence) = (t, n)
    if chains > 1 {
      let all = sequences / chains
      (step, sequence) = (t &* chains &+ n / all, n % all)
    }
    return MaskRow(
      step: UInt32(truncatingIfNeeded: step), sequence: UInt32(truncatingIfNeeded: sequence &+ firstSequence))
  }

  private func lane(_ draw: MaskDraw) -> UInt32 {
    UInt32(truncatingIfNeeded: (draw.number &+ 1) &* 2048 &+ stream)
  }

  private func threshold(_ draw: MaskDraw) -> UInt32 { UInt32(draw.probability * 0x1p32) }

  func fill<Scalar: RNNScalar>(
    _ mask: MaskFill, _ slots: UnsafeMutablePointer<Scalar>, _ stride: Int, _ rows: UnsafePointer<MaskRow>,
    _ count: Int, _ kernels: KernelTable<Scalar>
  ) {
    let (kept, dropped) = (Scalar(mask.kept), Scalar(mask.dropped))
    let (lane, threshold) = (lane(mask.draw), threshold(mask.draw))
    for r in 0..<count {
      let out = slots + (r &* stride &+ mask.out.column)
      let step = mask.draw.isPerSequence ? UInt32.max : rows[r].step
      var counter = MaskCounter(key: philox.key, 0, step, rows[r].sequence, lane, threshold: threshold)
      kernels.masks.fill(&counter, kept, dropped, out, mask.width)
    }
  }

  /// `out = mask * matrix` for some elements of a parameter, from a multiple of 4 on.
  func apply<Scalar: RNNScalar>(
    _ draw: MaskDraw, _ matrix: UnsafePointer<Scalar>, _ out: UnsafeMutablePointer<Scalar>, _ elements: Range<Int>,
    _ kernels: KernelTable<Scalar>
  ) {
    let scale = Scalar(1 / (1 - draw.probability))
    var element = elements.lowerBound
    while element < elements.upperBound {
      // A counter's first word does not carry into its second one.
      let (low, high) = ((element / 4) & 0xffff_ffff, (element / 4) &>> 32)
      let some = min(elements.upperBound &- element, (1 << 32 &- low) &* 4)
      var counter = MaskCounter(
        key: philox.key, UInt32(truncatingIfNeeded: low), UInt32(truncatingIfNeeded: high), 0, lane(draw),
        threshold: threshold(draw))
      kernels.masks.apply(&counter, scale, matrix + element, out + element, some)
      element &+= some
    }
  }
}
