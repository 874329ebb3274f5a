import Reference
import SwiftRNN
import Testing

/// A whole training loop on tensors.
@Suite struct TrainingLoopTests {
  /// A model learns to repeat a byte that it saw three steps before: what no model of the last two can do.
  @Test(arguments: configurations(inputSize: 8, hiddenSize: 24, projectionSize: 16).dropFirst(2))
  func learnsToRemember(_ configuration: NetworkConfiguration) throws {
    let (steps, sequences, vocabulary, delay) = (12, 16, 5, 3)
    let network = try Network<Float>(configuration)
    var random = SplitMix(1)
    var parameters = try network.makeParameters(seed: 1)
    var embedding: Tensor<Float> = try random.tensor([vocabulary, 8])
    var weight: Tensor<Float> = try random.tensor([vocabulary, configuration.outputSize])
    var bias = try Tensor<Float>(shape: [vocabulary])
    let adam = Adam(rate: 2e-2)
    var moments = try [parameters.flat, embedding, weight, bias].map { try Adam.Moments(for: $0) }
    var losses: [Double] = []
    for _ in 0..<120 {
      let ids = random.integers(steps * sequences, 0..<vocabulary)
      let targets = ids.indices.map {
        $0 < delay * sequences ? CrossEntropy.ignoredTarget : ids[$0 - delay * sequences]
      }
      let x = try Embedding.forward(ids, shape: [steps, sequences], weight: embedding)
      let (y, _, tape) = try network.forward(x, parameters: parameters)
      let logits = try Linear.forward(y, weight: weight, bias: bias)
      let (result, dlogits) = try CrossEntropy.evaluate(logits, targets: targets)
      #expect(result.count == (steps - delay) * sequences)
      let layer = try Linear.backward(dlogits, x: y, weight: weight)
      let gradients = try tape.backward(layer.x)
      var all = [
        gradients.parameters.flat, try Embedding.backward(ids, dout: gradients.x, vocabulary: vocabulary),
        layer.weight, layer.bias,
      ]
      try GradientClipping.clip(&all, maxNorm: 1)
      try adam.step(gradient: all[0], parameter: &parameters.flat, moments: &moments[0])
      try adam.step(gradient: all[1], parameter: &embedding, moments: &moments[1])
      try adam.step(gradient: all[2], parameter: &weight, moments: &moments[2])
      try adam.step(gradient: all[3], parameter: &bias, moments: &moments[3])
      losses.append(result.loss)
    }
    #expect(moments[0].steps == 120)
    #expect(abs(losses[0] - 1.6) < 0.8, "about log 5 at first")
    #expect(losses.suffix(5).reduce(0, +) / 5 < 0.5, "\(configuration.cell): \(losses.suffix(5))")
  }

  @Test func stepsThatDoNotExist() throws {
    let gradient = try Tensor<Float>(repeating: 1, shape: [3])
    var (parameter, moments) = (gradient, try Adam.Moments(for: gradient))
    let before = (parameter, moments)
    for steps in [-1, Int.max] {
      moments.steps = steps
      refused("moments.steps is \(steps), must be in 0...\(Int.max - 1)") { () throws(RNNError) in
        try Adam().step(gradient: gradient, parameter: &parameter, moments: &moments)
      }
      #expect(moments.steps == steps)
      moments.steps = 0
      #expect((parameter, moments.first, moments.second) == (before.0, before.1.first, before.1.second))
    }
    moments.steps = .max - 1
    try Adam().step(gradient: gradient, parameter: &parameter, moments: &moments)
    #expect(moments.steps == .max && parameter != before.0)
  }

  @Test func shapesThatDoNotFit() throws {
    let matrix = try Tensor<Float>(shape: [4, 3])
    let cube = try Tensor<Float>(shape: [2, 5, 6])
    refused("the last dimension of x is 6, must be 3") { () throws(RNNError) in
      _ = try Linear.forward(cube, weight: matrix)
    }
    refused("the rank of weight is 3, must be 2") { () throws(RNNError) in _ = try Linear.forward(cube, weight: cube) }
    refused("the shape of dy differs from that of x, with outputs for inputs") { () throws(RNNError) in
      _ = try Linear.backward(cube, x: matrix, weight: Tensor<Float>(shape: [6, 3]))
    }
    refused("ids has 3 elements, must have 4") { () throws(RNNError) in
      _ = try Embedding.forward([0, 1, 2], shape: [2, 2], weight: matrix)
    }
    refused("ids has 3 elements, must have 10") { () throws(RNNError) in
      _ = try Embedding.backward([0, 1, 2], dout: cube, vocabulary: 4)
    }
    refused("ids[1] is 4, must be in 0...3") { () throws(RNNError) in
      _ = try Embedding.forward([0, 4], shape: [2], weight: matrix)
    }
    refused("targets has 9 elements, must have 10") { () throws(RNNError) in
      _ = try CrossEntropy.evaluate(cube, targets: Array(repeating: 0, count: 9))
    }
    refused("targets has 1 element, must have 10") { () throws(RNNError) in
      _ = try CrossEntropy.evaluate(cube, targets: [0])
    }
    var all = [matrix]
    refused("maxNorm is 0, must be above 0") { () throws(RNNError) in try GradientClipping.clip(&all, maxNorm: 0) }
    var short = try Tensor<Float>(shape: [11])
    refused("the shapes of gradient and parameter differ") { () throws(RNNError) in
      try SGD(rate: 0.1).step(gradient: matrix, parameter: &short)
    }
  }

  /// The calls on tensors are those on arrays.
  @Test func sameAsOnArrays() throws {
    var random = SplitMix(2)
    let (gradient, start): (Tensor<Float>, Tensor<Float>) = try (random.tensor([7, 9]), random.tensor([7, 9]))
    var (parameter, velocity) = (start, try Tensor<Float>(shape: [7, 9]))
    let sgd = SGD(rate: 0.1, momentum: 0.9)
    var (arrayParameter, arrayVelocity) = (start.elements, velocity.elements)
    for _ in 0..<3 {
      try sgd.step(gradient: gradient, parameter: &parameter, velocity: &velocity)
      try sgdStep(sgd, gradient.elements, &arrayParameter, &arrayVelocity)
    }
    #expect(parameter.elements == arrayParameter && velocity.elements == arrayVelocity)

    let shared = gradient
    var all = [gradient]
    let norm = try GradientClipping.clip(&all, maxNorm: 0.5)
    let expected = try clip([gradient.elements], maxNorm: 0.5)
    #expect(norm == expected.norm && all[0].elements == expected.tensors[0])
    #expect(shared.elements != all[0].elements && gradient == shared)

    let network = try Network<Float>(.gru(inputSize: 3, hiddenSize: 5))
    var parameters = try network.makeParameters(seed: 2)
    let kept = parameters
    let clipped = try clip([parameters.flat.elements], maxNorm: 0.25)
    #expect(try GradientClipping.clip(&parameters, maxNorm: 0.25) == clipped.norm)
    #expect(parameters.flat.elements == clipped.tensors[0] && kept.flat != parameters.flat)

    var sampler = Sampler(temperature: 0.8, seed: 5, position: 3)
    #expect(try sampler.sample(gradient) == sample(sampler, gradient.elements, classes: 9, position: 3))
    #expect(sampler.position == 4)
  }
}
