// Progress of `Trainer.fit` from epoch to epoch.
import SwiftRNN

/// The history of a training, as a checkpoint has it.
struct FitProgress {
  var history: [FitReport] = []
  /// No epoch follows: the patience was over, or the caller ended the training.
  var isOver = false
  /// Identity of the data and of those for validation, null without them; both null where no checkpoint is written.
  private let (data, validation): (JSON, JSON)

  private static let name = "the checkpoint's progress"

  /// Reads that of a checkpoint, whose parameters, moments and steps the trainer takes over; an empty one if there is no
  /// checkpoint.
  ///
  /// - Throws: ``ModelError``: the file is damaged, or of another training, and then what differs.
  init<Source: FitSource>(
    resuming trainer: Trainer<Source.Scalar>, _ path: String?, _ source: Source, _ held: Source?
  ) throws(ModelError) {
    guard let path else {
      (data, validation) = (.null, .null)
      return
    }
    (data, validation) = (try source.identity(), try held?.identity() ?? .null)
    guard InputFile.exists(path) else { return }
    let saved = try Trainer<Source.Scalar>.load(path)
    func same(_ name: String, _ before: JSON, _ now: JSON) throws(ModelError) {
      guard let difference = Self.difference(before, now) else { return }
      throw .format(where: path, what: "the checkpoint of a training with \(name): \(difference)")
    }
    try same("another model", saved.trainer.model.configuration.json, trainer.model.configuration.json)
    try same("other settings", saved.trainer.settings.json, trainer.settings.json)
    var fields = try JSONFields(JSON(parsing: saved.progress, name: Self.name), Self.name)
    try same("other data", fields.required("data"), data)
    try same("another validation", fields.required("validation"), validation)
    isOver = try fields.bool("is_over")
    guard case .array(let rows) = try fields.required("history") else {
      throw .format(where: path, what: "history is no array")
    }
    try fields.end()
    for row in rows { history.append(try Self.report(row)) }
    trainer.takeOver(saved.trainer)
  }

  private static func report(_ json: JSON) throws(ModelError) -> FitReport {
    var fields = try JSONFields(json, name)
    let report = FitReport(
      epoch: try fields.integer("epoch", in: 1...Int.max), step: try fields.integer("step", in: 0...Int.max),
      trainLoss: try fields.double("train_loss"),
      validationLoss: fields.optional("validation_loss") == .null ? nil : try fields.double("validation_loss"),
      rate: try fields.double("rate"))
    try fields.end()
    return report
  }

  var json: JSON {
    [
      "data": data, "validation": validation, "is_over": .bool(isOver),
      "history": .array(
        history.map {
          [
            "epoch": .integer(Int64($0.epoch)), "step": .integer(Int64($0.step)), "train_loss": .double($0.trainLoss),
            "validation_loss": $0.validationLoss.map { .double($0) } ?? .null, "rate": .double($0.rate),
          ]
        }),
    ]
  }

  private var leastLoss: Double? { history.compactMap(\.validationLoss).min() }

  /// Whether an epoch that is not in the history yet has the smallest validation loss.
  func isBest(_ report: FitReport) -> Bool {
    guard let loss = report.validationLoss else { return false }
    return leastLoss.map { loss < $0 } ?? true
  }

  /// Epochs behind the one with the smallest validation loss.
  var epochsSinceBest: Int {
    guard let least = leastLoss, let first = history.firstIndex(where: { $0.validationLoss == least }) else { return 0 }
    return history.count - 1 - first
  }
}

/// The parameters with the smallest validation loss, in memory and, with a checkpoint, in a file. None without a
/// validation.
final class BestParameters<Scalar: RNNScalar> {
  private let model: Model<Scalar>
  private let path: String?
  private let isWanted: Bool
  private var values: [Scalar] = []

  init(
    _ model: Model<Scalar>, _ checkpoint: String?, _ progress: FitProgress, isWanted: Bool
  ) throws(ModelError) {
    (self.model, self.isWanted) = (model, isWanted)
    path = checkpoint.map { $0 + ".best" }
    guard isWanted, let path, progress.history.contains(where: { $0.validationLoss != nil }) else { return }
    let saved = try ModelFile.load(path, as: Scalar.self).model
    guard saved.configuration == model.configuration else {
      throw .format(where: path, what: "has the parameters of another model")
    }
    // The model has the memory that is copied.
    values = withExtendedLifetime(saved) { Array(saved.parameters.values) }
  }

  func keep() throws(ModelError) {
    guard isWanted else { return }
    values = Array(model.parameters.values)
    if let path { try ModelFile.save(model, to: path) }
  }

  func restore() {
    if !values.isEmpty { _ = model.parameters.values.update(fromContentsOf: values) }
  }
}
