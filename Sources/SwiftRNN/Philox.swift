// Random numbers without a state: a function of a key and a counter, so that any part of a batch, on any thread, draws
// the same numbers.

/// Philox4x32-10 (Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", 2011).
///
/// Each (key, counter) gives four random words by ten rounds of multiplication and exclusive or. No state: equal
/// arguments give equal words, whatever was drawn before.
public struct Philox: Sendable {
  /// The key of the first round.
  public let key: (UInt32, UInt32)

  /// - Parameter seed: the key, its low 32 bits first.
  @inline(__always) public init(seed: UInt64) {
    key = (UInt32(truncatingIfNeeded: seed), UInt32(truncatingIfNeeded: seed &>> 32))
  }

  /// The four words of the counter (c0, c1, c2, c3), c0 the lowest.
  @inline(__always)
  public func words(_ c0: UInt32, _ c1: UInt32, _ c2: UInt32, _ c3: UInt32) -> (UInt32, UInt32, UInt32, UInt32) {
    var (k0, k1) = key
    var (c0, c1, c2, c3) = (c0, c1, c2, c3)
    for _ in 0..<10 {
      let a = UInt64(c0) &* 0xd251_1f53
      let b = UInt64(c2) &* 0xcd9e_8d57
      c0 = UInt32(truncatingIfNeeded: b &>> 32) ^ c1 ^ k0
      c1 = UInt32(truncatingIfNeeded: b)
      c2 = UInt32(truncatingIfNeeded: a &>> 32) ^ c3 ^ k1
      c3 = UInt32(truncatingIfNeeded: a)
      k0 = k0 &+ 0x9e37_79b9
      k1 = k1 &+ 0xbb67_ae85
    }
    return (c0, c1, c2, c3)
  }

  /// The same for a counter of two 64-bit halves, each with its low word first.
  @inline(__always)
  public func words(_ low: UInt64, _ high: UInt64) -> (UInt32, UInt32, UInt32, UInt32) {
    words(
      UInt32(truncatingIfNeeded: low), UInt32(truncatingIfNeeded: low &>> 32),
      UInt32(truncatingIfNeeded: high), UInt32(truncatingIfNeeded: high &>> 32))
  }

  /// A multiple of 2^-24 in [0, 1) from the high bits of a word: exact in Float and Double.
  @inline(__always) public static func uniform24(_ word: UInt32) -> Float { Float(word &>> 8) * 0x1p-24 }

  /// A multiple of 2^-53 in [0, 1) from the high bits of two words.
  @inline(__always) public static func uniform53(_ low: UInt32, _ high: UInt32) -> Double {
    Double((UInt64(high) &<< 32 | UInt64(low)) &>> 11) * 0x1p-53
  }
}
