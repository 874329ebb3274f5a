// What a pass of a network with layer options has in the caller's tape and workspace.
import Kernels

extension Stack {
  /// T rounded up to whole rounds of every layer's chains: the rows that buffers have.
  func paddedSteps(_ steps: Int) -> Int {
    var padded = steps
    // Steps and dilations have at most 2^31: nothing here overflows.
    for block in blocks { padded = max(padded, (steps &+ block.dilation &- 1) / block.dilation &* block.dilation) }
    return padded
  }

  /// Steps and sequences of a layer's network: chains are sequences.
  func batch(_ block: Block, steps: Int, sequences: Int) throws(RNNError) -> (steps: Int, sequences: Int) {
    let chains = try Size.product(sequences, block.dilation, of: "the chains of a dilated layer")
    // As sequences of the block's network they would be refused by a number that the caller never gave.
    guard chains <= NetworkConfiguration.largestSize else {
      throw .invalidSize(
        "sequences times the dilation of a layer", chains, low: 0, high: NetworkConfiguration.largestSize)
    }
    return ((steps &+ block.dilation &- 1) / block.dilation, chains)
  }
}

/// Where things are in a tape, in bytes: a header; for each block the rows that it reads, if no caller has them; and
/// its network's tape. Counted from the start, so that a tape may be moved.
struct StackTape {
  /// Of the rows that a block reads; with dense connections those of all blocks of a flow, `wideWidth` wide.
  private(set) var inputs: [Int] = []
  private(set) var tapes: [(offset: Int, bytes: Int)] = []
  /// Of each block.
  private(set) var statistics: [[StatisticPlace]] = []
  /// Of each block; nil: it has no head.
  private(set) var heads: [HeadPlace?] = []
  private(set) var bytes = TapeHeader.bytes

  init<Scalar: RNNScalar>(_ stack: Stack<Scalar>, steps: Int, sequences: Int) throws(RNNError) {
    let rows = try Size.product(stack.paddedSteps(steps), sequences, of: "tape")
    for block in stack.blocks {
      let isDense = stack.options.skip == .dense
      if isDense && block.layer > 0 {
        inputs.append(inputs[block.flow * stack.layers])
      } else {
        inputs.append(bytes)
        let width = isDense ? stack.wideWidth(block.flow) : block.layer > 0 ? block.inputWidth : 0
        let numbers = try Size.product(rows, width, of: "tape")
        try add(Size.bytes(numbers, of: Scalar.self, "tape"))
      }
      let batch = try stack.batch(block, steps: steps, sequences: sequences)
      let own = try (block.head?.core ?? block.training).tapeSize(steps: batch.steps, sequences: batch.sequences)
      tapes.append((bytes, own))
      try add(own)
      heads.append(try block.head.map { (head) throws(RNNError) in try add(head, batch, rows: rows) })
      var places: [StatisticPlace] = []
      for statistic in block.statistics {
        let moments = bytes
        let numbers = try Size.product(2, block.directions, statistic.width, of: "tape")
        try add(Size.sum(8, Size.bytes(numbers, of: Scalar.self, "tape"), of: "tape"))
        let own = try statistic.network.tapeSize(steps: batch.steps, sequences: batch.sequences)
        places.append(StatisticPlace(moments: moments, tape: bytes, tapeBytes: own))
        try add(own)
      }
      statistics.append(places)
    }
  }

  private mutating func add<Scalar: RNNScalar>(
    _ head: LayerHead<Scalar>, _ batch: (steps: Int, sequences: Int), rows: Int
  ) throws(RNNError) -> HeadPlace {
    let cells = bytes
    let numbers = try Size.product(head.readsC ? rows : 0, head.cellWidth, of: "tape")
    try add(Size.bytes(numbers, of: Scalar.self, "tape"))
    let own = try head.network.tapeSize(steps: batch.steps, sequences: batch.sequences)
    let place = HeadPlace(cells: cells, tape: bytes, tapeBytes: own)
    try add(own)
    return place
  }

  private mutating func add(_ more: Int) throws(RNNError) {
    bytes = try Size.sum(bytes, more, 63, of: "tape") / 64 * 64
  }
}

/// What a pass has in its workspace; arrays that a pass has no use for are empty.
struct StackWorkspace<Scalar: RNNScalar> {
  typealias Pointer = UnsafeMutablePointer<Scalar>

  /// Steps of each sequence that its mask leaves, `[N]`, and which they are, `[N, T]`.
  let lengths: UnsafeMutablePointer<Int64>
  let positions: UnsafeMutablePointer<Int32>
  /// Steps of each chain of a layer.
  let chainLengths: UnsafeMutablePointer<Int64>
  /// x and the other inputs, padded or without the steps that are left out.
  let x: Rows<Scalar>
  let inputs: Inputs<Scalar>
  /// What the gradients of a block's inputs are first written to, and their sums over all blocks.
  let inputGradients: (own: Inputs<Scalar>, sums: Inputs<Scalar>)
  /// Inference: what inner layers give on, in turn; with dense connections what a flow reads.
  let between: (Rows<Scalar>, Rows<Scalar>)
  /// A block's output, or its gradient.
  let output: Rows<Scalar>
  /// As wide as y: what a repeated direction has before its first step.
  let zeros: Pointer
  /// The last outputs of two flows, of which y is made.
  let ends: (Rows<Scalar>, Rows<Scalar>)
  /// dL/d of what a layer gives on, and of what it reads.
  let gradients: (Rows<Scalar>, Rows<Scalar>)
  /// With dense connections: dL/d of all that a flow reads.
  let wide: Rows<Scalar>
  /// Of one layer, where its states are not the caller's: initial ones, final ones or their gradients, and gradients of
  /// initial ones.
  let states: (States<Scalar>, States<Scalar>, States<Scalar>)
  /// Gradients of a block's statistics, of what is normalised, call by call, and of what it reads from that.
  let statistics: Pointer
  let normalised: Pointer
  let statisticInput: Rows<Scalar>
  /// Of a block with a head: h' and c' of each step in inference, and their gradients.
  let hidden: Pointer
  let cells: Pointer
  let hiddenGradients: Pointer
  let cellGradients: Pointer
  /// Of one block's network.
  let block: UnsafeMutablePointer<UInt8>
  let blockBytes: Int

  @inline(never)
  init(
    _ arena: inout Arena, _ stack: Stack<Scalar>, _ purpose: Network<Scalar>.Purpose, steps: Int, sequences: Int
  ) throws(RNNError) {
    let options = stack.options
    let (isBackward, isDense, hasGaps) = (purpose == .backward, options.skip == .dense, options.gaps != .none)
    let padded = stack.paddedSteps(steps)
    func rows(_ wanted: Bool, _ width: Int) -> Rows<Scalar> {
      Rows(
        dense: arena.take(Scalar.self, wanted ? padded : 0, sequences, width), sequences: sequences, width: width)
    }
    func inputs(_ wanted: Bool) -> Inputs<Scalar> {
      var all = Inputs<Scalar>()
      for (number, input) in stack.block(0, 0).network.inputs.enumerated() where wanted {
        all[number] = arena.take(Scalar.self, padded, sequences, input.width)
      }
      return all
    }
    lengths = arena.take(Int64.self, hasGaps ? sequences : 0)
    positions = arena.take(Int32.self, hasGaps ? steps : 0, sequences)
    chainLengths = arena.take(
      Int64.self, sequences, stack.blocks.reduce(0) { max($0, $1.dilation) })
    x = rows(stack.copiesInput && !isDense, stack.inputSize)
    self.inputs = inputs(stack.copiesInput)
    inputGradients = (inputs(isBackward), inputs(isBackward))
    let inner = stack.blocks.filter { $0.layer > 0 }.reduce(0) { max($0, $1.inputWidth) }
    let wideWidth = max(stack.wideWidth(0), stack.wideWidth(stack.flows - 1))
    if isDense {
      between = (rows(!isBackward, wideWidth), rows(false, 0))
    } else {
      between = (rows(!isBackward && stack.layers > 1, inner), rows(!isBackward && stack.layers > 2, inner))
    }
    func widest(_ width: (Stack<Scalar>.Block) -> Int) -> Int { stack.blocks.reduce(0) { max($0, width($1)) } }
    output = rows(true, widest { $0.outputWidth })
    statistics = arena.take(
      Scalar.self,
      isBackward ? widest { block in block.statistics.reduce(0) { $0 + 2 * block.directions * $1.width } } : 0)
    normalised =
      rows(
        isBackward, widest { block in block.statistics.reduce(0) { $0 + block.directions * $1.width } }
      ).base
    statisticInput = rows(isBackward, widest { $0.statistics.isEmpty ? 0 : $0.inputWidth })
    let endWidth = stack.block(stack.layers - 1, 0).mergedWidth
    ends = (rows(stack.flows == 2, endWidth), rows(stack.flows == 2, endWidth))
    zeros = arena.take(Scalar.self, stack.outputSize)
    let read = widest { max($0.mergedWidth, $0.inputWidth) }
    gradients = (rows(isBackward, read), rows(isBackward, read))
    wide = rows(isBackward && isDense, wideWidth)
    func states(_ wanted: Bool) -> States<Scalar> {
      var all = States<Scalar>()
      for state in 0..<stack.block(0, 0).network.stateCount {
        var numbers = 0
        for block in stack.blocks {
          numbers = max(numbers, block.stateRows &* block.network.width(ofState: state))
        }
        all[state] = arena.take(Scalar.self, wanted ? numbers : 0, sequences)
      }
      return all
    }
    self.states = (states(true), states(true), states(isBackward))
    let hiddenWidth = widest { $0.head?.core.executed.outputSize ?? 0 }
    let cellWidth = widest { $0.head.map { $0.readsC ? $0.cellWidth : 0 } ?? 0 }
    hidden = rows(!isBackward, hiddenWidth).base
    cells = rows(!isBackward, cellWidth).base
    hiddenGradients = rows(isBackward, hiddenWidth).base
    cellGradients = rows(isBackward, cellWidth).base
    var bytes = 0
    for block in stack.blocks {
      let batch = try stack.batch(block, steps: steps, sequences: sequences)
      for network in block.head.map({ [$0.core, $0.network] }) ?? [block.network] {
        bytes = max(bytes, try network.workspaceBytes(purpose, steps: batch.steps, sequences: batch.sequences))
      }
      // Packed weights are for inference, which runs none of these.
      if purpose == .forwardWeights || block.statistics.isEmpty { continue }
      for network in [block.training] + block.statistics.map(\.network) {
        bytes = max(bytes, try network.workspaceBytes(purpose, steps: batch.steps, sequences: batch.sequences))
      }
    }
    blockBytes = bytes
    block = arena.take(UInt8.self, bytes)
  }
}
