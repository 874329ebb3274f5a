// What the products of WeightGradient.swift multiply and where to: lists in the workspace, as long as that was laid out
// for. Operands are told by their index in these lists.

/// The rows of a second operand: of step t of sequence n those of `rows` at step t, or at another one.
struct OperandRows<Scalar: RNNScalar>: BitwiseCopyable {
  /// What the step before left.
  struct Before: BitwiseCopyable {
    /// -1, or 1 in reverse.
    let shift: Int
    /// Before the first step: row n at `initial + n * initialStride`. A stride of 0: the same row for all.
    let initial: UnsafePointer<Scalar>
    let initialStride: Int
  }

  let rows: Rows<Scalar>
  let columns: Int
  /// nil: the rows of the same step.
  var before: Before?

  /// The place of each row of a range of the batch.
  @inline(__always)
  func locate(_ range: Range<Int>, of batch: ValidRows, _ pointers: UnsafeMutablePointer<UnsafePointer<Scalar>>) {
    let first = range.lowerBound
    guard let before else {
      return batch.visit(range) { i, t, n in pointers[i &- first] = UnsafePointer(rows[t, n]) }
    }
    batch.visit(range) { i, t, n in
      let step = t &+ before.shift
      pointers[i &- first] =
        step >= 0 && step < batch.length(n)
        ? UnsafePointer(rows[step, n]) : before.initial + n &* before.initialStride
    }
  }
}

/// A first operand: row n of step t at `base + (t * N + n) * size`.
struct LeftRows<Scalar: RNNScalar>: BitwiseCopyable {
  let base: UnsafePointer<Scalar>
  let size: Int
}

/// Some columns of a left operand, and the rows of one or two gradient matrices that they make: row j is the sum, over the
/// rows of the batch, of `left[row][leftOffset + j] * operand[row][:]`. The columns are transposed once for both.
struct GradientBlock<Scalar: RNNScalar>: BitwiseCopyable {
  /// The second operand, and the first of the matrix rows.
  struct Target: BitwiseCopyable {
    let operand: Int
    let gradient: UnsafeMutablePointer<Scalar>
  }

  let left: Int
  /// The first of the columns in a row of the left operand, and how many.
  let leftOffset: Int
  let columns: Int
  /// Two of them have different operands.
  var targets: (Target?, Target?)

  /// The first row of what the block makes with a second operand.
  @inline(__always)
  func gradient(of operand: Int) -> UnsafeMutablePointer<Scalar>? {
    if let first = targets.0, first.operand == operand { return first.gradient }
    if let second = targets.1, second.operand == operand { return second.gradient }
    return nil
  }
}

/// A bias gradient: `gradient[j] += sum over rows of left[row][leftOffset + j]`.
struct GradientSum<Scalar: RNNScalar>: BitwiseCopyable {
  let gradient: UnsafeMutablePointer<Scalar>
  let left: Int
  let leftOffset: Int
  let columns: Int
}

/// The work of one run of `WeightGradient`: gradients that are not wanted are not listed. Blocks of one left operand are
/// best listed one after the other, and so are sums: its rows are looked up where it changes.
struct GradientLists<Scalar: RNNScalar> {
  /// How long each list may become.
  struct Capacity {
    let operands: Int
    let lefts: Int
    let blocks: Int
    let sums: Int
  }

  let operands: WorkspaceList<OperandRows<Scalar>>
  let lefts: WorkspaceList<LeftRows<Scalar>>
  let blocks: WorkspaceList<GradientBlock<Scalar>>
  let sums: WorkspaceList<GradientSum<Scalar>>

  init(_ arena: inout Arena, _ capacity: Capacity) {
    let lengths = arena.take(Int.self, 4)
    operands = WorkspaceList(&arena, capacity: capacity.operands, length: lengths)
    lefts = WorkspaceList(&arena, capacity: capacity.lefts, length: lengths + 1)
    blocks = WorkspaceList(&arena, capacity: capacity.blocks, length: lengths + 2)
    sums = WorkspaceList(&arena, capacity: capacity.sums, length: lengths + 3)
  }

  func removeAll() {
    operands.removeAll()
    lefts.removeAll()
    blocks.removeAll()
    sums.removeAll()
  }

  /// Whether a block multiplies by a second operand.
  func needs(_ operand: Int) -> Bool {
    for index in blocks.indices where blocks[index].gradient(of: operand) != nil { return true }
    return false
  }
}
