import CSwiftRNN
import Reference
import SwiftRNN
import SwiftRNNC
import Testing

@Suite(.serialized) struct TrainingLinearTests {
  /// Rows, inputs, outputs: empty, single, around vectors and panels, around chains of 256 rows, either operand packed,
  /// and enough for threads.
  static let shapes = [
    (0, 3, 4), (3, 0, 4), (3, 4, 0), (1, 1, 1), (2, 3, 5), (1, 33, 70), (7, 16, 8), (16, 17, 200), (33, 40, 31),
    (97, 5, 3), (255, 9, 17), (256, 8, 16), (257, 7, 33), (513, 31, 5), (1030, 20, 12), (300, 130, 97), (40, 260, 900),
  ]

  @Test func linearOfFloat() throws { try linear(Float.self) }
  @Test func linearOfDouble() throws { try linear(Double.self) }

  private func linear<S: TrainingScalar>(_: S.Type) throws {
    var random = SplitMix(40)
    for (rows, inputs, outputs) in Self.shapes {
      let x: [S] = random.numbers(rows * inputs)
      let weight: [S] = random.numbers(outputs * inputs)
      let bias: [S] = random.numbers(outputs)
      let dy: [S] = random.numbers(rows * outputs)
      for (bias, accumulate) in [(nil, false), (bias, true)] {
        let start = (weight: accumulate ? weight : [], bias: accumulate ? bias ?? [] : [])
        func fromBias(_ row: Int, _ column: Int) -> S { bias?[column] ?? 0 }
        func fromZero(_ row: Int, _ column: Int) -> S { 0 }
        let all = try withThreadCounts {
          (
            y: try forward(x, weight, bias, rows, inputs, outputs),
            gradients: try backward(x, weight, dy, rows, inputs, outputs, addingTo: accumulate ? start : nil)
          )
        }
        #expect(
          all[0].y
            == chains(rows, outputs, inputs, start: fromBias) {
              x[$0 * inputs + $2]
            } by: {
              weight[$1 * inputs + $2]
            }, "y of \(rows), \(inputs), \(outputs)")
        #expect(
          all[0].gradients.x
            == chains(rows, inputs, outputs, start: fromZero) {
              dy[$0 * outputs + $2]
            } by: {
              weight[$2 * inputs + $1]
            }, "dx of \(rows), \(inputs), \(outputs)")
        #expect(
          all[0].gradients.weight
            == sums(outputs, inputs, rows, start.weight) {
              dy[$2 * outputs + $0]
            } by: {
              x[$2 * inputs + $1]
            },
          "dweight of \(rows), \(inputs), \(outputs)")
        #expect(
          all[0].gradients.bias == sums(outputs, 1, rows, start.bias) { output, _, row in dy[row * outputs + output] },
          "dbias of \(rows), \(inputs), \(outputs)")
        for other in all.dropFirst() {
          #expect(other.y == all[0].y && other.gradients == all[0].gradients)
        }
      }
    }
  }

  /// Every element by its chain, as the contract on bits writes it: with the multiply-add of the instruction set in
  /// use.
  private func chains<S: TrainingScalar>(
    _ rows: Int, _ columns: Int, _ depth: Int, start: (Int, Int) -> S, _ a: (Int, Int, Int) -> S,
    by b: (Int, Int, Int) -> S
  ) -> [S] {
    (0..<rows * columns).map { at in
      let (row, column) = at.quotientAndRemainder(dividingBy: columns)
      return (0..<depth).reduce(start(row, column)) {
        multiplyAdd(a(row, column, $1), b(row, column, $1), $0)
      }
    }
  }

  /// Chains of 256 from zero, added to what is there, or the first one written where nothing is.
  private func sums<S: TrainingScalar>(
    _ rows: Int, _ columns: Int, _ depth: Int, _ start: [S], _ a: (Int, Int, Int) -> S,
    by b: ((Int, Int, Int) -> S)? = nil
  ) -> [S] {
    (0..<rows * columns).map { at in
      let (row, column) = at.quotientAndRemainder(dividingBy: columns)
      var sum: S? = start.isEmpty ? nil : start[at]
      for first in stride(from: 0, to: depth, by: 256) {
        var chain: S = 0
        for k in first..<min(depth, first + 256) {
          chain =
            b.map { multiplyAdd(a(row, column, k), $0(row, column, k), chain) } ?? (chain + a(row, column, k))
        }
        sum = sum.map { $0 + chain } ?? chain
      }
      return sum ?? 0
    }
  }

  private func multiplyAdd<S: TrainingScalar>(_ a: S, _ b: S, _ c: S) -> S {
    #if arch(x86_64)
      if (try? InstructionSet.current) == .baseline { return a * b + c }
    #endif
    return c.addingProduct(a, b)
  }

  @Test func aRowDoesNotDependOnTheOthers() throws {
    var random = SplitMix(41)
    let (rows, inputs, outputs) = (70, 50, 60)
    let x: [Float] = random.numbers(rows * inputs)
    let weight: [Float] = random.numbers(outputs * inputs)
    let bias: [Float] = random.numbers(outputs)
    let all = try forward(x, weight, bias, rows, inputs, outputs)
    for count in [1, 2, 9, 31] {
      for first in stride(from: 0, to: rows - count, by: 13) {
        let part = try forward(
          Array(x[first * inputs..<(first + count) * inputs]), weight, bias, count, inputs, outputs)
        #expect(part == Array(all[first * outputs..<(first + count) * outputs]), "\(count) rows from \(first)")
      }
    }
  }

  @Test func gradientsAgainstFiniteDifferences() throws {
    var random = SplitMix(42)
    let (rows, inputs, outputs) = (5, 4, 3)
    let arrays: [[Double]] = [
      random.numbers(rows * inputs), random.numbers(outputs * inputs), random.numbers(outputs),
    ]
    let dy: [Double] = random.numbers(rows * outputs)
    let gradients = try backward(arrays[0], arrays[1], dy, rows, inputs, outputs)
    func value(_ arrays: [[Double]]) throws -> Double {
      zip(try forward(arrays[0], arrays[1], arrays[2], rows, inputs, outputs), dy).reduce(0) { $0 + $1.0 * $1.1 }
    }
    for (which, gradient) in [gradients.x, gradients.weight, gradients.bias].enumerated() {
      for i in gradient.indices {
        var (above, below) = (arrays, arrays)
        above[which][i] += 1e-4
        below[which][i] -= 1e-4
        #expect(abs(gradient[i] - (try value(above) - value(below)) / 2e-4) < 1e-9)
      }
    }
  }

  @Test func unwantedGradientsAreSkipped() throws {
    let (x, weight, dy): ([Float], [Float], [Float]) = ([1, 2], [3, 4], [5])
    let all = try backward(x, weight, dy, 1, 2, 1)
    var (dx, dweight, dbias): ([Float], [Float], [Float]) = ([0, 0], [0, 0], [0])
    #expect(
      swiftrnn_linear_backward(SWIFTRNN_FLOAT32, 1, 2, 1, nil, weight, dy, 0, &dx, nil, nil) == SWIFTRNN_STATUS_OK)
    #expect(
      swiftrnn_linear_backward(SWIFTRNN_FLOAT32, 1, 2, 1, x, nil, dy, 0, nil, &dweight, nil) == SWIFTRNN_STATUS_OK)
    #expect(
      swiftrnn_linear_backward(SWIFTRNN_FLOAT32, 1, 2, 1, nil, nil, dy, 0, nil, nil, &dbias) == SWIFTRNN_STATUS_OK)
    #expect(swiftrnn_linear_backward(SWIFTRNN_FLOAT32, 1, 2, 1, nil, nil, dy, 0, nil, nil, nil) == SWIFTRNN_STATUS_OK)
    #expect(all.x == dx && all.weight == dweight && all.bias == dbias)
    #expect(dx == [15, 20] && dweight == [5, 10] && dbias == [5])
  }

  @Test func theDoorRefusesWhatItMust() {
    let numbers = [Float](repeating: 1, count: 6)
    var (y, dweight): ([Float], [Float]) = ([-7, -7, -7, -7], [-7, -7, -7, -7, -7, -7])
    #expect(swiftrnn_linear_forward(SWIFTRNN_FLOAT32, 0, 0, 0, nil, nil, nil, nil) == SWIFTRNN_STATUS_OK)
    refused(
      swiftrnn_linear_forward(SWIFTRNN_FLOAT32, -2, 3, 2, numbers, numbers, nil, &y), SWIFTRNN_STATUS_INVALID_SIZE,
      "rows is -2, must be 0 or more")
    refused(
      swiftrnn_linear_forward(SWIFTRNN_FLOAT32, 2, .min, 2, numbers, numbers, nil, &y), SWIFTRNN_STATUS_INVALID_SIZE,
      "inputs is -9223372036854775808, must be 0 or more")
    refused(
      swiftrnn_linear_forward(SWIFTRNN_FLOAT32, 2, 3, .max, numbers, numbers, nil, &y), SWIFTRNN_STATUS_OVERFLOW,
      "weight has more bytes than a 64-bit number can count")
    refused(
      swiftrnn_linear_forward(SWIFTRNN_FLOAT32, .max, 0, .max, numbers, numbers, nil, &y), SWIFTRNN_STATUS_OVERFLOW,
      "y has more bytes than a 64-bit number can count")
    refused(
      swiftrnn_linear_forward(SWIFTRNN_FLOAT32, 2, 3, 2, nil, numbers, nil, &y), SWIFTRNN_STATUS_NULL_POINTER,
      "x must not be NULL")
    refused(
      swiftrnn_linear_forward(SWIFTRNN_FLOAT32, 2, 3, 2, numbers, nil, nil, &y), SWIFTRNN_STATUS_NULL_POINTER,
      "weight must not be NULL")
    refused(
      swiftrnn_linear_forward(SWIFTRNN_FLOAT32, 2, 3, 2, numbers, numbers, nil, nil), SWIFTRNN_STATUS_NULL_POINTER,
      "y must not be NULL")
    numbers.withUnsafeBytes { bytes in
      refused(
        swiftrnn_linear_forward(
          SWIFTRNN_FLOAT32, 2, 2, 2, numbers, numbers, bytes.baseAddress.map { $0 + 2 }, &y),
        SWIFTRNN_STATUS_MISALIGNED, "bias must be aligned to 4 bytes")
    }
    refused(
      swiftrnn_linear_backward(SWIFTRNN_FLOAT32, 2, 3, 2, nil, numbers, numbers, 0, nil, &dweight, nil),
      SWIFTRNN_STATUS_NULL_POINTER, "x must not be NULL")
    refused(
      swiftrnn_linear_backward(SWIFTRNN_FLOAT32, 2, 3, 2, numbers, nil, numbers, 0, &dweight, nil, nil),
      SWIFTRNN_STATUS_NULL_POINTER, "weight must not be NULL")
    refused(
      swiftrnn_linear_backward(SWIFTRNN_FLOAT32, 2, 3, 2, numbers, numbers, nil, 0, nil, &dweight, nil),
      SWIFTRNN_STATUS_NULL_POINTER, "dy must not be NULL")
    refused(
      swiftrnn_linear_backward(SWIFTRNN_FLOAT32, 2, 3, 2, numbers, numbers, numbers, 3, nil, &dweight, nil),
      SWIFTRNN_STATUS_INVALID_VALUE, "accumulate is 3, must be in 0...1")
    #expect(y == [-7, -7, -7, -7] && dweight == [-7, -7, -7, -7, -7, -7])
  }

  private func forward<S: TrainingScalar>(
    _ x: [S], _ weight: [S], _ bias: [S]?, _ rows: Int, _ inputs: Int, _ outputs: Int
  ) throws -> [S] {
    var y = [S](repeating: .nan, count: rows * outputs)
    let biases = bias ?? []
    try x.withUnsafeBufferPointer { x in
      try weight.withUnsafeBufferPointer { weight in
        try biases.withUnsafeBufferPointer { biases in
          try y.withUnsafeMutableBufferPointer { y in
            try Linear.forward(
              rows: rows, inputs: inputs, outputs: outputs, x: x, weight: weight, bias: bias == nil ? nil : biases, y: y
            )
          }
        }
      }
    }
    return y
  }

  private struct Gradients<S: TrainingScalar>: Equatable {
    var x: [S]
    var weight: [S]
    var bias: [S]
  }

  private func backward<S: TrainingScalar>(
    _ x: [S], _ weight: [S], _ dy: [S], _ rows: Int, _ inputs: Int, _ outputs: Int,
    addingTo start: (weight: [S], bias: [S])? = nil
  ) throws -> Gradients<S> {
    var gradients = Gradients(
      x: [S](repeating: .nan, count: rows * inputs),
      weight: start?.weight ?? [S](repeating: .nan, count: outputs * inputs),
      bias: start?.bias ?? [S](repeating: .nan, count: outputs))
    try x.withUnsafeBufferPointer { x in
      try weight.withUnsafeBufferPointer { weight in
        try dy.withUnsafeBufferPointer { dy in
          try gradients.x.withUnsafeMutableBufferPointer { dx in
            try gradients.weight.withUnsafeMutableBufferPointer { dweight in
              try gradients.bias.withUnsafeMutableBufferPointer { dbias in
                try Linear.backward(
                  rows: rows, inputs: inputs, outputs: outputs, x: x, weight: weight, dy: dy, accumulate: start != nil,
                  dx: dx, dweight: dweight, dbias: dbias)
              }
            }
          }
        }
      }
    }
    return gradients
  }
}
