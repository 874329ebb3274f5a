// The message of each error, in a fixed buffer: no memory is needed to tell that none is left.
//
// Floors below the faces call arguments what C calls them, because names are static strings; for Swift they are
// translated here.

extension RNNError: CustomStringConvertible {
  /// What is wrong, with the numbers, and arguments as they are called in Swift.
  public var description: String {
    if case .cell(let error) = self { return error.description }
    return withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 256) { buffer in
      write(to: buffer)
      return String(decoding: buffer.prefix { $0 != 0 }, as: UTF8.self)
    }
  }

  /// Whose names a message has for the arguments of calls.
  public enum Naming: Sendable { case swift, c }

  /// Writes the message into `buffer`, cut to fit, with a zero byte behind. Allocates nothing, but for a cell's error.
  public func write(to buffer: UnsafeMutableBufferPointer<UInt8>, naming: Naming = .swift) {
    var out = MessageWriter(buffer, naming)
    switch self {
    case .nullPointer(let name):
      out.write(name: name)
      out.write(naming == .c ? " must not be NULL" : " must not be nil")
    case .invalidValue(let name, let value, let low, let high), .invalidSize(let name, let value, let low, let high):
      out.write(name: name)
      out.write(" is ", value)
      out.write(range: low, high)
    case .invalidElement(let name, let index, let value, let low, let high):
      out.write(name: name)
      out.write("[", index)
      out.write("] is ", value)
      out.write(range: low, high)
    case .invalidLength(let index, let value, let steps):
      out.write("lengths[", index)
      out.write("] is ", value)
      out.write(range: 0, steps)
    case .invalidNumber(let name, let value, let allowed):
      out.write(name: name)
      out.write(" is ")
      out.write(value)
      out.write(", must be ", allowed)
    case .invalidRow(let name, let index, let value, let allowed):
      out.write(name: name)
      out.write("[", index)
      out.write("] has ")
      out.write(value)
      out.write(", must be ", allowed)
    case .tapeMismatch(let name, let value, let tape):
      out.write(name: name)
      out.write(" is ", value)
      out.write(", but the tape has ", tape)
    case .sizeMismatch(let name, let value, let expected):
      out.write(name: name)
      out.write(" is ", value)
      out.write(", must be ", expected)
    case .countMismatch(let name, let count, let expected):
      out.write(name: name)
      out.write(" has ", count)
      out.write(count == 1 ? " element, must have " : " elements, must have ", expected)
    case .overlappingRows(let name, let step, let sequence, let width):
      out.write("rows of ")
      out.write(name: name)
      out.write(" overlap: strides ", step)
      out.write(" and ", sequence)
      out.write(", width ", width)
    case .overflow(let name):
      out.write(name: name)
      out.write(" has more bytes than a 64-bit number can count")
    case .bufferTooSmall(let name, let bytes, let needed):
      out.write(name: name)
      out.write(" has ", bytes)
      out.write(" bytes, needs ", needed)
    case .misaligned(let name, let alignment):
      out.write(name: name)
      out.write(" must be aligned to ", alignment)
      out.write(" bytes")
    case .mismatch(let what): out.write(what)
    case .cycle(let node, let parent, let grandparent, let length):
      out.write("the parents form a cycle at node ", node)
      out.write(": parent chain ", node)
      if length > 1 { out.write(" -> ", parent) }
      if length > 2 { out.write(" -> ", grandparent) }
      if length > 3 { out.write(" -> ...") }
      out.write(" -> ", node)
      if length > 3 {
        out.write(", ", length)
        out.write(" nodes")
      }
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
  let naming: RNNError.Naming
  var used = 0

  init(_ buffer: UnsafeMutableBufferPointer<UInt8>, _ naming: RNNError.Naming) {
    self.buffer = buffer
    self.naming = naming
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

  /// An argument, be it a phrase about one: words with `_` in them are names of C.
  mutating func write(name: StaticString) {
    guard naming == .swift else { return write(name) }
    let (bytes, count) = (name.utf8Start, name.utf8CodeUnitCount)
    var start = 0
    while start < count {
      var (end, isOfC) = (start, false)
      while end < count, Self.isLetter(bytes[end]) {
        if bytes[end] == UInt8(ascii: "_") { isOfC = true }
        end += 1
      }
      if isOfC {
        write(word: UnsafeBufferPointer(start: bytes + start, count: end - start))
      } else {
        for i in start..<end { write(byte: bytes[i]) }
      }
      if end < count { write(byte: bytes[end]) }
      start = end + 1
    }
  }

  private static func isLetter(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
      || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || byte == UInt8(ascii: "_")
  }

  /// A name of C in Swift: `hidden_size` is `hiddenSize`, but for what has another name there.
  private mutating func write(word: UnsafeBufferPointer<UInt8>) {
    func isWord(_ text: StaticString) -> Bool {
      word.elementsEqual(UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount))
    }
    if isWord("num_layers") { return write("layers") }
    if isWord("num_threads") { return write("threads") }
    if isWord("layer_hidden_sizes") { return write("options.hiddenSizes") }
    if isWord("layer_dilations") { return write("options.dilations") }
    if isWord("weights_scale") { return write("the number of initializer.weights") }
    if isWord("recurrent_scale") { return write("the number of initializer.recurrent") }
    if isWord("bias_scale") { return write("the number of initializer.bias") }
    if isWord("forget_value") { return write("the number of initializer.forgetGate") }
    if isWord("parameter_count") { return write("parameters.count") }
    if isWord("tensor_count") { return write("tensors") }
    if isWord("tape_size") { return write("tapeBytes") }
    if isWord("workspace_size") { return write("workspaceBytes") }
    if isWord("initial_states") { return write("initial") }
    if isWord("final_states") { return write("final") }
    if isWord("initial_state_gradients") { return write("initialGradients") }
    if isWord("state_gradients") { return write("finalGradients") }
    if isWord("final_state_gradients") { return write("finalGradients") }
    var isUpper = false
    for byte in word {
      if byte == UInt8(ascii: "_") {
        isUpper = true
      } else {
        write(byte: isUpper && byte >= UInt8(ascii: "a") ? byte - 32 : byte)
        isUpper = false
      }
    }
  }

  mutating func write(_ a: StaticString, _ number: Int) {
    write(a)
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
