// The vector instructions of derivatives.
import Kernels

extension CellAssembler {
  mutating func emitGradient(
    _ function: VectorFunction, _ operands: [Int], into out: VectorOperand, width: Int
  ) {
    switch function {
    case .sum: stage.append(Instruction(.copy, width: width, out: out, read(operands[1], width: width)))
    case .mean:
      let dy = read(operands[1], width: width)
      stage.append(Instruction(.affine, width: width, out: out, dy, k: 1 / Double(width)))
    case .softmax, .layerNorm, .rmsNorm:
      let opcode: VectorOpcode =
        function == .softmax ? .softmaxGradient : function == .layerNorm ? .layerNormGradient : .rmsNormGradient
      stage.append(
        Instruction(
          opcode, width: width, out: out, read(operands[0], width: width), read(operands[1], width: width)))
    }
  }

  mutating func emitGradient(
    _ function: UnaryFunction, _ constants: [Double], _ from: VectorOperand, _ dy: VectorOperand,
    into out: VectorOperand, width: Int
  ) {
    let (k, l) = (constants.first ?? 0, constants.dropFirst().first ?? 0)
    if let opcode = function.gradientOpcode {
      stage.append(Instruction(opcode, width: width, out: out, from, dy, k: k, l: l))
      return
    }
    switch function {
    case .exp: stage.append(Instruction(.multiply, width: width, out: out, from, dy))
    case .log: stage.append(Instruction(.divide, width: width, out: out, dy, from))
    case .sqrt:
      let twice = stage.slot(width)
      stage.append(Instruction(.affine, width: width, out: twice, from, k: 2))
      stage.append(Instruction(.divide, width: width, out: out, dy, twice))
    case .affine: stage.append(Instruction(.affine, width: width, out: out, dy, k: k))
    default: stage.append(Instruction(.fill, width: width, out: out))  // sign
    }
  }
}

extension UnaryFunction {
  /// nil: made of other instructions.
  fileprivate var gradientOpcode: VectorOpcode? {
    switch self {
    case .sigmoid: .sigmoidGradient
    case .tanh: .tanhGradient
    case .relu: .reluGradient
    case .selu: .seluGradient
    case .gelu: .geluGradient
    case .silu: .siluGradient
    case .softplus: .softplusGradient
    case .softsign: .softsignGradient
    case .abs: .absoluteGradient
    case .logSigmoid: .logSigmoidGradient
    case .elu: .eluGradient
    case .clip: .clampGradient
    case .hardTanh: .hardTanhGradient
    case .leakyRelu: .leakyReluGradient
    case .hardSigmoid: .hardSigmoidGradient
    case .thresholdedRelu: .thresholdedReluGradient
    case .scaledTanh: .scaledTanhGradient
    case .exp, .log, .sqrt, .sign, .affine: nil
    }
  }
}
