// Pairs of instructions of a stage that are one: what only the next reads needs no place. The numbers are the same, rounded
// as before. A cell with gates has about a sixth fewer instructions for it.
import Kernels

extension CellStageBuilder {
  /// How far apart the two may be: a value's instructions lie together, and no text makes this search long.
  private static var reach: Int { 12 }

  mutating func joinPairs() {
    var lastRead: [Int: Int] = [:]
    for (number, instruction) in instructions.enumerated() {
      for operand in instruction.operands { if let slot = root(operand) { lastRead[slot] = number } }
    }
    var isGone = Array(repeating: false, count: instructions.count)
    for number in instructions.indices {
      let second = instructions[number]
      guard let operand = second.joinedOperand, let slot = root(operand), !isPart(operand), lastRead[slot] == number,
        let first = writer(of: slot, before: number, isGone), instructions[first].out == operand,
        let joined = instructions[first].joined(with: second), isUntouched(first, until: number, isGone)
      else { continue }
      for operand in instructions[first].operands {
        if let slot = root(operand) { lastRead[slot] = max(lastRead[slot] ?? 0, number) }
      }
      instructions[number] = joined
      isGone[first] = true
    }
    instructions = instructions.indices.filter { !isGone[$0] }.map { instructions[$0] }
  }

  /// The last one, if it is near.
  private func writer(of slot: Int, before number: Int, _ isGone: [Bool]) -> Int? {
    (max(0, number - Self.reach)..<number).last { !isGone[$0] && root(instructions[$0].out) == slot }
  }

  /// Whether nothing between two instructions reads what the first writes, or writes what it reads. No two places share
  /// memory: states before and after a step, and their gradients, are in different buffers.
  private func isUntouched(_ first: Int, until second: Int, _ isGone: [Bool]) -> Bool {
    func overlaps(_ a: VectorOperand, _ b: VectorOperand) -> Bool {
      // Other places: any column, because values may be parts of others.
      a.place == b.place && (root(a) == root(b))
    }
    return (first + 1..<second).allSatisfy { number in
      let between = instructions[number]
      return isGone[number]
        || !between.operands.contains { overlaps($0, instructions[first].out) }
          && !instructions[first].operands.contains { overlaps($0, between.out) }
    }
  }
}

extension VectorInstruction {
  /// The operand that a pair may make without a place.
  fileprivate var joinedOperand: VectorOperand? {
    switch opcode {
    case .sigmoid, .tanh: a
    case .sigmoidGradient, .tanhGradient: b
    default: nil
    }
  }

  /// This and `next`, which reads its result as its `joinedOperand`.
  fileprivate func joined(with next: Self) -> Self? {
    func unary(_ opcode: VectorOpcode) -> Self {
      Self(opcode, width: Int(width), out: next.out, a, b, c)
    }
    if width != next.width { return nil }
    switch (opcode, next.opcode) {
    case (.add, .sigmoid): return unary(.sigmoidOfSum)
    case (.add, .tanh): return unary(.tanhOfSum)
    case (.multiplyAdd, .sigmoid): return unary(.sigmoidOfMultiplyAdd)
    case (.multiplyAdd, .tanh): return unary(.tanhOfMultiplyAdd)
    // The derivative's own operand is first, and must not be the product.
    case (.multiply, .sigmoidGradient) where next.a != out:
      return Self(.sigmoidGradientOfProduct, width: Int(width), out: next.out, next.a, a, b)
    case (.multiply, .tanhGradient) where next.a != out:
      return Self(.tanhGradientOfProduct, width: Int(width), out: next.out, next.a, a, b)
    default: return nil
    }
  }
}
