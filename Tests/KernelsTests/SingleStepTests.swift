import CPrimitives
import Kernels
import Reference
import Testing

/// A step of one sequence gives the bits of the product and the gates that it is made of, which have tests of their own
/// against the equations: one panel, an odd and an even number of them, tails, with and without x and a tape.
@Suite struct SingleStepTests {
  @Test func floats() { for tested in Float.tables { check(tested) } }
  @Test func doubles() { for tested in Double.tables { check(tested) } }

  private func check<S: TestScalar>(_ tested: TestedTable<S>) {
    let w = tested.table.lanes
    let control = swiftrnn_float_control_enter()
    defer { swiftrnn_float_control_leave(control) }
    for stage in SingleStage.allCases {
      for units in Set([1, w - 1, w, w + 1, 2 * w, 2 * w + 3, 4 * w, 5 * w - 1, 9 * w + 1]).filter({ $0 > 0 }).sorted()
      {
        for (inputs, depth) in [(0, units), (1, units), (7, 1), (3, 0)] {
          for taped in [false, true] {
            let step = SingleStep(stage, units: units, inputs: inputs, depth: depth, taped: taped, tested)
            let (single, parts) = (step.single(), step.parts())
            let what = "\(tested.name), \(stage), \(units) units, \(inputs) + \(depth) numbers, tape \(taped)"
            let different = zip(single.bits, parts.bits).count { $0 != $1 }
            #expect(different == 0, "\(what)")
            #expect(single.marginsAreWhole && parts.marginsAreWhole, "\(what)")
          }
        }
      }
    }
  }
}

/// The kernels of a step of one sequence.
private enum SingleStage: CaseIterable {
  case lstm
  case gru
  case gruResetGates
  case gruResetCandidate
  case rnnTanh
  case rnnRelu

  /// Gates in a panel of weights.
  var gates: Int {
    switch self {
    case .lstm: 4
    case .gru: 3
    case .gruResetGates: 2
    case .gruResetCandidate, .rnnTanh, .rnnRelu: 1
    }
  }
  /// Gates on the tape.
  var tape: Int {
    switch self {
    case .lstm: 5
    case .gru: 4
    case .gruResetGates, .gruResetCandidate: 3
    case .rnnTanh, .rnnRelu: 0
    }
  }
}

/// Random numbers for a step, which can be made by the kernel for one sequence, or by the product and the gates.
private struct SingleStep<S: TestScalar> {
  let stage: SingleStage
  let units: Int
  let inputs: Int
  let depth: Int
  let taped: Bool
  let table: KernelTable<S>
  let panels: PanelLayout
  /// From one panel's start to the next: more than a panel is wide.
  private let startStride: Int
  /// Where the sums start and the GRU's chain of m, x, the operand, the packed weights of both.
  private let bias: TestRows<S>
  private let biasM: TestRows<S>
  private let x: TestRows<S>
  private let operand: TestRows<S>
  private let input: TestRows<S>
  private let recurrent: TestRows<S>
  private let states: [[S]]

  init(_ stage: SingleStage, units: Int, inputs: Int, depth: Int, taped: Bool, _ tested: TestedTable<S>) {
    (self.stage, self.units, self.inputs, self.depth) = (stage, units, inputs, depth)
    self.taped = taped && stage.tape > 0
    table = tested.table
    panels = PanelLayout(lanes: table.lanes, gates: stage.gates, units: units)
    var random = SplitMix(UInt64(units * 1000 + inputs * 10 + depth))
    let (columns, padded) = (panels.paddedColumns, panels.paddedUnits)
    startStride = (stage.gates + 1) * table.lanes
    bias = TestRows(1, width: stage.gates > 1 ? panels.count * startStride : columns, &random)
    biasM = TestRows(1, width: padded, &random)
    x = TestRows(1, width: inputs, &random)
    operand = TestRows(1, width: depth, &random)
    input = TestRows(1, width: columns * inputs, &random)
    recurrent = TestRows(1, width: columns * depth, &random, -0.3...0.3)
    states = (0..<4).map { row in
      var numbers: [S] = random.numbers(padded, -1...1)
      for (i, special) in ([0, -0.0, .infinity, -.infinity] as [S]).enumerated() where 2 * i + row < padded {
        numbers[2 * i + row] = special
      }
      return numbers
    }
  }

  /// The state's rows, padded, and the tape.
  struct Memory {
    let hPrevious: TestRows<S>
    let h: TestRows<S>
    let c: TestRows<S>
    let z: TestRows<S>
    let tape: TestRows<S>
    let outputs: (TestRows<S>, TestRows<S>)
    let units: Int
    let gates: Int

    var marginsAreWhole: Bool {
      [hPrevious, h, c, z, tape, outputs.0, outputs.1].allSatisfy(\.marginsAreWhole)
    }
    var bits: [UInt64] {
      let rows = [hPrevious, h, c, z, outputs.0, outputs.1].flatMap { row in (0..<units).map { row[0, $0].bits } }
      return rows + (0..<gates * units).map { tape[0, $0].bits }
    }
  }

  private func memory() -> Memory {
    let rows = states.map { numbers in
      let row = TestRows<S>(1, width: numbers.count)
      for (i, number) in numbers.enumerated() { row[0, i] = number }
      return row
    }
    return Memory(
      hPrevious: rows[0], h: rows[1], c: rows[2], z: rows[3], tape: TestRows(1, width: stage.tape * units),
      outputs: (TestRows(1, width: units), TestRows(1, width: units)), units: units, gates: stage.tape)
  }

  private func run<Arguments>(_ kernels: StepKernels<Arguments>, _ arguments: UnsafePointer<Arguments>) {
    switch stage {
    case .lstm: kernels.lstm(arguments)
    case .gru: kernels.gru(arguments)
    case .gruResetGates: kernels.gruResetGates(arguments)
    case .gruResetCandidate: kernels.gruResetCandidate(arguments)
    case .rnnTanh, .rnnRelu: kernels.rnn(arguments)
    }
  }

  func single() -> Memory {
    let memory = memory()
    var arguments = SingleArguments(
      panels: 0..<panels.count, layout: panels, start: bias.rows[0], startStride: startStride,
      startOfM: biasM.rows[0], x: x.rows[0], inputs: inputs, input: input.rows[0], operand: operand.rows[0],
      depth: depth, recurrent: recurrent.rows[0], hPrevious: memory.hPrevious.rows[0], h: memory.h.out[0],
      c: memory.c.out[0], z: memory.z.out[0], tape: taped ? memory.tape.out[0] : nil,
      outputs: (memory.outputs.0.out[0], memory.outputs.1.out[0]), relu: stage == .rnnRelu)
    // In two parts, as threads that share the units call it.
    for part in [panels.count / 2..<panels.count, 0..<panels.count / 2] {
      (arguments.firstPanel, arguments.endPanel) = (part.lowerBound, part.upperBound)
      run(table.single, &arguments)
    }
    return memory
  }

  func parts() -> Memory {
    let memory = memory()
    for index in 0..<panels.count {
      let (first, unitVectors) = panels.panel(index)
      let (vectors, unit) = (panels.vectors(index), first * table.lanes)
      let width = vectors * table.lanes
      // n r z m of the GRU: x gives the first three, h the last three.
      let slot = stage == .gru ? table.lanes : 0
      let sums = TestRows<S>(1, width: width + slot)
      for lane in 0..<slot { sums[0, width + lane] = biasM[0, unit + lane] }
      func multiply(_ rows: TestRows<S>, _ count: Int, _ weights: TestRows<S>, at: Int, _ finish: ProductFinish) {
        var product = ProductArguments(
          count: 1, rows: rows.rows, depth: count, panel: weights.rows[0] + panels.column(index) * count,
          start: bias.rows[0] + (stage.gates > 1 ? index * startStride : panels.column(index)), out: sums.out,
          outOffset: at, columns: width, finish: finish)
        table.product(vectors: vectors, &product)
      }
      multiply(x, inputs, input, at: 0, .set)
      multiply(operand, depth, recurrent, at: slot, .resume)
      var step = ForwardArguments(
        count: 1, unitVectors: unitVectors, units: panels.validUnits(index), sums: sums.out, sumsOffset: 0,
        stateStride: panels.paddedUnits, hPrevious: memory.hPrevious.rows[0] + unit, h: memory.h.out[0] + unit,
        c: memory.c.out[0] + unit, z: memory.z.out[0] + unit,
        tape: taped ? MovingRows(memory.tape.out, offset: unit) : nil, gateStride: units,
        outputs: (
          MovingRows(memory.outputs.0.out, offset: unit), MovingRows(memory.outputs.1.out, offset: unit)
        ), relu: stage == .rnnRelu)
      run(table.forward, &step)
    }
    return memory
  }
}
