import Kernels
import Reference
import Testing

/// How matrices are cut into panels, packed, transposed and summed.
@Suite struct PanelTests {
  @Test func everyColumnIsInOnePanel() {
    for lanes in [2, 4, 8, 16] {
      for gates in 1...4 {
        for units in [1, lanes - 1, lanes, lanes + 1, 2 * lanes + 3, 4 * lanes, 4 * lanes + 1, 97] where units > 0 {
          let layout = PanelLayout(lanes: lanes, gates: gates, units: units)
          #expect(layout.paddedUnits % lanes == 0 && layout.paddedUnits - units < lanes)
          #expect(layout.paddedColumns == layout.paddedUnits * gates)
          var (vector, valid) = (0, 0)
          var heights: Set<Int> = []
          for index in 0..<layout.count {
            let (first, unitVectors) = layout.panel(index)
            #expect(first == vector && layout.column(index) == first * gates * lanes)
            #expect(layout.vectors(index) == unitVectors * gates && (1...4).contains(layout.vectors(index)))
            vector += unitVectors
            valid += layout.validUnits(index)
            heights.insert(unitVectors)
          }
          #expect(vector == layout.unitVectors && valid == units)
          #expect((heights.max() ?? 0) - (heights.min() ?? 0) <= 1, "vectors are shared out evenly")
        }
      }
    }
  }

  @Test func floats() { for tested in Float.tables { check(tested) } }
  @Test func doubles() { for tested in Double.tables { check(tested) } }

  private func check<S: TestScalar>(_ tested: TestedTable<S>) {
    let w = tested.table.lanes
    var random = SplitMix(3)
    for size in Set([1, w - 1, w, w + 1, 2 * w + 3, 7, 31, 53]).filter({ $0 > 0 }).sorted() {
      for count in [0, 1, 2, 7, 8, 9, 61] {
        checkRows(tested, size: size, count: count, &random)
      }
    }
    for vectors in 1...4 {
      for valid in Set([1, 2, 3, w - 1, w, w + 1, vectors * w - 1, vectors * w]).filter({ $0 > 0 && $0 <= vectors * w })
      {
        for depth in [0, 1, 7, 8, 9, 15, 16, 17, 35] {
          checkPack(tested, vectors: vectors, valid: valid, depth: depth, &random)
        }
      }
    }
  }

  /// Both directions of packing: units a row apart, and units side by side.
  private func checkPack<S: TestScalar>(
    _ tested: TestedTable<S>, vectors: Int, valid: Int, depth: Int, _ random: inout SplitMix
  ) {
    let lanes = vectors * tested.table.lanes
    for (kStride, unitStride) in [(1, depth + 2), (lanes + 5, 1)] {
      // Exactly as many numbers as may be read.
      let last = max(0, (depth - 1) * kStride + (valid - 1) * unitStride + 1)
      let source: [S] = random.numbers(depth == 0 ? 1 : last)
      let outStride = lanes + 3
      let out = TestRows<S>(1, width: max(1, depth * outStride))
      source.withUnsafeBufferPointer { source in
        guard let source = source.baseAddress else { return }
        var arguments = PackArguments(
          source: source, kStride: kStride, unitStride: unitStride, depth: depth, lanes: lanes, valid: valid,
          out: out.out[0], outStride: outStride)
        tested.table.panels.pack(&arguments)
      }
      for k in 0..<depth {
        for lane in 0..<outStride {
          let expected =
            lane < valid ? source[k * kStride + lane * unitStride] : lane < lanes ? 0 : TestRows<S>.canary
          #expect(out[0, k * outStride + lane].bits == expected.bits, "\(tested.name), \(lanes) lanes, \(valid) valid")
        }
      }
      #expect(out.marginsAreWhole)
    }
  }

  private func checkRows<S: TestScalar>(
    _ tested: TestedTable<S>, size: Int, count: Int, _ random: inout SplitMix
  ) {
    let panels = tested.table.panels
    let comment: Comment = "\(tested.name): \(count) rows of \(size)"
    let offset = 2
    let rows = TestRows<S>(count, width: offset + size, &random)
    let lanes = PanelLayout(lanes: tested.table.lanes, units: size).paddedUnits

    let packed = TestRows<S>(1, width: max(1, count * lanes))
    panels.packRows(rows.rows, count, offset, lanes, size, packed.out[0])
    for k in 0..<count {
      for j in 0..<lanes {
        #expect(packed[0, k * lanes + j].bits == (j < size ? rows[k, offset + j] : 0).bits, comment)
      }
    }
    #expect(packed.marginsAreWhole, comment)

    let stride = count + 3
    let transposed = TestRows<S>(1, width: size * stride)
    panels.transpose(rows.rows, count, offset, size, transposed.out[0], stride)
    for j in 0..<size {
      for k in 0..<stride {
        #expect(
          transposed[0, j * stride + k].bits == (k < count ? rows[k, offset + j] : TestRows<S>.canary).bits, comment)
      }
    }
    #expect(transposed.marginsAreWhole, comment)

    for add in [false, true] {
      let sums = TestRows<S>(1, width: size, &random)
      let before = (0..<size).map { sums[0, $0] }
      panels.sumRows(rows.rows, count, offset, size, sums.out[0], add)
      for j in 0..<size {
        var chain: S = 0
        for k in 0..<count { chain += rows[k, offset + j] }
        #expect(sums[0, j].bits == (add ? before[j] + chain : chain).bits, comment)
      }
      #expect(sums.marginsAreWhole, comment)
    }

    if count > 0 {
      let sum = TestRows<S>(1, width: size, &random)
      let before = (0..<size).map { sum[0, $0] }
      panels.addRow(rows.rows[0], sum.out[0], size)
      for j in 0..<size { #expect(sum[0, j].bits == (before[j] + rows[0, j]).bits, comment) }
      #expect(sum.marginsAreWhole, comment)
    }

    arrives(panels, rows, count, offset, size, tested, &random, comment)

    let filled = TestRows<S>(count, width: offset + tested.table.lanes)
    let vector: [S] = random.numbers(tested.table.lanes)
    vector.withUnsafeBufferPointer {
      guard let vector = $0.baseAddress else { return }
      panels.fillVector(vector, filled.out, count, offset)
    }
    for k in 0..<count {
      for j in 0..<offset + tested.table.lanes {
        #expect(filled[k, j].bits == (j < offset ? TestRows<S>.canary : vector[j - offset]).bits, comment)
      }
    }
    #expect(filled.marginsAreWhole, comment)
  }

  /// What arrives at dL/dh, with and without dL/dy and a carry, which only the first sequences have.
  private func arrives<S: TestScalar>(
    _ panels: PanelKernels<S>, _ dy: TestRows<S>, _ count: Int, _ offset: Int, _ size: Int, _ tested: TestedTable<S>,
    _ random: inout SplitMix, _ comment: Comment
  ) {
    let stride = PanelLayout(lanes: tested.table.lanes, units: size).paddedUnits
    let carry = TestRows<S>(1, width: count * stride, &random)
    let cases = [(false, 0), (true, 0), (true, count / 2), (false, count)].flatMap {
      [($0, $1, false), ($0, $1, true)]
    }
    for (given, next, carries) in cases {
      let dh = TestRows<S>(1, width: count * stride)
      var arguments = ArrivalArguments(
        count: count, next: next, units: size, stateStride: stride, dh: dh.out[0],
        dy: given ? MovingRows(dy.out, offset: offset) : nil, carry: carries ? carry.rows[0] : nil)
      panels.arrive(&arguments)
      for r in 0..<count {
        // Whole vectors are written; behind the units dy counts as zero.
        for j in 0..<stride {
          var expected = given && j < size ? dy[r, offset + j] : 0
          if carries && r < next { expected += carry[0, r * stride + j] }
          #expect(dh[0, r * stride + j].bits == expected.bits, comment)
        }
      }
      #expect(dh.marginsAreWhole, comment)
    }
  }
}
