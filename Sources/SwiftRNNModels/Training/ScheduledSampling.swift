// Scheduled sampling: some of the tokens that a model reads in training are its own.
import SwiftRNN

extension Model {
  /// The batch with the tokens that the model reads mixed of the batch's and its own, as `options` says (Bengio, Vinyals,
  /// Jaitly, Shazeer, "Scheduled sampling for sequence prediction with recurrent neural networks", 2015).
  ///
  /// The network is stepped at inference, each token drawn from the softmax of the step before; a pass over the mixed
  /// tokens then has the loss and the gradients. The coin of step t of sequence n is a function of the seed, t and
  /// n + `firstSequence`, and so is the draw: neither the threads nor the other sequences matter.
  ///
  /// - Parameter state: where a language model's sequences go on; is not moved.
  /// - Returns: the batch itself for a probability of 0; else its tokens lie in memory of the model, until the next call.
  func mixed(
    _ batch: ModelBatch<Scalar>, _ state: ModelState<Scalar>?, _ options: TrainingOptions<Scalar>, seed: UInt64
  ) throws(RNNError) -> ModelBatch<Scalar> {
    let probability = options.samplingProbability
    guard probability > 0, let part = decoder ?? reader else { return batch }
    let shape = try outputShape(batch)
    let decodes = configuration.decodes
    guard let given = decodes ? batch.decoderIDs : batch.ids else {
      throw .nullPointer(decodes ? "decoder_ids" : "ids")
    }
    let name: StaticString = decodes ? "decoder_ids" : "ids"
    guard given.count == shape.rows else { throw .countMismatch(name, given.count, expected: shape.rows) }
    if case .tokens(let vocabulary, _) = part.input, vocabulary < configuration.outputs {
      throw .unsupported("scheduled sampling needs a vocabulary that has all classes of the output")
    }
    guard shape.steps > 1, shape.sequences > 0 else { return batch }
    let ids = try mixedIDs.take(given.count)
    _ = ids.update(fromContentsOf: given)
    let writer = try start(part, batch, state)
    let coins = Philox(seed: Self.seed(seed, 6))
    var sampler = Sampler(seed: Self.seed(seed, 5))
    sampler.firstRow = UInt64(truncatingIfNeeded: batch.firstSequence)
    let sequences = shape.sequences
    var drawn = [Int](repeating: 0, count: sequences)
    for t in 1..<shape.steps {
      let logits = try writer.step(Array(ids[(t - 1) * sequences..<t * sequences]))
      let chosen = (0..<sequences).filter { n in
        let words = coins.words(UInt64(t), UInt64(truncatingIfNeeded: n &+ batch.firstSequence))
        let isInside = shape.lengths.map { t < $0[n] } ?? true
        return isInside && Philox.uniform53(words.0, words.1) < probability
      }
      if chosen.isEmpty { continue }
      sampler.position = UInt64(t - 1)
      try drawn.withUnsafeMutableBufferPointer { (drawn) throws(RNNError) in
        try sampler.sample(logits: logits.constant, classes: writer.classes, ids: drawn)
      }
      for n in chosen { ids[t * sequences + n] = drawn[n] }
    }
    var mixed = batch
    if decodes { mixed.decoderIDs = ids.constant } else { mixed.ids = ids.constant }
    return mixed
  }

  /// A writer where the sequences of a batch begin.
  private func start(
    _ part: SequencePart<Scalar>, _ batch: ModelBatch<Scalar>, _ state: ModelState<Scalar>?
  ) throws(RNNError) -> TokenWriter<Scalar> {
    let writer = try TokenWriter(self, part, sequences: batch.sequences)
    guard configuration.decodes else {
      let places = try state?.places(part.part.network, sequences: batch.sequences)
      try writer.start(state?.isStarted == true ? places?.from : nil)
      return writer
    }
    let start = try startOfDecoder(batch, copies: 1)
    let usesVector = configuration.kind == .vectorDecoder && configuration.vectorUse == .input
    try writer.start(
      initial: start.initial, vector: usesVector ? batch.features?.baseAddress : nil,
      vectorSize: configuration.vectorSize, attention: start.attention, sources: batch.sequences, copies: 1)
    return writer
  }
}
