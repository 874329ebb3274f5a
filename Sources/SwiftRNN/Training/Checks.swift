// What the calls of this folder refuse.

/// Checks that throw, on the way in.
enum Check {
  static func size(_ name: StaticString, _ value: Int) throws(RNNError) {
    guard value >= 0 else { throw .invalidSize(name, value, low: 0, high: .max) }
  }

  /// Two sizes that must be equal.
  static func size(_ name: StaticString, _ value: Int, _ expected: Int) throws(RNNError) {
    guard value == expected else { throw .sizeMismatch(name, value, expected: expected) }
  }

  /// How many elements an array or a buffer has.
  static func count(_ name: StaticString, _ count: Int, _ expected: Int) throws(RNNError) {
    guard count == expected else { throw .countMismatch(name, count, expected: expected) }
  }

  /// A finite number that is 0 or more.
  static func notNegative(_ name: StaticString, _ value: Double) throws(RNNError) {
    guard value >= 0, value < .infinity else {
      throw .invalidNumber(name, value, allowed: "a finite number that is 0 or more")
    }
  }

  /// A share in [0, 1).
  static func belowOne(_ name: StaticString, _ value: Double) throws(RNNError) {
    guard value >= 0, value < 1 else { throw .invalidNumber(name, value, allowed: "in [0, 1)") }
  }

  /// Every one of `ids` is in `0 ..< limit`, or is `ignored`. Returns how many are not ignored.
  static func ids(
    _ name: StaticString, _ ids: UnsafeBufferPointer<Int>, below limit: Int, ignored: Int? = nil
  ) throws(RNNError) -> Int {
    var counted = 0
    for i in 0..<ids.count {
      let id = ids[i]
      if let ignored, id == ignored { continue }
      guard id >= 0, id < limit else { throw .invalidElement(name, index: i, id, low: 0, high: limit - 1) }
      counted += 1
    }
    return counted
  }
}
