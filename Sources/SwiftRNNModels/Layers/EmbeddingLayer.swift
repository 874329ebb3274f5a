// A table of vectors, looked up by tokens, with its parameter.
import SwiftRNN

/// A row of a table for each token. Keeps the memory of its results: one thread at a time.
public final class EmbeddingLayer<Scalar: RNNScalar> {
  public let vocabulary: Int
  public let width: Int
  let table: Parameter<Scalar>
  private let rows = Buffer<Scalar>()

  static func tensors(vocabulary: Int, width: Int) -> [(name: String, shape: [Int])] {
    [("weight", [vocabulary, width])]
  }

  init(_ store: ParameterStore<Scalar>, _ name: String, vocabulary: Int, width: Int) throws(RNNError) {
    (self.vocabulary, self.width) = (vocabulary, width)
    table = try Parameter(store, "\(name).weight")
  }

  /// - Parameter ids: in `0 ..< vocabulary`, as many as there are rows.
  /// - Returns: `[rows, width]`, until the next call.
  /// - Throws: `RNNError/invalidElement(_:index:_:low:high:)` for a token outside the vocabulary.
  @_specialize(where Scalar == Float)
  @_specialize(where Scalar == Double)
  public func forward(_ ids: UnsafeBufferPointer<Int>) throws(RNNError) -> UnsafeMutableBufferPointer<Scalar> {
    let out = try rows.take(Sizes.product(ids.count, width, name: "embedded tokens"))
    try Embedding.forward(weight: table.values, vocabulary: vocabulary, width: width, ids: ids, out: out)
    return out
  }

  /// The gradient of the table; rows of other tokens are zeros.
  ///
  /// - Parameters:
  ///   - ids: as they were.
  ///   - dout: `[rows, width]`
  ///   - accumulate: adds to the gradient that is there, of a table that is used several times.
  @_specialize(where Scalar == Float)
  @_specialize(where Scalar == Double)
  public func backward(
    _ ids: UnsafeBufferPointer<Int>, dout: UnsafeBufferPointer<Scalar>, accumulate: Bool = false
  ) throws(RNNError) {
    try Embedding.backward(
      ids: ids, dout: dout, vocabulary: vocabulary, width: width, accumulate: accumulate, dweight: table.gradient)
  }
}
