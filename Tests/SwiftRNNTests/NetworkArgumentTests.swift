import Reference
import SwiftRNN
import Testing

/// What the Swift face refuses, and with which numbers.
@Suite struct NetworkArgumentTests {
  private let configuration = NetworkConfiguration.lstm(inputSize: 3, hiddenSize: 5, layers: 2, projectionSize: 4)

  private func run() throws -> NetworkCase<Float> { try NetworkCase(configuration, steps: 4, sequences: 2, seed: 1) }

  @Test func shapes() throws {
    let run = try run()
    let (network, parameters, x) = (run.network, run.parameters, run.x)
    let zeros = { (shape: [Int]) in try Tensor<Float>(shape: shape) }
    let flatX = try zeros([8, 3])
    let wideX = try zeros([4, 2, 6])
    #expect(
      message { () throws(RNNError) in _ = try network(flatX, parameters: parameters) }
        == "the rank of x is 2, must be 3")
    #expect(
      message { () throws(RNNError) in _ = try network(wideX, parameters: parameters) }
        == "x.shape[2], inputSize, is 6, must be 3")
    #expect(
      message { () throws(RNNError) in _ = try network(x, parameters: parameters, lengths: [4]) }
        == "lengths has 1 element, must have 2")
    #expect(
      message { () throws(RNNError) in _ = try network.forward(x, parameters: parameters, lengths: [4, 5]) }
        == "lengths[1] is 5, must be in 0...4")
    #expect(
      message { () throws(RNNError) in _ = try network.forward(x, parameters: parameters, lengths: [-1, 4]) }
        == "lengths[0] is -1, must be in 0...4")
    var state = try network.makeState(sequences: 2)
    let good = state
    state.h = try zeros([2, 3, 4])
    #expect(
      message { () throws(RNNError) in _ = try network(x, parameters: parameters, state: state) }
        == "h.shape[1], N, is 3, must be 2")
    state = good
    state.c = try zeros([2, 2, 4])
    #expect(
      message { () throws(RNNError) in _ = try network(x, parameters: parameters, state: state) }
        == "c.shape[2], hiddenSize, is 4, must be 5")
    let tape = try network.forward(x, parameters: parameters).tape
    #expect(
      message { () throws(RNNError) in _ = try tape.backward(x) } == "dy.shape[2], D * P, is 3, must be 4")
    #expect(
      message { () throws(RNNError) in _ = try tape.backward(nil, dState: state) }
        == "c.shape[2], hiddenSize, is 4, must be 5")
  }

  @Test func parametersOfAnotherNetwork() throws {
    let run = try run()
    let other = try Network<Float>(.lstm(inputSize: 3, hiddenSize: 5, layers: 2))
    let foreign = try other.makeParameters(seed: 0)
    let expected = "the parameters are of another network's configuration"
    let (network, x) = (run.network, run.x)
    #expect(message { () throws(RNNError) in _ = try network(x, parameters: foreign) } == expected)
    #expect(message { () throws(RNNError) in _ = try network.forward(x, parameters: foreign) } == expected)
    #expect(message { () throws(RNNError) in _ = try network.pack(foreign) } == expected)
    #expect(message { () throws(RNNError) in _ = try network.makeStream(foreign, batch: 1) } == expected)
    var total = foreign
    let tape = try run.forward().tape
    #expect(message { () throws(RNNError) in _ = try tape.backward(nil, addingTo: &total) } == expected)
    let weights = try other.pack(foreign)
    #expect(
      message { () throws(RNNError) in _ = try network(x, weights: weights) }
        == "the weights are of another network's configuration")
    // Threads and dropout are not what parameters depend on.
    var configuration = configuration
    (configuration.threads, configuration.dropout) = (3, 0.5)
    let kin = try Network<Float>(configuration)
    #expect(try kin(x, parameters: run.parameters).y == (try network(x, parameters: run.parameters)).y)
    var short = run.parameters
    short.flat = try Tensor(shape: [7])
    #expect(
      message { () throws(RNNError) in _ = try network(x, parameters: short) }
        == "parameters.flat has 7 elements, must have \(network.flatCount)")
    #expect(short["weight_ih_l0"] == nil)
  }

  @Test func namedTensors() throws {
    var parameters = try run().parameters
    #expect(parameters["weight_ih_l2"] == nil && parameters["weight_ih_l0_reverse"] == nil && parameters[""] == nil)
    let before = parameters
    let row = try Tensor<Float>(repeating: 1, shape: [20])
    #expect(
      message { () throws(RNNError) in try parameters.set("weight_hr_l1", to: row) }
        == "the rank of the tensor is 1, must be 2")
    #expect(
      message { () throws(RNNError) in try parameters.set("bias", to: row) }
        == "the network has no parameter of this name")
    let wrong = try row.reshaped([4, 5]).reshaped([5, 4])
    #expect(
      message { () throws(RNNError) in try parameters.set("weight_hr_l1", to: wrong) }
        == "the number of rows of the tensor is 5, must be 4")
    #expect(parameters.flat == before.flat)
    try parameters.set("weight_hr_l1", to: row.reshaped([4, 5]))
    let info = try #require(parameters.infos.first { $0.name == "weight_hr_l1" })
    for (i, number) in parameters.flat.elements.enumerated() {
      let inside = i >= info.offset && i < info.offset + info.elements
      #expect(number == (inside ? 1 : before.flat.elements[i]))
    }
    var bias = try #require(parameters["bias_hh_l0"])
    try bias.set(9, at: 3)
    #expect(try parameters["bias_hh_l0"]?[3] != 9, "a tensor is a value")
    try parameters.set("bias_hh_l0", to: bias)
    #expect(try parameters["bias_hh_l0"]?[3] == 9)
    #expect(try before["bias_hh_l0"]?[3] != 9)
  }

  /// The tape of a pass with another configuration, other steps, sequences or lengths is refused, on pointers too.
  @Test func tapesOfOtherPasses() throws {
    let run = try NetworkCase<Double>(.gru(inputSize: 3, hiddenSize: 4), steps: 5, sequences: 2, seed: 2)
    func pass(_ forwards: NetworkCase<Double>, _ backwards: NetworkCase<Double>) throws -> String? {
      let size = 1 << 16
      let (tape, workspace) = (Memory(size), Memory(1 << 20))
      func arguments<Result>(
        _ run: NetworkCase<Double>,
        _ body: (UnsafePointer<Int64>?, UnsafeBufferPointer<UnsafeRawPointer?>) throws -> Result
      ) throws -> Result {
        let lengths = run.lengths?.map { Int64($0) }
        let flat = run.parameters.flat.address
        let pointers = run.parameters.infos.map { info in UnsafeRawPointer(flat.map { $0 + info.offset }) }
        return try pointers.withUnsafeBufferPointer { pointers in
          if let lengths { return try lengths.withUnsafeBufferPointer { try body($0.baseAddress, pointers) } }
          return try body(nil, pointers)
        }
      }
      try arguments(forwards) { lengths, parameters in
        var forward = Network<Double>.Forward(steps: forwards.steps, sequences: forwards.sequences)
        forward.x = forwards.x.address
        forward.lengths = lengths
        forward.parameters = parameters
        (forward.tape, forward.tapeBytes) = (tape.start, size)
        (forward.workspace, forward.workspaceBytes) = (workspace.start, workspace.count)
        try forwards.network.forward(forward)
      }
      return try arguments(backwards) { lengths, parameters in
        var backward = Network<Double>.Backward(steps: backwards.steps, sequences: backwards.sequences)
        backward.x = backwards.x.address
        backward.dy = backwards.dy.address
        backward.lengths = lengths
        backward.parameters = parameters
        (backward.tape, backward.tapeBytes) = (UnsafeRawPointer(tape.start), size)
        (backward.workspace, backward.workspaceBytes) = (workspace.start, workspace.count)
        return message { () throws(RNNError) in try backwards.network.backward(backward) }
      }
    }
    #expect(try pass(run, run) == nil)
    #expect(try pass(run, run.threads(2)) == nil)
    var other = run
    other.lengths?[1] = (run.lengths?[1] ?? 0) == 5 ? 4 : 5
    let others = "the tape was filled with other lengths, another mask, or initial states where there are none now"
    #expect(try pass(run, other) == others)
    other.lengths = nil
    #expect(try pass(run, other) == others)
    #expect(try pass(run, run.part(0..<1)) == "sequences is 1, but the tape has 2")
    #expect(try pass(run, run.padded(by: 1)) == "steps is 6, but the tape has 5")
    var before = try NetworkCase<Double>(
      .gru(inputSize: 3, hiddenSize: 4, resetAfter: false), steps: 5, sequences: 2, seed: 2)
    before.lengths = run.lengths
    #expect(try pass(run, before) == "the tape was filled by another configuration")
    #expect(try pass(before, run) == "the tape was filled by another configuration")
  }

  @Test func configurations() {
    func messageAfter(_ change: (inout NetworkConfiguration) -> Void) -> String? {
      var configuration = self.configuration
      change(&configuration)
      return message { () throws(RNNError) in _ = try Network<Double>(configuration) }
    }
    #expect(messageAfter { _ in } == nil)
    #expect(messageAfter { $0.inputSize = 0 } == "inputSize is 0, must be in 1...2147483648")
    #expect(messageAfter { $0.hiddenSize = -4 } == "hiddenSize is -4, must be in 1...2147483648")
    #expect(messageAfter { $0.projectionSize = 5 } == "projectionSize is 5, must be in 0...4")
    #expect(messageAfter { $0.layers = 1025 } == "layers is 1025, must be in 1...1024")
    #expect(messageAfter { $0.dropout = 1 } == "dropout is 1, must be in [0, 1)")
    #expect(messageAfter { $0.dropout = .nan } == "dropout is NaN, must be in [0, 1)")
    #expect(messageAfter { $0.threads = -1 } == "threads is -1, must be in 0...1024")
    #expect(messageAfter { $0.cell = .gru } == "projectionSize of a cell other than LSTM is 4, must be 0")
    #expect(NetworkConfiguration.rnn(inputSize: 1, hiddenSize: .max, bidirectional: true).outputSize == .max)
  }

  /// What the text of a cell says is not asked for beside the text.
  @Test func configurationsOfTexts() throws {
    let cell = try Cell("h' = tanh(W @ x + U @ h)")
    func messageAfter(options: LayerOptions = LayerOptions(), _ change: (inout NetworkConfiguration) -> Void) -> String?
    {
      var configuration = NetworkConfiguration(.equations, inputSize: 3, hiddenSize: 4)
      change(&configuration)
      return message { () throws(RNNError) in _ = try Network<Double>(cell, configuration, options: options) }
    }
    var options = LayerOptions()
    options.learnedInitialStates = true
    #expect(messageAfter { _ in } == nil)
    for options in [LayerOptions(), options] {
      #expect(
        messageAfter(options: options) { $0.bias = false }
          == "a cell of equations takes no bias: its text has the biases")
      #expect(
        messageAfter(options: options) { $0.projectionSize = 2 }
          == "a cell of equations takes no projection size: its text has the projection")
    }
  }

  /// Tensors with as many numbers, in another shape.
  @Test func transposedTensors() throws {
    var parameter = try Tensor<Float>(shape: [2, 3])
    let gradient = try Tensor<Float>(shape: [3, 2])
    let differ = "the shapes of gradient and parameter differ"
    #expect(
      message { () throws(RNNError) in try SGD(rate: 1).step(gradient: gradient, parameter: &parameter) } == differ)
    var moments = try Adam.Moments(for: parameter)
    #expect(
      message { () throws(RNNError) in
        try Adam().step(gradient: gradient, parameter: &parameter, moments: &moments)
      } == differ)
    let network = try Network<Float>(.gru(inputSize: 2, hiddenSize: 4))
    let stream = try network.makeStream(network.makeParameters(seed: 1), batch: 3)
    var y = try Tensor<Float>(shape: [3, 4])
    #expect(
      message { () throws(RNNError) in try stream.step(Tensor(shape: [2, 3]), into: &y) }
        == "the shape of input differs from [N, I]")
    y = try y.reshaped([4, 3])
    #expect(
      message { () throws(RNNError) in try stream.step(Tensor(shape: [3, 2]), into: &y) }
        == "the shape of output differs from [N, P]")
    let weight = try Tensor<Float>(shape: [4, 3])
    #expect(
      message { () throws(RNNError) in
        _ = try Linear.forward(Tensor(shape: [5, 3]), weight: weight, bias: Tensor(shape: [2, 2]))
      } == "the shape of bias differs from [outputs]")
  }

  /// A backward pass needs a gradient of the loss.
  @Test func noGradients() throws {
    let network = try Network<Float>(.gru(inputSize: 3, hiddenSize: 4))
    let parameters = try network.makeParameters(seed: 1)
    let (_, state, tape) = try network.forward(Tensor(shape: [2, 1, 3]), parameters: parameters)
    #expect(message { () throws(RNNError) in _ = try tape.backward() } == "dy or dState must not be nil")
    var total = parameters
    #expect(
      message { () throws(RNNError) in _ = try tape.backward(addingTo: &total) } == "dy or dState must not be nil")
    #expect(message { () throws(RNNError) in _ = try tape.backward(dState: state) } == nil)
    let tree = try Network<Float>(
      Cell("like tree_child_sum"), NetworkConfiguration(.equations, inputSize: 3, hiddenSize: 2))
    let pass = try tree.forward(
      Forest(parents: [1, -1]), x: Tensor(shape: [2, 3]), parameters: tree.makeParameters(seed: 1))
    #expect(message { () throws(RNNError) in _ = try pass.tape.backward() } == "dy or dState must not be nil")
    let dy = try Tensor<Float>(shape: [4, 1])
    #expect(message { () throws(RNNError) in _ = try pass.tape.backward(dy) } == "dy.shape[0] is 4, must be 2")
  }

  @Test func ofNothingNoElementCanBeRead() throws {
    let empty = try Tensor<Float>(shape: [2, 0])
    #expect(message { () throws(RNNError) in _ = try empty[1, 0] } == "index[1] is 0, and no value is allowed")
    #expect(message { () throws(RNNError) in _ = try empty[2, 0] } == "index[0] is 2, must be in 0...1")
  }

  /// Sizes that no machine has memory for are refused, and end nothing.
  @Test func memoryThatDoesNotExist() throws {
    let network = try Network<Float>(.rnn(inputSize: 1 << 31, hiddenSize: 1 << 18))
    #expect(
      message { () throws(RNNError) in _ = try network.makeParameters(seed: 0) }
        == "out of memory: \(4 * network.flatCount) bytes could not be had")
    #expect(
      message { () throws(RNNError) in _ = try Tensor<Float>(shape: [1 << 50, 1]) }
        == "out of memory: \(1 << 52) bytes could not be had")
    #expect(
      message { () throws(RNNError) in _ = try Tensor<Float>(shape: [1 << 40, 1 << 40]) }
        == "a tensor has more bytes than a 64-bit number can count")
    #expect(
      message { () throws(RNNError) in _ = try network.makeState(sequences: 1 << 31) }
        == "out of memory: \(1 << 51) bytes could not be had")
    #expect(
      message { () throws(RNNError) in _ = try network.makeState(sequences: -1) }
        == "sequences is -1, must be in 0...2147483648")
  }
}
