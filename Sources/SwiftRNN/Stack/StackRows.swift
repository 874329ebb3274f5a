// Which steps of which sequences a pass with layer options runs over, and what is done to each of them between layers.
import Kernels

/// The valid steps of a pass: of sequence n the first `length(n)`, counted without those that a mask leaves out.
struct StackRows {
  let steps: Int
  let sequences: Int
  /// nil: all have all steps.
  let lengths: UnsafePointer<Int64>?
  /// With a mask: step s of sequence n is the caller's step `positions[n * steps + s]`.
  let positions: UnsafePointer<Int32>?
  let threads: Int

  @inline(__always)
  func length(_ n: Int) -> Int { lengths.map { Int($0[n]) } ?? steps }

  /// The caller's step.
  @inline(__always)
  func position(_ s: Int, _ n: Int) -> Int { positions.map { Int($0[n &* steps &+ s]) } ?? s }

  /// Runs `body` for each valid row, step by step; threads take steps. Rows must not depend on each other.
  @inline(__always)
  func visit(_ body: (_ s: Int, _ n: Int) -> Void) {
    runTeam(threads) { member in
      let parts = member.members
      member.share(parts) { some in
        for part in some {
          for s in Split.range(steps, part, parts) {
            for n in 0..<sequences where s < length(n) { body(s, n) }
          }
        }
      }
    }
  }

  /// Runs `body` for each sequence; threads take sequences.
  @inline(__always)
  func visitSequences(_ body: (_ n: Int) -> Void) {
    runTeam(threads) { member in
      member.share(sequences) { some in
        for n in some { body(n) }
      }
    }
  }
}

extension StackRows {
  /// What a mask of `[T, N]` bytes leaves of the first `given` steps of each sequence.
  ///
  /// - Parameters:
  ///   - lengths: `[N]`
  ///   - positions: `[N, T]`
  static func find(
    mask: UnsafePointer<UInt8>, given: UnsafePointer<Int64>?, steps: Int, sequences: Int,
    lengths: UnsafeMutablePointer<Int64>, positions: UnsafeMutablePointer<Int32>
  ) {
    for n in 0..<sequences {
      var count = 0
      for t in 0..<(given.map { Int($0[n]) } ?? steps) where mask[t &* sequences &+ n] != 0 {
        positions[n &* steps &+ count] = Int32(truncatingIfNeeded: t)
        count &+= 1
      }
      lengths[n] = Int64(count)
    }
  }

  /// Steps of the chains of a layer with this dilation: chain j of sequence n at j N + n. nil: all have as many as the
  /// layer's network has steps.
  func chainLengths(_ dilation: Int, _ out: UnsafeMutablePointer<Int64>) -> UnsafePointer<Int64>? {
    if dilation == 1 { return lengths }
    if lengths == nil && steps % dilation == 0 { return nil }
    for j in 0..<dilation {
      for n in 0..<sequences {
        out[j &* sequences &+ n] = Int64(max(0, (length(n) &- j &+ dilation &- 1) / dilation))
      }
    }
    return UnsafePointer(out)
  }
}

/// A step's arithmetic between layers. All on rows of numbers that do not overlap, unless it is said.
enum StackRow {
  /// Directions merged: `merged` of the `outputs` of one layer, or of two flows.
  @inline(__always)
  static func merge<Scalar: RNNScalar>(
    _ merge: LayerOptions.Merge, _ first: UnsafePointer<Scalar>, _ second: UnsafePointer<Scalar>?,
    _ merged: UnsafeMutablePointer<Scalar>, _ width: Int
  ) {
    guard let second else { return merged.update(from: first, count: width) }
    switch merge {
    case .concatenate:
      merged.update(from: first, count: width)
      (merged + width).update(from: second, count: width)
    case .sum: for i in 0..<width { merged[i] = first[i] + second[i] }
    case .mean: for i in 0..<width { merged[i] = (first[i] + second[i]) * 0.5 }
    case .product: for i in 0..<width { merged[i] = first[i] * second[i] }
    }
  }

  /// The gradient of one of two merged rows: `own` is which, `other` the other's row.
  @inline(__always)
  static func unmerge<Scalar: RNNScalar>(
    _ merge: LayerOptions.Merge, _ gradient: UnsafePointer<Scalar>, own: Int, other: UnsafePointer<Scalar>?,
    _ out: UnsafeMutablePointer<Scalar>, _ width: Int
  ) {
    guard let other else { return out.update(from: gradient, count: width) }
    switch merge {
    case .concatenate: out.update(from: gradient + own &* width, count: width)
    case .sum: out.update(from: gradient, count: width)
    case .mean: for i in 0..<width { out[i] = gradient[i] * 0.5 }
    case .product: for i in 0..<width { out[i] = gradient[i] * other[i] }
    }
  }

  /// `sum += row`
  @inline(__always)
  static func add<Scalar: RNNScalar>(
    _ row: UnsafePointer<Scalar>, to sum: UnsafeMutablePointer<Scalar>, _ width: Int
  ) {
    for i in 0..<width { sum[i] += row[i] }
  }
}
