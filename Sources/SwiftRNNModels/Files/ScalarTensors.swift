// Tensors of a model's type to and from files, for code that is generic over Float and Double.
import SwiftRNN

extension Safetensors {
  /// A tensor to be written; the memory is read until the file is.
  static func source<Scalar: RNNScalar>(
    _ name: String, shape: [Int], _ numbers: UnsafeBufferPointer<Scalar>
  ) throws(ModelError) -> Source {
    if let numbers = numbers as? UnsafeBufferPointer<Float> { return Source(name, shape: shape, numbers) }
    if let numbers = numbers as? UnsafeBufferPointer<Double> { return Source(name, shape: shape, numbers) }
    throw .value(name: "the model", reason: "has numbers of a type that no file has")
  }

  /// The tensors of a flat vector, with `prefix` before their names.
  static func tensors<Scalar: RNNScalar>(
    of list: ParameterList, prefix: String = "", _ numbers: UnsafeBufferPointer<Scalar>
  ) throws(ModelError) -> [Source] {
    if let numbers = numbers as? UnsafeBufferPointer<Float> {
      return try sources(list, prefix: prefix, numbers)
    }
    if let numbers = numbers as? UnsafeBufferPointer<Double> {
      return try sources(list, prefix: prefix, numbers)
    }
    throw .value(name: "the model", reason: "has numbers of a type that no file has")
  }
}

extension SafetensorsFile {
  /// Reads the tensors of a list; the file may have others.
  func readTensors<Scalar: RNNScalar>(
    of list: ParameterList, prefix: String = "", into out: UnsafeMutableBufferPointer<Scalar>
  ) throws(ModelError) {
    if let out = out as? UnsafeMutableBufferPointer<Float> {
      try read(list, prefix: prefix, allowsOthers: true, into: out)
    } else if let out = out as? UnsafeMutableBufferPointer<Double> {
      try read(list, prefix: prefix, allowsOthers: true, into: out)
    }
  }

  /// Reads one tensor.
  func readTensor<Scalar: RNNScalar>(
    _ name: String, shape: [Int], into out: UnsafeMutableBufferPointer<Scalar>
  ) throws(ModelError) {
    if let out = out as? UnsafeMutableBufferPointer<Float> {
      try read(name, shape: shape, into: out)
    } else if let out = out as? UnsafeMutableBufferPointer<Double> {
      try read(name, shape: shape, into: out)
    }
  }
}
