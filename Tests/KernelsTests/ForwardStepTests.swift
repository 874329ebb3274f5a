import CPrimitives
import Kernels
import Reference
import Testing

/// The forward steps of the cells, panel by panel, against the equations with the error that their own rounding allows.
@Suite struct ForwardStepTests {
  @Test func floats() { for tested in Float.tables { check(tested) } }
  @Test func doubles() { for tested in Double.tables { check(tested) } }

  /// The lanes of AVX2 and AVX-512 and, where the machine has them, their own code.
  @Test func fusedTablesAgree() {
    fusedTablesAgree(Float.self)
    fusedTablesAgree(Double.self)
  }

  private func fusedTablesAgree<S: TestScalar>(_: S.Type) {
    for cell in StepCell.allCases {
      let all = S.tables.filter(\.fused).map { ($0.name, ForwardStep(cell, units: 37, count: 3, $0).bits) }
      for (name, bits) in all.dropFirst() { #expect(bits == all[0].1, "\(cell): \(name) and \(all[0].0)") }
    }
  }

  private func check<S: TestScalar>(_ tested: TestedTable<S>) {
    let w = tested.table.lanes
    for cell in StepCell.allCases {
      for units in Set([1, w - 1, w, w + 1, 2 * w + 3, 5, 13, 4 * w + 1, 97]).filter({ $0 > 0 }).sorted() {
        for count in [1, 2, 7] {
          let step = ForwardStep<S>(cell, units: units, count: count, tested)
          let errors = step.errors(unit: S.unit, smallest: Double(S.leastNormalMagnitude))
          #expect(errors.isEmpty, "\(tested.name), \(cell), \(units) units: \(errors.prefix(3))")
          #expect(step.outputs == [step.h, step.h], "\(tested.name), \(cell), \(units) units")
          #expect(step.marginsAreWhole, "\(tested.name), \(cell), \(units) units")
        }
      }
    }
  }
}

/// The kernels of a step: what differs between the cells.
enum StepCell: CaseIterable {
  case lstm
  case gru
  case gruResetBefore
  case rnnTanh
  case rnnRelu

  /// Segments of sums per unit, of the tape, and of the gates' gradients.
  var sums: Int {
    switch self {
    case .lstm, .gru: 4
    case .gruResetBefore: 3
    case .rnnTanh, .rnnRelu: 1
    }
  }
  var tape: Int {
    switch self {
    case .lstm: 5
    case .gru: 4
    case .gruResetBefore: 3
    case .rnnTanh, .rnnRelu: 0
    }
  }
}

/// One forward step on random numbers, run when it is made.
private struct ForwardStep<S: TestScalar> {
  let cell: StepCell
  let units: Int
  let count: Int
  /// `sums[gate][row][unit]` and the states before, as they were drawn: the same for every number of lanes.
  private let sums: [[[S]]]
  private let h0: [[S]]
  private let c0: [[S]]
  /// After the step: `[row][unit]`, and the tape's `[row][gate * units + unit]`.
  private(set) var h: [[S]] = []
  private(set) var c: [[S]] = []
  private(set) var reset: [[S]] = []
  private(set) var tape: [[S]] = []
  /// h once more, as both outputs received it.
  private(set) var outputs: [[[S]]] = []
  private(set) var marginsAreWhole = true

  init(_ cell: StepCell, units: Int, count: Int, _ tested: TestedTable<S>) {
    (self.cell, self.units, self.count) = (cell, units, count)
    var random = SplitMix(UInt64(units * 100 + count))
    func matrix(_ range: ClosedRange<Double>) -> [[S]] {
      (0..<count).map { _ in
        var row: [S] = random.numbers(units, range)
        // Saturated gates, zeros.
        if units > 2 {
          (row[units / 2], row[units - 1], row[0]) = (S(range.upperBound * 20), S(range.lowerBound * 20), 0)
        }
        return row
      }
    }
    sums = (0..<cell.sums).map { _ in matrix(-4...4) }
    h0 = matrix(-0.05...0.05)
    c0 = matrix(-0.2...0.2)
    let control = swiftrnn_float_control_enter()
    run(tested)
    swiftrnn_float_control_leave(control)
  }

  private mutating func run(_ tested: TestedTable<S>) {
    let lanes = tested.table.lanes
    let padded = PanelLayout(lanes: lanes, units: units).paddedUnits
    let state = { (numbers: [[S]]) in
      // One block of rows, as in the library's scratch; the padding is zero.
      let rows = TestRows<S>(1, width: numbers.count * padded)
      for i in 0..<numbers.count * padded {
        let (r, u) = (i / padded, i % padded)
        rows[0, i] = u < numbers[r].count ? numbers[r][u] : 0
      }
      return rows
    }
    let zeros = [[S]](repeating: [S](repeating: 0, count: units), count: count)
    let (hRows, cRows, zRows, newRows) = (state(h0), state(c0), state(zeros), state(zeros))
    let tapeRows = TestRows<S>(count, width: cell.tape * units)
    // Not padded either; the second begins 3 numbers into its rows.
    let outputRows = (TestRows<S>(count, width: units), TestRows<S>(count, width: units + 3))

    /// Runs `entry` over all panels of `gates` gates, whose sums are those of `slots`.
    func run(_ gates: Int, slots: [Int], _ entry: StepKernels<ForwardArguments<S>>.Entry) {
      let panels = PanelLayout(lanes: lanes, gates: gates, units: units)
      let sumRows = TestRows<S>(count, width: padded * slots.count)
      for index in 0..<panels.count {
        let (first, unitVectors) = panels.panel(index)
        let start = first * slots.count * lanes
        for r in 0..<count {
          for (slot, gate) in slots.enumerated() {
            for lane in 0..<unitVectors * lanes {
              let unit = first * lanes + lane
              sumRows[r, start + slot * lanes + lane] = unit < units ? sums[gate][r][unit] : 0
            }
          }
        }
        let at = first * lanes
        var arguments = ForwardArguments(
          count: count, unitVectors: unitVectors, units: panels.validUnits(index), sums: sumRows.out, sumsOffset: start,
          stateStride: padded, hPrevious: UnsafePointer(hRows.out[0] + at), h: newRows.out[0] + at,
          c: cRows.out[0] + at, z: zRows.out[0] + at,
          tape: cell.tape > 0 ? MovingRows(tapeRows.out, offset: at) : nil, gateStride: units,
          outputs: (MovingRows(outputRows.0.out, offset: at), MovingRows(outputRows.1.out, offset: at + 3)),
          relu: cell == .rnnRelu)
        entry(&arguments)
      }
      marginsAreWhole = marginsAreWhole && sumRows.marginsAreWhole
    }
    let kernels = tested.table.forward
    switch cell {
    case .lstm: run(4, slots: [0, 1, 2, 3], kernels.lstm)
    case .gru: run(3, slots: [0, 1, 2, 3], kernels.gru)
    case .gruResetBefore:
      run(2, slots: [0, 1], kernels.gruResetGates)
      reset = numbers(cRows, padded)
      run(1, slots: [2], kernels.gruResetCandidate)
    case .rnnTanh, .rnnRelu: run(1, slots: [0], kernels.rnn)
    }
    h = numbers(newRows, padded)
    c = numbers(cRows, padded)
    tape = (0..<count).map { r in (0..<cell.tape * units).map { tapeRows[r, $0] } }
    outputs = [
      (0..<count).map { r in (0..<units).map { outputRows.0[r, $0] } },
      (0..<count).map { r in (0..<units).map { outputRows.1[r, $0 + 3] } },
    ]
    for rows in [hRows, cRows, zRows, newRows, tapeRows, outputRows.0, outputRows.1] {
      marginsAreWhole = marginsAreWhole && rows.marginsAreWhole
    }
  }

  private func numbers(_ rows: TestRows<S>, _ padded: Int) -> [[S]] {
    (0..<count).map { r in (0..<units).map { rows[0, r * padded + $0] } }
  }

  var bits: [UInt64] { (h + c + reset + tape).flatMap { $0.map(\.bits) } }

  /// What is further from the equations than rounding explains.
  func errors(unit: Double, smallest: Double) -> [String] {
    var errors: [String] = []
    for r in 0..<count {
      for u in 0..<units {
        func sum(_ gate: Int) -> RunningError { RunningError(Double(sums[gate][r][u])) }
        func check(_ name: String, _ y: S, _ expected: RunningError) {
          if !expected.allows(Double(y), unit: unit, smallest: smallest) {
            errors.append("\(name)[\(r), \(u)] is \(y), should be \(expected)")
          }
        }
        func tape(_ gate: Int) -> S { self.tape[r][gate * units + u] }
        let before = RunningError(Double(h0[r][u]))
        switch cell {
        case .lstm:
          let (i, f) = (RunningError.sigmoid(sum(0)), RunningError.sigmoid(sum(1)))
          let (g, o) = (RunningError.tanh(sum(2)), RunningError.sigmoid(sum(3)))
          let c = f * RunningError(Double(c0[r][u])) + i * g
          for (gate, expected) in [i, f, g, o, c].enumerated() { check("tape \(gate)", tape(gate), expected) }
          check("c", self.c[r][u], c)
          check("h", h[r][u], o * .tanh(c))
        case .gru:
          let (reset, z) = (RunningError.sigmoid(sum(1)), RunningError.sigmoid(sum(2)))
          let n = RunningError.tanh(sum(0) + reset * sum(3))
          for (gate, expected) in [reset, z, n, sum(3)].enumerated() { check("tape \(gate)", tape(gate), expected) }
          check("h", h[r][u], n + z * (before - n))
        case .gruResetBefore:
          let (reset, z) = (RunningError.sigmoid(sum(0)), RunningError.sigmoid(sum(1)))
          let n = RunningError.tanh(sum(2))
          for (gate, expected) in [reset, z, n].enumerated() { check("tape \(gate)", tape(gate), expected) }
          check("r * h", self.reset[r][u], reset * before)
          check("h", h[r][u], n + z * (before - n))
        case .rnnTanh: check("h", h[r][u], .tanh(sum(0)))
        case .rnnRelu: check("h", h[r][u], RunningError(max(0, sum(0).value)))
        }
      }
    }
    return errors
  }
}
