// The backward pass of attention: through the sums of values, the softmax and the scores.
import Kernels

extension Attention {
  /// Arguments of a backward pass, and where its results go.
  public struct Backward<Scalar: RNNScalar> {
    /// Arguments of the forward pass: its weights are read, its context is not.
    public var querySteps: Int
    public var counted: CountedSteps
    public var queries: UnsafeBufferPointer<Scalar>
    public var keys: UnsafeBufferPointer<Scalar>?
    public var memory: UnsafeBufferPointer<Scalar>?
    public var values: UnsafeBufferPointer<Scalar>?
    public var parameters: Parameters<Scalar>
    /// `[Tq, N, Tk]`
    public var weights: UnsafeBufferPointer<Scalar>
    /// `[Tq, N, V]`: the gradient of the loss for the context.
    public var dcontext: UnsafeBufferPointer<Scalar>
    /// Adds to the gradients of the parameters instead of overwriting them.
    public var accumulate = false
    /// The same for `dkeys`, `dmemory` and `dvalues`: over the steps of a decoder.
    public var accumulateKeys = false
    /// `[Tq, N, Q]`, overwritten; nil: not wanted. So for all below.
    public var dqueries: UnsafeMutableBufferPointer<Scalar>?
    /// `[Tk, N, K]`, without a memory only: all that reaches the keys, as values too where they are.
    public var dkeys: UnsafeMutableBufferPointer<Scalar>?
    /// `[Tk, N, M]`, with a memory only: for ``Attention/memoryBackward(_:)``.
    public var dmemory: UnsafeMutableBufferPointer<Scalar>?
    /// `[Tk, N, V]`: of the values, or, with a memory, of the keys as values.
    public var dvalues: UnsafeMutableBufferPointer<Scalar>?
    /// With a memory only those of the queries: of `concat` the columns of W for them, and no bias.
    public var gradients = Gradients<Scalar>()

    public init(
      querySteps: Int, counted: CountedSteps, queries: UnsafeBufferPointer<Scalar>,
      keys: UnsafeBufferPointer<Scalar>?, memory: UnsafeBufferPointer<Scalar>? = nil,
      values: UnsafeBufferPointer<Scalar>? = nil, parameters: Parameters<Scalar> = .init(),
      weights: UnsafeBufferPointer<Scalar>, dcontext: UnsafeBufferPointer<Scalar>
    ) {
      (self.querySteps, self.counted, self.queries, self.keys) = (querySteps, counted, queries, keys)
      (self.memory, self.values, self.parameters) = (memory, values, parameters)
      (self.weights, self.dcontext) = (weights, dcontext)
    }
  }

  /// The gradients of a loss whose gradient for the context is `dcontext`.
  ///
  /// Sums over queries and keys are of one sequence after the other, in order of queries, then keys; those of the
  /// parameters are chains of 256 rows, as a linear layer's.
  ///
  /// - Throws: ``RNNError``; nothing is written then.
  @_specialize(exported:true,where Scalar == Float)
  @_specialize(exported:true,where Scalar == Double)
  public func backward<Scalar: RNNScalar>(_ b: Backward<Scalar>) throws(RNNError) {
    let rows = try checkInputs(
      querySteps: b.querySteps, b.counted, queries: b.queries, keys: b.keys, memory: b.memory, values: b.values,
      b.parameters)
    let (sequences, querySteps, steps) = (b.counted.sequences, b.querySteps, b.counted.steps)
    let queryRows = querySteps * sequences
    let all = try Size.product(queryRows, steps, of: "weights")
    try check(b, rows: rows, queryRows: queryRows, all: all)
    let kernels = try Scalar.kernels
    let wanted =
      (b.dqueries?.count ?? 0) + (b.dkeys?.count ?? 0) + (b.dmemory?.count ?? 0) + (b.dvalues?.count ?? 0)
      + (b.gradients.queryWeight?.count ?? 0) + (b.gradients.weight?.count ?? 0) + (b.gradients.bias?.count ?? 0)
      + (b.gradients.score?.count ?? 0)
    // Where no number is wanted, the other arrays may have no elements: sizes may be any, and so would be the scratch.
    guard wanted > 0 else { return }
    let operands = try Operands(
      self, b.counted, rows: rows, queryRows: queryRows, queries: b.queries, keys: b.keys, memory: b.memory,
      values: b.values, b.parameters)
    // All memory first, then what cannot fail.
    let width = memorySize
    let ownQueries = try Block<Scalar>(count: isProduct ? 0 : queryRows * width)
    let dqueries = isProduct ? b.dqueries?.baseAddress : ownQueries.pointer
    let ofQueries = try ColumnGradient.make(self, b.gradients, ofKeys: false)
    let queryWeight = try Columns(self, b.parameters, ofKeys: false)
    let queryGradient =
      isProduct
      ? nil
      : try LinearBackwardCall(
        lanes: kernels.lanes, rows: queryRows, inputs: querySize, outputs: width, x: b.queries,
        weight: queryWeight.matrix, dy: UnsafeBufferPointer(start: ownQueries.pointer, count: ownQueries.count),
        accumulate: b.accumulate, dx: b.dqueries, dweight: ofQueries.matrix, dbias: nil)
    // Without a memory its gradient is the call's own; that of `dot` is the keys'.
    let (hasMemory, isShared) = (b.memory != nil, b.values == nil && b.memory == nil)
    let wantsKeys = b.dkeys != nil || b.gradients.weight != nil || b.gradients.bias != nil
    let isOwn = !hasMemory && kind != .dot && wantsKeys
    let ownMemory = try Block<Scalar>(count: isOwn ? rows * width : 0)
    // What tanh gives back to the keys is added somewhere, wanted or not.
    let needed = !isProduct && !isOwn && b.dmemory == nil && all > 0 && wantsScores(b)
    let unwanted = try Block<Scalar>(count: needed ? rows * width : 0)
    var toKeys: MemoryRun<Scalar>?
    if isOwn {
      var m = MemoryBackward(
        counted: b.counted, keys: b.keys, parameters: b.parameters,
        dmemory: UnsafeBufferPointer(start: ownMemory.pointer, count: ownMemory.count))
      (m.dkeys, m.accumulate) = (b.dkeys, b.accumulate)
      (m.gradients.weight, m.gradients.bias) = (b.gradients.weight, b.gradients.bias)
      m.accumulateKeys = b.accumulateKeys || isShared
      toKeys = try MemoryRun.make(self, m)
    }
    let dmemory =
      isOwn ? ownMemory.pointer : hasMemory ? b.dmemory?.baseAddress : kind == .dot ? b.dkeys?.baseAddress : nil
    let dvalues = isShared ? b.dkeys : b.dvalues
    let dscore = b.gradients.score?.baseAddress
    let partial = try Block<Scalar>(count: isProduct ? 0 : try Size.product(sequences, width, of: "dscore"))
    let tasks = max(min(threads(scores: all), sequences), 1)
    let scratch = try AttentionScratch(
      kernels, tasks: tasks, queries: all == 0 ? 0 : querySteps, keys: all == 0 ? 0 : steps,
      memory: all == 0 ? 0 : width, values: valueSize, isBackward: true)

    if !b.accumulateKeys {
      dvalues?.update(repeating: 0)
      b.dkeys?.update(repeating: 0)
      b.dmemory?.update(repeating: 0)
    }
    ownMemory.pointer.update(repeating: 0, count: ownMemory.count)
    unwanted.pointer.update(repeating: 0, count: unwanted.count)
    partial.pointer.update(repeating: 0, count: partial.count)
    if all == 0 {
      dqueries?.update(repeating: 0, count: queryRows * width)
    } else {
      let pass = BackwardPass(
        attention: self, operands: operands, b: b, dqueries: dqueries,
        dmemory: dmemory ?? (needed ? unwanted.pointer : nil), dvalues: dvalues?.baseAddress, partial: partial.pointer)
      withFloatControl {
        parallel(tasks, threads: tasks) { task in
          let products = scratch.products(task)
          for n in Split.range(sequences, task, tasks) { pass.run(n, products) }
        }
      }
    }
    withFloatControl {
      if let dscore, width > 0 { Self.add(partial.pointer, sequences, width, dscore, b.accumulate, kernels) }
    }
    if b.accumulate { ofQueries.begin() }
    queryGradient?.run(kernels)
    ofQueries.finish()
    toKeys?.run()
    withExtendedLifetime((operands, ownQueries, ownMemory, unwanted, queryWeight, scratch)) {}
  }

  private func wantsScores<Scalar: RNNScalar>(_ b: Backward<Scalar>) -> Bool {
    b.dqueries != nil || b.gradients.score != nil || b.gradients.queryWeight != nil || b.gradients.weight != nil
  }

  private func check<Scalar: RNNScalar>(
    _ b: Backward<Scalar>, rows: Int, queryRows: Int, all: Int
  ) throws(RNNError) {
    try check(b.gradients)
    try Check.count("weights", b.weights.count, all)
    try Check.count("dcontext", b.dcontext.count, queryRows * valueSize)
    if let dqueries = b.dqueries { try Check.count("dqueries", dqueries.count, queryRows * querySize) }
    if let dkeys = b.dkeys { try Check.count("dkeys", dkeys.count, rows * keySize) }
    if let dmemory = b.dmemory { try Check.count("dmemory", dmemory.count, rows * memorySize) }
    if let dvalues = b.dvalues { try Check.count("dvalues", dvalues.count, rows * valueSize) }
    if b.memory != nil {
      guard b.dkeys == nil, b.gradients.bias == nil, kind == .concat || b.gradients.weight == nil else {
        throw .unsupported("with a memory, gradients of keys and their parameters come from its own backward pass")
      }
    } else {
      guard b.dmemory == nil else { throw .unsupported("dmemory needs a memory") }
      guard b.dvalues == nil || b.values != nil else {
        throw .unsupported("the gradient of keys that are the values is dkeys, not dvalues")
      }
    }
  }

  /// `out (+)= Σ rows[n]`, in order.
  private static func add<Scalar: RNNScalar>(
    _ rows: UnsafeMutablePointer<Scalar>, _ count: Int, _ width: Int, _ out: UnsafeMutablePointer<Scalar>,
    _ accumulate: Bool, _ kernels: KernelTable<Scalar>
  ) {
    if !accumulate { out.update(repeating: 0, count: width) }
    if count == 0 { return }
    for n in 1..<max(count, 1) { kernels.panels.addRow(rows + n * width, rows, width) }
    kernels.panels.addRow(rows, out, width)
  }
}

extension Attention {
  /// State of a pass back through the sequences, one by one.
  private struct BackwardPass<Scalar: RNNScalar> {
    let attention: Attention
    let operands: Operands<Scalar>
    let b: Backward<Scalar>
    /// `[Tq * N, M]`, overwritten
    let dqueries: UnsafeMutablePointer<Scalar>?
    /// `[Tk * N, M]` and `[Tk * N, V]`, added to
    let dmemory: UnsafeMutablePointer<Scalar>?
    let dvalues: UnsafeMutablePointer<Scalar>?
    /// `[N, A]`, added to
    let partial: UnsafeMutablePointer<Scalar>

    func run(_ n: Int, _ products: AttentionProducts<Scalar>) {
      let (sequences, steps) = (b.counted.sequences, b.counted.steps)
      let (queries, width, values) = (b.querySteps, attention.memorySize, attention.valueSize)
      let count = operands.point(products, n)
      if count == 0 {
        if let dqueries {
          for i in 0..<queries { (dqueries + (i &* sequences &+ n) &* width).update(repeating: 0, count: width) }
        }
        return
      }
      let given = b.weights.baseAddress.unsafelyUnwrapped
      let nowhere = UnsafePointer<Scalar>(products.weights)
      for i in 0..<queries {
        let row = given + (i &* sequences &+ n) &* steps
        for k in 0..<count { products.weights[i &* count &+ k] = row[products.positions[k]] }
        (products.gradients + i).initialize(
          to: b.dcontext.baseAddress.map { $0 + (i &* sequences &+ n) &* values } ?? nowhere)
      }
      products.scores(products.gradients, queries, products.values, count, depth: values, products.dweights)
      if let dvalues {
        point(products, count, n, dvalues, width: values)
        products.addTransposed(products.weights, queries, count, products.gradients, width: values)
      }
      let scale = Scalar(attention.scale)
      for i in 0..<queries {
        products.kernels.attention.softmaxGradient(
          products.weights + i &* count, products.dweights + i &* count, count, scale)
      }
      if attention.isProduct { throughProducts(n, products, count) } else { throughTanh(n, products, count) }
    }

    /// The rows of the keys that count, to be written.
    private func point(
      _ products: AttentionProducts<Scalar>, _ count: Int, _ n: Int, _ base: UnsafeMutablePointer<Scalar>, width: Int
    ) {
      for k in 0..<count {
        (products.outs + k).initialize(
          to: base + (products.positions[k] &* b.counted.sequences &+ n) &* width)
      }
    }

    private func throughProducts(_ n: Int, _ products: AttentionProducts<Scalar>, _ count: Int) {
      let width = attention.memorySize
      if let dqueries {
        for i in 0..<b.querySteps {
          (products.outs + i).initialize(to: dqueries + (i &* b.counted.sequences &+ n) &* width)
        }
        products.combine(products.dweights, b.querySteps, products.keys, count, width: width)
      }
      if let dmemory {
        point(products, count, n, dmemory, width: width)
        products.addTransposed(products.dweights, b.querySteps, count, products.queries, width: width)
      }
    }

    private func throughTanh(_ n: Int, _ products: AttentionProducts<Scalar>, _ count: Int) {
      guard let dmemory else { return }
      let width = attention.memorySize
      point(products, count, n, dmemory, width: width)
      for i in 0..<b.querySteps {
        var arguments = TanhScoreGradient(
          query: products.queries[i], keys: UnsafePointer(products.keys), vector: operands.score,
          scores: UnsafePointer(products.dweights + i &* count), count: count, width: width,
          dquery: dqueries.map { $0 + (i &* b.counted.sequences &+ n) &* width } ?? products.spare,
          dkeys: UnsafePointer(products.outs), dvector: partial + n &* width)
        products.kernels.attention.tanhScoreGradient(&arguments)
      }
    }
  }
}
