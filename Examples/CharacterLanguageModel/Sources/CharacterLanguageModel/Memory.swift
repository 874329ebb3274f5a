// Memory of a fixed address, as the library's calls take it.

/// `count` numbers, all zero at first; freed with the last reference.
final class Memory<Element: BitwiseCopyable> {
  let mutable: UnsafeMutableBufferPointer<Element>
  /// The same numbers, to read.
  var constant: UnsafeBufferPointer<Element> { UnsafeBufferPointer(mutable) }

  init(_ zero: Element, _ count: Int) {
    mutable = .allocate(capacity: count)
    mutable.initialize(repeating: zero)
  }

  deinit { mutable.deallocate() }
}

extension Memory<Float> {
  convenience init(_ count: Int) { self.init(0, count) }
}

extension Memory<Int> {
  convenience init(_ count: Int) { self.init(0, count) }
}

/// Scratch of a network's pass, in bytes.
extension Memory<UInt8> {
  convenience init(bytes: Int) { self.init(0, bytes) }
  var pointer: UnsafeMutableRawPointer? { UnsafeMutableRawPointer(mutable.baseAddress) }
}
