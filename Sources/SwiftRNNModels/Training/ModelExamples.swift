// Examples to learn from, and the batches that they make.
import SwiftRNN

/// A sequence, and what is to come out of it.
public struct ModelExample<Scalar: RNNScalar>: Sendable {
  /// Tokens, or numbers.
  public enum Values: Sendable {
    /// Tokens of a sequence, one for each step; the class of a classifier is one.
    case tokens([Int])
    /// Dense rows: of a sequence one for each step.
    case numbers([Scalar])

    var tokens: [Int]? { if case .tokens(let tokens) = self { tokens } else { nil } }
    var numbers: [Scalar]? { if case .numbers(let numbers) = self { numbers } else { nil } }
  }

  /// A sequence of tokens or features; of a vector decoder the vector.
  public var input: Values
  /// Labels or numbers of each step of a tagger, the class of a classifier, the numbers of a regressor, the tokens that a
  /// decoder writes, without the one that begins a sequence. Of a language model nil: each token is followed by the next.
  public var target: Values?

  public init(_ input: Values, _ target: Values? = nil) { (self.input, self.target) = (input, target) }
}

/// Examples for one model, checked, in batches of about the same length.
public struct ModelExamples<Scalar: RNNScalar>: Sendable {
  let examples: [ModelExample<Scalar>]
  private let configuration: ModelConfiguration
  let start: Int
  /// Steps of each input, and of each target of a decoder.
  let (lengths, targetLengths): ([Int], [Int])

  /// - Parameters:
  ///   - examples: the examples, in their order.
  ///   - configuration: the configuration of the model that learns from them.
  ///   - start: the token that a decoder's sequence begins with: `<bos>`.
  /// - Throws: ``ModelError/value(name:reason:)`` for an example that does not fit the model; the name has its number.
  public init(
    _ examples: [ModelExample<Scalar>], _ configuration: ModelConfiguration, start: Int = 0
  ) throws(ModelError) {
    guard configuration.structure == .sequences else {
      throw .value(name: "the model", reason: "is over trees: examples are sequences")
    }
    if configuration.decodes, !(0..<configuration.outputs).contains(start) {
      throw .value(name: "start", reason: "is \(start), must be in 0..<\(configuration.outputs)")
    }
    var (lengths, targetLengths): ([Int], [Int]) = ([], [])
    for (number, example) in examples.enumerated() {
      let (length, target) = try Self.lengths(example, configuration, "example \(number)")
      lengths.append(length)
      if configuration.decodes { targetLengths.append(target) }
    }
    (self.examples, self.configuration, self.start) = (examples, configuration, start)
    (self.lengths, self.targetLengths) = (lengths, targetLengths)
  }

  public var count: Int { examples.count }

  /// Steps of an input.
  ///
  /// - Parameter name: of the input, for messages.
  /// - Throws: ``ModelError/value(name:reason:)`` for an input of another kind than the model's, and for tokens that the
  ///   model does not have.
  static func inputLength(
    _ input: ModelExample<Scalar>.Values, _ c: ModelConfiguration, _ name: String
  ) throws(ModelError) -> Int {
    switch (input, c.input) {
    case (.tokens(let own), .tokens(let vocabulary, _)):
      try check(own, below: vocabulary, "token", name)
      return own.count
    case (.numbers(let own), .features(let width)): return try rows(own, width, "features", name)
    case (.tokens, .features(let width)):
      throw .value(name: name, reason: "has tokens, must have numbers: the model reads rows of \(width)")
    case (.numbers, .tokens):
      throw .value(name: name, reason: "has numbers, must have tokens")
    }
  }

  private static func rows(_ values: [Scalar], _ width: Int, _ what: String, _ name: String) throws(ModelError) -> Int {
    guard values.count % width == 0 else {
      throw .value(name: name, reason: "has \(values.count) \(what), must have a multiple of \(width)")
    }
    return values.count / width
  }

  private static func check(_ values: [Int], below limit: Int, _ what: String, _ name: String) throws(ModelError) {
    for value in values where value < 0 || value >= limit {
      throw .value(name: name, reason: "has the \(what) \(value), must be in 0..<\(limit)")
    }
  }

  private static func lengths(
    _ example: ModelExample<Scalar>, _ c: ModelConfiguration, _ name: String
  ) throws(ModelError) -> (Int, Int) {
    let length = try inputLength(example.input, c, name)
    if c.kind == .vectorDecoder, length != 1 {
      throw .value(name: name, reason: "has \(length) vectors, must have one")
    }
    guard let target = example.target else {
      guard c.kind == .languageModel else { throw .value(name: name, reason: "has no target") }
      guard length >= 2 else { throw .value(name: name, reason: "has \(length) tokens, must have 2 or more") }
      return (length - 1, 0)
    }
    guard c.kind != .languageModel else {
      throw .value(name: name, reason: "has a target: each token of a language model is followed by the next")
    }
    let count: Int
    switch target {
    case .numbers(let own):
      guard c.predictsNumbers else { throw .value(name: name, reason: "has a target of numbers, must have classes") }
      count = try rows(own, c.outputs, "numbers", name)
    case .tokens(let own):
      guard !c.predictsNumbers else { throw .value(name: name, reason: "has a target of classes, must have numbers") }
      try check(own.filter { $0 != CrossEntropy.ignoredTarget }, below: c.outputs, "target", name)
      count = own.count
    }
    let expected: Int? =
      switch c.kind {
      case .classifier, .regressor: 1
      case .tagger, .outputFeedback: length
      case .languageModel, .vectorDecoder, .encoderDecoder: nil
      }
    if let expected, count != expected {
      throw .value(name: name, reason: "has \(count) targets, must have \(expected)")
    }
    return (length, count)
  }

  /// The batches of an epoch, as numbers of examples: see ``Buckets``.
  func buckets(sequenceLimit: Int, tokenLimit: Int?, seed: UInt64) throws(ModelError) -> Buckets {
    let longest = (0..<count).map { lengths[$0] + (targetLengths.isEmpty ? 0 : targetLengths[$0]) }.max() ?? 1
    let mean = (lengths.reduce(0, +) + targetLengths.reduce(0, +)) / max(count, 1)
    let (limit, overflow) = (2 * max(mean, 1)).multipliedReportingOverflow(by: sequenceLimit)
    return try Buckets(
      lengths: lengths, targetLengths: targetLengths,
      tokenLimit: tokenLimit ?? max(overflow ? .max : limit, longest, 1),
      sequenceLimit: sequenceLimit, seed: seed)
  }

  /// Runs `body` with the batch of some examples, padded.
  func withBatch<Result>(
    _ numbers: [Int], _ body: (ModelBatch<Scalar>) throws(RNNError) -> Result
  ) throws(ModelError) -> Result {
    let arrays = try arrays(numbers)
    return try withModelErrors { () throws(RNNError) in
      try arrays.ids.withUnsafeBufferPointer { (ids) throws(RNNError) in
        try arrays.features.withUnsafeBufferPointer { (features) throws(RNNError) in
          try arrays.targets.withUnsafeBufferPointer { (targets) throws(RNNError) in
            try arrays.values.withUnsafeBufferPointer { (values) throws(RNNError) in
              try arrays.read.withUnsafeBufferPointer { (read) throws(RNNError) in
                try arrays.lengths.withUnsafeBufferPointer { (lengths) throws(RNNError) in
                  try arrays.targetLengths.withUnsafeBufferPointer { (targetLengths) throws(RNNError) in
                    var batch = ModelBatch<Scalar>(steps: arrays.steps, sequences: numbers.count)
                    let c = configuration
                    if case .tokens = c.input { batch.ids = ids } else { batch.features = features }
                    if c.reads { batch.lengths = lengths }
                    if c.predictsNumbers { batch.values = values } else { batch.targets = targets }
                    if c.decodes {
                      (batch.decoderIDs, batch.targetLengths) = (read, targetLengths)
                      batch.targetSteps = arrays.targetSteps
                    }
                    return try body(batch)
                  }
                }
              }
            }
          }
        }
      }
    }
  }

  private struct Arrays {
    var (steps, targetSteps) = (0, 0)
    var (ids, targets, read): ([Int], [Int], [Int]) = ([], [], [])
    var (features, values): ([Scalar], [Scalar]) = ([], [])
    var (lengths, targetLengths): ([Int64], [Int64]) = ([], [])
  }

  private func arrays(_ numbers: [Int]) throws(ModelError) -> Arrays {
    let (c, chosen) = (configuration, numbers.map { examples[$0] })
    var arrays = Arrays()
    arrays.lengths = numbers.map { Int64(lengths[$0]) }
    arrays.steps = c.kind == .vectorDecoder ? 1 : numbers.reduce(0) { max($0, lengths[$1]) }
    let ignored = CrossEntropy.ignoredTarget
    if case .features(let width) = c.input {
      arrays.features = try Self.numbers(chosen.map { $0.input.numbers ?? [] }, arrays.steps, width)
    } else {
      let inputs = chosen.map { example in
        let tokens = example.input.tokens ?? []
        return c.kind == .languageModel ? Array(tokens.dropLast()) : tokens
      }
      arrays.ids = try Self.tokens(inputs, arrays.steps, padding: 0)
    }
    if c.decodes {
      arrays.targetLengths = numbers.map { Int64(targetLengths[$0]) }
      arrays.targetSteps = numbers.reduce(0) { max($0, targetLengths[$1]) }
    }
    let outSteps = c.decodes ? arrays.targetSteps : c.kind == .classifier || c.kind == .regressor ? 1 : arrays.steps
    if c.predictsNumbers {
      arrays.values = try Self.numbers(chosen.map { $0.target?.numbers ?? [] }, outSteps, c.outputs)
    } else {
      let targets = chosen.map { $0.target?.tokens ?? Array(($0.input.tokens ?? []).dropFirst()) }
      arrays.targets = try Self.tokens(targets, outSteps, padding: ignored)
      if c.decodes {
        // An ignored target is read as the token that begins a sequence.
        let read = targets.map { [start] + $0.dropLast().map { $0 == ignored ? start : $0 } }
        arrays.read = try Self.tokens(zip(read, targets).map { $1.isEmpty ? [] : $0 }, outSteps, padding: start)
      }
    }
    return arrays
  }

  /// Sequences side by side, steps first.
  static func tokens(_ sequences: [[Int]], _ steps: Int, padding: Int) throws(ModelError) -> [Int] {
    let count = try withModelErrors { () throws(RNNError) in
      try Sizes.product(steps, sequences.count, name: "a batch")
    }
    var out = [Int](repeating: padding, count: count)
    try out.withUnsafeMutableBufferPointer { (out) throws(ModelError) in
      try Padding.fill(sequences, Array(sequences.indices), steps: steps, padding: padding, into: out)
    }
    return out
  }

  /// Sequences of rows side by side, steps first, with zeros behind their ends.
  static func numbers(_ sequences: [[Scalar]], _ steps: Int, _ width: Int) throws(ModelError) -> [Scalar] {
    let count = try withModelErrors { () throws(RNNError) in
      try Sizes.product(steps, sequences.count, width, name: "a batch")
    }
    var out = [Scalar](repeating: 0, count: count)
    try out.withUnsafeMutableBufferPointer { (out) throws(ModelError) in
      try Padding.fill(sequences, Array(sequences.indices), steps: steps, width: width, into: out)
    }
    return out
  }
}
