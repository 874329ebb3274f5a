// One vector of a sequence's many: its last step, the mean or the largest of its steps, or their weighted sum.
import Kernels

/// Pooling over the steps of a batch: `[T, N, W]` gives `[N, W]`. A sequence without a step that counts gives zeros.
///
/// | kind | out of a sequence |
/// |---|---|
/// | `last` | its last step that counts; with two directions side by side, the second half of the columns is that of its first, where the reverse direction ends |
/// | `mean` | the mean of its steps: additions in order of the steps, from 0, right also where their sum is too large |
/// | `max` | the largest number of each column; NaN if one is. The first of equals has the gradient |
/// | `attention` | Σ w_t y_t, w = softmax over its steps of query · tanh(W y_t + b) (Yang et al. 2016) |
///
/// Any number of threads gives the same bits; so does a sequence in another batch, or padded otherwise.
public struct Pool: Sendable, Equatable {
  public enum Kind: Int, Sendable, CaseIterable {
    case last = 0
    case mean
    case max
    case attention
  }

  public var kind: Kind
  /// W
  public var width: Int
  /// 1, or of `last` 2: columns are those of the forward direction and then as many of the reverse one.
  public var directions: Int
  /// A, of `attention`; else 0.
  public var attentionSize: Int

  public init(_ kind: Kind, width: Int, directions: Int = 1, attentionSize: Int = 0) {
    self.kind = kind
    self.width = width
    self.directions = directions
    self.attentionSize = attentionSize
  }

  /// Parameters of `attention`: all nil for the other kinds.
  public struct Parameters<Scalar: RNNScalar> {
    /// `[A, W]`
    public var weight: UnsafeBufferPointer<Scalar>?
    /// `[A]`, or nil: zeros
    public var bias: UnsafeBufferPointer<Scalar>?
    /// `[A]`
    public var query: UnsafeBufferPointer<Scalar>?

    public init(
      weight: UnsafeBufferPointer<Scalar>? = nil, bias: UnsafeBufferPointer<Scalar>? = nil,
      query: UnsafeBufferPointer<Scalar>? = nil
    ) {
      (self.weight, self.bias, self.query) = (weight, bias, query)
    }
  }

  /// Where the gradients of the parameters go; nil: not wanted.
  public struct Gradients<Scalar: RNNScalar> {
    public var weight: UnsafeMutableBufferPointer<Scalar>?
    public var bias: UnsafeMutableBufferPointer<Scalar>?
    public var query: UnsafeMutableBufferPointer<Scalar>?

    public init(
      weight: UnsafeMutableBufferPointer<Scalar>? = nil, bias: UnsafeMutableBufferPointer<Scalar>? = nil,
      query: UnsafeMutableBufferPointer<Scalar>? = nil
    ) {
      (self.weight, self.bias, self.query) = (weight, bias, query)
    }
  }

  /// - Parameters:
  ///   - y: `[T, N, W]`, dense; steps that do not count are not read.
  ///   - counted: T, N, and which steps count.
  ///   - parameters: of `attention`.
  ///   - out: `[N, W]`; overlaps nothing.
  ///   - weights: of `attention`: `[T, N]`, receives the weights of the steps, 0 where one does not count; or nil.
  /// - Throws: ``RNNError``: counts that do not fit, parameters that the kind lacks or does not have.
  @_specialize(exported:true,where Scalar == Float)
  @_specialize(exported:true,where Scalar == Double)
  public func forward<Scalar: RNNScalar>(
    y: UnsafeBufferPointer<Scalar>, counted: CountedSteps, parameters: Parameters<Scalar> = .init(),
    out: UnsafeMutableBufferPointer<Scalar>, weights: UnsafeMutableBufferPointer<Scalar>? = nil
  ) throws(RNNError) {
    let elements = try check(counted, parameters)
    try Check.count("y", y.count, elements)
    try Check.count("out", out.count, try Size.product(counted.sequences, width, of: "out"))
    if let weights {
      guard kind == .attention else { throw .unsupported("only pooling by attention has weights") }
      try Check.count("weights", weights.count, counted.steps * counted.sequences)
    }
    if kind == .attention {
      return try attend(y: y, counted: counted, parameters, out: out, weights: weights)
    }
    let kernels = try Scalar.kernels
    guard out.count > 0, let out = out.baseAddress else { return }
    guard elements > 0, let y = y.baseAddress else {
      return out.update(repeating: 0, count: counted.sequences * width)
    }
    let shards = Shards(counted.sequences, work: elements)
    let scratch = try Scratch<Scalar>(steps: counted.steps, width: width, tasks: shards.tasks)
    withFloatControl {
      parallel(shards.tasks, threads: shards.tasks) { task in
        let place = scratch.place(task)
        for n in shards.range(task) {
          let count = counted.list(n, place.positions)
          let own = out + n &* width
          if count == 0 {
            own.update(repeating: 0, count: width)
            continue
          }
          for k in 0..<count {
            (place.rows + k).initialize(to: y + (place.positions[k] &* counted.sequences &+ n) &* width)
          }
          pool(kernels, UnsafePointer(place.rows), count, own, place.spare)
        }
      }
    }
  }

  private func pool<Scalar: RNNScalar>(
    _ kernels: KernelTable<Scalar>, _ rows: UnsafePointer<UnsafePointer<Scalar>>, _ count: Int,
    _ out: UnsafeMutablePointer<Scalar>, _ spare: UnsafeMutablePointer<Scalar>
  ) {
    switch kind {
    case .mean:
      kernels.pool.mean(rows, count, width, 1, out)
      var isFinite = true
      for j in 0..<width where !out[j].isFinite { isFinite = false }
      if isFinite { return }
      // A sum of at most 2^32 numbers that is too large; their mean need not be.
      kernels.pool.mean(rows, count, width, 0x1p-32, spare)
      for j in 0..<width where !out[j].isFinite { out[j] = spare[j] }
    case .max: kernels.pool.maximum(rows, count, width, out)
    default:
      let forward = width / directions
      out.update(from: rows[count &- 1], count: forward)
      (out + forward).update(from: rows[0] + forward, count: width &- forward)
    }
  }

  /// The gradients of a loss whose gradient for `out` is `dout`.
  ///
  /// - Parameters:
  ///   - y: as for `forward`; of `last` and `mean` it may be nil.
  ///   - counted: as for `forward`.
  ///   - parameters: as for `forward`.
  ///   - dout: `[N, W]`
  ///   - accumulate: adds to the gradients of the parameters instead of overwriting them.
  ///   - dy: `[T, N, W]`, zeros where a step does not count; nil: not wanted. Overlaps nothing.
  ///   - gradients: of the parameters.
  @_specialize(exported:true,where Scalar == Float)
  @_specialize(exported:true,where Scalar == Double)
  public func backward<Scalar: RNNScalar>(
    y: UnsafeBufferPointer<Scalar>?, counted: CountedSteps, parameters: Parameters<Scalar> = .init(),
    dout: UnsafeBufferPointer<Scalar>, accumulate: Bool = false, dy: UnsafeMutableBufferPointer<Scalar>?,
    gradients: Gradients<Scalar> = .init()
  ) throws(RNNError) {
    let elements = try check(counted, parameters)
    try Check.count("dout", dout.count, try Size.product(counted.sequences, width, of: "dout"))
    if let dy { try Check.count("dy", dy.count, elements) }
    if kind == .max || kind == .attention {
      guard let y else { throw .nullPointer("y") }
      try Check.count("y", y.count, elements)
    }
    if kind == .attention, let y {
      return try attendBackward(
        y: y, counted: counted, parameters, dout: dout, accumulate: accumulate, dy: dy, gradients)
    }
    guard gradients.weight == nil, gradients.bias == nil, gradients.query == nil else {
      throw .unsupported("only pooling by attention has parameters")
    }
    let kernels = try Scalar.kernels
    guard elements > 0, let dy = dy?.baseAddress, let dout = dout.baseAddress else { return }
    let shards = Shards(counted.sequences, work: elements)
    let scratch = try Scratch<Scalar>(steps: counted.steps, width: width, tasks: shards.tasks)
    withFloatControl {
      parallel(shards.tasks, threads: shards.tasks) { task in
        let place = scratch.place(task)
        for n in shards.range(task) {
          for t in 0..<counted.steps {
            (dy + (t &* counted.sequences &+ n) &* width).update(repeating: 0, count: width)
          }
          let count = counted.list(n, place.positions)
          if count == 0 { continue }
          for k in 0..<count {
            let row = (place.positions[k] &* counted.sequences &+ n) &* width
            (place.rows + k).initialize(to: (y?.baseAddress ?? UnsafePointer(dy)) + row)
            (place.drows + k).initialize(to: dy + row)
          }
          spread(kernels, place, count, dout + n &* width)
        }
      }
    }
  }

  /// Never inlined: arithmetic must stay inside of the floating-point control.
  @inline(never)
  private func spread<Scalar: RNNScalar>(
    _ kernels: KernelTable<Scalar>, _ place: Place<Scalar>, _ count: Int, _ dout: UnsafePointer<Scalar>
  ) {
    switch kind {
    case .mean:
      let divisor = Scalar(count)
      for j in 0..<width { place.spare[j] = dout[j] / divisor }
      for k in 0..<count { place.drows[k].update(from: place.spare, count: width) }
    case .max:
      kernels.pool.maximumGradient(UnsafePointer(place.rows), count, width, dout, UnsafePointer(place.drows))
    default:
      let forward = width / directions
      place.drows[count &- 1].update(from: dout, count: forward)
      (place.drows[0] + forward).update(from: dout + forward, count: width &- forward)
    }
  }

  /// - Returns: T * N * W
  private func check<Scalar: RNNScalar>(
    _ counted: CountedSteps, _ parameters: Parameters<Scalar>
  ) throws(RNNError) -> Int {
    try Check.size("width", width)
    let rows = try counted.check()
    let elements = try Size.product(rows, width, of: "y")
    let most = kind == .last ? 2 : 1
    guard (1...most).contains(directions) else { throw .invalidValue("directions", directions, low: 1, high: most) }
    guard width % directions == 0 else { throw .unsupported("two directions have an even number of columns") }
    if kind == .attention {
      try Check.size("attention_size", attentionSize)
    } else {
      try Check.size("attention_size", attentionSize, 0)
      guard parameters.weight == nil, parameters.bias == nil, parameters.query == nil else {
        throw .unsupported("only pooling by attention has parameters")
      }
    }
    return elements
  }
}

extension Pool {
  /// Memory of a task, for one sequence at a time.
  fileprivate typealias Place<Scalar: RNNScalar> = (
    positions: UnsafeMutablePointer<Int>, rows: UnsafeMutablePointer<UnsafePointer<Scalar>>,
    drows: UnsafeMutablePointer<UnsafeMutablePointer<Scalar>>, spare: UnsafeMutablePointer<Scalar>
  )

  /// Places for all tasks.
  fileprivate struct Scratch<Scalar: RNNScalar> {
    private let memory: Block<UInt8>
    private let (steps, width, bytes): (Int, Int, Int)

    init(steps: Int, width: Int, tasks: Int) throws(RNNError) {
      var counter = Arena(nil)
      _ = Self.lay(&counter, steps, width)
      bytes = try counter.size("the scratch of a pool")
      memory = try Block(count: try Size.product(bytes, tasks, of: "the scratch of a pool"))
      (self.steps, self.width) = (steps, width)
    }

    private static func lay(_ arena: inout Arena, _ steps: Int, _ width: Int) -> Place<Scalar> {
      (
        arena.take(Int.self, steps), arena.take(UnsafePointer<Scalar>.self, steps),
        arena.take(UnsafeMutablePointer<Scalar>.self, steps), arena.take(Scalar.self, width)
      )
    }

    func place(_ task: Int) -> Place<Scalar> {
      var arena = Arena(memory.pointer + task * bytes)
      return Self.lay(&arena, steps, width)
    }
  }
}
