// Arrays with a shape: what the Swift face takes and gives. The floor below it works on pointers.

/// A dense array of numbers with a shape, row-major: the last dimension is contiguous.
///
/// A value: copies share their memory until one of them is changed. Its memory is aligned to 64 bytes and checked for,
/// so that a size that does not fit throws ``RNNError/outOfMemory(bytes:)`` instead of ending the process. An index that
/// does not exist throws too: `try y[19, 0, 3]`, `try y.set(1, at: 19, 0, 3)`.
///
/// May be read from several threads at once.
public struct Tensor<Scalar: RNNScalar>: Sendable {
  /// The numbers of this tensor are `block[start ..< start + count]`.
  @usableFromInline var block: Block<Scalar>
  @usableFromInline var start: Int
  /// The size of each dimension, 0 or more.
  public let shape: [Int]
  /// The product of the dimensions; 1 for no dimensions.
  public let count: Int

  /// Memory that nothing has been written to.
  init(uninitialized shape: [Int]) throws(RNNError) {
    count = try Self.count(shape)
    block = try Block(count: count)
    start = 0
    self.shape = shape
  }

  /// A part of a block. `count` numbers from `start` on exist.
  init(block: Block<Scalar>, start: Int, shape: [Int], count: Int) {
    self.block = block
    self.start = start
    self.shape = shape
    self.count = count
  }

  /// The same number everywhere.
  ///
  /// - Throws: ``RNNError/invalidElement(_:index:_:low:high:)`` for a negative dimension, ``RNNError/overflow(_:)``,
  ///   ``RNNError/outOfMemory(bytes:)``.
  @_specialize(where Scalar == Float)
  @_specialize(where Scalar == Double)
  public init(repeating number: Scalar = 0, shape: [Int]) throws(RNNError) {
    try self.init(uninitialized: shape)
    block.pointer.update(repeating: number, count: count)
  }

  /// A copy of `elements`, row-major.
  ///
  /// - Throws: ``RNNError/countMismatch(_:_:expected:)`` unless there are as many elements as `shape` has, and what
  ///   ``init(repeating:shape:)`` throws.
  @_specialize(where Scalar == Float)
  @_specialize(where Scalar == Double)
  public init(_ elements: [Scalar], shape: [Int]) throws(RNNError) {
    let expected = try Self.count(shape)
    guard elements.count == expected else { throw .countMismatch("elements", elements.count, expected: expected) }
    try self.init(uninitialized: shape)
    let to = block.pointer
    elements.withUnsafeBufferPointer { from in
      if let from = from.baseAddress { to.update(from: from, count: expected) }
    }
  }

  /// Numbers that `fill` writes, all of them.
  public init(
    shape: [Int], fill: (UnsafeMutableBufferPointer<Scalar>) throws(RNNError) -> Void
  ) throws(RNNError) {
    try self.init(uninitialized: shape)
    try fill(UnsafeMutableBufferPointer(start: block.pointer, count: count))
  }

  static func count(_ shape: [Int]) throws(RNNError) -> Int {
    var count = 1
    for (index, size) in shape.enumerated() {
      guard size >= 0 else { throw .invalidElement("shape", index: index, size, low: 0, high: .max) }
      count = try Size.product(count, size, of: "a tensor")
    }
    return count
  }

  /// The same numbers in another shape, without a copy.
  ///
  /// - Throws: ``RNNError/countMismatch(_:_:expected:)`` unless the new shape has as many elements.
  public func reshaped(_ shape: [Int]) throws(RNNError) -> Tensor {
    let other = try Self.count(shape)
    guard other == count else { throw .countMismatch("the new shape", other, expected: count) }
    return Tensor(block: block, start: start, shape: shape, count: count)
  }

  /// Some of the numbers in a shape of their own, without a copy: those of a tensor in a flat vector.
  ///
  /// - Parameters:
  ///   - offset: of the first of them, row-major.
  ///   - shape: the shape of the result.
  /// - Throws: ``RNNError/invalidSize(_:_:low:high:)`` for an offset at which that shape does not fit.
  public func part(_ offset: Int, shape: [Int]) throws(RNNError) -> Tensor {
    let own = try Self.count(shape)
    guard offset >= 0, own <= count, offset <= count - own else {
      throw .invalidSize("offset", offset, low: 0, high: count - own)
    }
    return Tensor(block: block, start: start + offset, shape: shape, count: own)
  }

  // MARK: Elements

  /// The numbers, row-major, as an array: a copy.
  public var elements: [Scalar] { withUnsafeBufferPointer { Array($0) } }

  /// Calls `body` with the numbers, row-major. The pointer is valid until `body` returns.
  @inlinable
  public func withUnsafeBufferPointer<Result, Failure: Error>(
    _ body: (UnsafeBufferPointer<Scalar>) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    defer { withExtendedLifetime(block) {} }
    return try body(UnsafeBufferPointer(start: UnsafePointer(block.pointer + start), count: count))
  }

  /// Calls `body` with the numbers, row-major.
  @inlinable
  public func withSpan<Result, Failure: Error>(
    _ body: (Span<Scalar>) throws(Failure) -> Result
  ) throws(Failure) -> Result {
    defer { withExtendedLifetime(block) {} }
    return try body(UnsafeBufferPointer(start: UnsafePointer(block.pointer + start), count: count).span)
  }

  /// Calls `body` with the numbers to change them, row-major. Copies them first if another tensor shares them.
  ///
  /// - Throws: what `body` throws, and ``RNNError/outOfMemory(bytes:)`` if there is no memory for the copy.
  @inlinable
  public mutating func withUnsafeMutableBufferPointer<Result>(
    _ body: (UnsafeMutableBufferPointer<Scalar>) throws(RNNError) -> Result
  ) throws(RNNError) -> Result {
    try makeUnique()
    defer { withExtendedLifetime(block) {} }
    return try body(UnsafeMutableBufferPointer(start: block.pointer + start, count: count))
  }

  @_specialize(where Scalar == Float)
  @_specialize(where Scalar == Double)
  @usableFromInline
  mutating func makeUnique() throws(RNNError) {
    if isKnownUniquelyReferenced(&block) { return }
    let copy = try Block<Scalar>(count: count)
    copy.pointer.update(from: block.pointer + start, count: count)
    block = copy
    start = 0
  }

  /// The number at an index for each dimension. O(rank): in loops over many numbers use ``withSpan(_:)``.
  ///
  /// - Throws: ``RNNError/sizeMismatch(_:_:expected:)`` unless there are as many indices as dimensions,
  ///   ``RNNError/invalidElement(_:index:_:low:high:)`` if one is outside its own.
  @inlinable
  public subscript(_ index: Int...) -> Scalar {
    get throws(RNNError) { block.pointer[start &+ (try offset(index))] }
  }

  /// Changes the number at an index for each dimension; the first change to shared memory copies it. In loops over many
  /// numbers use ``withUnsafeMutableBufferPointer(_:)``. A method, because a subscript can't throw when it is set.
  ///
  /// - Throws: as the subscript, and ``RNNError/outOfMemory(bytes:)``; the tensor is as before then.
  @inlinable
  public mutating func set(_ number: Scalar, at index: Int...) throws(RNNError) {
    let offset = try offset(index)
    try makeUnique()
    block.pointer[start &+ offset] = number
  }

  @usableFromInline
  func offset(_ index: [Int]) throws(RNNError) -> Int {
    guard index.count == shape.count else {
      throw .sizeMismatch("the number of indices", index.count, expected: shape.count)
    }
    var offset = 0
    for (dimension, i) in index.enumerated() {
      guard i >= 0 && i < shape[dimension] else {
        throw .invalidElement("index", index: dimension, i, low: 0, high: shape[dimension] - 1)
      }
      offset = offset &* shape[dimension] &+ i
    }
    return offset
  }

  // MARK: What the passes need

  var pointer: UnsafeMutablePointer<Scalar> { block.pointer + start }

  /// - Throws: ``RNNError/sizeMismatch(_:_:expected:)`` unless this is the shape.
  func check(_ name: TensorName, _ expected: Int...) throws(RNNError) {
    guard shape.count == expected.count else {
      throw .sizeMismatch(name.rank, shape.count, expected: expected.count)
    }
    for dimension in 0..<expected.count where shape[dimension] != expected[dimension] {
      throw .sizeMismatch(name.size(dimension), shape[dimension], expected: expected[dimension])
    }
  }
}

extension Tensor: Equatable {
  /// Whether shapes and numbers are the same; NaN equals nothing.
  @_specialize(where Scalar == Float)
  @_specialize(where Scalar == Double)
  public static func == (a: Tensor, b: Tensor) -> Bool {
    guard a.shape == b.shape else { return false }
    return a.withUnsafeBufferPointer { a in b.withUnsafeBufferPointer { b in a.elementsEqual(b) } }
  }
}

extension Tensor: CustomStringConvertible {
  public var description: String {
    let shown = withUnsafeBufferPointer { $0.prefix(8).map { "\($0)" } }.joined(separator: ", ")
    return "Tensor\(shape) [\(shown)\(count > 8 ? ", …" : "")]"
  }
}

/// The names of a tensor's sizes in errors, which hold static strings only.
struct TensorName: Sendable {
  let rank: StaticString
  let sizes: (StaticString, StaticString, StaticString)

  func size(_ dimension: Int) -> StaticString {
    dimension == 0 ? sizes.0 : dimension == 1 ? sizes.1 : sizes.2
  }

  static let x = TensorName(
    rank: "the rank of x", sizes: ("x.shape[0]", "x.shape[1]", "x.shape[2], input_size,"))
  static let dy = TensorName(
    rank: "the rank of dy", sizes: ("dy.shape[0]", "dy.shape[1]", "dy.shape[2], D * P,"))
  static let h = TensorName(
    rank: "the rank of h",
    sizes: ("h.shape[0], L * D,", "h.shape[1], N,", "h.shape[2], P,"))
  static let c = TensorName(
    rank: "the rank of c",
    sizes: ("c.shape[0], L * D,", "c.shape[1], N,", "c.shape[2], hidden_size,"))
  static let state = TensorName(
    rank: "the rank of a state",
    sizes: ("shape[0] of a state, L * D,", "shape[1] of a state, N,", "shape[2] of a state, its width,"))
  static let input = TensorName(
    rank: "the rank of an input",
    sizes: ("shape[0] of an input", "shape[1] of an input", "shape[2] of an input, its width,"))
}
