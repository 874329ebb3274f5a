import SwiftRNN
import Testing

/// Which parameters carry a state from step to step, which state is the output, and which nodes are roots.
@Suite struct RecurrentMatricesTests {
  private func network(_ cell: String, _ sizes: [String: Int] = [:]) throws -> Network<Float> {
    try Network(
      Cell(cell), NetworkConfiguration(.equations, inputSize: 3, hiddenSize: 4), sizes: sizes)
  }

  private func blocks(_ network: Network<Float>) throws -> [String] {
    try network.recurrentBlocks.map { "\(try network.parameter($0.parameter).stem) \($0.row) \($0.size)" }
  }

  @Test func blocksOfCells() throws {
    let lstm = try Network<Float>(.lstm(inputSize: 3, hiddenSize: 4, layers: 2, bidirectional: true))
    #expect(try blocks(lstm) == ["weight_hh 0 4", "weight_hh 4 4", "weight_hh 8 4", "weight_hh 12 4"])
    #expect(lstm.outputState == 0 && !lstm.usesBatchStatistics)
    #expect(try blocks(Network<Float>(.gru(inputSize: 3, hiddenSize: 4))).count == 3)
    // Rows of H numbers and columns of P are no square.
    #expect(try blocks(Network<Float>(.lstm(inputSize: 3, hiddenSize: 4, projectionSize: 2))).isEmpty)
    // Seen from the text, never from names; V multiplies the new state.
    let own = try network("h' = tanh(A @ x + B @ h + b)\ny = V @ h'\nsize y = 4")
    #expect(try blocks(own) == ["B 0 4"])
    #expect(own.outputState == nil)
    for output in ["h", "c"] {
      let two = try network("c' = c + tanh(W @ x + U @ h)\nh' = sigmoid(c')\ny = \(output)'")
      #expect(two.states.count == 2 && two.outputState.map { two.states[$0].name } == output)
    }
    #expect(try network("h' = tanh(batch_norm(W @ x, m, s) + U @ h)").usesBatchStatistics)
    #expect(try blocks(network("h' = tanh(batch_norm(W @ x, m, s) + U @ h)")) == ["U 0 4"])
  }

  @Test func roots() throws {
    #expect(try Forest(parents: []).roots == [])
    #expect(try Forest(parents: [2, -1, -1, 1, 3]).roots == [1, 2])
    #expect(try Forest(nodeCount: 4, children: [0, 0, 1], parents: [1, 2, 3]).roots == [2, 3])
  }
}
