// What a call of a model is given.
import SwiftRNN

/// Sequences side by side, and what is to come out.
///
/// Arrays are dense and have steps first, as those of `Network`: `[T, N]`. A sequence that is shorter than T has
/// numbers of any kind behind its end, but for tokens, which are in the vocabulary there, too.
public struct ModelBatch<Scalar: RNNScalar> {
  /// T and N of the sequences that are read. Of a vector decoder only N counts.
  public var steps: Int
  public var sequences: Int
  /// Tokens, `[T, N]`; or
  public var ids: UnsafeBufferPointer<Int>?
  /// features, `[T, N, features]`; of a vector decoder `[N, vectorSize]`.
  public var features: UnsafeBufferPointer<Scalar>?
  /// `[N]`, each in 0 ... T; nil: all T.
  public var lengths: UnsafeBufferPointer<Int64>?
  /// Classes: `[T, N]` of language models and taggers, `[N]` of classifiers, `[targetSteps, N]` of decoders;
  /// `CrossEntropy/ignoredTarget` where none counts.
  public var targets: UnsafeBufferPointer<Int>?
  /// Numbers: `[T, N, outputs]` of a tagger, `[N, outputs]` of a regressor.
  public var values: UnsafeBufferPointer<Scalar>?
  /// Of a decoder: what it reads, `[targetSteps, N]`: the targets, one step later, behind a token that begins a sequence.
  public var decoderIDs: UnsafeBufferPointer<Int>?
  /// Of a decoder: T of its sequences, and their lengths.
  public var targetSteps = 0
  public var targetLengths: UnsafeBufferPointer<Int64>?
  /// Added to a sequence's index in dropout masks: parts of a batch have the masks of the whole. Of trees, to a node's.
  public var firstSequence = 0
  /// Trees: M nodes, in the order of ``ids`` or ``features``; nil: sequences. Targets and values are one for each node of a
  /// tagger, and one for each root (`Forest/roots`) of classifiers and regressors.
  public var forest: Forest?

  public init(steps: Int, sequences: Int) {
    (self.steps, self.sequences) = (steps, sequences)
  }

  /// Trees: each node is a sequence of one step, `ids` are `[M]`, `features` `[M, features]`.
  public init(forest: Forest) {
    (steps, sequences) = (1, forest.nodeCount)
    self.forest = forest
  }
}

/// The loss of a batch.
public struct ModelLoss: Sendable, Equatable {
  /// The mean over what counts: tokens, steps, sequences or numbers. Cross-entropy in nats.
  public var mean: Double
  /// Number of tokens, steps, sequences or numbers that counted.
  public var count: Int
  /// Divisor of the mean: the count, or with class weights the weights' sum.
  public var weight: Double
  /// The sum over what counts.
  public var total: Double { count == 0 ? 0 : mean * weight }

  init(mean: Double, count: Int, weight: Double? = nil) {
    (self.mean, self.count, self.weight) = (mean, count, weight ?? Double(count))
  }
}
