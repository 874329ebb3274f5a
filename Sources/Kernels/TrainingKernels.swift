// Entries for what surrounds a network in training and in generation: loss, norms, optimizers, embedding, sampling.

/// Kernels of the loss, the optimizers and the reductions. Pointers need only their elements' alignment.
public struct TrainingKernels<Scalar: Real>: Sendable {
  /// Losses of `rows`, and their gradients if wanted.
  public let crossEntropy: @Sendable (_ batch: UnsafePointer<CrossEntropyRows<Scalar>>, _ rows: Range<Int>) -> Void

  /// `sums[c]` = the sum of the squares of chunk c (4096 numbers) of `factor * x[count]`, in Double.
  public let sumsOfSquares:
    @Sendable (
      _ x: UnsafePointer<Scalar>, _ count: Int, _ factor: Double, _ sums: UnsafeMutablePointer<Double>
    ) -> Void

  /// `sums[c]` = the sum of chunk c (4096 numbers) of `factor * x[count]`, in Double.
  public let sums:
    @Sendable (
      _ x: UnsafePointer<Scalar>, _ count: Int, _ factor: Double, _ sums: UnsafeMutablePointer<Double>
    ) -> Void

  /// `x[i] *= factor`
  public let scale: @Sendable (_ x: UnsafeMutablePointer<Scalar>, _ count: Int, _ factor: Scalar) -> Void

  /// `x[i]` limited to `-limit ... limit`
  public let clamp: @Sendable (_ x: UnsafeMutablePointer<Scalar>, _ count: Int, _ limit: Scalar) -> Void

  /// Losses of pairs of numbers in some chunks of 4096, and their gradients if wanted.
  public let elementLoss: @Sendable (_ batch: UnsafePointer<ElementLossBatch<Scalar>>, _ chunks: Range<Int>) -> Void

  /// `dweight[ids[k], columns] += dout[k, columns]` for ascending k.
  public let embeddingGradient:
    @Sendable (_ gradient: UnsafePointer<EmbeddingGradient<Scalar>>, _ columns: Range<Int>) -> Void

  /// A step of stochastic gradient descent on `count` numbers; without velocity the momentum must be 0.
  public let sgd:
    @Sendable (
      _ factors: UnsafePointer<SGDFactors>, _ gradient: UnsafePointer<Scalar>,
      _ parameter: UnsafeMutablePointer<Scalar>, _ velocity: UnsafeMutablePointer<Scalar>?, _ count: Int
    ) -> Void

  /// A step of Adam or AdamW on `count` numbers.
  public let adam:
    @Sendable (
      _ factors: UnsafePointer<AdamFactors>, _ gradient: UnsafePointer<Scalar>,
      _ parameter: UnsafeMutablePointer<Scalar>, _ first: UnsafeMutablePointer<Scalar>,
      _ second: UnsafeMutablePointer<Scalar>, _ count: Int
    ) -> Void

  /// A step of RMSprop on `count` numbers.
  public let rmsprop:
    @Sendable (
      _ factors: UnsafePointer<RMSpropFactors>, _ gradient: UnsafePointer<Scalar>,
      _ parameter: UnsafeMutablePointer<Scalar>, _ moments: UnsafePointer<RMSpropMoments<Scalar>>, _ count: Int
    ) -> Void

  /// Whether a class can be drawn from `logits[count]`: no NaN, no +infinity, and not all -infinity.
  public let isSampleable: @Sendable (_ logits: UnsafePointer<Scalar>, _ count: Int) -> Bool

  /// The index of the largest, the first of equals; `count` is 1 or more and there is no NaN.
  public let largestIndex: @Sendable (_ x: UnsafePointer<Scalar>, _ count: Int) -> Int

  /// `weights[i] = exp((logits[i] - largest) / temperature)`
  public let samplingWeights:
    @Sendable (
      _ logits: UnsafePointer<Scalar>, _ count: Int, _ temperature: Double, _ weights: UnsafeMutablePointer<Double>
    ) -> Void

  /// Integers in the order of `x`.
  public let orderedKeys:
    @Sendable (_ x: UnsafePointer<Scalar>, _ count: Int, _ keys: UnsafeMutablePointer<Int>) -> Void

  @_alwaysEmitIntoClient @inline(__always)
  public init<V: Lanes>(_: V.Type) where V.Scalar == Scalar {
    crossEntropy = { Kernels.crossEntropy(V.self, $0, $1) }
    sumsOfSquares = { chunkSums(V.self, .square, $0, $1, $2, $3) }
    sums = { chunkSums(V.self, .value, $0, $1, $2, $3) }
    scale = { multiply(V.self, $0, $2, $1) }
    clamp = { Kernels.clamp(V.self, $0, $2, $1) }
    elementLoss = { Kernels.elementLoss(V.self, $0, $1) }
    embeddingGradient = { Kernels.embeddingGradient(V.self, $0, $1) }
    sgd = { Kernels.sgd(V.self, $0, $1, $2, $3, $4) }
    adam = { Kernels.adam(V.self, $0, $1, $2, $3, $4, $5) }
    rmsprop = { Kernels.rmsprop(V.self, $0, $1, $2, $3, $4) }
    isSampleable = { Kernels.isSampleable(V.self, $0, $1) }
    largestIndex = { Kernels.largestIndex(V.self, $0, $1) }
    samplingWeights = { Kernels.samplingWeights(V.self, $0, $1, $2, $3) }
    orderedKeys = { Kernels.orderedKeys($0, $1, $2) }
  }
}
