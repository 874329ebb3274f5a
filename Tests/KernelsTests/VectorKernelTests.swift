import CPrimitives
import Foundation
import Kernels
import Reference
import SwiftRNN
import Testing

/// Each vector instruction against its definition in Double, on every instruction set, over rows of odd widths.
@Suite struct VectorKernelTests {
  private struct Instruction: Sendable {
    let opcode: VectorOpcode
    /// Operands that it reads.
    let operands: Int
    var k = 0.0
    var l = 0.0
    /// Where operands lie.
    var range = -3.0...3.0
    /// One row of operands to one of results.
    let expected: @Sendable ([[Double]]) -> [Double]
  }

  private static func each(
    _ f: @escaping @Sendable ([Double]) -> Double
  ) -> @Sendable ([[Double]]) -> [Double] {
    { rows in rows[0].indices.map { i in f(rows.map { $0[i] }) } }
  }

  private static func unary(
    _ opcode: VectorOpcode, _ name: String, _ k: [Double] = [], range: ClosedRange<Double> = -3...3
  ) -> Instruction {
    Instruction(
      opcode: opcode, operands: 1, k: k.first ?? 0, l: k.count > 1 ? k[1] : 0, range: range,
      expected: each { ActivationReference.value(name, $0[0], k) })
  }

  private static func gradient(
    _ opcode: VectorOpcode, _ name: String, _ k: [Double] = [], range: ClosedRange<Double> = -3...3
  ) -> Instruction {
    Instruction(
      opcode: opcode, operands: 2, k: k.first ?? 0, l: k.count > 1 ? k[1] : 0, range: range,
      expected: each { $0[1] * ActivationReference.derivative(name, $0[0], k) })
  }

  private static let all: [Instruction] = [
    Instruction(opcode: .fill, operands: 1, k: 1.25, expected: each { _ in 1.25 }),
    Instruction(opcode: .broadcast, operands: 1, expected: { row in row[0].map { _ in row[0][0] } }),
    Instruction(opcode: .copy, operands: 1, expected: { $0[0] }),
    Instruction(opcode: .add, operands: 2, expected: each { $0[0] + $0[1] }),
    Instruction(opcode: .subtract, operands: 2, expected: each { $0[0] - $0[1] }),
    Instruction(opcode: .multiply, operands: 2, expected: each { $0[0] * $0[1] }),
    Instruction(opcode: .divide, operands: 2, range: 0.5...2, expected: each { $0[0] / $0[1] }),
    Instruction(opcode: .minimum, operands: 2, expected: each { min($0[0], $0[1]) }),
    Instruction(opcode: .maximum, operands: 2, expected: each { max($0[0], $0[1]) }),
    Instruction(opcode: .negate, operands: 1, expected: each { -$0[0] }),
    unary(.affine, "affine", [0.75, -0.5]),
    Instruction(opcode: .multiplyAdd, operands: 3, expected: each { $0[0] * $0[1] + $0[2] }),
    Instruction(opcode: .multiplySubtract, operands: 3, expected: each { $0[0] * $0[1] - $0[2] }),
    Instruction(opcode: .selectLess, operands: 4, expected: each { $0[0] < $0[1] ? $0[2] : $0[3] }),
    Instruction(opcode: .selectLessOrEqual, operands: 4, expected: each { $0[0] <= $0[1] ? $0[2] : $0[3] }),
    unary(.sigmoid, "sigmoid", range: -30...30), unary(.tanh, "tanh"), unary(.relu, "relu"),
    unary(.selu, "selu"), unary(.gelu, "gelu", range: -9...9), unary(.silu, "silu"),
    unary(.softplus, "softplus", range: -40...40), unary(.softsign, "softsign"), unary(.exp, "exp"),
    unary(.log, "log", range: 0.6...9), unary(.logSigmoid, "log_sigmoid", range: -40...40),
    unary(.squareRoot, "sqrt", range: 0...9), unary(.absolute, "abs"), unary(.sign, "sign"),
    unary(.leakyRelu, "leaky_relu", [0.125]), unary(.elu, "elu", [0.7]),
    unary(.hardSigmoid, "hard_sigmoid", [0.2, 0.5]), unary(.clamp, "clip", [-1, 1.5]),
    unary(.thresholdedRelu, "thresholded_relu", [0.5]), unary(.scaledTanh, "scaled_tanh", [1.75, 0.625]),
    Instruction(opcode: .sigmoidGradient, operands: 2, range: 0...1, expected: each { $0[1] * $0[0] * (1 - $0[0]) }),
    Instruction(opcode: .tanhGradient, operands: 2, range: -1...1, expected: each { $0[1] * (1 - $0[0] * $0[0]) }),
    gradient(.reluGradient, "relu"), gradient(.seluGradient, "selu"), gradient(.geluGradient, "gelu", range: -9...9),
    gradient(.siluGradient, "silu"), gradient(.softplusGradient, "softplus"),
    gradient(.softsignGradient, "softsign"), gradient(.logSigmoidGradient, "log_sigmoid"),
    gradient(.absoluteGradient, "abs"), gradient(.leakyReluGradient, "leaky_relu", [0.125]),
    gradient(.eluGradient, "elu", [0.7]), gradient(.hardSigmoidGradient, "hard_sigmoid", [0.2, 0.5]),
    gradient(.hardTanhGradient, "hard_tanh", [-1, 1.5]), gradient(.clampGradient, "clip", [-1, 1.5]),
    gradient(.thresholdedReluGradient, "thresholded_relu", [0.5]),
    gradient(.scaledTanhGradient, "scaled_tanh", [1.75, 0.625]),
    Instruction(
      opcode: .minimumGradient, operands: 3,
      expected: each { $0[0] < $0[1] ? $0[2] : $0[0] == $0[1] ? $0[2] / 2 : 0 }),
    Instruction(opcode: .sigmoidOfSum, operands: 2, expected: each { 1 / (1 + exp(-$0[0] - $0[1])) }),
    Instruction(opcode: .tanhOfSum, operands: 2, expected: each { tanh($0[0] + $0[1]) }),
    Instruction(opcode: .sigmoidOfMultiplyAdd, operands: 3, expected: each { 1 / (1 + exp(-$0[0] * $0[1] - $0[2])) }),
    Instruction(opcode: .tanhOfMultiplyAdd, operands: 3, expected: each { tanh($0[0] * $0[1] + $0[2]) }),
    Instruction(
      opcode: .sigmoidGradientOfProduct, operands: 3, range: 0...1,
      expected: each { $0[1] * $0[2] * $0[0] * (1 - $0[0]) }),
    Instruction(
      opcode: .tanhGradientOfProduct, operands: 3, range: -1...1,
      expected: each { $0[1] * $0[2] * (1 - $0[0] * $0[0]) }),
    Instruction(opcode: .sum, operands: 1, expected: { [$0[0].reduce(0, +)] }),
    Instruction(opcode: .mean, operands: 1, expected: { [$0[0].reduce(0, +) / Double($0[0].count)] }),
    Instruction(opcode: .layerNorm, operands: 1, expected: { ActivationReference.layerNorm($0[0]) }),
    Instruction(opcode: .rmsNorm, operands: 1, expected: { ActivationReference.rmsNorm($0[0]) }),
    Instruction(opcode: .softmax, operands: 1, expected: { ActivationReference.softmax($0[0]) }),
    Instruction(
      opcode: .layerNormGradient, operands: 2,
      expected: { byDifferences($0[0], $0[1], ActivationReference.layerNorm) }),
    Instruction(
      opcode: .rmsNormGradient, operands: 2, expected: { byDifferences($0[0], $0[1], ActivationReference.rmsNorm) }),
    Instruction(
      opcode: .softmaxGradient, operands: 2, range: 0...1,
      expected: { rows in
        let dot = zip(rows[0], rows[1]).reduce(0) { $0 + $1.0 * $1.1 }
        return zip(rows[0], rows[1]).map { $0 * ($1 - dot) }
      }),
  ]

  /// dL/dx of L = dy f(x).
  private static func byDifferences(_ x: [Double], _ dy: [Double], _ f: ([Double]) -> [Double]) -> [Double] {
    x.indices.map { i in
      func loss(_ step: Double) -> Double {
        var moved = x
        moved[i] += step
        return zip(f(moved), dy).reduce(0) { $0 + $1.0 * $1.1 }
      }
      return (8 * (loss(1e-4) - loss(-1e-4)) - (loss(2e-4) - loss(-2e-4))) / 12e-4
    }
  }

  @Test func everyInstructionIsListed() {
    #expect(Set(Self.all.map(\.opcode)) == Set(VectorOpcode.allCases))
  }

  /// Widths around vectors, and the rows at which sums of 16 and of 64 partial sums end.
  private static let widths = [1, 3, 7, 8, 15, 16, 17, 33, 64, 65, 100, 197]
  private static let rows = 3
  private static let stride = 224

  /// Operands in one array of rows, results in another, behind which nothing is written but whole vectors.
  private func results<Scalar: RNNScalar>(
    _ kernels: KernelTable<Scalar>, _ instruction: Instruction, _ operands: [[[Scalar]]], width: Int
  ) -> [[Scalar]] {
    let area = Self.rows * Self.stride
    var memory = [Scalar](repeating: 0.5, count: 5 * area)
    for (o, operand) in operands.enumerated() {
      for (r, row) in operand.enumerated() {
        for (i, value) in row.enumerated() { memory[(o + 1) * area + r * Self.stride + i] = value }
      }
    }
    let control = swiftrnn_float_control_enter()
    memory.withUnsafeMutableBufferPointer { memory in
      guard let base = memory.baseAddress else { return }
      // Operand 1 is looked up by pointers to its rows.
      let starts = (0..<Self.rows).map { base + 2 * area + $0 * Self.stride - 5 }
      starts.withUnsafeBufferPointer { starts in
        guard let starts = starts.baseAddress else { return }
        let table = (0..<5).map { place in
          place == 2
            ? VectorRows(MovingRows(starts, offset: 5)) : VectorRows(base + place * area, stride: Self.stride)
        }
        let list = [
          VectorInstruction<Scalar>(
            instruction.opcode, width: width, out: VectorOperand(place: 0), VectorOperand(place: 1),
            VectorOperand(place: 2), VectorOperand(place: 3), VectorOperand(place: 4), k: Scalar(instruction.k),
            l: Scalar(instruction.l))
        ]
        list.withUnsafeBufferPointer { list in
          table.withUnsafeBufferPointer { table in
            guard let list = list.baseAddress, let table = table.baseAddress else { return }
            var program = VectorProgram(list, count: 1, table: table, rows: Self.rows)
            kernels.vector.run(&program)
          }
        }
      }
    }
    swiftrnn_float_control_leave(control)
    let written = [.sum, .mean].contains(instruction.opcode) ? 1 : width
    let padded = (width + kernels.lanes - 1) / kernels.lanes * kernels.lanes
    for r in 0..<Self.rows {
      let end = instruction.opcode == .copy ? width : padded
      let behind = memory[(r * Self.stride + end)..<((r + 1) * Self.stride)]
      #expect(behind.allSatisfy { $0 == 0.5 }, "\(instruction.opcode) writes behind its columns")
    }
    return (0..<Self.rows).map { r in Array(memory[(r * Self.stride)..<(r * Self.stride + written)]) }
  }

  private func operands<Scalar: RNNScalar>(_ instruction: Instruction, width: Int, seed: UInt64) -> [[[Scalar]]] {
    var random = SplitMix(seed)
    return (0..<instruction.operands).map { operand in
      (0..<Self.rows).map { _ in
        // Equal numbers now and then, and kinks.
        let numbers: [Scalar] = random.numbers(width, instruction.range)
        return numbers.enumerated().map { $0 % 5 == 4 ? $1.rounded() : $1 }
      }
    }
  }

  private func check<Scalar: RNNScalar>(_ kernels: KernelTable<Scalar>, tolerance: Double) {
    for (number, instruction) in Self.all.enumerated() {
      for width in Self.widths {
        let operands: [[[Scalar]]] = operands(instruction, width: width, seed: UInt64(number * 100 + width))
        let found = results(kernels, instruction, operands, width: width)
        for r in 0..<Self.rows {
          let expected = instruction.expected(operands.map { $0[r].map(Double.init) })
          for i in found[r].indices {
            let error = abs(Double(found[r][i]) - expected[i]) / max(1, abs(expected[i]))
            // Gradients of norms are compared with differences, and a single number has a norm that is steep.
            let differences = [.layerNormGradient, .rmsNormGradient].contains(instruction.opcode)
            #expect(
              error <= (differences ? max(tolerance, 1e-8) : tolerance),
              "\(instruction.opcode), width \(width): \(found[r][i]), expected \(expected[i])")
          }
        }
      }
    }
  }

  @Test(arguments: InstructionSet.supported)
  func doubles(_ set: InstructionSet) { check(Double.kernels(for: set), tolerance: 4e-15) }

  @Test(arguments: InstructionSet.supported)
  func floats(_ set: InstructionSet) { check(Float.kernels(for: set), tolerance: 2e-6) }

  /// AVX2 and AVX-512.
  @Test func bitsOfWideLanes() {
    func compare<Scalar: RNNScalar>(_ tables: [KernelTable<Scalar>]) {
      for (number, instruction) in Self.all.enumerated() {
        for width in Self.widths {
          let operands: [[[Scalar]]] = operands(instruction, width: width, seed: UInt64(number * 100 + width + 7))
          let all = tables.map { results($0, instruction, operands, width: width) }
          #expect(all.allSatisfy { $0 == all[0] }, "\(instruction.opcode), width \(width)")
        }
      }
    }
    compare(RenamedTables.floats)
    compare(RenamedTables.doubles)
  }

  @Test func notANumberStaysOne() {
    let kernels = Float.kernels(for: InstructionSet.supported.last ?? .baseline)
    for instruction in Self.all
    where [.relu, .minimum, .maximum, .clamp, .softplus, .gelu].contains(instruction.opcode) {
      for nan in 0..<instruction.operands {
        var operands: [[[Float]]] = operands(instruction, width: 5, seed: 3)
        operands[nan][1][2] = .nan
        #expect(results(kernels, instruction, operands, width: 5)[1][2].isNaN, "\(instruction.opcode)")
      }
    }
  }
}
