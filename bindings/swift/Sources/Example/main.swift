import SwiftRNN

let network = try Network<Float>(.lstm(inputSize: 3, hiddenSize: 4))
print("SwiftRNN on \(try InstructionSet.current), an LSTM with \(network.flatCount) parameters:")
for index in 0..<network.parameterCount {
  let parameter = try network.parameter(index)
  print("  \(parameter.name) \(parameter.shape)")
}
