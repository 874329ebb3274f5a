// The linear layer for few rows: a generating model has one, and its weights take longer to pack than to multiply.
import Kernels

extension Linear {
  /// Whether packing x, and going by way of a transposed y, moves less than packing the weights.
  static func packsInput(rows: Int, inputs: Int, outputs: Int) -> Bool {
    // The caller has checked that the products of two sizes fit, 16 times.
    rows * inputs + rows * outputs < outputs * inputs
  }

  /// y as rows of the weights times panels of xᵀ, which gives yᵀ. The chains are those of the other way, so the bits
  /// are.
  ///
  /// `x`, `weight` and `y` are not empty.
  static func forwardPackingInput<Scalar: RNNScalar>(
    _ kernels: KernelTable<Scalar>, rows: Int, inputs: Int, outputs: Int, x: UnsafePointer<Scalar>,
    weight: UnsafePointer<Scalar>, bias: UnsafePointer<Scalar>?, y: UnsafeMutablePointer<Scalar>, threads: Int
  ) throws(RNNError) {
    let panels = PanelLayout(lanes: kernels.lanes, units: rows)
    let packed = try Block<Scalar>(count: try Size.product(panels.paddedColumns, inputs, of: "scratch"))
    let blocks = max((outputs - 1) / weightRows + 1, min(outputs, threads))
    let members = min(threads, blocks, Team.largest)
    let size = try Size.product((outputs - 1) / blocks + 1, rows, of: "scratch")
    let transposed = try Block<Scalar>(count: try Size.product(size, members, of: "scratch"))
    withFloatControl {
      runTeam(members) { member in
        PackJob.run(
          PackJobs(.forward(x, panels, depth: inputs, out: packed.pointer)), kernels, &member)
        let own = transposed.pointer + member.number * size
        member.share(blocks) { some in
          for block in some {
            let range = Split.range(outputs, block, blocks)
            if let bias {
              for output in range {
                (own + (output - range.lowerBound) * rows).update(repeating: bias[output], count: rows)
              }
            }
            multiply(
              kernels, weight + range.lowerBound * inputs, count: range.count, depth: inputs, panels,
              UnsafePointer(packed.pointer), into: own, bias == nil ? .set : .resume)
            withRowPointers(UnsafePointer(own), range.count, stride: rows) {
              kernels.panels.transpose($0, range.count, 0, rows, y + range.lowerBound, outputs)
            }
          }
        }
      }
    }
  }

  /// Rows of the weights that a task takes at a time: their part of yᵀ stays in the first-level cache.
  private static var weightRows: Int { 96 }

  private static func multiply<Scalar: RNNScalar>(
    _ kernels: KernelTable<Scalar>, _ rows: UnsafePointer<Scalar>, count: Int, depth: Int, _ panels: PanelLayout,
    _ matrix: UnsafePointer<Scalar>, into out: UnsafeMutablePointer<Scalar>, _ finish: ProductFinish
  ) {
    withRowPointers(rows, count, stride: depth) { operands in
      withUnsafeTemporaryAllocation(of: UnsafeMutablePointer<Scalar>.self, capacity: weightRows) { buffer in
        let outs = buffer.baseAddress.unsafelyUnwrapped
        for r in 0..<count { (outs + r).initialize(to: out + r * panels.units) }
        for index in 0..<panels.count {
          let column = panels.column(index)
          var arguments = ProductArguments(
            count: count, rows: operands, depth: 0, panel: matrix + column * depth, out: UnsafePointer(outs),
            outOffset: column, columns: panels.validUnits(index), finish: finish)
          kernels.product(&arguments, vectors: panels.vectors(index), depth: depth)
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
