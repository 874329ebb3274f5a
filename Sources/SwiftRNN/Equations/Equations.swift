// The cell of a network of equations, in the network's layers.
import Kernels

/// What a network of equations knows beside its configuration. Immutable.
final class Equations<Scalar: RNNScalar>: Sendable {
  let cell: Cell
  /// Of the first layer, and of the others, which read the layer below.
  let first: EquationsLayer<Scalar>
  let others: EquationsLayer<Scalar>
  /// The same over nodes of trees; nil: the cell's states or its output are a child's.
  let trees: (first: EquationsLayer<Scalar>, others: EquationsLayer<Scalar>)?
  let shapes: EquationsShapes
  /// The first input of which each direction has one of its own, side by side in a row.
  let firstOwnInput: Int

  /// - Parameters:
  ///   - configuration: is completed with what the cell gives.
  ///   - sizes: of the names that the cell's sizes have, I and H apart.
  /// - Throws: sizes that do not fit.
  init(
    _ cell: Cell, _ configuration: inout NetworkConfiguration, sizes: [String: Int], lanes: Int
  ) throws(CellError) {
    self.cell = cell
    let place = cell.graph.nodes[cell.graph.output].place
    if let unknown = sizes.keys.sorted().first(where: { !cell.sizeNames.contains($0) }) {
      throw place.error(
        "the cell has no size \"\(unknown)\"\(Self.hint(unknown, cell.sizeNames))")
    }
    var given = sizes
    given["H"] = configuration.hiddenSize
    func layer(_ inputs: Int, isTree: Bool = false) throws(CellError) -> EquationsLayer<Scalar> {
      given["I"] = inputs
      let extents = try CellExtents(cell.graph, cell.sizes, given: given)
      // A "size" of x is instead of I, but rows of I numbers are what a layer reads.
      let x = cell.graph.inputs[0].node
      guard extents.rows[x] == inputs else {
        throw cell.graph.nodes[x].place.error("x is \(extents.rows[x]) wide by its \"size\", and \(inputs) in a layer")
      }
      return try EquationsLayer(CellInLayer(cell: cell, extents: extents, lanes: lanes, isTree: isTree))
    }
    first = try layer(configuration.inputSize)
    configuration.cell = .equations
    configuration.equationsWidth = first.outputWidth
    configuration.equationsFingerprint = Self.fingerprint(cell, sizes)
    let inputs = configuration.outputSize
    others = configuration.layers > 1 && inputs != configuration.inputSize ? try layer(inputs) : first
    if cell.isRecursive {
      let first = try layer(configuration.inputSize, isTree: true)
      trees = (first, others === self.first ? first : try layer(inputs, isTree: true))
    } else {
      trees = nil
    }
    guard others.outputWidth == first.outputWidth else {
      throw place.error(
        "the output of the first layer is \(first.outputWidth) wide, and of the next \(others.outputWidth)")
    }
    for (number, state) in first.states.enumerated() where others.states[number].width != state.width {
      throw place.error("the state \"\(cell.graph.states[number].name)\" has another size in each layer")
    }
    try Self.checkInputs(of: cell, first, others)
    shapes = EquationsShapes(layers: (first.shapes, others.shapes))
    firstOwnInput = cell.graph.inputs.count
  }

  /// All layers read the same inputs, x apart: also those that are networks of their own, with layer options.
  ///
  /// - Throws: the input whose width differs.
  static func checkInputs(
    of cell: Cell, _ first: EquationsLayer<Scalar>, _ other: EquationsLayer<Scalar>
  ) throws(CellError) {
    for number in cell.graph.inputs.indices.dropFirst() where other.inputWidths(number) != first.inputWidths(number) {
      throw cell.graph.nodes[cell.graph.output].place.error(
        "the input \"\(cell.graph.inputs[number].name)\" has another size in each layer")
    }
  }

  /// Of a cell with the nodes of that of `whole`, which has one layer: what `batch_norm` is laid on, or what is left.
  init(_ part: Cell, of whole: Equations<Scalar>, lanes: Int) throws(CellError) {
    cell = part
    firstOwnInput = whole.cell.graph.inputs.count
    first = try EquationsLayer(CellInLayer(cell: cell, extents: whole.first.layer.extents, lanes: lanes))
    others = first
    trees = nil
    shapes = EquationsShapes(layers: (first.shapes, first.shapes))
  }

  func layer(_ number: Int) -> EquationsLayer<Scalar> { number == 0 ? first : others }

  /// The inputs of a direction.
  func inputs(_ all: InputRows<Scalar>, direction: Int) -> InputRows<Scalar> {
    var inputs = all
    for number in firstOwnInput..<max(firstOwnInput, first.inputCount) {
      inputs.others[number &- 1] = all[number].offset(by: direction &* first.inputWidths(number))
    }
    return inputs
  }

  private static func hint(_ unknown: String, _ names: [String]) -> String {
    let hint = Suggestion.text(for: unknown, among: names)
    if !hint.isEmpty { return hint }
    return names.isEmpty ? "; it has I and H only" : "; beside I and H it has \(names.joined(separator: ", "))"
  }

  /// Tells cells and their sizes apart; never 0.
  private static func fingerprint(_ cell: Cell, _ sizes: [String: Int]) -> UInt64 {
    var fingerprint = Fingerprint()
    for byte in cell.bytes { fingerprint.add(byte: byte) }
    for (name, size) in sizes.sorted(by: { $0.key < $1.key }) {
      fingerprint.add(byte: 0)
      for byte in name.utf8 { fingerprint.add(byte: byte) }
      fingerprint.add(size)
    }
    return fingerprint.nonzero
  }

  /// The fused cell whose kernels can run a network of this configuration, and where it has its parameters; nil: none
  /// can.
  ///
  /// - Parameter isCore: the states alone, without the output equation behind them.
  func fused(
    _ c: NetworkConfiguration, isCore: Bool
  ) -> (configuration: NetworkConfiguration, parameters: GateParameters)? {
    guard let fused = isCore ? cell.head?.core : cell.fused else { return nil }
    var c = c
    c.cell = fused.kind
    c.hiddenSize = first.states[fused.c ?? fused.h].width
    if fused.parameters.weightHR != nil {
      c.projectionSize = first.states[fused.h].width
      guard c.projectionSize < c.hiddenSize else { return nil }
    }
    c.bias = fused.parameters.hasBiases
    c.startsWithC = fused.c == 0
    return (c, fused.parameters)
  }

  // MARK: What passes are cut by

  /// Numbers of a step of one sequence that stages hand on.
  var sumsWidth: Int { max(first.training.aheadWidth + first.training.keptWidth, first.statesWidth) }

  /// Threads that are worth their while.
  func threads(_ c: NetworkConfiguration, lanes: Int, steps: Int, sequences: Int) -> Int {
    let layer = c.layers > 1 ? others : first
    // In multiply-adds: a vector instruction's number takes as long as some 4.
    let work = Double(layer.inference.packedElements + 4 * layer.inference.instructionNumbers + 32)
    let rows = Double(steps) * Double(sequences == 0 ? 0 : max(sequences, 4))
    return BatchPlan.threads(
      c.threads > 0 ? c.threads : Threads.count, operations: rows * work, each: Double(lanes) * 90_000)
  }
}

extension EquationsLayer {
  /// Columns of a row of the tape.
  var tapeWidth: Int { backwardPlan.tape.width }

  var shapes: [EquationsShapes.Shape] {
    var shapes: [EquationsShapes.Shape] = []
    var offset = 0
    for (number, parameter) in layer.graph.parameters.enumerated() {
      let (rows, columns) = layer.shape(ofParameter: number)
      shapes.append(
        .init(
          stem: parameter.name, rows: rows, columns: columns, rank: parameter.kind == .matrix ? 2 : 1, offset: offset))
      offset += rows * columns
    }
    return shapes
  }
}

extension CellProgram {
  /// Numbers that the vector instructions of a step make.
  var instructionNumbers: Int {
    sections.dropFirst().reduce(0) { sum, section in
      sum + section.stages.reduce(0) { $0 + $1.instructions.reduce(0) { $0 + Int($1.width) } }
    }
  }
}

extension NetworkConfiguration {
  /// Checks a configuration whose cell is a text: fields that the text replaces are refused, instead
  /// of a network that quietly differs from what was asked for.
  func forCell() throws(RNNError) -> NetworkConfiguration {
    guard bias else { throw .unsupported("a cell of equations takes no bias: its text has the biases") }
    guard projectionSize == 0 else {
      throw .unsupported("a cell of equations takes no projection size: its text has the projection")
    }
    var configuration = self
    configuration.cell = .rnnTanh
    try configuration.check()
    return configuration
  }
}

extension Network {
  /// A network whose cell is given as equations (docs/cells.md).
  ///
  /// - Parameters:
  ///   - cell: the equations.
  ///   - configuration: layers, directions, dropout and threads; its cell is replaced by `cell`. `bias` and
  ///     `projectionSize` keep their defaults: the text says what there is of either.
  ///   - sizes: of the names that the cell's sizes have, such as `["P": 64]`; I and H are the configuration's.
  ///   - options: how layers and directions are joined, if not as in torch.
  /// - Throws: ``RNNError/cell(_:)`` for sizes that do not fit, and as ``Cell/init(_:)``.
  @_specialize(exported:true,where Scalar == Float)
  @_specialize(exported:true,where Scalar == Double)
  public convenience init(
    _ cell: Cell, _ configuration: NetworkConfiguration, sizes: [String: Int] = [:],
    options: LayerOptions = LayerOptions()
  ) throws(RNNError) {
    try self.init(cell, configuration, sizes: sizes, options: options, kernels: Scalar.kernels)
  }

  /// - Parameter isInterpreted: also where a fused cell's kernels can run it.
  convenience init(
    _ cell: Cell, _ configuration: NetworkConfiguration, sizes: [String: Int] = [:], kernels: KernelTable<Scalar>,
    isInterpreted: Bool = false
  ) throws(RNNError) {
    var completed = try configuration.forCell()
    let equations: Equations<Scalar>
    do {
      equations = try Equations(cell, &completed, sizes: sizes, lanes: kernels.lanes)
    } catch {
      throw .cell(error)
    }
    try self.init(completed, kernels: kernels, equations: equations, isInterpreted: isInterpreted)
  }

  /// Names and widths of the states, in order; a width of 0: layers differ in it (``part(ofState:layer:)``).
  public var states: [(name: String, width: Int)] {
    if let stack {
      return stack.block(0, 0).network.states.enumerated().map { ($1.name, stack.width(ofState: $0) ?? 0) }
    }
    guard let equations else {
      return (0..<configuration.cell.states).map { ($0 == 0 ? "h" : "c", configuration.width(ofState: $0)) }
    }
    return zip(equations.cell.graph.states, equations.first.states).map { ($0.name, $1.width) }
  }

  /// How many there are, without a list: passes and steps ask for it. Called from other modules by the versions for Float
  /// and Double: the generic one asks the runtime for types, which allocates.
  public var stateCount: Int {
    @_specialize(exported:true,where Scalar == Float)
    @_specialize(exported:true,where Scalar == Double)
    get { stack?.block(0, 0).network.stateCount ?? equations?.first.states.count ?? configuration.cell.states }
  }
  public var inputCount: Int {
    @_specialize(exported:true,where Scalar == Float)
    @_specialize(exported:true,where Scalar == Double)
    get { stack?.block(0, 0).network.inputCount ?? equations.map { $0.first.inputCount - 1 } ?? 0 }
  }

  /// Names and widths of the inputs beside x, in order.
  public var inputs: [(name: String, width: Int)] {
    if let stack { return stack.block(0, 0).network.inputs }
    guard let equations else { return [] }
    return equations.cell.graph.inputs.enumerated().dropFirst().map { number, input in
      let directions = number >= equations.firstOwnInput ? configuration.directions : 1
      return (input.name, directions * equations.first.inputWidths(number))
    }
  }
}

/// The inputs of a cell of equations beside x, by their number from 0: each dense `[T, N, width]`.
@frozen
public struct Inputs<Scalar: RNNScalar>: BitwiseCopyable {
  @usableFromInline var tensors = InlineArray<15, UnsafeMutablePointer<Scalar>?>(repeating: nil)

  @inlinable public init() {}

  /// nil for numbers outside of 0 … 14.
  public subscript(input: Int) -> UnsafeMutablePointer<Scalar>? {
    @inlinable get { input >= 0 && input < 15 ? tensors[input] : nil }
    @inlinable set { if input >= 0 && input < 15 { tensors[input] = newValue } }
  }
}

extension Network {
  /// - Parameter mayBeNil: these are gradients of inputs.
  /// - Throws: an input that is missing or not aligned, or larger than memory.
  func checkedInputs(
    _ given: Inputs<Scalar>, _ x: Rows<Scalar>, steps: Int, sequences: Int, mayBeNil: Bool = false
  ) throws(RNNError) -> InputRows<Scalar> {
    var rows = InputRows(x)
    let name: StaticString = mayBeNil ? "an entry of input_gradients" : "an entry of inputs"
    for (number, input) in inputs.enumerated() {
      let count = try Size.product(steps, sequences, input.width, of: name)
      _ = try Size.bytes(count, of: Scalar.self, name)
      try Check.aligned(given[number], name)
      guard let base = given[number] else {
        guard mayBeNil || count == 0 else { throw .nullPointer(name) }
        continue
      }
      rows.others[number] = Rows(dense: base, sequences: sequences, width: input.width)
    }
    return rows
  }
}

extension Network {
  /// The inputs beside x, in order, with steps first.
  func ordered(
    _ given: KeyValuePairs<String, Tensor<Scalar>>, _ x: Tensor<Scalar>, batchFirst: Bool
  ) throws(RNNError) -> [Tensor<Scalar>] {
    let wanted = inputs
    guard given.count == wanted.count else {
      throw .mismatch("the cell has inputs of other names than those that are given")
    }
    var tensors: [Tensor<Scalar>] = []
    for input in wanted {
      guard let tensor = given.first(where: { $0.key == input.name })?.value else {
        throw .mismatch("the cell has inputs of other names than those that are given")
      }
      guard tensor.shape.count == 3 else { throw .sizeMismatch(TensorName.input.rank, tensor.shape.count, expected: 3) }
      try tensor.check(.input, x.shape[0], x.shape[1], input.width)
      tensors.append(batchFirst ? try tensor.withFirstAxesSwapped() : tensor)
    }
    return tensors
  }
}

extension Tensor {
  /// A copy of a tensor of rank 3, `[b, a, c]` of `[a, b, c]`.
  func withFirstAxesSwapped() throws(RNNError) -> Tensor {
    let swapped = try Tensor(uninitialized: [shape[1], shape[0], shape[2]])
    for i in 0..<shape[0] {
      for j in 0..<shape[1] {
        (swapped.pointer + (j * shape[0] + i) * shape[2]).update(
          from: pointer + (i * shape[1] + j) * shape[2], count: shape[2])
      }
    }
    return swapped
  }
}
