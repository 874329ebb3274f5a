// Predictions for sequences of the caller's, as arrays: numbers, classes, and labels of texts.
@_spi(Door) import SwiftRNN

extension Model {
  /// Computes the outputs for sequences of any lengths, at inference: logits, with an adaptive softmax log-probabilities,
  /// or numbers.
  ///
  ///     let logits = try model.predict([.tokens([3, 1, 4]), .tokens([1, 5])])
  ///
  /// Sequences of about the same length are a batch; the bits do not depend on the batches. An output feedback runs freely.
  ///
  /// - Parameters:
  ///   - inputs: a sequence each, in any order.
  ///   - batchSize: the most sequences of a batch, 1 or more.
  /// - Returns: for each input its outputs, row after row: of classifiers and regressors one row of `outputs` numbers, of
  ///   other models a row for each step.
  /// - Throws: ``ModelError/value(name:reason:)`` for a sequence that does not fit the model, whose name has its number,
  ///   and for decoders, which write sequences (``generate(_:_:)``), and models over trees;
  ///   ``ModelError/rnn(_:)`` where memory is lacking.
  @_specialize(where Scalar == Float)
  @_specialize(where Scalar == Double)
  public func predict(
    _ inputs: [ModelExample<Scalar>.Values], batchSize: Int = 32
  ) throws(ModelError) -> [[Scalar]] {
    let control = FloatControl()
    defer { control.leave() }
    let c = configuration
    guard !c.decodes else {
      throw .value(name: "the model", reason: "is a decoder: generate has the sequences that it writes")
    }
    guard c.structure == .sequences else {
      throw .value(name: "the model", reason: "is over trees: predict takes a batch of a forest")
    }
    guard batchSize >= 1 else { throw .value(name: "batchSize", reason: "is \(batchSize), must be 1 or more") }
    var lengths: [Int] = []
    for (number, input) in inputs.enumerated() {
      lengths.append(try ModelExamples.inputLength(input, c, "sequence \(number)"))
    }
    let (limit, overflow) = max(lengths.max() ?? 1, 1).multipliedReportingOverflow(by: batchSize)
    let buckets = try Buckets(
      lengths: lengths, tokenLimit: overflow ? .max : limit, sequenceLimit: batchSize, width: 8, seed: 0)
    var outputs = [[Scalar]](repeating: [], count: inputs.count)
    for numbers in buckets.batches(epoch: 0, shuffles: false) {
      let steps = try Padding.longest(lengths, numbers)
      try predict(numbers.map { inputs[$0] }, numbers.map { lengths[$0] }, steps: steps) { (n, row) in
        outputs[numbers[n]].append(contentsOf: row)
      }
    }
    return outputs
  }

  /// The outputs of one batch.
  ///
  /// - Parameter body: is called with the number of a sequence in the batch and an output row of one of its steps, in the
  ///   order of steps.
  private func predict(
    _ inputs: [ModelExample<Scalar>.Values], _ lengths: [Int], steps: Int,
    _ body: (Int, UnsafeBufferPointer<Scalar>) -> Void
  ) throws(ModelError) {
    let c = configuration
    var (ids, features): ([Int], [Scalar]) = ([], [])
    if case .features(let width) = c.input {
      features = try ModelExamples.numbers(inputs.map { $0.numbers ?? [] }, steps, width)
    } else {
      ids = try ModelExamples<Scalar>.tokens(inputs.map { $0.tokens ?? [] }, steps, padding: 0)
    }
    try withModelErrors { () throws(RNNError) in
      try ids.withUnsafeBufferPointer { (ids) throws(RNNError) in
        try features.withUnsafeBufferPointer { (features) throws(RNNError) in
          try lengths.map { Int64($0) }.withUnsafeBufferPointer { (counts) throws(RNNError) in
            var batch = ModelBatch<Scalar>(steps: steps, sequences: inputs.count)
            if case .tokens = c.input { batch.ids = ids } else { batch.features = features }
            batch.lengths = counts
            let y = UnsafeBufferPointer(try predict(batch))
            let isPooled = c.kind == .classifier || c.kind == .regressor
            for t in 0..<(isPooled ? 1 : steps) {
              for n in inputs.indices where isPooled || t < lengths[n] {
                let start = (t * inputs.count + n) * c.outputs
                body(n, UnsafeBufferPointer(rebasing: y[start..<start + c.outputs]))
              }
            }
          }
        }
      }
    }
  }

  /// The likeliest class of each sequence or step; the lowest one of several that are as likely.
  ///
  /// - Parameters and throws: as for ``predict(_:batchSize:)``; a model of numbers has no classes.
  /// - Returns: for each input its classes: one of a classifier, of other models one for each step.
  public func predictClasses(
    _ inputs: [ModelExample<Scalar>.Values], batchSize: Int = 32
  ) throws(ModelError) -> [[Int]] {
    guard !configuration.predictsNumbers else {
      throw .value(name: "the model", reason: "predicts numbers, and no classes: predict has the numbers")
    }
    let control = FloatControl()
    defer { control.leave() }
    return try predict(inputs, batchSize: batchSize).map { Self.likeliest($0, classes: configuration.outputs) }
  }

  @_specialize(where Scalar == Float)
  @_specialize(where Scalar == Double)
  private static func likeliest(_ rows: [Scalar], classes: Int) -> [Int] {
    stride(from: 0, to: rows.count, by: classes).map { start in
      var best = start
      for i in start..<start + classes where rows[i] > rows[best] { best = i }
      return best - start
    }
  }

  /// The likeliest labels of texts.
  ///
  ///     let model = try ModelFile.load("sentiment.safetensors", as: Float.self)
  ///     if let vocabulary = model.vocabulary, let labels = model.targetVocabulary {
  ///       print(try model.model.predictLabels(["a good film"], vocabulary, labels: labels))    // [["positive"]]
  ///     }
  ///
  /// - Parameters:
  ///   - texts: a text each.
  ///   - vocabulary: that of the model's input.
  ///   - labels: that of its classes.
  ///   - batchSize: as for ``predict(_:batchSize:)``.
  /// - Returns: for each text its labels: one of a classifier, of a tagger one for each token.
  /// - Throws: ``ModelError/value(name:reason:)`` for vocabularies of another size than the model's, for a token that the
  ///   vocabulary lacks, if it has no `<unk>`, and as ``predictClasses(_:batchSize:)``.
  public func predictLabels(
    _ texts: [String], _ vocabulary: Vocabulary, labels: Vocabulary, batchSize: Int = 32
  ) throws(ModelError) -> [[String]] {
    try configuration.check(vocabulary, .input)
    try configuration.check(labels, .output)
    var inputs: [ModelExample<Scalar>.Values] = []
    for text in texts { inputs.append(.tokens(try vocabulary.encode(text))) }
    var found: [[String]] = []
    for classes in try predictClasses(inputs, batchSize: batchSize) {
      var own: [String] = []
      for id in classes { own.append(try labels.decodeText([id], writesSpecials: true)) }
      found.append(own)
    }
    return found
  }
}
