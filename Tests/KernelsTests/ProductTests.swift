import CPrimitives
import Kernels
import Reference
import Testing

/// Products of rows with packed panels: every number of vectors, every height of a tile, tails of columns, and
/// each way to finish.
@Suite struct ProductTests {
  @Test func floats() { for tested in Float.tables { check(tested) } }
  @Test func doubles() { for tested in Double.tables { check(tested) } }

  private func check<S: TestScalar>(_ tested: TestedTable<S>) {
    var random = SplitMix(11)
    for vectors in 1...4 {
      let tallest = tallestTile(accumulators: tested.table.accumulators, vectors: vectors)
      for count in Array(0...tallest + 2) + [2 * tallest + 1, 31] {
        for finish in [ProductFinish.set, .resume, .add] {
          for _ in 0..<4 { check(tested, vectors: vectors, count: count, finish: finish, &random) }
        }
      }
    }
  }

  private func check<S: TestScalar>(
    _ tested: TestedTable<S>, vectors: Int, count: Int, finish: ProductFinish, _ random: inout SplitMix
  ) {
    func choose(_ choices: [Int]) -> Int { random.integers(1, 0..<choices.count).map { choices[$0] }[0] }
    let lanes = tested.table.lanes
    let width = vectors * lanes
    let depth = choose([1, 1, 2, 3, 5, 8, 13, 32, 67])
    let columns = choose([width, width, width - 1, (vectors - 1) * lanes + 1, (vectors - 1) * lanes + lanes / 2, 1])
    let (rowOffset, outOffset) = (choose([0, 3]), choose([0, 7]))
    let operand = TestRows<S>(count, width: rowOffset + depth, &random)
    let out = TestRows<S>(count, width: outOffset + columns, &random)
    // Padding of panels is zero in the library; here it is anything, as it may reach no column that exists.
    let panel: [S] = random.numbers(depth * width)
    let start: [S] = random.numbers(width)
    let withStart = finish == .resume || choose([0, 1]) == 1

    var expected: [[(chain: S, exact: Double, magnitude: Double)]] = []
    for r in 0..<count {
      expected.append(
        (0..<columns).map { j in
          let before = out[r, outOffset + j]
          let first: S = finish == .resume ? before : withStart ? start[j] : 0
          var (chain, exact, magnitude) = (first, Double(first), abs(Double(first)))
          for k in 0..<depth {
            let x = operand[r, rowOffset + k]
            let w = panel[k * width + j]
            chain = S.multiplyAdd(w, x, chain, fused: tested.fused)
            exact += Double(w) * Double(x)
            magnitude += abs(Double(w) * Double(x))
          }
          if finish == .add {
            (chain, exact, magnitude) = (before + chain, Double(before) + exact, magnitude + abs(Double(before)))
          }
          return (chain, exact, magnitude)
        })
    }
    let untouched = (0..<count).map { r in (0..<outOffset).map { out[r, $0].bits } }

    panel.withUnsafeBufferPointer { panel in
      start.withUnsafeBufferPointer { start in
        guard let panel = panel.baseAddress else { return }
        var arguments = ProductArguments(
          count: count, rows: operand.rows, rowOffset: rowOffset, depth: depth, panel: panel,
          start: withStart ? start.baseAddress : nil, out: out.out,
          outOffset: outOffset, columns: columns, finish: finish)
        let control = swiftrnn_float_control_enter()
        tested.table.product(vectors: vectors, &arguments)
        swiftrnn_float_control_leave(control)
      }
    }

    let comment: Comment =
      "\(tested.name): \(count) rows, \(vectors) vectors, \(columns) columns, \(depth) deep, \(finish)"
    let terms = Double(depth + (finish == .add ? 2 : 1))
    var (wrongBits, tooFar) = (0, 0)
    for r in 0..<count {
      for j in 0..<columns {
        let y = out[r, outOffset + j]
        if y.bits != expected[r][j].chain.bits { wrongBits += 1 }
        let bound = 2 * terms.squareRoot() * Double(S.ulpOfOne) * expected[r][j].magnitude
        if !(abs(Double(y) - expected[r][j].exact) <= bound) { tooFar += 1 }
      }
    }
    #expect(wrongBits == 0, "not one chain of multiply-adds: \(comment)")
    #expect(tooFar == 0, comment)
    #expect(out.marginsAreWhole, comment)
    #expect((0..<count).map { r in (0..<outOffset).map { out[r, $0].bits } } == untouched, comment)
  }

  /// The tiles that the registers of each instruction set hold.
  @Test func tallestTiles() {
    #expect(tallestTile(accumulators: 24, vectors: 4) == 6)
    #expect(tallestTile(accumulators: 24, vectors: 3) == 8)
    #expect(tallestTile(accumulators: 24, vectors: 1) == 8)
    #expect(tallestTile(accumulators: 12, vectors: 4) == 3)
    #expect(tallestTile(accumulators: 12, vectors: 1) == 8)
  }
}
