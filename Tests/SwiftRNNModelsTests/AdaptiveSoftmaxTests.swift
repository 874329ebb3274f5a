import Reference
import SwiftRNN
import SwiftRNNModels
import Testing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

@Suite struct AdaptiveSoftmaxTests {
  private func numbers(_ count: Int, _ seed: UInt64) -> [Double] {
    var random = SplitMix(seed)
    return random.numbers(count, -1...1)
  }

  @Test func parametersAreTorchs() throws {
    let softmax = try AdaptiveSoftmax(inputs: 20, classes: 100, cutoffs: [10, 40], divisor: 4, headBias: true)
    #expect(
      softmax.parameters.infos.map(\.name) == [
        "head.weight", "head.bias", "tail.0.0.weight", "tail.0.1.weight", "tail.1.0.weight", "tail.1.1.weight",
      ])
    #expect(
      softmax.parameters.infos.map(\.shape) == [[12, 20], [12], [5, 20], [30, 5], [1, 20], [60, 1]])
    #expect(throws: RNNError.self) { try AdaptiveSoftmax(inputs: 20, classes: 100, cutoffs: []) }
    #expect(throws: RNNError.self) { try AdaptiveSoftmax(inputs: 20, classes: 100, cutoffs: [10, 10]) }
    #expect(throws: RNNError.self) { try AdaptiveSoftmax(inputs: 20, classes: 100, cutoffs: [100]) }
    #expect(throws: RNNError.self) { try AdaptiveSoftmax(inputs: 0, classes: 100, cutoffs: [10]) }
    #expect(throws: RNNError.self) { try AdaptiveSoftmax(inputs: 20, classes: 100, cutoffs: [10], divisor: 0) }
  }

  /// The definition, in plain Double.
  @Test func lossesAreThoseOfTheDefinition() throws {
    let (inputs, classes, cutoffs) = (6, 15, [4, 9])
    let softmax = try AdaptiveSoftmax(
      inputs: inputs, classes: classes, cutoffs: cutoffs, divisor: 2, headBias: true)
    let flat = numbers(softmax.parameters.flatCount, 1)
    let x = numbers(inputs, 2)
    func layer(_ name: String, _ x: [Double], bias: String? = nil) -> [Double] {
      guard let info = softmax.parameters[name] else { return [] }
      return (0..<info.shape[0]).map { row in
        var sum = bias.flatMap { softmax.parameters[$0] }.map { flat[$0.offset + row] } ?? 0
        for k in 0..<info.shape[1] { sum += flat[info.offset + row * info.shape[1] + k] * x[k] }
        return sum
      }
    }
    func logSoftmax(_ logits: [Double]) -> [Double] {
      let normaliser = log(logits.reduce(0) { $0 + exp($1) })
      return logits.map { $0 - normaliser }
    }
    let head = logSoftmax(layer("head.weight", x, bias: "head.bias"))
    var expected = Array(head.prefix(4))
    for cluster in 0..<2 {
      let tail = logSoftmax(layer("tail.\(cluster).1.weight", layer("tail.\(cluster).0.weight", x)))
      expected += tail.map { head[4 + cluster] + $0 }
    }
    #expect(abs(expected.reduce(0) { $0 + exp($1) } - 1) < 1e-12)
    let rows = try Tensor<Double>((0..<classes).flatMap { _ in x }, shape: [5, 3, inputs])
    let losses = try softmax.losses(
      rows, parameters: try Tensor(flat, shape: [flat.count]), targets: Array(0..<classes)
    ).elements
    #expect(zip(losses, expected).allSatisfy { abs($0 + $1) < 1e-12 })
    let all = try softmax.logProbabilities(rows, parameters: try Tensor(flat, shape: [flat.count]))
    #expect(all.shape == [classes, classes])
    #expect(all.elements.indices.allSatisfy { abs(all.elements[$0] - expected[$0 % classes]) < 1e-12 })
  }

  @Test func gradientsAgainstFiniteDifferences() throws {
    let inputs = 5
    let softmax = try AdaptiveSoftmax(inputs: inputs, classes: 12, cutoffs: [3, 7], divisor: 2, headBias: true)
    var flat = try Tensor<Double>(numbers(softmax.parameters.flatCount, 3), shape: [softmax.parameters.flatCount])
    var x = try Tensor<Double>(numbers(7 * inputs, 4), shape: [7, inputs])
    let targets = [0, 4, 11, -100, 5, 4, 2]
    let result = try softmax.evaluate(x, parameters: flat, targets: targets)
    #expect(result.count == 6)
    let each = try softmax.losses(x, parameters: flat, targets: targets).elements
    #expect(each[3] == 0)
    let mean: Double = each.reduce(0, +) / 6
    #expect(abs(result.loss - mean) < 1e-12)
    func difference(
      _ numbers: inout Tensor<Double>, _ i: Int, _ loss: (Tensor<Double>) throws -> Double
    ) throws -> Double {
      let before = numbers.elements[i]
      var losses: [Double] = []
      for step in [1e-5, -1e-5] {
        try numbers.withUnsafeMutableBufferPointer { (buffer) throws(RNNError) in buffer[i] = before + step }
        losses.append(try loss(numbers))
      }
      try numbers.withUnsafeMutableBufferPointer { (buffer) throws(RNNError) in buffer[i] = before }
      return (losses[0] - losses[1]) / 2e-5
    }
    let (gradients, dx) = (result.gradients.elements, result.dx.elements)
    for i in 0..<flat.count {
      let slope = try difference(&flat, i) { try softmax.evaluate(x, parameters: $0, targets: targets).loss }
      #expect(abs(gradients[i] - slope) < 1e-8, "parameter \(i)")
    }
    for i in 0..<x.count {
      let slope = try difference(&x, i) { try softmax.evaluate($0, parameters: flat, targets: targets).loss }
      #expect(abs(dx[i] - slope) < 1e-8, "x \(i)")
    }
  }

  @Test func floatsNothingAndRefusals() throws {
    let softmax = try AdaptiveSoftmax(inputs: 4, classes: 9, cutoffs: [3])
    let flat = try Tensor<Float>(repeating: 0.1, shape: [softmax.parameters.flatCount])
    let x = try Tensor<Float>(repeating: 1, shape: [2, 4])
    let uniform = try softmax.evaluate(x, parameters: flat, targets: [0, 8])
    let expected: Double = (log(4.0) + log(4.0) + log(6.0)) / 2
    #expect(abs(uniform.loss - expected) < 1e-6)
    let none = try softmax.evaluate(x, parameters: flat, targets: [-100, -100])
    #expect(none.loss == 0 && none.count == 0 && none.dx.elements.allSatisfy { $0 == 0 })
    #expect(none.gradients.elements.allSatisfy { $0 == 0 })
    #expect(throws: RNNError.self) { try softmax.evaluate(x, parameters: flat, targets: [0, 9]) }
    #expect(throws: RNNError.self) { try softmax.evaluate(x, parameters: flat, targets: [0]) }
    #expect(throws: RNNError.self) { try softmax.evaluate(x, parameters: x, targets: [0, 1]) }
    #expect(throws: RNNError.self) {
      try softmax.evaluate(try Tensor<Float>(repeating: 1, shape: [2, 3]), parameters: flat, targets: [0, 1])
    }
  }
}
