// The memory of attention, which keys alone give and all queries share, and its backward pass.
import Kernels

extension Attention {
  /// Computes the memory of keys, for any number of queries: k, W k, or W k + b.
  ///
  /// - Parameters:
  ///   - keys: `[Tk, N, K]`, dense; those that do not count are not read.
  ///   - counted: Tk, N, and which keys count.
  ///   - parameters: those of the queries may be nil.
  ///   - memory: `[Tk, N, M]`, receives it, zeros where a key does not count. Overlaps nothing.
  @_specialize(exported:true,where Scalar == Float)
  @_specialize(exported:true,where Scalar == Double)
  public func memory<Scalar: RNNScalar>(
    keys: UnsafeBufferPointer<Scalar>, counted: CountedSteps, parameters: Parameters<Scalar> = .init(),
    memory: UnsafeMutableBufferPointer<Scalar>
  ) throws(RNNError) {
    try checkSizes()
    try check(parameters, ofQueries: false, ofKeys: true)
    let rows = try counted.check()
    try Check.count("keys", keys.count, try Size.product(rows, keySize, of: "keys"))
    try Check.count("memory", memory.count, try Size.product(rows, memorySize, of: "memory"))
    _ = try InstructionSet.current
    guard memory.count > 0, let out = memory.baseAddress else { return }
    let count = counted.countOfAll()
    let width = memorySize
    if count == rows {
      if kind == .dot {
        if let keys = keys.baseAddress { out.update(from: keys, count: memory.count) }
        return
      }
      let weight = try Columns(self, parameters, ofKeys: true)
      return try Linear.forward(
        rows: rows, inputs: keySize, outputs: width, x: keys, weight: weight.matrix ?? keys, bias: parameters.bias,
        y: memory)
    }
    // The keys that count side by side: what lies in the others may be no numbers.
    let list = try Block<Int>(count: count)
    counted.listAll(list.pointer)
    let some = try Block<Scalar>(count: count * keySize)
    let own = try Block<Scalar>(count: kind == .dot ? 0 : count * width)
    if let keys = keys.baseAddress {
      for i in 0..<count {
        (some.pointer + i * keySize).update(from: keys + list.pointer[i] * keySize, count: keySize)
      }
    }
    var from = UnsafePointer(some.pointer)
    if kind != .dot {
      let weight = try Columns(self, parameters, ofKeys: true)
      try Linear.forward(
        rows: count, inputs: keySize, outputs: width, x: UnsafeBufferPointer(start: some.pointer, count: some.count),
        weight: weight.matrix ?? keys, bias: parameters.bias,
        y: UnsafeMutableBufferPointer(start: own.pointer, count: own.count))
      from = UnsafePointer(own.pointer)
    }
    out.update(repeating: 0, count: memory.count)
    for i in 0..<count { (out + list.pointer[i] * width).update(from: from + i * width, count: width) }
    withExtendedLifetime((list, some, own)) {}
  }

  /// Arguments of the pass from a memory's gradient to its keys.
  public struct MemoryBackward<Scalar: RNNScalar> {
    /// Steps and lengths of the keys that made the memory.
    public var counted: CountedSteps
    public var keys: UnsafeBufferPointer<Scalar>?
    public var parameters: Parameters<Scalar>
    /// `[Tk, N, M]`; not read where a key does not count.
    public var dmemory: UnsafeBufferPointer<Scalar>
    /// Adds to the gradients of the parameters instead of overwriting them.
    public var accumulate = false
    /// Adds to `dkeys`: to what reached the keys as values, for instance.
    public var accumulateKeys = false
    /// `[Tk, N, K]`; nil: not wanted.
    public var dkeys: UnsafeMutableBufferPointer<Scalar>?
    /// Gradients of the keys' parameters: of `concat` the columns of W for them. A query weight's and a score vector's
    /// are nil.
    public var gradients = Gradients<Scalar>()

    public init(
      counted: CountedSteps, keys: UnsafeBufferPointer<Scalar>?, parameters: Parameters<Scalar> = .init(),
      dmemory: UnsafeBufferPointer<Scalar>
    ) {
      (self.counted, self.keys, self.parameters, self.dmemory) = (counted, keys, parameters, dmemory)
    }
  }

  /// The gradients of what keys alone give: `dkeys` and those of their parameters.
  ///
  /// - Throws: ``RNNError``; nothing is written then.
  @_specialize(exported:true,where Scalar == Float)
  @_specialize(exported:true,where Scalar == Double)
  public func memoryBackward<Scalar: RNNScalar>(_ b: MemoryBackward<Scalar>) throws(RNNError) {
    try checkSizes()
    try check(b.parameters, ofQueries: false, ofKeys: true)
    try check(b.gradients)
    guard b.gradients.queryWeight == nil, b.gradients.score == nil else {
      throw .unsupported("the gradients of a query weight and a score vector come with those of the queries")
    }
    let rows = try b.counted.check()
    try Check.count("dmemory", b.dmemory.count, try Size.product(rows, memorySize, of: "dmemory"))
    let keys = try Size.product(rows, keySize, of: "keys")
    if let dkeys = b.dkeys { try Check.count("dkeys", dkeys.count, keys) }
    if let given = b.keys { try Check.count("keys", given.count, keys) }
    guard b.keys != nil || b.gradients.weight == nil else { throw .nullPointer("keys") }
    _ = try InstructionSet.current
    try MemoryRun.make(self, b).run()
  }
}

extension Attention {
  /// A memory's backward pass that can no longer fail.
  struct MemoryRun<Scalar: RNNScalar> {
    let attention: Attention
    let b: MemoryBackward<Scalar>
    let kernels: KernelTable<Scalar>
    let rows: Int
    /// Number of rows that count.
    let count: Int
    /// Which, if not all do.
    let list: Block<Int>?
    /// Side by side: their keys, their gradients, and the gradients of the keys.
    let keys: Block<Scalar>
    let dmemory: Block<Scalar>
    let dkeys: Block<Scalar>
    let weight: Columns<Scalar>
    let ofKeys: ColumnGradient<Scalar>
    let linear: LinearBackwardCall<Scalar>?

    /// Not an initializer: with one that throws half-way Swift 6.3's compiler ends with a bus error.
    static func make(_ attention: Attention, _ b: MemoryBackward<Scalar>) throws(RNNError) -> MemoryRun {
      let kernels = try Scalar.kernels
      let rows = b.counted.steps * b.counted.sequences
      let (inputs, width) = (attention.keySize, attention.memorySize)
      let isWanted = (b.dkeys?.count ?? 0) + (b.gradients.weight?.count ?? 0) + (b.gradients.bias?.count ?? 0) > 0
      let isLinear = attention.kind != .dot
      let count = isWanted ? b.counted.countOfAll() : rows
      let isPart = count < rows
      let list = isPart ? try Block<Int>(count: count) : nil
      if let list { b.counted.listAll(list.pointer) }
      let gathersKeys = isPart && isLinear && b.gradients.weight != nil
      let keys = try Block<Scalar>(count: gathersKeys ? count * inputs : 0)
      let dmemory = try Block<Scalar>(count: isPart && isLinear ? count * width : 0)
      let isAside = isLinear && b.dkeys != nil && (isPart || b.accumulateKeys)
      let dkeys = try Block<Scalar>(count: isAside ? count * inputs : 0)
      let weight = try Columns(attention, b.parameters, ofKeys: true)
      let ofKeys = try ColumnGradient.make(attention, b.gradients, ofKeys: true)
      var linear: LinearBackwardCall<Scalar>?
      if isLinear && isWanted {
        linear = try LinearBackwardCall(
          lanes: kernels.lanes, rows: count, inputs: inputs, outputs: width,
          x: gathersKeys ? UnsafeBufferPointer(start: keys.pointer, count: keys.count) : b.keys,
          weight: weight.matrix,
          dy: isPart ? UnsafeBufferPointer(start: dmemory.pointer, count: dmemory.count) : b.dmemory,
          accumulate: b.accumulate,
          dx: isAside ? UnsafeMutableBufferPointer(start: dkeys.pointer, count: dkeys.count) : b.dkeys,
          dweight: ofKeys.matrix, dbias: b.gradients.bias)
      }
      return MemoryRun(
        attention: attention, b: b, kernels: kernels, rows: rows, count: count, list: list, keys: keys,
        dmemory: dmemory, dkeys: dkeys, weight: weight, ofKeys: ofKeys, linear: linear)
    }

    func run() {
      let (inputs, width) = (attention.keySize, attention.memorySize)
      if keys.count > 0, let from = b.keys?.baseAddress { gather(from, keys.pointer, inputs) }
      if dmemory.count > 0, let from = b.dmemory.baseAddress { gather(from, dmemory.pointer, width) }
      if b.accumulate { ofKeys.begin() }
      linear?.run(kernels)
      ofKeys.finish()
      guard let target = b.dkeys, let out = target.baseAddress, target.count > 0 else { return }
      if attention.kind == .dot {
        if let from = b.dmemory.baseAddress { spread(from, out, isDense: false, inputs) }
      } else if dkeys.count > 0 || list != nil || b.accumulateKeys {
        spread(UnsafePointer(dkeys.pointer), out, isDense: true, inputs)
      }
    }

    private func gather(_ from: UnsafePointer<Scalar>, _ to: UnsafeMutablePointer<Scalar>, _ width: Int) {
      guard let list else { return }
      for i in 0..<count { (to + i * width).update(from: from + list.pointer[i] * width, count: width) }
    }

    /// Rows that count, added to those of `out` or written there, among zeros.
    private func spread(
      _ from: UnsafePointer<Scalar>, _ out: UnsafeMutablePointer<Scalar>, isDense: Bool, _ width: Int
    ) {
      if !b.accumulateKeys { out.update(repeating: 0, count: rows * width) }
      withFloatControl {
        for i in 0..<count {
          let row = list.map { $0.pointer[i] } ?? i
          let (own, to) = (from + (isDense ? i : row) * width, out + row * width)
          // A copy, where there is nothing to add to: -0 stays -0.
          if b.accumulateKeys { kernels.panels.addRow(own, to, width) } else { to.update(from: own, count: width) }
        }
      }
    }
  }
}
