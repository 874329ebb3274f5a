// Arguments of C calls, checked: what passes cannot trap further down.
import CSwiftRNN
import SwiftRNN

/// Runs the body for the type that `dtype` names.
@inline(__always)
func dispatch(
  _ dtype: swiftrnn_dtype, float: () throws(RNNError) -> Void, double: () throws(RNNError) -> Void
) throws(RNNError) {
  switch dtype {
  case SWIFTRNN_FLOAT32: try float()
  case SWIFTRNN_FLOAT64: try double()
  default: throw Argument.unknown(dtype)
  }
}

/// Pointers and sizes of plain dense arrays.
enum Argument {
  /// What is no type of numbers.
  static func unknown(_ dtype: swiftrnn_dtype) -> RNNError {
    .invalidValue("dtype", Int(truncatingIfNeeded: dtype.rawValue), low: 0, high: 1)
  }

  /// A size that is 0 or more.
  static func size(_ name: StaticString, _ value: Int64) throws(RNNError) -> Int {
    guard value >= 0 else { throw .invalidSize(name, Int(value), low: 0, high: .max) }
    return Int(value)
  }

  /// 0 or 1.
  static func flag(_ name: StaticString, _ value: Int32) throws(RNNError) -> Bool {
    guard value == 0 || value == 1 else { throw .invalidValue(name, Int(value), low: 0, high: 1) }
    return value == 1
  }

  /// The seed of a struct, nil if the call is to draw one.
  static func seed(_ seed: UInt64, seeded: Int32, _ reserved: Int32) throws(RNNError) -> UInt64? {
    let isSeeded = try flag("seeded", seeded)
    guard reserved == 0 else { throw .invalidValue("reserved", Int(reserved), low: 0, high: 0) }
    guard isSeeded || seed == 0 else {
      throw .invalidNumber("seed", Double(seed), allowed: "0 unless seeded is 1")
    }
    return isSeeded ? seed : nil
  }

  /// `rows * columns`, both 0 or more, if that many elements have a number of bytes.
  static func count<Element>(
    _ name: StaticString, _ rows: Int, _ columns: Int, of _: Element.Type
  ) throws(RNNError) -> Int {
    let (count, overflow) = rows.multipliedReportingOverflow(by: columns)
    guard !overflow, count <= Int.max / MemoryLayout<Element>.stride else { throw .overflow(name) }
    return count
  }

  /// `[rows, columns]` to read. NULL is fine if there are no elements.
  static func array<Element>(
    _ name: StaticString, _ pointer: UnsafeRawPointer?, _ rows: Int, _ columns: Int = 1, of type: Element.Type
  ) throws(RNNError) -> UnsafeBufferPointer<Element> {
    let count = try count(name, rows, columns, of: type)
    guard let pointer else {
      guard count == 0 else { throw .nullPointer(name) }
      return UnsafeBufferPointer(start: nil, count: 0)
    }
    try alignment(name, pointer, of: type)
    return UnsafeBufferPointer(start: pointer.assumingMemoryBound(to: Element.self), count: count)
  }

  /// `[rows, columns]` to write.
  static func output<Element>(
    _ name: StaticString, _ pointer: UnsafeMutableRawPointer?, _ rows: Int, _ columns: Int = 1, of type: Element.Type
  ) throws(RNNError) -> UnsafeMutableBufferPointer<Element> {
    UnsafeMutableBufferPointer(mutating: try array(name, UnsafeRawPointer(pointer), rows, columns, of: type))
  }

  /// `[rows, columns]` to write, or nil for NULL: not wanted.
  static func wanted<Element>(
    _ name: StaticString, _ pointer: UnsafeMutableRawPointer?, _ rows: Int, _ columns: Int = 1, of type: Element.Type
  ) throws(RNNError) -> UnsafeMutableBufferPointer<Element>? {
    pointer == nil ? nil : try output(name, pointer, rows, columns, of: type)
  }

  /// Pointers to some tensors, NULL for those that are to be left out, and how many elements each has.
  static func tensors<Element>(
    _ count: Int64, _ pointers: UnsafePointer<UnsafeMutableRawPointer?>?, _ elements: UnsafePointer<Int64>?,
    of type: Element.Type
  ) throws(RNNError) -> (pointers: UnsafeBufferPointer<UnsafeMutableRawPointer?>, counts: UnsafeBufferPointer<Int>) {
    let tensors = try size("tensor_count", count)
    let pointers = try array("gradients", pointers, tensors, of: UnsafeMutableRawPointer?.self)
    let counts = try array("elements", elements, tensors, of: Int.self)
    for t in 0..<tensors {
      guard counts[t] >= 0 else { throw .invalidSize("an entry of elements", counts[t], low: 0, high: .max) }
      if let pointer = pointers[t] { _ = try output("a gradient", pointer, counts[t], of: type) }
    }
    return (pointers, counts)
  }

  static func alignment<Element>(
    _ name: StaticString, _ pointer: UnsafeRawPointer, of _: Element.Type
  ) throws(RNNError) {
    guard Int(bitPattern: pointer) % MemoryLayout<Element>.alignment == 0 else {
      throw .misaligned(name, alignment: MemoryLayout<Element>.alignment)
    }
  }

  /// A struct that begins with its own size. A shorter one is of an older header and refused; what a longer one has
  /// beyond this library's must be zero.
  static func settings<Settings>(
    _ name: StaticString, _ pointer: UnsafePointer<Settings>?
  ) throws(RNNError) -> Settings {
    guard let pointer else { throw .nullPointer(name) }
    try alignment(name, pointer, of: Settings.self)
    let raw = UnsafeRawPointer(pointer)
    let size = raw.load(as: Int64.self)
    let known = MemoryLayout<Settings>.size
    guard size >= known, size <= 1 << 16 else {
      throw .invalidSize("size of the struct", Int(size), low: known, high: 1 << 16)
    }
    for i in known..<Int(size) where raw.load(fromByteOffset: i, as: UInt8.self) != 0 {
      throw .mismatch("the struct is of a newer header and sets what this library does not know")
    }
    return pointer.pointee
  }
}

/// Copies text into `size` bytes, cut to fit, with a zero byte behind; says how many bytes it has with that.
func write(
  _ text: String, _ to: UnsafeMutablePointer<CChar>?, _ size: Int64, _ out_size: UnsafeMutablePointer<Int64>?
) throws(RNNError) {
  try write(Array(text.utf8), to, size, out_size)
}

func write(
  _ bytes: some RandomAccessCollection<UInt8>, _ to: UnsafeMutablePointer<CChar>?, _ size: Int64,
  _ out_size: UnsafeMutablePointer<Int64>?
) throws(RNNError) {
  try checkText(to, size)
  // Before anything is written.
  let out = try out_size.map { (pointer) throws(RNNError) in try output(pointer, "out_size") }
  if let to, size > 0 {
    let count = min(bytes.count, Int(size) - 1)
    for (i, byte) in bytes.prefix(count).enumerated() { to[i] = CChar(bitPattern: byte) }
    to[count] = 0
  }
  out?.pointee = Int64(bytes.count + 1)
}

/// Checks where a text goes.
func checkText(_ to: UnsafeMutablePointer<CChar>?, _ size: Int64) throws(RNNError) {
  guard size >= 0 else { throw .invalidSize("text_size", Int(size), low: 0, high: Int.max) }
  if to == nil && size > 0 { throw .nullPointer("text") }
}
