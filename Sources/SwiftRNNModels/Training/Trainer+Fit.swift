// Training over whole sets of data, for epochs.
import SwiftRNN

/// Length of a training, its batches, and its checkpoints.
public struct FitOptions: Sendable {
  /// Number of times that all data are gone through, those before a checkpoint included.
  public var epochs: Int
  /// The most sequences of a batch of examples.
  public var batchSize = 32
  /// The most padded tokens of a batch of examples, those of targets included; nil: twice those of ``batchSize`` examples
  /// of the mean length.
  public var tokenLimit: Int?
  /// Epochs in a row that may end with no smaller validation loss than the smallest; one more ends the training, and
  /// the model has the parameters of the smallest then, as after the last epoch. nil: any number, and the last parameters.
  public var patience: Int?
  /// File that the training is saved to after each epoch. If it is there, the training goes on from it, and ends with the
  /// bits of one that was not interrupted. The best parameters are in a file beside it, whose name ends in ".best". nil:
  /// nothing is saved.
  public var checkpoint: String?

  public init(epochs: Int) { self.epochs = epochs }
}

/// An epoch of a training.
public struct FitReport: Sendable, Equatable {
  /// Number of the epoch, from 1.
  public let epoch: Int
  /// Steps of the trainer so far.
  public let step: Int
  /// The mean loss of the epoch's batches, by what counted in them.
  public let trainLoss: Double
  /// nil: without validation.
  public let validationLoss: Double?
  /// The learning rate of the last step.
  public let rate: Double
}

extension Trainer {
  /// Trains on examples, in batches of about the same length whose order each epoch draws anew by the settings' seed.
  ///
  /// - Parameters:
  ///   - validation: a loss is computed of them after each epoch; a plateau of the settings goes by it.
  ///   - report: is called after each epoch; false ends the training.
  /// - Returns: the history, one report for each epoch, those before a checkpoint included.
  /// - Throws: ``ModelError``: a file, a checkpoint of another model, options that make no sense, a loss that is not finite.
  @discardableResult
  public func fit(
    _ examples: ModelExamples<Scalar>, _ options: FitOptions, validation: ModelExamples<Scalar>? = nil,
    report: (FitReport) throws(ModelError) -> Bool = { _ in true }
  ) throws(ModelError) -> [FitReport] {
    guard examples.count > 0 else { throw .value(name: "examples", reason: "are none") }
    let own = ExampleBatches(
      examples: examples,
      buckets: try examples.buckets(
        sequenceLimit: options.batchSize, tokenLimit: options.tokenLimit, seed: settings.seed))
    var held: ExampleBatches<Scalar>?
    if let validation {
      held = ExampleBatches(
        examples: validation,
        buckets: try validation.buckets(sequenceLimit: options.batchSize, tokenLimit: nil, seed: 0))
    }
    return try fit(own, held, options, report)
  }

  /// Trains a language model on a text, whose sequences are read side by side with their states carried on; an epoch is
  /// the text once, from its beginning.
  ///
  /// - Parameters and throws: as for examples; `batchSize` and `tokenLimit` are not looked at.
  @discardableResult
  public func fit(
    _ text: TextStream, _ options: FitOptions, validation: TextStream? = nil,
    report: (FitReport) throws(ModelError) -> Bool = { _ in true }
  ) throws(ModelError) -> [FitReport] {
    try fit(TextPieces(text: text), validation.map { TextPieces(text: $0) }, options, report)
  }

  private func fit<Source: FitSource>(
    _ source: Source, _ validation: Source?, _ options: FitOptions,
    _ report: (FitReport) throws(ModelError) -> Bool
  ) throws(ModelError) -> [FitReport] where Source.Scalar == Scalar {
    guard options.epochs >= 0 else { throw .value(name: "epochs", reason: "is \(options.epochs), must be 0 or more") }
    if let patience = options.patience {
      guard patience >= 0 else { throw .value(name: "patience", reason: "is \(patience), must be 0 or more") }
      guard validation != nil else { throw .value(name: "patience", reason: "needs a validation") }
    }
    var progress = try FitProgress(resuming: self, options.checkpoint)
    let best = try BestParameters(model, options, progress)
    while progress.history.count < options.epochs, !progress.isOver {
      let (loss, rate) = try source.train(self, epoch: progress.history.count)
      var held: Double?
      if let validation {
        let loss = try validation.evaluate(self)
        self.report(validationLoss: loss)
        held = loss
      }
      let now = FitReport(
        epoch: progress.history.count + 1, step: steps, trainLoss: loss, validationLoss: held, rate: rate)
      if progress.isBest(now) { try best.keep() }
      progress.history.append(now)
      progress.isOver = options.patience.map { progress.epochsSinceBest > $0 } ?? false
      if let path = options.checkpoint { try save(to: path, progress: progress.json.text()) }
      if try !report(now) { break }
    }
    if options.patience != nil { try best.restore() }
    return progress.history
  }
}
