import Dispatch
import Reference
import SwiftRNN
import Synchronization
import Testing

/// The Swift face as programs use it.
@Suite struct FaceTests {
  /// The calls of the README and of the design, one after the other.
  @Test func inferenceTrainingAndStream() throws {
    let network = try Network<Float>(.lstm(inputSize: 128, hiddenSize: 256, layers: 2, bidirectional: true))
    var parameters = try network.makeParameters(seed: 0)
    var bias = try #require(parameters["bias_hh_l0"])
    try bias.set(1, at: 300)
    try parameters.set("bias_hh_l0", to: bias)
    #expect(parameters["weight_ih_l0"]?.shape == [1024, 128])
    let x = try Tensor<Float>(repeating: 0.1, shape: [6, 3, 128])
    let lengths = [6, 0, 4]

    let (y, state) = try network(x, parameters: parameters)
    #expect(y.shape == [6, 3, 512])
    #expect(state.h.shape == [4, 3, 256] && state.c?.shape == [4, 3, 256])

    let (trainingY, final, tape) = try network.forward(x, parameters: parameters, lengths: lengths)
    #expect(try trainingY[0, 0, 0] == y[0, 0, 0] && trainingY[5, 1, 7] == 0)
    #expect(try final.h[0, 1, 0] == 0, "a sequence without steps keeps its initial state")
    let dy = try Tensor<Float>(repeating: 1, shape: y.shape)
    let gradients = try tape.backward(dy)
    #expect(gradients.x.shape == x.shape && gradients.state.h.shape == final.h.shape)
    #expect(gradients.parameters["weight_hh_l1_reverse"]?.shape == [1024, 256])
    #expect(gradients.parameters.flat.count == network.flatCount)

    #expect(throws: RNNError.self) { try network.makeStream(parameters, batch: 1) }
    let oneWay = try Network<Float>(.lstm(inputSize: 128, hiddenSize: 256))
    let stream = try oneWay.makeStream(oneWay.makeParameters(seed: 1), batch: 1)
    let input = [Float](repeating: 0.1, count: 128)
    var output = [Float](repeating: 0, count: 256)
    try stream.step(input, into: &output)
    #expect(output.contains { $0 != 0 })
  }

  /// Streams on arrays, tensors, spans and buffers; their states; what they refuse.
  @Test func streams() throws {
    let network = try Network<Double>(.gru(inputSize: 2, hiddenSize: 3, layers: 2))
    let weights = try network.pack(network.makeParameters(seed: 4))
    let stream = try network.makeStream(weights, batch: 2)
    let input = [0.5, -1, 2, 0.25]
    var output = [Double](repeating: 0, count: 6)
    try stream.step(input, into: &output)
    let first = output
    let afterOne = try stream.state
    try stream.step(input, into: &output)
    let second = output
    #expect(first != second)

    stream.reset()
    #expect(try stream.state == network.makeState(sequences: 2))
    var tensor = try Tensor<Double>(shape: [2, 3])
    let inputTensor = try Tensor(input, shape: [2, 2])
    try stream.step(inputTensor, into: &tensor)
    #expect(tensor.elements == first)
    #expect(try stream.state == afterOne)
    let shared = tensor
    try stream.step(inputTensor, into: &tensor)
    #expect(tensor.elements == second && shared.elements == first)

    try stream.setState(afterOne)
    var written = [Double](repeating: 0, count: 6)
    do {
      var span = written.mutableSpan
      try stream.step(input.span, into: &span)
    }
    #expect(written == second)

    try stream.setState(afterOne)
    #expect(try stream.run(Tensor(input + input, shape: [2, 2, 2])).shape == [2, 2, 3])

    // Two streams share the weights and nothing else.
    let other = try network.makeStream(weights, batch: 1)
    var small = [Double](repeating: 0, count: 3)
    try other.step([0.5, -1], into: &small)
    #expect(small == Array(first[..<3]))

    let before = try stream.state
    refused("input has 3 elements, must have 4") { () throws(RNNError) in try stream.step([1, 2, 3], into: &output) }
    refused("output has 3 elements, must have 6") { () throws(RNNError) in try stream.step(input, into: &small) }
    let wrong = try Tensor<Double>(shape: [5, 3, 2])
    refused("x.shape[1] is 3, must be 2") { () throws(RNNError) in _ = try stream.run(wrong) }
    let narrow = try Network<Double>(.gru(inputSize: 2, hiddenSize: 3)).makeState(sequences: 2)
    refused("h.shape[0], L * D, is 1, must be 2") { () throws(RNNError) in try stream.setState(narrow) }
    refused("batch is -1, must be in 0...2147483648") { () throws(RNNError) in
      _ = try network.makeStream(weights, batch: -1)
    }
    #expect(try stream.state == before, "a refused step changes nothing")
  }

  /// One network, its parameters and its packed weights, used by four threads at once, each with its own stream.
  @Test func fourThreadsShareOneNetwork() throws {
    var configuration = NetworkConfiguration.lstm(inputSize: 33, hiddenSize: 48, layers: 2, dropout: 0.2)
    configuration.threads = 2
    let run = try NetworkCase<Float>(configuration, steps: 20, sequences: 9, seed: 8)
    let weights = try run.network.pack(run.parameters)
    let expected = (
      y: try run.network(run.x, weights: weights, lengths: run.lengths, state: run.state).y,
      gradients: try run.backward(),
      streamed: try run.network.makeStream(weights, batch: 9).run(run.x)
    )
    let tape = try run.forward().tape
    let right = Atomic<Int>(0)
    DispatchQueue.concurrentPerform(iterations: 4) { _ in
      for _ in 0..<5 {
        do throws(RNNError) {
          let y = try run.network(run.x, weights: weights, lengths: run.lengths, state: run.state).y
          let gradients = try tape.backward(run.dy, dState: run.dState)
          let streamed = try run.network.makeStream(weights, batch: 9).run(run.x)
          if y == expected.y, gradients.x == expected.gradients.x,
            gradients.parameters.flat == expected.gradients.parameters.flat, streamed == expected.streamed
          {
            right.add(1, ordering: .relaxed)
          }
        } catch {
          Issue.record(error)
        }
      }
    }
    #expect(right.load(ordering: .relaxed) == 20)
  }
}
