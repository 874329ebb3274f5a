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
  /// The parents of a forest's nodes form a cycle of `length` nodes: `node`, its parent, the parent's parent and so on are
  /// back at `node`, which is the lowest of them. In a cycle of one or two nodes `grandparent` is `node`.
  case cycle(node: Int, parent: Int, grandparent: Int, length: Int)
  /// `bytes` bytes could not be had.
  case outOfMemory(bytes: Int)
  /// A combination that does not exist.
  case unsupported(_ what: StaticString)
  /// A text of equations that is no cell, or whose sizes do not fit.
  case cell(_ error: CellError)

  /// A backward pass without any gradient of the loss would give zeros without a word.
  static func checkGiven(dy: Bool, dState: Bool) throws(RNNError) {
    guard dy || dState else { throw .nullPointer("dy or dState") }
  }
}
