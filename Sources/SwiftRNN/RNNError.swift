// Every way in which a call can be refused. Cases carry the numbers, and no memory: an error can be made and printed
// when none is left.

/// Why a call was refused. Nothing has been written then.
public enum RNNError: Error, Sendable {
  /// `name` must not be nil.
  case nullPointer(_ name: StaticString)
  /// `name` is outside `low...high`.
  case invalidValue(_ name: StaticString, _ value: Int, low: Int, high: Int)
  /// `name` is not a number that makes sense there; `allowed` says which do.
  case invalidNumber(_ name: StaticString, _ value: Double, allowed: StaticString)
  /// `value`, in the row `name[index]`, is not a number that makes sense there; `allowed` says which do.
  case invalidRow(_ name: StaticString, index: Int, _ value: Double, allowed: StaticString)
  /// `name[index]` is outside `low...high`.
  case invalidElement(_ name: StaticString, index: Int, _ value: Int, low: Int, high: Int)
  /// `lengths[index]` is outside `0...steps`.
  case invalidLength(index: Int, _ value: Int, steps: Int)
  /// The size `name` is outside `low...high`.
  case invalidSize(_ name: StaticString, _ value: Int, low: Int, high: Int)
  /// Two sizes that must be equal are not.
  case sizeMismatch(_ name: StaticString, _ value: Int, expected: Int)
  /// The array or buffer `name` has `count` elements, and must have `expected`.
  case countMismatch(_ name: StaticString, _ count: Int, expected: Int)
  /// Rows of the output `name` would share elements.
  case overlappingRows(_ name: StaticString, stepStride: Int, sequenceStride: Int, width: Int)
  /// A number of bytes does not fit an Int.
  case overflow(_ name: StaticString)
  /// The buffer `name` has `bytes` bytes and needs `needed`.
  case bufferTooSmall(_ name: StaticString, bytes: Int, needed: Int)
  /// The pointer `name` is not a multiple of `alignment` bytes.
  case misaligned(_ name: StaticString, alignment: Int)
  /// The call says that `name` is `value`, and the tape's forward pass that it was `tape`.
  case tapeMismatch(_ name: StaticString, _ value: Int, tape: Int)
  /// `what` belongs to another configuration.
  case mismatch(_ what: StaticString)
  /// `bytes` bytes could not be had.
  case outOfMemory(bytes: Int)
  /// A combination that does not exist.
  case unsupported(_ what: StaticString)
  /// A text of equations that is no cell, or whose sizes do not fit.
  case cell(_ error: CellError)
}

extension RNNError: CustomStringConvertible {
  public var description: String {
    withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 256) { buffer in
      write(to: buffer)
      return String(decoding: buffer.prefix { $0 != 0 }, as: UTF8.self)
    }
  }

  /// Writes the message into `buffer`, cut to fit, with a zero byte behind. Allocates nothing, but for a cell's error.
  public func write(to buffer: UnsafeMutableBufferPointer<UInt8>) {
    var out = MessageWriter(buffer)
    switch self {
    case .nullPointer(let name): out.write(name, " must not be NULL")
    case .invalidValue(let name, let value, let low, let high), .invalidSize(let name, let value, let low, let high):
      out.write(name, " is ", value)
      out.write(range: low, high)
    case .invalidElement(let name, let index, let value, let low, let high):
      out.write(name, "[", index)
      out.write("] is ", value)
      out.write(range: low, high)
    case .invalidLength(let index, let value, let steps):
      out.write("lengths[", index)
      out.write("] is ", value)
      out.write(range: 0, steps)
    case .invalidNumber(let name, let value, let allowed):
      out.write(name, " is ")
      out.write(value)
      out.write(", must be ", allowed)
    case .invalidRow(let name, let index, let value, let allowed):
      out.write(name, "[", index)
      out.write("] has ")
      out.write(value)
      out.write(", must be ", allowed)
    case .tapeMismatch(let name, let value, let tape):
      out.write(name, " is ", value)
      out.write(", but the tape has ", tape)
    case .sizeMismatch(let name, let value, let expected):
      out.write(name, " is ", value)
      out.write(", must be ", expected)
    case .countMismatch(let name, let count, let expected):
      out.write(name, " has ", count)
      out.write(count == 1 ? " element, must have " : " elements, must have ", expected)
    case .overlappingRows(let name, let step, let sequence, let width):
      out.write("rows of ", name)
      out.write(" overlap: strides ", step)
      out.write(" and ", sequence)
      out.write(", width ", width)
    case .overflow(let name): out.write(name, " has more bytes than a 64-bit number can count")
    case .bufferTooSmall(let name, let bytes, let needed):
      out.write(name, " has ", bytes)
      out.write(" bytes, needs ", needed)
    case .misaligned(let name, let alignment):
      out.write(name, " must be aligned to ", alignment)
      out.write(" bytes")
    case .mismatch(let what): out.write(what)
    case .outOfMemory(let bytes):
      out.write("out of memory: ", bytes)
      out.write(" bytes could not be had")
    case .unsupported(let what): out.write(what)
    case .cell(let error): out.write(error.description)
    }
  }
}

/// Text into a fixed buffer.
private struct MessageWriter {
  let buffer: UnsafeMutableBufferPointer<UInt8>
  var used = 0

  init(_ buffer: UnsafeMutableBufferPointer<UInt8>) {
    self.buffer = buffer
    if !buffer.isEmpty { buffer[0] = 0 }
  }

  mutating func write(byte: UInt8) {
    guard used + 1 < buffer.count else { return }
    buffer[used] = byte
    used += 1
    buffer[used] = 0
  }

  mutating func write(_ text: String) {
    for byte in text.utf8 { write(byte: byte) }
  }

  mutating func write(_ texts: StaticString...) {
    for text in texts { write(text) }
  }

  mutating func write(_ text: StaticString) {
    for i in 0..<text.utf8CodeUnitCount { write(byte: text.utf8Start[i]) }
  }

  mutating func write(_ a: StaticString, _ number: Int) {
    write(a)
    write(number)
  }

  mutating func write(_ a: StaticString, _ b: StaticString, _ number: Int) {
    write(a)
    write(b)
    write(number)
  }

  mutating func write(_ number: Int) {
    if number < 0 { write(byte: UInt8(ascii: "-")) }
    let magnitude = number.magnitude
    var power: UInt = 1
    while magnitude / power >= 10 { power *= 10 }
    while power > 0 {
      write(byte: UInt8(ascii: "0") + UInt8(magnitude / power % 10))
      power /= 10
    }
  }

  /// 15 digits or decimal places, a Double has no more for certain; with an exponent, for very small and very large
  /// numbers, 10 digits.
  mutating func write(_ number: Double) {
    if number.isNaN { return write("NaN") }
    if number.sign == .minus { write(byte: UInt8(ascii: "-")) }
    // Arithmetic may flush these to zero here.
    if number.isSubnormal { return write("subnormal") }
    if number.isInfinite { return write("infinity") }
    var magnitude = number.magnitude
    var exponent = 0
    var places = 15
    if magnitude != 0 && (magnitude < 1e-4 || magnitude >= 1e15) {
      while magnitude < 1 { (magnitude, exponent) = (magnitude * 10, exponent - 1) }
      while magnitude >= 10 { (magnitude, exponent) = (magnitude / 10, exponent + 1) }
      // What the digits below round to 10 is 1 with the next exponent: repeated steps leave 1 a little short.
      if magnitude >= 10 - 0.5e-9 { (magnitude, exponent) = (1, exponent + 1) }
      places = 9
    } else {
      var bound = 1.0
      while magnitude >= bound { (bound, places) = (bound * 10, places - 1) }
    }
    var unit = 1
    for _ in 0..<places { unit *= 10 }
    let scaled = Int((magnitude * Double(unit)).rounded())
    write(scaled / unit)
    var rest = scaled % unit
    if rest > 0 { write(byte: UInt8(ascii: ".")) }
    while rest > 0 {
      unit /= 10
      write(byte: UInt8(ascii: "0") + UInt8(rest / unit))
      rest %= unit
    }
    if exponent != 0 {
      write(byte: UInt8(ascii: "e"))
      write(exponent)
    }
  }

  mutating func write(range low: Int, _ high: Int) {
    if high < low {
      write(", and no value is allowed")
    } else if high == low {
      write(", must be ", low)
    } else if high == Int.max {
      write(", must be ", low)
      write(" or more")
    } else {
      write(", must be in ", low)
      write("...", high)
    }
  }
}
