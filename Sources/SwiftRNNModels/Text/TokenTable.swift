// Texts of tokens, each once, numbered in the order in which they came. Tokens are compared byte by byte: strings of Swift
// would be equal where Unicode calls them equivalent, and slower.
import CPrimitives

/// A set of byte strings with numbers from 0 on. Its memory is not the Swift runtime's: a text decides how much it is.
final class TokenTable {
  private let bytes: GrowingBuffer<UInt8>
  /// Where each token ends in `bytes`, and before them a 0.
  private let ends: GrowingBuffer<Int>
  /// Open addressing: 0, or the upper half of the hash and below it the number and 1.
  @exclusivity(unchecked) private var slots: GrowingBuffer<UInt64>
  /// Of tokens of one byte below 128, the number; -1: is not there.
  private let single: GrowingBuffer<Int32>
  private let seed: UInt64

  /// The most tokens.
  static let largest = 1 << 30

  /// - Throws: ``ModelError/rnn(_:)`` where memory is lacking, as all that adds.
  init() throws(ModelError) {
    bytes = try GrowingBuffer()
    ends = try GrowingBuffer()
    try ends.append(0)
    slots = try Self.slots(64)
    single = try GrowingBuffer(capacity: 128)
    for _ in 0..<128 { try single.append(-1) }
    // Nobody can write a text whose tokens all meet in one slot. Numbers do not depend on it.
    var random: UInt64 = 0
    _ = swiftrnn_random_bits(&random)
    seed = random
  }

  private static func slots(_ count: Int) throws(ModelError) -> GrowingBuffer<UInt64> {
    let slots = try GrowingBuffer<UInt64>(capacity: count)
    slots.pointer.initialize(repeating: 0, count: count)
    slots.setCount(count)
    return slots
  }

  var count: Int { ends.count - 1 }
  /// Bytes of all tokens together.
  var textBytes: Int { bytes.count }

  /// The token of a number below ``count``, until one is added.
  subscript(number: Int) -> UnsafeBufferPointer<UInt8> {
    let (start, end) = (ends[number], ends[number + 1])
    return UnsafeBufferPointer(start: UnsafePointer(bytes.pointer) + start, count: end - start)
  }

  /// Eight bytes at a time: exclusive or, a product of 128 bits, and its halves' exclusive or.
  private func hash(_ token: UnsafeBufferPointer<UInt8>) -> UInt64 {
    var hash = seed ^ UInt64(token.count)
    @inline(__always) func mix(_ part: UInt64) {
      let product = (hash ^ part).multipliedFullWidth(by: 0x9e37_79b9_7f4a_7c15)
      hash = product.high ^ product.low &+ seed
    }
    let raw = UnsafeRawBufferPointer(token)
    var at = 0
    while at + 8 <= raw.count {
      mix(raw.loadUnaligned(fromByteOffset: at, as: UInt64.self))
      at += 8
    }
    var rest: UInt64 = 1
    while at < raw.count {
      rest = rest << 8 | UInt64(raw[at])
      at += 1
    }
    mix(rest)
    mix(0x2545_f491_4f6c_dd1d)
    return hash
  }

  /// The slot of a token, or the empty one where it belongs.
  private func slot(_ token: UnsafeBufferPointer<UInt8>, _ hash: UInt64) -> Int {
    let mask = slots.count - 1
    var slot = Int(truncatingIfNeeded: hash) & mask
    while true {
      let entry = slots[slot]
      if entry == 0 { return slot }
      if entry >> 32 == hash >> 32, self[Int(entry & 0xffff_ffff) - 1].elementsEqual(token) { return slot }
      slot = (slot + 1) & mask
    }
  }

  /// The number of a token; nil: is not there.
  @inline(__always)
  func number(of token: UnsafeBufferPointer<UInt8>) -> Int? {
    if token.count == 1, token[0] < 128 {
      let number = single[Int(token[0])]
      return number >= 0 ? Int(number) : nil
    }
    return longNumber(of: token)
  }

  @inline(never)
  private func longNumber(of token: UnsafeBufferPointer<UInt8>) -> Int? {
    let entry = slots[slot(token, hash(token))]
    return entry == 0 ? nil : Int(entry & 0xffff_ffff) - 1
  }

  /// The number of a token, which is added if it is not there.
  ///
  /// - Parameter token: not of this table.
  func add(_ token: UnsafeBufferPointer<UInt8>) throws(ModelError) -> (number: Int, isNew: Bool) {
    if let number = number(of: token) { return (number, false) }
    let number = count
    guard number < Self.largest else {
      throw .value(name: "the text", reason: "has more than \(Self.largest) tokens that differ")
    }
    if number >= slots.count / 2 { try grow() }
    try ends.reserve(1)
    try bytes.append(token)
    try ends.append(bytes.count)
    let hash = hash(token)
    slots[slot(token, hash)] = hash & ~0xffff_ffff | UInt64(number + 1)
    if token.count == 1, token[0] < 128 { single[Int(token[0])] = Int32(number) }
    return (number, true)
  }

  private func grow() throws(ModelError) {
    let larger = try Self.slots(4 * slots.count)
    slots = larger
    for number in 0..<count {
      let token = self[number]
      let hash = hash(token)
      slots[slot(token, hash)] = hash & ~0xffff_ffff | UInt64(number + 1)
    }
  }
}
