// A stream of a network with layer options: a stream of each layer's network, of dilated ones one for each chain.
import Kernels

/// The layers of a stream. Belongs to one thread at a time.
final class StackStream<Scalar: RNNScalar> {
  typealias Pointer = UnsafeMutablePointer<Scalar>

  private let stack: Stack<Scalar>
  private let weights: PackedWeights<Scalar>
  private let sequences: Int
  /// Chain after chain of layer after layer.
  private let streams: [Stream<Scalar>]
  private let firstStreams: [Int]
  /// Of each layer.
  private let heads: [Stream<Scalar>?]
  private let memory: Block<UInt8>
  /// What layers read and give out, `[N, width]`: in turn; with dense connections one for all.
  private let rows: (Pointer, Pointer)
  private let output: Pointer
  /// h' and c' of a layer with a head, `[N, P]` and `[N, H]`.
  private let hidden: Pointer
  private let cells: Pointer
  /// Of one layer: states on their way in.
  private let states: States<Scalar>
  /// Where each layer's round is.
  private let rounds: UnsafeMutablePointer<Int>

  init(_ stack: Stack<Scalar>, _ weights: PackedWeights<Scalar>, sequences: Int) throws(RNNError) {
    (self.stack, self.weights, self.sequences) = (stack, weights, sequences)
    try stack.checkStates(sequences: sequences)
    var streams: [Stream<Scalar>] = []
    var firstStreams: [Int] = []
    var heads: [Stream<Scalar>?] = []
    for (index, block) in stack.blocks.enumerated() {
      firstStreams.append(streams.count)
      guard let own = weights.block(index) else { throw .nullPointer("weights") }
      let core = block.head?.core ?? block.network
      let first = try Stream(of: core, own, sequences: sequences)
      streams.append(first)
      for _ in 1..<max(block.dilation, 1) {
        streams.append(try Stream(of: core, own, sequences: sequences, like: first))
      }
      guard let head = block.head, let own = weights.head(index) else {
        heads.append(nil)
        continue
      }
      heads.append(try Stream(of: head.network, own, sequences: sequences))
    }
    (self.streams, self.firstStreams, self.heads) = (streams, firstStreams, heads)
    let widest = stack.blocks.reduce(0) { max($0, $1.inputWidth, $1.mergedWidth) }
    let (hiddenWidth, cellWidth) = stack.blocks.reduce((0, 0)) { widths, block in
      guard let head = block.head else { return widths }
      return (max(widths.0, head.core.executed.outputSize), max(widths.1, head.readsC ? head.cellWidth : 0))
    }
    typealias Laid = (
      (Pointer, Pointer), output: Pointer, hidden: Pointer, cells: Pointer, States<Scalar>, UnsafeMutablePointer<Int>
    )
    func lay(_ arena: inout Arena) -> Laid {
      var states = States<Scalar>()
      for state in 0..<stack.block(0, 0).network.stateCount {
        let width = stack.blocks.reduce(0) { max($0, $1.network.width(ofState: state)) }
        states[state] = arena.take(Scalar.self, sequences, width)
      }
      return (
        (arena.take(Scalar.self, sequences, widest), arena.take(Scalar.self, sequences, widest)),
        arena.take(Scalar.self, sequences, widest), arena.take(Scalar.self, sequences, hiddenWidth),
        arena.take(Scalar.self, sequences, cellWidth), states, arena.take(Int.self, stack.layers)
      )
    }
    var counter = Arena(nil)
    _ = lay(&counter)
    memory = try SwiftRNN.Block<UInt8>(count: counter.size("a stream"))
    var arena = Arena(memory.pointer)
    (rows, output, hidden, cells, states, rounds) = lay(&arena)
  }

  private func stream(_ layer: Int, chain: Int) -> Stream<Scalar> { streams[firstStreams[layer] &+ chain] }

  /// One step: x `[N, I]`, y `[N, O]` or nil, the other inputs `[N, width]`.
  func step(_ x: UnsafePointer<Scalar>, _ inputs: Inputs<Scalar>, _ y: Pointer?) {
    let isDense = stack.options.skip == .dense
    let wide = stack.wideWidth(0)
    if isDense { copy(x, stack.inputSize, to: rows.0, wide) }
    var input = x
    for layer in 0..<stack.layers {
      let block = stack.block(layer, 0)
      let last = layer == stack.layers &- 1
      let width = block.mergedWidth
      if isDense {
        // Rows of the layer's width, one behind the other.
        for n in 0..<sequences {
          (rows.1 + n &* block.inputWidth).update(from: rows.0 + n &* wide, count: block.inputWidth)
        }
        input = UnsafePointer(rows.1)
      }
      let stream = stream(layer, chain: rounds[layer])
      if let head = heads[layer] {
        stream.advance(input, inputs, hidden)
        if block.head?.readsC == true { stream.copyCells(to: cells) }
        var own = Inputs<Scalar>()
        (own[0], own[1]) = (hidden, cells)
        head.advance(input, own, output)
      } else {
        stream.advance(input, inputs, output)
      }
      rounds[layer] = rounds[layer] &+ 1 == block.dilation ? 0 : rounds[layer] &+ 1
      if stack.options.skip == .residual && layer > 0 {
        StackRow.add(input, to: output, sequences &* width)
      }
      if last {
        y?.update(from: output, count: sequences &* width)
      } else if isDense {
        copy(UnsafePointer(output), width, to: rows.0 + block.inputWidth, wide)
      } else {
        let next = layer % 2 == 0 ? rows.0 : rows.1
        next.update(from: output, count: sequences &* width)
        input = UnsafePointer(next)
      }
    }
  }

  private func copy(_ from: UnsafePointer<Scalar>, _ width: Int, to: Pointer, _ stride: Int) {
    for n in 0..<sequences { (to + n &* stride).update(from: from + n &* width, count: width) }
  }

  func reset() { setState(States()) }

  /// Row j of a dilated layer's states is what the j-th step from now on reads.
  func getState(_ out: States<Scalar>) {
    for layer in 0..<stack.layers {
      let block = stack.block(layer, 0)
      let own = stack.states(out, block, sequences: sequences)
      for row in 0..<block.dilation {
        stream(layer, chain: (rounds[layer] &+ row) % block.dilation).copyState(to: part(own, block, row))
      }
    }
  }

  func setState(_ given: States<Scalar>) {
    for layer in 0..<stack.layers {
      let block = stack.block(layer, 0)
      let own = stack.states(given, block, sequences: sequences)
      rounds[layer] = 0
      for row in 0..<block.dilation {
        var start = part(own, block, row)
        for state in 0..<block.network.stateCount where start[state] == nil && stack.options.learnedInitialStates {
          let index = stack.firstInitialState[layer] &+ state
          guard let learned = weights.initialState(index), let to = states[state] else { continue }
          let width = block.network.width(ofState: state)
          for n in 0..<sequences { (to + n &* width).update(from: learned, count: width) }
          start[state] = to
        }
        stream(layer, chain: row).takeState(start)
      }
    }
  }

  private func part(_ states: States<Scalar>, _ block: Stack<Scalar>.Block, _ row: Int) -> States<Scalar> {
    var part = States<Scalar>()
    for state in 0..<block.network.stateCount {
      part[state] = states[state].map { $0 + row &* sequences &* block.network.width(ofState: state) }
    }
    return part
  }
}
