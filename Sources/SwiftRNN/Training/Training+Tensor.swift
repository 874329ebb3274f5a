// What surrounds a network in training, on tensors: for loops in which every value has a shape. The calls on buffers
// have the equations and the bits.

extension Tensor {
  /// The size of the last dimension and how many rows of it there are.
  func rows(_ name: StaticString) throws(RNNError) -> (rows: Int, width: Int) {
    guard let width = shape.last else { throw .invalidSize(name, 0, low: 1, high: .max) }
    // The other dimensions by themselves: rows of no elements count, too.
    return (try Self.count(Array(shape.dropLast())), width)
  }

  /// Rows and columns of a matrix.
  func matrix(_ name: StaticString) throws(RNNError) -> (rows: Int, columns: Int) {
    guard shape.count == 2 else { throw .sizeMismatch(name, shape.count, expected: 2) }
    return (shape[0], shape[1])
  }

  /// - Parameter message: says what `expected` is: a shape cannot be in an error, which holds no memory.
  func checkShape(_ expected: [Int], _ message: StaticString) throws(RNNError) {
    guard shape == expected else { throw .mismatch(message) }
  }

  var buffer: UnsafeMutableBufferPointer<Scalar> {
    UnsafeMutableBufferPointer(start: pointer, count: count)
  }

  var constant: UnsafeBufferPointer<Scalar> { UnsafeBufferPointer(buffer) }
}

extension Embedding {
  /// Rows of `weight` `[vocabulary, width]` for `ids`, which are those of a tensor of the shape `shape`, row-major.
  ///
  /// - Returns: `shape + [width]`: `[T, N]` identifiers give a network's `[T, N, I]`.
  /// - Throws: ``RNNError`` for sizes that do not fit and identifiers outside the vocabulary.
  public static func forward<Scalar: RNNScalar>(
    _ ids: [Int], shape: [Int], weight: Tensor<Scalar>
  ) throws(RNNError) -> Tensor<Scalar> {
    let (vocabulary, width) = try weight.matrix("the rank of weight")
    try Check.count("ids", ids.count, Tensor<Scalar>.count(shape))
    let out = try Tensor<Scalar>(uninitialized: shape + [width])
    defer { withExtendedLifetime(weight) {} }
    try ids.withUnsafeBufferPointer { (ids) throws(RNNError) in
      try forward(weight: weight.constant, vocabulary: vocabulary, width: width, ids: ids, out: out.buffer)
    }
    return out
  }

  /// The gradient of the table, `[vocabulary, width]`, from that of the rows that were looked up, `[…, width]`.
  public static func backward<Scalar: RNNScalar>(
    _ ids: [Int], dout: Tensor<Scalar>, vocabulary: Int
  ) throws(RNNError) -> Tensor<Scalar> {
    let (rows, width) = try dout.rows("the rank of dout")
    try Check.count("ids", ids.count, rows)
    let dweight = try Tensor<Scalar>(uninitialized: [vocabulary, width])
    defer { withExtendedLifetime(dout) {} }
    try ids.withUnsafeBufferPointer { (ids) throws(RNNError) in
      try backward(
        ids: ids, dout: dout.constant, vocabulary: vocabulary, width: width, accumulate: false,
        dweight: dweight.buffer)
    }
    return dweight
  }
}

extension Linear {
  /// `y = x weight^T + bias` for the last dimension of x: `[…, inputs]` gives `[…, outputs]`.
  ///
  /// - Parameters:
  ///   - x: `[…, inputs]`
  ///   - weight: `[outputs, inputs]`
  ///   - bias: `[outputs]`; nil: zeros.
  /// - Throws: ``RNNError/sizeMismatch(_:_:expected:)``, ``RNNError/countMismatch(_:_:expected:)``,
  ///   ``RNNError/outOfMemory(bytes:)``
  public static func forward<Scalar: RNNScalar>(
    _ x: Tensor<Scalar>, weight: Tensor<Scalar>, bias: Tensor<Scalar>? = nil
  ) throws(RNNError) -> Tensor<Scalar> {
    let (rows, width) = try x.rows("the rank of x")
    let (outputs, inputs) = try weight.matrix("the rank of weight")
    try Check.size("the last dimension of x", width, inputs)
    try bias?.checkShape([outputs], "the shape of bias differs from [outputs]")
    let y = try Tensor<Scalar>(uninitialized: x.shape.dropLast() + [outputs])
    defer { withExtendedLifetime((x, weight, bias)) {} }
    try forward(
      rows: rows, inputs: inputs, outputs: outputs, x: x.constant, weight: weight.constant, bias: bias?.constant,
      y: y.buffer)
    return y
  }

  /// The gradients of a linear layer.
  public struct Gradients<Scalar: RNNScalar>: Sendable {
    /// As x.
    public var x: Tensor<Scalar>
    /// `[outputs, inputs]`
    public var weight: Tensor<Scalar>
    /// `[outputs]`
    public var bias: Tensor<Scalar>
  }

  /// The gradients of a loss whose gradient for y, `[…, outputs]`, is `dy`.
  public static func backward<Scalar: RNNScalar>(
    _ dy: Tensor<Scalar>, x: Tensor<Scalar>, weight: Tensor<Scalar>
  ) throws(RNNError) -> Gradients<Scalar> {
    let (rows, width) = try x.rows("the rank of x")
    let (outputs, inputs) = try weight.matrix("the rank of weight")
    try Check.size("the last dimension of x", width, inputs)
    let own = try dy.rows("the rank of dy")
    try Check.size("the last dimension of dy", own.width, outputs)
    try dy.checkShape(x.shape.dropLast() + [outputs], "the shape of dy differs from that of x, with outputs for inputs")
    let gradients = Gradients(
      x: try Tensor<Scalar>(uninitialized: x.shape), weight: try Tensor<Scalar>(uninitialized: weight.shape),
      bias: try Tensor<Scalar>(uninitialized: [outputs]))
    defer { withExtendedLifetime((x, weight, dy)) {} }
    try backward(
      rows: rows, inputs: inputs, outputs: outputs, x: x.constant, weight: weight.constant, dy: dy.constant,
      accumulate: false, dx: gradients.x.buffer, dweight: gradients.weight.buffer, dbias: gradients.bias.buffer)
    return gradients
  }
}

extension GradientClipping {
  /// Scales all gradients by `maxNorm / norm` if their common 2-norm is larger than `maxNorm`.
  ///
  /// - Returns: the norm before.
  @discardableResult
  public static func clip<Scalar: RNNScalar>(
    _ gradients: inout [Tensor<Scalar>], maxNorm: Double
  ) throws(RNNError) -> Double {
    for index in gradients.indices { try gradients[index].makeUnique() }
    let all = gradients
    return try clip(tensors: all.count, maxNorm: maxNorm) { all[$0].buffer }
  }

  /// The same for all gradients of a network, `gradients.parameters` of a backward pass.
  ///
  /// - Returns: the norm before.
  @discardableResult
  public static func clip<Scalar: RNNScalar>(
    _ gradients: inout NetworkParameters<Scalar>, maxNorm: Double
  ) throws(RNNError) -> Double {
    try gradients.flat.makeUnique()
    let all = gradients.flat
    return try clip(tensors: 1, maxNorm: maxNorm) { _ in all.buffer }
  }

  /// Limits each number of the gradients to `-limit ... limit`.
  public static func clip<Scalar: RNNScalar>(
    _ gradients: inout [Tensor<Scalar>], values limit: Double
  ) throws(RNNError) {
    for index in gradients.indices { try gradients[index].makeUnique() }
    let all = gradients
    try clip(tensors: all.count, values: limit) { all[$0].buffer }
  }

  /// The same for all gradients of a network.
  public static func clip<Scalar: RNNScalar>(
    _ gradients: inout NetworkParameters<Scalar>, values limit: Double
  ) throws(RNNError) {
    try gradients.flat.makeUnique()
    let all = gradients.flat
    try clip(tensors: 1, values: limit) { _ in all.buffer }
  }
}

extension SGD {
  /// One step without momentum.
  public func step<Scalar: RNNScalar>(
    gradient: Tensor<Scalar>, parameter: inout Tensor<Scalar>
  ) throws(RNNError) {
    try gradient.checkShape(parameter.shape, "the shapes of gradient and parameter differ")
    defer { withExtendedLifetime(gradient) {} }
    try parameter.withUnsafeMutableBufferPointer { (p) throws(RNNError) in
      try step(gradient: gradient.constant, parameter: p)
    }
  }

  /// One step with momentum: `velocity` is zeros before the first step.
  public func step<Scalar: RNNScalar>(
    gradient: Tensor<Scalar>, parameter: inout Tensor<Scalar>, velocity: inout Tensor<Scalar>
  ) throws(RNNError) {
    try gradient.checkShape(parameter.shape, "the shapes of gradient and parameter differ")
    defer { withExtendedLifetime(gradient) {} }
    try parameter.withUnsafeMutableBufferPointer { (p) throws(RNNError) in
      try velocity.withUnsafeMutableBufferPointer { (v) throws(RNNError) in
        try step(gradient: gradient.constant, parameter: p, velocity: v)
      }
    }
  }
}

extension Adam {
  /// The moments of the gradients of one tensor, and how many steps they have seen.
  public struct Moments<Scalar: RNNScalar>: Sendable {
    public var first: Tensor<Scalar>
    public var second: Tensor<Scalar>
    /// Steps so far.
    public var steps = 0

    /// Zeros for a parameter of the shape of `parameter`.
    public init(for parameter: Tensor<Scalar>) throws(RNNError) {
      first = try Tensor(shape: parameter.shape)
      second = try Tensor(shape: parameter.shape)
    }
  }

  /// One step.
  ///
  /// - Throws: ``RNNError``; nothing is written then.
  public func step<Scalar: RNNScalar>(
    gradient: Tensor<Scalar>, parameter: inout Tensor<Scalar>, moments: inout Moments<Scalar>
  ) throws(RNNError) {
    try gradient.checkShape(parameter.shape, "the shapes of gradient and parameter differ")
    defer { withExtendedLifetime(gradient) {} }
    guard (0..<Int.max).contains(moments.steps) else {
      throw .invalidValue("moments.steps", moments.steps, low: 0, high: .max - 1)
    }
    try Check.count("moments.first", moments.first.count, parameter.count)
    try Check.count("moments.second", moments.second.count, parameter.count)
    let t = moments.steps + 1
    try parameter.withUnsafeMutableBufferPointer { (p) throws(RNNError) in
      try moments.first.withUnsafeMutableBufferPointer { (m) throws(RNNError) in
        try moments.second.withUnsafeMutableBufferPointer { (v) throws(RNNError) in
          try step(t, gradient: gradient.constant, parameter: p, first: m, second: v)
        }
      }
    }
    moments.steps = t
  }
}

extension RMSprop {
  /// Averages of the gradients of one tensor, from step to step.
  public struct Moments<Scalar: RNNScalar>: Sendable {
    /// The running mean of the squares.
    public var square: Tensor<Scalar>
    /// That of the gradients, where the steps are centered; zeros else.
    public var mean: Tensor<Scalar>
    /// Where the steps have momentum; zeros else.
    public var velocity: Tensor<Scalar>

    /// Zeros for a parameter of the shape of `parameter`.
    public init(for parameter: Tensor<Scalar>) throws(RNNError) {
      square = try Tensor(shape: parameter.shape)
      mean = try Tensor(shape: parameter.shape)
      velocity = try Tensor(shape: parameter.shape)
    }
  }

  /// One step.
  ///
  /// - Throws: ``RNNError``; nothing is written then.
  public func step<Scalar: RNNScalar>(
    gradient: Tensor<Scalar>, parameter: inout Tensor<Scalar>, moments: inout Moments<Scalar>
  ) throws(RNNError) {
    defer { withExtendedLifetime(gradient) {} }
    try parameter.withUnsafeMutableBufferPointer { (p) throws(RNNError) in
      try moments.square.withUnsafeMutableBufferPointer { (s) throws(RNNError) in
        try moments.mean.withUnsafeMutableBufferPointer { (m) throws(RNNError) in
          try moments.velocity.withUnsafeMutableBufferPointer { (v) throws(RNNError) in
            try step(gradient: gradient.constant, parameter: p, square: s, mean: m, velocity: v)
          }
        }
      }
    }
  }
}

extension Sampler {
  /// A class for each row of `logits` `[…, classes]`; moves the position on.
  public mutating func sample<Scalar: RNNScalar>(_ logits: Tensor<Scalar>) throws(RNNError) -> [Int] {
    let (rows, classes) = try logits.rows("the rank of logits")
    guard classes > 0 || rows == 0 else {
      throw .invalidSize("the last dimension of logits", classes, low: 1, high: .max)
    }
    defer { withExtendedLifetime(logits) {} }
    var ids = [Int](repeating: 0, count: rows)
    try ids.withUnsafeMutableBufferPointer { (ids) throws(RNNError) in
      try sample(logits: logits.constant, classes: classes, ids: ids)
    }
    return ids
  }
}
