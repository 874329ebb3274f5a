// The last layer of a language model and its loss in one: the logits of a large vocabulary are never there as a whole.
import Kernels

/// A linear layer and the softmax cross-entropy of its outputs, over blocks of rows. A block's logits become its gradient
/// in place, and that the gradients of x, weight and bias, before the next block.
public enum LinearCrossEntropy {
  /// Bytes of logits that a call keeps, unless it is given others: 64 MB.
  public static let defaultMemoryLimit = 1 << 26

  /// `CrossEntropy` of `x weight^T + bias`, and the gradients of `Linear`.
  ///
  /// The bits are those of `Linear.forward`, `CrossEntropy.evaluate` and `Linear.backward` one after another, whatever the
  /// memory limit and the thread count: of loss, row losses, dx, dweight and dbias. What the gradients are divided by is
  /// known before the first row: targets are counted first.
  ///
  /// - Parameters:
  ///   - rows: rows of x.
  ///   - inputs: columns of x.
  ///   - classes: rows of the weight.
  ///   - x: `[rows, inputs]`
  ///   - weight: `[classes, inputs]`
  ///   - bias: `[classes]`, or nil for zeros.
  ///   - targets: `[rows]`, each in `0 ..< classes` or equal to `ignoring`.
  ///   - ignored: as of ``CrossEntropy``, like the parameters from here to `reduction`.
  ///   - labelSmoothing: ε in [0, 1].
  ///   - classWeights: `[classes]`, finite and 0 or more; nil: 1.
  ///   - rowWeights: `[rows]`, finite and 0 or more; nil: 1.
  ///   - reduction: whether the loss is the mean or the sum of the rows' losses.
  ///   - accumulate: adds to `dweight` and `dbias` instead of overwriting them.
  ///   - memoryLimit: bytes of logits that are there at once, 0 or more; at least those of 256 rows, or of 32 where neither
  ///     dweight nor dbias is wanted. Beside them come packed operands: a copy of the weights for dx, up to as much as 256
  ///     rows of logits for dweight; ``scratchBytes(_:rows:inputs:classes:memoryLimit:dx:sums:)`` counts all.
  ///   - rowLosses: `[rows]`: the loss of each row, 0 where ignored; nil if not wanted.
  ///   - dx: `[rows, inputs]`, or nil: not wanted.
  ///   - dweight: `[classes, inputs]`, or nil: not wanted.
  ///   - dbias: `[classes]`, or nil: not wanted. Without any of the three only the loss is computed.
  /// - Throws: ``RNNError`` as `Linear` and ``CrossEntropy`` do; nothing is written then.
  @_specialize(exported:true,where Scalar == Float)
  @_specialize(exported:true,where Scalar == Double)
  public static func evaluate<Scalar: RNNScalar>(
    rows: Int, inputs: Int, classes: Int, x: UnsafeBufferPointer<Scalar>, weight: UnsafeBufferPointer<Scalar>,
    bias: UnsafeBufferPointer<Scalar>?, targets: UnsafeBufferPointer<Int>,
    ignoring ignored: Int = CrossEntropy.ignoredTarget, labelSmoothing: Double = 0,
    classWeights: UnsafeBufferPointer<Scalar>? = nil, rowWeights: UnsafeBufferPointer<Scalar>? = nil,
    reduction: LossReduction = .mean, accumulate: Bool = false, memoryLimit: Int = defaultMemoryLimit,
    rowLosses: UnsafeMutableBufferPointer<Double>? = nil, dx: UnsafeMutableBufferPointer<Scalar>? = nil,
    dweight: UnsafeMutableBufferPointer<Scalar>? = nil, dbias: UnsafeMutableBufferPointer<Scalar>? = nil
  ) throws(RNNError) -> CrossEntropy.Result {
    try Linear.check(rows: rows, inputs: inputs, outputs: classes)
    try Check.size("memory_limit", memoryLimit)
    try Check.count("x", x.count, rows * inputs)
    try Check.count("weight", weight.count, classes * inputs)
    try Check.count("bias", bias?.count ?? classes, classes)
    try Check.count("targets", targets.count, rows)
    if let dx { try Check.count("dx", dx.count, rows * inputs) }
    if let dweight { try Check.count("dweight", dweight.count, classes * inputs) }
    if let dbias { try Check.count("dbias", dbias.count, classes) }
    let kernels = try Scalar.kernels
    let doubles = try Double.kernels
    let plan = try CrossEntropyPlan(
      kernels, doubles, classes: classes, targets: targets, ignoring: ignored, labelSmoothing: labelSmoothing,
      classWeights: classWeights, rowWeights: rowWeights, reduction: reduction, rowLosses: rowLosses)
    guard rows > 0 else {
      if dweight != nil || dbias != nil {
        try LinearBackwardCall(
          lanes: kernels.lanes, rows: 0, inputs: inputs, outputs: classes, x: x, weight: weight,
          dy: UnsafeBufferPointer(start: nil, count: 0), accumulate: accumulate, dx: nil, dweight: dweight,
          dbias: dbias)?.run(kernels)
      }
      return plan.result(doubles)
    }
    func lay(_ arena: inout Arena) -> Layers<Scalar> {
      Layers(
        &arena, lanes: kernels.lanes, rows: rows, inputs: inputs, classes: classes, memoryLimit: memoryLimit,
        dx: dx != nil,
        sums: dweight != nil || dbias != nil)
    }
    var counter = Arena(nil)
    _ = lay(&counter)
    let memory = try Block<UInt8>(count: counter.size("the scratch of a linear layer"))
    var arena = Arena(memory.pointer)
    let layers = lay(&arena)
    return withFloatControl {
      var first = 0
      repeat {
        let count = min(layers.blockRows, rows - first)
        let x = x.baseAddress.map { $0 + first * inputs }
        layers.logits(kernels, count, x: x, weight: weight.baseAddress, bias: bias?.baseAddress, isFirst: first == 0)
        if classes > 0 {
          plan.evaluate(
            kernels, first: first, count: count, logits: layers.values,
            gradient: layers.backward == nil ? nil : layers.values)
        }
        layers.backward?.run(
          kernels, rows: count, x: x, weight: weight.baseAddress, dy: layers.values,
          accumulate: accumulate || first > 0,
          dx: dx?.baseAddress.map { $0 + first * inputs }, dweight: dweight?.baseAddress, dbias: dbias?.baseAddress,
          threads: layers.threads, isPacked: first > 0)
        first += count
      } while first < rows
      if classes == 0 { rowLosses?.update(repeating: 0) }
      return plan.result(doubles)
    }
  }

  /// Bytes that a call allocates for logits and packed operands; beside them it needs 16 bytes for each row at most.
  ///
  /// - Parameters:
  ///   - _: the type of the numbers.
  ///   - rows: rows of x.
  ///   - inputs: columns of x.
  ///   - classes: rows of the weight.
  ///   - memoryLimit: bytes of logits that are there at once, as for the call.
  ///   - dx: whether that is wanted.
  ///   - sums: whether dweight or dbias is.
  public static func scratchBytes<Scalar: RNNScalar>(
    _: Scalar.Type, rows: Int, inputs: Int, classes: Int, memoryLimit: Int = defaultMemoryLimit, dx: Bool = true,
    sums: Bool = true
  ) throws(RNNError) -> Int {
    try Linear.check(rows: rows, inputs: inputs, outputs: classes)
    try Check.size("memory_limit", memoryLimit)
    guard rows > 0 else { return 0 }
    var counter = Arena(nil)
    _ = Layers<Scalar>(
      &counter, lanes: try Scalar.kernels.lanes, rows: rows, inputs: inputs, classes: classes, memoryLimit: memoryLimit,
      dx: dx,
      sums: sums)
    return try counter.size("the scratch of a linear layer")
  }
}

/// The layer's passes over a block of rows, and the block's logits.
private struct Layers<Scalar: RNNScalar> {
  let blockRows: Int
  let threads: Int
  /// `[blockRows, classes]`
  let values: UnsafeMutablePointer<Scalar>
  /// nil: no gradient is wanted.
  let backward: LinearBackward<Scalar>?
  /// nil: there is nothing to multiply.
  private let forward: LinearForward<Scalar>?
  private let classes: Int

  init(
    _ arena: inout Arena, lanes: Int, rows: Int, inputs: Int, classes: Int, memoryLimit: Int,
    dx: Bool, sums: Bool
  ) {
    self.classes = classes
    // The products of two sizes have a number of bytes.
    let fitting = memoryLimit / max(1, classes * MemoryLayout<Scalar>.stride)
    let chain = WeightGradient<Scalar>.chain
    // Whole chains of the sums over rows, so that they are the same in every cut.
    blockRows = min(rows, sums ? max(chain, fitting / chain * chain) : max(32, fitting))
    threads = Linear.threads(rows: blockRows, inputs: inputs, outputs: classes)
    values = arena.take(Scalar.self, blockRows, classes)
    forward =
      blockRows > 0 && inputs > 0 && classes > 0
      ? LinearForward(&arena, lanes: lanes, rows: blockRows, inputs: inputs, outputs: classes, threads: threads) : nil
    backward =
      dx || sums
      ? LinearBackward(&arena, lanes: lanes, rows: blockRows, inputs: inputs, outputs: classes, wantsInputs: dx) : nil
  }

  /// The logits of `count` rows. Inside `withFloatControl`.
  func logits(
    _ kernels: KernelTable<Scalar>, _ count: Int, x: UnsafePointer<Scalar>?, weight: UnsafePointer<Scalar>?,
    bias: UnsafePointer<Scalar>?, isFirst: Bool
  ) {
    guard let forward, let x, let weight else {
      for i in 0..<count {
        for j in 0..<classes { values[i * classes + j] = bias?[j] ?? 0 }
      }
      return
    }
    forward.run(kernels, rows: count, x: x, weight: weight, bias: bias, y: values, isPacked: !isFirst)
  }
}
