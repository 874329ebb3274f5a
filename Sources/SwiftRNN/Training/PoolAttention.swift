// Pooling by attention: one query of no width, so that a step's score depends on it alone.
import Kernels

extension Pool {
  /// Yang et al. 2016 as additive attention: keys and values are y, the score vector is `query`.
  private var attention: Attention { Attention(.additive, querySize: 0, keySize: width, size: attentionSize) }

  private func parameters<Scalar: RNNScalar>(
    _ p: Parameters<Scalar>
  ) throws(RNNError) -> Attention.Parameters<Scalar> {
    guard let weight = p.weight else { throw .nullPointer("weight") }
    guard let query = p.query else { throw .nullPointer("query") }
    try Check.count("query", query.count, attentionSize)
    return .init(queryWeight: UnsafeBufferPointer(start: nil, count: 0), weight: weight, bias: p.bias, score: query)
  }

  /// Sizes and counts have been checked.
  func attend<Scalar: RNNScalar>(
    y: UnsafeBufferPointer<Scalar>, counted: CountedSteps, _ p: Parameters<Scalar>,
    out: UnsafeMutableBufferPointer<Scalar>, weights: UnsafeMutableBufferPointer<Scalar>?
  ) throws(RNNError) {
    let parameters = try parameters(p)
    let (steps, sequences) = (counted.steps, counted.sequences)
    let own = try weights.map { (weights) throws(RNNError) in try Block<Scalar>(count: weights.count) }
    try attention.forward(
      .init(
        querySteps: 1, counted: counted, queries: UnsafeBufferPointer(start: nil, count: 0), keys: y,
        parameters: parameters, context: out,
        weights: own.map { UnsafeMutableBufferPointer(start: $0.pointer, count: $0.count) }))
    guard let own, own.count > 0, let to = weights?.baseAddress else { return }
    for n in 0..<sequences {
      for t in 0..<steps { to[t * sequences + n] = own.pointer[n * steps + t] }
    }
  }

  func attendBackward<Scalar: RNNScalar>(
    y: UnsafeBufferPointer<Scalar>, counted: CountedSteps, _ p: Parameters<Scalar>,
    dout: UnsafeBufferPointer<Scalar>, accumulate: Bool, dy: UnsafeMutableBufferPointer<Scalar>?,
    _ gradients: Gradients<Scalar>
  ) throws(RNNError) {
    let parameters = try parameters(p)
    if let given = gradients.query { try Check.count("dquery", given.count, attentionSize) }
    let wanted =
      (dy?.count ?? 0) + (gradients.weight?.count ?? 0) + (gradients.bias?.count ?? 0) + (gradients.query?.count ?? 0)
    let (isWanted, queries) = (wanted > 0, UnsafeBufferPointer<Scalar>(start: nil, count: 0))
    // As in the forward pass: cheaper than for every caller to keep them.
    let weights = try Block<Scalar>(count: isWanted ? counted.steps * counted.sequences : 0)
    let context = try Block<Scalar>(count: isWanted ? dout.count : 0)
    if isWanted {
      try attention.forward(
        .init(
          querySteps: 1, counted: counted, queries: queries, keys: y, parameters: parameters,
          context: UnsafeMutableBufferPointer(start: context.pointer, count: context.count),
          weights: UnsafeMutableBufferPointer(start: weights.pointer, count: weights.count)))
    }
    var b = Attention.Backward(
      querySteps: 1, counted: counted, queries: queries, keys: y, parameters: parameters,
      weights: UnsafeBufferPointer(start: weights.pointer, count: counted.steps * counted.sequences), dcontext: dout)
    (b.accumulate, b.dkeys) = (accumulate, dy)
    b.gradients = .init(weight: gradients.weight, bias: gradients.bias, score: gradients.query)
    try attention.backward(b)
    withExtendedLifetime((weights, context)) {}
  }
}
