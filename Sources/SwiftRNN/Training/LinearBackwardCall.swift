// The gradients of a linear layer in two parts: checks and memory, which may be refused, and what is computed. A call
// with several layers has all of its memory before anything is written.
import Kernels

/// A call of `Linear.backward` that can no longer fail: its arguments, and the passes in memory of its own. Like those,
/// it holds no table of kernels.
struct LinearBackwardCall<Scalar: RNNScalar> {
  private let (rows, inputs, outputs): (Int, Int, Int)
  private let x: UnsafePointer<Scalar>?
  private let weight: UnsafePointer<Scalar>?
  private let dy: UnsafePointer<Scalar>?
  private let accumulate: Bool
  private let dx: UnsafeMutablePointer<Scalar>?
  private let dweight: UnsafeMutablePointer<Scalar>?
  private let dbias: UnsafeMutablePointer<Scalar>?
  private let memory: Block<UInt8>
  private let layer: LinearBackward<Scalar>

  /// nil: no number is wanted. What the arguments are, `Linear.backward` says; what they point at is not read.
  ///
  /// - Parameter lanes: of the kernels that it will run with. Not looked up here: that takes a table more on the stack.
  init?(
    lanes: Int, rows: Int, inputs: Int, outputs: Int, x: UnsafeBufferPointer<Scalar>?,
    weight: UnsafeBufferPointer<Scalar>?, dy: UnsafeBufferPointer<Scalar>, accumulate: Bool,
    dx: UnsafeMutableBufferPointer<Scalar>?, dweight: UnsafeMutableBufferPointer<Scalar>?,
    dbias: UnsafeMutableBufferPointer<Scalar>?
  ) throws(RNNError) {
    try Linear.check(rows: rows, inputs: inputs, outputs: outputs)
    try Check.count("dy", dy.count, rows * outputs)
    if let dx {
      guard let weight else { throw .nullPointer("weight") }
      try Check.count("weight", weight.count, outputs * inputs)
      try Check.count("dx", dx.count, rows * inputs)
    }
    if let dweight {
      guard let x else { throw .nullPointer("x") }
      try Check.count("x", x.count, rows * inputs)
      try Check.count("dweight", dweight.count, outputs * inputs)
    }
    if let dbias { try Check.count("dbias", dbias.count, outputs) }
    // Where no number is wanted, the other arrays may have no elements: sizes may be any, and so would be the scratch.
    guard (dx?.count ?? 0) + (dweight?.count ?? 0) + (dbias?.count ?? 0) > 0 else { return nil }
    var counter = Arena(nil)
    _ = LinearBackward<Scalar>(
      &counter, lanes: lanes, rows: rows, inputs: inputs, outputs: outputs, wantsInputs: dx != nil)
    memory = try Block(count: counter.size("the scratch of a linear layer"))
    var arena = Arena(memory.pointer)
    layer = LinearBackward(
      &arena, lanes: lanes, rows: rows, inputs: inputs, outputs: outputs, wantsInputs: dx != nil)
    (self.rows, self.inputs, self.outputs, self.accumulate) = (rows, inputs, outputs, accumulate)
    (self.x, self.weight, self.dy) = (x?.baseAddress, weight?.baseAddress, dy.baseAddress)
    (self.dx, self.dweight, self.dbias) = (dx?.baseAddress, dweight?.baseAddress, dbias?.baseAddress)
  }

  func run(_ kernels: KernelTable<Scalar>) {
    withFloatControl {
      layer.run(
        kernels, rows: rows, x: x, weight: weight, dy: dy, accumulate: accumulate, dx: dx, dweight: dweight,
        dbias: dbias, threads: Linear.threads(rows: rows, inputs: inputs, outputs: outputs), isPacked: false)
    }
    withExtendedLifetime(memory) {}
  }
}
