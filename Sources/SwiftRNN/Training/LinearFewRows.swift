// The linear layer where packing x moves less than packing the weights, which would take longer than multiplying by
// them: y as rows of the weights times panels of xᵀ, which gives yᵀ. A generating model has such a layer. The chains are
// those of the other way, so the bits are.
import Kernels

extension Linear {
  /// Up to so many rows a layer has no scratch but on the stack: with one thread it allocates nothing.
  static let fewRows = 8

  /// Whether packing x, and going by way of a transposed y, moves less than packing the weights.
  static func packsInput(rows: Int, inputs: Int, outputs: Int) -> Bool {
    // The caller has checked that the products of two sizes fit, 16 times.
    rows * inputs + rows * outputs < outputs * inputs
  }

  /// Whether a call allocates memory: it has more than ``fewRows``, or is worth several threads.
  @_spi(Door)
  public static func allocates(rows: Int, inputs: Int, outputs: Int) -> Bool {
    rows > fewRows || threads(rows: rows, inputs: inputs, outputs: outputs) > 1
  }

  /// Rows of the weights that a task takes at a time: their part of yᵀ stays in the first-level cache.
  fileprivate static var weightRows: Int { 96 }

  // MARK: Up to `fewRows`

  /// `x`, `weight` and `y` are not empty; `rows` is at most ``fewRows``. Never inlined: the stack is its own.
  @inline(never)
  static func forwardFewRows<Scalar: RNNScalar>(
    _ kernels: KernelTable<Scalar>, rows: Int, inputs: Int, outputs: Int, x: UnsafePointer<Scalar>,
    weight: UnsafePointer<Scalar>, bias: UnsafePointer<Scalar>?, y: UnsafeMutablePointer<Scalar>, threads: Int
  ) {
    let panels = PanelLayout(lanes: kernels.lanes, units: rows)
    let blocks = max((outputs - 1) / weightRows + 1, min(outputs, threads))
    runTeam(min(threads, blocks)) { member in
      // On each thread's stack. `withUnsafeTemporaryAllocation` would take the heap for as much.
      var memory = InlineArray<1352, UInt64>(repeating: 0)
      withUnsafeMutableBytes(of: &memory) { memory in
        let start = memory.baseAddress.unsafelyUnwrapped.alignedUp(toMultipleOf: 64)
        let packed = start.assumingMemoryBound(to: Scalar.self)
        let own = (start + packedBytes).assumingMemoryBound(to: Scalar.self)
        let depth = packedBytes / (panels.paddedColumns * MemoryLayout<Scalar>.stride)
        if inputs <= depth { pack(x, rows: rows, stride: inputs, 0..<inputs, panels, to: packed) }
        member.share(blocks) { some in
          for block in some {
            let range = Split.range(outputs, block, blocks)
            startSums(own, range, rows: rows, bias)
            for first in stride(from: 0, to: inputs, by: depth) {
              let some = first..<min(first + depth, inputs)
              if inputs > depth { pack(x, rows: rows, stride: inputs, some, panels, to: packed) }
              multiply(
                kernels, weight + range.lowerBound * inputs, count: range.count, stride: inputs, some, panels,
                UnsafePointer(packed), into: own, bias == nil && first == 0 ? .set : .resume)
            }
            store(kernels, own, range, rows: rows, to: y, outputs: outputs)
          }
        }
      }
    }
  }

  /// Bytes of the panel of xᵀ, some inputs of it at a time; behind it the part of yᵀ.
  private static var packedBytes: Int { 4096 }

  /// Some inputs of few rows, as the one panel that they are.
  @inline(__always)
  private static func pack<Scalar: RNNScalar>(
    _ x: UnsafePointer<Scalar>, rows: Int, stride: Int, _ some: Range<Int>, _ panels: PanelLayout,
    to packed: UnsafeMutablePointer<Scalar>
  ) {
    var to = packed
    for k in some {
      for r in 0..<rows { to[r] = x[r * stride + k] }
      to += panels.paddedColumns
    }
  }

  // MARK: More rows

  /// `x`, `weight` and `y` are not empty.
  @inline(never)
  static func forwardPackingInput<Scalar: RNNScalar>(
    _ kernels: KernelTable<Scalar>, _ scratch: PackedInput<Scalar>, rows: Int, inputs: Int, outputs: Int,
    x: UnsafePointer<Scalar>, weight: UnsafePointer<Scalar>, bias: UnsafePointer<Scalar>?,
    y: UnsafeMutablePointer<Scalar>
  ) {
    let panels = PanelLayout(lanes: kernels.lanes, units: rows)
    let blocks = scratch.blocks
    runTeam(scratch.members) { member in
      PackJob.run(PackJobs(.forward(x, panels, depth: inputs, out: scratch.packed)), kernels, &member)
      let own = scratch.transposed + member.number * scratch.size
      member.share(blocks) { some in
        for block in some {
          let range = Split.range(outputs, block, blocks)
          startSums(own, range, rows: rows, bias)
          multiply(
            kernels, weight + range.lowerBound * inputs, count: range.count, stride: inputs, 0..<inputs, panels,
            UnsafePointer(scratch.packed), into: own, bias == nil ? .set : .resume)
          store(kernels, own, range, rows: rows, to: y, outputs: outputs)
        }
      }
    }
  }

  // MARK: A block of outputs

  /// Starts the sums of some outputs with their bias, if there is one.
  private static func startSums<Scalar: RNNScalar>(
    _ own: UnsafeMutablePointer<Scalar>, _ range: Range<Int>, rows: Int, _ bias: UnsafePointer<Scalar>?
  ) {
    guard let bias else { return }
    for output in range {
      (own + (output - range.lowerBound) * rows).update(repeating: bias[output], count: rows)
    }
  }

  /// Writes some outputs of yᵀ to y.
  private static func store<Scalar: RNNScalar>(
    _ kernels: KernelTable<Scalar>, _ own: UnsafeMutablePointer<Scalar>, _ range: Range<Int>, rows: Int,
    to y: UnsafeMutablePointer<Scalar>, outputs: Int
  ) {
    withRowPointers(UnsafePointer(own), range.count, stride: rows) {
      kernels.panels.transpose($0, range.count, 0, rows, y + range.lowerBound, outputs)
    }
  }

  /// Multiplies some inputs of rows of the weights by the panels of these inputs.
  private static func multiply<Scalar: RNNScalar>(
    _ kernels: KernelTable<Scalar>, _ rows: UnsafePointer<Scalar>, count: Int, stride: Int, _ some: Range<Int>,
    _ panels: PanelLayout, _ matrix: UnsafePointer<Scalar>, into out: UnsafeMutablePointer<Scalar>,
    _ finish: ProductFinish
  ) {
    withRowPointers(rows, count, stride: stride) { operands in
      withUnsafeTemporaryAllocation(of: UnsafeMutablePointer<Scalar>.self, capacity: weightRows) { buffer in
        let outs = buffer.baseAddress.unsafelyUnwrapped
        for r in 0..<count { (outs + r).initialize(to: out + r * panels.units) }
        for index in 0..<panels.count {
          let column = panels.column(index)
          var arguments = ProductArguments(
            count: count, rows: operands, rowOffset: some.lowerBound, depth: 0,
            panel: matrix + column * some.count, out: UnsafePointer(outs), outOffset: column,
            columns: panels.validUnits(index), finish: finish)
          kernels.product(&arguments, vectors: panels.vectors(index), depth: some.count)
        }
      }
    }
  }

  /// Calls `body` with pointers to `count` rows, at most `weightRows`: little enough for the stack.
  private static func withRowPointers<Scalar: RNNScalar>(
    _ first: UnsafePointer<Scalar>, _ count: Int, stride: Int, _ body: (UnsafePointer<UnsafePointer<Scalar>>) -> Void
  ) {
    withUnsafeTemporaryAllocation(of: UnsafePointer<Scalar>.self, capacity: weightRows) { buffer in
      let pointers = buffer.baseAddress.unsafelyUnwrapped
      for r in 0..<count { (pointers + r).initialize(to: first + r * stride) }
      body(pointers)
    }
  }
}

/// Scratch of the way that packs x.
struct PackedInput<Scalar: RNNScalar> {
  /// Blocks of rows of the weights.
  let blocks: Int
  let members: Int
  /// The panels of xᵀ.
  let packed: UnsafeMutablePointer<Scalar>
  /// A block's part of yᵀ, `size` numbers, for each member.
  let transposed: UnsafeMutablePointer<Scalar>
  let size: Int

  /// - Parameter rows: the most that a run has.
  init(_ arena: inout Arena, lanes: Int, rows: Int, inputs: Int, outputs: Int, threads: Int) {
    blocks = max((outputs - 1) / Linear.weightRows + 1, min(outputs, threads))
    members = min(threads, blocks, Team.largest)
    // No larger than y, whose size the caller has checked.
    size = ((outputs - 1) / blocks + 1) * rows
    packed = arena.take(Scalar.self, PanelLayout(lanes: lanes, units: rows).paddedColumns, inputs)
    transposed = arena.take(Scalar.self, size, members)
  }
}
