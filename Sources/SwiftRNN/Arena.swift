// The caller's workspace, cut into arrays.
import Kernels

/// Hands out aligned pieces of a block of memory, or, without one, counts how much they come to: the same code lays a
/// workspace out and sizes it.
struct Arena {
  static let alignment = 64

  private let base: UnsafeMutableRawPointer?
  private(set) var used = 0
  /// The pieces come to more bytes than an Int counts.
  private(set) var overflowed = false

  /// - Parameter base: memory of at least the counted size, or nil to count.
  init(_ base: UnsafeMutableRawPointer?) {
    self.base = base.map { $0.alignedUp(toMultipleOf: Self.alignment) }
  }

  /// Bytes that a caller must provide: the pieces, and room to align the first one.
  func size(_ name: StaticString) throws(RNNError) -> Int {
    guard !overflowed else { throw .overflow(name) }
    return try Size.sum(used, Self.alignment, of: name)
  }

  /// An uninitialised array of a * b * c * d elements. While counting, its address must not be followed.
  mutating func take<Element: BitwiseCopyable>(
    _: Element.Type, _ a: Int, _ b: Int = 1, _ c: Int = 1, _ d: Int = 1
  ) -> UnsafeMutablePointer<Element> {
    // Not variadic: an array of factors would be an allocation, in every pass.
    var bytes = MemoryLayout<Element>.stride
    multiply(&bytes, a)
    multiply(&bytes, b)
    multiply(&bytes, c)
    multiply(&bytes, d)
    let start = used
    let (end, overflow) = used.addingReportingOverflow(bytes)
    let (padded, overflow2) = end.addingReportingOverflow(Self.alignment - 1)
    if overflow || overflow2 || bytes < 0 { overflowed = true }
    used = overflowed ? used : padded / Self.alignment * Self.alignment
    let pointer = base.map { $0 + start } ?? UnsafeMutableRawPointer(bitPattern: Self.alignment).unsafelyUnwrapped
    return pointer.bindMemory(to: Element.self, capacity: max(1, bytes / MemoryLayout<Element>.stride))
  }

  /// The same with `behind` elements more.
  mutating func take<Element: BitwiseCopyable>(
    _: Element.Type, _ a: Int, _ b: Int = 1, _ c: Int = 1, behind: Int
  ) -> UnsafeMutablePointer<Element> {
    let pointer = take(Element.self, a, b, c)
    _ = take(Element.self, behind)
    return pointer
  }

  private mutating func multiply(_ bytes: inout Int, _ factor: Int) {
    let (product, overflow) = bytes.multipliedReportingOverflow(by: factor)
    if overflow { overflowed = true }
    bytes = product
  }

  /// Passes over `bytes` more bytes, `times` times; a multiple of the alignment.
  mutating func skip(_ bytes: Int, times: Int) {
    let (all, overflow) = bytes.multipliedReportingOverflow(by: max(times, 0))
    let (end, overflow2) = used.addingReportingOverflow(all)
    if overflow || overflow2 { overflowed = true } else { used = end }
  }

  /// Goes on at least behind what `other`, an arena of the same memory, has taken.
  mutating func reach(_ other: Arena) {
    used = max(used, other.used)
    overflowed = overflowed || other.overflowed
  }
}
