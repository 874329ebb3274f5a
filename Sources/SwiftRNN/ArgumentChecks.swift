// Checks of what a caller passes to a pass, before anything is written.
import Kernels

/// What an array of rows and its strides are called in messages.
struct RowsName {
  let array: StaticString
  let stepStride: StaticString
  let sequenceStride: StaticString

  static let x = RowsName(array: "x", stepStride: "x_step_stride", sequenceStride: "x_sequence_stride")
  static let y = RowsName(array: "y", stepStride: "y_step_stride", sequenceStride: "y_sequence_stride")
  static let dx = RowsName(array: "dx", stepStride: "dx_step_stride", sequenceStride: "dx_sequence_stride")
  static let dy = RowsName(array: "dy", stepStride: "dy_step_stride", sequenceStride: "dy_sequence_stride")
}

/// What a caller passes to a pass over sequences.
extension Check {
  /// Strides of a `[T, N, width]` array: both 0 mean dense; else each is at least the width.
  ///
  /// - Parameter written: the rows are an output: no two of them may share an element.
  /// - Throws: a stride that is too small, an extent that does not fit an Int, outputs that overlap.
  static func rows<Scalar: RNNScalar>(
    _ base: UnsafeMutablePointer<Scalar>, _ rows: RowsName, stepStride: Int, sequenceStride: Int, steps: Int,
    sequences: Int, width: Int, written: Bool = false
  ) throws(RNNError) -> Rows<Scalar> {
    let name = rows.array
    var (step, sequence) = (stepStride, sequenceStride)
    if step == 0 && sequence == 0 {
      sequence = width
      step = try Size.product(sequences, width, of: name)
    }
    let rowsExist = steps > 0 && sequences > 0
    let leastStep = rowsExist && steps > 1 ? width : 0
    let leastSequence = rowsExist && sequences > 1 ? width : 0
    guard step >= leastStep else { throw .invalidSize(rows.stepStride, step, low: leastStep, high: Int.max) }
    guard sequence >= leastSequence else {
      throw .invalidSize(rows.sequenceStride, sequence, low: leastSequence, high: Int.max)
    }
    let last = try Size.sum(
      Size.product(max(steps - 1, 0), step, of: name), Size.product(max(sequences - 1, 0), sequence, of: name), width,
      of: name)
    _ = try Size.bytes(last, of: Scalar.self, name)
    try aligned(base, name)
    if written && rowsOverlap(stepStride: step, sequenceStride: sequence, steps: steps, sequences: sequences, width) {
      throw .overlappingRows(name, stepStride: step, sequenceStride: sequence, width: width)
    }
    return Rows(base, stepStride: step, sequenceStride: sequence)
  }

  /// Whether two rows of `width` elements share one; strides of at least `width`, whose extent fits an Int.
  static func rowsOverlap(
    stepStride: Int, sequenceStride: Int, steps: Int, sequences: Int, _ width: Int
  ) -> Bool {
    guard steps > 1 && sequences > 1 else { return false }
    // One stride spans all rows of the other in the usual layouts, and the loop ends in its first turn.
    let (large, small) = stepStride > sequenceStride ? (stepStride, sequenceStride) : (sequenceStride, stepStride)
    let (outer, inner) = stepStride > sequenceStride ? (steps, sequences) : (sequences, steps)
    for turn in 1..<outer {
      let distance = turn * large
      // The row of this turn lies between these two of turn 0.
      let below = distance / small
      if below < inner && distance - below * small < width { return true }
      if below + 1 < inner && (below + 1) * small - distance < width { return true }
      if below >= inner { return false }
    }
    return false
  }

  static func aligned<Scalar>(_ pointer: UnsafePointer<Scalar>?, _ name: StaticString) throws(RNNError) {
    guard Int(bitPattern: pointer) % MemoryLayout<Scalar>.alignment == 0 else {
      throw .misaligned(name, alignment: MemoryLayout<Scalar>.alignment)
    }
  }

  static func aligned<Scalar>(_ pointer: UnsafeMutablePointer<Scalar>?, _ name: StaticString) throws(RNNError) {
    try aligned(pointer.map { UnsafePointer($0) }, name)
  }

  static func lengths(_ lengths: UnsafePointer<Int64>?, steps: Int, sequences: Int) throws(RNNError) {
    guard let lengths else { return }
    try aligned(lengths, "lengths")
    for n in 0..<sequences where lengths[n] < 0 || lengths[n] > Int64(steps) {
      throw .invalidLength(index: n, Int(lengths[n]), steps: steps)
    }
  }

  /// - Parameters:
  ///   - name: what the buffer is called.
  ///   - sizeName: what the argument with its size is called.
  static func buffer(
    _ pointer: UnsafeRawPointer?, _ bytes: Int, needed: Int, _ name: StaticString, _ sizeName: StaticString
  ) throws(RNNError) {
    guard pointer != nil else { throw .nullPointer(name) }
    guard bytes >= needed else { throw .bufferTooSmall(sizeName, bytes: bytes, needed: needed) }
  }

  /// All tensors of a network's parameters: none may be nil.
  static func parameters<Scalar: RNNScalar>(
    _ parameters: UnsafeBufferPointer<UnsafeRawPointer?>, of network: Network<Scalar>
  ) throws(RNNError) -> Parameters<Scalar> {
    try network.checkPointers("parameter_count", parameters)
    guard let base = parameters.baseAddress else { throw .nullPointer("parameters") }
    for pointer in parameters {
      guard let pointer else { throw .nullPointer("an entry of parameters") }
      try aligned(pointer.assumingMemoryBound(to: Scalar.self), "an entry of parameters")
    }
    return Parameters(pointers: base)
  }
}

/// A network's state tensors as a caller hands them over: nil, there or here, is zeros or not wanted.
///
/// Inlined into other modules: its generic code would ask the runtime for types, which are made at the first use.
@frozen
public struct States<Scalar: RNNScalar>: BitwiseCopyable {
  @usableFromInline var tensors = InlineArray<16, UnsafeMutablePointer<Scalar>?>(repeating: nil)

  /// `[L * D, N, P]`
  @inlinable public var h: UnsafeMutablePointer<Scalar>? { tensors[0] }
  /// `[L * D, N, H]`; LSTM only.
  @inlinable public var c: UnsafeMutablePointer<Scalar>? { tensors[1] }

  @inlinable
  public init(h: UnsafeMutablePointer<Scalar>? = nil, c: UnsafeMutablePointer<Scalar>? = nil) {
    tensors[0] = h
    tensors[1] = c
  }

  /// `[L * D, N, width]` of a state by its number, 0 … 15: nil for others.
  public subscript(state: Int) -> UnsafeMutablePointer<Scalar>? {
    @inlinable @inline(__always) get { state >= 0 && state < 16 ? tensors[state] : nil }
    @inlinable @inline(__always) set { if state >= 0 && state < 16 { tensors[state] = newValue } }
  }

  /// The parts of one direction of one layer, of equations.
  func part(_ layer: EquationsLayer<Scalar>, index: Int, sequences: Int) -> States {
    var part = self
    for (number, state) in layer.states.enumerated() {
      part.tensors[number] = tensors[number].map { $0 + index &* sequences &* state.width }
    }
    return part
  }

  /// The parts of one direction of one layer.
  func part(_ configuration: NetworkConfiguration, layer: Int, direction: Int, sequences: Int) -> (
    UnsafeMutablePointer<Scalar>?, UnsafeMutablePointer<Scalar>?
  ) {
    let index = (layer &* configuration.directions &+ direction) &* sequences
    let (h, c) = configuration.startsWithC ? (self.c, self.h) : (self.h, self.c)
    return (
      h.map { $0 + index &* configuration.stateWidth },
      configuration.cell == .lstm ? c.map { $0 + index &* configuration.hiddenSize } : nil
    )
  }

  func part(constant configuration: NetworkConfiguration, layer: Int, direction: Int, sequences: Int) -> (
    UnsafePointer<Scalar>?, UnsafePointer<Scalar>?
  ) {
    let (h, c) = part(configuration, layer: layer, direction: direction, sequences: sequences)
    return (h.map { UnsafePointer($0) }, c.map { UnsafePointer($0) })
  }

  func check(_ configuration: NetworkConfiguration, sequences: Int, _ name: StaticString) throws(RNNError) {
    for state in 0..<16 { try Check.aligned(tensors[state], name) }
    let rows = try Size.product(configuration.layers, configuration.directions, sequences, of: name)
    _ = try Size.product(rows, configuration.hiddenSize, MemoryLayout<Scalar>.stride, of: name)
  }
}
