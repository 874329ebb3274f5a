// Parameters packed once: for inference, for streams, and, in a workspace, for one call.
import Kernels

/// An immutable snapshot of a network's parameters in the layout of the kernels. Threads may share it.
public final class PackedWeights<Scalar: RNNScalar>: @unchecked Sendable {
  let network: Network<Scalar>
  private let memory: Block<UInt8>
  /// With layer options: of each block. The memory has learned initial states then.
  private let blocks: [PackedWeights<Scalar>]
  /// Of each block's head.
  private let heads: [PackedWeights<Scalar>?]

  /// Packs `parameters`, one pointer per tensor, none nil; they may change or go afterwards.
  ///
  /// - Throws: ``RNNError/outOfMemory(bytes:)``, or what is wrong with the pointers.
  @_specialize(exported:true,where Scalar == Float)
  @_specialize(exported:true,where Scalar == Double)
  public convenience init(
    _ network: Network<Scalar>, parameters: UnsafeBufferPointer<UnsafeRawPointer?>
  ) throws(RNNError) {
    try self.init(of: network, parameters)
  }

  /// What the module itself calls: an exported specialisation that is called here too was lost at linking.
  @inline(never)
  init(of network: Network<Scalar>, _ parameters: UnsafeBufferPointer<UnsafeRawPointer?>) throws(RNNError) {
    let checked = try Check.parameters(parameters, of: network)
    if let stack = network.stack {
      self.network = network
      (blocks, heads) = try stack.pack(parameters)
      memory = try stack.copyInitialStates(parameters)
      return
    }
    (blocks, heads) = ([], [])
    var counter = Arena(nil)
    Self.lay(&counter, network)
    self.network = network
    memory = try Block(count: counter.size("weights"))
    let arena = Arena(memory.pointer)
    let threads = network.flatCount > 1 << 16 ? min(Threads.count, Team.largest) : 1
    withFloatControl { Self.pack(arena, network, checked, threads: threads) }
  }

  /// Never inlined, so that no arithmetic moves past the change of the floating-point control.
  @inline(never)
  private static func pack(
    _ start: Arena, _ network: Network<Scalar>, _ parameters: Parameters<Scalar>, threads: Int
  ) {
    runTeam(threads) { member in
      for layer in 0..<network.configuration.layers {
        if let equations = network.interpreter {
          packCells(start, network, equations, parameters, layer, &member)
          continue
        }
        PackJob.run(jobs(start, network, parameters, layer: layer, &member), network.kernels, &member)
      }
    }
  }

  private static func packCells(
    _ start: Arena, _ network: Network<Scalar>, _ equations: Equations<Scalar>, _ parameters: Parameters<Scalar>,
    _ layer: Int, _ member: inout TeamMember
  ) {
    let of = equations.layer(layer)
    for direction in 0..<network.configuration.directions {
      let tensors = parameters.pointers + network.layout.first(layer: layer, direction: direction)
      packedCell(start, network, equations, layer, direction)
        .pack(network, of.inference, tensors, of.layer, nil, &member)
    }
  }

  /// Whether these weights can run in `other`.
  func isFor(_ other: Network<Scalar>) -> Bool {
    var (own, its) = (network.executed, other.executed)
    (own.threads, its.threads) = (0, 0)
    (own.dropout, its.dropout) = (0, 0)
    return own == its
  }

  /// With layer options: of a block.
  func block(_ index: Int) -> PackedWeights? { index < blocks.count ? blocks[index] : nil }

  /// Of a block's head.
  func head(_ index: Int) -> PackedWeights? { index < heads.count ? heads[index] : nil }

  /// A learned initial state by its number among the parameters.
  func initialState(_ parameter: Int) -> UnsafeMutablePointer<Scalar>? {
    guard let stack = network.stack else { return nil }
    return UnsafeMutableRawPointer(memory.pointer).assumingMemoryBound(to: Scalar.self)
      + stack.initialStateOffsets[parameter]
  }

  /// Of a network whose equations are interpreted.
  func packedCell(_ layer: Int, _ direction: Int) -> PackedCell<Scalar>? {
    network.interpreter.map { Self.packedCell(Arena(memory.pointer), network, $0, layer, direction) }
  }

  private static func packedCell(
    _ start: Arena, _ network: Network<Scalar>, _ equations: Equations<Scalar>, _ layer: Int, _ direction: Int
  ) -> PackedCell<Scalar> {
    var arena = start
    let directions = network.configuration.directions
    for index in 0..<layer * directions + direction {
      _ = PackedCell<Scalar>(&arena, equations.layer(index / directions).inference, maskedElements: 0)
    }
    return PackedCell(&arena, equations.layer(layer).inference, maskedElements: 0)
  }

  func packed(_ layer: Int, _ direction: Int) -> PackedForward<Scalar> {
    Self.packed(Arena(memory.pointer), network, layer, direction)
  }

  // MARK: The layout, shared with workspaces

  /// Takes room for all layers.
  static func lay(_ arena: inout Arena, _ network: Network<Scalar>) {
    let c = network.executed
    if let equations = network.interpreter {
      for layer in 0..<c.layers {
        for _ in 0..<c.directions {
          _ = PackedCell<Scalar>(&arena, equations.layer(layer).inference, maskedElements: 0)
        }
      }
      return
    }
    for layer in 0..<min(c.layers, 2) {
      let start = arena.used
      for _ in 0..<c.directions { _ = PackedForward<Scalar>(&arena, network.plan, c, layer: layer) }
      // All layers but the first are alike.
      if layer == 1 { arena.skip(arena.used - start, times: c.layers - 2) }
    }
  }

  /// Where one direction of one layer is.
  static func packed(
    _ start: Arena, _ network: Network<Scalar>, _ layer: Int, _ direction: Int
  ) -> PackedForward<Scalar> {
    let c = network.executed
    var arena = start
    func pass(_ layer: Int, _ count: Int) {
      let before = arena.used
      _ = PackedForward<Scalar>(&arena, network.plan, c, layer: layer)
      arena.skip(arena.used - before, times: count - 1)
    }
    if layer > 0 { pass(0, c.directions) }
    if layer > 1 { pass(1, c.directions * (layer - 1)) }
    if direction > 0 { pass(layer, direction) }
    return PackedForward(&arena, network.plan, c, layer: layer)
  }

  /// What packs the matrices of a layer, all directions'; fills the biases, which are small, at once.
  static func jobs(
    _ start: Arena, _ network: Network<Scalar>, _ parameters: Parameters<Scalar>, layer: Int,
    _ member: inout TeamMember
  ) -> PackJobs<Scalar> {
    let (c, plan) = (network.executed, network.plan)
    member.share(c.directions) { some in
      for direction in some {
        packed(start, network, layer, direction).fillBiases(
          plan, parameters.tensors(network.layout, layer: layer, direction: direction))
      }
    }
    var jobs = PackJobs<Scalar>()
    for direction in 0..<c.directions {
      packed(start, network, layer, direction).addJobs(
        to: &jobs, plan, c, parameters.tensors(network.layout, layer: layer, direction: direction),
        inputs: c.inputSize(ofLayer: layer))
    }
    return jobs
  }
}
