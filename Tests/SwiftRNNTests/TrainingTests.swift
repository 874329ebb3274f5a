import CPrimitives
import Reference
import SwiftRNN
import Testing

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Embedding, loss, clipping and optimizers as calls: gradients, threads, borders, refusals. One after the other,
/// because the thread count is the process's.
@Suite(.serialized) struct TrainingTests {
  // MARK: Embedding

  @Test func embeddingCopiesRows() throws {
    var random = SplitMix(10)
    for (vocabulary, width, count) in [(1, 1, 1), (5, 0, 3), (7, 13, 0), (300, 31, 5000)] {
      let weight: [Float] = random.numbers(vocabulary * width)
      let ids = random.integers(count, 0..<vocabulary)
      for out in try withThreadCounts({ try embedding(weight, vocabulary: vocabulary, width: width, ids: ids) }) {
        #expect(out == ids.flatMap { weight[$0 * width..<($0 + 1) * width] })
      }
    }
  }

  @Test func embeddingGradientOfFloat() throws { try embeddingGradients(Float.self) }
  @Test func embeddingGradientOfDouble() throws { try embeddingGradients(Double.self) }

  private func embeddingGradients<S: TrainingScalar>(_: S.Type) throws {
    var random = SplitMix(11)
    for (vocabulary, width, count) in [(1, 1, 1), (5, 0, 3), (7, 13, 0), (3, 17, 50), (50, 300, 2000)] {
      let ids = random.integers(count, 0..<vocabulary)
      // Eighths: every sum is exact, so that the reference has the same bits.
      let dout = random.integers(count * width, -8..<8).map { S($0) / 8 }
      let start = random.integers(vocabulary * width, -8..<8).map { S($0) / 8 }
      for addingTo in [nil, start] {
        let expected = TrainingReference.embeddingGradient(
          ids: ids, dout: doubles(dout), vocabulary: vocabulary, width: width, start: addingTo.map { doubles($0) })
        for dweight in try withThreadCounts({
          try embeddingGradient(ids: ids, dout: dout, vocabulary: vocabulary, width: width, addingTo: addingTo)
        }) {
          #expect(doubles(dweight) == expected)
        }
      }
    }
  }

  @Test func embeddingGradientDoesNotDependOnThreads() throws {
    var random = SplitMix(12)
    let ids = random.integers(3000, 0..<40)
    let dout: [Float] = random.numbers(3000 * 257)
    let all = try withThreadCounts { try embeddingGradient(ids: ids, dout: dout, vocabulary: 40, width: 257) }
    #expect(all.dropFirst().allSatisfy { $0 == all[0] })
  }

  // MARK: Cross-entropy

  @Test func crossEntropyAgainstFiniteDifferences() throws {
    var random = SplitMix(13)
    let (rows, classes) = (5, 7)
    var logits: [Double] = random.numbers(rows * classes, -2...2)
    let targets = [3, -100, 0, 6, 2]
    let (result, losses, gradient) = try crossEntropy(logits, classes: classes, targets: targets)
    #expect(result.count == 4)
    #expect(losses[1] == 0)
    #expect(abs(result.loss - losses.reduce(0, +) / 4) < 1e-15)
    for i in logits.indices {
      let x = logits[i]
      logits[i] = x + 1e-5
      let above = try crossEntropy(logits, classes: classes, targets: targets).result.loss
      logits[i] = x - 1e-5
      let below = try crossEntropy(logits, classes: classes, targets: targets).result.loss
      logits[i] = x
      #expect(abs(gradient[i] - (above - below) / 2e-5) < 1e-9)
    }
  }

  @Test func crossEntropyOfFloat() throws { try crossEntropies(Float.self) }
  @Test func crossEntropyOfDouble() throws { try crossEntropies(Double.self) }

  /// Rows around the borders of a chunk, and enough for several threads.
  private func crossEntropies<S: TrainingScalar>(_: S.Type) throws {
    var random = SplitMix(14)
    for (rows, classes) in [(0, 5), (1, 1), (4095, 3), (4096, 3), (4097, 3), (9001, 33)] {
      let logits: [S] = random.numbers(rows * classes, -4...4)
      var targets = random.integers(rows, 0..<classes)
      for i in stride(from: 0, to: rows, by: 5) { targets[i] = -100 }
      let expected = TrainingReference.crossEntropy(
        logits: doubles(logits), classes: classes, targets: targets, ignored: -100)
      let all = try withThreadCounts { try crossEntropy(logits, classes: classes, targets: targets) }
      let (result, losses, gradient) = all[0]
      #expect(result.count == expected.count)
      #expect(abs(result.loss - expected.loss) <= 32 * S.unit * (1 + expected.loss))
      // Ours within 2 ulp of the loss that it is given, the C library's within 1.
      #expect(abs(result.perplexity - exp(result.loss)) <= 6 * 0x1p-53 * result.perplexity)
      #expect(zip(losses, expected.rowLosses).allSatisfy { abs($0 - $1) <= 32 * S.unit * (1 + $1) })
      #expect(
        zip(gradient, expected.gradient).allSatisfy { abs(Double($0) - $1) * Double(expected.count) <= 32 * S.unit })
      for other in all.dropFirst() {
        #expect(other.result.loss == result.loss && other.result.perplexity == result.perplexity)
        #expect(other.losses == losses && other.gradient == gradient)
      }
    }
  }

  @Test func crossEntropyMayOverwriteItsLogits() throws {
    var random = SplitMix(15)
    let logits: [Float] = random.numbers(6 * 21, -4...4)
    let targets = [0, 20, 3, -100, 7, 7]
    let apart = try crossEntropy(logits, classes: 21, targets: targets)
    var shared = logits
    let loss = try shared.withUnsafeMutableBufferPointer { buffer in
      try targets.withUnsafeBufferPointer {
        try CrossEntropy.evaluate(logits: UnsafeBufferPointer(buffer), classes: 21, targets: $0, dlogits: buffer).loss
      }
    }
    #expect(shared == apart.gradient)
    #expect(loss == apart.result.loss)
  }

  @Test func crossEntropyOfExtremeLogits() throws {
    let huge: [Float] = [3e38, -3e38, 1, -.infinity, 0, 0]
    let (result, losses, gradient) = try crossEntropy(huge, classes: 3, targets: [0, 1])
    #expect(losses[0] == 0)
    #expect(abs(losses[1] - 0.6931471805599453) < 1e-7)
    #expect(gradient == [0, 0, 0, 0, -0.25, 0.25])
    #expect(result.perplexity > 1.41 && result.perplexity < 1.42)
    #expect(try crossEntropy([Float.nan, 1], classes: 2, targets: [1]).result.loss.isNaN)
    #expect(try crossEntropy([-Double.infinity, 1], classes: 2, targets: [0]).result.loss == .infinity)
    let none = try crossEntropy([1.0, 2, 3, 4], classes: 2, targets: [-100, -100])
    #expect(none.result.loss == 0 && none.result.perplexity == 1 && none.result.count == 0)
    #expect(none.gradient == [0, 0, 0, 0])
  }

  // MARK: Clipping

  @Test func clippingOfFloat() throws { try clipping(Float.self) }
  @Test func clippingOfDouble() throws { try clipping(Double.self) }

  private func clipping<S: TrainingScalar>(_: S.Type) throws {
    var random = SplitMix(16)
    for counts in [[], [0], [1], [4095, 4096, 4097], [1_100_003, 7]] {
      let tensors: [[S]] = counts.map { random.numbers($0) }
      let norm = TrainingReference.norm(tensors.map { doubles($0) })
      for limit in [norm / 3, norm * 2, .infinity] where limit > 0 {
        let all = try withThreadCounts { try clip(tensors, maxNorm: limit) }
        #expect(abs(all[0].norm - norm) <= 1e-12 * norm)
        if limit > norm {
          #expect(all[0].tensors == tensors)
        } else {
          #expect(zip(all[0].tensors.joined(), tensors.joined()).allSatisfy { abs($0 - $1 / 3) <= S(4 * S.unit) })
        }
        #expect(all.dropFirst().allSatisfy { $0.norm == all[0].norm && $0.tensors == all[0].tensors })
      }
    }
  }

  @Test func aNormThatIsNotFiniteClipsNothing() throws {
    for bad in [Double.nan, .infinity] {
      let (tensors, norm) = try clip([[3, 4], [bad]], maxNorm: 1)
      #expect(tensors[0] == [3, 4])
      #expect(!norm.isFinite)
    }
    #expect(try clip([[3.0, 4.0]], maxNorm: 1).norm == 5)
    for limit in [0, -1, Double.nan] { #expect(throws: RNNError.self) { try clip([[1.0]], maxNorm: limit) } }
  }

  // MARK: Optimizers

  /// Four steps in float64 by torch 2.13.
  @Test func optimizersAgreeWithTorch() throws {
    let gradients = [[0.1, -0.2, 0.3], [-0.4, 0.5, 0.0], [0.05, 0.25, -1.5], [1e-3, 2.0, -0.7]]
    func sgd(_ sgd: SGD) throws -> [Double] {
      var (p, v) = ([0.5, -1.25, 2.0], [0.0, 0, 0])
      for g in gradients { try sgdStep(sgd, g, &p, &v) }
      return p
    }
    func adam(_ adam: Adam) throws -> [Double] {
      var (p, m, v) = ([0.5, -1.25, 2.0], [0.0, 0, 0], [0.0, 0, 0])
      for (step, g) in gradients.enumerated() { try adamStep(adam, step + 1, g, &p, &m, &v) }
      return p
    }
    let pairs = [
      (try sgd(SGD(rate: 0.1)), [0.5249, -1.505, 2.19]),
      (
        try sgd(SGD(rate: 0.1, momentum: 0.9, weightDecay: 0.01)),
        [0.5598356946605, -1.55289156514625, 2.2338803756320003]
      ),
      (
        try sgd(SGD(rate: 0.1, momentum: 0.9, weightDecay: 0.01, nesterov: true)),
        [0.5766243260496869, -1.7724635823555572, 2.3924973571214276]
      ),
      (
        try adam(Adam(rate: 0.01, weightDecay: 0.1)),
        [0.49626088617989167, -1.249903845145755, 1.9887395810235113]
      ),
      (
        try adam(Adam(rate: 0.01, beta1: 0.8, beta2: 0.99, epsilon: 1e-6, weightDecay: 0.1, decoupled: true)),
        [0.500302586461449, -1.254010410465382, 1.988801095948341]
      ),
    ]
    for (ours, theirs) in pairs {
      for (a, b) in zip(ours, theirs) { #expect(abs(a - b) <= 8 * 0x1p-53 * abs(b)) }
    }
  }

  @Test func optimizersDoNotDependOnThreads() throws {
    var random = SplitMix(17)
    let count = 300_007
    let g: [Float] = random.numbers(count)
    let start: [Float] = random.numbers(count)
    let sgds = try withThreadCounts {
      var (p, v) = (start, g)
      try sgdStep(SGD(rate: 0.1, momentum: 0.9, weightDecay: 0.01, nesterov: true), g, &p, &v)
      return [p, v]
    }
    let adams = try withThreadCounts {
      var (p, m, v) = (start, g, g.map { $0 * $0 })
      try adamStep(Adam(weightDecay: 0.1, decoupled: true), 7, g, &p, &m, &v)
      return [p, m, v]
    }
    #expect(sgds.dropFirst().allSatisfy { $0 == sgds[0] })
    #expect(adams.dropFirst().allSatisfy { $0 == adams[0] })
  }

  @Test func momentumWithoutVelocityIsRefused() throws {
    var p: [Float] = [1, 2]
    let g: [Float] = [1, 1]
    g.withUnsafeBufferPointer { g in
      p.withUnsafeMutableBufferPointer { p in
        #expect(throws: RNNError.self) { try SGD(rate: 0.1, momentum: 0.9).step(gradient: g, parameter: p) }
        #expect(throws: Never.self) { try SGD(rate: 0.5, nesterov: true).step(gradient: g, parameter: p) }
      }
    }
    #expect(p == [0.5, 1.5])
  }

  @Test func unusableSettingsAreRefused() throws {
    for bad in [-1, Double.nan, .infinity] {
      for sgd in [SGD(rate: bad), SGD(rate: 1, momentum: bad), SGD(rate: 1, weightDecay: bad)] {
        var (p, v) = ([1.0], [0.0])
        #expect(throws: RNNError.self) { try sgdStep(sgd, [1.0], &p, &v) }
        #expect(p == [1] && v == [0])
      }
      for adam in [
        Adam(rate: bad), Adam(beta1: bad), Adam(beta2: bad), Adam(epsilon: bad), Adam(weightDecay: bad), Adam(beta1: 1),
      ] {
        var (p, m, v) = ([1.0], [0.0], [0.0])
        #expect(throws: RNNError.self) { try adamStep(adam, 1, [1.0], &p, &m, &v) }
        #expect(p == [1] && m == [0] && v == [0])
      }
    }
    for step in [0, -1, Int.min] {
      var (p, m, v) = ([1.0], [0.0], [0.0])
      #expect(throws: RNNError.self) { try adamStep(Adam(), step, [1.0], &p, &m, &v) }
    }
  }

  // MARK: Floating-point control

  #if arch(x86_64)
    /// Callers that round upward, toward zero, or keep subnormals get the same bits, and their setting back.
    @Test func theCallersFloatControlDoesNotMatter() throws {
      var random = SplitMix(18)
      let logits: [Float] = random.numbers(40 * 100, -90...5)
      let targets = random.integers(40, 0..<100)
      let tiny: [Float] = random.numbers(1000, -1e-38...1e-38)
      let start: [Float] = random.numbers(1000)
      func everything() throws -> [UInt64] {
        let (result, losses, gradient) = try crossEntropy(logits, classes: 100, targets: targets)
        var (p, m, v) = (start, tiny, tiny.map(abs))
        try adamStep(Adam(weightDecay: 0.1), 2, tiny, &p, &m, &v)
        var velocity = tiny
        try sgdStep(SGD(rate: 0.3, momentum: 0.9), tiny, &p, &velocity)
        let (clipped, norm) = try clip([start, tiny], maxNorm: 0.1)
        let ids = try sample(Sampler(temperature: 0.7, topK: 50, topP: 0.9, seed: 3), logits, classes: 100)
        var bits = losses.map(\.bits) + gradient.map(\.bits) + p.map(\.bits) + m.map(\.bits) + v.map(\.bits)
        bits += velocity.map(\.bits) + clipped.joined().map(\.bits) + ids.map { UInt64($0) }
        return bits + [result.loss.bits, result.perplexity.bits, norm.bits]
      }
      let before = swiftrnn_float_control_enter()
      swiftrnn_float_control_leave(before)
      let expected = try everything()
      #expect(!expected.isEmpty)
      for control: UInt64 in [0x1f80, 0x3f80, 0x5f80, 0x7f80, 0x9fc0, 0xffc0] {
        swiftrnn_float_control_leave(control)
        let bits = Result { try everything() }
        let after = swiftrnn_float_control_enter()
        swiftrnn_float_control_leave(before)
        #expect(after & ~0x3f == control & ~0x3f)
        #expect(try bits.get() == expected)
      }
    }
  #endif
}
