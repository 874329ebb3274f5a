// Progress of `Trainer.fit` from epoch to epoch.
import SwiftRNN

/// The history of a training, as a checkpoint has it.
struct FitProgress {
  var history: [FitReport] = []
  /// No epoch follows, because of the patience.
  var isOver = false

  private static let name = "the checkpoint's progress"

  /// Reads that of a checkpoint, whose parameters, moments and steps the trainer takes over; an empty one if there is no
  /// checkpoint.
  ///
  /// - Throws: ``ModelError``: the file is damaged, or of another training.
  init<Scalar: RNNScalar>(resuming trainer: Trainer<Scalar>, _ path: String?) throws(ModelError) {
    guard let path, InputFile.exists(path) else { return }
    let saved = try Trainer<Scalar>.load(path)
    guard saved.trainer.model.configuration == trainer.model.configuration, saved.trainer.settings == trainer.settings
    else { throw .format(where: path, what: "the checkpoint of another model, or with other settings") }
    var fields = try JSONFields(JSON(parsing: saved.progress, name: Self.name), Self.name)
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
      "is_over": .bool(isOver),
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

/// The parameters with the smallest validation loss, in memory and, with a checkpoint, in a file.
final class BestParameters<Scalar: RNNScalar> {
  private let model: Model<Scalar>
  private let path: String?
  private let isWanted: Bool
  private var values: [Scalar] = []

  init(_ model: Model<Scalar>, _ options: FitOptions, _ progress: FitProgress) throws(ModelError) {
    self.model = model
    path = options.checkpoint.map { $0 + ".best" }
    isWanted = options.patience != nil
    guard isWanted, let path, progress.history.contains(where: { $0.validationLoss != nil }) else { return }
    let saved = try ModelFile.load(path, as: Scalar.self).model
    guard saved.configuration == model.configuration else {
      throw .format(where: path, what: "has the parameters of another model")
    }
    values = Array(saved.parameters.values)
  }

  func keep() throws(ModelError) {
    guard isWanted else { return }
    values = Array(model.parameters.values)
    if let path { try ModelFile.save(model, to: path) }
  }

  func restore() throws(ModelError) {
    if !values.isEmpty { _ = model.parameters.values.update(fromContentsOf: values) }
  }
}
