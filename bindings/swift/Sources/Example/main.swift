import SwiftRNN

let network = try Network<Float>(.lstm(inputSize: 3, hiddenSize: 4))
print("SwiftRNN on \(try InstructionSet.current), an LSTM with \(network.flatCount) parameters:")
for index in 0..<network.parameterCount {
  let parameter = try network.parameter(index)
  print("  \(parameter.name) \(parameter.shape)")
}

let parameters = try network.makeParameters(seed: 42)
let x = try Tensor<Float>(repeating: 0.5, shape: [5, 2, 3])  // T steps, N sequences, I inputs
let (y, state) = try network(x, parameters: parameters)
let last = try (0..<4).map { try y[4, 1, $0] }
print("y \(y.shape), its last row \(last)")
print("the final state h \(state.h.shape)")
