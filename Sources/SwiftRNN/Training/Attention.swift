// Attention: how much each of a sequence's keys counts for a query, and the sum of their values by that. This file has
// what is attended with; AttentionForward.swift and AttentionBackward.swift have the passes.
import Kernels

/// Attention over the steps of a batch, on plain arrays: queries `[Tq, N, Q]` and keys `[Tk, N, K]` give a context
/// `[Tq, N, V]`, the sum of the values, `[Tk, N, V]` or the keys themselves, by weights `[Tq, N, Tk]`.
///
///     weights = softmax over the keys that count of  scale * score(q, k)
///
/// | kind | score | parameters |
/// |---|---|---|
/// | `dot` | q · k (Luong, Pham, Manning 2015), Q = K | |
/// | `general` | q · (W k) (the same) | weight `[Q, K]` |
/// | `concat` | v · tanh(W [q; k] + b) (the same, there without b) | weight `[A, Q + K]`, bias `[A]` or nil, score `[A]` |
/// | `additive` | v · tanh(W q + U k + b) (Bahdanau, Cho, Bengio 2015, who leave biases out of their equations) | query weight `[A, Q]`, weight (U) `[A, K]`, bias `[A]` or nil, score `[A]` |
///
/// The *memory* of keys, `[Tk, N, M]`, is computed once for all queries: k itself, W k, or W k + b. A decoder
/// that attends once for each of its steps makes it once, hands it to each call, adds up its gradient over the calls, and
/// takes that back to the keys at the end (``memory(keys:counted:parameters:memory:)``,
/// ``memoryBackward(_:)``); a call without it makes it itself.
///
/// The largest score is subtracted before exponentials. A sequence without a key that counts has weights and context of
/// zero; so have scores that are all -infinity. Keys that do not count are not read. Any number of threads gives the same
/// bits, and so does a sequence in another batch, or one query at a time.
public struct Attention: Sendable, Equatable {
  public enum Kind: Int, Sendable, CaseIterable {
    case dot = 0
    case general
    case concat
    case additive
  }

  public var kind: Kind
  /// Q
  public var querySize: Int
  /// K
  public var keySize: Int
  /// V: K where the keys are the values.
  public var valueSize: Int
  /// A, of `concat` and `additive`; else 0.
  public var size: Int
  /// Multiplies the scores: 1/√K for instance (Vaswani et al. 2017).
  public var scale: Double

  public init(
    _ kind: Kind, querySize: Int, keySize: Int, valueSize: Int? = nil, size: Int = 0, scale: Double = 1
  ) {
    self.kind = kind
    self.querySize = querySize
    self.keySize = keySize
    self.valueSize = valueSize ?? keySize
    self.size = size
    self.scale = scale
  }

  /// M, the width of the memory.
  public var memorySize: Int {
    switch kind {
    case .dot: keySize
    case .general: querySize
    case .concat, .additive: size
    }
  }

  var isProduct: Bool { kind == .dot || kind == .general }

  /// Parameters of the kind, dense; nil: the kind has no such parameter.
  public struct Parameters<Scalar: RNNScalar> {
    /// `[A, Q]`
    public var queryWeight: UnsafeBufferPointer<Scalar>?
    /// `[Q, K]`, `[A, Q + K]` or `[A, K]`
    public var weight: UnsafeBufferPointer<Scalar>?
    /// `[A]`, or nil: zeros
    public var bias: UnsafeBufferPointer<Scalar>?
    /// `[A]`
    public var score: UnsafeBufferPointer<Scalar>?

    public init(
      queryWeight: UnsafeBufferPointer<Scalar>? = nil, weight: UnsafeBufferPointer<Scalar>? = nil,
      bias: UnsafeBufferPointer<Scalar>? = nil, score: UnsafeBufferPointer<Scalar>? = nil
    ) {
      (self.queryWeight, self.weight, self.bias, self.score) = (queryWeight, weight, bias, score)
    }
  }

  /// Where the gradients of the parameters go; nil: not wanted.
  public struct Gradients<Scalar: RNNScalar> {
    public var queryWeight: UnsafeMutableBufferPointer<Scalar>?
    public var weight: UnsafeMutableBufferPointer<Scalar>?
    public var bias: UnsafeMutableBufferPointer<Scalar>?
    public var score: UnsafeMutableBufferPointer<Scalar>?

    public init(
      queryWeight: UnsafeMutableBufferPointer<Scalar>? = nil, weight: UnsafeMutableBufferPointer<Scalar>? = nil,
      bias: UnsafeMutableBufferPointer<Scalar>? = nil, score: UnsafeMutableBufferPointer<Scalar>? = nil
    ) {
      (self.queryWeight, self.weight, self.bias, self.score) = (queryWeight, weight, bias, score)
    }
  }
}

extension Attention {
  /// Sizes of 0 or more that fit the kind, whose products fit.
  func checkSizes() throws(RNNError) {
    try Check.size("query_size", querySize)
    try Check.size("key_size", keySize)
    try Check.size("value_size", valueSize)
    if kind == .dot { try Check.size("query_size", querySize, keySize) }
    if isProduct { try Check.size("attention_size", size, 0) } else { try Check.size("attention_size", size) }
    guard scale.isFinite else { throw .invalidNumber("scale", scale, allowed: "finite") }
    _ = try Size.product(try Size.sum(querySize, keySize, of: "weight"), max(size, querySize), 16, of: "weight")
  }

  /// Number of elements of each parameter; 0: there is none.
  var counts: (queryWeight: Int, weight: Int, bias: Int, score: Int) {
    switch kind {
    case .dot: (0, 0, 0, 0)
    case .general: (0, querySize * keySize, 0, 0)
    case .concat: (0, size * (querySize + keySize), size, size)
    case .additive: (size * querySize, size * keySize, size, size)
    }
  }

  /// - Parameters:
  ///   - ofQueries: those of the queries are needed.
  ///   - ofKeys: those of the keys are needed.
  func check<Scalar: RNNScalar>(
    _ p: Parameters<Scalar>, ofQueries: Bool, ofKeys: Bool
  ) throws(RNNError) {
    let counts = counts
    guard kind == .additive || p.queryWeight == nil, kind != .dot || p.weight == nil,
      !isProduct || (p.bias == nil && p.score == nil)
    else { throw .unsupported("a parameter was given that this kind of attention does not have") }
    func check(
      _ name: StaticString, _ given: UnsafeBufferPointer<Scalar>?, _ count: Int, needed: Bool
    ) throws(RNNError) {
      if let given { try Check.count(name, given.count, count) }
      if needed && given == nil { throw .nullPointer(name) }
    }
    try check("query_weight", p.queryWeight, counts.queryWeight, needed: ofQueries && kind == .additive)
    try check(
      "weight", p.weight, counts.weight, needed: kind == .concat || (ofKeys && kind != .dot))
    try check("bias", p.bias, counts.bias, needed: false)
    try check("score", p.score, counts.score, needed: ofQueries && !isProduct)
  }

  func check<Scalar: RNNScalar>(_ g: Gradients<Scalar>) throws(RNNError) {
    let counts = counts
    guard kind == .additive || g.queryWeight == nil, kind != .dot || g.weight == nil,
      !isProduct || (g.bias == nil && g.score == nil)
    else { throw .unsupported("a gradient is wanted of a parameter that this kind of attention does not have") }
    if let given = g.queryWeight { try Check.count("dquery_weight", given.count, counts.queryWeight) }
    if let given = g.weight { try Check.count("dweight", given.count, counts.weight) }
    if let given = g.bias { try Check.count("dbias", given.count, counts.bias) }
    if let given = g.score { try Check.count("dscore", given.count, counts.score) }
  }

  /// Columns of `concat`'s W for the queries or for the keys, as their own matrix; for other kinds a weight itself.
  struct Columns<Scalar: RNNScalar> {
    let matrix: UnsafeBufferPointer<Scalar>?
    private let copy: Block<Scalar>?

    init(_ attention: Attention, _ p: Parameters<Scalar>, ofKeys: Bool) throws(RNNError) {
      guard attention.kind == .concat, let weight = p.weight else {
        copy = nil
        matrix = ofKeys ? p.weight : p.queryWeight
        return
      }
      let (first, width) = attention.columns(ofKeys: ofKeys)
      let whole = attention.querySize + attention.keySize
      let copy = try Block<Scalar>(count: attention.size * width)
      if width > 0, let from = weight.baseAddress {
        for row in 0..<attention.size {
          (copy.pointer + row * width).update(from: from + (row * whole + first), count: width)
        }
      }
      self.copy = copy
      matrix = UnsafeBufferPointer(start: copy.pointer, count: copy.count)
    }
  }

  /// The columns of `concat`'s weight that queries or keys are multiplied by.
  func columns(ofKeys: Bool) -> (first: Int, width: Int) {
    ofKeys ? (querySize, keySize) : (0, querySize)
  }

  /// The gradient of `columns`: of `concat` a matrix of its own, whose numbers go to their places at the end.
  ///
  /// An object: where something throws, a struct like it is destroyed by way of its type, which the runtime makes for that
  /// and keeps.
  final class ColumnGradient<Scalar: RNNScalar> {
    let matrix: UnsafeMutableBufferPointer<Scalar>?
    private let own: Block<Scalar>?
    private let attention: Attention
    private let target: UnsafeMutablePointer<Scalar>?
    private let ofKeys: Bool

    private init(
      _ attention: Attention, _ matrix: UnsafeMutableBufferPointer<Scalar>?, own: Block<Scalar>?,
      target: UnsafeMutablePointer<Scalar>?, ofKeys: Bool
    ) {
      (self.attention, self.matrix, self.own) = (attention, matrix, own)
      (self.target, self.ofKeys) = (target, ofKeys)
    }

    static func make(
      _ attention: Attention, _ g: Gradients<Scalar>, ofKeys: Bool
    ) throws(RNNError) -> ColumnGradient {
      guard attention.kind == .concat, let weight = g.weight else {
        return ColumnGradient(attention, ofKeys ? g.weight : g.queryWeight, own: nil, target: nil, ofKeys: ofKeys)
      }
      let own = try Block<Scalar>(count: attention.size * attention.columns(ofKeys: ofKeys).width)
      let matrix = UnsafeMutableBufferPointer(start: own.pointer, count: own.count)
      return ColumnGradient(attention, matrix, own: own, target: weight.baseAddress, ofKeys: ofKeys)
    }

    /// The numbers that are there, where they are to be added to.
    func begin() { move { own, target, width in own.update(from: target, count: width) } }

    func finish() { move { own, target, width in target.update(from: own, count: width) } }

    private func move(
      _ body: (_ own: UnsafeMutablePointer<Scalar>, _ target: UnsafeMutablePointer<Scalar>, _ width: Int) -> Void
    ) {
      guard let own, let target else { return }
      let (first, width) = attention.columns(ofKeys: ofKeys)
      if width == 0 { return }
      let whole = attention.querySize + attention.keySize
      for row in 0..<attention.size { body(own.pointer + row * width, target + (row * whole + first), width) }
    }
  }
}
