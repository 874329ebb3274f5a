// A model with a random batch, for tests.
import SwiftRNN

@testable import SwiftRNNModels

/// SplitMix64 (Steele, Lea, Flood 2014).
struct Random {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9e37_79b9_7f4a_7c15
    var z = state
    z = (z ^ z >> 30) &* 0xbf58_476d_1ce4_e5b9
    z = (z ^ z >> 27) &* 0x94d0_49bb_1331_11eb
    return z ^ z >> 31
  }

  mutating func int(_ limit: Int) -> Int { Int(next() % UInt64(limit)) }
  /// In -1 ..< 1.
  mutating func number() -> Double { Double(next() >> 11) * 0x1p-52 - 1 }
}

/// A batch and the arrays behind it.
final class ModelCase<Scalar: RNNScalar> {
  let model: Model<Scalar>
  var batch: ModelBatch<Scalar>
  private var kept: [UnsafeMutableRawPointer] = []
  private var random: Random

  init(
    _ configuration: ModelConfiguration, steps: Int = 5, sequences: Int = 3, targetSteps: Int = 4,
    lengths: [Int]? = nil,
    targetLengths: [Int]? = nil, seed: UInt64 = 1
  ) throws {
    model = try Model(configuration)
    random = Random(state: seed)
    batch = ModelBatch(steps: steps, sequences: sequences)
    let c = configuration
    try model.initialize(seed: seed)
    func tokens(_ count: Int, _ limit: Int) -> UnsafeBufferPointer<Int> {
      keep((0..<count).map { _ in random.int(limit) })
    }
    func numbers(_ count: Int) -> UnsafeBufferPointer<Scalar> { keep((0..<count).map { _ in Scalar(random.number()) }) }
    switch (c.kind, c.input) {
    case (.vectorDecoder, _): batch.features = numbers(sequences * c.vectorSize)
    case (_, .tokens(let vocabulary, _)): batch.ids = tokens(steps * sequences, vocabulary)
    case (_, .features(let count)): batch.features = numbers(steps * sequences * count)
    }
    if let lengths { batch.lengths = keep(lengths.map { Int64($0) }) }
    let rows =
      c.decodes
      ? targetSteps * sequences : c.kind == .classifier || c.kind == .regressor ? sequences : steps * sequences
    if c.predictsNumbers { batch.values = numbers(rows * c.outputs) } else { batch.targets = tokens(rows, c.outputs) }
    if c.decodes {
      batch.targetSteps = targetSteps
      batch.decoderIDs = tokens(rows, c.outputs)
      if let targetLengths { batch.targetLengths = keep(targetLengths.map { Int64($0) }) }
    }
  }

  /// Trees: random tokens or features for the nodes, and targets or values for nodes or roots.
  convenience init(_ configuration: ModelConfiguration, parents: [Int], seed: UInt64 = 1) throws {
    try self.init(configuration, steps: 1, sequences: parents.count, seed: seed)
    let forest = try Forest(parents: parents)
    batch.forest = forest
    guard configuration.kind != .tagger else { return }
    let (roots, outputs) = (forest.roots.count, configuration.outputs)
    batch.targets = batch.targets.map { UnsafeBufferPointer(rebasing: $0[..<roots]) }
    batch.values = batch.values.map { UnsafeBufferPointer(rebasing: $0[..<(roots * outputs)]) }
  }

  func keep<Element: BitwiseCopyable>(_ elements: [Element]) -> UnsafeBufferPointer<Element> {
    let memory = UnsafeMutableBufferPointer<Element>.allocate(capacity: max(elements.count, 1))
    _ = memory.update(fromContentsOf: elements)
    if let start = memory.baseAddress { kept.append(UnsafeMutableRawPointer(start)) }
    return UnsafeBufferPointer(
      memory.prefix(elements.count).isEmpty ? UnsafeMutableBufferPointer(rebasing: memory[0..<0]) : memory)
  }

  deinit { for memory in kept { memory.deallocate() } }

  /// The largest error of the gradients against central differences of the loss, over some of the parameters, relative
  /// to the largest gradient.
  ///
  /// - Parameter evaluate: the loss, with gradients; nil: the model's in training, with `options`.
  func gradientError(
    samples: Int = 60, step: Double = 1e-5, _ options: TrainingOptions<Scalar> = TrainingOptions(seed: 7),
    by evaluate: (() throws -> ModelLoss)? = nil
  ) throws -> Double {
    let loss = evaluate ?? { [self] in try model.loss(batch, options) }
    _ = try loss()
    let gradients = Array(model.parameters.gradients)
    let scale = gradients.map { abs(Double($0)) }.max() ?? 0
    var largest = 0.0
    // Some of each tensor.
    for info in model.parameters.list.infos {
      for _ in 0..<max(3, samples / model.parameters.list.infos.count) {
        let i = info.offset + random.int(info.elements)
        let value = model.parameters.values[i]
        model.parameters.values[i] = value + Scalar(step)
        let above = try loss().mean
        model.parameters.values[i] = value - Scalar(step)
        let below = try loss().mean
        model.parameters.values[i] = value
        largest = max(largest, abs((above - below) / (2 * step) - Double(gradients[i])) / scale)
      }
    }
    return largest
  }
}
