import Kernels
import Testing

@testable import SwiftRNN

/// A backward pass takes the tape of a forward pass that it belongs to, and no other: gradients of another one would be
/// wrong without a word.
@Suite struct TapeTests {
  private static let steps = 5
  private static let sequences = 3

  /// Memory for the passes of small networks, whatever their sizes: more than any of them asks for.
  private final class Buffers {
    static let bytes = 1 << 20
    let numbers = Memory(bytes)
    let gradients = Memory(bytes)
    let tape = Memory(bytes)
    let workspace = Memory(4 * bytes)
    let parameters = UnsafeMutableBufferPointer<UnsafeRawPointer?>.allocate(capacity: 512)
    let outputs = UnsafeMutableBufferPointer<UnsafeMutableRawPointer?>.allocate(capacity: 512)

    init() {
      numbers.start.initializeMemory(as: UInt8.self, repeating: 0, count: Self.bytes)
      gradients.start.initializeMemory(as: UInt8.self, repeating: 0x5a, count: Self.bytes)
      parameters.initialize(repeating: nil)
      outputs.initialize(repeating: nil)
    }

    deinit {
      parameters.deallocate()
      outputs.deallocate()
    }

    var gradientsAreUntouched: Bool {
      UnsafeRawBufferPointer(start: gradients.start, count: Self.bytes).allSatisfy { $0 == 0x5a }
    }
  }

  /// What a caller gives beside the network.
  private struct Given {
    var steps = TapeTests.steps
    var sequences = TapeTests.sequences
    var lengths: [Int64]?
    var mask: [UInt8]?
    var hasInitial = false
    var seed: UInt64 = 7
    var firstSequence = 2
  }

  private func withPointers<Element>(
    _ array: [Element]?, _ body: (UnsafePointer<Element>?) throws -> Void
  ) throws {
    guard let array else { return try body(nil) }
    try array.withUnsafeBufferPointer { try body($0.baseAddress) }
  }

  private func fill<Scalar: RNNScalar>(_ network: Network<Scalar>, _ given: Given, _ b: Buffers) throws {
    try withPointers(given.lengths) { lengths in
      try withPointers(given.mask) { mask in
        var f = Network<Scalar>.Forward(steps: given.steps, sequences: given.sequences)
        let zeros = b.numbers.start.assumingMemoryBound(to: Scalar.self)
        (f.x, f.lengths, f.mask) = (UnsafePointer(zeros), lengths, mask)
        if given.hasInitial { f.initial[0] = zeros }
        for input in 0..<network.inputCount { f.inputs[input] = zeros }
        for index in 0..<network.parameterCount { b.parameters[index] = UnsafeRawPointer(zeros) }
        f.parameters = UnsafeBufferPointer(rebasing: b.parameters[..<network.parameterCount])
        (f.tape, f.tapeBytes, f.workspace) = (b.tape.start, Buffers.bytes, b.workspace.start)
        (f.workspaceBytes, f.seed, f.firstSequence) = (4 * Buffers.bytes, given.seed, given.firstSequence)
        try network.forward(f)
      }
    }
  }

  private func read<Scalar: RNNScalar>(_ network: Network<Scalar>, _ given: Given, _ b: Buffers) throws {
    try withPointers(given.lengths) { lengths in
      try withPointers(given.mask) { mask in
        var a = Network<Scalar>.Backward(steps: given.steps, sequences: given.sequences)
        let zeros = b.numbers.start.assumingMemoryBound(to: Scalar.self)
        let out = b.gradients.start.assumingMemoryBound(to: Scalar.self)
        (a.x, a.dy, a.lengths, a.mask) = (UnsafePointer(zeros), UnsafePointer(zeros), lengths, mask)
        a.dx = out
        if given.hasInitial { a.initial[0] = zeros }
        a.initialGradients[0] = out + 10_000
        for input in 0..<network.inputCount {
          a.inputs[input] = zeros
          a.inputGradients[input] = out + 20_000
        }
        let count = network.parameterCount
        for index in 0..<count {
          b.parameters[index] = UnsafeRawPointer(zeros)
          b.outputs[index] = UnsafeMutableRawPointer(out + 30_000 + 100 * index)
        }
        a.parameters = UnsafeBufferPointer(rebasing: b.parameters[..<count])
        a.gradients = UnsafeBufferPointer(rebasing: b.outputs[..<count])
        (a.tape, a.tapeBytes) = (UnsafeRawPointer(b.tape.start), Buffers.bytes)
        (a.workspace, a.workspaceBytes) = (b.workspace.start, 4 * Buffers.bytes)
        try network.backward(a)
      }
    }
  }

  private func isRefused(_ body: () throws -> Void) -> Bool {
    do {
      try body()
      return false
    } catch RNNError.mismatch, RNNError.tapeMismatch {
      return true
    } catch {
      Issue.record("another error: \(error)")
      return false
    }
  }

  /// That `other` refuses the tape of `one`, and writes nothing.
  private func expectMismatch<A: RNNScalar, B: RNNScalar>(
    _ one: Network<A>, _ other: Network<B>, _ what: String, _ given: Given = Given(), _ changed: Given? = nil
  ) throws {
    let buffers = Buffers()
    try fill(one, given, buffers)
    #expect(isRefused { try read(other, changed ?? given, buffers) }, "\(what)")
    #expect(buffers.gradientsAreUntouched, "\(what)")
  }

  // MARK: Configurations

  private static var base: NetworkConfiguration {
    NetworkConfiguration.lstm(inputSize: 4, hiddenSize: 4, layers: 2, dropout: 0.25)
  }

  private func network(
    _ change: (inout NetworkConfiguration, inout LayerOptions) -> Void = { _, _ in }
  ) throws -> Network<Double> {
    var (c, options) = (Self.base, LayerOptions())
    change(&c, &options)
    return try Network(c, options: options, kernels: Double.kernels)
  }

  private func network(_ text: String, sizes: [String: Int] = [:]) throws -> Network<Double> {
    try Network(Cell(text), Self.base, sizes: sizes, options: LayerOptions(), kernels: Double.kernels)
  }

  /// By the name of each field: two networks that differ in it and in what follows from it. A field that is added needs
  /// an entry here.
  private func pairs() throws -> [String: [(Network<Double>, Network<Double>)]] {
    let plain = try network()
    let both = try network { c, _ in c.bidirectional = true }
    let gaps = try network { $1.gaps = .zero }
    func against(_ change: (inout NetworkConfiguration, inout LayerOptions) -> Void) throws -> [(
      Network<Double>, Network<Double>
    )] { [(plain, try network(change))] }
    let bidirectional = { (change: (inout LayerOptions) -> Void) throws in
      let own = try self.network { c, options in
        c.bidirectional = true
        change(&options)
      }
      return (both, own)
    }
    return [
      "cell": try against { c, _ in c.cell = .gru },
      "inputSize": try against { c, _ in c.inputSize = 5 },
      "hiddenSize": try against { c, _ in c.hiddenSize = 5 },
      "projectionSize": try against { c, _ in c.projectionSize = 3 },
      "layers": try against { c, _ in c.layers = 1 },
      "bidirectional": [(plain, both)],
      "bias": try against { c, _ in c.bias = false },
      "dropout": try against { c, _ in c.dropout = 0.5 },
      "startsWithC": try against { c, _ in c.startsWithC = true },
      "isReverse": try against { c, _ in c.isReverse = true },
      // A cell's text and sizes.
      "equationsFingerprint": [
        (try network("like rnn"), try network("like rnn_relu")),
        (try network("like lstm"), plain),
        (try network("like lstm_peephole"), try network("like lstm_peephole\n# another text")),
      ],
      "equationsWidth": [
        (try network("like lstm_projected", sizes: ["P": 2]), try network("like lstm_projected", sizes: ["P": 3])),
        (
          try network("like lstm\ny = V @ h'\nsize y = O", sizes: ["O": 2]),
          try network("like lstm\ny = V @ h'\nsize y = O", sizes: ["O": 3])
        ),
      ],
      "optionsFingerprint": [(plain, gaps)],
      "optionsOutput": [try bidirectional { $0.merge = .sum }],
      "hiddenSizes": try against { $1.hiddenSizes = [4, 3] },
      "dilations": try against { $1.dilations = [1, 2] },
      "skip": [
        (plain, try network { $1.skip = .dense }),
        (try network { $1.skip = .residual }, try network { $1.skip = .dense }),
      ],
      "merge": [
        (try bidirectional { $0.merge = .sum }.1, try bidirectional { $0.merge = .mean }.1),
        (
          try network {
            ($0.layers, $0.bidirectional, $1.merge) = (1, true, .sum)
          }, try network { ($0.layers, $0.bidirectional, $1.merge) = (1, true, .mean) }
        ),
      ],
      "independentDirections": [try bidirectional { $0.independentDirections = true }],
      "learnedInitialStates": try against { $1.learnedInitialStates = true },
      "gaps": [(gaps, try network { $1.gaps = .repeated })],
    ]
  }

  @Test func everyFieldIsPartOfATapesMeaning() throws {
    let fields =
      Mirror(reflecting: NetworkConfiguration(.lstm, inputSize: 1, hiddenSize: 1)).children.compactMap(\.label)
      + Mirror(reflecting: LayerOptions()).children.compactMap(\.label)
    let pairs = try pairs()
    #expect(Set(fields) == Set(pairs.keys).union(["threads"]))
    for (field, networks) in pairs {
      for (one, other) in networks {
        try expectMismatch(one, other, field)
        try expectMismatch(other, one, field)
      }
    }
    let float = try Network<Float>(Self.base)
    try expectMismatch(float, network(), "the data type")
    try expectMismatch(network(), float, "the data type")
    // Threads change nothing.
    let buffers = Buffers()
    try fill(network(), Given(), buffers)
    try read(network { c, _ in c.threads = 3 }, Given(), buffers)
    #expect(!buffers.gradientsAreUntouched)
  }

  // MARK: Rows

  @Test func rowsAndStates() throws {
    var masked = Given()
    masked.lengths = [3, 5, 5]
    masked.mask = (0..<15).map { $0 % 3 == 0 && $0 >= 6 ? 0 : 1 }
    let gaps = try network { $1.gaps = .zero }
    // The mask leaves two steps of the first sequence, whatever its length is.
    var longer = masked
    longer.lengths = [5, 5, 5]
    try expectMismatch(gaps, gaps, "lengths under a mask", masked, longer)
    longer.lengths = nil
    try expectMismatch(gaps, gaps, "no lengths under a mask", masked, longer)
    var other = masked
    other.mask?[4] = 0
    try expectMismatch(gaps, gaps, "mask", masked, other)
    other.mask = nil
    try expectMismatch(gaps, gaps, "no mask", masked, other)

    let plain = try network()
    var given = Given()
    given.lengths = [2, 5, 4]
    var changed = given
    changed.lengths?[2] = 5
    try expectMismatch(plain, plain, "lengths", given, changed)
    changed = given
    changed.hasInitial = true
    try expectMismatch(plain, plain, "an initial state", given, changed)
    try expectMismatch(plain, plain, "no initial state", changed, given)
    changed = given
    (changed.steps, changed.sequences, changed.lengths) = (3, 5, nil)
    given.lengths = nil
    try expectMismatch(plain, plain, "steps and sequences", given, changed)

    // What says the same is the same: bytes of a mask past a length, and any byte but 0.
    let buffers = Buffers()
    try fill(gaps, masked, buffers)
    masked.mask = masked.mask?.enumerated().map { $0 == 12 ? 1 : $1 == 0 ? 0 : 200 }
    try read(gaps, masked, buffers)
    #expect(!buffers.gradientsAreUntouched)
  }

  // MARK: Damage

  /// Any byte of any header: nothing is written, also where the header of a layer is looked at late.
  @Test(arguments: [
    "", "like lstm_peephole", "like lstm\ny = tanh(V @ h' + d) * c'",
    "h' = tanh(batch_norm(W @ x, m, s) * g + U @ h + batch_norm(V @ x + b, k, q))",
  ])
  func damagedHeaders(_ text: String) throws {
    var options = LayerOptions()
    options.dilations = [1, 2]
    let network =
      try text.isEmpty
      ? Network<Double>(Self.base, options: options, kernels: Double.kernels)
      : Network<Double>(Cell(text), Self.base, sizes: [:], options: options, kernels: Double.kernels)
    let stack = try #require(network.stack)
    let layout = try StackTape(stack, steps: Self.steps, sequences: Self.sequences)
    let places =
      [0] + layout.tapes.map(\.offset) + layout.heads.compactMap { $0?.tape }
      + layout.statistics.joined().flatMap { [$0.tape, $0.moments] }
    #expect(places.count > stack.layers)
    let buffers = Buffers()
    try fill(network, Given(), buffers)
    for place in places {
      // Of statistics, the count of rows.
      let bytes = layout.statistics.joined().contains { $0.moments == place } ? 8 : TapeHeader.bytes
      for byte in place..<place + bytes {
        let flipped = UInt8(1) << UInt8(byte % 8)
        buffers.tape.start.storeBytes(
          of: buffers.tape.start.load(fromByteOffset: byte, as: UInt8.self) ^ flipped, toByteOffset: byte,
          as: UInt8.self)
        #expect(isRefused { try read(network, Given(), buffers) }, "byte \(byte - place) at \(place)")
        buffers.tape.start.storeBytes(
          of: buffers.tape.start.load(fromByteOffset: byte, as: UInt8.self) ^ flipped, toByteOffset: byte,
          as: UInt8.self)
      }
    }
    #expect(buffers.gradientsAreUntouched)
    try read(network, Given(), buffers)
    #expect(!buffers.gradientsAreUntouched)
  }
}
