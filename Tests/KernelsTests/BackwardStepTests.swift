import CPrimitives
import Kernels
import Reference
import Testing

/// The backward steps of the cells against the derivatives of the equations, with the error that rounding allows.
@Suite struct BackwardStepTests {
  @Test func floats() { for tested in Float.tables { check(tested) } }
  @Test func doubles() { for tested in Double.tables { check(tested) } }

  @Test func fusedTablesAgree() {
    fusedTablesAgree(Float.self)
    fusedTablesAgree(Double.self)
  }

  private func fusedTablesAgree<S: TestScalar>(_: S.Type) {
    for cell in StepCell.allCases {
      let all = S.tables.filter(\.fused).map { ($0.name, BackwardStep(cell, units: 37, count: 3, $0).bits) }
      for (name, bits) in all.dropFirst() { #expect(bits == all[0].1, "\(cell): \(name) and \(all[0].0)") }
    }
  }

  private func check<S: TestScalar>(_ tested: TestedTable<S>) {
    let w = tested.table.lanes
    for cell in StepCell.allCases {
      for units in Set([1, w - 1, w, w + 1, 2 * w + 3, 5, 13, 97]).filter({ $0 > 0 }).sorted() {
        for count in [1, 2, 7] {
          let step = BackwardStep<S>(cell, units: units, count: count, tested)
          let errors = step.errors(unit: S.unit, smallest: Double(S.leastNormalMagnitude))
          #expect(errors.isEmpty, "\(tested.name), \(cell), \(units) units: \(errors.prefix(3))")
          #expect(step.marginsAreWhole, "\(tested.name), \(cell), \(units) units")
        }
      }
    }
  }
}

/// One backward step on random numbers, run when it is made.
private struct BackwardStep<S: TestScalar> {
  let cell: StepCell
  let units: Int
  let count: Int
  /// `[row][gate * units + unit]`: what a forward step could have left; for the vanilla RNN its h.
  private let tape: [[S]]
  private let previous: [[S]]
  private let dh: [[S]]
  private let dc: [[S]]
  private let dReset: [[S]]
  /// `[row][segment * units + unit]`
  private(set) var gradients: [[S]] = []
  private(set) var carry: [[S]] = []
  private(set) var marginsAreWhole = true

  /// Segments that the step writes.
  private var segments: Int {
    switch cell {
    case .lstm: 5
    case .gru, .gruResetBefore: 4
    case .rnnTanh, .rnnRelu: 1
    }
  }

  init(_ cell: StepCell, units: Int, count: Int, _ tested: TestedTable<S>) {
    (self.cell, self.units, self.count) = (cell, units, count)
    var random = SplitMix(UInt64(units * 100 + count))
    func matrix(_ width: Int, _ range: ClosedRange<Double>) -> [[S]] {
      (0..<count).map { _ in random.numbers(width, range) }
    }
    func gates(_ ranges: [ClosedRange<Double>]) -> [[S]] {
      let parts = ranges.map { matrix(units, $0) }
      return (0..<count).map { r in parts.flatMap { $0[r] } }
    }
    let (share, signed) = (0.0...1.0, -1.0...1.0)
    tape =
      switch cell {
      case .lstm: gates([share, share, signed, share, -2...2])
      case .gru: gates([share, share, signed, -2...2])
      case .gruResetBefore: gates([share, share, signed])
      case .rnnTanh: gates([signed])
      case .rnnRelu: gates([signed]).map { $0.map { max(0, $0) } }
      }
    previous = matrix(units, -1...1)
    dh = matrix(units, -3...3)
    dc = matrix(units, -3...3)
    dReset = matrix(units, -3...3)
    let control = swiftrnn_float_control_enter()
    run(tested)
    swiftrnn_float_control_leave(control)
  }

  private mutating func run(_ tested: TestedTable<S>) {
    let lanes = tested.table.lanes
    let padded = PanelLayout(lanes: lanes, units: units).paddedUnits
    let state = { (numbers: [[S]]) in
      let rows = TestRows<S>(1, width: numbers.count * padded)
      for i in 0..<numbers.count * padded {
        let (r, u) = (i / padded, i % padded)
        rows[0, i] = u < numbers[r].count ? numbers[r][u] : 0
      }
      return rows
    }
    // Tape rows are not padded: behind the last gate of a row stands the margin, which may be read.
    let unpadded = { (numbers: [[S]]) in
      let rows = TestRows<S>(numbers.count, width: numbers[0].count)
      for (r, row) in numbers.enumerated() { for (j, number) in row.enumerated() { rows[r, j] = number } }
      return rows
    }
    let (dhRows, carryRows, resetRows) = (state(dh), state(dc), state(dReset))
    let (tapeRows, previousRows) = (unpadded(tape), unpadded(previous))
    let out = TestRows<S>(count, width: segments * padded)
    var arguments = BackwardArguments(
      count: count, vectors: 0..<(padded / lanes), stateStride: padded, dh: UnsafePointer(dhRows.out[0]),
      carry: carryRows.out[0], dReset: UnsafePointer(resetRows.out[0]),
      tape: MovingRows(tapeRows.out, offset: 0), gateStride: units,
      previous: MovingRows(previousRows.out, offset: 0), dgates: MovingRows(out.out, offset: 0),
      flag: cell == .rnnRelu || cell == .lstm)
    let kernels = tested.table.backward
    switch cell {
    case .lstm: kernels.lstm(&arguments)
    case .gru: kernels.gru(&arguments)
    case .gruResetBefore:
      kernels.gruResetCandidate(&arguments)
      kernels.gruResetGates(&arguments)
    case .rnnTanh, .rnnRelu: kernels.rnn(&arguments)
    }
    gradients = (0..<count).map { r in
      (0..<segments * units).map { out[r, $0 / units * padded + $0 % units] }
    }
    carry = (0..<count).map { r in (0..<units).map { carryRows[0, r * padded + $0] } }
    for rows in [dhRows, carryRows, resetRows, tapeRows, previousRows, out] {
      marginsAreWhole = marginsAreWhole && rows.marginsAreWhole
    }
  }

  var bits: [UInt64] { (gradients + carry).flatMap { $0.map(\.bits) } }

  /// What is further from the derivatives than rounding explains.
  func errors(unit: Double, smallest: Double) -> [String] {
    var errors: [String] = []
    for r in 0..<count {
      for u in 0..<units {
        func number(_ x: S) -> RunningError { RunningError(Double(x)) }
        func tape(_ gate: Int) -> RunningError { number(self.tape[r][gate * units + u]) }
        func check(_ segment: Int, _ expected: RunningError) {
          let y = gradients[r][segment * units + u]
          if !expected.allows(Double(y), unit: unit, smallest: smallest) {
            errors.append("segment \(segment)[\(r), \(u)] is \(y), should be \(expected)")
          }
        }
        func check(carry expected: RunningError) {
          if !expected.allows(Double(carry[r][u]), unit: unit, smallest: smallest) {
            errors.append("carry[\(r), \(u)] is \(carry[r][u]), should be \(expected)")
          }
        }
        let one = RunningError(1)
        func slope(_ gate: RunningError) -> RunningError { gate * (one - gate) }
        let (dh, before) = (number(dh[r][u]), number(previous[r][u]))
        switch cell {
        case .lstm:
          let (i, f, g, o) = (tape(0), tape(1), tape(2), tape(3))
          let t = RunningError.tanh(tape(4))
          let dc = number(self.dc[r][u]) + dh * o * (one - t * t)
          check(0, dc * g * slope(i))
          check(1, dc * before * slope(f))
          check(2, dc * i * (one - g * g))
          check(3, dh * t * slope(o))
          check(4, o * t)
          check(carry: dc * f)
        case .gru:
          let (reset, z, n, m) = (tape(0), tape(1), tape(2), tape(3))
          let dSum = dh * (one - z) * (one - n * n)
          check(0, dSum * m * slope(reset))
          check(1, dh * (before - n) * slope(z))
          check(2, dSum * reset)
          check(3, dSum)
          check(carry: dh * z)
        case .gruResetBefore:
          let (reset, z, n, dReset) = (tape(0), tape(1), tape(2), number(self.dReset[r][u]))
          check(0, dReset * before * slope(reset))
          check(1, dh * (before - n) * slope(z))
          check(2, dh * (one - z) * (one - n * n))
          check(3, reset * before)
          check(carry: dh * z + dReset * reset)
        case .rnnTanh: check(0, dh * (one - tape(0) * tape(0)))
        case .rnnRelu: check(0, tape(0).value > 0 ? dh : RunningError(0))
        }
      }
    }
    return errors
  }
}
