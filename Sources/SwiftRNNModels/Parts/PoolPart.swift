import SwiftRNN

final class PoolPart<Scalar: RNNScalar> {
  static func add(
    _ pooling: ModelConfiguration.Pooling, width: Int, size: Int, to list: inout ParameterList
  ) throws(RNNError) {}
  init(
    _ pooling: ModelConfiguration.Pooling, width: Int, size: Int, directions: Int, _ store: ParameterStore<Scalar>
  ) throws(RNNError) { throw .unsupported("pool") }
  func forward(_ y: UnsafeBufferPointer<Scalar>, _ shape: BatchShape) throws(RNNError) -> UnsafeMutableBufferPointer<
    Scalar
  > { throw .unsupported("pool") }
  func backward(_ dy: UnsafeBufferPointer<Scalar>) throws(RNNError) -> UnsafeMutableBufferPointer<Scalar> {
    throw .unsupported("pool")
  }
}
