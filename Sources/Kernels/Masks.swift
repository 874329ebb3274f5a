// Masks of dropped numbers, drawn where they are used: Philox of sixteen counters side by side.

/// What a row's mask is drawn from: number i of a row is word i mod 4 of the counter (c0 + i / 4, c1, c2, c3), and is
/// kept where that is at least `threshold`.
@frozen public struct MaskCounter: BitwiseCopyable, Sendable {
  /// Of Philox: the seed, its low 32 bits first.
  @usableFromInline let key: (UInt32, UInt32)
  @usableFromInline let c0: UInt32
  @usableFromInline let c1: UInt32
  @usableFromInline let c2: UInt32
  @usableFromInline let c3: UInt32
  @usableFromInline let threshold: UInt32

  /// c0 and the counters that follow it must not pass 2^32.
  @inlinable
  public init(key: (UInt32, UInt32), _ c0: UInt32, _ c1: UInt32, _ c2: UInt32, _ c3: UInt32, threshold: UInt32) {
    self.key = key
    (self.c0, self.c1, self.c2, self.c3) = (c0, c1, c2, c3)
    self.threshold = threshold
  }
}

extension MaskCounter {
  /// The words of the sixteen counters from c0 + `first` on: 64 numbers, in their order.
  ///
  /// Philox4x32-10 (Salmon, Moraes, Dror, Shaw 2011). Plain loops over counters: the compiler makes vectors of them,
  /// where shifts of Swift's own vectors are done number by number.
  @_alwaysEmitIntoClient @inline(__always)
  func fill(_ words: UnsafeMutablePointer<UInt32>, first: UInt32) {
    withUnsafeTemporaryAllocation(of: UInt32.self, capacity: 64) { buffer in
      let a = buffer.baseAddress.unsafelyUnwrapped
      let (b, c, d) = (a + 16, a + 32, a + 48)
      for q in 0..<16 {
        a[q] = c0 &+ first &+ UInt32(truncatingIfNeeded: q)
        b[q] = c1
        c[q] = c2
        d[q] = c3
      }
      var (k0, k1) = key
      for _ in 0..<10 {
        for q in 0..<16 {
          let p = UInt64(a[q]) &* 0xd251_1f53
          let r = UInt64(c[q]) &* 0xcd9e_8d57
          let (x, y) = (b[q] ^ k0, d[q] ^ k1)
          a[q] = UInt32(truncatingIfNeeded: r &>> 32) ^ x
          b[q] = UInt32(truncatingIfNeeded: r)
          c[q] = UInt32(truncatingIfNeeded: p &>> 32) ^ y
          d[q] = UInt32(truncatingIfNeeded: p)
        }
        k0 = k0 &+ 0x9e37_79b9
        k1 = k1 &+ 0xbb67_ae85
      }
      for q in 0..<16 {
        words[4 &* q] = a[q]
        words[4 &* q &+ 1] = b[q]
        words[4 &* q &+ 2] = c[q]
        words[4 &* q &+ 3] = d[q]
      }
    }
  }

  /// Calls `body` with the number of the first of some numbers of a row, how many they are, and their words.
  @_alwaysEmitIntoClient @inline(__always)
  func visit(_ count: Int, _ body: (_ first: Int, _ count: Int, _ words: UnsafePointer<UInt32>) -> Void) {
    withUnsafeTemporaryAllocation(of: UInt32.self, capacity: 64) { buffer in
      let words = buffer.baseAddress.unsafelyUnwrapped
      var i = 0
      while i < count {
        fill(words, first: UInt32(truncatingIfNeeded: i / 4))
        body(i, Swift.min(64, count &- i), words)
        i &+= 64
      }
    }
  }
}

/// `out[i]` = `kept`, or `dropped` where the mask drops it.
@_alwaysEmitIntoClient @inline(__always)
func fillMask<Scalar: Real>(
  _ counter: MaskCounter, _ kept: Scalar, _ dropped: Scalar, _ out: UnsafeMutablePointer<Scalar>, _ count: Int
) {
  counter.visit(count) { first, some, words in
    for i in 0..<some { out[first &+ i] = words[i] >= counter.threshold ? kept : dropped }
  }
}

/// `out[i] = x[i] * scale`, or 0 where the mask drops it; `out` may be `x`.
@_alwaysEmitIntoClient @inline(__always)
func applyMask<Scalar: Real>(
  _ counter: MaskCounter, _ scale: Scalar, _ x: UnsafePointer<Scalar>, _ out: UnsafeMutablePointer<Scalar>, _ count: Int
) {
  counter.visit(count) { first, some, words in
    for i in 0..<some { out[first &+ i] = words[i] >= counter.threshold ? x[first &+ i] * scale : 0 }
  }
}

/// Entries for masks. Pointers need only their elements' alignment.
public struct MaskKernels<Scalar: Real>: Sendable {
  /// `out[i]` = `kept`, or `dropped` where the mask drops it.
  public let fill:
    @Sendable (
      _ counter: UnsafePointer<MaskCounter>, _ kept: Scalar, _ dropped: Scalar, _ out: UnsafeMutablePointer<Scalar>,
      _ count: Int
    ) -> Void

  /// `out[i] = x[i] * scale`, or 0 where the mask drops it; `out` may be `x`.
  public let apply:
    @Sendable (
      _ counter: UnsafePointer<MaskCounter>, _ scale: Scalar, _ x: UnsafePointer<Scalar>,
      _ out: UnsafeMutablePointer<Scalar>, _ count: Int
    ) -> Void

  @_alwaysEmitIntoClient @inline(__always)
  public init<V: Lanes>(_: V.Type) where V.Scalar == Scalar {
    fill = { fillMask($0.pointee, $1, $2, $3, $4) }
    apply = { applyMask($0.pointee, $1, $2, $3, $4) }
  }
}
