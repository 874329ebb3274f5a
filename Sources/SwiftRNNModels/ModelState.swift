// The states of a model's network between calls: how a text that is longer than a batch is read.
import SwiftRNN

/// Where the sequences of a batch are: a call that is given a state begins there, and moves it on.
///
/// Gradients stop at the beginning of a call, or `lookBack` steps before: truncated back-propagation through time (Williams,
/// Peng, "An efficient gradient-based algorithm for on-line training of recurrent network trajectories", 1990). Belongs to
/// one thread at a time, and to the model that made it.
public final class ModelState<Scalar: RNNScalar> {
  /// Steps before a batch that its gradients reach back into, so that k2 = k1 + `lookBack` for batches of k1 steps.
  public let lookBack: Int
  let network: Network<Scalar>
  private var (now, next): (StateBuffers<Scalar>, StateBuffers<Scalar>)
  /// Whether a pass has been here since the last ``reset()``.
  private(set) var isStarted = false
  /// Inputs of the steps that follow the state, up to the next batch; at most `lookBack` steps.
  private(set) var recent: RecentInputs<Scalar>
  /// Place of the state at the last ``mark()``; its arrays are `next` and `older` until a pass writes there.
  private var marked = (isStarted: false, movesOn: false, recent: nil as RecentInputs<Scalar>?)
  /// Memory for other recent inputs.
  private var older = RecentInputs<Scalar>()

  init(_ network: Network<Scalar>, lookBack: Int = 0) {
    (self.network, self.lookBack) = (network, lookBack)
    (now, next) = (StateBuffers(network), StateBuffers(network))
    recent = RecentInputs()
  }

  /// The next call begins where the cell does.
  public func reset() {
    isStarted = false
    recent.steps = 0
  }

  /// Number of sequences that the state has been through; 0 also where it has been nowhere yet.
  public var sequences: Int { isStarted ? now.sequences : recent.steps > 0 ? recent.sequences : 0 }

  /// Where a pass begins, and where its last states go.
  ///
  /// - Throws: `RNNError/sizeMismatch(_:_:expected:)` for another number of sequences than before.
  func places(_ network: Network<Scalar>, sequences: Int) throws(RNNError) -> (from: States<Scalar>, to: States<Scalar>)
  {
    guard network === self.network else { throw .mismatch("the state is of another model") }
    // None is a number of sequences, too: a state that has been through a batch of none has no memory for others.
    if isStarted || recent.steps > 0, sequences != self.sequences {
      throw .sizeMismatch(
        "the number of sequences, which a state has been through,", sequences, expected: self.sequences)
    }
    return (isStarted ? now.pointers : States(), try next.take(sequences: sequences))
  }

  /// Copies the place for another model of the same configuration.
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
    marked.movesOn = true
  }

  /// Other recent inputs, which `fill` writes; where it throws, those before stay.
  func remember(
    steps: Int, sequences: Int, _ fill: (RecentInputs<Scalar>) throws(RNNError) -> Void
  ) throws(RNNError) {
    try fill(older)
    (older.steps, older.sequences) = (steps, sequences)
    swap(&recent, &older)
  }

  /// Recent inputs that have been written to ``recent``: of a state from a file.
  func continueBehind(steps: Int, sequences: Int) { (recent.steps, recent.sequences) = (steps, sequences) }

  /// Begins a call that may still be refused behind its pass.
  func mark() { marked = (isStarted, false, recent) }

  /// Goes back to where the state was at ``mark()``: one pass at most has moved it on since.
  func moveBack() {
    guard let before = marked.recent else { return }
    if marked.movesOn { swap(&now, &next) }
    if recent.ids !== before.ids { swap(&recent, &older) }
    isStarted = marked.isStarted
    (recent.steps, recent.sequences) = (before.steps, before.sequences)
    marked = (false, false, nil)
  }

  /// Numbers of one of the network's states, `[layers, N, width]`; of a state that is started.
  func elements(_ state: Int) throws(RNNError) -> UnsafeMutableBufferPointer<Scalar> { try now.elements(state) }

  /// Begins at states that `fill` writes, each by its number.
  func start(
    sequences: Int, fill: (Int, UnsafeMutableBufferPointer<Scalar>) throws(ModelError) -> Void
  ) throws(ModelError) {
    _ = try withModelErrors { () throws(RNNError) in try next.take(sequences: sequences) }
    for state in network.states.indices {
      try fill(state, withModelErrors { () throws(RNNError) in try next.elements(state) })
    }
    moveOn()
  }
}

/// The last inputs of a text that is read in pieces.
struct RecentInputs<Scalar: RNNScalar> {
  var steps = 0
  var sequences = 0
  /// One of both: `[steps, sequences]` tokens, or `[steps, sequences, width]` numbers.
  let ids = Buffer<Int>()
  let features = Buffer<Scalar>()
  /// A batch with the recent steps before it.
  let windowIDs = Buffer<Int>()
  let windowFeatures = Buffer<Scalar>()
  let windowTargets = Buffer<Int>()
}
