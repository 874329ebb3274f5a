// The states of a model's network between calls: how a text that is longer than a batch is read.
import SwiftRNN

/// Where the sequences of a batch are: a call that is given a state begins there, and moves it on.
///
/// Gradients stop at the beginning of a call: truncated back-propagation through time (Williams, Peng 1990). Belongs to
/// one thread at a time, and to the model that made it.
public final class ModelState<Scalar: RNNScalar> {
  let network: Network<Scalar>
  private var (now, next): (StateBuffers<Scalar>, StateBuffers<Scalar>)
  /// Whether a pass has been here since the last ``reset()``.
  private(set) var isStarted = false

  init(_ network: Network<Scalar>) {
    self.network = network
    (now, next) = (StateBuffers(network), StateBuffers(network))
  }

  /// The next call begins where the cell does.
  public func reset() { isStarted = false }

  /// Where a pass begins, and where its last states go.
  ///
  /// - Throws: ``RNNError/sizeMismatch(_:_:expected:)`` for another number of sequences than before.
  func places(_ network: Network<Scalar>, sequences: Int) throws(RNNError) -> (from: States<Scalar>, to: States<Scalar>)
  {
    guard network === self.network else { throw .mismatch("the state is of another model") }
    if isStarted, sequences != now.sequences {
      throw .sizeMismatch(
        "the number of sequences, which a state has been through,", sequences, expected: now.sequences)
    }
    return (isStarted ? now.pointers : States(), try next.take(sequences: sequences))
  }

  /// The same place for another model of the same configuration.
  func copy(to network: Network<Scalar>) throws(RNNError) -> ModelState {
    let copy = ModelState(network)
    guard isStarted else { return copy }
    _ = try copy.now.take(sequences: now.sequences)
    for number in 0..<network.stateCount {
      _ = try copy.now.elements(number).update(fromContentsOf: now.elements(number))
    }
    copy.isStarted = true
    return copy
  }

  /// The pass is done.
  func moveOn() {
    swap(&now, &next)
    isStarted = true
  }
}
