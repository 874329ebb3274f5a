// A list of operations on whole rows: how cells that are given as equations compute everything but their products.
//
// An instruction is one loop over some rows of a tile that stays in the first-level cache, so that choosing it costs
// little beside it. L1; the lists are made, and their places chosen, in L2.

/// What an instruction does with the rows a, b, c, d, and the constants k and l. Masks are rows too.
public enum VectorOpcode: UInt8, BitwiseCopyable, Sendable, CaseIterable {
  /// All k.
  case fill
  /// The first number of each row of a, in all columns.
  case broadcast
  /// Nothing behind `width` is read or written.
  case copy
  case add, subtract, multiply, divide, minimum, maximum, negate
  /// `k a + l`
  case affine
  /// `a b + c` and `a b - c`, rounded once where the instruction set can.
  case multiplyAdd, multiplySubtract
  /// `a < b ? c : d`, and `a <= b ? c : d`; d where either is NaN.
  case selectLess, selectLessOrEqual

  case sigmoid, tanh, relu, selu, gelu, silu, softplus, softsign, exp, log, logSigmoid, squareRoot, absolute, sign
  /// Slope k below zero.
  case leakyRelu
  case elu
  /// `k a + l`, within 0 ... 1.
  case hardSigmoid
  /// Within k ... l.
  case clamp
  /// a from k on, else 0.
  case thresholdedRelu
  /// `k tanh(l a)`
  case scaledTanh

  // Derivatives times b: of the first three from the function's result a, of the others from its argument a.
  case sigmoidGradient, tanhGradient, reluGradient, seluGradient, geluGradient, siluGradient, softplusGradient
  case softsignGradient, logSigmoidGradient, absoluteGradient, leakyReluGradient, eluGradient, hardSigmoidGradient
  /// Within k < a < l, and within k <= a <= l.
  case hardTanhGradient, clampGradient
  case thresholdedReluGradient, scaledTanhGradient
  /// c where a < b, half of it where they are equal, else 0.
  case minimumGradient

  // Two of the above in one: of `a + b`, of `a b + c`, and from a the derivative times `b c`.
  case sigmoidOfSum, tanhOfSum, sigmoidOfMultiplyAdd, tanhOfMultiplyAdd
  case sigmoidGradientOfProduct, tanhGradientOfProduct

  // Over the `width` numbers of each row.
  case sum, mean, layerNorm, rmsNorm, softmax
  /// From a, of softmax its result, and the gradient b.
  case layerNormGradient, rmsNormGradient, softmaxGradient
}

/// Rows: row r at `start + r * stride`, or, if there are `rows`, at `rows[r] + stride`.
public struct VectorRows<Scalar: Real>: BitwiseCopyable {
  public var start: UnsafeMutablePointer<Scalar>
  public var rows: UnsafePointer<UnsafeMutablePointer<Scalar>>?
  public var stride: Int

  @inlinable
  public init(_ start: UnsafeMutablePointer<Scalar>, stride: Int) {
    (self.start, rows, self.stride) = (start, nil, stride)
  }

  @inlinable
  public init(_ rows: MovingRows<Scalar>) {
    // Of no use, and never read.
    start = UnsafeMutableRawPointer(mutating: rows.starts).assumingMemoryBound(to: Scalar.self)
    (self.rows, stride) = (rows.starts, rows.offset)
  }

  @_alwaysEmitIntoClient @inline(__always)
  subscript(row: Int) -> UnsafeMutablePointer<Scalar> {
    if let rows { return rows[row] + stride }
    return start + row &* stride
  }
}

/// Some columns of rows: from `column` on, in entry `place` of the table that the program is run with.
public struct VectorOperand: BitwiseCopyable, Hashable, Sendable {
  public var place: Int32
  public var column: Int32

  @inlinable
  public init(place: Int, column: Int = 0) {
    self.place = Int32(truncatingIfNeeded: place)
    self.column = Int32(truncatingIfNeeded: column)
  }
}

/// `out[r] = opcode(a[r], b[r], c[r], d[r])` over `width` columns of each row.
///
/// But for `copy`, rows are read and written in whole vectors: they lie in scratch, padded. Out may be any of the
/// operands, at the same column.
public struct VectorInstruction<Scalar: Real>: BitwiseCopyable, Sendable {
  public var opcode: VectorOpcode
  public var width: Int32
  public var out: VectorOperand
  public var a: VectorOperand
  public var b: VectorOperand
  public var c: VectorOperand
  public var d: VectorOperand
  public var k: Scalar
  public var l: Scalar

  @inlinable
  public init(
    _ opcode: VectorOpcode, width: Int, out: VectorOperand, _ a: VectorOperand = VectorOperand(place: 0),
    _ b: VectorOperand = VectorOperand(place: 0), _ c: VectorOperand = VectorOperand(place: 0),
    _ d: VectorOperand = VectorOperand(place: 0), k: Scalar = 0, l: Scalar = 0
  ) {
    self.opcode = opcode
    self.width = Int32(truncatingIfNeeded: width)
    self.out = out
    self.a = a
    self.b = b
    self.c = c
    self.d = d
    self.k = k
    self.l = l
  }
}

/// A list of instructions, and the rows that they run over.
public struct VectorProgram<Scalar: Real>: BitwiseCopyable {
  public var instructions: UnsafePointer<VectorInstruction<Scalar>>
  public var count: Int
  public var table: UnsafePointer<VectorRows<Scalar>>
  public var rows: Int

  @inlinable
  public init(
    _ instructions: UnsafePointer<VectorInstruction<Scalar>>, count: Int, table: UnsafePointer<VectorRows<Scalar>>,
    rows: Int
  ) {
    self.instructions = instructions
    self.count = count
    self.table = table
    self.rows = rows
  }
}
