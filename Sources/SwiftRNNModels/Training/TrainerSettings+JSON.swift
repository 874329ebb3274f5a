// Settings of a training as JSON, for callers in other languages and for checkpoints.
import SwiftRNN

extension TrainerSettings {
  /// All settings, `{"optimizer": "adam", "rate": 0.001, …}`: what ``init(_:name:)`` reads.
  public var json: JSON {
    var object = JSON.Object()
    func optional(_ value: Double?) -> JSON { value.map { .double($0) } ?? .null }
    object.append("optimizer", .string(optimizer.rawValue))
    object.append("rate", .double(rate))
    object.append("betas", [.double(beta1), .double(beta2)])
    object.append("epsilon", .double(epsilon))
    object.append("weight_decay", .double(weightDecay))
    object.append("momentum", .double(momentum))
    object.append("nesterov", .bool(nesterov))
    object.append("alpha", .double(alpha))
    object.append("centered", .bool(centered))
    object.append("schedule", .string(schedule.rawValue))
    object.append("warm_up", .integer(Int64(warmUp)))
    object.append("steps", .integer(Int64(steps)))
    object.append("floor", .double(floor))
    object.append("every", .integer(Int64(every)))
    object.append("factor", .double(factor))
    let defaults = Plateau(patience: 0)
    object.append("plateau_patience", plateau.map { .integer(Int64($0.patience)) } ?? .null)
    object.append("plateau_factor", .double((plateau ?? defaults).factor))
    object.append("plateau_threshold", .double((plateau ?? defaults).threshold))
    object.append("plateau_floor", .double((plateau ?? defaults).floor))
    object.append("clip_norm", optional(clipNorm))
    object.append("clip_value", optional(clipValue))
    object.append("seed", .integer(Int64(bitPattern: seed)))
    object.append("label_smoothing", .double(labelSmoothing))
    object.append("class_weights", classWeights.map { .array($0.map { .double($0) }) } ?? .null)
    object.append("loss", .string(loss.rawValue))
    object.append("delta", .double(delta))
    object.append("sampling", .string(sampling.shape.rawValue))
    object.append("sampling_k", .double(sampling.k))
    object.append("sampling_floor", .double(sampling.floor))
    object.append("memory_limit", .integer(Int64(memoryLimit)))
    object.append("sampled_classes", .integer(Int64(sampledClasses)))
    object.append("tape_limit", tapeLimit.map { .integer(Int64($0)) } ?? .null)
    return .object(object)
  }

  /// Settings from JSON: the keys of ``json``, each of them optional, with the defaults of ``init(_:rate:clipNorm:)``.
  ///
  /// | key | value | default |
  /// |---|---|---|
  /// | `optimizer` | `sgd`, `rmsprop`, `adam`, `adamw` | `adam` |
  /// | `rate` | the largest rate | 0.001 |
  /// | `betas`, `epsilon` | of Adam; epsilon of RMSprop, too | [0.9, 0.999], 1e-8 |
  /// | `weight_decay`, `momentum`, `nesterov` | | 0, 0, false |
  /// | `alpha`, `centered` | of RMSprop | 0.99, false |
  /// | `schedule` | `constant`, `step`, `exponential`, `cosine`, `linear` | `constant` |
  /// | `warm_up`, `steps` | steps of the rise; steps altogether | 0, 1 |
  /// | `floor` | of cosine and linear: the share of the rate behind the last step | 0 |
  /// | `every`, `factor` | of step; factor of exponential, too | 1, 1 |
  /// | `plateau_patience` | reports; null: no plateau | null |
  /// | `plateau_factor`, `plateau_threshold`, `plateau_floor` | | 0.1, 1e-4, 0 |
  /// | `clip_norm`, `clip_value` | null: none | null |
  /// | `seed` | a whole number, modulo 2^64 | 0 |
  /// | `label_smoothing`, `class_weights` | class weights: an array, or null | 0, null |
  /// | `loss`, `delta` | `squared_error`, `absolute_error`, `huber`, `binary_cross_entropy` | `squared_error`, 1 |
  /// | `sampling` | `none`, `linear`, `exponential`, `inverse_sigmoid` | `none` |
  /// | `sampling_k`, `sampling_floor` | k and floor of ``SamplingDecay`` | 1, 0 |
  /// | `memory_limit` | bytes of logits; 0: 64 MB | 0 |
  /// | `sampled_classes` | of sampled softmax; 0: the softmax over all | 0 |
  /// | `tape_limit` | bytes of activations; 0: of √T steps; null: all | null |
  ///
  /// - Parameters:
  ///   - json: the object.
  ///   - name: the name of the JSON in errors, such as a path.
  /// - Throws: ``ModelError/format(where:what:)`` for unknown keys, which lists the known ones, for values of the wrong
  ///   kind, and for what ``check()`` refuses.
  public init(_ json: JSON, name: String = "the settings") throws(ModelError) {
    self.init()
    var fields = try OptionalFields(json, name, known: self.json)
    optimizer = try fields.word("optimizer", optimizer)
    rate = try fields.double("rate", rate)
    if let betas = try fields.doubles("betas") {
      guard betas.count == 2 else { throw .format(where: name, what: "betas has \(betas.count) numbers, must have 2") }
      (beta1, beta2) = (betas[0], betas[1])
    }
    epsilon = try fields.double("epsilon", epsilon)
    weightDecay = try fields.double("weight_decay", weightDecay)
    momentum = try fields.double("momentum", momentum)
    nesterov = try fields.bool("nesterov", nesterov)
    alpha = try fields.double("alpha", alpha)
    centered = try fields.bool("centered", centered)
    schedule = try fields.word("schedule", schedule)
    warmUp = try fields.integer("warm_up", warmUp)
    steps = try fields.integer("steps", steps)
    floor = try fields.double("floor", floor)
    every = try fields.integer("every", every)
    factor = try fields.double("factor", factor)
    try readPlateau(&fields, name)
    clipNorm = try fields.optionalDouble("clip_norm")
    clipValue = try fields.optionalDouble("clip_value")
    seed = UInt64(bitPattern: Int64(try fields.integer("seed", 0)))
    labelSmoothing = try fields.double("label_smoothing", labelSmoothing)
    classWeights = try fields.doubles("class_weights")
    loss = try fields.word("loss", loss)
    delta = try fields.double("delta", delta)
    sampling = SamplingDecay(
      try fields.word("sampling", sampling.shape), k: try fields.double("sampling_k", sampling.k),
      floor: try fields.double("sampling_floor", sampling.floor))
    memoryLimit = try fields.integer("memory_limit", memoryLimit)
    sampledClasses = try fields.integer("sampled_classes", sampledClasses)
    tapeLimit = try fields.optionalInteger("tape_limit")
    do throws(RNNError) {
      try check()
    } catch {
      throw .format(where: name, what: Self.message(error))
    }
  }

  /// The message with names as JSON has them.
  private static func message(_ error: RNNError) -> String {
    var bytes = [UInt8](repeating: 0, count: 512)
    bytes.withUnsafeMutableBufferPointer { error.write(to: $0, naming: .c) }
    return String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
  }

  private mutating func readPlateau(_ fields: inout OptionalFields, _ name: String) throws(ModelError) {
    var own = Plateau(patience: 0)
    let patience = try fields.optionalInteger("plateau_patience")
    own.factor = try fields.double("plateau_factor", own.factor)
    own.threshold = try fields.double("plateau_threshold", own.threshold)
    own.floor = try fields.double("plateau_floor", own.floor)
    if let patience {
      own.patience = patience
      plateau = own
    } else if own != Plateau(patience: 0) {
      throw .format(where: name, what: "plateau_factor, plateau_threshold and plateau_floor need plateau_patience")
    }
  }
}

/// Members of an object that may each be missing, or null where that means something.
private struct OptionalFields {
  private var fields: JSONFields
  private let name: String

  /// - Parameter known: an object with all keys that there are.
  init(_ json: JSON, _ name: String, known: JSON) throws(ModelError) {
    fields = try JSONFields(json, name)
    self.name = name
    guard case .object(let object) = json, case .object(let known) = known else { return }
    for member in object.members where known[member.key] == nil {
      let keys = known.members.map(\.key).joined(separator: ", ")
      throw .format(where: name, what: "unknown key \"\(ModelError.printable(member.key))\"; the keys are \(keys)")
    }
  }

  private mutating func isMissing(_ key: String, orNull: Bool = false) -> Bool {
    guard let value = fields.optional(key) else { return true }
    return orNull && value == .null
  }

  mutating func double(_ key: String, _ fallback: Double) throws(ModelError) -> Double {
    isMissing(key) ? fallback : try fields.double(key)
  }

  mutating func optionalDouble(_ key: String) throws(ModelError) -> Double? {
    isMissing(key, orNull: true) ? nil : try fields.double(key)
  }

  mutating func integer(_ key: String, _ fallback: Int) throws(ModelError) -> Int {
    isMissing(key) ? fallback : try fields.integer(key, in: .min ... .max)
  }

  mutating func optionalInteger(_ key: String) throws(ModelError) -> Int? {
    isMissing(key, orNull: true) ? nil : try fields.integer(key, in: .min ... .max)
  }

  mutating func bool(_ key: String, _ fallback: Bool) throws(ModelError) -> Bool {
    isMissing(key) ? fallback : try fields.bool(key)
  }

  mutating func doubles(_ key: String) throws(ModelError) -> [Double]? {
    if isMissing(key, orNull: true) { return nil }
    var numbers: [Double] = []
    for element in try fields.array(key) {
      switch element {
      case .double(let number): numbers.append(number)
      case .integer(let number): numbers.append(Double(number))
      default: throw .format(where: name, what: "an element of \(key) is \(element.kind), must be a number")
      }
    }
    return numbers
  }

  mutating func word<Word: RawRepresentable & CaseIterable>(
    _ key: String, _ fallback: Word
  ) throws(ModelError) -> Word where Word.RawValue == String {
    if isMissing(key) { return fallback }
    let text = try fields.string(key)
    guard let word = Word(rawValue: text) else {
      let known = Word.allCases.map { "\"\($0.rawValue)\"" }.joined(separator: ", ")
      throw .format(where: name, what: "\(key) is \"\(ModelError.printable(text))\", must be one of \(known)")
    }
    return word
  }
}
