// A softmax over a large vocabulary in two steps: the frequent words, and clusters of rarer ones, whose layers are narrower
// and which only the rows pay for that have such a target.
import SwiftRNN

/// Adaptive softmax (Grave, Joulin, Cissé, Grangier, Jégou, "Efficient softmax approximation for GPUs", 2017), as torch's
/// `AdaptiveLogSoftmaxWithLoss` has it.
///
/// Classes are in falling order of frequency. The head is a linear layer over the first `cutoffs[0]` of them and the
/// clusters; cluster i, of the classes `cutoffs[i] ..< cutoffs[i + 1]`, where the last one ends with `classes`, is two
/// linear layers without bias, by way of `inputs / divisor^(i + 1)` numbers, one at least.
///
///     log p(class) = log softmax(head x)[class]                                                  of the frequent
///     log p(class) = log softmax(head x)[cutoffs[0] + i] + log softmax(out_i in_i x)[class - cutoffs[i]]     of cluster i
///
/// Parameters lie in one flat vector, by torch's names: `head.weight`, `head.bias` if there is one, `tail.i.0.weight`
/// `[width, inputs]`, `tail.i.1.weight` `[classes of the cluster, width]`.
public struct AdaptiveSoftmax: Sendable {
  public let inputs: Int
  public let classes: Int
  /// Rising, above 0 and below `classes`.
  public let cutoffs: [Int]
  public let hasHeadBias: Bool
  /// Names, shapes and places of the parameters.
  public let parameters: ParameterList
  private let widths: [Int]

  /// - Parameters:
  ///   - inputs: 1 or more.
  ///   - classes: 2 or more.
  ///   - cutoffs: rising, each in `1 ..< classes`; one at least.
  ///   - divisor: above 0, by which each cluster's width is smaller than that of the one before; torch's 4.
  ///   - headBias: whether the head has a bias.
  /// - Throws: ``RNNError`` for what is outside these bounds.
  public init(
    inputs: Int, classes: Int, cutoffs: [Int], divisor: Int = 4, headBias: Bool = false
  ) throws(RNNError) {
    guard inputs >= 1 else { throw .invalidSize("inputs", inputs, low: 1, high: .max) }
    guard classes >= 2 else { throw .invalidSize("classes", classes, low: 2, high: .max) }
    guard divisor >= 1 else { throw .invalidValue("divisor", divisor, low: 1, high: .max) }
    guard !cutoffs.isEmpty else { throw .invalidSize("the number of cutoffs", 0, low: 1, high: .max) }
    var last = 0
    for (index, cutoff) in cutoffs.enumerated() {
      guard cutoff > last, cutoff < classes else {
        throw .invalidElement("cutoffs", index: index, cutoff, low: last + 1, high: classes - 1)
      }
      last = cutoff
    }
    (self.inputs, self.classes, self.cutoffs, hasHeadBias) = (inputs, classes, cutoffs, headBias)
    var (list, widths, width) = (ParameterList(), [Int](), inputs)
    let head = cutoffs[0] + cutoffs.count
    try list.add("head", [("weight", [head, inputs])] + (headBias ? [("bias", [head])] : []))
    for cluster in cutoffs.indices {
      width = max(1, width / divisor)
      widths.append(width)
      let end = cluster + 1 < cutoffs.count ? cutoffs[cluster + 1] : classes
      try list.add(
        "tail.\(cluster)", [("0.weight", [width, inputs]), ("1.weight", [end - cutoffs[cluster], width])])
    }
    (parameters, self.widths) = (list, widths)
  }

  /// The classes of a cluster.
  private func range(_ cluster: Int) -> Range<Int> {
    cutoffs[cluster]..<(cluster + 1 < cutoffs.count ? cutoffs[cluster + 1] : classes)
  }

  /// The part of a flat vector that a tensor is.
  private func tensor<Scalar: RNNScalar>(
    _ name: String, of flat: Tensor<Scalar>
  ) throws(RNNError) -> Tensor<Scalar> {
    guard let info = parameters[name] else { throw .unsupported("there is no such parameter") }
    return try flat.part(info.offset, shape: info.shape)
  }

  // MARK: Training

  /// Result of ``evaluate(_:parameters:targets:ignoring:)``.
  public struct Result<Scalar: RNNScalar>: Sendable {
    /// The mean of -log p(target) over the rows that count; 0 if there are none.
    public var loss: Double
    /// Number of rows that counted.
    public var count: Int
    /// As x.
    public var dx: Tensor<Scalar>
    /// As the parameters, flat.
    public var gradients: Tensor<Scalar>
  }

  /// The mean loss of x `[…, inputs]` and its gradients for x and the parameters.
  ///
  /// - Parameters:
  ///   - flat: `parameters.flatCount` numbers.
  ///   - targets: one for each row, in `0 ..< classes` or equal to `ignoring`.
  ///   - ignoring: the target of rows that do not count.
  /// - Throws: ``RNNError``
  public func evaluate<Scalar: RNNScalar>(
    _ x: Tensor<Scalar>, parameters flat: Tensor<Scalar>, targets: [Int],
    ignoring ignored: Int = CrossEntropy.ignoredTarget
  ) throws(RNNError) -> Result<Scalar> {
    let x2 = try rows(of: x, parameters: flat)
    let count = try check(targets, rows: x2.shape[0], ignoring: ignored)
    // Each part's gradients are those of its own sum times this, so that all of them are of the mean over all rows.
    let share = Scalar(count > 0 ? 1 / Double(count) : 0)
    let (headTargets, members) = split(targets, ignoring: ignored)
    var gradients = try Tensor<Scalar>(shape: [parameters.flatCount])
    let head = try LinearCrossEntropy.evaluate(
      x2, weight: try tensor("head.weight", of: flat), bias: hasHeadBias ? try tensor("head.bias", of: flat) : nil,
      targets: headTargets, rowWeights: try Tensor(repeating: share, shape: [targets.count]), reduction: .sum)
    var losses = [head.result.loss]
    var dx = head.gradients.x
    try store(head.gradients.weight, "head.weight", in: &gradients)
    if hasHeadBias { try store(head.gradients.bias, "head.bias", in: &gradients) }
    for (cluster, rows) in members.enumerated() where !rows.isEmpty {
      let own = try Embedding.forward(rows, shape: [rows.count], weight: x2)
      let narrowing = try tensor("tail.\(cluster).0.weight", of: flat)
      let hidden = try Linear.forward(own, weight: narrowing)
      let tail = try LinearCrossEntropy.evaluate(
        hidden, weight: try tensor("tail.\(cluster).1.weight", of: flat),
        targets: rows.map { targets[$0] - cutoffs[cluster] },
        rowWeights: try Tensor(repeating: share, shape: [rows.count]), reduction: .sum)
      let back = try Linear.backward(tail.gradients.x, x: own, weight: narrowing)
      losses.append(tail.result.loss)
      try store(back.weight, "tail.\(cluster).0.weight", in: &gradients)
      try store(tail.gradients.weight, "tail.\(cluster).1.weight", in: &gradients)
      try add(back.x, to: &dx, rows: rows, width: inputs)
    }
    return Result(loss: try sum(losses), count: count, dx: try dx.reshaped(x.shape), gradients: gradients)
  }

  /// The sum of a few numbers: by a layer of one output, so that it has the library's floating-point control.
  private func sum(_ numbers: [Double]) throws(RNNError) -> Double {
    let ones = try Tensor<Double>(repeating: 1, shape: [1, numbers.count])
    return try Linear.forward(try Tensor(numbers, shape: [1, numbers.count]), weight: ones)[0, 0]
  }

  // MARK: Probabilities

  /// -log p(target) of each row of x `[…, inputs]`; 0 where ignored.
  ///
  /// - Returns: `[rows]`
  /// - Throws: ``RNNError``
  public func losses<Scalar: RNNScalar>(
    _ x: Tensor<Scalar>, parameters flat: Tensor<Scalar>, targets: [Int],
    ignoring ignored: Int = CrossEntropy.ignoredTarget
  ) throws(RNNError) -> Tensor<Double> {
    let x2 = try rows(of: x, parameters: flat)
    _ = try check(targets, rows: x2.shape[0], ignoring: ignored)
    let (headTargets, members) = split(targets, ignoring: ignored)
    var losses = try Self.rowLosses(
      x2, weight: try tensor("head.weight", of: flat), bias: hasHeadBias ? try tensor("head.bias", of: flat) : nil,
      targets: headTargets)
    for (cluster, rows) in members.enumerated() where !rows.isEmpty {
      let own = try Embedding.forward(rows, shape: [rows.count], weight: x2)
      let hidden = try Linear.forward(own, weight: try tensor("tail.\(cluster).0.weight", of: flat))
      let tail = try Self.rowLosses(
        hidden, weight: try tensor("tail.\(cluster).1.weight", of: flat), bias: nil,
        targets: rows.map { targets[$0] - cutoffs[cluster] })
      try add(tail, to: &losses, rows: rows, width: 1)
    }
    return losses
  }

  private static func rowLosses<Scalar: RNNScalar>(
    _ x: Tensor<Scalar>, weight: Tensor<Scalar>, bias: Tensor<Scalar>?, targets: [Int]
  ) throws(RNNError) -> Tensor<Double> {
    var losses = try Tensor<Double>(shape: [targets.count])
    try losses.withUnsafeMutableBufferPointer { (losses) throws(RNNError) in
      try x.withUnsafeBufferPointer { (x) throws(RNNError) in
        try weight.withUnsafeBufferPointer { (w) throws(RNNError) in
          try targets.withUnsafeBufferPointer { (targets) throws(RNNError) in
            func evaluate(_ bias: UnsafeBufferPointer<Scalar>?) throws(RNNError) {
              _ = try LinearCrossEntropy.evaluate(
                rows: targets.count, inputs: weight.shape[1], classes: weight.shape[0], x: x, weight: w, bias: bias,
                targets: targets, rowLosses: losses)
            }
            guard let bias else { return try evaluate(nil) }
            try bias.withUnsafeBufferPointer { (bias) throws(RNNError) in try evaluate(bias) }
          }
        }
      }
    }
    return losses
  }

  // MARK: Rows

  /// Targets of the head in each row, and the rows of each cluster.
  private func split(_ targets: [Int], ignoring ignored: Int) -> (head: [Int], members: [[Int]]) {
    var head = [Int](repeating: CrossEntropy.ignoredTarget, count: targets.count)
    var members = [[Int]](repeating: [], count: cutoffs.count)
    for (row, target) in targets.enumerated() where target != ignored {
      let cluster = (cutoffs.firstIndex { target < $0 } ?? cutoffs.count) - 1
      head[row] = cluster < 0 ? target : cutoffs[0] + cluster
      if cluster >= 0 { members[cluster].append(row) }
    }
    return (head, members)
  }

  /// Adds rows to those of `sum` that they came from.
  private func add<Scalar: RNNScalar>(
    _ some: Tensor<Scalar>, to sum: inout Tensor<Scalar>, rows: [Int], width: Int
  ) throws(RNNError) {
    let count = sum.count / width
    try sum.withUnsafeMutableBufferPointer { (sum) throws(RNNError) in
      try some.withUnsafeBufferPointer { (some) throws(RNNError) in
        try rows.withUnsafeBufferPointer { (ids) throws(RNNError) in
          try Embedding.backward(ids: ids, dout: some, vocabulary: count, width: width, accumulate: true, dweight: sum)
        }
      }
    }
  }

  // MARK: Checks

  private func rows<Scalar: RNNScalar>(
    of x: Tensor<Scalar>, parameters flat: Tensor<Scalar>
  ) throws(RNNError) -> Tensor<Scalar> {
    guard let width = x.shape.last, width == inputs else {
      throw .sizeMismatch("the last dimension of x", x.shape.last ?? 0, expected: inputs)
    }
    guard flat.count == parameters.flatCount else {
      throw .countMismatch("parameters", flat.count, expected: parameters.flatCount)
    }
    return try x.reshaped([x.count / inputs, inputs])
  }

  /// Number of targets that count.
  private func check(_ targets: [Int], rows: Int, ignoring ignored: Int) throws(RNNError) -> Int {
    guard targets.count == rows else { throw .countMismatch("targets", targets.count, expected: rows) }
    var count = 0
    for (row, target) in targets.enumerated() where target != ignored {
      guard (0..<classes).contains(target) else {
        throw .invalidElement("targets", index: row, target, low: 0, high: classes - 1)
      }
      count += 1
    }
    return count
  }

  /// Copies a gradient to its place in the flat vector.
  private func store<Scalar: RNNScalar>(
    _ gradient: Tensor<Scalar>, _ name: String, in flat: inout Tensor<Scalar>
  ) throws(RNNError) {
    guard let info = parameters[name] else { throw .unsupported("there is no such parameter") }
    try flat.withUnsafeMutableBufferPointer { (to) throws(RNNError) in
      gradient.withUnsafeBufferPointer { from in
        for i in 0..<from.count { to[info.offset + i] = from[i] }
      }
    }
  }
}
