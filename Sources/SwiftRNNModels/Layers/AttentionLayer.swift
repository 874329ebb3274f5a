// Attention with its parameters.
import SwiftRNN

/// Attention of queries over the steps of keys, which are the values (`Attention`). Keeps the memory of its results: one
/// thread at a time.
public final class AttentionLayer<Scalar: RNNScalar> {
  public let attention: Attention
  private let parameters: [String: Parameter<Scalar>]
  private let (context, weights) = (Buffer<Scalar>(), Buffer<Scalar>())
  private let (dQueries, dKeys) = (Buffer<Scalar>(), Buffer<Scalar>())
  private var last: Pass?

  private struct Pass {
    let querySteps: Int
    let queries: UnsafeBufferPointer<Scalar>
    let keys: UnsafeBufferPointer<Scalar>
    let counted: CountedSteps
  }

  static func tensors(_ attention: Attention) -> [(name: String, shape: [Int])] {
    let (queries, keys, size) = (attention.querySize, attention.keySize, attention.size)
    switch attention.kind {
    case .dot: return []
    case .general: return [("weight", [queries, keys])]
    case .concat: return [("weight", [size, queries + keys]), ("bias", [size]), ("score", [size])]
    case .additive:
      return [("query_weight", [size, queries]), ("weight", [size, keys]), ("bias", [size]), ("score", [size])]
    }
  }

  init(_ store: ParameterStore<Scalar>, _ name: String, _ attention: Attention) throws(RNNError) {
    self.attention = attention
    var parameters: [String: Parameter<Scalar>] = [:]
    for tensor in Self.tensors(attention) { parameters[tensor.name] = try Parameter(store, "\(name).\(tensor.name)") }
    self.parameters = parameters
  }

  var values: Attention.Parameters<Scalar> {
    Attention.Parameters(
      queryWeight: parameters["query_weight"]?.values, weight: parameters["weight"]?.values,
      bias: parameters["bias"]?.values, score: parameters["score"]?.values)
  }

  /// Memory for the gradients of all parameters.
  var gradients: Attention.Gradients<Scalar> {
    Attention.Gradients(
      queryWeight: parameters["query_weight"]?.gradient, weight: parameters["weight"]?.gradient,
      bias: parameters["bias"]?.gradient, score: parameters["score"]?.gradient)
  }

  /// - Parameters:
  ///   - queries: `[querySteps, N, Q]`
  ///   - querySteps: steps of the queries.
  ///   - keys: `[T, N, K]`. The backward pass reads both again.
  ///   - counted: T, N, and which keys count.
  /// - Returns: the context, `[querySteps, N, K]`, until the next call.
  @_specialize(where Scalar == Float)
  @_specialize(where Scalar == Double)
  public func forward(
    _ queries: UnsafeBufferPointer<Scalar>, steps querySteps: Int, keys: UnsafeBufferPointer<Scalar>,
    _ counted: CountedSteps
  ) throws(RNNError) -> UnsafeMutableBufferPointer<Scalar> {
    last = nil
    let rows = try Sizes.product(querySteps, counted.sequences, name: "queries")
    let context = try self.context.take(Sizes.product(rows, attention.keySize, name: "the context"))
    let weights = try self.weights.take(Sizes.product(rows, counted.steps, name: "the weights of attention"))
    try attention.forward(
      Attention.Forward(
        querySteps: querySteps, counted: counted, queries: queries, keys: keys, parameters: values, context: context,
        weights: weights))
    last = Pass(querySteps: querySteps, queries: queries, keys: keys, counted: counted)
    return context
  }

  /// The weights of the last forward pass, `[querySteps, N, T]`, until the next one; nil: there was none.
  public var lastWeights: UnsafeBufferPointer<Scalar>? {
    guard let last else { return nil }
    let count = last.querySteps * last.counted.sequences * last.counted.steps
    return (try? weights.take(count))?.constant
  }

  /// The gradients of the last forward pass: those of the parameters, of queries and keys.
  ///
  /// - Parameters:
  ///   - dcontext: `[querySteps, N, K]`
  ///   - accumulate: adds to the gradients of the parameters that are there.
  /// - Returns: dL/dqueries and dL/dkeys, until the next call.
  /// - Throws: `RNNError/mismatch(_:)` without a forward pass before.
  @_specialize(where Scalar == Float)
  @_specialize(where Scalar == Double)
  public func backward(
    dcontext: UnsafeBufferPointer<Scalar>, accumulate: Bool = false
  ) throws(RNNError) -> (queries: UnsafeMutableBufferPointer<Scalar>, keys: UnsafeMutableBufferPointer<Scalar>) {
    guard let pass = last, let weights = lastWeights else {
      throw .mismatch("a backward pass follows a forward pass")
    }
    let (dqueries, dkeys) = (try dQueries.take(pass.queries.count), try dKeys.take(pass.keys.count))
    var backward = Attention.Backward(
      querySteps: pass.querySteps, counted: pass.counted, queries: pass.queries, keys: pass.keys, parameters: values,
      weights: weights, dcontext: dcontext)
    (backward.dqueries, backward.dkeys) = (dqueries, dkeys)
    (backward.gradients, backward.accumulate) = (gradients, accumulate)
    try attention.backward(backward)
    return (dqueries, dkeys)
  }
}
