import SwiftRNN
import Testing

/// Tensors: shapes, elements, and that copies are values.
@Suite struct TensorTests {
  @Test func elementsAreRowMajor() throws {
    var tensor = try Tensor<Float>([1, 2, 3, 4, 5, 6], shape: [2, 1, 3])
    #expect(tensor.count == 6 && tensor.shape == [2, 1, 3])
    #expect(try tensor[1, 0, 1] == 5)
    try tensor.set(-3, at: 0, 0, 2)
    #expect(tensor.elements == [1, 2, -3, 4, 5, 6])
    #expect(tensor.withSpan { span in span[3] } == 4)
    #expect(tensor.withUnsafeBufferPointer { Int(bitPattern: $0.baseAddress) % 64 } == 0)
    let scalar = try Tensor<Float>(repeating: 2, shape: [])
    #expect(try scalar.count == 1 && scalar[] == 2)
  }

  @Test func copiesAreValues() throws {
    var a = try Tensor<Double>(repeating: 1, shape: [3])
    let b = a
    try a.set(5, at: 1)
    #expect(a.elements == [1, 5, 1] && b.elements == [1, 1, 1])
    let address = a.withUnsafeBufferPointer { $0.baseAddress }
    try a.withUnsafeMutableBufferPointer { $0[0] = 7 }
    #expect(a.withUnsafeBufferPointer { $0.baseAddress } == address, "memory of one's own is changed in place")
    var c = try a.reshaped([3, 1])
    try c.set(0, at: 2, 0)
    #expect(c.elements == [7, 5, 0] && a.elements == [7, 5, 1])
  }

  @Test func equality() throws {
    let a = try Tensor<Float>([1, 2], shape: [2])
    #expect(a == (try Tensor([1, 2], shape: [2])))
    #expect(a != (try Tensor([1, 3], shape: [2])))
    #expect(a != (try Tensor([1, 2], shape: [1, 2])))
    let nan = try Tensor<Float>(repeating: .nan, shape: [1])
    #expect(nan != nan)
    #expect("\(a)" == "Tensor[2] [1.0, 2.0]")
  }

  @Test func refusals() {
    #expect(
      message { () throws(RNNError) in _ = try Tensor<Float>([1, 2, 3], shape: [2, 2]) }
        == "elements has 3 elements, must have 4")
    #expect(
      message { () throws(RNNError) in _ = try Tensor<Float>(shape: [2, -1]) } == "shape[1] is -1, must be 0 or more")
    #expect(
      message { () throws(RNNError) in _ = try Tensor<Float>(shape: [6]).reshaped([4]) }
        == "the new shape has 4 elements, must have 6")
    #expect(message { () throws(RNNError) in _ = try Tensor<Float>(shape: [0, 5]).reshaped([5, 0]) } == nil)
  }

  /// Indices that do not exist are refused, and change nothing.
  @Test func indicesThatDoNotExist() throws {
    var tensor = try Tensor<Float>(repeating: 1, shape: [2, 3])
    let before = tensor
    #expect(message { () throws(RNNError) in _ = try tensor[1] } == "the number of indices is 1, must be 2")
    #expect(message { () throws(RNNError) in _ = try tensor[1, 3] } == "index[1] is 3, must be in 0...2")
    #expect(message { () throws(RNNError) in try tensor.set(0, at: -1, 0) } == "index[0] is -1, must be in 0...1")
    #expect(
      message { () throws(RNNError) in try tensor.set(0, at: 1, 1, 1) } == "the number of indices is 3, must be 2")
    #expect(tensor == before)
  }
}
