// The linear layer: y = x weight^T + bias. The same products as inside the cells.
import Kernels

/// A dense layer on plain arrays. Any number of threads gives the same bits.
public enum Linear {
  /// Weights that are read once, and often from memory, are worth a thread sooner than a network's.
  static func threads(rows: Int, inputs: Int, outputs: Int) -> Int {
    BatchPlan.threads(
      Threads.count, operations: Double(rows) * Double(inputs) * Double(outputs), each: 500_000)
  }

  /// `y = x weight^T + bias`: for each output one chain of multiply-adds from the bias, inputs ascending.
  ///
  /// - Parameters:
  ///   - rows: rows of x and y.
  ///   - inputs: columns of x.
  ///   - outputs: columns of y.
  ///   - x: `[rows, inputs]`
  ///   - weight: `[outputs, inputs]`
  ///   - bias: `[outputs]`, or nil for zeros
  ///   - y: `[rows, outputs]`; overlaps nothing
  /// - Throws: ``RNNError/sizeMismatch(_:_:expected:)``, ``RNNError/outOfMemory(bytes:)``
  @_specialize(exported:true,where Scalar == Float)
  @_specialize(exported:true,where Scalar == Double)
  public static func forward<Scalar: RNNScalar>(
    rows: Int, inputs: Int, outputs: Int, x: UnsafeBufferPointer<Scalar>, weight: UnsafeBufferPointer<Scalar>,
    bias: UnsafeBufferPointer<Scalar>?, y: UnsafeMutableBufferPointer<Scalar>
  ) throws(RNNError) {
    try check(rows: rows, inputs: inputs, outputs: outputs)
    try Check.count("x", x.count, rows * inputs)
    try Check.count("weight", weight.count, outputs * inputs)
    try Check.count("bias", bias?.count ?? outputs, outputs)
    try Check.count("y", y.count, rows * outputs)
    guard rows > 0, outputs > 0, let y = y.baseAddress else { return }
    if inputs == 0 {
      for row in 0..<rows {
        for j in 0..<outputs { y[row * outputs + j] = bias?[j] ?? 0 }
      }
      return
    }
    let kernels = try Scalar.kernels
    let threads = threads(rows: rows, inputs: inputs, outputs: outputs)
    guard let x = x.baseAddress, let weight = weight.baseAddress else { return }
    if rows <= fewRows {
      return withFloatControl {
        forwardFewRows(
          kernels, rows: rows, inputs: inputs, outputs: outputs, x: x, weight: weight, bias: bias?.baseAddress, y: y,
          threads: threads)
      }
    }
    var counter = Arena(nil)
    _ = LinearForward<Scalar>(
      &counter, lanes: kernels.lanes, rows: rows, inputs: inputs, outputs: outputs, threads: threads)
    let memory = try Block<UInt8>(count: counter.size("the scratch of a linear layer"))
    var arena = Arena(memory.pointer)
    let layer = LinearForward<Scalar>(
      &arena, lanes: kernels.lanes, rows: rows, inputs: inputs, outputs: outputs, threads: threads)
    withFloatControl {
      layer.run(kernels, rows: rows, x: x, weight: weight, bias: bias?.baseAddress, y: y, isPacked: false)
    }
  }

  /// The gradients of a loss whose gradient for y is `dy`.
  ///
  ///     dx = dy weight                    one chain for each number, outputs ascending
  ///     dweight = dy^T x                  chains of 256 rows from zero, added in order
  ///     dbias = sum over rows of dy       the same chains
  ///
  /// - Parameters:
  ///   - rows: rows of x and y.
  ///   - inputs: columns of x.
  ///   - outputs: columns of y.
  ///   - x: `[rows, inputs]`; may be nil if `dweight` is
  ///   - weight: `[outputs, inputs]`; may be nil if `dx` is
  ///   - dy: `[rows, outputs]`
  ///   - accumulate: adds to `dweight` and `dbias` instead of overwriting them
  ///   - dx: `[rows, inputs]`, or nil: not wanted
  ///   - dweight: `[outputs, inputs]`, or nil: not wanted
  ///   - dbias: `[outputs]`, or nil: not wanted
  @_specialize(exported:true,where Scalar == Float)
  @_specialize(exported:true,where Scalar == Double)
  public static func backward<Scalar: RNNScalar>(
    rows: Int, inputs: Int, outputs: Int, x: UnsafeBufferPointer<Scalar>?, weight: UnsafeBufferPointer<Scalar>?,
    dy: UnsafeBufferPointer<Scalar>, accumulate: Bool, dx: UnsafeMutableBufferPointer<Scalar>?,
    dweight: UnsafeMutableBufferPointer<Scalar>?, dbias: UnsafeMutableBufferPointer<Scalar>?
  ) throws(RNNError) {
    let kernels = try Scalar.kernels
    try LinearBackwardCall(
      lanes: kernels.lanes, rows: rows, inputs: inputs, outputs: outputs, x: x, weight: weight, dy: dy,
      accumulate: accumulate, dx: dx, dweight: dweight, dbias: dbias)?.run(kernels)
  }

  /// Sizes that are 0 or more and whose products have a number of bytes.
  static func check(rows: Int, inputs: Int, outputs: Int) throws(RNNError) {
    try Check.size("rows", rows)
    try Check.size("inputs", inputs)
    try Check.size("outputs", outputs)
    _ = try Size.product(rows, inputs, 16, of: "a linear layer")
    _ = try Size.product(rows, outputs, 16, of: "a linear layer")
    _ = try Size.product(inputs, outputs, 16, of: "a linear layer")
  }
}
