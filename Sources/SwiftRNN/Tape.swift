// The tape: what a forward pass leaves for the backward pass, in the caller's buffer.
import Kernels

/// The first bytes of a tape: which pass filled it. A backward pass takes only the tape of a pass that it belongs to.
struct TapeHeader: Equatable {
  /// "SwiftRNN", and the version of this layout.
  var magic: UInt64 = 0x4e4e_5274_6669_7702
  /// ``NetworkConfiguration/tapeFingerprint(isDouble:)``
  var configuration: UInt64
  var steps: Int64
  var sequences: Int64
  /// Which rows the pass ran over, and from which states: ``TapeRows``, or the fingerprint of a forest.
  var rows: UInt64
  var seed: UInt64
  var firstSequence: Int64
  /// Of all of the above: a damaged seed would give other masks without a word.
  private var checksum: UInt64 = 0

  static let bytes = 64

  init(
    _ c: NetworkConfiguration, isDouble: Bool, steps: Int, sequences: Int, rows: UInt64, seed: UInt64,
    firstSequence: Int
  ) {
    configuration = c.tapeFingerprint(isDouble: isDouble)
    self.steps = Int64(steps)
    self.sequences = Int64(sequences)
    self.rows = rows
    self.seed = seed
    self.firstSequence = Int64(firstSequence)
    checksum = checksumOfFields
  }

  private var checksumOfFields: UInt64 {
    var fingerprint = Fingerprint()
    for field in [magic, configuration, rows, seed] { fingerprint.add(field) }
    for field in [steps, sequences, firstSequence] { fingerprint.add(UInt64(bitPattern: field)) }
    return fingerprint.value
  }

  func write(to tape: UnsafeMutableRawPointer) {
    withUnsafeBytes(of: self) { tape.copyMemory(from: $0.baseAddress.unsafelyUnwrapped, byteCount: Self.bytes) }
  }

  /// - Throws: what a pass with the header `expected` finds other here.
  func check(_ expected: TapeHeader) throws(RNNError) {
    guard magic == expected.magic, checksum == checksumOfFields else {
      throw .mismatch("the tape was not filled by a forward pass, or by one of another version")
    }
    guard configuration == expected.configuration else {
      throw .mismatch("the tape was filled by another configuration")
    }
    guard steps == expected.steps else {
      throw .tapeMismatch("steps", Int(expected.steps), tape: Int(steps))
    }
    guard sequences == expected.sequences else {
      throw .tapeMismatch("sequences", Int(expected.sequences), tape: Int(sequences))
    }
    guard rows == expected.rows else {
      throw .mismatch(
        "the tape was filled with other lengths, another mask, or initial states where there are none now")
    }
    guard seed == expected.seed, firstSequence == expected.firstSequence else {
      throw .mismatch("a layer's part of the tape was filled with another seed")
    }
  }

  static func read(from tape: UnsafeRawPointer) -> TapeHeader { tape.loadUnaligned(as: TapeHeader.self) }
}

/// What a caller gives a pass beside numbers: it must be the same forward and backward.
enum TapeRows {
  /// - Parameters:
  ///   - lengths: `[N]`, or nil.
  ///   - mask: `[T, N]`, or nil: every step up to its length counts.
  ///   - initial: whether each state is given.
  static func fingerprint(
    steps: Int, sequences: Int, lengths: UnsafePointer<Int64>?, mask: UnsafePointer<UInt8>? = nil, initial: UInt64
  ) -> UInt64 {
    var fingerprint = Fingerprint()
    fingerprint.add(initial)
    fingerprint.add(lengths != nil)
    if let lengths {
      for n in 0..<sequences { fingerprint.add(UInt64(bitPattern: lengths[n])) }
    }
    fingerprint.add(mask != nil)
    guard let mask else { return fingerprint.value }
    // 64 steps at a time: any byte but 0 says the same, and bytes past a length say nothing.
    var (bits, count): (UInt64, Int) = (0, 0)
    for t in 0..<steps {
      for n in 0..<sequences {
        let isValid = mask[t &* sequences &+ n] != 0 && lengths.map { t < Int($0[n]) } ?? true
        bits = bits << 1 | (isValid ? 1 : 0)
        count &+= 1
        if count % 64 == 0 { fingerprint.add(bits) }
      }
    }
    fingerprint.add(bits)
    return fingerprint.value
  }
}

extension Network {
  /// The header of a tape of this network.
  func tapeHeader(
    steps: Int, sequences: Int, lengths: UnsafePointer<Int64>?, mask: UnsafePointer<UInt8>?, initial: UInt64,
    seed: UInt64, firstSequence: Int, firstStep: Int = 0
  ) -> TapeHeader {
    // No set of states has as many bits.
    let rows = TapeRows.fingerprint(
      steps: steps, sequences: sequences, lengths: lengths, mask: mask, initial: initial | UInt64(firstStep) << 24)
    return TapeHeader(
      executed, isDouble: Scalar.self == Double.self, steps: steps, sequences: sequences, rows: rows, seed: seed,
      firstSequence: firstSequence)
  }

  /// Of the tape that a forward pass fills.
  func tapeHeader(_ f: Forward) -> TapeHeader {
    tapeHeader(
      steps: f.steps, sequences: f.sequences, lengths: f.lengths, mask: f.mask, initial: f.initial.given,
      seed: f.drawnSeed,
      firstSequence: f.firstSequence, firstStep: f.firstStep)
  }

  /// Of the tape that a backward pass belongs to; seed and first sequence are the tape's.
  func tapeHeader(_ b: Backward, _ found: TapeHeader) -> TapeHeader {
    tapeHeader(
      steps: b.steps, sequences: b.sequences, lengths: b.lengths, mask: b.mask, initial: b.initial.given,
      seed: found.seed, firstSequence: Int(found.firstSequence), firstStep: b.firstStep)
  }
}

extension States {
  /// A bit for each state that there is.
  var given: UInt64 { (0..<Place.mostStates).reduce(0) { self[$1] == nil ? $0 : $0 | 1 << UInt64($1) } }
}

extension NetworkConfiguration {
  /// All that gives a tape its meaning: every field but the threads.
  func tapeFingerprint(isDouble: Bool) -> UInt64 {
    var fingerprint = Fingerprint()
    fingerprint.add(isDouble)
    for number in [Int(cell.rawValue), inputSize, hiddenSize, projectionSize, layers] { fingerprint.add(number) }
    for flag in [bidirectional, bias, startsWithC, isReverse] { fingerprint.add(flag) }
    fingerprint.add(dropout.bitPattern)
    fingerprint.add(equationsFingerprint)
    fingerprint.add(equationsWidth)
    fingerprint.add(optionsFingerprint)
    fingerprint.add(optionsOutput)
    return fingerprint.value
  }
}

/// Where things are in a tape: the header; then for each layer what each direction keeps, dense `[T, N, width]`,
/// and the layer's output, dense `[T, N, D * P]`; then bytes that whole-vector reads of the last row may touch. Nothing
/// is padded to vectors, and nothing is aligned beyond its element, so that a tape may be moved.
struct TapeLayout {
  let configuration: NetworkConfiguration
  let sequences: Int
  /// Of what a direction keeps of a step: in the first layer, and in the others.
  private let widths: (Int, Int)
  /// Elements.
  private let gates: (Int, Int)
  private let outputs: Int
  /// All bytes.
  let bytes: Int

  init<Scalar: RNNScalar>(
    _: Scalar.Type, _ c: NetworkConfiguration, widths: (Int, Int), steps: Int, sequences: Int
  ) throws(RNNError) {
    configuration = c
    self.sequences = sequences
    self.widths = widths
    let rows = try Size.product(steps, sequences, of: "tape")
    gates = (try Size.product(rows, widths.0, of: "tape"), try Size.product(rows, widths.1, of: "tape"))
    outputs = try Size.product(rows, c.outputSize, of: "tape")
    let first = try Size.sum(Size.product(gates.0, c.directions, of: "tape"), outputs, of: "tape")
    let others = try Size.sum(Size.product(gates.1, c.directions, of: "tape"), outputs, of: "tape")
    let elements = try Size.sum(first, Size.product(others, c.layers - 1, of: "tape"), of: "tape")
    bytes = try Size.sum(Size.bytes(elements, of: Scalar.self, "tape"), TapeHeader.bytes, 64, of: "tape")
  }

  private func start<Scalar: RNNScalar>(_ tape: UnsafeMutableRawPointer, layer: Int) -> UnsafeMutablePointer<Scalar> {
    let first = (tape + TapeHeader.bytes).assumingMemoryBound(to: Scalar.self)
    if layer == 0 { return first }
    let directions = configuration.directions
    return first + (directions &* gates.0 &+ outputs &+ (layer &- 1) &* (directions &* gates.1 &+ outputs))
  }

  private func gates(_ layer: Int) -> Int { layer == 0 ? gates.0 : gates.1 }

  func gates<Scalar: RNNScalar>(_ tape: UnsafeMutableRawPointer, layer: Int, direction: Int) -> Rows<Scalar> {
    Rows(
      dense: start(tape, layer: layer) + direction &* gates(layer), sequences: sequences,
      width: layer == 0 ? widths.0 : widths.1)
  }

  func output<Scalar: RNNScalar>(_ tape: UnsafeMutableRawPointer, layer: Int) -> Rows<Scalar> {
    Rows(
      dense: start(tape, layer: layer) + configuration.directions &* gates(layer), sequences: sequences,
      width: configuration.outputSize)
  }
}
