// `Trainer.fit` and its checkpoints: only the same training goes on, what ends a training for good, what pauses it.
import SwiftRNN
import Testing

@testable import SwiftRNNModels

@Suite struct FitResumeTests {
  private typealias Example = ModelExample<Float>

  private static let tagger = ModelConfiguration.tagger(
    input: .tokens(vocabulary: 5, embeddingSize: 4), labels: 2, .init(.gru, hiddenSize: 6), dropout: 0.1)

  private static func examples(_ count: Int, seed: UInt64 = 1, last label: Int? = nil) throws -> ModelExamples<Float> {
    var random = Random(state: seed)
    var all = (0..<count).map { _ in
      Example(.tokens((0..<4).map { _ in random.int(5) }), .tokens((0..<4).map { _ in random.int(2) }))
    }
    if let label { all[count - 1].target = .tokens([label, label, label, label]) }
    return try ModelExamples(all, tagger)
  }

  private static func trainer(
    _ configuration: ModelConfiguration = tagger, _ change: (inout TrainerSettings) -> Void = { _ in }
  ) throws -> Trainer<Float> {
    let model = try Model<Float>(configuration)
    try model.initialize(seed: 4)
    var settings = TrainerSettings(.adam, rate: 0.02, clipNorm: 1)
    change(&settings)
    return try Trainer(model, settings)
  }

  private static func options(_ epochs: Int, _ checkpoint: String?, batchSize: Int = 4) -> FitOptions {
    var options = FitOptions(epochs: epochs)
    (options.checkpoint, options.batchSize) = (checkpoint, batchSize)
    return options
  }

  /// A training on other data is told what differs, and the trainer is as before.
  @Test func otherTrainings() throws {
    let folder = try TemporaryFolder()
    let path = folder.file("run")
    let (own, held) = (try Self.examples(12, last: 0), try Self.examples(6, seed: 2))
    try Self.trainer().fit(own, Self.options(1, path), validation: held)
    func refusal(
      _ examples: ModelExamples<Float>, _ options: FitOptions, _ validation: ModelExamples<Float>?,
      _ trainer: Trainer<Float>? = nil
    ) throws -> String {
      let trainer = try trainer ?? Self.trainer()
      let before = Array(trainer.model.parameters.values)
      let text = message { _ = try trainer.fit(examples, options, validation: validation) }
      #expect(trainer.steps == 0 && Array(trainer.model.parameters.values) == before)
      return text
    }
    let two = Self.options(2, path)
    var limited = two
    limited.tokenLimit = 40
    var wider = Self.tagger
    wider.recurrent.hiddenSize = 7
    let cases: [(String, [String])] = [
      (
        try refusal(Self.examples(13, last: 0), two, held), ["with other data: examples was 12, is 13", "checksum was"]
      ),
      (try refusal(Self.examples(12, last: 1), two, held), ["with other data: checksum was "]),
      (try refusal(own, Self.options(2, path, batchSize: 3), held), ["batch_size was 4, is 3"]),
      (try refusal(own, limited, held), ["with other data: token_limit was 32, is 40"]),
      (try refusal(own, two, nil), ["with another validation", "is none"]),
      (try refusal(own, two, Self.examples(6, seed: 3)), ["with another validation: checksum was "]),
      (try refusal(own, two, held, Self.trainer { $0.seed = 9 }), ["with other settings: seed was 0, is 9"]),
      (
        try refusal(own, two, held, Self.trainer { ($0.rate, $0.clipNorm) = (0.5, nil) }),
        ["with other settings: rate was 0.02, is 0.5; clip_norm was 1", "is none"]
      ),
      (try refusal(own, two, held, Self.trainer(wider)), ["with another model: ", "hidden_size"]),
    ]
    for (text, parts) in cases {
      #expect(text.hasPrefix("\(path): the checkpoint of a training "), "\(text)")
      for part in parts { #expect(text.contains(part), "\(text)") }
    }
    // The same data go on, made anew, with another number of epochs and with patience.
    var more = two
    more.patience = 5
    let history = try Self.trainer().fit(
      Self.examples(12, last: 0), more, validation: Self.examples(6, seed: 2))
    #expect(history.count == 2)
  }

  @Test func otherTexts() throws {
    let folder = try TemporaryFolder()
    let path = folder.file("run")
    let configuration = ModelConfiguration.languageModel(vocabulary: 7, embeddingSize: 4, .init(.gru, hiddenSize: 5))
    let ids = (0..<120).map { $0 * $0 % 7 }
    func fit(_ ids: [Int], sequences: Int = 2, steps: Int = 10, epochs: Int = 2) throws -> [FitReport] {
      try Self.trainer(configuration).fit(
        TextStream(ids: ids, sequences: sequences, steps: steps), Self.options(epochs, path))
    }
    #expect(try fit(ids, epochs: 1).count == 1)
    var other = ids
    other[119] = 6 - other[119]
    for (text, part) in [
      (message { _ = try fit(other) }, "other data: checksum was"),
      (message { _ = try fit(ids + [1]) }, "tokens was 120, is 121"),
      (message { _ = try fit(ids, sequences: 3) }, "sequences was 2, is 3"),
      (message { _ = try fit(ids, steps: 12) }, "steps was 10, is 12"),
    ] { #expect(text.contains(part), "\(text)") }
    #expect(try fit(ids).count == 2)
    // A file with the same tokens is the same text.
    let letters = "abcdefg"
    let characters = ids.map { String(Array(letters)[$0]) }.joined()
    let vocabulary = try Vocabulary(.characters, texts: [letters], specials: [])
    let encoded = try vocabulary.encode(characters)
    try characters.utf8.withContiguousStorageIfAvailable { try FileSystem.write(.init($0), to: folder.file("text")) }
    let saved = Self.options(1, folder.file("of a file"))
    try Self.trainer(configuration).fit(
      TextStream(file: folder.file("text"), vocabulary, sequences: 2, steps: 10), saved)
    #expect(try Self.trainer(configuration).fit(TextStream(ids: encoded, sequences: 2, steps: 10), saved).count == 1)
  }

  /// A caller that ends a training ends it for good, whatever later calls ask for; an error only pauses it.
  @Test func endsAndPauses() throws {
    let folder = try TemporaryFolder()
    let (own, held) = (try Self.examples(12), try Self.examples(6, seed: 2))
    func run(
      _ epochs: Int, _ checkpoint: String?, patience: Int? = nil,
      _ report: (FitReport) throws(ModelError) -> Bool = { _ in true }
    ) throws -> (Trainer<Float>, [FitReport]) {
      let trainer = try Self.trainer()
      var options = Self.options(epochs, checkpoint)
      options.patience = patience
      return (trainer, try trainer.fit(own, options, validation: held, report: report))
    }
    for patience in [nil, 50] {
      let path = folder.file("ended \(patience ?? 0)")
      let (ended, history) = try run(9, path, patience: patience) { $0.epoch < 3 }
      #expect(history.count == 3)
      var calls = 0
      for epochs in [3, 9, 20] {
        let (again, same) = try run(epochs, path, patience: patience) { _ in
          calls += 1
          return true
        }
        #expect(same == history && again.steps == ended.steps)
        #expect(Array(again.model.parameters.values) == Array(ended.model.parameters.values))
      }
      #expect(calls == 0)
    }
    let (whole, wholeHistory) = try run(5, nil)
    let path = folder.file("paused")
    #expect(
      message {
        _ = try run(5, path) { report throws(ModelError) in
          if report.epoch == 2 { throw .value(name: "the time", reason: "is over") }
          return true
        }
      } == "the time is over")
    var epochs: [Int] = []
    let (resumed, history) = try run(5, path) {
      epochs.append($0.epoch)
      return true
    }
    #expect(epochs == [3, 4, 5] && history == wholeHistory)
    #expect(Array(resumed.model.parameters.values) == Array(whole.model.parameters.values))
  }

  /// More epochs, validations and reports have the bits of a training without them.
  @Test func validationsChangeNothing() throws {
    let own = try Self.examples(12)
    let (plain, validated) = (try Self.trainer(), try Self.trainer())
    var seen: [[Float]] = []
    try plain.fit(own, Self.options(4, nil)) { _ in
      seen.append(Array(plain.model.parameters.values))
      return true
    }
    try validated.fit(own, Self.options(6, nil), validation: Self.examples(6, seed: 2)) { report in
      if report.epoch <= 4 { #expect(Array(validated.model.parameters.values) == seen[report.epoch - 1]) }
      return true
    }
    #expect(seen.count == 4)
  }
}
