// Memory whose size a file or a text decides: asked for with aligned_alloc and checked, as SwiftRNN's Block, because
// Swift's own arrays end the process when there is none left.
import SwiftRNN

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Elements side by side, aligned to a cache line, that become more. Freed with the last reference.
final class GrowingBuffer<Element: BitwiseCopyable> {
  // Unchecked: the runtime's checks of exclusive access took half of the time of counting a text's words. No property is
  // lent out, and a buffer is of one thread as long as it grows.
  @exclusivity(unchecked) private(set) var pointer: UnsafeMutablePointer<Element>
  @exclusivity(unchecked) private(set) var count = 0
  @exclusivity(unchecked) private(set) var capacity: Int

  /// - Parameter capacity: for how many elements memory is had at once, 0 or more.
  /// - Throws: ``ModelError/rnn(_:)`` of `RNNError/outOfMemory(bytes:)` or `RNNError/overflow(_:)`.
  init(capacity: Int = 0) throws(ModelError) {
    pointer = try Self.memory(capacity)
    self.capacity = capacity
  }

  deinit { free(pointer) }

  private static func memory(_ count: Int) throws(ModelError) -> UnsafeMutablePointer<Element> {
    let (bytes, overflow) = count.multipliedReportingOverflow(by: MemoryLayout<Element>.stride)
    let (padded, overflow2) = max(bytes, 64).addingReportingOverflow(63)
    guard count >= 0, !overflow, !overflow2 else { throw .rnn(.overflow("a buffer")) }
    guard let memory = aligned_alloc(64, padded & ~63) else { throw .rnn(.outOfMemory(bytes: bytes)) }
    return memory.bindMemory(to: Element.self, capacity: max(count, 1))
  }

  /// Has memory for `more` elements behind those that are there. What was a pointer into the buffer is none any more.
  func reserve(_ more: Int) throws(ModelError) {
    guard more > capacity - count else { return }
    let (needed, overflow) = count.addingReportingOverflow(more)
    guard !overflow, capacity <= Int.max / 2 else { throw .rnn(.overflow("a buffer")) }
    let larger = max(needed, 2 * capacity, 16)
    let memory = try Self.memory(larger)
    memory.update(from: pointer, count: count)
    free(pointer)
    (pointer, capacity) = (memory, larger)
  }

  func append(_ element: Element) throws(ModelError) {
    if count == capacity { try reserve(1) }
    pointer[count] = element
    count += 1
  }

  /// - Parameter elements: not of this buffer.
  func append(_ elements: UnsafeBufferPointer<Element>) throws(ModelError) {
    guard let start = elements.baseAddress, !elements.isEmpty else { return }
    try reserve(elements.count)
    (pointer + count).update(from: start, count: elements.count)
    count += elements.count
  }

  /// Forgets all but the first `count` elements, or, where there are fewer, takes memory that was written through
  /// ``pointer``.
  func setCount(_ count: Int) { self.count = min(max(count, 0), capacity) }

  /// The element `index`, which is checked.
  subscript(index: Int) -> Element {
    get {
      precondition(index >= 0 && index < count)
      return pointer[index]
    }
    set {
      precondition(index >= 0 && index < count)
      pointer[index] = newValue
    }
  }

  /// What is there. Only so it is sure that the buffer lives as long as its elements are looked at.
  func withElements<Result>(
    _ body: (UnsafeBufferPointer<Element>) throws(ModelError) -> Result
  ) throws(ModelError) -> Result {
    try withExtendedLifetime(self) { () throws(ModelError) in
      try body(UnsafeBufferPointer(start: pointer, count: count))
    }
  }

  /// A copy of what is there, by Swift's own allocator.
  var array: [Element] { withExtendedLifetime(self) { Array(UnsafeBufferPointer(start: pointer, count: count)) } }
}
