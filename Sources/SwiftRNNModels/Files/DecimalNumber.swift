// Decimal digits to the nearest double, by whole numbers alone: the standard library calls strtod, which rounds as the
// caller's control words say.

/// A whole number of any size, 0 or more; its words from the lowest.
private struct WholeNumber {
  var words: [UInt32] = []

  var isZero: Bool { words.isEmpty }

  /// 0 has none.
  var bits: Int { words.count * 32 - (words.last?.leadingZeroBitCount ?? 0) }

  /// `self * factor + summand`
  mutating func multiply(by factor: UInt32, adding summand: UInt32 = 0) {
    var carry = UInt64(summand)
    for i in words.indices {
      let product = UInt64(words[i]) * UInt64(factor) + carry
      words[i] = UInt32(truncatingIfNeeded: product)
      carry = product >> 32
    }
    if carry > 0 { words.append(UInt32(carry)) }
  }

  mutating func shift(left bits: Int) {
    guard !isZero else { return }
    multiply(by: 1 << UInt32(bits % 32))
    words.insert(contentsOf: repeatElement(0, count: bits / 32), at: 0)
  }

  func isLess(than other: WholeNumber) -> Bool {
    if words.count != other.words.count { return words.count < other.words.count }
    for i in words.indices.reversed() where words[i] != other.words[i] { return words[i] < other.words[i] }
    return false
  }

  /// - Parameter other: not above this.
  mutating func subtract(_ other: WholeNumber) {
    var borrow: Int64 = 0
    for i in words.indices {
      let difference = Int64(words[i]) - (i < other.words.count ? Int64(other.words[i]) : 0) - borrow
      borrow = difference < 0 ? 1 : 0
      words[i] = UInt32(truncatingIfNeeded: difference)
    }
    while words.last == 0 { words.removeLast() }
  }
}

extension Double {
  /// The double nearest to `digits * 10^exponent`, of two as near the even one; infinite where that is above all doubles.
  ///
  /// - Parameter digits: ASCII digits, of which others are skipped, such as a point. The work is in proportion to their
  ///   square.
  init(digits: UnsafeBufferPointer<UInt8>, exponent: Int, isNegative: Bool) {
    let sign: UInt64 = isNegative ? 1 << 63 : 0
    var (numerator, denominator) = (WholeNumber(), WholeNumber(words: [1]))
    for byte in digits where byte &- UInt8(ascii: "0") < 10 {
      numerator.multiply(by: 10, adding: UInt32(byte - UInt8(ascii: "0")))
    }
    // 10^309 is above all doubles, 10^-325 below a half of the least; a number of n bits has n / 4 digits at least.
    let decimals = numerator.bits / 4
    if numerator.isZero || exponent < -325 - digits.count {
      self.init(bitPattern: sign)
      return
    }
    if exponent > 309 || exponent + decimals > 400 + digits.count {
      self.init(bitPattern: sign | 0x7ff0_0000_0000_0000)
      return
    }
    for _ in 0..<max(exponent, 0) { numerator.multiply(by: 10) }
    for _ in 0..<max(-exponent, 0) { denominator.multiply(by: 10) }
    // The quotient is put into 1 ..< 2, times 2^power.
    var power = numerator.bits - denominator.bits
    if power > 0 { denominator.shift(left: power) } else { numerator.shift(left: -power) }
    if numerator.isLess(than: denominator) {
      numerator.shift(left: 1)
      power -= 1
    }
    guard power >= -1075 else {
      self.init(bitPattern: sign)
      return
    }
    // Subnormal numbers have fewer bits, down to none, and the bit behind them.
    var significand: UInt64 = 0
    for _ in 0..<min(53, power + 1075) {
      significand <<= 1
      if !numerator.isLess(than: denominator) {
        numerator.subtract(denominator)
        significand |= 1
      }
      numerator.shift(left: 1)
    }
    if !numerator.isLess(than: denominator) {
      numerator.subtract(denominator)
      if !numerator.isZero || significand & 1 == 1 { significand += 1 }
    }
    // The significand's first bit adds 1 to the exponent's field; so does a carry out of its last.
    let field = power >= -1022 ? UInt64(power + 1022) << 52 : 0
    let bits = field + significand
    self.init(bitPattern: sign | min(bits, 0x7ff0_0000_0000_0000))
  }
}
