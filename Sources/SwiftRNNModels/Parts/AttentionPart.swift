import SwiftRNN

final class AttentionPart<Scalar: RNNScalar> {
  static func add(
    _ attention: ModelConfiguration.Attention, queries: Int, keys: Int, size: Int, to list: inout ParameterList
  ) throws(RNNError) {}
  init(
    _ attention: ModelConfiguration.Attention, queries: Int, keys: Int, size: Int, _ store: ParameterStore<Scalar>
  ) throws(RNNError) { throw .unsupported("attention") }
  func forward(
    _ y: UnsafeBufferPointer<Scalar>, _ shape: BatchShape, _ encoded: UnsafeBufferPointer<Scalar>, _ keys: BatchShape
  ) throws(RNNError) -> UnsafeMutableBufferPointer<Scalar> { throw .unsupported("attention") }
  func backward(_ dy: UnsafeBufferPointer<Scalar>) throws(RNNError) -> (
    UnsafeMutableBufferPointer<Scalar>, UnsafeMutableBufferPointer<Scalar>
  ) { throw .unsupported("attention") }
}

final class AttentionReader<Scalar: RNNScalar> {
  func forward(_ y: UnsafeBufferPointer<Scalar>, sequences: Int) throws(RNNError) -> UnsafeMutableBufferPointer<Scalar>
  { throw .unsupported("") }
}
