// Truncated back-propagation through time whose gradients reach further back than the batch: k2 > k1.
import SwiftRNN

extension Model {
  /// The loss of a batch of k1 steps whose gradients reach back over k2 = k1 + `state.lookBack` steps, or to the beginning
  /// of the text: BPTT(k2; k1) of Williams, Peng 1990. The error of each step is counted once, in the batch that has the
  /// step as its own; the steps before are run again with the present parameters, and their states get the gradient that
  /// comes back in time.
  ///
  /// Dropout masks are those of a batch that begins with the first of the k2 steps.
  func lossLookingBack(
    _ batch: ModelBatch<Scalar>, _ state: ModelState<Scalar>, _ options: TrainingOptions<Scalar>, seed: UInt64
  ) throws(RNNError) -> ModelLoss {
    guard let reader, !configuration.predictsNumbers else {
      throw .unsupported("a state that looks back is for models of classes")
    }
    guard batch.lengths == nil else {
      throw .unsupported("a state that looks back is for sequences without lengths: a text that goes on")
    }
    let network = reader.part.network
    let places = try state.places(network, sequences: batch.sequences)
    var window = try mixed(self.window(batch, state), state, options, seed: seed)
    let loss = try run(window, state, options, seed: seed)
    // Inputs are read again as they were given, not as scheduled sampling made them; the state is that of the pass.
    let kept = min(state.lookBack, window.steps)
    let passed = window.steps - kept
    if passed > 0 {
      let all = window
      window.steps = passed
      window.ids = all.ids.map { UnsafeBufferPointer(rebasing: $0[..<(passed * batch.sequences)]) }
      window.features = try all.features.map { (features) throws(RNNError) in
        UnsafeBufferPointer(
          rebasing: features[
            ..<(try Sizes.product(passed, batch.sequences, SequencePart<Scalar>.width(configuration.input), name: "x"))]
        )
      }
      _ = try reader.forward(
        BatchShape(steps: passed, sequences: batch.sequences, firstSequence: batch.firstSequence),
        SequenceInput(ids: window.ids, features: window.features), initial: places.from, final: places.to,
        seed: Self.seed(seed, 3))
    }
    try remember(batch, state, kept: kept)
    if passed > 0 { state.moveOn() }
    return loss
  }

  /// The batch with the recent steps before it, whose targets do not count.
  private func window(
    _ batch: ModelBatch<Scalar>, _ state: ModelState<Scalar>
  ) throws(RNNError) -> ModelBatch<Scalar> {
    let (old, n) = (state.recent.steps, batch.sequences)
    var window = batch
    _ = try BatchShape(steps: batch.steps, sequences: n)
    let (steps, overflow) = old.addingReportingOverflow(batch.steps)
    guard !overflow else { throw .overflow("steps") }
    window.steps = steps
    func join<Element: BitwiseCopyable>(
      _ name: StaticString, _ own: UnsafeBufferPointer<Element>?, _ recent: Buffer<Element>?, _ place: Buffer<Element>,
      width: Int, fill: Element?
    ) throws(RNNError) -> UnsafeBufferPointer<Element> {
      guard let own else { throw .nullPointer(name) }
      let row = try Sizes.product(n, width, name: name)
      let count = try Sizes.product(batch.steps, row, name: name)
      guard own.count == count else { throw .countMismatch(name, own.count, expected: count) }
      let all = try place.take(Sizes.product(steps, row, name: name))
      let (before, behind) = (all.part(0..<old * row), all.part(old * row..<steps * row))
      if let fill { before.update(repeating: fill) }
      if let recent { _ = before.update(fromContentsOf: try recent.take(old * row)) }
      _ = behind.update(fromContentsOf: own)
      return all.constant
    }
    let recent = state.recent
    switch configuration.input {
    case .tokens: window.ids = try join("ids", batch.ids, recent.ids, recent.windowIDs, width: 1, fill: nil)
    case .features(let width):
      window.features = try join(
        "features", batch.features, recent.features, recent.windowFeatures, width: width, fill: nil)
    }
    window.targets = try join(
      "targets", batch.targets, nil, recent.windowTargets, width: 1, fill: CrossEntropy.ignoredTarget)
    return window
  }

  /// Keeps the last steps of the window.
  private func remember(_ batch: ModelBatch<Scalar>, _ state: ModelState<Scalar>, kept: Int) throws(RNNError) {
    let (old, n) = (state.recent.steps, batch.sequences)
    let first = old + batch.steps - kept
    func keep<Element: BitwiseCopyable>(
      _ place: Buffer<Element>, _ window: Buffer<Element>, width: Int
    ) throws(RNNError) {
      let row = try Sizes.product(n, width, name: "the recent inputs")
      let all = try window.take((old + batch.steps) * row)
      _ = try place.take(kept * row).update(fromContentsOf: all.part(first * row..<(first + kept) * row))
    }
    let recent = state.recent
    try state.remember(steps: kept, sequences: n) { (next) throws(RNNError) in
      switch configuration.input {
      case .tokens: try keep(next.ids, recent.windowIDs, width: 1)
      case .features(let width): try keep(next.features, recent.windowFeatures, width: width)
      }
    }
  }
}
