// The passes of an adaptive softmax over the memory of a caller: a tensor's, or a model's.
import SwiftRNN

/// Losses, gradients and log-probabilities of an ``AdaptiveSoftmax``, whose parameters are one flat vector. Keeps the memory
/// of its passes; one thread at a time. A caller that makes passes for one call keeps them alive until its end.
final class AdaptivePasses<Scalar: RNNScalar> {
  private let softmax: AdaptiveSoftmax
  /// The target of the head in each row; rows by cluster, and their targets within the cluster.
  private let (headTargets, members, tailTargets) = (Buffer<Int>(), Buffer<Int>(), Buffer<Int>())
  private let (shares, ones) = (Buffer<Scalar>(), Buffer<Scalar>())
  /// Inputs and narrow inputs of a cluster's rows, and their gradients.
  private let (own, narrow, ownGradient, narrowGradient) = (
    Buffer<Scalar>(), Buffer<Scalar>(), Buffer<Scalar>(), Buffer<Scalar>()
  )
  private let (headRows, column, tailRows) = (Buffer<Scalar>(), Buffer<Scalar>(), Buffer<Scalar>())
  private let tailLosses = Buffer<Double>()

  init(_ softmax: AdaptiveSoftmax) { self.softmax = softmax }

  private func place(_ name: String) throws(RNNError) -> Range<Int> {
    guard let info = softmax.parameters[name] else { throw .mismatch("the softmax lacks one of its own parameters") }
    return info.offset..<info.offset + info.elements
  }

  private func tensor(_ name: String, _ flat: UnsafeBufferPointer<Scalar>) throws(RNNError) -> UnsafeBufferPointer<
    Scalar
  > {
    UnsafeBufferPointer(rebasing: flat[try place(name)])
  }

  private func gradient(
    _ name: String, _ flat: UnsafeMutableBufferPointer<Scalar>?
  ) throws(RNNError) -> UnsafeMutableBufferPointer<Scalar>? {
    guard let flat else { return nil }
    return flat.part(try place(name))
  }

  private func headBias(_ flat: UnsafeBufferPointer<Scalar>) throws(RNNError) -> UnsafeBufferPointer<Scalar>? {
    softmax.hasHeadBias ? try tensor("head.bias", flat) : nil
  }

  // MARK: Targets

  /// Rows of each cluster, and how many rows count.
  private struct Split {
    var count = 0
    let head: UnsafeBufferPointer<Int>
    /// Beginning of each cluster's rows in the two below; one more for the end.
    var starts: [Int]
    let rows: UnsafeMutableBufferPointer<Int>
    let targets: UnsafeMutableBufferPointer<Int>

    func rows(of cluster: Int) -> UnsafeBufferPointer<Int> {
      rows.part(starts[cluster]..<starts[cluster + 1]).constant
    }
    func targets(of cluster: Int) -> UnsafeBufferPointer<Int> {
      targets.part(starts[cluster]..<starts[cluster + 1]).constant
    }
  }

  private func split(_ targets: UnsafeBufferPointer<Int>, ignoring ignored: Int) throws(RNNError) -> Split {
    let head = try headTargets.take(targets.count)
    let (cutoffs, frequent) = (softmax.cutoffs, softmax.cutoffs[0])
    var split = Split(
      head: head.constant, starts: [Int](repeating: 0, count: cutoffs.count + 1),
      rows: try members.take(targets.count), targets: try tailTargets.take(targets.count))
    for (row, target) in targets.enumerated() {
      guard target != ignored else {
        head[row] = CrossEntropy.ignoredTarget
        continue
      }
      guard (0..<softmax.classes).contains(target) else {
        throw .invalidElement("targets", index: row, target, low: 0, high: softmax.classes - 1)
      }
      split.count += 1
      head[row] = target
      if target >= frequent {
        let cluster = (cutoffs.firstIndex { target < $0 } ?? cutoffs.count) - 1
        head[row] = frequent + cluster
        split.starts[cluster + 1] += 1
      }
    }
    for cluster in cutoffs.indices { split.starts[cluster + 1] += split.starts[cluster] }
    var next = split.starts
    for row in head.indices where head[row] >= frequent {
      let cluster = head[row] - frequent
      (split.rows[next[cluster]], split.targets[next[cluster]]) = (row, targets[row] - cutoffs[cluster])
      next[cluster] += 1
    }
    return split
  }

  /// The inputs of a cluster's rows, and what its first layer makes of them.
  private func narrowed(
    _ cluster: Int, _ ids: UnsafeBufferPointer<Int>, rows: Int, _ x: UnsafeBufferPointer<Scalar>,
    _ flat: UnsafeBufferPointer<Scalar>
  ) throws(RNNError) -> (own: UnsafeBufferPointer<Scalar>, narrow: UnsafeBufferPointer<Scalar>) {
    let (inputs, width) = (softmax.inputs, softmax.width(of: cluster))
    let own = try self.own.take(Sizes.product(ids.count, inputs, name: "the rows of a cluster"))
    try Embedding.forward(weight: x, vocabulary: rows, width: inputs, ids: ids, out: own)
    let narrow = try self.narrow.take(Sizes.product(ids.count, width, name: "the rows of a cluster"))
    try Linear.forward(
      rows: ids.count, inputs: inputs, outputs: width, x: own.constant,
      weight: try tensor("tail.\(cluster).0.weight", flat), bias: nil, y: narrow)
    return (own.constant, narrow.constant)
  }

  // MARK: Losses

  /// The mean of -log p(target) over the rows that count, and if wanted its gradients.
  ///
  /// - Parameters:
  ///   - x: `[rows, inputs]`
  ///   - parameters: flat, as the softmax's list has them.
  ///   - targets: `[rows]`
  ///   - memoryLimit: as of `LinearCrossEntropy`.
  ///   - rowLosses: `[rows]`, receives each row's loss, 0 where ignored; nil: not wanted. Without `dx` only.
  ///   - dx: `[rows, inputs]`, is written; nil: no gradients are wanted.
  ///   - gradients: as the parameters, are written; nil: not wanted. With `dx` only.
  func evaluate(
    rows: Int, x: UnsafeBufferPointer<Scalar>, parameters: UnsafeBufferPointer<Scalar>,
    targets: UnsafeBufferPointer<Int>, ignoring ignored: Int = CrossEntropy.ignoredTarget,
    memoryLimit: Int = LinearCrossEntropy.defaultMemoryLimit, rowLosses: UnsafeMutableBufferPointer<Double>? = nil,
    dx: UnsafeMutableBufferPointer<Scalar>? = nil, gradients: UnsafeMutableBufferPointer<Scalar>? = nil
  ) throws(RNNError) -> (loss: Double, count: Int) {
    let (inputs, split) = (softmax.inputs, try split(targets, ignoring: ignored))
    // Each part's gradients are those of its own sum times this, so that all of them are of the mean over all rows.
    let share = Scalar(split.count > 0 ? 1 / Double(split.count) : 0)
    let shares = dx == nil ? nil : try self.shares.take(rows)
    shares?.update(repeating: share)
    let head = try LinearCrossEntropy.evaluate(
      rows: rows, inputs: inputs, classes: softmax.headClasses, x: x, weight: try tensor("head.weight", parameters),
      bias: try headBias(parameters), targets: split.head, rowWeights: shares?.constant, reduction: .sum,
      memoryLimit: memoryLimit, rowLosses: rowLosses, dx: dx, dweight: try gradient("head.weight", gradients),
      dbias: softmax.hasHeadBias ? try gradient("head.bias", gradients) : nil)
    var losses = [head.loss]
    for cluster in softmax.cutoffs.indices {
      let (first, second) = ("tail.\(cluster).0.weight", "tail.\(cluster).1.weight")
      let (ids, width) = (split.rows(of: cluster), softmax.width(of: cluster))
      let dsecond = try gradient(second, gradients)
      let dfirst = try gradient(first, gradients)
      guard !ids.isEmpty else {
        dfirst?.update(repeating: 0)
        dsecond?.update(repeating: 0)
        continue
      }
      let (own, narrow) = try narrowed(cluster, ids, rows: rows, x, parameters)
      let dnarrow = dx == nil ? nil : try narrowGradient.take(narrow.count)
      let each = rowLosses == nil ? nil : try tailLosses.take(ids.count)
      let tail = try LinearCrossEntropy.evaluate(
        rows: ids.count, inputs: width, classes: softmax.size(of: cluster), x: narrow,
        weight: try tensor(second, parameters), bias: nil, targets: split.targets(of: cluster),
        rowWeights: shares?.part(0..<ids.count).constant, reduction: .sum, memoryLimit: memoryLimit, rowLosses: each,
        dx: dnarrow, dweight: dsecond)
      losses.append(tail.loss)
      if let rowLosses, let each {
        try Embedding.backward(
          ids: ids, dout: each.constant, vocabulary: rows, width: 1, accumulate: true, dweight: rowLosses)
      }
      guard let dx, let dnarrow else { continue }
      let down = try ownGradient.take(own.count)
      try Linear.backward(
        rows: ids.count, inputs: inputs, outputs: width, x: own, weight: try tensor(first, parameters),
        dy: dnarrow.constant, accumulate: false, dx: down, dweight: dfirst, dbias: nil)
      try Embedding.backward(
        ids: ids, dout: down.constant, vocabulary: rows, width: inputs, accumulate: true, dweight: dx)
    }
    guard split.count > 0 else { return (0, 0) }
    // The share is rounded to a Scalar; the loss is not to have that error.
    let scale = shares == nil ? 1 : Double(share)
    return (try Self.sum(losses) / (scale * Double(split.count)), split.count)
  }

  /// The sum of a few numbers: by a layer of one output, so that it has the library's floating-point control.
  private static func sum(_ numbers: [Double]) throws(RNNError) -> Double {
    let ones = try Tensor<Double>(repeating: 1, shape: [1, numbers.count])
    return try Linear.forward(try Tensor(numbers, shape: [1, numbers.count]), weight: ones)[0, 0]
  }

  // MARK: Probabilities

  /// log p of all classes, a block of rows at a time.
  ///
  /// - Parameters:
  ///   - x: `[rows, inputs]`
  ///   - y: `[rows, classes]`, is written.
  func logProbabilities(
    rows: Int, x: UnsafeBufferPointer<Scalar>, parameters: UnsafeBufferPointer<Scalar>,
    y: UnsafeMutableBufferPointer<Scalar>
  ) throws(RNNError) {
    var first = 0
    while first < rows {
      let count = min(256, rows - first)
      try block(
        count, UnsafeBufferPointer(rebasing: x[first * softmax.inputs..<(first + count) * softmax.inputs]), parameters,
        y.part(first * softmax.classes..<(first + count) * softmax.classes))
      first += count
    }
  }

  private func block(
    _ rows: Int, _ x: UnsafeBufferPointer<Scalar>, _ parameters: UnsafeBufferPointer<Scalar>,
    _ y: UnsafeMutableBufferPointer<Scalar>
  ) throws(RNNError) {
    let (inputs, frequent, head) = (softmax.inputs, softmax.cutoffs[0], softmax.headClasses)
    let headRows = try self.headRows.take(Sizes.product(rows, head, name: "the head"))
    try Linear.forward(
      rows: rows, inputs: inputs, outputs: head, x: x, weight: try tensor("head.weight", parameters),
      bias: try headBias(parameters), y: headRows)
    try LogSoftmax.apply(headRows, rows: rows, classes: head)
    copy(headRows, rows: rows, stride: head, count: frequent, to: y, column: 0)
    for (cluster, cutoff) in softmax.cutoffs.enumerated() {
      let (width, size) = (softmax.width(of: cluster), softmax.size(of: cluster))
      let narrow = try self.narrow.take(Sizes.product(rows, width, name: "the rows of a cluster"))
      let tail = try tailRows.take(Sizes.product(rows, size, name: "the classes of a cluster"))
      try Linear.forward(
        rows: rows, inputs: inputs, outputs: width, x: x, weight: try tensor("tail.\(cluster).0.weight", parameters),
        bias: nil, y: narrow)
      try Linear.forward(
        rows: rows, inputs: width, outputs: size, x: narrow.constant,
        weight: try tensor("tail.\(cluster).1.weight", parameters), bias: nil, y: tail)
      try LogSoftmax.apply(tail, rows: rows, classes: size)
      // The cluster's own log-probability is added to each row as a product of a column and a row of ones, so that the sum
      // has the library's floating-point control.
      let (column, ones) = (try self.column.take(rows), try self.ones.take(size))
      for row in 0..<rows { column[row] = headRows[row * head + frequent + cluster] }
      ones.update(repeating: 1)
      try Linear.backward(
        rows: 1, inputs: size, outputs: rows, x: ones.constant, weight: tail.constant, dy: column.constant,
        accumulate: true, dx: nil, dweight: tail, dbias: nil)
      copy(tail, rows: rows, stride: size, count: size, to: y, column: cutoff)
    }
  }

  /// Copies the first `count` numbers of each row to a place in the rows of all classes.
  private func copy(
    _ from: UnsafeMutableBufferPointer<Scalar>, rows: Int, stride: Int, count: Int,
    to: UnsafeMutableBufferPointer<Scalar>, column: Int
  ) {
    guard let from = from.baseAddress, let to = to.baseAddress else { return }
    for row in 0..<rows {
      (to + row * softmax.classes + column).update(from: from + row * stride, count: count)
    }
  }
}
