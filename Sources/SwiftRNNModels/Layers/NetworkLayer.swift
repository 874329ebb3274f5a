// A recurrent network with its parameters.
import SwiftRNN

/// A `Network` over whole sequences. Keeps the memory of its passes: one thread at a time.
public final class NetworkLayer<Scalar: RNNScalar> {
  let part: NetworkPart<Scalar>
  private let gradient = Buffer<Scalar>()

  /// The network; its pointers and sizes are for callers that do more than whole sequences.
  public var network: Network<Scalar> { part.network }

  init(_ store: ParameterStore<Scalar>, _ name: String, _ network: Network<Scalar>) throws(RNNError) {
    part = try NetworkPart(network, store, layer: name)
  }

  /// - Parameters:
  ///   - x: `[T, N, I]`; the backward pass reads it again.
  ///   - counted: T and N, and lengths; a mask is not for networks of models.
  ///   - initial: entries that are nil start where the cell does; the backward pass reads them again.
  ///   - final: where the states after the last steps go; entries that are nil are not wanted.
  ///   - seed: of dropout between layers, in training; nil: inference, no backward pass follows.
  /// - Returns: y, `[T, N, O]`, until the next call.
  @_specialize(where Scalar == Float)
  @_specialize(where Scalar == Double)
  public func forward(
    _ x: UnsafeBufferPointer<Scalar>, _ counted: CountedSteps, initial: States<Scalar> = States(),
    final: States<Scalar> = States(), seed: UInt64?
  ) throws(RNNError) -> UnsafeMutableBufferPointer<Scalar> {
    guard counted.mask == nil else { throw .unsupported("a mask needs a network with the option gaps") }
    if let lengths = counted.lengths, lengths.count != counted.sequences {
      throw .countMismatch("lengths", lengths.count, expected: counted.sequences)
    }
    let shape = try BatchShape(
      steps: counted.steps, sequences: counted.sequences, lengths: counted.lengths?.baseAddress)
    let count = try Sizes.product(shape.rows, network.configuration.inputSize, name: "x")
    guard x.count == count else { throw .countMismatch("x", x.count, expected: count) }
    return try part.forward(shape, x: x.baseAddress, initial: initial, final: final, seed: seed)
  }

  /// The gradients of the last forward pass for training; those of the parameters are written, not added.
  ///
  /// - Parameters:
  ///   - dy: `[T, N, O]`; nil: zeros.
  ///   - finalGradients: of the states after the last steps; entries that are nil are zeros.
  ///   - initialGradients: where those of the first states go; entries that are nil are not wanted.
  /// - Returns: dL/dx, `[T, N, I]`, until the next call.
  /// - Throws: `RNNError/mismatch(_:)` without a forward pass for training before.
  @discardableResult
  @_specialize(where Scalar == Float)
  @_specialize(where Scalar == Double)
  public func backward(
    dy: UnsafeBufferPointer<Scalar>?, finalGradients: States<Scalar> = States(),
    initialGradients: States<Scalar> = States()
  ) throws(RNNError) -> UnsafeMutableBufferPointer<Scalar> {
    guard let shape = part.last?.shape else {
      throw .mismatch("a backward pass follows a forward pass for training")
    }
    let count = shape.rows * part.outputSize
    if let dy, dy.count != count { throw .countMismatch("dy", dy.count, expected: count) }
    let dx = try gradient.take(shape.rows * network.configuration.inputSize)
    try part.backward(
      dy: dy?.baseAddress, finalGradients: finalGradients, dx: dx.baseAddress, initialGradients: initialGradients)
    return dx
  }
}
