// A number that tells configurations, cells, forests and tapes apart.

/// FNV-1a of 64 bits (Fowler, Noll, Vo 1991) over bytes, numbers as eight bytes, low ones first. Guards against mistakes,
/// not against an adversary.
struct Fingerprint {
  private(set) var value: UInt64 = 0xcbf2_9ce4_8422_2325

  mutating func add(byte: UInt8) { value = (value ^ UInt64(byte)) &* 0x100_0000_01b3 }

  mutating func add(_ number: UInt64) {
    for byte in 0..<8 { add(byte: UInt8(truncatingIfNeeded: number >> UInt64(8 &* byte))) }
  }

  mutating func add(_ number: Int) { add(UInt64(bitPattern: Int64(number))) }
  mutating func add(_ flag: Bool) { add(byte: flag ? 1 : 0) }

  mutating func add(_ numbers: [Int]) {
    add(numbers.count)
    for number in numbers { add(number) }
  }

  /// The value where 0 says that there is none.
  var nonzero: UInt64 { value == 0 ? 1 : value }
}
