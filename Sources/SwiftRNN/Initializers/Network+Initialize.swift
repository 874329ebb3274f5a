// Drawing the parameters of a network.
import Kernels

extension Network {
  /// Draws all parameters, by default from U(-1/sqrt(H), 1/sqrt(H)), as torch does. Philox keyed by `seed`, a counter for
  /// each tensor and number (docs/equations.md): the same values on every machine.
  ///
  /// - Parameters:
  ///   - initializer: the distributions.
  ///   - seed: the same seed, the same numbers; nil: each call draws one.
  ///   - parameters: a pointer for each tensor; nil entries are skipped.
  /// - Throws: ``RNNError/invalidNumber(_:_:allowed:)``; ``RNNError/unsupported(_:)`` if the cell has no gate that keeps a
  ///   state, or that gate no bias, and its bias was asked for; ``RNNError/outOfMemory(bytes:)``: orthogonal matrices need
  ///   8 bytes for each number of the largest. Nothing is written then.
  @_specialize(exported:true,where Scalar == Float)
  @_specialize(exported:true,where Scalar == Double)
  public func initialize(
    _ initializer: Initializer = Initializer(), seed: UInt64? = nil,
    parameters: UnsafeBufferPointer<UnsafeMutableRawPointer?>
  ) throws(RNNError) {
    try checkPointers("parameter_count", parameters)
    for pointer in parameters {
      try Check.aligned(pointer?.assumingMemoryBound(to: Scalar.self), "an entry of parameters")
    }
    try initializer.check()
    let plan = InitializerPlan(initializer, self)
    if initializer.forgetGate != .asBias {
      let gates = plan.groups.first?.roles.gates ?? []
      guard !gates.isEmpty else {
        throw .unsupported("no forget gate: no sigmoid multiplies a state in the sum that is its next value")
      }
      guard gates.contains(where: { $0.forget.contains { !$0.isEmpty } }) else {
        throw .unsupported("the forget gate has no bias")
      }
    }
    let scratch = try Block<Double>(count: plan.scratch(layout))
    let chosen = seed ?? DrawnSeed.next()
    withFloatControl { draw(plan, chosen, parameters, scratch) }
  }

  /// Never inlined, so that no arithmetic moves past the change of the floating-point control.
  @inline(never)
  private func draw(
    _ plan: InitializerPlan, _ seed: UInt64, _ parameters: UnsafeBufferPointer<UnsafeMutableRawPointer?>,
    _ scratch: Block<Double>
  ) {
    let philox = Philox(seed: seed)
    for group in plan.groups {
      let (roles, start) = (group.roles, group.start)
      func fill(_ part: ParameterPart, _ distribution: Initializer.Distribution) {
        let index = start + part.parameter
        guard let tensor = parameters[index]?.assumingMemoryBound(to: Scalar.self) else { return }
        let block = DrawnBlock(
          random: RandomNumbers(philox: philox, tensor: index), columns: layout.info(index).columns,
          hidden: group.hidden, scratch: scratch.pointer)
        block.fill(tensor, part.row, part.rows, roles.parameters[part.parameter].blockRows, distribution)
      }
      for (number, known) in roles.parameters.enumerated() {
        let whole = ParameterPart(parameter: number, row: 0, rows: layout.info(start + number).rows)
        fill(whole, plan.distribution(known.role))
      }
      for value in roles.firstValues { fill(value.part, value.distribution) }
      if plan.initializer.forgetGate == .asBias { continue }
      for biases in roles.gates {
        guard let first = biases.forget.first(where: { !$0.isEmpty })?.first else { continue }
        let drawn = RandomNumbers(philox: philox, tensor: start + first.parameter)
        func set(_ gate: [ParameterPart], sign: Double) {
          for (number, part) in gate.enumerated() {
            let tensor = parameters[start + part.parameter]?.assumingMemoryBound(to: Scalar.self)
            for row in 0..<part.rows {
              tensor?[part.row + row] = Scalar(number == 0 ? sign * drawn.number(plan.forget, first.row + row) : 0)
            }
          }
        }
        for gate in biases.forget { set(gate, sign: 1) }
        if plan.drawsInputGates {
          for gate in biases.input { set(gate, sign: -1) }
        }
      }
    }
    stack?.startInitialStates(parameters)
  }

  /// New parameters, by default drawn from U(-1/sqrt(H), 1/sqrt(H)) as torch does: the same for a seed on every machine.
  ///
  /// - Parameters:
  ///   - seed: nil: each call draws one.
  ///   - initializer: the distributions.
  /// - Throws: as ``initialize(_:seed:parameters:)``.
  @_specialize(where Scalar == Float)
  @_specialize(where Scalar == Double)
  public func makeParameters(
    seed: UInt64? = nil, initializer: Initializer = Initializer()
  ) throws(RNNError) -> NetworkParameters<Scalar> {
    let parameters = NetworkParameters(layout, try Tensor<Scalar>(uninitialized: [flatCount]))
    let pointers = try parameters.pointers("parameters")
    try initialize(
      initializer, seed: seed, parameters: UnsafeBufferPointer(start: pointers.pointer, count: pointers.count))
    return parameters
  }
}

/// What is drawn for each parameter of a network.
struct InitializerPlan {
  /// The parameters of one direction of a layer.
  struct Group {
    let roles: ParameterRoles
    /// The index of the first among all parameters.
    let start: Int
    let hidden: Int
  }

  let initializer: Initializer
  private(set) var groups: [Group] = []
  /// Of the bias of a gate that keeps a state.
  let forget: Initializer.Distribution
  let drawsInputGates: Bool

  @inline(never)
  init<Scalar>(_ initializer: Initializer, _ network: Network<Scalar>) {
    self.initializer = initializer
    switch initializer.forgetGate {
    case .asBias: (forget, drawsInputGates) = (.zeros, false)
    case .constant(let value): (forget, drawsInputGates) = (.constant(value), false)
    case .chrono(let longest): (forget, drawsInputGates) = (.chrono(longest: longest), true)
    }
    if let stack = network.stack {
      var known: (network: Network<Scalar>, roles: ParameterRoles)?
      for block in stack.blocks {
        // Layers of the same sizes share theirs.
        let roles =
          known.flatMap { $0.network === block.network ? $0.roles : nil } ?? Self.roles(block.network, layer: 0)
        known = (block.network, roles)
        add(block.network, roles, from: block.firstParameter)
      }
      return
    }
    let (first, others) = (Self.roles(network, layer: 0), Self.roles(network, layer: 1))
    for layer in 0..<network.configuration.layers {
      add(network, layer == 0 ? first : others, from: network.layout.first(layer: layer, direction: 0))
    }
  }

  private mutating func add<Scalar>(_ network: Network<Scalar>, _ roles: ParameterRoles, from start: Int) {
    for direction in 0..<network.configuration.directions {
      groups.append(
        Group(
          roles: roles, start: start + direction * network.layout.perDirection,
          hidden: network.configuration.hiddenSize))
    }
  }

  static func roles<Scalar>(_ network: Network<Scalar>, layer: Int) -> ParameterRoles {
    if let equations = network.equations { return ParameterRoles(equations.layer(layer).layer) }
    let layout = network.layout
    return ParameterRoles(network.configuration, (0..<layout.perDirection).map { layout.info($0) })
  }

  func distribution(_ role: ParameterRoles.Role) -> Initializer.Distribution {
    switch role {
    case .input, .other: initializer.weights
    case .recurrent: initializer.recurrent
    case .bias: initializer.bias
    case .rest: .torch
    }
  }

  /// Numbers of the largest block that is made orthogonal.
  func scratch(_ layout: ParameterLayout) -> Int {
    var largest = 0
    for group in groups {
      func count(_ number: Int, _ rows: Int, _ distribution: Initializer.Distribution) {
        guard distribution.kind == .orthogonal else { return }
        let height = min(rows, group.roles.parameters[number].blockRows)
        largest = max(largest, height * layout.info(group.start + number).columns)
      }
      for (number, known) in group.roles.parameters.enumerated() {
        count(number, known.blockRows, distribution(known.role))
      }
      for value in group.roles.firstValues { count(value.part.parameter, value.part.rows, value.distribution) }
    }
    return largest
  }
}

/// Rows of a tensor, in blocks of so many.
private struct DrawnBlock {
  let random: RandomNumbers
  let columns: Int
  let hidden: Int
  /// As many numbers as an orthogonal block has.
  let scratch: UnsafeMutablePointer<Double>

  func fill<Scalar: RNNScalar>(
    _ tensor: UnsafeMutablePointer<Scalar>, _ first: Int, _ rows: Int, _ blockRows: Int,
    _ distribution: Initializer.Distribution
  ) {
    for row in stride(from: first, to: first + rows, by: blockRows) {
      let height = min(blockRows, first + rows - row)
      let (start, count) = (row * columns, height * columns)
      let resolved = distribution.resolved(in: columns, out: height, hidden: hidden)
      switch resolved.kind {
      case .orthogonal:
        let isWide = height <= columns
        makeOrthogonal(start, height)
        for i in 0..<height {
          for j in 0..<columns {
            tensor[start + i * columns + j] = Scalar(
              resolved.scale * (isWide ? scratch[i * columns + j] : scratch[j * height + i]))
          }
        }
      case .identity:
        (tensor + start).update(repeating: 0, count: count)
        for i in 0..<min(height, columns) { tensor[start + i * columns + i] = Scalar(resolved.scale) }
      case .constant: (tensor + start).update(repeating: Scalar(resolved.scale), count: count)
      default: for i in start..<start + count { tensor[i] = Scalar(random.number(resolved, i)) }
      }
    }
  }

  /// A block of normal numbers made orthogonal in ``scratch``: its rows, or its columns if these are fewer.
  @inline(never)
  private func makeOrthogonal(_ start: Int, _ height: Int) {
    let isWide = height <= columns
    for i in 0..<height {
      for j in 0..<columns {
        scratch[isWide ? i * columns + j : j * height + i] = random.normal(start + i * columns + j)
      }
    }
    Orthonormal.rows(scratch, count: min(height, columns), width: max(height, columns))
  }
}

extension Initializer.Distribution {
  /// Draws a matrix `[rows, columns]`, or with one column a vector, of a layer beside networks: Philox keyed by `seed`, a
  /// counter for each number, the same values on every machine.
  ///
  /// - Parameters:
  ///   - numbers: `rows * columns` elements, row-major.
  ///   - rows: rows of the matrix, or elements of the vector.
  ///   - columns: columns of the matrix; 1: a vector.
  ///   - hidden: what `torch` means by H; its bound is 1/sqrt(H).
  ///   - seed: the same seed, the same numbers.
  ///   - tensor: tells the tensors of a layer apart.
  /// - Throws: ``RNNError/invalidNumber(_:_:allowed:)``, ``RNNError/countMismatch(_:_:expected:)``,
  ///   ``RNNError/outOfMemory(bytes:)``. Nothing is written then.
  @_specialize(exported:true,where Scalar == Float)
  @_specialize(exported:true,where Scalar == Double)
  public func fill<Scalar: RNNScalar>(
    _ numbers: UnsafeMutableBufferPointer<Scalar>, rows: Int, columns: Int, hidden: Int, seed: UInt64, tensor: Int
  ) throws(RNNError) {
    try check("distribution")
    try Check.count("numbers", numbers.count, Size.product(rows, columns, of: "numbers"))
    guard let start = numbers.baseAddress, numbers.count > 0 else { return }
    let scratch = try Block<Double>(count: kind == .orthogonal ? numbers.count : 0)
    withFloatControl {
      let block = DrawnBlock(
        random: RandomNumbers(philox: Philox(seed: seed), tensor: tensor), columns: columns, hidden: max(hidden, 1),
        scratch: scratch.pointer)
      block.fill(start, 0, rows, rows, self)
    }
  }
}
