import SwiftRNN
import Testing

/// What `print` shows, and whose names errors have.
@Suite struct DescriptionTests {
  @Test func configurationsAndNetworks() throws {
    func expect(_ configuration: NetworkConfiguration, _ text: String) throws {
      #expect("\(configuration)" == text)
      #expect("\(try Network<Float>(configuration))" == text.dropLast() + ", Float)")
    }
    try expect(
      .lstm(inputSize: 3, hiddenSize: 8, layers: 2, bidirectional: true), "LSTM(3 -> 8, 2 layers, bidirectional)")
    try expect(.lstm(inputSize: 3, hiddenSize: 8, projectionSize: 4), "LSTM(3 -> 8 -> 4)")
    try expect(.rnn(inputSize: 1, hiddenSize: 2, relu: true, bias: false), "RNN(1 -> 2, relu, no bias)")
    try expect(.gru(inputSize: 1, hiddenSize: 2, resetAfter: false, threads: 1), "GRU(1 -> 2, reset before, 1 thread)")
    try expect(.gru(inputSize: 1, hiddenSize: 2, layers: 3, dropout: 0.25), "GRU(1 -> 2, 3 layers, dropout 0.25)")
    let text = "h' = tanh(W @ x + U @ h)"
    let cell = try Cell(text)
    #expect("\(cell)" == text)
    #expect(
      "\(try Network<Double>(cell, NetworkConfiguration(.equations, inputSize: 3, hiddenSize: 8)))"
        == "Equations(3 -> 8, Double)")
  }

  @Test func options() throws {
    var options = LayerOptions()
    #expect("\(options)" == "LayerOptions()")
    options.skip = .dense
    options.merge = .sum
    options.hiddenSizes = [8, 5]
    options.dilations = [1, 2]
    #expect("\(options)" == "LayerOptions(hidden sizes [8, 5], dense, merge sum, dilations [1, 2])")
    let network = try Network<Float>(
      .lstm(inputSize: 3, hiddenSize: 8, layers: 2, bidirectional: true), options: options)
    #expect("\(network)" == "LSTM(3 -> [8, 5], 2 layers, bidirectional, dense, merge sum, dilations [1, 2], Float)")
    options = LayerOptions()
    options.independentDirections = true
    options.learnedInitialStates = true
    options.gaps = .repeated
    #expect("\(options)" == "LayerOptions(independent directions, learned initial states, gaps repeated)")
  }

  @Test func whatBelongsToANetwork() throws {
    let network = try Network<Float>(.gru(inputSize: 3, hiddenSize: 2, layers: 2, dropout: 0.5))
    let parameters = try network.makeParameters(seed: 1)
    let lines = "\(parameters)".split(separator: "\n")
    #expect(lines.count == 9 && lines[0] == "78 parameters, Float" && lines[1] == "  weight_ih_l0 [6, 3]")
    let x = try Tensor<Float>(repeating: 0.5, shape: [4, 2, 3])
    let (y, _, tape) = try network.forward(x, parameters: parameters, seed: 7)
    let name = "GRU(3 -> 2, 2 layers, dropout 0.5, Float)"
    #expect(
      "\(tape)" == "Tape(\(name), 4 steps, 2 sequences, seed 7, \(try network.tapeSize(steps: 4, sequences: 2)) bytes)")
    #expect(
      "\(try tape.backward(y))" == "Gradients(x [4, 2, 3], State([2, 2, 2]), 78 parameters, Float)")
    #expect("\(try network.pack(parameters))" == "PackedWeights(\(name))")
    #expect("\(try network.makeStream(parameters, batch: 1))" == "Stream(\(name), 1 sequence)")
    #expect("\(x)" == "Tensor[4, 2, 3] [0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, …]")
    let forest = try Forest(parents: [2, 2, -1])
    #expect("\(forest)" == "Forest(3 nodes, 2 edges)")
    let tree = try Network<Float>(
      Cell("like tree_child_sum"), NetworkConfiguration(.equations, inputSize: 3, hiddenSize: 2))
    let pass = try tree.forward(forest, x: Tensor(shape: [3, 3]), parameters: tree.makeParameters(seed: 1), seed: 2)
    #expect("\(pass.tape)".hasPrefix("ForestPassTape(Equations(3 -> 2, Float), Forest(3 nodes, 2 edges), seed 2, "))
  }

  /// Swift's callers read Swift's names, C's callers C's.
  @Test func namesOfArguments() {
    func texts(_ error: RNNError) -> [String] {
      [RNNError.Naming.swift, .c].map { naming in
        withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 256) { buffer in
          error.write(to: buffer, naming: naming)
          return String(decoding: buffer.prefix { $0 != 0 }, as: UTF8.self)
        }
      }
    }
    let all: [(RNNError, String, String)] = [
      (.nullPointer("row_losses"), "rowLosses must not be nil", "row_losses must not be NULL"),
      (
        .invalidValue("top_k", -1, low: 0, high: .max), "topK is -1, must be 0 or more",
        "top_k is -1, must be 0 or more"
      ),
      (
        .sizeMismatch("parameter_count", 3, expected: 4), "parameters.count is 3, must be 4",
        "parameter_count is 3, must be 4"
      ),
      (
        .bufferTooSmall("workspace_size", bytes: 1, needed: 2), "workspaceBytes has 1 bytes, needs 2",
        "workspace_size has 1 bytes, needs 2"
      ),
      (
        .sizeMismatch("x.shape[2], input_size,", 3, expected: 4), "x.shape[2], inputSize, is 3, must be 4",
        "x.shape[2], input_size, is 3, must be 4"
      ),
      (
        .invalidElement("layer_dilations", index: 1, 0, low: 1, high: 9), "options.dilations[1] is 0, must be in 1...9",
        "layer_dilations[1] is 0, must be in 1...9"
      ),
      (
        .invalidSize("x_sequence_stride", 4, low: 5, high: .max), "xSequenceStride is 4, must be 5 or more",
        "x_sequence_stride is 4, must be 5 or more"
      ),
      (
        .misaligned("an entry of parameters", alignment: 4), "an entry of parameters must be aligned to 4 bytes",
        "an entry of parameters must be aligned to 4 bytes"
      ),
      (
        .invalidRow("logits", index: 1, .nan, allowed: "finite"), "logits[1] has NaN, must be finite",
        "logits[1] has NaN, must be finite"
      ),
      (
        .unsupported("trees have no layer options and no batch_norm"), "trees have no layer options and no batch_norm",
        "trees have no layer options and no batch_norm"
      ),
    ]
    for (error, swift, c) in all {
      #expect(texts(error) == [swift, c])
      #expect("\(error)" == swift)
    }
  }

  /// A cell's error has the line with its caret, however long that is.
  @Test func errorsOfCellsAreWhole() {
    let text = "h' = " + String(repeating: "x + ", count: 100) + "nothing(x)"
    do throws(CellError) {
      _ = try Cell(text)
      Issue.record("not refused")
    } catch {
      #expect("\(RNNError.cell(error))" == "\(error)" && "\(error)".hasSuffix("^"))
    }
  }
}
