// Cross-entropy over a part of a large vocabulary that is drawn for each step of a training.
import SwiftRNN

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// Classes that stand for all others in a step: distinct ones, drawn from the log-uniform distribution, which fits classes
/// in falling order of frequency: P(k) = log((k + 2) / (k + 1)) / log(classes + 1).
struct SampledClasses {
  /// Ascending.
  let drawn: [Int]
  private let classes: Int
  /// Draws until as many distinct classes had come.
  private let draws: Int

  /// - Parameter count: 1 ... classes / 2, which is checked by the caller.
  init(_ count: Int, of classes: Int, seed: UInt64) {
    let philox = Philox(seed: seed)
    let top = log(Double(classes) + 1)
    var (found, draws) = (Set<Int>(), 0)
    while found.count < count {
      let words = philox.words(UInt64(draws), 0)
      let number = exp(Philox.uniform53(words.0, words.1) * top) - 1
      found.insert(min(max(Int(number), 0), classes - 1))
      draws += 1
    }
    (drawn, self.classes, self.draws) = (found.sorted(), classes, draws)
  }

  /// The logarithm of the probability that a class is among so many draws.
  func logProbability(_ k: Int) -> Double {
    let one = log1p(1 / (Double(k) + 1)) / log(Double(classes) + 1)
    return log(-expm1(Double(draws) * log1p(-one)))
  }
}

/// Memory of a sampled softmax. Belongs to the layer: local buffers would be freed before their last pointer is read.
final class SampledMemory<Scalar: RNNScalar> {
  let kinds = Buffer<Int8>()
  let (columns, ids, targets) = (Buffer<Int>(), Buffer<Int>(), Buffer<Int>())
  let (weight, weightGradient) = (Buffer<Scalar>(), Buffer<Scalar>())
  let (bias, biasGradient) = (Buffer<Scalar>(), Buffer<Scalar>())
}

extension OutputPart {
  /// Sampled softmax (Jean, Cho, Memisevic, Bengio, "On using very large target vocabulary for neural machine translation",
  /// 2015; the importance weights are those of Bengio, Senécal 2008): each row's softmax is over its target and the drawn
  /// classes, whose logits are lowered by the logarithm of the probability that they were drawn.
  ///
  ///     loss = -log softmax(logit[k] - log Q[k] : k in {target} ∪ drawn)[target]
  ///
  /// Gradients of other classes' weights are zeros.
  ///
  /// - Returns: the loss, and dL/dx, `[rows, inputs]`, until the next call.
  func sampledCrossEntropy(
    _ x: UnsafeBufferPointer<Scalar>, targets: UnsafeBufferPointer<Int>, count: Int, seed: UInt64
  ) throws(RNNError) -> (ModelLoss, UnsafeMutableBufferPointer<Scalar>?) {
    guard let bias else { throw .unsupported("sampled classes are for a linear output layer") }
    for (row, target) in targets.enumerated() where target != CrossEntropy.ignoredTarget {
      guard (0..<outputs).contains(target) else {
        throw .invalidElement("targets", index: row, target, low: 0, high: outputs - 1)
      }
    }
    let sampled = SampledClasses(count, of: outputs, seed: seed)
    // Marks of all classes: 1 drawn, 0 a target of some row, -1 neither; then the column, for classes that have one.
    let memory = sampledMemory
    let (kind, column) = (try memory.kinds.take(outputs), try memory.columns.take(outputs))
    kind.update(repeating: -1)
    for target in targets where target != CrossEntropy.ignoredTarget { kind[target] = 0 }
    for k in sampled.drawn { kind[k] = 1 }
    let width = kind.reduce(0) { $0 + ($1 >= 0 ? 1 : 0) }
    let (ids, own) = (try memory.ids.take(width), try memory.targets.take(targets.count))
    var next = 0
    for k in 0..<outputs where kind[k] >= 0 {
      (ids[next], column[k]) = (k, next)
      next += 1
    }
    for (row, target) in targets.enumerated() {
      own[row] = target == CrossEntropy.ignoredTarget ? target : column[target]
    }
    let rows = targets.count
    let elements = try Sizes.product(width, inputs, name: "the sampled classes")
    let (w, dw) = (try memory.weight.take(elements), try memory.weightGradient.take(elements))
    let (b, db) = (try memory.bias.take(width), try memory.biasGradient.take(width))
    try Embedding.forward(weight: weight.values, vocabulary: outputs, width: inputs, ids: ids.constant, out: w)
    for (i, k) in ids.enumerated() { b[i] = bias.values[k] - Scalar(sampled.logProbability(k)) }
    let y = try results.take(Sizes.product(rows, width, name: "logits"))
    try Linear.forward(
      rows: rows, inputs: inputs, outputs: width, x: x, weight: w.constant, bias: b.constant, y: y)
    // Targets of other rows that were not drawn.
    let others = ids.indices.filter { kind[ids[$0]] == 0 }
    for row in 0..<rows {
      for i in others where i != own[row] { y[row * width + i] = -.infinity }
    }
    let result = try CrossEntropy.evaluate(
      logits: y.constant, classes: width, targets: own.constant, dlogits: y)
    let dx = try gradient.take(Sizes.product(rows, inputs, name: "the gradient of the output layer"))
    try Linear.backward(
      rows: rows, inputs: inputs, outputs: width, x: x, weight: w.constant, dy: y.constant, accumulate: false, dx: dx,
      dweight: dw, dbias: db)
    try Embedding.backward(
      ids: ids.constant, dout: dw.constant, vocabulary: outputs, width: inputs, dweight: weight.gradient)
    try Embedding.backward(
      ids: ids.constant, dout: db.constant, vocabulary: outputs, width: 1, dweight: bias.gradient)
    return (ModelLoss(mean: result.loss, count: result.count), dx)
  }
}
