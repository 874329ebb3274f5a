/// Random numbers for tests (Steele, Lea, Flood 2014): the same on every machine.
public struct SplitMix: RandomNumberGenerator {
  private var state: UInt64

  public init(_ seed: UInt64) { state = seed }

  public mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ (z &>> 30)) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ (z &>> 27)) &* 0x94d0_49bb_1331_11eb
    return z ^ (z &>> 31)
  }

  /// `count` numbers in `range`.
  public mutating func numbers<Scalar: BinaryFloatingPoint>(
    _ count: Int, _ range: ClosedRange<Double> = -1...1
  ) -> [Scalar] {
    (0..<count).map { _ in
      Scalar(range.lowerBound + (range.upperBound - range.lowerBound) * Double(next() &>> 11) * 0x1p-53)
    }
  }

  /// `count` integers in `range`.
  public mutating func integers(_ count: Int, _ range: Range<Int>) -> [Int] {
    (0..<count).map { _ in range.lowerBound + Int(next() % UInt64(range.count)) }
  }
}
