// The passes of a linear layer laid out in memory that is there already: for one call, and for calls that run many
// blocks of rows after one another. Runs are not inlined, and hold no table of kernels, which has more than a kilobyte: a
// call that has several of them needs the stack of one.
import Kernels

/// y of some rows, or of fewer. Both ways, and that of few rows, have the same chains, and the same bits.
struct LinearForward<Scalar: RNNScalar> {
  private enum Way {
    /// On the stack.
    case few
    case packingInput(PackedInput<Scalar>)
    case packingWeights(
      PanelLayout, matrix: UnsafeMutablePointer<Scalar>, start: UnsafeMutablePointer<Scalar>, RowPointers<Scalar>)
  }

  private let inputs: Int
  private let outputs: Int
  private let threads: Int
  private let way: Way

  /// - Parameters:
  ///   - rows: the most that a run has; none of the sizes is 0, and their products fit 16 times.
  init(_ arena: inout Arena, lanes: Int, rows: Int, inputs: Int, outputs: Int, threads: Int) {
    (self.inputs, self.outputs, self.threads) = (inputs, outputs, threads)
    if rows <= Linear.fewRows {
      way = .few
    } else if Linear.packsInput(rows: rows, inputs: inputs, outputs: outputs) {
      way = .packingInput(
        PackedInput(&arena, lanes: lanes, rows: rows, inputs: inputs, outputs: outputs, threads: threads))
    } else {
      let panels = PanelLayout(lanes: lanes, units: outputs)
      way = .packingWeights(
        panels, matrix: arena.take(Scalar.self, inputs, panels.paddedColumns),
        start: arena.take(Scalar.self, panels.paddedColumns), RowPointers(&arena, rows))
    }
  }

  /// Inside `withFloatControl`.
  ///
  /// - Parameter isPacked: whether a run before has had the same weights and bias, which are packed then.
  @inline(never)
  func run(
    _ kernels: KernelTable<Scalar>, rows: Int, x: UnsafePointer<Scalar>, weight: UnsafePointer<Scalar>,
    bias: UnsafePointer<Scalar>?,
    y: UnsafeMutablePointer<Scalar>, isPacked: Bool
  ) {
    switch way {
    case .few:
      Linear.forwardFewRows(
        kernels, rows: rows, inputs: inputs, outputs: outputs, x: x, weight: weight, bias: bias, y: y, threads: threads)
    case .packingInput(let scratch):
      Linear.forwardPackingInput(
        kernels, scratch, rows: rows, inputs: inputs, outputs: outputs, x: x, weight: weight, bias: bias, y: y)
    case .packingWeights(let panels, let matrix, let start, let pointers):
      if !isPacked { for j in 0..<panels.paddedColumns { start[j] = j < outputs ? bias?[j] ?? 0 : 0 } }
      pointers.point(rows, from: x, stride: inputs, to: y, stride: outputs)
      runTeam(threads) { member in
        if !isPacked {
          PackJob.run(PackJobs(.forward(weight, panels, depth: inputs, out: matrix)), kernels, &member)
        }
        multiply(pointers, rows: rows, depth: inputs, panels, matrix, start: start, kernels, &member)
      }
    }
  }
}

/// Gradients of some rows, or of fewer.
struct LinearBackward<Scalar: RNNScalar> {
  private let inputs: Int
  private let outputs: Int
  private let panels: PanelLayout
  private let matrix: UnsafeMutablePointer<Scalar>
  private let pointers: RowPointers<Scalar>
  private let gradient: WeightGradientScratch<Scalar>

  /// - Parameters:
  ///   - rows: the most that a run has.
  ///   - wantsInputs: whether runs are asked for dx.
  init(
    _ arena: inout Arena, lanes: Int, rows: Int, inputs: Int, outputs: Int, wantsInputs: Bool
  ) {
    (self.inputs, self.outputs) = (inputs, outputs)
    panels = PanelLayout(lanes: lanes, units: inputs)
    matrix = arena.take(Scalar.self, wantsInputs ? outputs : 0, panels.paddedColumns)
    pointers = RowPointers(&arena, rows)
    gradient = WeightGradientScratch(
      &arena, lanes: lanes, lists: .init(operands: 1, lefts: 1, blocks: 1, sums: 1), leftColumns: outputs,
      batchRows: rows, columns: { _ in inputs })
  }

  /// Inside `withFloatControl`. Runs over blocks of rows, all but the last of a multiple of 256, that accumulate, give
  /// the bits of one over all of them.
  ///
  /// - Parameter isPacked: whether a run before has had the same weights, which are packed then.
  @inline(never)
  func run(
    _ kernels: KernelTable<Scalar>, rows: Int, x: UnsafePointer<Scalar>?, weight: UnsafePointer<Scalar>?,
    dy: UnsafePointer<Scalar>?, accumulate: Bool,
    dx: UnsafeMutablePointer<Scalar>?, dweight: UnsafeMutablePointer<Scalar>?, dbias: UnsafeMutablePointer<Scalar>?,
    threads: Int, isPacked: Bool
  ) {
    // Nothing reaches the inputs, and there may be no weights to point at.
    if outputs == 0 { dx?.update(repeating: 0, count: rows * inputs) }
    let nowhere = UnsafePointer<Scalar>(matrix)
    let (x, dy) = (x ?? nowhere, dy ?? nowhere)
    let sums = WeightGradient(
      kernels: kernels, rows: ValidRows(steps: rows), accumulate: accumulate, scratch: gradient)
    let wantsGradient = dweight != nil || dbias != nil
    if let dx { pointers.point(rows, from: dy, stride: outputs, to: dx, stride: inputs) }
    runTeam(dx != nil || wantsGradient ? threads : 1) { member in
      if dx != nil, let weight, rows > 0 {
        if !isPacked {
          PackJob.run(PackJobs(.backward(weight, panels, depth: outputs, out: matrix)), kernels, &member)
        }
        multiply(pointers, rows: rows, depth: outputs, panels, matrix, start: nil, kernels, &member)
      }
      if wantsGradient {
        sums.run(&member) { lists in
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
}

/// `out[r] = start + rows[r] * matrix` for all rows, cut over threads and into blocks that stay in the cache.
private func multiply<Scalar: RNNScalar>(
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

  /// - Parameters:
  ///   - rows: at most `count`.
  ///   - source: nil if its rows are empty.
  func point(
    _ rows: Int, from source: UnsafePointer<Scalar>?, stride: Int, to target: UnsafeMutablePointer<Scalar>,
    stride targetStride: Int
  ) {
    for r in 0..<rows {
      from[r] = source.map { $0 + r * stride } ?? UnsafePointer(target)
      to[r] = target + r * targetStride
    }
  }
}
