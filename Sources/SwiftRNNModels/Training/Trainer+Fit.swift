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
  /// bits of one that was not interrupted: by the same model, settings, data, batch sizes and validation, with as many
  /// epochs as wanted. With a validation the parameters of its smallest loss are in a file beside it, whose name ends in
  /// ".best". nil: nothing is saved, and each call begins with the first epoch.
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
  ///   - examples: the examples to learn from.
  ///   - options: epochs, batches, patience and checkpoints.
  ///   - validation: a loss is computed of them after each epoch; a plateau of the settings goes by it. The parameters'
  ///     bits do not depend on it otherwise.
  ///   - report: is called after each epoch, before it is in the checkpoint: once more if the process is killed between.
  ///     false ends the training for good, as patience does: later calls with its checkpoint return the history, however
  ///     many epochs they ask for. An error pauses it: later calls go on behind the epoch.
  /// - Returns: the history, one report for each epoch, those before a checkpoint included.
  /// - Throws: ``ModelError``: a file, options that make no sense; a checkpoint of another training, with what differs;
  ///   what `report` throws; and a loss or gradient that is not finite, with the step's number. The model has the
  ///   parameters of the smallest validation loss then, if there is one, else those of before that step, and the
  ///   checkpoint is that of the last whole epoch.
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
    var progress = try FitProgress(resuming: self, options.checkpoint, source, validation)
    let best = try BestParameters(model, options.checkpoint, progress, isWanted: validation != nil)
    while progress.history.count < options.epochs, !progress.isOver {
      let now: FitReport
      do throws(ModelError) {
        now = try epoch(progress.history.count, source, validation)
      } catch {
        best.restore()
        throw error
      }
      if progress.isBest(now) { try best.keep() }
      progress.history.append(now)
      progress.isOver = options.patience.map { progress.epochsSinceBest > $0 } ?? false
      do throws(ModelError) {
        if try !report(now) { progress.isOver = true }
      } catch {
        if let path = options.checkpoint { try save(to: path, progress: progress.json.text()) }
        throw error
      }
      if let path = options.checkpoint { try save(to: path, progress: progress.json.text()) }
    }
    if options.patience != nil { best.restore() }
    return progress.history
  }

  /// One epoch, and its validation.
  ///
  /// - Parameter number: from 0.
  private func epoch<Source: FitSource>(
    _ number: Int, _ source: Source, _ validation: Source?
  ) throws(ModelError) -> FitReport where Source.Scalar == Scalar {
    let (loss, rate) = try source.train(self, epoch: number)
    let held = try validation?.evaluate(self)
    if let held {
      guard held.isFinite else { throw FitFailure.loss("the validation loss", held, step: steps) }
      report(validationLoss: held)
    }
    return FitReport(epoch: number + 1, step: steps, trainLoss: loss, validationLoss: held, rate: rate)
  }
}
