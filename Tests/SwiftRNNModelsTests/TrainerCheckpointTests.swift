import SwiftRNN
import Testing

@testable import SwiftRNNModels

/// A training that was interrupted ends with the bits of one that was not.
@Suite struct TrainerCheckpointTests {
  /// Steps over a text in pieces with a state that is carried on, with dropout and what the settings have.
  private func check<Scalar: RNNScalar>(
    _: Scalar.Type, _ settings: TrainerSettings, _ configuration: ModelConfiguration, lookBack: Int, stop: Int
  ) throws {
    let folder = try TemporaryFolder()
    let (path, steps, total) = (folder.file("run"), 3, 12)
    let data = try ModelCase<Scalar>(configuration, steps: steps * total, sequences: 2)
    func train(_ trainer: Trainer<Scalar>, _ state: ModelState<Scalar>, to end: Int) throws -> [Double] {
      var losses: [Double] = []
      while trainer.steps < end {
        let first = trainer.steps * steps * 2
        var batch = data.batch
        batch.steps = steps
        batch.ids = batch.ids.map { UnsafeBufferPointer(rebasing: $0[first..<first + steps * 2]) }
        batch.features = batch.features.map { UnsafeBufferPointer(rebasing: $0[2 * first..<2 * (first + steps * 2)]) }
        batch.targets = batch.targets.map { UnsafeBufferPointer(rebasing: $0[first..<first + steps * 2]) }
        losses.append(try trainer.step(batch, state: state).loss.mean)
        trainer.report(validationLoss: losses[losses.count - 1])
      }
      return losses
    }
    func begin() throws -> (Trainer<Scalar>, ModelState<Scalar>) {
      let model = try Model<Scalar>(configuration)
      try model.initialize(seed: 2)
      return (try Trainer(model, settings), try model.makeState(lookBack: lookBack))
    }
    let (whole, wholeState) = try begin()
    let losses = try train(whole, wholeState, to: total)
    let (first, firstState) = try begin()
    var found = try train(first, firstState, to: stop)
    try first.save(to: path, state: firstState, progress: "{\"epoch\": 3}\u{0}\u{e9}")
    // The file is the model's as it was then.
    let model = try ModelFile.load(path, as: Scalar.self)
    #expect(Array(model.model.parameters.values) == Array(first.model.parameters.values))
    let checkpoint = try Trainer<Scalar>.load(path)
    #expect(checkpoint.progress == "{\"epoch\": 3}\u{0}\u{e9}")
    let (second, secondState) = (checkpoint.trainer, try #require(checkpoint.state))
    #expect(second.settings == settings && second.steps == stop && secondState.lookBack == lookBack)
    found += try train(second, secondState, to: total)
    #expect(found == losses)
    #expect(Array(second.model.parameters.values) == Array(whole.model.parameters.values))
    for (a, b) in zip(second.moments, whole.moments) { #expect(a.name == b.name && Array(a.values) == Array(b.values)) }
    #expect(second.rateFactor == whole.rateFactor && second.leastValidationLoss == whole.leastValidationLoss)
    #expect(second.reportsWithoutImprovement == whole.reportsWithoutImprovement)
    #expect(folder.names == ["run"])
  }

  @Test(arguments: TrainerCases.settings)
  func resumedRuns(settings: TrainerSettings) throws {
    let configuration = ModelConfiguration.languageModel(
      vocabulary: 7, embeddingSize: 4, .init(hiddenSize: 5, layers: 2), dropout: 0.3)
    for stop in [0, 1, 5, 11] {
      try check(Float.self, settings, configuration, lookBack: 0, stop: stop)
      try check(Double.self, settings, configuration, lookBack: 4, stop: stop)
    }
  }

  @Test func taggersThatLookBack() throws {
    let configuration = ModelConfiguration.tagger(
      input: .features(2), labels: 3, .init(.gru, hiddenSize: 4), dropout: 0.3)
    try check(Float.self, TrainerSettings(), configuration, lookBack: 4, stop: 1)
    try check(Double.self, TrainerSettings(), configuration, lookBack: 4, stop: 5)
  }

  @Test func vocabulariesAndMetadata() throws {
    let folder = try TemporaryFolder()
    let run = try ModelCase<Float>(
      .tagger(input: .tokens(vocabulary: 7, embeddingSize: 2), labels: 7, .init(hiddenSize: 3)))
    let words = try Vocabulary(.words, texts: ["a b c"], specials: .all)
    try Trainer(run.model).save(
      to: folder.file("run"), vocabulary: words, targetVocabulary: words, metadata: [(key: "note", value: "mine")])
    let checkpoint = try Trainer<Float>.load(folder.file("run"))
    #expect(checkpoint.vocabulary == words && checkpoint.targetVocabulary == words && checkpoint.state == nil)
    #expect(checkpoint.metadata.map(\.key) == ["note"] && checkpoint.progress.isEmpty)
    #expect(throws: ModelError.self) {
      try Trainer(run.model).save(to: folder.file("run"), metadata: [(key: "trainer", value: "")])
    }
  }

  @Test func whatIsRefused() throws {
    let folder = try TemporaryFolder()
    let path = folder.file("run")
    let run = try ModelCase<Double>(
      .languageModel(vocabulary: 7, embeddingSize: 4, .init(hiddenSize: 5)), steps: 3, sequences: 2)
    let trainer = try Trainer(run.model)
    let state = try run.model.makeState(lookBack: 2)
    _ = try trainer.step(run.batch, state: state)
    try trainer.save(to: path, state: state)
    #expect(throws: ModelError.self) { try Trainer<Float>.load(path) }
    let file = try SafetensorsFile(path)
    let text = try #require(file.value("trainer"))
    // The file again, with other texts, and with tensors taken away or added.
    var kept: [String: UnsafeMutableBufferPointer<Double>] = [:]
    defer { for memory in kept.values { memory.deallocate() } }
    var sources: [Safetensors.Source] = []
    for tensor in file.tensors {
      let memory = UnsafeMutableBufferPointer<Double>.allocate(capacity: tensor.elements)
      try file.read(tensor.name, shape: tensor.shape, into: memory)
      kept[tensor.name] = memory
      sources.append(Safetensors.Source(tensor.name, shape: tensor.shape, memory.constant))
    }
    func refusal(_ trainer: String?, _ sources: [Safetensors.Source]) throws -> String {
      var metadata = file.metadata.filter { $0.key != "trainer" && $0.key != Safetensors.checksumKey }
      if let trainer { metadata.append((key: "trainer", value: trainer)) }
      try Safetensors.write(sources, metadata: metadata, to: folder.file("other"))
      return message { _ = try Trainer<Double>.load(folder.file("other")) }
    }
    #expect(try refusal(text, sources) == "no error")
    #expect(
      try refusal(nil, sources.filter { !$0.name.contains("state.") && !$0.name.contains("optimizer.") })
        .contains("no checkpoint"))
    for (old, new) in [
      ("\"step\":1", "\"step\":-1"), ("\"step\":1", "\"step\":1.5"), ("\"rate_factor\":1.0", "\"rate_factor\":-1.0"),
      ("\"sequences\":2", "\"sequences\":3"), ("\"recent_steps\":2", "\"recent_steps\":1"),
      ("\"look_back\":2", "\"look_back\":1"), ("\"optimizer\":\"adam\"", "\"optimizer\":\"sgd\""),
      ("\"is_started\":true", "\"is_started\":false"), ("\"progress\":", "\"regress\":"), ("{", ""),
      ("\"least_validation_loss\":null", "\"least_validation_loss\":[]"), ("\"state\":{", "\"states\":{"),
    ] {
      let other = text.replacing(old, with: new, maxReplacements: 1)
      #expect(other != text)
      #expect(try refusal(other, sources) != "no error", "\(new)")
    }
    for source in sources {
      #expect(try refusal(text, sources.filter { $0.name != source.name }) != "no error", "\(source.name)")
    }
    let more = Safetensors.Source("optimizer.third", shape: [0], UnsafeBufferPointer<Double>(start: nil, count: 0))
    #expect(try refusal(text, sources + [more]).contains("optimizer.third"))
    for number in [7, -1, 0.5, .nan] {
      kept["state.recent_ids"]?[1] = number
      #expect(try refusal(text, sources).contains("no token"))
    }
  }
}
