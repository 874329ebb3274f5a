import Kernels
import Reference
import Testing

@testable import SwiftRNN

/// The products behind back-propagation of any number of operands, against plain loops. All numbers are small integers,
/// so every sum is exact in any order.
@Suite struct WeightGradientTests {
  /// One direction with operands of every kind, over a batch with lengths.
  struct Work<Scalar: TrainingScalar> {
    let steps: Int
    let sequences: Int
    let lengths: [Int]
    /// Arrays of T * N rows, their sizes, and where an operand begins in them.
    let arrays: [[Scalar]]
    let sizes: [Int]
    let initial: [Scalar]
    let operands: [(array: Int, offset: Int, columns: Int, shift: Int)]
    let blocks: [(left: Int, offset: Int, columns: Int, operands: [Int])]
    let sums: [(left: Int, offset: Int, columns: Int)]

    /// Of an operand that its initial values are the same for all sequences.
    static var stridesOfInitial: [Int] { [0, 0, 50, 0, 0] }

    init(steps: Int, sequences: Int, seed: UInt64) {
      (self.steps, self.sequences) = (steps, sequences)
      var random = SplitMix(seed)
      lengths = random.integers(sequences, 0..<steps + 1)
      sizes = [150, 61, 23]
      arrays = sizes.map { random.integers(steps * sequences * $0, -3..<4).map { Scalar($0) } }
      initial = random.integers(sequences * 50 + 50, -3..<4).map { Scalar($0) }
      operands = [(0, 3, 37, 0), (1, 0, 17, 1), (0, 100, 50, -1), (2, 1, 5, 0), (1, 20, 33, 0)]
      // The fourth operand is needed by nothing. More columns than are transposed at a time, and fewer than threads.
      blocks = [
        (1, 2, 41, [0, 2]), (1, 43, 13, [1]), (0, 0, 130, [4, 0]), (2, 7, 1, [2, 1]), (2, 0, 16, [4]),
        (1, 2, 41, [4, 1]), (0, 131, 19, [0]),
      ]
      sums = [(0, 5, 97), (2, 0, 23), (1, 60, 1), (0, 0, 150), (1, 9, 31)]
    }

    private func row(_ array: Int, _ t: Int, _ n: Int) -> ArraySlice<Scalar> {
      arrays[array][((t * sequences + n) * sizes[array])...].prefix(sizes[array])
    }

    private func operand(_ index: Int, _ t: Int, _ n: Int) -> [Scalar] {
      let of = operands[index]
      if (0..<lengths[n]).contains(t + of.shift) {
        return Array(row(of.array, t + of.shift, n).dropFirst(of.offset).prefix(of.columns))
      }
      return Array(initial[(n * Self.stridesOfInitial[index])...].prefix(of.columns))
    }

    /// The matrices of all blocks, and the sums, one after the other.
    func expected(_ start: Scalar) -> [Scalar] {
      var all: [Scalar] = []
      var valid: [(t: Int, n: Int)] = []
      for t in 0..<steps { for n in 0..<sequences where t < lengths[n] { valid.append((t, n)) } }
      for block in blocks {
        for index in block.operands {
          let width = operands[index].columns
          var matrix = [Scalar](repeating: start, count: block.columns * width)
          for (t, n) in valid {
            let (left, right) = (Array(row(block.left, t, n)), operand(index, t, n))
            for j in 0..<block.columns {
              for k in 0..<width { matrix[j * width + k] += left[block.offset + j] * right[k] }
            }
          }
          all += matrix
        }
      }
      for sum in sums {
        all += (0..<sum.columns).map { j in
          valid.reduce(start) { $0 + Array(row(sum.left, $1.t, $1.n))[sum.offset + j] }
        }
      }
      return all
    }

    /// The same by `WeightGradient`, over and over: a member that is late must not take one run's lists for another's.
    ///
    /// - Parameter start: nil: NaN, not accumulated.
    func gradients(_ start: Scalar?, threads: Int, runs: Int) throws -> [[Scalar]] {
      let kernels = try Scalar.kernels
      func lay(_ arena: inout Arena) -> WeightGradientScratch<Scalar> {
        WeightGradientScratch(
          &arena, lanes: kernels.lanes,
          lists: .init(operands: operands.count, lefts: arrays.count, blocks: blocks.count, sums: sums.count),
          leftColumns: blocks.reduce(0) { $0 + $1.columns }, batchRows: steps * sequences
        ) { operands[$0].columns }
      }
      var counter = Arena(nil)
      _ = lay(&counter)
      let memory = try Memory(counter.size("a test"))
      var arena = Arena(memory.start)
      let scratch = lay(&arena)
      let own = try Tensor(arrays.flatMap { $0 } + initial, shape: [arrays.reduce(initial.count) { $0 + $1.count }])
      let base = try #require(own.address)
      var starts: [UnsafePointer<Scalar>] = []
      for index in 0...arrays.count { starts.append(base + arrays.prefix(index).reduce(0) { $0 + $1.count }) }
      let bounds = lengths.map { Int64($0) }
      let count = expectedCount
      let out = UnsafeMutablePointer<Scalar>.allocate(capacity: runs * count)
      defer { out.deallocate() }
      out.initialize(repeating: start ?? .nan, count: runs * count)
      let numbers = UnsafeMutablePointer<Int>.allocate(capacity: 2 * steps + 2 * sequences + 4)
      defer { numbers.deallocate() }
      bounds.withUnsafeBufferPointer { bounds in
        let batch = BatchPlan(
          steps: steps, sequences: sequences, lengths: bounds.baseAddress, shards: 1,
          scratch: (numbers, numbers + sequences, numbers + sequences + steps + 2))
        let rows = ValidRows(batch, before: numbers + 2 * sequences + steps + 2)
        let gradient = WeightGradient(kernels: kernels, rows: rows, accumulate: start != nil, scratch: scratch)
        runTeam(threads) { member in
          for run in 0..<runs {
            gradient.run(&member) { list(in: $0, starts, to: out + run * count) }
          }
        }
        withExtendedLifetime(own) {}
      }
      withExtendedLifetime(memory) {}
      return (0..<runs).map { Array(UnsafeBufferPointer(start: out + $0 * count, count: count)) }
    }

    private var expectedCount: Int {
      blocks.reduce(0) { $0 + $1.columns * $1.operands.reduce(0) { $0 + operands[$1].columns } }
        + sums.reduce(0) { $0 + $1.columns }
    }

    private func list(
      in lists: GradientLists<Scalar>, _ starts: [UnsafePointer<Scalar>], to out: UnsafeMutablePointer<Scalar>
    ) {
      for (start, size) in zip(starts, sizes) { lists.lefts.append(LeftRows(base: start, size: size)) }
      for (index, operand) in operands.enumerated() {
        let array = UnsafeMutablePointer(mutating: starts[operand.array])
        let rows = Rows(dense: array, sequences: sequences, width: sizes[operand.array]).offset(by: operand.offset)
        lists.operands.append(
          OperandRows(
            rows: rows, columns: operand.columns,
            before: operand.shift == 0
              ? nil
              : .init(
                shift: operand.shift, initial: starts[arrays.count], initialStride: Self.stridesOfInitial[index])))
      }
      var next = out
      func target(_ operand: Int, _ columns: Int) -> GradientBlock<Scalar>.Target {
        defer { next += columns * operands[operand].columns }
        return .init(operand: operand, gradient: next)
      }
      for block in blocks {
        let first = target(block.operands[0], block.columns)
        let second = block.operands.count > 1 ? target(block.operands[1], block.columns) : nil
        lists.blocks.append(
          GradientBlock(left: block.left, leftOffset: block.offset, columns: block.columns, targets: (first, second)))
      }
      for sum in sums {
        lists.sums.append(GradientSum(gradient: next, left: sum.left, leftOffset: sum.offset, columns: sum.columns))
        next += sum.columns
      }
    }
  }

  @Test func anyNumberOfOperands() throws {
    try check(Float.self)
    try check(Double.self)
  }

  private func check<S: TrainingScalar>(_: S.Type) throws {
    // No row, one, one chain that is not full, and several.
    for (steps, sequences) in [(0, 3), (1, 1), (13, 9), (61, 11)] {
      let work = Work<S>(steps: steps, sequences: sequences, seed: UInt64(steps + 1))
      for start in [nil, 2] as [S?] {
        let expected = work.expected(start ?? 0)
        for threads in [1, 2, 3, 8] {
          for found in try work.gradients(start, threads: threads, runs: 3) {
            #expect(found == expected, "\(S.self), T \(steps), N \(sequences), \(threads) threads")
          }
        }
      }
    }
  }
}
