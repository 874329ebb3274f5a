// The gradients of a linear layer in two parts: checks and memory, which may be refused, and what is computed. A call
// with several layers has all of its memory before anything is written.
import Kernels

/// A call of `Linear.backward` that can no longer fail.
struct LinearBackward<Scalar: RNNScalar> {
  private typealias Scratch = (
    matrix: UnsafeMutablePointer<Scalar>, rows: RowPointers<Scalar>, gradient: WeightGradientScratch<Scalar>
  )

  private let kernels: KernelTable<Scalar>
  private let (rows, inputs, outputs): (Int, Int, Int)
  private let x: UnsafePointer<Scalar>?
  private let weight: UnsafePointer<Scalar>?
  private let dy: UnsafePointer<Scalar>?
  private let accumulate: Bool
  private let dx: UnsafeMutableBufferPointer<Scalar>?
  private let dweight: UnsafeMutablePointer<Scalar>?
  private let dbias: UnsafeMutablePointer<Scalar>?
  private let memory: Block<UInt8>
  private let scratch: Scratch

  /// nil: no number is wanted. What the arguments are, `Linear.backward` says.
  init?(
    rows: Int, inputs: Int, outputs: Int, x: UnsafeBufferPointer<Scalar>?, weight: UnsafeBufferPointer<Scalar>?,
    dy: UnsafeBufferPointer<Scalar>, accumulate: Bool, dx: UnsafeMutableBufferPointer<Scalar>?,
    dweight: UnsafeMutableBufferPointer<Scalar>?, dbias: UnsafeMutableBufferPointer<Scalar>?
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
    kernels = try Scalar.kernels
    // Where no number is wanted, the other arrays may have no elements: sizes may be any, and so would be the scratch.
    guard (dx?.count ?? 0) + (dweight?.count ?? 0) + (dbias?.count ?? 0) > 0 else { return nil }
    let lanes = kernels.lanes
    func lay(_ arena: inout Arena) -> Scratch {
      (
        arena.take(
          Scalar.self, dx == nil ? 0 : outputs, PanelLayout(lanes: lanes, units: inputs).paddedColumns),
        RowPointers(&arena, rows),
        WeightGradientScratch(
          &arena, lanes: lanes, lists: .init(operands: 1, lefts: 1, blocks: 1, sums: 1), leftColumns: outputs,
          batchRows: rows, columns: { _ in inputs })
      )
    }
    var counter = Arena(nil)
    _ = lay(&counter)
    memory = try Block<UInt8>(count: counter.size("the scratch of a linear layer"))
    var arena = Arena(memory.pointer)
    scratch = lay(&arena)
    (self.rows, self.inputs, self.outputs, self.accumulate) = (rows, inputs, outputs, accumulate)
    (self.x, self.weight, self.dy) = (x?.baseAddress, weight?.baseAddress, dy.baseAddress)
    (self.dx, self.dweight, self.dbias) = (dx, dweight?.baseAddress, dbias?.baseAddress)
  }

  func run() {
    let panels = PanelLayout(lanes: kernels.lanes, units: inputs)
    withFloatControl {
      if outputs == 0 { dx?.update(repeating: 0) }  // nothing reaches it, and there may be no weights to point at
      let nowhere = UnsafePointer<Scalar>(scratch.matrix)
      let (x, dy) = (x ?? nowhere, dy ?? nowhere)
      let gradient = WeightGradient(
        kernels: kernels, rows: ValidRows(steps: rows), accumulate: accumulate, scratch: scratch.gradient)
      let wantsGradient = dweight != nil || dbias != nil
      if let dx = dx?.baseAddress { scratch.rows.point(from: dy, stride: outputs, to: dx, stride: inputs) }
      let wanted = dx?.baseAddress != nil || wantsGradient
      let threads = wanted ? Linear.threads(rows: rows, inputs: inputs, outputs: outputs) : 1
      runTeam(threads) { member in
        if dx?.baseAddress != nil, let weight, rows > 0 {
          PackJob.run(PackJobs(.backward(weight, panels, depth: outputs, out: scratch.matrix)), kernels, &member)
          Linear.multiply(
            scratch.rows, rows: rows, depth: outputs, panels, scratch.matrix, start: nil, kernels, &member)
        }
        if wantsGradient {
          gradient.run(&member) { lists in
            let left = lists.lefts.append(LeftRows(base: dy, size: outputs))
            let operand = lists.operands.append(
              OperandRows(
                rows: Rows(UnsafeMutablePointer(mutating: x), stepStride: inputs, sequenceStride: 0), columns: inputs))
            if let dweight {
              lists.blocks.append(
                GradientBlock(
                  left: left, leftOffset: 0, columns: outputs,
                  targets: (.init(operand: operand, gradient: dweight), nil)))
            }
            if let dbias {
              lists.sums.append(GradientSum(gradient: dbias, left: left, leftOffset: 0, columns: outputs))
            }
          }
        }
      }
    }
    withExtendedLifetime(memory) {}
  }
}
