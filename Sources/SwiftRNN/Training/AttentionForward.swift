// The forward pass of attention.
import Kernels

extension Attention {
  /// Arguments of a forward pass.
  public struct Forward<Scalar: RNNScalar> {
    /// Tq
    public var querySteps: Int
    /// Tk, N, and which keys count.
    public var counted: CountedSteps
    /// `[Tq, N, Q]`
    public var queries: UnsafeBufferPointer<Scalar>
    /// `[Tk, N, K]`; nil if there are a memory and values.
    public var keys: UnsafeBufferPointer<Scalar>?
    /// `[Tk, N, M]`, of ``Attention/memory(keys:counted:parameters:memory:)``; nil: made from the keys.
    public var memory: UnsafeBufferPointer<Scalar>?
    /// `[Tk, N, V]`; nil: the keys.
    public var values: UnsafeBufferPointer<Scalar>?
    public var parameters: Parameters<Scalar>
    /// `[Tq, N, V]`
    public var context: UnsafeMutableBufferPointer<Scalar>
    /// `[Tq, N, Tk]`, 0 where a key does not count: what ``Attention/backward(_:)`` takes. nil: not wanted.
    public var weights: UnsafeMutableBufferPointer<Scalar>?

    public init(
      querySteps: Int, counted: CountedSteps, queries: UnsafeBufferPointer<Scalar>,
      keys: UnsafeBufferPointer<Scalar>?, memory: UnsafeBufferPointer<Scalar>? = nil,
      values: UnsafeBufferPointer<Scalar>? = nil, parameters: Parameters<Scalar> = .init(),
      context: UnsafeMutableBufferPointer<Scalar>, weights: UnsafeMutableBufferPointer<Scalar>? = nil
    ) {
      (self.querySteps, self.counted, self.queries, self.keys) = (querySteps, counted, queries, keys)
      (self.memory, self.values, self.parameters) = (memory, values, parameters)
      (self.context, self.weights) = (context, weights)
    }
  }

  /// Context and weights of all queries.
  ///
  /// With a memory and one thread a call allocates its scratch and, of `concat` and `additive`, the queries' projections;
  /// nothing that grows with the keys' width.
  ///
  /// - Throws: ``RNNError``: counts that do not fit, parameters that the kind lacks or does not have; nothing is written
  ///   then.
  @_specialize(exported:true,where Scalar == Float)
  @_specialize(exported:true,where Scalar == Double)
  public func forward<Scalar: RNNScalar>(_ f: Forward<Scalar>) throws(RNNError) {
    let rows = try checkInputs(
      querySteps: f.querySteps, f.counted, queries: f.queries, keys: f.keys, memory: f.memory, values: f.values,
      f.parameters)
    let queryRows = f.querySteps * f.counted.sequences
    try Check.count("context", f.context.count, queryRows * valueSize)
    let all = try Size.product(queryRows, f.counted.steps, of: "weights")
    if let weights = f.weights { try Check.count("weights", weights.count, all) }
    let kernels = try Scalar.kernels
    guard f.context.count > 0 || (f.weights?.count ?? 0) > 0 else { return }
    let operands = try Operands(
      self, f.counted, rows: rows, queryRows: queryRows, queries: f.queries, keys: f.keys, memory: f.memory,
      values: f.values, f.parameters)
    let (context, weights) = (f.context.baseAddress, f.weights?.baseAddress)
    let (sequences, querySteps) = (f.counted.sequences, f.querySteps)
    let tasks = min(threads(scores: all), sequences)
    let scratch = try AttentionScratch(
      kernels, tasks: tasks, queries: querySteps, keys: f.counted.steps, memory: all == 0 ? 0 : memorySize,
      values: valueSize, isBackward: false)
    withFloatControl {
      parallel(tasks, threads: tasks) { task in
        let products = scratch.products(task)
        for n in Split.range(sequences, task, tasks) {
          let count = operands.point(products, n)
          if count > 0 {
            attend(operands, products, count, querySteps)
            if let context {
              for i in 0..<querySteps {
                (products.outs + i).initialize(to: context + (i &* sequences &+ n) &* valueSize)
              }
              products.combine(products.weights, querySteps, products.values, count, width: valueSize)
            }
          } else if let context {
            for i in 0..<querySteps {
              (context + (i &* sequences &+ n) &* valueSize).update(repeating: 0, count: valueSize)
            }
          }
          guard let weights else { continue }
          for i in 0..<querySteps {
            let row = weights + (i &* sequences &+ n) &* f.counted.steps
            let own = products.weights + i &* count
            if count == f.counted.steps {
              row.update(from: own, count: count)
            } else {
              row.update(repeating: 0, count: f.counted.steps)
              for k in 0..<count { row[products.positions[k]] = own[k] }
            }
          }
        }
      }
    }
    withExtendedLifetime((operands, scratch)) {}
  }

  /// The weights of one sequence, into `products.weights`.
  private func attend<Scalar: RNNScalar>(
    _ operands: Operands<Scalar>, _ products: AttentionProducts<Scalar>, _ count: Int, _ querySteps: Int
  ) {
    let kernels = products.kernels
    if isProduct {
      products.scores(products.queries, querySteps, products.keys, count, depth: memorySize, products.weights)
    } else {
      for i in 0..<querySteps {
        kernels.attention.tanhScores(
          products.queries[i], UnsafePointer(products.keys), operands.score, count, memorySize,
          products.weights + i &* count)
      }
    }
    let scale = Scalar(scale)
    for i in 0..<querySteps { kernels.attention.softmax(products.weights + i &* count, count, scale) }
  }

  /// Number of threads worth waking for so many scores.
  func threads(scores all: Int) -> Int {
    // A hyperbolic tangent is worth some ten multiply-adds.
    let each = Double(memorySize) * (isProduct ? 1 : 10) + Double(valueSize)
    return BatchPlan.threads(Threads.count, operations: Double(all) * each, each: 500_000)
  }

  /// - Returns: Tk * N
  func checkInputs<Scalar: RNNScalar>(
    querySteps: Int, _ counted: CountedSteps, queries: UnsafeBufferPointer<Scalar>,
    keys: UnsafeBufferPointer<Scalar>?, memory: UnsafeBufferPointer<Scalar>?, values: UnsafeBufferPointer<Scalar>?,
    _ parameters: Parameters<Scalar>
  ) throws(RNNError) -> Int {
    try checkSizes()
    try check(parameters, ofQueries: true, ofKeys: memory == nil)
    let rows = try counted.check()
    try Check.size("query_steps", querySteps)
    let queryRows = try Size.product(querySteps, counted.sequences, of: "queries")
    // The products of all sizes that scratch is made of.
    let widest = max(querySize, keySize, max(valueSize, memorySize))
    _ = try Size.product(queryRows, max(widest, 1), 16, of: "queries")
    _ = try Size.product(rows, max(widest, 1), 16, of: "keys")
    try Check.count("queries", queries.count, queryRows * querySize)
    if let keys { try Check.count("keys", keys.count, rows * keySize) }
    if let memory { try Check.count("memory", memory.count, rows * memorySize) }
    if let values {
      try Check.count("values", values.count, rows * valueSize)
    } else {
      try Check.size("value_size", valueSize, keySize)
    }
    guard keys != nil || (memory != nil && values != nil) else { throw .nullPointer("keys") }
    return rows
  }
}

extension Attention {
  /// Queries, memory and values of a call as they are attended with, those that were made for it too.
  struct Operands<Scalar: RNNScalar> {
    private let counted: CountedSteps
    private let (memorySize, valueSize): (Int, Int)
    private let (ownQueries, ownMemory): (Block<Scalar>?, Block<Scalar>?)
    /// `[Tq * N, M]`
    private let queries: UnsafePointer<Scalar>
    /// `[Tk * N, M]`
    private let memory: UnsafePointer<Scalar>
    /// `[Tk * N, V]`
    private let values: UnsafePointer<Scalar>
    private let queryRows: Int
    /// `[A]`
    let score: UnsafePointer<Scalar>

    init(
      _ attention: Attention, _ counted: CountedSteps, rows: Int, queryRows: Int, queries: UnsafeBufferPointer<Scalar>,
      keys: UnsafeBufferPointer<Scalar>?, memory: UnsafeBufferPointer<Scalar>?, values: UnsafeBufferPointer<Scalar>?,
      _ parameters: Parameters<Scalar>
    ) throws(RNNError) {
      // An address is only needed where there are rows.
      let nowhere = UnsafePointer<Scalar>(bitPattern: 64).unsafelyUnwrapped
      self.counted = counted
      self.queryRows = queryRows
      (memorySize, valueSize) = (attention.memorySize, attention.valueSize)
      self.values = (values ?? keys)?.baseAddress ?? nowhere
      score = parameters.score?.baseAddress ?? nowhere
      if attention.isProduct {
        ownQueries = nil
        self.queries = queries.baseAddress ?? nowhere
      } else {
        let own = try Block<Scalar>(count: queryRows * memorySize)
        let weight = try Columns(attention, parameters, ofKeys: false)
        try Linear.forward(
          rows: queryRows, inputs: attention.querySize, outputs: memorySize, x: queries,
          weight: weight.matrix ?? UnsafeBufferPointer(start: nil, count: 0), bias: nil,
          y: UnsafeMutableBufferPointer(start: own.pointer, count: own.count))
        ownQueries = own
        self.queries = UnsafePointer(own.pointer)
      }
      if let memory {
        ownMemory = nil
        self.memory = memory.baseAddress ?? nowhere
      } else if attention.kind == .dot {
        ownMemory = nil
        self.memory = keys?.baseAddress ?? nowhere
      } else {
        let own = try Block<Scalar>(count: rows * memorySize)
        try attention.memory(
          keys: keys ?? UnsafeBufferPointer(start: nil, count: 0), counted: counted, parameters: parameters,
          memory: UnsafeMutableBufferPointer(start: own.pointer, count: own.count))
        ownMemory = own
        self.memory = UnsafePointer(own.pointer)
      }
    }

    /// The rows of sequence `n`: of all queries, and of the keys that count.
    ///
    /// - Returns: how many keys count.
    func point(_ to: AttentionProducts<Scalar>, _ n: Int) -> Int {
      let count = counted.list(n, to.positions)
      for k in 0..<count {
        let row = to.positions[k] &* counted.sequences &+ n
        (to.keys + k).initialize(to: memory + row &* memorySize)
        (to.values + k).initialize(to: values + row &* valueSize)
      }
      var row = n
      var i = 0
      while row < queryRows {
        (to.queries + i).initialize(to: queries + row &* memorySize)
        row &+= counted.sequences
        i &+= 1
      }
      return count
    }
  }
}

/// The scratch of all tasks of a pass.
struct AttentionScratch<Scalar: RNNScalar> {
  private let kernels: KernelTable<Scalar>
  private let memory: Block<UInt8>
  private let (bytes, queries, keys, width, values): (Int, Int, Int, Int, Int)
  private let isBackward: Bool

  init(
    _ kernels: KernelTable<Scalar>, tasks: Int, queries: Int, keys: Int, memory width: Int, values: Int,
    isBackward: Bool
  ) throws(RNNError) {
    var counter = Arena(nil)
    _ = AttentionProducts(
      &counter, kernels, queries: queries, keys: keys, memory: width, values: values, isBackward: isBackward)
    bytes = try counter.size("the scratch of attention")
    memory = try Block(count: try Size.product(bytes, tasks, of: "the scratch of attention"))
    (self.kernels, self.queries, self.keys, self.width) = (kernels, queries, keys, width)
    (self.values, self.isBackward) = (values, isBackward)
  }

  func products(_ task: Int) -> AttentionProducts<Scalar> {
    var arena = Arena(memory.pointer + task * bytes)
    return AttentionProducts(
      &arena, kernels, queries: queries, keys: keys, memory: width, values: values, isBackward: isBackward)
  }
}
