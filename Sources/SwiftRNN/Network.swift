// A network: what a checked configuration can do. Handles no memory of its own: callers bring every large buffer.
import Kernels

/// A recurrent network of a checked configuration, without parameters. Immutable: threads may share it.
///
/// This is the floor that the C library stands on: unsafe pointers, sizes in elements unless they are named bytes. The
/// tensor-like face above it is `Tensor.swift` and what follows there.
public final class Network<Scalar: RNNScalar>: Sendable {
  public let configuration: NetworkConfiguration
  let layout: ParameterLayout
  let kernels: KernelTable<Scalar>
  let plan: CellPlan
  /// Of ``CellKind/equations``; nil with layer options.
  let equations: Equations<Scalar>?
  /// The same, if their programs run sequences; nil: the kernels of a fused cell do.
  let interpreter: Equations<Scalar>?
  /// What passes over sequences run: the configuration, or of equations that are a fused cell that cell's.
  let executed: NetworkConfiguration
  /// Of a network with layer options: its layers, each a network.
  let stack: Stack<Scalar>?

  /// - Parameters:
  ///   - configuration: cell, sizes, directions, dropout and threads.
  ///   - options: how layers and directions are joined, if not as in torch.
  /// - Throws: what is wrong with the configuration or the options, or with `SWIFTRNN_ISA`.
  @_specialize(exported:true,where Scalar == Float)
  @_specialize(exported:true,where Scalar == Double)
  public convenience init(
    _ configuration: NetworkConfiguration, options: LayerOptions = LayerOptions()
  ) throws(RNNError) {
    try self.init(configuration, options: options, kernels: Scalar.kernels)
  }

  /// With kernels of the caller's choice: how tests compare instruction sets within one process. Its packed weights and
  /// streams fit networks with these kernels only.
  ///
  /// - Parameters:
  ///   - equations: of a network of equations, whose configuration they have completed.
  ///   - isInterpreted: their programs run sequences, whatever the cell is.
  ///   - isCore: of a cell with a ``CellHead``: its states alone. y is h'.
  @_specialize(exported:true,where Scalar == Float)
  @_specialize(exported:true,where Scalar == Double)
  init(
    _ configuration: NetworkConfiguration, kernels: KernelTable<Scalar>, equations: Equations<Scalar>? = nil,
    isInterpreted: Bool = false, isCore: Bool = false, stack: Stack<Scalar>? = nil
  ) throws(RNNError) {
    try configuration.check()
    self.configuration = configuration
    self.equations = equations
    self.stack = stack
    if let stack {
      layout = ParameterLayout(configuration, tensors: stack.parameters)
    } else if let equations {
      layout = try ParameterLayout(configuration, shapes: equations.shapes)
    } else {
      layout = try ParameterLayout(configuration)
    }
    self.kernels = kernels
    let fused = isInterpreted ? nil : equations?.fused(configuration, isCore: isCore)
    interpreter = fused == nil ? equations : nil
    let c = fused?.configuration ?? configuration
    executed = c
    plan = CellPlan(
      c.cell, hidden: c.hiddenSize, lanes: kernels.lanes, projection: c.projectionSize > 0,
      parameters: fused?.parameters ?? GateParameters(configuration))
  }

  // MARK: Parameters

  /// How many parameter tensors there are.
  public var parameterCount: Int { layout.count }
  /// Elements of all parameters: those of a flat vector that holds them.
  public var flatCount: Int { layout.elements }

  /// Describes a parameter tensor.
  public func parameter(_ index: Int) throws(RNNError) -> ParameterInfo {
    guard index >= 0, index < layout.count else {
      throw .invalidValue("index", index, low: 0, high: layout.count - 1)
    }
    return layout.info(index)
  }

  // MARK: Sizes

  /// Bytes of the tape of a forward pass for training.
  public func tapeSize(steps: Int, sequences: Int) throws(RNNError) -> Int {
    try Self.checkBatch(steps: steps, sequences: sequences)
    if let stack { return try StackTape(stack, steps: steps, sequences: sequences).bytes }
    return try tapeLayout(steps: steps, sequences: sequences).bytes
  }

  func tapeLayout(steps: Int, sequences: Int) throws(RNNError) -> TapeLayout {
    let c = executed
    let widths = interpreter.map { ($0.first.tapeWidth, $0.others.tapeWidth) }
    let gates = c.cell.tapeGates &* c.hiddenSize
    return try TapeLayout(
      Scalar.self, c, widths: widths ?? (gates, gates), steps: steps, sequences: sequences)
  }

  /// What a workspace is for.
  public enum Purpose: Int32, Sendable {
    /// A forward pass from parameters, with or without a tape.
    case forward = 0
    /// A forward pass from packed weights.
    case forwardWeights = 1
    case backward = 2
  }

  /// Bytes of scratch that a pass needs, whatever the threads and lengths.
  @_specialize(exported:true,where Scalar == Float)
  @_specialize(exported:true,where Scalar == Double)
  public func workspaceSize(_ purpose: Purpose, steps: Int, sequences: Int) throws(RNNError) -> Int {
    try workspaceBytes(purpose, steps: steps, sequences: sequences)
  }

  /// What the module itself calls.
  @inline(never)
  func workspaceBytes(_ purpose: Purpose, steps: Int, sequences: Int) throws(RNNError) -> Int {
    var arena = Arena(nil)
    _ = try tapeSize(steps: steps, sequences: sequences)
    if let stack {
      try stack.checkStates(sequences: sequences)
      _ = try StackWorkspace(&arena, stack, purpose, steps: steps, sequences: sequences)
      return try arena.size("workspace")
    }
    if interpreter != nil {
      switch purpose {
      case .forward: _ = EquationsForwardWorkspace(&arena, self, packed: false, steps: steps, sequences: sequences)
      case .forwardWeights:
        _ = EquationsForwardWorkspace(&arena, self, packed: true, steps: steps, sequences: sequences)
      case .backward: _ = EquationsBackwardWorkspace(&arena, self, steps: steps, sequences: sequences)
      }
      return try arena.size("workspace")
    }
    switch purpose {
    case .forward: _ = ForwardWorkspace(&arena, self, packed: false, steps: steps, sequences: sequences)
    case .forwardWeights: _ = ForwardWorkspace(&arena, self, packed: true, steps: steps, sequences: sequences)
    case .backward: _ = BackwardWorkspace(&arena, self, steps: steps, sequences: sequences)
    }
    return try arena.size("workspace")
  }

  static func checkBatch(steps: Int, sequences: Int) throws(RNNError) {
    guard steps >= 0, steps <= NetworkConfiguration.largestSize else {
      throw .invalidSize("steps", steps, low: 0, high: NetworkConfiguration.largestSize)
    }
    guard sequences >= 0, sequences <= NetworkConfiguration.largestSize else {
      throw .invalidSize("sequences", sequences, low: 0, high: NetworkConfiguration.largestSize)
    }
  }

  func checkPointers<Pointer>(_ name: StaticString, _ pointers: UnsafeBufferPointer<Pointer>) throws(RNNError) {
    guard pointers.count == layout.count else {
      throw .sizeMismatch(name, pointers.count, expected: layout.count)
    }
  }

  /// Threads for a pass: as many as are allowed and worth their while.
  func threads(steps: Int, sequences: Int) -> Int {
    let c = executed
    if let equations = interpreter {
      return equations.threads(c, lanes: plan.lanes, steps: steps, sequences: sequences)
    }
    // In multiply-adds: a gate's activation takes as long as some 32; one row past the weights as long as several.
    let width = Double(c.inputSize(ofLayer: c.layers > 1 ? 1 : 0) + c.stateWidth + 32)
    let rows = Double(steps) * Double(sequences == 0 ? 0 : max(sequences, 4))
    // With less work, waking threads takes longer than it saves; the narrower the vector, the longer work takes. On two
    // cores of a Cascade Lake with 16 lanes: LSTM N 2 T 16 H 64 (2.6 million) 31 us with one thread, 33 with two; RNN N 16
    // T 2 H 256 (4.5 million) 71 and 61, N 32 T 1 H 256 75 and 51.
    return BatchPlan.threads(
      c.threads > 0 ? c.threads : Threads.count, operations: rows * Double(c.cell.gates * c.hiddenSize) * width,
      each: Double(plan.lanes) * 90_000)
  }

  /// How many threads share the hidden units of each direction; 1: threads take sequences instead.
  ///
  /// Sequences are the better cut where each thread has enough of them for full tiles: nobody waits. With fewer, every
  /// thread would stream all weights past a handful of rows, or have nothing to do; with large weights it would stream
  /// all of them instead of its share; and in a single step whose weights are not packed yet, only threads that share
  /// the units can pack each panel at its use.
  func sharing(threads: Int, steps: Int, sequences: Int, unpacked: Bool) -> Int {
    let c = executed
    let members = min(threads / c.directions, Team.limit, plan.mostPanels)
    if interpreter != nil || members < 2 || sequences < 1 || sequences > Team.sequences { return 1 }
    let weights = c.cell.gates * c.hiddenSize * c.stateWidth
    // In a step of many W has passed before, once for many rows.
    let width = c.stateWidth + (steps == 1 ? c.inputSize(ofLayer: c.layers > 1 ? 1 : 0) : 0)
    let isLarge = c.cell.gates * c.hiddenSize * width * MemoryLayout<Scalar>.stride >= Team.largeBytes
    let rows =
      steps == 1 && unpacked
      ? Team.sequences : isLarge ? members * Team.rowsEachOfLarge : min(members * Team.rowsEach, Team.rowsOfSmall)
    // On two cores of a Cascade Lake an LSTM with N 1 lost by it at H 64 and won at H 128.
    return weights * sequences >= Team.leastWork * members && sequences <= rows ? members : 1
  }

  /// How many shards of a batch there are for `threads` threads, each with as many: of no more sequences than have
  /// their sums of a step in the second-level cache, but enough for full tiles. LSTM N 256 T 20 H 256, one thread of a
  /// Cascade Lake: 54 ms with one shard, 47 with four.
  func shards(threads: Int, sequences: Int) -> Int {
    let width = interpreter?.sumsWidth ?? plan.sumsWidth
    let rows = threads * max(64, Blocking.sumsBytes / (max(width, 1) * MemoryLayout<Scalar>.stride))
    return threads * max(1, (sequences + rows - 1) / rows)
  }

  /// How the threads of a pass share it.
  struct Cut {
    /// Threads of the pass.
    let members: Int
    /// How many of them share the hidden units of each direction; 1: they take shards of the batch.
    let sharing: Int
    /// Of the batch.
    let shards: Int
  }

  /// - Parameter unpacked: the weights are packed by the pass.
  func cut(steps: Int, sequences: Int, unpacked: Bool) -> Cut {
    let threads = min(threads(steps: steps, sequences: sequences), Team.largest)
    let sharing = self.sharing(threads: threads, steps: steps, sequences: sequences, unpacked: unpacked)
    if sharing > 1 { return Cut(members: sharing * configuration.directions, sharing: sharing, shards: 1) }
    return Cut(members: threads, sharing: 1, shards: shards(threads: threads, sequences: sequences))
  }

  /// Whether runners pack each panel at its use, instead of all panels before: in a single step each is used once, and
  /// stays in a near cache in between. Not where several shards use the same panels, or where a matrix of the layer
  /// has not as many places for panels as there are members: then all of the layer is packed before.
  func packsAtUse(_ jobs: PackJobs<Scalar>, steps: Int, _ cut: Cut) -> Bool {
    steps == 1 && (cut.members * cut.shards == 1 || (cut.sharing > 1 && !configuration.bidirectional))
      && !jobs.contains { $0.slots < cut.sharing }
  }
}
