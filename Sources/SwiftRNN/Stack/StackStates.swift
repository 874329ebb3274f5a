// States of a network with layer options: a tensor of each state has its layers one behind the other.

/// Where a layer's part of a state tensor is.
public struct StatePart: Sendable, Equatable {
  /// Numbers of a row.
  public let width: Int
  /// Rows per sequence: of each direction and, with a dilation of k, of each of k chains.
  public let rows: Int
  /// Numbers per sequence of all layers before.
  public let offset: Int
}

extension Network {
  /// A layer's part of a state tensor: `[D, k, N, width]`, dense, `N * offset` numbers behind the tensor's start. k is 1
  /// but for dilated layers: there row j is what step j reads, of those that a call begins with.
  public func part(ofState state: Int, layer: Int) throws(RNNError) -> StatePart {
    guard state >= 0, state < stateCount else { throw .invalidValue("state", state, low: 0, high: stateCount - 1) }
    guard layer >= 0, layer < configuration.layers else {
      throw .invalidValue("layer", layer, low: 0, high: configuration.layers - 1)
    }
    if let stack { return stack.part(ofState: state, layer: layer) }
    let (width, rows) = (states[state].width, configuration.directions)
    return StatePart(width: width, rows: rows, offset: layer * rows * width)
  }

  /// Numbers of a state tensor.
  public func stateElements(_ state: Int, sequences: Int) throws(RNNError) -> Int {
    try Self.checkBatch(steps: 0, sequences: sequences)
    let last = try part(ofState: state, layer: configuration.layers - 1)
    let perSequence = try Size.sum(
      last.offset, Size.product(last.width, last.rows, of: "a state"), of: "a state")
    return try Size.product(perSequence, sequences, of: "a state")
  }

  /// The shape of a state tensor: `[rows, N, width]`, or, where layers differ in width, one axis of all numbers.
  func shape(ofState state: Int, sequences: Int) throws(RNNError) -> [Int] {
    let elements = try stateElements(state, sequences: sequences)
    guard let stack else {
      return [configuration.layers * configuration.directions, sequences, states[state].width]
    }
    guard let width = stack.width(ofState: state) else { return [elements] }
    return [stack.rows, sequences, width]
  }
}

extension Stack {
  func part(ofState state: Int, layer: Int) -> StatePart {
    var offset = 0
    var part = StatePart(width: 0, rows: 0, offset: 0)
    for number in 0...layer {
      let block = block(number, 0)
      part = StatePart(width: block.network.width(ofState: state), rows: block.stateRows &* flows, offset: offset)
      offset &+= part.width &* part.rows
    }
    return part
  }

  /// The width of a state in all layers; nil: they differ.
  func width(ofState state: Int) -> Int? {
    let width = block(0, 0).network.width(ofState: state)
    return blocks.allSatisfy { $0.network.width(ofState: state) == width } ? width : nil
  }

  /// Rows per sequence of all layers.
  var rows: Int { blocks.reduce(0) { $0 &+ $1.stateRows } }

  /// That state tensors have no more bytes than can be counted: what is plain arithmetic elsewhere.
  func checkStates(sequences: Int) throws(RNNError) {
    for state in 0..<block(0, 0).network.stateCount {
      var perSequence = 0
      for block in blocks {
        let rows = try Size.product(block.directions, block.dilation, of: "a state")
        perSequence = try Size.sum(
          perSequence, Size.product(rows, block.network.width(ofState: state), of: "a state"), of: "a state")
      }
      _ = try Size.product(perSequence, sequences, MemoryLayout<Scalar>.stride, of: "a state")
    }
  }

  /// A block's part of state tensors.
  func states(_ states: States<Scalar>, _ block: Block, sequences: Int) -> States<Scalar> {
    var own = States<Scalar>()
    for state in 0..<block.network.stateCount {
      let part = part(ofState: state, layer: block.layer)
      own[state] = states[state].map {
        $0 + sequences &* (part.offset &+ block.flow &* block.stateRows &* part.width)
      }
    }
    return own
  }
}

extension Network {
  /// Of equations too.
  func width(ofState state: Int) -> Int {
    equations.map { $0.first.states[state].width } ?? configuration.width(ofState: state)
  }

  /// Where a state starts if nothing else says so.
  func start(ofState state: Int) -> Scalar {
    if let stack { return stack.block(0, 0).network.start(ofState: state) }
    return equations.map { $0.first.states[state].initial } ?? 0
  }
}

/// How the chains of a dilated layer are the rows of its states: the row that step j reads is row j, before a call and
/// after it.
struct ChainRows {
  let dilation: Int
  let isReverse: Bool

  /// The row of the chain's state before a call over `length` steps. In reverse steps count from the end.
  func before(_ chain: Int, length: Int) -> Int {
    isReverse ? Self.modulo(length &- 1 &- chain, dilation) : chain
  }

  /// The row of its state after the call.
  func after(_ chain: Int, length: Int) -> Int {
    isReverse ? dilation &- 1 &- chain : Self.modulo(chain &- length, dilation)
  }

  private static func modulo(_ a: Int, _ k: Int) -> Int {
    let rest = a % k
    return rest < 0 ? rest &+ k : rest
  }
}
