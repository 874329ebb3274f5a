// Checkpoints: a training in a file, from which it goes on with the same bits.
import SwiftRNN

/// Contents of a checkpoint.
public struct TrainerCheckpoint<Scalar: RNNScalar> {
  /// The trainer, with its model, moments and step counter as they were.
  public let trainer: Trainer<Scalar>
  /// The carried state; nil: none was saved.
  public let state: ModelState<Scalar>?
  /// The caller's text, such as JSON with the epoch and the position in a text.
  public let progress: String
  public let vocabulary: Vocabulary?
  public let targetVocabulary: Vocabulary?
  /// The caller's own entries of the metadata.
  public let metadata: [(key: String, value: String)]
}

extension Trainer {
  /// Writes a checkpoint: parameters, moments, step counter, settings, configuration, the state that is carried on,
  /// vocabularies, and the caller's progress. The file is safetensors; it appears whole or not at all, and replaces one of
  /// the same name: a process that is killed at any moment leaves the old checkpoint or the new one.
  ///
  /// A checkpoint is a model file, too: ``ModelFile`` loads the model of it.
  ///
  /// - Parameters:
  ///   - path: the file, which is replaced if there is one.
  ///   - state: of ``Model/makeState(lookBack:)``; nil: none is carried on.
  ///   - progress: whatever the caller needs to go on.
  ///   - vocabulary: the vocabulary of the input; nil: none.
  ///   - targetVocabulary: the vocabulary of the output; nil: none.
  ///   - metadata: the caller's own entries.
  /// - Throws: ``ModelError``; the file that was there is as it was then.
  public func save(
    to path: String, state: ModelState<Scalar>? = nil, progress: String = "", vocabulary: Vocabulary? = nil,
    targetVocabulary: Vocabulary? = nil, metadata: [(key: String, value: String)] = []
  ) throws(ModelError) {
    var tensors: [Safetensors.Source] = []
    for moment in moments {
      tensors += try Safetensors.tensors(
        of: model.parameters.list, prefix: "optimizer.\(moment.name).", moment.values.constant)
    }
    // Tokens are written as float64, which has all whole numbers that a vocabulary does.
    let tokens = Buffer<Double>()
    // Until the file is written: the tensors are pointers to it.
    defer { withExtendedLifetime(tokens) {} }
    var object = JSON.Object()
    object.append("settings", settings.json)
    object.append("step", .integer(Int64(steps)))
    object.append("rate_factor", .double(rateFactor))
    object.append("least_validation_loss", leastValidationLoss.map { .double($0) } ?? .null)
    object.append("reports_without_improvement", .integer(Int64(reportsWithoutImprovement)))
    if let state {
      tensors += try Self.tensors(of: state, model.configuration.input, tokens)
      object.append("state", Self.json(state))
    }
    object.append("progress", .string(progress))
    try ModelFile.save(
      model, to: path, vocabulary, targetVocabulary, metadata, trainer: try JSON.object(object).text(),
      tensors: tensors)
  }

  /// A training that goes on where a checkpoint was written. Whatever the file says is checked first.
  ///
  /// - Throws: ``ModelError``: the file cannot be read, is no checkpoint, or is damaged.
  public static func load(_ path: String) throws(ModelError) -> TrainerCheckpoint<Scalar> {
    let file = try SafetensorsFile(path)
    guard let text = file.value(ModelFile.trainerKey) else {
      throw .format(where: path, what: "no checkpoint: its metadata lack \(ModelFile.trainerKey)")
    }
    let name = "\(path), \(ModelFile.trainerKey)"
    var fields = try JSONFields(JSON(parsing: text, name: name), name)
    let settings = try TrainerSettings(fields.required("settings"), name: "\(name), settings")
    let step = try fields.integer("step", in: 0...(.max - 1))
    let rateFactor = try fields.double("rate_factor")
    guard rateFactor >= 0 else { throw .format(where: name, what: "rate_factor is below 0") }
    let least: Double? =
      fields.optional("least_validation_loss") == .null ? nil : try fields.double("least_validation_loss")
    let reports = try fields.integer("reports_without_improvement", in: 0...(.max - 1))
    let progress = try fields.string("progress")
    let saved = fields.optional("state")
    try fields.end()
    let contents: ModelFile.Contents<Scalar> = try ModelFile.load(file)
    let model = contents.model
    let trainer = try withModelErrors { () throws(RNNError) in try Trainer(model, settings) }
    let list = model.parameters.list
    var names = list.infos.map(\.name)
    for moment in trainer.moments {
      let prefix = "optimizer.\(moment.name)."
      names += list.infos.map { prefix + $0.name }
      try file.readTensors(of: list, prefix: prefix, into: moment.values)
    }
    let state = try saved.map { (json) throws(ModelError) in
      try readState(json, "\(name), state", file, model, &names)
    }
    try file.check(names: names)
    (trainer.steps, trainer.rateFactor) = (step, rateFactor)
    (trainer.leastValidationLoss, trainer.reportsWithoutImprovement) = (least, reports)
    return TrainerCheckpoint(
      trainer: trainer, state: state, progress: progress, vocabulary: contents.vocabulary,
      targetVocabulary: contents.targetVocabulary, metadata: contents.metadata)
  }

  // MARK: The carried state

  private static func json(_ state: ModelState<Scalar>) -> JSON {
    [
      "sequences": .integer(Int64(state.sequences)), "is_started": .bool(state.isStarted),
      "look_back": .integer(Int64(state.lookBack)), "recent_steps": .integer(Int64(state.recent.steps)),
    ]
  }

  /// Shape of one of a network's states, of models of one direction.
  private static func shape(_ network: Network<Scalar>, _ state: Int, sequences: Int) -> [Int] {
    [network.configuration.layers, sequences, network.states[state].width]
  }

  private static func tensors(
    of state: ModelState<Scalar>, _ input: ModelConfiguration.Input, _ tokens: Buffer<Double>
  ) throws(ModelError) -> [Safetensors.Source] {
    let network = state.network
    var tensors: [Safetensors.Source] = []
    if state.isStarted {
      for number in network.states.indices {
        let elements = try withModelErrors { () throws(RNNError) in try state.elements(number) }
        tensors.append(
          try Safetensors.source(
            "state.\(network.states[number].name)", shape: shape(network, number, sequences: state.sequences),
            elements.constant))
      }
    }
    let (steps, sequences) = (state.recent.steps, state.recent.sequences)
    guard steps > 0 else { return tensors }
    switch input {
    case .tokens:
      let count = steps * sequences
      let out = try withModelErrors { () throws(RNNError) in try tokens.take(count) }
      let ids = try withModelErrors { () throws(RNNError) in try state.recent.ids.take(count) }
      for i in 0..<count { out[i] = Double(ids[i]) }
      tensors.append(Safetensors.Source("state.recent_ids", shape: [steps, sequences], out.constant))
    case .features(let width):
      let features = try withModelErrors { () throws(RNNError) in
        try state.recent.features.take(Sizes.product(steps, sequences, width, name: "the recent inputs"))
      }
      tensors.append(
        try Safetensors.source("state.recent_features", shape: [steps, sequences, width], features.constant))
    }
    return tensors
  }

  /// - Parameter names: the state's tensors are added.
  private static func readState(
    _ json: JSON, _ name: String, _ file: SafetensorsFile, _ model: Model<Scalar>, _ names: inout [String]
  ) throws(ModelError) -> ModelState<Scalar> {
    var fields = try JSONFields(json, name)
    let sequences = try fields.integer("sequences", in: 0...ModelConfiguration.largestSize)
    let isStarted = try fields.bool("is_started")
    let lookBack = try fields.integer("look_back", in: 0...ModelConfiguration.largestSize)
    let steps = try fields.integer("recent_steps", in: 0...lookBack)
    try fields.end()
    let state = try withModelErrors { () throws(RNNError) in try model.makeState(lookBack: lookBack) }
    let network = state.network
    /// Refuses a file whose tensor has another shape, before memory is asked for.
    func check(_ tensor: String, _ shape: [Int]) throws(ModelError) {
      guard let found = file[tensor], found.shape == shape else {
        throw .format(where: name, what: "\(tensor) is missing, or its shape is not \(Safetensors.write(shape))")
      }
      names.append(tensor)
    }
    if isStarted {
      for number in network.states.indices {
        try check("state.\(network.states[number].name)", shape(network, number, sequences: sequences))
      }
      try state.start(sequences: sequences) { (number, out) throws(ModelError) in
        try file.readTensor(
          "state.\(network.states[number].name)", shape: shape(network, number, sequences: sequences), into: out)
      }
    }
    guard steps > 0 else { return state }
    try readRecent(steps, sequences, name, file, model, state, check)
    return state
  }

  private static func readRecent(
    _ steps: Int, _ sequences: Int, _ name: String, _ file: SafetensorsFile, _ model: Model<Scalar>,
    _ state: ModelState<Scalar>, _ check: (String, [Int]) throws(ModelError) -> Void
  ) throws(ModelError) {
    let recent = state.recent
    switch model.configuration.input {
    case .tokens(let vocabulary, _):
      try check("state.recent_ids", [steps, sequences])
      let numbers = Buffer<Double>()
      defer { withExtendedLifetime(numbers) {} }
      let (read, ids) = try withModelErrors { () throws(RNNError) in
        let count = try Sizes.product(steps, sequences, name: "the recent inputs")
        return (try numbers.take(count), try recent.ids.take(count))
      }
      try file.read("state.recent_ids", shape: [steps, sequences], into: read)
      for (i, number) in read.enumerated() {
        guard let id = Int(exactly: number), (0..<vocabulary).contains(id) else {
          throw .format(where: name, what: "state.recent_ids has a number that is no token")
        }
        ids[i] = id
      }
    case .features(let width):
      try check("state.recent_features", [steps, sequences, width])
      let features = try withModelErrors { () throws(RNNError) in
        try recent.features.take(Sizes.product(steps, sequences, width, name: "the recent inputs"))
      }
      try file.readTensor("state.recent_features", shape: [steps, sequences, width], into: features)
    }
    state.continueBehind(steps: steps, sequences: sequences)
  }
}
