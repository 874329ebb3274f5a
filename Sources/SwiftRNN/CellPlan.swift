// A cell as data: its products in stages, and how their panels and sums lie.
import Kernels

/// The gates that a panel holds, by their place in torch's rows: one to four of them.
struct GateOrder: Sendable, BitwiseCopyable {
  // Bytes: a stage is read in every step.
  private let number: UInt8
  private let gates: (UInt8, UInt8, UInt8, UInt8)

  init(_ first: UInt8) { (number, gates) = (1, (first, 0, 0, 0)) }
  init(_ first: UInt8, _ second: UInt8) { (number, gates) = (2, (first, second, 0, 0)) }
  init(_ first: UInt8, _ second: UInt8, _ third: UInt8) { (number, gates) = (3, (first, second, third, 0)) }
  init(_ first: UInt8, _ second: UInt8, _ third: UInt8, _ fourth: UInt8) {
    (number, gates) = (4, (first, second, third, fourth))
  }

  var count: Int { Int(number) }

  subscript(slot: Int) -> Int {
    switch slot {
    case 0: Int(gates.0)
    case 1: Int(gates.1)
    case 2: Int(gates.2)
    default: Int(gates.3)
    }
  }
}

/// One product per step: the sums of some gates, which an elementwise kernel then takes. Numbers only: read in every
/// step.
struct Stage: Sendable {
  /// Its panels; with several gates each panel holds all of them.
  let panels: PanelLayout
  /// Where the stage's sums start in a row of sums, and how many vectors a panel takes there.
  let sumsColumn: Int
  let sumsVectors: Int
  /// At which vector of a panel's sums the recurrent product writes.
  let recurrentSlot: Int
  /// The recurrent product runs over r * h instead of h.
  let usesReset: Bool
  /// The gates, in torch's rows, that its panels of W hold, and those of U.
  let inputGates: GateOrder
  let recurrentGates: GateOrder

  /// The first column of panel `index` in a row of sums.
  func column(_ index: Int) -> Int {
    panels.gates > 1
      ? sumsColumn &+ index &* sumsVectors &* panels.lanes
      : sumsColumn &+ panels.column(index)
  }
}

/// What the runners need to know of a cell of a certain size on a certain instruction set. A class: a copy is one
/// reference, where a structure's four arrays were counted 18 times in a pass forward and back.
final class CellPlan: Sendable {
  let cell: CellKind
  let hidden: Int
  let lanes: Int
  /// Where the rows of each gate are.
  let parameters: GateParameters
  let stages: [Stage]
  /// Elements of a row of sums.
  let sumsWidth: Int
  /// Segments of H numbers in a row of gate gradients, each padded to whole vectors. Behind the gradients stands what a
  /// weight gradient needs beside them: r * h of the GRU with reset before, o * tanh(c) of the LSTM with projection.
  let gradientSegments: Int
  /// How many of them, from the first on, hold gradients.
  let gateSegments: Int
  /// Segments that hold the gradients of the rows of W, in torch's order, and those of U.
  let inputSegments: [Int]
  let recurrentSegments: [Int]
  /// The segments of the rows of W again: those that lie side by side together, with the first of their gates.
  let inputRuns: [(gate: Int, segments: Range<Int>)]

  init(_ cell: CellKind, hidden: Int, lanes: Int, projection: Bool, parameters: GateParameters) {
    self.cell = cell
    self.hidden = hidden
    self.lanes = lanes
    self.parameters = parameters
    func stage(
      _ gates: GateOrder, input: GateOrder? = nil, column: Int = 0, vectors: Int? = nil, slot: Int = 0,
      reset: Bool = false
    ) -> Stage {
      Stage(
        panels: PanelLayout(lanes: lanes, gates: gates.count, units: hidden), sumsColumn: column,
        sumsVectors: vectors ?? gates.count, recurrentSlot: slot, usesReset: reset, inputGates: input ?? gates,
        recurrentGates: gates)
    }
    let padded = PanelLayout(lanes: lanes, units: hidden).paddedUnits
    switch cell {
    case .rnnTanh, .rnnRelu, .equations:  // equations have plans of their own
      stages = [stage(GateOrder(0))]
      sumsWidth = padded
      (gradientSegments, inputSegments, recurrentSegments) = (1, [0], [0])
    case .lstm:
      stages = [stage(GateOrder(0, 1, 2, 3))]
      sumsWidth = 4 * padded
      (gradientSegments, inputSegments, recurrentSegments) = (projection ? 5 : 4, [0, 1, 2, 3], [0, 1, 2, 3])
    case .gru:
      // n has two chains, W_n x + b_n and U_n h + d_n: sums are n r z m, the input writes n r z, the state adds to r z
      // m.
      stages = [stage(GateOrder(0, 1, 2), input: GateOrder(2, 0, 1), vectors: 4, slot: 1)]
      sumsWidth = 4 * padded
      (gradientSegments, inputSegments, recurrentSegments) = (4, [0, 1, 3], [0, 1, 2])
    case .gruResetBefore:
      stages = [stage(GateOrder(0, 1)), stage(GateOrder(2), column: 2 * padded, reset: true)]
      sumsWidth = 3 * padded
      (gradientSegments, inputSegments, recurrentSegments) = (4, [0, 1, 2], [0, 1, 2])
    }
    var runs: [(gate: Int, segments: Range<Int>)] = []
    for (gate, segment) in inputSegments.enumerated() {
      if let last = runs.last, last.segments.upperBound == segment {
        runs[runs.count - 1].segments = last.segments.lowerBound..<segment + 1
      } else {
        runs.append((gate, segment..<segment + 1))
      }
    }
    inputRuns = runs
    gateSegments = (inputSegments + recurrentSegments).reduce(0, max) + 1
  }

  /// Gates whose recurrent product runs over h itself: the first ones.
  var stateGates: Int { stages[0].panels.gates }
  /// Panels of the stage that has most.
  var mostPanels: Int { stages[0].panels.count }
  /// H padded to whole vectors.
  var paddedHidden: Int { stages[0].panels.paddedUnits }
}
