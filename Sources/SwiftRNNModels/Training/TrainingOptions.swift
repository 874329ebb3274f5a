// Options of a loss in training, beside the batch and the state.
import SwiftRNN

/// Options of ``Model/loss(_:state:_:)-(ModelBatch<Scalar>,_,_)``. The defaults give the plain loss.
public struct TrainingOptions<Scalar: RNNScalar> {
  /// Seed of dropout masks, scheduled sampling and sampled classes; equal seeds give equal bits, for any number of threads
  /// and for parts of a batch by their ``ModelBatch/firstSequence``. nil: each call draws a seed, where something is random.
  public var seed: UInt64?
  /// ε of label smoothing, in [0, 1] (Szegedy, Vanhoucke, Ioffe, Shlens, Wojna 2016); models of classes only, without
  /// an adaptive softmax, as class weights and sampled classes are.
  public var labelSmoothing = 0.0
  /// `[outputs]`, finite and 0 or more: weights of the classes, as `CrossEntropy` has them; nil: 1. Models of classes
  /// only. The memory is read during the call.
  public var classWeights: UnsafeBufferPointer<Scalar>?
  /// Probability of scheduled sampling, in [0, 1]: how likely each token that a decoder or language model reads, after the
  /// first of its sequence, is the model's own and not the batch's (Bengio, Vinyals, Jaitly, Shazeer, "Scheduled sampling
  /// for sequence prediction with recurrent neural networks", 2015). 0: teacher forcing. 1: free running.
  ///
  /// The model's own token is drawn from the distribution that the model has for that step, without dropout, behind the
  /// tokens chosen so far. The choice has no gradient, as in the paper. ``SamplingDecay`` gives probabilities that rise
  /// during training.
  public var samplingProbability = 0.0
  /// Bytes of logits that are in memory at once, as `LinearCrossEntropy` has them; 0: 64 MB. The bits do not depend on
  /// the limit. Models of classes only; other models have few outputs.
  public var memoryLimit = 0
  /// Classes that are drawn to stand for all others: sampled softmax (Jean, Cho, Memisevic, Bengio 2015), for vocabularies
  /// that are large and in falling order of frequency; 0: the softmax over all, else 1 ... outputs / 2. The loss is an
  /// estimate that is not comparable with the whole one, which ``Model/evaluate(_:state:loss:)`` gives. Neither with label
  /// smoothing nor with class weights; models of classes only.
  public var sampledClasses = 0
  /// Bytes of activations that a recurrent network keeps for its backward pass, if it has one direction and a cell with
  /// kernels; the activations of other steps are computed again (Chen, Xu, Zhang, Guestrin 2016). 0: those of √T steps. nil:
  /// all are kept. At least those of 256 rows, of `256 / sequences` steps, are kept. The bits do not depend on the limit;
  /// the passes take about twice the time.
  public var tapeLimit: Int?
  /// Loss of models that predict numbers. With binary cross-entropy the outputs are logits.
  public var loss = ElementwiseLoss.squaredError

  public init(seed: UInt64? = nil) { self.seed = seed }

  /// - Throws: `RNNError` for options that the model has no use for, and for numbers outside their ranges.
  func check(_ configuration: ModelConfiguration) throws(RNNError) {
    guard samplingProbability >= 0, samplingProbability <= 1 else {
      throw .invalidNumber("sampling_probability", samplingProbability, allowed: "in [0, 1]")
    }
    guard memoryLimit >= 0 else { throw .invalidValue("memory_limit", memoryLimit, low: 0, high: .max) }
    if let tapeLimit, tapeLimit < 0 { throw .invalidValue("tape_limit", tapeLimit, low: 0, high: .max) }
    guard sampledClasses >= 0, sampledClasses <= configuration.outputs / 2 else {
      throw .invalidValue("sampled_classes", sampledClasses, low: 0, high: configuration.outputs / 2)
    }
    if sampledClasses > 0 {
      guard !configuration.predictsNumbers, labelSmoothing == 0, classWeights == nil else {
        throw .unsupported("sampled classes are for models of classes, without label smoothing and class weights")
      }
    }
    if !configuration.adaptiveCutoffs.isEmpty {
      guard sampledClasses == 0, labelSmoothing == 0, classWeights == nil else {
        throw .unsupported(
          "label smoothing, class weights and sampled classes are not for models with adaptive_cutoffs")
      }
    }
    if configuration.kind == .outputFeedback {
      guard samplingProbability == 0 || samplingProbability == 1 else {
        throw .unsupported("output feedback is of targets or of outputs: a sampling probability of 0 or 1")
      }
    } else if samplingProbability > 0, configuration.kind != .languageModel, !configuration.decodes {
      throw .unsupported("scheduled sampling is for language models and decoders, which read what they write")
    }
    if configuration.predictsNumbers {
      guard labelSmoothing == 0, classWeights == nil else {
        throw .unsupported("label smoothing and class weights are for models of classes, not of numbers")
      }
    } else if loss != .squaredError {
      throw .unsupported("losses of numbers are for taggers of numbers and regressors; classes have the cross-entropy")
    }
  }
}
