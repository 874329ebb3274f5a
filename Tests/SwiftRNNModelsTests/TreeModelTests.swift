import SwiftRNN
import Testing

@testable import SwiftRNNModels

/// Models over trees: a label for each node, or for each tree.
@Suite struct TreeModelTests {
  private static let tokens = ModelConfiguration.Input.tokens(vocabulary: 7, embeddingSize: 4)
  /// Three trees: with inner nodes before and behind their children, and one of a single node.
  private static let parents = [2, 2, 5, 5, -1, -1, 8, 8, -1, 6]

  private static func tagger(
    _ cell: ModelCell = ModelCell("tree_child_sum"), input: ModelConfiguration.Input = tokens, labels: Int = 3,
    layers: Int = 1, predictsNumbers: Bool = false
  ) -> ModelConfiguration {
    var configuration = ModelConfiguration.tagger(
      input: input, labels: labels, .init(cell, hiddenSize: 4, layers: layers), predictsNumbers: predictsNumbers)
    configuration.structure = .trees
    return configuration
  }

  private static func classifier(_ cell: ModelCell, layers: Int = 1) -> ModelConfiguration {
    var configuration = ModelConfiguration.classifier(
      input: tokens, classes: 3, .init(cell, hiddenSize: 4, layers: layers))
    configuration.structure = .trees
    return configuration
  }

  @Test(arguments: ["tree_child_sum", "tree_binary", "socher"])
  func gradients(cell: String) throws {
    var regressor = ModelConfiguration.regressor(
      input: .features(4), outputs: 2, .init(ModelCell(cell), hiddenSize: 4, layers: 2))
    regressor.structure = .trees
    var dropped = Self.tagger(ModelCell(cell), layers: 2)
    dropped.dropout = 0.3
    for configuration in [
      Self.tagger(ModelCell(cell)), Self.tagger(ModelCell(cell), input: .features(4), predictsNumbers: true),
      Self.classifier(ModelCell(cell), layers: 2), regressor, dropped,
    ] {
      let run = try ModelCase<Double>(configuration, parents: Self.parents)
      #expect(try run.gradientError() < 1e-7, "\(configuration.kind)")
      let loss = try run.model.evaluate(run.batch)
      let rows = configuration.kind == .tagger ? Self.parents.count : 3
      #expect(loss.count == (configuration.predictsNumbers ? rows * configuration.outputs : rows))
      #expect(try run.model.predict(run.batch).count == rows * configuration.outputs)
    }
  }

  /// The Child-Sum Tree-LSTM on a chain is the LSTM (Tai 2015): the logits of a tagger and a classifier of sequences
  /// of that cell.
  @Test func chains() throws {
    for isTagger in [true, false] {
      var configuration = isTagger ? Self.tagger() : Self.classifier(ModelCell("tree_child_sum"))
      let trees = try ModelCase<Double>(configuration, parents: [1, 2, 3, 4, -1])
      configuration.structure = .sequences
      let sequences = try ModelCase<Double>(configuration, steps: 5, sequences: 1)
      _ = sequences.model.parameters.values.update(fromContentsOf: trees.model.parameters.values)
      sequences.batch.ids = trees.batch.ids
      let (a, b) = (
        Array(try trees.model.predict(trees.batch)), Array(try sequences.model.predict(sequences.batch))
      )
      #expect(a.count == b.count && zip(a, b).allSatisfy { abs($0 - $1) < 1e-13 })
    }
  }

  /// A tree by itself has the outputs and score that it has among others.
  @Test func treesSideBySide() throws {
    let run = try ModelCase<Double>(Self.classifier(ModelCell("tree_binary")), parents: Self.parents)
    let all = Array(try run.model.predict(run.batch))
    let scores = try run.model.score(run.batch)
    #expect(try #require(run.batch.forest).roots == [4, 5, 8] && scores.count == 3)
    for (number, nodes) in [[4], [0, 1, 2, 3, 5], [6, 7, 8, 9]].enumerated() {
      let places = Dictionary(uniqueKeysWithValues: nodes.enumerated().map { ($1, $0) })
      var batch = ModelBatch<Double>(
        forest: try Forest(parents: nodes.map { Self.parents[$0] < 0 ? -1 : places[Self.parents[$0]] ?? -1 }))
      let (ids, targets) = (try #require(run.batch.ids), try #require(run.batch.targets))
      batch.ids = run.keep(nodes.map { ids[$0] })
      batch.targets = run.keep([targets[number]])
      #expect(Array(try run.model.predict(batch)) == Array(all[number * 3..<(number + 1) * 3]))
      #expect(try run.model.score(batch)[0].logProbability == scores[number].logProbability)
    }
    let tagger = try ModelCase<Double>(Self.tagger(), parents: Self.parents)
    let total = try tagger.model.score(tagger.batch).reduce(0) { $0 + $1.logProbability }
    #expect(try abs(tagger.model.evaluate(tagger.batch).total + total) < 1e-12)
  }

  /// Whether a tree's leaves have a sum above 0: learned from the labels of whole trees.
  @Test func learns() throws {
    var configuration = ModelConfiguration.classifier(
      input: .features(1), classes: 2, .init(ModelCell("tree_child_sum"), hiddenSize: 8))
    configuration.structure = .trees
    let model = try Model<Float>(configuration)
    try model.initialize(seed: 1)
    let trainer = try Trainer(model, TrainerSettings(.adam, rate: 0.02, clipNorm: 1))
    var random = Random(state: 3)
    func right(trains: Bool) throws -> Int {
      var (parents, features, targets): ([Int], [Float], [Int]) = ([], [], [])
      for _ in 0..<50 {
        let root = parents.count
        var sum: Float = 0
        parents.append(-1)
        features.append(0)
        for inner in 0..<2 {
          let node = parents.count
          parents.append(root)
          features.append(0)
          for _ in 0...inner + random.int(2) {
            parents.append(node)
            features.append(Float(random.number()))
            sum += features[features.count - 1]
          }
        }
        targets.append(sum > 0 ? 1 : 0)
      }
      return try features.withUnsafeBufferPointer { features in
        try targets.withUnsafeBufferPointer { targets in
          var batch = ModelBatch<Float>(forest: try Forest(parents: parents))
          (batch.features, batch.targets) = (features, targets)
          if trains { _ = try trainer.step(batch) }
          let logits = try model.predict(batch)
          return targets.indices.filter { (logits[2 * $0 + 1] > logits[2 * $0]) == (targets[$0] == 1) }.count
        }
      }
    }
    for _ in 0..<150 { _ = try right(trains: true) }
    #expect(try right(trains: false) >= 46)
  }

  @Test func threads() throws {
    var random = Random(state: 5)
    // Parents behind their children, roots here and there.
    let parents = (0..<400).map { node in
      let root = min(node / 37 * 37 + 36, 399)
      return node == root ? -1 : min(node + 1 + random.int(5), root)
    }
    let before = Threads.count
    defer { try? Threads.setCount(before) }
    var results: [[UInt32]] = []
    for threads in [1, 3] {
      try Threads.setCount(threads)
      var configuration = Self.tagger(layers: 2)
      (configuration.recurrent.hiddenSize, configuration.dropout) = (48, 0.2)
      let run = try ModelCase<Float>(configuration, parents: parents)
      let loss = try run.model.loss(run.batch, TrainingOptions(seed: 1))
      results.append(
        [UInt32(truncatingIfNeeded: loss.mean.bitPattern)] + run.model.parameters.gradients.map(\.bitPattern))
    }
    #expect(results[0] == results[1])
  }

  @Test func whatIsRefused() throws {
    func isRefused(_ change: (inout ModelBatch<Float>) throws -> Void) throws -> Bool {
      let run = try ModelCase<Float>(Self.tagger(), parents: Self.parents)
      try change(&run.batch)
      return (try? run.model.loss(run.batch)) == nil
    }
    #expect(try !isRefused { _ in })
    #expect(try isRefused { $0.forest = nil })
    #expect(try isRefused { $0.forest = try Forest(parents: [-1]) })
    #expect(try isRefused { $0.steps = 2 })
    #expect(try isRefused { $0.ids = nil })
    #expect(try isRefused { $0.targets = $0.targets.map { UnsafeBufferPointer(rebasing: $0[..<3]) } })
    let lengths = UnsafeMutableBufferPointer<Int64>.allocate(capacity: Self.parents.count)
    lengths.initialize(repeating: 1)
    defer { lengths.deallocate() }
    #expect(try isRefused { $0.lengths = UnsafeBufferPointer(lengths) })
    // Nodes with three children, for a cell that numbers them, are of the forest's business: h[3] is not read. A node with
    // two parents is refused.
    let binary = try ModelCase<Float>(Self.tagger(ModelCell("tree_binary")), parents: [-1, -1, -1])
    binary.batch.forest = try Forest(nodeCount: 3, children: [0, 0], parents: [1, 2])
    #expect(throws: RNNError.self) { try binary.model.loss(binary.batch) }
    // States, a look inside, writing.
    let run = try ModelCase<Float>(Self.tagger(), parents: Self.parents)
    #expect(throws: RNNError.self) { try run.model.makeState() }
    #expect(throws: RNNError.self) { try run.model.inspect(run.batch) }
    #expect(throws: RNNError.self) { try run.model.generate(run.batch, GenerationOptions(length: 1)) }
    let sequences = try ModelCase<Float>(.tagger(input: Self.tokens, labels: 3, .init(hiddenSize: 4)))
    let state = try sequences.model.makeState()
    #expect(throws: RNNError.self) { try run.model.evaluate(run.batch, state: state) }
    sequences.batch.forest = try Forest(parents: [-1, -1, -1])
    #expect(throws: RNNError.self) { try sequences.model.loss(sequences.batch) }
    // Configurations.
    var wrong = Self.tagger()
    wrong.recurrent.cell = .lstm
    #expect(throws: RNNError.self) { try Model<Float>(wrong) }
    wrong = Self.tagger()
    wrong.recurrent.bidirectional = true
    #expect(throws: RNNError.self) { try Model<Float>(wrong) }
    wrong = Self.classifier(ModelCell("tree_child_sum"))
    wrong.pooling = .mean
    #expect(throws: RNNError.self) { try Model<Float>(wrong) }
    wrong = .languageModel(vocabulary: 7, embeddingSize: 4, .init(ModelCell("tree_child_sum"), hiddenSize: 4))
    wrong.structure = .trees
    #expect(throws: RNNError.self) { try Model<Float>(wrong) }
  }
}
