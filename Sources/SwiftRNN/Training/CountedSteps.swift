// Which steps of a batch count: a length for each sequence, a mask with gaps, or all. What pools and attends over steps
// reads those alone; what lies in the others may be any bits.
import Kernels

/// The steps of a batch that count.
///
/// With both lengths and a mask, those that both leave.
public struct CountedSteps {
  /// T
  public var steps: Int
  /// N
  public var sequences: Int
  /// `[N]`, each in `0...steps`; nil: all steps.
  public var lengths: UnsafeBufferPointer<Int64>?
  /// `[T, N]`: 0 where a step does not count; nil: all do.
  public var mask: UnsafeBufferPointer<UInt8>?

  public init(
    steps: Int, sequences: Int, lengths: UnsafeBufferPointer<Int64>? = nil, mask: UnsafeBufferPointer<UInt8>? = nil
  ) {
    self.steps = steps
    self.sequences = sequences
    self.lengths = lengths
    self.mask = mask
  }

  /// - Returns: T * N
  @discardableResult
  func check() throws(RNNError) -> Int {
    try Check.size("steps", steps)
    try Check.size("sequences", sequences)
    let rows = try Size.product(steps, sequences, of: "the steps of a batch")
    if let lengths {
      try Check.count("lengths", lengths.count, sequences)
      try Check.lengths(lengths.baseAddress, steps: steps, sequences: sequences)
    }
    if let mask { try Check.count("mask", mask.count, rows) }
    return rows
  }

  /// Whether step `t` of sequence `n` counts.
  @inline(__always)
  func counts(_ t: Int, _ n: Int) -> Bool {
    if let lengths, t >= Int(lengths[n]) { return false }
    if let mask { return mask[t &* sequences &+ n] != 0 }
    return true
  }

  /// The steps of sequence `n` that count, ascending.
  ///
  /// - Parameter positions: room for `steps` of them.
  /// - Returns: how many they are.
  @inline(__always)
  func list(_ n: Int, _ positions: UnsafeMutablePointer<Int>) -> Int {
    let length = lengths.map { Int($0[n]) } ?? steps
    guard let mask else {
      for t in 0..<length { positions[t] = t }
      return length
    }
    var count = 0
    for t in 0..<length where mask[t &* sequences &+ n] != 0 {
      positions[count] = t
      count &+= 1
    }
    return count
  }

  /// Number of steps of all sequences that count; T * N exists.
  func countOfAll() -> Int {
    // Steps of no sequences may be any number.
    guard sequences > 0, lengths != nil || mask != nil else { return steps &* sequences }
    var count = 0
    for t in 0..<steps {
      for n in 0..<sequences where counts(t, n) { count &+= 1 }
    }
    return count
  }

  /// The rows `t * N + n` that count, in this order.
  func listAll(_ rows: UnsafeMutablePointer<Int>) {
    var count = 0
    for t in 0..<steps {
      for n in 0..<sequences where counts(t, n) {
        rows[count] = t &* sequences &+ n
        count &+= 1
      }
    }
  }
}
