import SwiftRNN
import Testing

/// Tensors: shapes, elements, and that copies are values.
@Suite struct TensorTests {
  @Test func elementsAreRowMajor() throws {
    var tensor = try Tensor<Float>([1, 2, 3, 4, 5, 6], shape: [2, 1, 3])
    #expect(tensor.count == 6 && tensor.shape == [2, 1, 3])
    #expect(tensor[1, 0, 1] == 5)
    tensor[0, 0, 2] = -3
    #expect(tensor.elements == [1, 2, -3, 4, 5, 6])
    #expect(tensor.withSpan { span in span[3] } == 4)
    #expect(tensor.withUnsafeBufferPointer { Int(bitPattern: $0.baseAddress) % 64 } == 0)
    let scalar = try Tensor<Float>(repeating: 2, shape: [])
    #expect(scalar.count == 1 && scalar[] == 2)
  }

  @Test func copiesAreValues() throws {
    var a = try Tensor<Double>(repeating: 1, shape: [3])
    let b = a
    a[1] = 5
    #expect(a.elements == [1, 5, 1] && b.elements == [1, 1, 1])
    let address = a.withUnsafeBufferPointer { $0.baseAddress }
    try a.withUnsafeMutableBufferPointer { $0[0] = 7 }
    #expect(a.withUnsafeBufferPointer { $0.baseAddress } == address, "memory of one's own is changed in place")
    var c = try a.reshaped([3, 1])
    c[2, 0] = 0
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
    func message(_ body: () throws(RNNError) -> Void) -> String? {
      do {
        try body()
        return nil
      } catch {
        return error.description
      }
    }
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

  /// A subscript can't throw: it ends the process, and says why in a release build too.
  @Test func subscriptsThatDoNotExist() async throws {
    func said(_ result: ExitTest.Result?) -> String {
      String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
    }
    let rank = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      let tensor = try Tensor<Float>(shape: [2, 3])
      print(tensor[1])
    }
    #expect(said(rank).contains("a subscript of 1 for a tensor of the shape [2, 3]"))
    let index = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      var tensor = try Tensor<Float>(shape: [2, 3])
      tensor[1, 3] = 0
    }
    #expect(said(index).contains("the subscript [1, 3] is outside a tensor of the shape [2, 3]"))
    let name = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      let network = try Network<Float>(.gru(inputSize: 2, hiddenSize: 3))
      var parameters = try network.makeParameters(seed: 0)
      parameters["weight_ih"] = try Tensor(shape: [9, 2])
    }
    #expect(said(name).contains("weight_ih: the network has no parameter of this name"))
  }
}
