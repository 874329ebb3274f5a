// The instructions of one stage, and the slots of their values: rows of a tile that are used again once nothing reads
// them any more.
import Kernels

typealias Instruction = VectorInstruction<Double>

extension VectorOperand {
  init(_ location: Location) { self.init(place: location.place, column: location.column) }
}

/// A stage while it is put together. A slot's column is its number until `finished`.
struct CellStageBuilder {
  var instructions: [Instruction] = []
  private(set) var masks: [MaskFill] = []
  /// Columns of each slot, padded to whole vectors.
  private var widths: [Int] = []
  private let lanes: Int
  /// What has been read in this stage in another form: broadcast, copied from rows of others, masks.
  var readings: [Reading: VectorOperand] = [:]

  enum Reading: Hashable {
    case broadcast(VectorOperand, width: Int)
    case copied(VectorOperand, width: Int)
    case mask(MaskDraw, width: Int, kept: Double)
  }

  init(lanes: Int) { self.lanes = lanes }

  var isEmpty: Bool { instructions.isEmpty }

  mutating func slot(_ width: Int) -> VectorOperand {
    widths.append((max(width, 1) + lanes - 1) / lanes * lanes)
    return VectorOperand(place: Place.slots, column: widths.count - 1)
  }

  /// Columns of a slot that has room for more.
  private(set) var parts: [Int: (slot: Int, column: Int)] = [:]

  /// Part of a slot, from a column on that need not begin a vector: to be written by `copy` only.
  mutating func part(of slot: VectorOperand, column: Int) -> VectorOperand {
    widths.append(0)
    parts[widths.count - 1] = (Int(slot.column), column)
    return VectorOperand(place: Place.slots, column: widths.count - 1)
  }

  mutating func append(_ instruction: Instruction) { instructions.append(instruction) }

  /// A mask, filled before the stage's instructions.
  mutating func mask(_ draw: MaskDraw, width: Int, kept: Double, dropped: Double) -> VectorOperand {
    let reading = Reading.mask(draw, width: width, kept: kept)
    if let known = readings[reading] { return known }
    let out = slot(width)
    masks.append(
      MaskFill(draw: draw, out: Location(Place.slots, Int(out.column)), width: width, kept: kept, dropped: dropped))
    readings[reading] = out
    return out
  }

  // MARK: Slots

  /// Free columns that are looked at for a slot.
  private static var searched: Int { 64 }

  func root(_ operand: VectorOperand) -> Int? {
    guard Int(operand.place) == Place.slots else { return nil }
    return parts[Int(operand.column)]?.slot ?? Int(operand.column)
  }

  /// Whether it is some columns of a slot, from one on that need not begin a vector.
  func isPart(_ operand: VectorOperand) -> Bool { parts[Int(operand.column)] != nil }

  /// Gives every slot its columns.
  ///
  /// - Returns: columns of all slots.
  mutating func finish() -> Int {
    joinPairs()
    var last = Array(repeating: -1, count: widths.count)
    for (number, instruction) in instructions.enumerated() {
      for operand in [instruction.out] + instruction.operands { if let slot = root(operand) { last[slot] = number } }
    }
    var columns = Array(repeating: -1, count: widths.count)
    var free: [(start: Int, width: Int)] = []
    var end = 0
    func take(_ slot: Int) {
      let width = widths[slot]
      // The first of some: of thousands of narrow ones none would fit.
      if let fit = free.prefix(Self.searched).firstIndex(where: { $0.width >= width }) {
        columns[slot] = free[fit].start
        if free[fit].width == width {
          free.remove(at: fit)
        } else {
          free[fit] = (free[fit].start + width, free[fit].width - width)
        }
      } else {
        columns[slot] = end
        end += width
      }
    }
    for mask in masks where columns[mask.out.column] < 0 { take(mask.out.column) }
    for (number, instruction) in instructions.enumerated() {
      var freed: [Int] = []
      // Where it writes to an operand that nothing reads any more, that is freed once, as what it writes.
      let written = root(instruction.out)
      for slot in Set(instruction.operands.compactMap(root)) where last[slot] == number && slot != written {
        freed.append(slot)
      }
      func release() {
        for slot in freed.sorted() { free.append((columns[slot], widths[slot])) }
        freed = []
      }
      // An instruction may write where it reads, at the same column, number by number.
      if instruction.opcode.isElementwise { release() }
      if let written, columns[written] < 0 { take(written) }
      release()
      if let written, last[written] == number { free.append((columns[written], widths[written])) }
    }
    func place(_ operand: VectorOperand) -> VectorOperand {
      guard let slot = root(operand) else { return operand }
      let inner = parts[Int(operand.column)]?.column ?? 0
      return VectorOperand(place: Place.slots, column: max(columns[slot], 0) + inner)
    }
    for number in instructions.indices {
      instructions[number].out = place(instructions[number].out)
      let count = instructions[number].opcode.operandCount
      if count > 0 { instructions[number].a = place(instructions[number].a) }
      if count > 1 { instructions[number].b = place(instructions[number].b) }
      if count > 2 { instructions[number].c = place(instructions[number].c) }
      if count > 3 { instructions[number].d = place(instructions[number].d) }
    }
    for number in masks.indices { masks[number].out.column = columns[masks[number].out.column] }
    return end
  }
}

extension VectorInstruction {
  /// Those that it reads.
  var operands: [VectorOperand] {
    switch opcode.operandCount {
    case 0: []
    case 1: [a]
    case 2: [a, b]
    case 3: [a, b, c]
    default: [a, b, c, d]
    }
  }
}

extension VectorOpcode {
  var operandCount: Int {
    switch self {
    case .fill: 0
    case .selectLess, .selectLessOrEqual: 4
    case .multiplyAdd, .multiplySubtract, .minimumGradient, .sigmoidOfMultiplyAdd, .tanhOfMultiplyAdd,
      .sigmoidGradientOfProduct, .tanhGradientOfProduct:
      3
    case .add, .subtract, .multiply, .divide, .minimum, .maximum, .sigmoidGradient, .tanhGradient, .reluGradient,
      .seluGradient, .geluGradient, .siluGradient, .softplusGradient, .softsignGradient, .logSigmoidGradient,
      .absoluteGradient, .leakyReluGradient, .eluGradient, .hardSigmoidGradient, .hardTanhGradient, .clampGradient,
      .thresholdedReluGradient, .scaledTanhGradient, .layerNormGradient, .rmsNormGradient, .softmaxGradient,
      .sigmoidOfSum,
      .tanhOfSum:
      2
    default: 1
    }
  }

  /// Each number of the result is made of those in its own column.
  var isElementwise: Bool {
    switch self {
    case .broadcast, .sum, .mean, .layerNorm, .rmsNorm, .softmax, .layerNormGradient, .rmsNormGradient,
      .softmaxGradient:
      false
    default: true
    }
  }
}
