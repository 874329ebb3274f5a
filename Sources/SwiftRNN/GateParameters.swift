// Where the parameters of a direction hold the rows of each gate: in torch's stacked tensors, or in those that a text
// names, one for each gate perhaps. Everything else knows gates by their place in torch's rows.
import Kernels

/// Some rows of a parameter tensor, as many as there are hidden units.
struct GateRows: Sendable, BitwiseCopyable, Hashable {
  /// Among the tensors of a direction.
  let tensor: UInt8
  /// How many times so many rows stand before them.
  let part: UInt8
}

/// The rows of each gate, by its place in torch's rows; the same in all layers. A missing bias is zero.
struct GateParameters: Sendable, BitwiseCopyable {
  typealias Gates = InlineArray<4, GateRows?>

  var weightIH = Gates(repeating: nil)
  var weightHH = Gates(repeating: nil)
  var biasIH = Gates(repeating: nil)
  var biasHH = Gates(repeating: nil)
  /// All of a tensor.
  var weightHR: GateRows?

  init() {}

  /// torch's: weight_ih, weight_hh, bias_ih, bias_hh, weight_hr.
  init(_ c: NetworkConfiguration) {
    for gate in 0..<c.cell.gates {
      func rows(_ tensor: UInt8) -> GateRows { GateRows(tensor: tensor, part: UInt8(gate)) }
      (weightIH[gate], weightHH[gate]) = (rows(0), rows(1))
      if c.bias { (biasIH[gate], biasHH[gate]) = (rows(2), rows(3)) }
    }
    if c.projectionSize > 0 { weightHR = GateRows(tensor: c.bias ? 4 : 2, part: 0) }
  }

  var hasBiases: Bool { (0..<4).contains { biasIH[$0] != nil || biasHH[$0] != nil } }
}

/// The tensors of one direction of one layer.
struct DirectionTensors<Scalar: RNNScalar>: BitwiseCopyable {
  /// None is nil.
  let pointers: UnsafePointer<UnsafeRawPointer?>

  /// - Parameter columns: of the tensor.
  func start(_ rows: GateRows?, _ plan: CellPlan, columns: Int) -> UnsafePointer<Scalar>? {
    guard let rows else { return nil }
    return pointers[Int(rows.tensor)].unsafelyUnwrapped.assumingMemoryBound(to: Scalar.self)
      + Int(rows.part) &* plan.hidden &* columns
  }
}
