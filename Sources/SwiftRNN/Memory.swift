// Memory whose size a caller chose: asked for with aligned_alloc and checked, because Swift's own allocators end the
// process when there is none left, and in libswiftrnn.so draw on a reserve that is not made for much (Sources/CReserve).
// Sizes are counted without overflow.
import Kernels

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// A block of `count` elements, aligned to a cache line, not initialised. Freed with the last reference.
@usableFromInline
final class Block<Element: BitwiseCopyable>: @unchecked Sendable {
  @usableFromInline let pointer: UnsafeMutablePointer<Element>
  @usableFromInline let count: Int

  /// - Throws: ``RNNError/outOfMemory(bytes:)``, ``RNNError/overflow(_:)``
  init(count: Int) throws(RNNError) {
    let bytes = try Size.bytes(count, of: Element.self, "a block")
    // A multiple of the alignment: C11 wants that.
    let (padded, overflow) = max(bytes, 64).addingReportingOverflow(63)
    guard !overflow, let memory = aligned_alloc(64, padded & ~63) else { throw .outOfMemory(bytes: bytes) }
    pointer = memory.bindMemory(to: Element.self, capacity: max(count, 1))
    self.count = count
  }

  deinit { free(pointer) }
}

/// Arithmetic on sizes that a caller chose. No variadic parameters: their arrays would be allocations in a stream's
/// step.
enum Size {
  /// The product of factors that are 0 or more.
  static func product(_ a: Int, _ b: Int, _ c: Int = 1, of name: StaticString) throws(RNNError) -> Int {
    let (ab, overflow) = a.multipliedReportingOverflow(by: b)
    let (product, overflow2) = ab.multipliedReportingOverflow(by: c)
    guard !overflow, !overflow2 else { throw .overflow(name) }
    return product
  }

  static func sum(_ a: Int, _ b: Int, _ c: Int = 0, of name: StaticString) throws(RNNError) -> Int {
    let (ab, overflow) = a.addingReportingOverflow(b)
    let (sum, overflow2) = ab.addingReportingOverflow(c)
    guard !overflow, !overflow2 else { throw .overflow(name) }
    return sum
  }

  static func bytes<Element>(_ count: Int, of _: Element.Type, _ name: StaticString) throws(RNNError) -> Int {
    try product(count, MemoryLayout<Element>.stride, of: name)
  }
}
