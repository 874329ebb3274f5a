// A network whose layers are joined in other ways than torch's: each layer is a network of its own here, and what lies
// between them is done row by row.
import CPrimitives
import Kernels

/// The layers of a network with ``LayerOptions``. Immutable: threads may share it.
///
/// A flow is what goes from layer to layer: one, or, where directions are independent, one of each.
final class Stack<Scalar: RNNScalar>: Sendable {
  /// One layer of one flow.
  struct Block: Sendable {
    /// Of one layer. Layers with the same sizes share it: it has no parameters.
    let network: Network<Scalar>
    /// nil: the network above runs it. Else these two do.
    let head: LayerHead<Scalar>?
    /// As it trains: another one with `batch_norm`.
    let training: Network<Scalar>
    let layer: Int
    let flow: Int
    /// k: a step reads the states of k steps before. The steps t, t + k, t + 2k … are a chain; the chains of a sequence
    /// run side by side, as sequences do: chain j of sequence n is sequence j N + n of the layer's network.
    let dilation: Int
    /// Features of what it reads, and of what it gives on.
    let inputWidth: Int
    let mergedWidth: Int
    /// Its first parameter tensor among all, and how many it has.
    let firstParameter: Int
    let parameterCount: Int
    /// Calls of `batch_norm`.
    let statistics: [LayerStatistic<Scalar>]

    /// Features of what it gives out, before directions are merged.
    var outputWidth: Int { network.configuration.outputSize }
    var directions: Int { network.configuration.directions }
    /// Rows of a state per sequence: of each direction and chain.
    var stateRows: Int { directions &* dilation }
  }

  let options: LayerOptions
  /// Flow after flow.
  let blocks: [Block]
  let flows: Int
  let layers: Int
  let inputSize: Int
  let outputSize: Int
  /// All parameter tensors, layer after layer.
  let parameters: [ParameterInfo]
  /// Of learned initial states: each layer's first among the parameters, direction after direction, state after state.
  let firstInitialState: [Int]
  /// By parameter: where it is among the learned initial states, in elements.
  let initialStateOffsets: [Int]

  /// - Parameters:
  ///   - c: of the whole network.
  ///   - make: the network of one layer.
  /// - Throws: sizes that do not fit.
  init(
    _ c: NetworkConfiguration, _ options: LayerOptions,
    make: (NetworkConfiguration) throws(RNNError) -> Network<Scalar>
  ) throws(RNNError) {
    (self.options, layers, inputSize) = (options, c.layers, c.inputSize)
    flows = options.independentDirections ? 2 : 1
    typealias Made = (
      network: Network<Scalar>, head: LayerHead<Scalar>?, training: Network<Scalar>,
      statistics: [LayerStatistic<Scalar>]
    )
    var layersMade: [(asked: NetworkConfiguration, layer: Made)] = []
    var networks: [(network: Network<Scalar>, made: Made, inputWidth: Int, mergedWidth: Int)] = []
    for flow in 0..<flows {
      var inputWidth = c.inputSize
      for layer in 0..<c.layers {
        var asked = c
        asked.inputSize = inputWidth
        asked.hiddenSize = options.hiddenSize(c, layer: layer)
        (asked.layers, asked.dropout) = (1, 0)
        if options.independentDirections { (asked.bidirectional, asked.isReverse) = (false, flow == 1) }
        let made: Made
        if let same = layersMade.first(where: { $0.asked == asked }) {
          made = same.layer
        } else {
          // A call that draws on its reserve is not to compile up to 1024 layers more.
          let lacking = swiftrnn_lacking_memory()
          guard lacking == 0 else { throw .outOfMemory(bytes: lacking) }
          let network = try make(asked)
          made = (
            network, try LayerHead.of(network), try LayerStatistic.training(of: network),
            try LayerStatistic.all(of: network)
          )
          layersMade.append((asked, made))
        }
        let network = made.network
        if let own = network.equations, let first = networks.first?.network.equations {
          do throws(CellError) {
            try Equations.checkInputs(of: own.cell, first.first, own.first)
          } catch { throw .cell(error) }
        }
        let merged =
          options.merge == .concatenate ? network.configuration.outputSize : network.configuration.stateWidth
        guard layer == 0 || options.skip != .residual || merged == inputWidth else {
          throw .sizeMismatch("the width of a residual layer's output", merged, expected: inputWidth)
        }
        networks.append((network, made, inputWidth, merged))
        inputWidth = options.skip == .dense ? try Size.sum(inputWidth, merged, of: "the input of a layer") : merged
      }
    }
    var parameters: [ParameterInfo] = []
    var firsts = [Int](repeating: 0, count: networks.count)
    var firstInitialState: [Int] = []
    var offset = 0
    func add(_ stem: String, _ layer: Int, _ direction: Int, rows: Int, columns: Int, rank: Int) throws(RNNError) {
      parameters.append(
        ParameterInfo(
          stem: stem, layer: layer, direction: direction, rows: rows, columns: columns, rank: rank, offset: offset))
      offset = try Size.sum(offset, Size.product(rows, columns, of: "parameters"), of: "parameters")
    }
    for layer in 0..<c.layers {
      for flow in 0..<flows {
        let network = networks[flow * c.layers + layer].network
        firsts[flow * c.layers + layer] = parameters.count
        for index in 0..<network.parameterCount {
          let info = network.layout.info(index)
          try add(
            info.stem, layer, flow + info.direction, rows: info.rows, columns: info.columns, rank: info.rank)
        }
      }
      firstInitialState.append(parameters.count)
      guard options.learnedInitialStates else { continue }
      for direction in 0..<c.directions {
        for state in networks[layer].network.states {
          let stem = "initial_\(state.name)"
          guard !parameters.contains(where: { $0.stem == stem && $0.layer == layer && $0.direction == direction })
          else { throw .mismatch("the cell has a parameter with the name of a learned initial state") }
          try add(stem, layer, direction, rows: state.width, columns: 1, rank: 1)
        }
      }
    }
    _ = try Size.product(offset, 16, of: "parameters")
    var initials = 0
    var offsets: [Int] = []
    for (index, info) in parameters.enumerated() {
      offsets.append(initials)
      if index >= firstInitialState[info.layer] { initials += info.elements }
    }
    initialStateOffsets = offsets
    (self.parameters, self.firstInitialState) = (parameters, firstInitialState)
    var blocks: [Block] = []
    for (index, found) in networks.enumerated() {
      let made = found.made
      blocks.append(
        Block(
          network: made.network, head: made.head, training: made.training, layer: index % c.layers,
          flow: index / c.layers,
          dilation: options.dilation(layer: index % c.layers), inputWidth: found.inputWidth,
          mergedWidth: found.mergedWidth, firstParameter: firsts[index],
          parameterCount: made.network.parameterCount, statistics: made.statistics))
    }
    self.blocks = blocks
    let width = networks[c.layers - 1].mergedWidth
    outputSize =
      flows == 2 && options.merge == .concatenate ? try Size.product(2, width, of: "the output") : width
    try checkStates(sequences: 1)
  }

  func block(_ layer: Int, _ flow: Int) -> Block { blocks[flow &* layers &+ layer] }

  /// Elements of all parameters.
  var parameterElements: Int { parameters.last.map { $0.offset &+ $0.elements } ?? 0 }

  /// Whether a flow reads a copy of x: one that is padded to whole rounds of chains, or without the steps that a mask
  /// leaves out.
  var copiesInput: Bool { options.gaps != .none || blocks.contains { $0.dilation > 1 } }

  /// Features of the widest rows between layers of a flow: with dense connections x and the outputs of all inner layers.
  func wideWidth(_ flow: Int) -> Int { block(layers &- 1, flow).inputWidth }
}
