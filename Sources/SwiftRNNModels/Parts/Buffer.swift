// Memory that a model keeps from pass to pass: asking the system for a hundred megabytes in every step, and getting them
// as pages that are not there yet, would take longer than a small step.
import SwiftRNN

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Elements that grow with the largest request, aligned to a cache line. Belongs to one thread at a time.
final class Buffer<Element: BitwiseCopyable> {
  private var memory: UnsafeMutableRawPointer?
  private var capacity = 0

  init() {}

  deinit { free(memory) }

  /// The first `count` elements, not initialised. Elements of earlier calls are lost if the buffer has to grow.
  ///
  /// - Throws: `RNNError/overflow(_:)`, `RNNError/outOfMemory(bytes:)`; the buffer is empty then.
  func take(_ count: Int) throws(RNNError) -> UnsafeMutableBufferPointer<Element> {
    if memory == nil || count > capacity { try grow(to: count) }
    guard let memory else { throw .outOfMemory(bytes: 0) }
    return UnsafeMutableBufferPointer(start: memory.assumingMemoryBound(to: Element.self), count: count)
  }

  private func grow(to count: Int) throws(RNNError) {
    free(memory)
    (memory, capacity) = (nil, 0)
    let (bytes, overflow) = max(count, 1).multipliedReportingOverflow(by: MemoryLayout<Element>.stride)
    guard count >= 0, !overflow, bytes <= Int.max - 63 else { throw .overflow("a buffer of a model") }
    guard let new = aligned_alloc(64, (bytes + 63) & ~63) else { throw .outOfMemory(bytes: bytes) }
    new.bindMemory(to: Element.self, capacity: max(count, 1))
    (memory, capacity) = (new, count)
  }
}

extension UnsafeMutableBufferPointer {
  /// The elements, to read.
  var constant: UnsafeBufferPointer<Element> { UnsafeBufferPointer(self) }

  /// A part of the elements. `range` lies within them.
  func part(_ range: Range<Int>) -> UnsafeMutableBufferPointer<Element> {
    UnsafeMutableBufferPointer(rebasing: self[range])
  }
}

/// Arithmetic on sizes that a caller chose.
enum Sizes {
  /// - Throws: `RNNError/overflow(_:)`
  static func product(_ factors: Int..., name: StaticString) throws(RNNError) -> Int {
    var product = 1
    for factor in factors {
      let (next, overflow) = product.multipliedReportingOverflow(by: factor)
      guard !overflow, next >= 0 else { throw .overflow(name) }
      product = next
    }
    return product
  }
}
