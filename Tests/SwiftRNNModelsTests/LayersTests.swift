import SwiftRNN
import Testing

@testable import SwiftRNNModels

/// Layers by name, put together to models of one's own.
@Suite struct LayersTests {
  private static let names = ["embedding", "dropout", "network", "attention", "pool", "output"]

  /// Tokens, dropout, a network whose outputs attend over each other, pooling, classes.
  private static func layers<Scalar: RNNScalar>(
    _: Scalar.Type, score: Attention.Kind = .additive, pool: Pool.Kind = .attention, bias: Bool = true
  ) throws -> Layers<Scalar> {
    let size = score == .additive || score == .concat ? 4 : 0
    let layers = try Layers<Scalar>([
      "embedding": .embedding(vocabulary: 9, width: 4), "dropout": .dropout(0.3),
      "network": .network(.init(.gru, hiddenSize: 3, bidirectional: true), inputs: 4),
      "attention": .attention(Attention(score, querySize: 6, keySize: 6, size: size)),
      "pool": .pool(Pool(pool, width: 6, attentionSize: pool == .attention ? 5 : 0)),
      "output": .linear(inputs: 6, outputs: 3, bias: bias),
    ])
    try layers.initialize(seed: 2)
    return layers
  }

  private struct Batch {
    var ids: [Int]
    var lengths: [Int64]?
    var targets: [Int]

    init(lengths: [Int64]? = nil) {
      var random = Random(state: 4)
      ids = (0..<15).map { _ in random.int(9) }
      targets = (0..<3).map { _ in random.int(3) }
      self.lengths = lengths
    }
  }

  /// The cross-entropy of five steps of three sequences, and the gradients.
  private func loss<Scalar: RNNScalar>(
    _ layers: Layers<Scalar>, _ batch: Batch, seed: UInt64 = 1, twice: Bool = false
  ) throws -> Double {
    let (embedding, dropout, network) = (
      try layers.embedding("embedding"), try layers.dropout("dropout"), try layers.network("network")
    )
    let (attention, pool, output) = (
      try layers.attention("attention"), try layers.pool("pool"), try layers.linear("output")
    )
    let lengths = batch.lengths ?? [5, 5, 5]
    return try batch.ids.withUnsafeBufferPointer { ids in
      try batch.targets.withUnsafeBufferPointer { targets in
        try lengths.withUnsafeBufferPointer { lengths in
          let counted = CountedSteps(steps: 5, sequences: 3, lengths: lengths)
          let x = try embedding.forward(ids)
          try dropout.apply(steps: 5, sequences: 3, width: 4, x: UnsafeBufferPointer(x), y: x, seed: seed)
          let h = UnsafeBufferPointer(try network.forward(UnsafeBufferPointer(x), counted, seed: seed))
          let context = UnsafeBufferPointer(try attention.forward(h, steps: 5, keys: h, counted))
          let pooled = UnsafeBufferPointer(try pool.forward(context, counted))
          let logits = try output.forward(pooled)
          let result = try CrossEntropy.evaluate(
            logits: UnsafeBufferPointer(logits), classes: 3, targets: targets, dlogits: logits)
          let dpooled = try output.backward(pooled, dy: UnsafeBufferPointer(logits))
          let dcontext = try pool.backward(context, counted, dout: UnsafeBufferPointer(dpooled))
          let (dqueries, dkeys) = try attention.backward(dcontext: UnsafeBufferPointer(dcontext))
          for i in dkeys.indices { dqueries[i] += dkeys[i] }
          let dx = try network.backward(dy: UnsafeBufferPointer(dqueries))
          try dropout.apply(steps: 5, sequences: 3, width: 4, x: UnsafeBufferPointer(dx), y: dx, seed: seed)
          try embedding.backward(ids, dout: UnsafeBufferPointer(dx))
          return result.loss
        }
      }
    }
  }

  @Test(arguments: Attention.Kind.allCases, Pool.Kind.allCases)
  func gradients(score: Attention.Kind, pool: Pool.Kind) throws {
    for lengths: [Int64]? in [nil, [5, 1, 3]] {
      let layers = try Self.layers(Double.self, score: score, pool: pool, bias: pool != .max)
      let batch = Batch(lengths: lengths)
      _ = try loss(layers, batch)
      let gradients = Array(layers.parameters.gradients)
      let scale = gradients.map { abs($0) }.max() ?? 0
      for i in stride(from: 0, to: gradients.count, by: 3) {
        let value = layers.parameters.values[i]
        layers.parameters.values[i] = value + 1e-5
        let above = try loss(layers, batch)
        layers.parameters.values[i] = value - 1e-5
        let below = try loss(layers, batch)
        layers.parameters.values[i] = value
        #expect(abs((above - below) / 2e-5 - gradients[i]) < 1e-7 * scale)
      }
    }
  }

  /// Layers of a model of the library give its numbers.
  @Test func aClassifier() throws {
    let configuration = ModelConfiguration.classifier(
      input: .tokens(vocabulary: 9, embeddingSize: 4), classes: 3, .init(.lstm, hiddenSize: 5, layers: 2),
      pooling: .mean)
    let run = try ModelCase<Double>(configuration, lengths: [5, 2, 3])
    let layers = try Layers<Double>([
      "embedding": .embedding(vocabulary: 9, width: 4),
      "network": .network(.init(.lstm, hiddenSize: 5, layers: 2), inputs: 4),
      "pool": .pool(Pool(.mean, width: 5)), "output": .linear(inputs: 5, outputs: 3),
    ])
    #expect(layers.parameters.list == run.model.parameters.list)
    _ = layers.parameters.values.update(fromContentsOf: run.model.parameters.values)
    let counted = CountedSteps(steps: 5, sequences: 3, lengths: run.batch.lengths)
    let x = try layers.embedding("embedding").forward(try #require(run.batch.ids))
    let y = try layers.network("network").forward(UnsafeBufferPointer(x), counted, seed: nil)
    let pooled = try layers.pool("pool").forward(UnsafeBufferPointer(y), counted)
    let logits = Array(try layers.linear("output").forward(UnsafeBufferPointer(pooled)))
    #expect(logits == Array(try run.model.predict(run.batch)))
  }

  /// Several uses of one layer: gradients add up.
  @Test func accumulation() throws {
    let layers = try Layers<Double>([
      "linear": .linear(inputs: 2, outputs: 2), "embedding": .embedding(vocabulary: 3, width: 2),
    ])
    try layers.initialize(seed: 1)
    let (linear, embedding) = (try layers.linear("linear"), try layers.embedding("embedding"))
    let (x, dy, ids) = ([0.3, -0.4, 0.7, 0.2], [1.0, 0.5, -0.25, 2], [2, 0])
    try x.withUnsafeBufferPointer { x in
      try dy.withUnsafeBufferPointer { dy in
        try ids.withUnsafeBufferPointer { ids in
          func gradients(_ accumulate: [Bool]) throws -> [Double] {
            for accumulate in accumulate {
              try linear.backward(x, dy: dy, accumulate: accumulate)
              try embedding.backward(ids, dout: dy, accumulate: accumulate)
            }
            return Array(layers.parameters.gradients)
          }
          let once = try gradients([false])
          #expect(try gradients([false, true, true]) == once.map { $0 + $0 + $0 })
          #expect(try gradients([false]) == once)
          #expect(Array(layers.gradients(of: "linear")) == Array(once[..<6]))
          #expect(layers.gradients(of: "none").isEmpty)
        }
      }
    }
  }

  @Test func trainsAndComesBack() throws {
    let layers = try Self.layers(Float.self)
    let optimizer = try ParameterOptimizer(.adam(Adam(rate: 0.02)), layers.parameters)
    let batch = Batch(lengths: [5, 1, 3])
    let first = try loss(layers, batch)
    for step in 0..<100 {
      _ = try loss(layers, batch, seed: UInt64(step))
      try optimizer.step(maxNorm: 1)
    }
    let last = try loss(layers, batch)
    #expect(last < 0.3 * first)
    let folder = try TemporaryFolder()
    let path = folder.file("layers")
    try LayersFile.save(layers, to: path, metadata: [(key: "note", value: "mine")])
    let file = try LayersFile.load(path, as: Float.self)
    #expect(file.metadata.map(\.value) == ["mine"] && file.layers.kinds.map(\.name) == Self.names)
    #expect(file.layers.kinds.map(\.kind) == layers.kinds.map(\.kind))
    #expect(Array(file.layers.parameters.values) == Array(layers.parameters.values))
    #expect(try loss(file.layers, batch) == last)
    // Part of a file, by a prefix.
    let output = try Layers<Double>(["output": .linear(inputs: 6, outputs: 3)])
    try SafetensorsFile(path).read(output.parameters.list, allowsOthers: true, into: output.parameters.values)
    #expect(output.parameters.values[0] == Double(layers.parameters.values(of: "output.weight")?[0] ?? .nan))
  }

  @Test func seedsAndThreads() throws {
    let before = Threads.count
    defer { try? Threads.setCount(before) }
    var results: [[UInt32]] = []
    for threads in [1, 3] {
      try Threads.setCount(threads)
      let layers = try Self.layers(Float.self, score: .general)
      _ = try loss(layers, Batch())
      results.append((Array(layers.parameters.values) + Array(layers.parameters.gradients)).map(\.bitPattern))
    }
    #expect(results[0] == results[1])
    // Dropout layers have masks of their own, and networks numbers of their own.
    let layers = try Layers<Float>([
      "a": .dropout(0.5), "b": .dropout(0.5), "c": .network(.init(.rnn, hiddenSize: 3), inputs: 2),
      "d": .network(.init(.rnn, hiddenSize: 3), inputs: 2),
    ])
    #expect(try layers.dropout("a") != layers.dropout("b"))
    try layers.initialize(seed: 1)
    let values = Array(layers.parameters.values)
    #expect(values[..<(values.count / 2)] != values[(values.count / 2)...])
    try layers.initialize(seed: 1)
    #expect(Array(layers.parameters.values) == values)
  }

  @Test func kindsComeBack() throws {
    for kind in try Self.layers(Float.self).kinds.map(\.kind) + [
      .linear(inputs: 1, outputs: 2, bias: false), .pool(Pool(.last, width: 4, directions: 2)),
      .attention(Attention(.dot, querySize: 3, keySize: 3, scale: 0.5)),
      .network(.init(ModelCell("lstm_projected", sizes: ["P": 2]), hiddenSize: 4, layers: 2), inputs: 3, dropout: 0.25),
    ] {
      #expect(try LayerKind(JSON(parsing: kind.json.text())) == kind)
      guard case .object(let object) = kind.json else { return }
      for member in object.members {
        var less = object
        less[member.key] = nil
        #expect(throws: ModelError.self, "\(member.key)") { try LayerKind(.object(less)) }
      }
      var more = object
      more.append("more", 1)
      #expect(throws: ModelError.self) { try LayerKind(.object(more)) }
    }
    #expect(throws: ModelError.self) { try LayerKind(["kind": "lineal"]) }
  }

  @Test func whatIsRefused() throws {
    for wrong: KeyValuePairs<String, LayerKind> in [
      ["": .dropout(0.1)], ["a.b": .dropout(0.1)], ["a": .dropout(0.1), "a": .dropout(0.2)], ["a": .dropout(1)],
      ["a": .linear(inputs: 0, outputs: 1)], ["a": .embedding(vocabulary: 3, width: -1)],
      ["a": .linear(inputs: 1 << 31, outputs: 1 << 31)], ["a": .pool(Pool(.mean, width: 3, attentionSize: 2))],
      ["a": .pool(Pool(.last, width: 3, directions: 2))], ["a": .pool(Pool(.attention, width: 3))],
      ["a": .attention(Attention(.dot, querySize: 2, keySize: 3))],
      ["a": .attention(Attention(.concat, querySize: 2, keySize: 3))],
      ["a": .attention(Attention(.general, querySize: 2, keySize: 3, valueSize: 4))],
      ["a": .attention(Attention(.general, querySize: 2, keySize: 3, scale: .nan))],
      ["a": .network(.init(ModelCell("lstn"), hiddenSize: 2), inputs: 1)],
      ["a": .network(.init(hiddenSize: 0), inputs: 1)],
    ] {
      #expect(throws: ModelError.self, "\(wrong)") { try Layers<Float>(wrong) }
    }
    let layers = try Self.layers(Float.self)
    #expect(throws: ModelError.self) { try layers.linear("pool") }
    #expect(throws: ModelError.self) { try layers.embedding("output") }
    #expect(throws: ModelError.self) { try layers.network("none") }
    #expect(message { _ = try layers.attention("pool") } == "the layer \"pool\" is of the kind pool, not attention")
    // Arrays that do not fit, and backward passes without a forward pass.
    let numbers = UnsafeMutableBufferPointer<Float>.allocate(capacity: 7)
    numbers.initialize(repeating: 0)
    defer { numbers.deallocate() }
    let seven = UnsafeBufferPointer(numbers)
    let counted = CountedSteps(steps: 1, sequences: 1)
    #expect(throws: RNNError.self) { try layers.linear("output").forward(seven) }
    #expect(throws: RNNError.self) { try layers.linear("output").backward(seven, dy: seven) }
    #expect(throws: RNNError.self) { try layers.network("network").forward(seven, counted, seed: nil) }
    #expect(throws: RNNError.self) { try layers.network("network").backward(dy: seven) }
    #expect(throws: RNNError.self) { try layers.pool("pool").forward(seven, counted) }
    #expect(throws: RNNError.self) { try layers.attention("attention").forward(seven, steps: 1, keys: seven, counted) }
    #expect(throws: RNNError.self) { try layers.attention("attention").backward(dcontext: seven) }
    for id in [-1, 9] {
      #expect(throws: RNNError.self) {
        try [id].withUnsafeBufferPointer { (ids) throws in _ = try layers.embedding("embedding").forward(ids) }
      }
    }
    // Files.
    let folder = try TemporaryFolder()
    let path = folder.file("layers")
    #expect(throws: ModelError.self) { try LayersFile.save(layers, to: path, metadata: [(key: "layers", value: "")]) }
    try LayersFile.save(layers, to: path)
    #expect(throws: ModelError.self) { try ModelFile.load(path, as: Float.self) }
    let text = try #require(SafetensorsFile(path).value("layers"))
    let sources = try Safetensors.sources(layers.parameters.list, layers.parameters.values.constant)
    for other in [
      text.replacing("\"outputs\":3", with: "\"outputs\":4"),
      text.replacing("\"name\":\"pool\"", with: "\"name\":\"pole\""),
      text.replacing("\"name\":\"pool\",", with: ""), text.replacing("]", with: ""), "{}", "[1]",
      text.replacing("\"vocabulary\":9", with: "\"vocabulary\":2000000000"),
    ] {
      #expect(other != text)
      try Safetensors.write(
        sources, metadata: [(key: "format", value: LayersFile.format), (key: "layers", value: other)], to: path)
      #expect(throws: ModelError.self, "\(other)") { try LayersFile.load(path, as: Float.self) }
    }
    try Safetensors.write(sources, to: path)
    #expect(throws: ModelError.self) { try LayersFile.load(path, as: Float.self) }
  }

  /// A layer works behind the end of its container.
  @Test func layersOutliveTheirContainer() throws {
    /// Layers alone; other layers of the same sizes take the memory of a container that is gone.
    func alone<Layer>(_ layer: (Layers<Double>) throws -> Layer) throws -> (Layer, [Layers<Double>]) {
      let kept = try layer(Self.layers(Double.self))
      let others = try (0..<8).map { _ in try Self.layers(Double.self) }
      for other in others {
        other.parameters.values.update(repeating: .nan)
        other.parameters.gradients.update(repeating: .nan)
      }
      return (kept, others)
    }
    let container = try Self.layers(Double.self)
    let counted = CountedSteps(steps: 2, sequences: 2)
    let numbers = (0..<24).map { Double($0) / 24 }
    let x = Array(numbers.prefix(16))
    try numbers.withUnsafeBufferPointer { y in
      let (linear, first) = try alone { try $0.linear("output") }
      #expect(Array(try linear.forward(y)) == Array(try container.linear("output").forward(y)))
      #expect(try linear.backward(y, dy: UnsafeBufferPointer(rebasing: y[..<12])).allSatisfy(\.isFinite))
      let (pool, second) = try alone { try $0.pool("pool") }
      #expect(Array(try pool.forward(y, counted)) == Array(try container.pool("pool").forward(y, counted)))
      let (attention, third) = try alone { try $0.attention("attention") }
      #expect(
        Array(try attention.forward(y, steps: 2, keys: y, counted))
          == Array(try container.attention("attention").forward(y, steps: 2, keys: y, counted)))
      #expect(first.count + second.count + third.count == 24)
    }
    try x.withUnsafeBufferPointer { x in
      let (network, others) = try alone { try $0.network("network") }
      #expect(
        Array(try network.forward(x, counted, seed: 1))
          == Array(try container.network("network").forward(x, counted, seed: 1)))
      #expect(try network.backward(dy: nil).allSatisfy(\.isFinite) && others.count == 8)
    }
    try [8, 0].withUnsafeBufferPointer { ids in
      let (embedding, others) = try alone { try $0.embedding("embedding") }
      #expect(Array(try embedding.forward(ids)) == Array(try container.embedding("embedding").forward(ids)))
      #expect(others.count == 8)
    }
  }
}
