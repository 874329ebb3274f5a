import CPrimitives
import Kernels
import Reference
import Testing

@testable import SwiftRNN

/// Pairs of vector instructions that become one: which do, which must not, and that the bits are the same.
struct InstructionPairTests {
  private typealias Operand = VectorOperand

  private static let a = Operand(place: Place.kept)
  private static let b = Operand(place: Place.ahead)
  private static let out = Operand(place: Place.tape)

  private static func joined(_ make: (inout CellStageBuilder) -> Void) -> [VectorOpcode] {
    var stage = CellStageBuilder(lanes: 4)
    make(&stage)
    stage.joinPairs()
    return stage.instructions.map(\.opcode)
  }

  /// A value in a slot by `first`, what `between` does with it, and its activation.
  private static func stage(
    _ first: VectorOpcode, _ second: VectorOpcode, width: Int = 4,
    between: (inout CellStageBuilder, _ value: Operand, _ other: Operand) -> Void = { _, _, _ in },
    behind: (inout CellStageBuilder, _ value: Operand) -> Void = { _, _ in }
  ) -> [VectorOpcode] {
    joined { stage in
      let (value, other) = (stage.slot(4), stage.slot(4))
      stage.append(Instruction(.copy, width: 4, out: other, a))
      stage.append(Instruction(first, width: 4, out: value, other, b, a))
      between(&stage, value, other)
      let isGradient = second == .sigmoidGradient || second == .tanhGradient
      stage.append(Instruction(second, width: width, out: out, isGradient ? a : value, value))
      behind(&stage, value)
    }
  }

  @Test func joins() {
    #expect(Self.stage(.add, .sigmoid) == [.copy, .sigmoidOfSum])
    #expect(Self.stage(.add, .tanh) == [.copy, .tanhOfSum])
    #expect(Self.stage(.multiplyAdd, .sigmoid) == [.copy, .sigmoidOfMultiplyAdd])
    #expect(Self.stage(.multiplyAdd, .tanh) == [.copy, .tanhOfMultiplyAdd])
    #expect(Self.stage(.multiply, .sigmoidGradient) == [.copy, .sigmoidGradientOfProduct])
    #expect(Self.stage(.multiply, .tanhGradient) == [.copy, .tanhGradientOfProduct])
    // A chain in place: its last link.
    let chain = Self.joined { stage in
      let sum = stage.slot(4)
      stage.append(Instruction(.multiply, width: 4, out: sum, Self.a, Self.b))
      stage.append(Instruction(.multiplyAdd, width: 4, out: sum, Self.b, Self.b, sum))
      stage.append(Instruction(.tanh, width: 4, out: Self.out, sum))
    }
    #expect(chain == [.multiply, .tanhOfMultiplyAdd])
  }

  @Test func doesNotJoin() {
    let plain: [VectorOpcode] = [.copy, .add, .sigmoid]
    #expect(Self.stage(.add, .relu) == [.copy, .add, .relu])
    #expect(Self.stage(.subtract, .sigmoid) == [.copy, .subtract, .sigmoid])
    #expect(Self.stage(.add, .sigmoid, width: 3) == plain)
    // Read once more, before or behind.
    #expect(
      Self.stage(.add, .sigmoid, behind: { $0.append(Instruction(.copy, width: 4, out: Self.b, $1)) }) == plain + [
        .copy
      ])
    #expect(
      Self.stage(
        .add, .sigmoid,
        between: {
          $0.append(Instruction(.copy, width: 4, out: Self.out, $1))
          _ = $2
        })
        == [.copy, .add, .copy, .sigmoid])
    // What it was made of is written before the activation is: a slot, or any column of another place.
    #expect(
      Self.stage(
        .add, .sigmoid,
        between: {
          $0.append(Instruction(.fill, width: 4, out: $2))
          _ = $1
        })
        == [.copy, .add, .fill, .sigmoid])
    #expect(
      Self.stage(
        .add, .sigmoid,
        between: { stage, _, _ in
          stage.append(Instruction(.fill, width: 4, out: Operand(place: Place.ahead, column: 8)))
        }) == [.copy, .add, .fill, .sigmoid])
    // The derivative's own operand is the product.
    let own = Self.joined { stage in
      let value = stage.slot(4)
      stage.append(Instruction(.multiply, width: 4, out: value, Self.a, Self.b))
      stage.append(Instruction(.tanhGradient, width: 4, out: Self.out, value, value))
    }
    #expect(own == [.multiply, .tanhGradient])
  }

  private static let pairs: [(first: VectorOpcode, second: VectorOpcode, joined: VectorOpcode)] = [
    (.add, .sigmoid, .sigmoidOfSum), (.add, .tanh, .tanhOfSum), (.multiplyAdd, .sigmoid, .sigmoidOfMultiplyAdd),
    (.multiplyAdd, .tanh, .tanhOfMultiplyAdd), (.multiply, .sigmoidGradient, .sigmoidGradientOfProduct),
    (.multiply, .tanhGradient, .tanhGradientOfProduct),
  ]

  private func check<Scalar: RNNScalar>(_ kernels: KernelTable<Scalar>) {
    let (rows, width) = (3, 64)
    let area = rows * width
    for pair in Self.pairs {
      func run(_ list: [VectorInstruction<Scalar>]) -> [Scalar] {
        var random = SplitMix(4)
        var memory: [Scalar] = random.numbers(5 * area, -1...1)
        memory.withUnsafeMutableBufferPointer { memory in
          guard let base = memory.baseAddress else { return }
          let table = (0..<5).map { VectorRows(base + $0 * area, stride: width) }
          let control = swiftrnn_float_control_enter()
          list.withUnsafeBufferPointer { list in
            table.withUnsafeBufferPointer { table in
              guard let list = list.baseAddress, let table = table.baseAddress else { return }
              var program = VectorProgram(list, count: self.count(pair.joined, list), table: table, rows: rows)
              kernels.vector.run(&program)
            }
          }
          swiftrnn_float_control_leave(control)
        }
        return Array(memory[0..<area])
      }
      func place(_ number: Int) -> Operand { Operand(place: number) }
      let isGradient = pair.first == .multiply
      let two = run([
        VectorInstruction(pair.first, width: width, out: place(4), place(1), place(2), place(3)),
        VectorInstruction(
          pair.second, width: width, out: place(0), isGradient ? place(3) : place(4), place(4)),
      ])
      let one = run([
        isGradient
          ? VectorInstruction(pair.joined, width: width, out: place(0), place(3), place(1), place(2))
          : VectorInstruction(pair.joined, width: width, out: place(0), place(1), place(2), place(3))
      ])
      #expect(one == two, "\(pair.joined)")
    }
  }

  private func count<Scalar>(
    _ joined: VectorOpcode, _ list: UnsafePointer<VectorInstruction<Scalar>>
  ) -> Int { list.pointee.opcode == joined ? 1 : 2 }

  @Test(arguments: InstructionSet.supported)
  func sameBits(_ set: InstructionSet) {
    check(Float.kernels(for: set))
    check(Double.kernels(for: set))
  }
}
