// The tape: what a forward pass leaves for the backward pass, in the caller's buffer.
import Kernels

/// The first bytes of a tape: which pass filled it.
struct TapeHeader: Equatable {
  /// "SwiftRNN", and the version of this layout.
  var magic: UInt64 = 0x4e4e_5274_6669_7701
  var configuration: UInt64
  var steps: Int64
  var sequences: Int64
  var lengths: UInt64
  var seed: UInt64
  var firstSequence: Int64
  /// Room for what comes.
  var reserved: Int64 = 0

  static let bytes = 64

  init(
    _ c: NetworkConfiguration, isDouble: Bool, steps: Int, sequences: Int, lengths: UnsafePointer<Int64>?, seed: UInt64,
    firstSequence: Int
  ) {
    // FNV-1a over what gives the tape its meaning.
    func hash(_ values: UInt64..., from start: UInt64 = 0xcbf2_9ce4_8422_2325) -> UInt64 {
      var hash = start
      for value in values {
        for byte in 0..<8 { hash = (hash ^ (value >> UInt64(8 * byte) & 0xff)) &* 0x100_0000_01b3 }
      }
      return hash
    }
    configuration = hash(
      UInt64(UInt32(bitPattern: c.cell.rawValue)), isDouble ? 1 : 0, UInt64(c.inputSize), UInt64(c.hiddenSize),
      UInt64(c.projectionSize), UInt64(c.layers), UInt64(c.directions), c.bias ? 1 : 0, c.dropout.bitPattern,
      c.equationsHash)
    self.steps = Int64(steps)
    self.sequences = Int64(sequences)
    var hashed = hash(lengths == nil ? 0 : 1)
    if let lengths {
      for n in 0..<sequences { hashed = hash(UInt64(bitPattern: lengths[n]), from: hashed) }
    }
    self.lengths = hashed
    self.seed = seed
    self.firstSequence = Int64(firstSequence)
  }

  func write(to tape: UnsafeMutableRawPointer) {
    withUnsafeBytes(of: self) { tape.copyMemory(from: $0.baseAddress.unsafelyUnwrapped, byteCount: Self.bytes) }
  }

  /// - Throws: what a pass with the header `expected` finds other here.
  func check(_ expected: TapeHeader) throws(RNNError) {
    guard magic == expected.magic, reserved == expected.reserved else {
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
    guard lengths == expected.lengths else { throw .mismatch("the tape was filled with other lengths") }
  }

  static func read(from tape: UnsafeRawPointer) -> TapeHeader { tape.loadUnaligned(as: TapeHeader.self) }
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
