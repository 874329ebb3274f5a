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
    if let x = x.baseAddress, let weight = weight.baseAddress, rows <= fewRows {
      return forwardFewRows(
        kernels, rows: rows, inputs: inputs, outputs: outputs, x: x, weight: weight, bias: bias?.baseAddress, y: y,
        threads: threads)
    }
    if let x = x.baseAddress, let weight = weight.baseAddress, packsInput(rows: rows, inputs: inputs, outputs: outputs)
    {
      return try forwardPackingInput(
        kernels, rows: rows, inputs: inputs, outputs: outputs, x: x, weight: weight, bias: bias?.baseAddress, y: y,
        threads: threads)
    }
    let panels = PanelLayout(lanes: kernels.lanes, units: outputs)
    func lay(_ arena: inout Arena) -> (
      matrix: UnsafeMutablePointer<Scalar>, start: UnsafeMutablePointer<Scalar>, rows: RowPointers<Scalar>
    ) {
      (
        arena.take(Scalar.self, inputs, panels.paddedColumns), arena.take(Scalar.self, panels.paddedColumns),
        RowPointers(&arena, rows)
      )
    }
    var counter = Arena(nil)
    _ = lay(&counter)
    let memory = try Block<UInt8>(count: counter.size("the scratch of a linear layer"))
    var arena = Arena(memory.pointer)
    let scratch = lay(&arena)
    let (x, weight) = (x.baseAddress, weight.baseAddress)
    withFloatControl {
      for j in 0..<panels.paddedColumns { scratch.start[j] = j < outputs ? bias?[j] ?? 0 : 0 }
      scratch.rows.point(from: x, stride: inputs, to: y, stride: outputs)
      runTeam(threads) { member in
        if let weight, inputs > 0 {
          PackJob.run(
            PackJobs(.forward(weight, panels, depth: inputs, out: scratch.matrix)), kernels,
            &member)
        }
        multiply(
          scratch.rows, rows: rows, depth: inputs, panels, scratch.matrix, start: scratch.start, kernels, &member)
      }
    }
  }

  /// The gradients of a loss whose gradient for y is `dy`.
  ///
  ///     dx = dy weight                    one chain for each number, outputs ascending
  ///     dweight = dy^T x                  chains of 256 rows from zero, added in order
  ///     dbias = sum over rows of dy       the same chains
  ///
  /// - Parameters:
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
    try LinearBackward(
      rows: rows, inputs: inputs, outputs: outputs, x: x, weight: weight, dy: dy, accumulate: accumulate, dx: dx,
      dweight: dweight, dbias: dbias)?.run()
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

  /// `out[r] = start + rows[r] * matrix` for all rows, cut over threads and into blocks that stay in the cache.
  static func multiply<Scalar: RNNScalar>(
    _ pointers: RowPointers<Scalar>, rows: Int, depth: Int, _ panels: PanelLayout,
    _ matrix: UnsafeMutablePointer<Scalar>, start: UnsafeMutablePointer<Scalar>?, _ kernels: KernelTable<Scalar>,
    _ member: inout TeamMember
  ) {
    let blocks = max(member.members, (rows + 127) / 128)
    member.share(blocks) { some in
      for block in some {
        let range = Split.range(rows, block, blocks)
        for panel in 0..<panels.count {
          let vectors = panels.vectors(panel)
          let column = panels.column(panel)
          var arguments = ProductArguments(
            count: range.count, rows: UnsafePointer(pointers.from + range.lowerBound), depth: 0,
            panel: UnsafePointer(matrix + column &* depth), start: start.map { UnsafePointer($0 + column) },
            out: UnsafePointer(pointers.to + range.lowerBound), outOffset: column,
            columns: panels.validUnits(panel), finish: .set)
          kernels.product(&arguments, vectors: vectors, depth: depth)
        }
      }
    }
  }
}

/// Pointers to the rows of two dense matrices.
struct RowPointers<Scalar: RNNScalar> {
  let from: UnsafeMutablePointer<UnsafePointer<Scalar>>
  let to: UnsafeMutablePointer<UnsafeMutablePointer<Scalar>>
  let count: Int

  init(_ arena: inout Arena, _ count: Int) {
    from = arena.take(UnsafePointer<Scalar>.self, count)
    to = arena.take(UnsafeMutablePointer<Scalar>.self, count)
    self.count = count
  }

  /// - Parameter source: nil if its rows are empty.
  func point(
    from source: UnsafePointer<Scalar>?, stride: Int, to target: UnsafeMutablePointer<Scalar>, stride targetStride: Int
  ) {
    for r in 0..<count {
      from[r] = source.map { $0 + r * stride } ?? UnsafePointer(target)
      to[r] = target + r * targetStride
    }
  }
}
