// What a cell does in a step, as entries of the kernel table: the same five for every kind of step.

/// The kernels of one kind of step: forward over the rows of a panel (`ForwardStep.swift`), forward of one sequence
/// (`SingleStep.swift`), or backward (`BackwardStep.swift`).
public struct StepKernels<Arguments>: Sendable {
  public typealias Entry = @Sendable (UnsafePointer<Arguments>) -> Void

  public let lstm: Entry
  public let gru: Entry
  /// GRU with the reset gate before the product: r and z.
  public let gruResetGates: Entry
  /// The same cell: n, which needs the product over r * h, and the new h.
  public let gruResetCandidate: Entry
  public let rnn: Entry

  @_alwaysEmitIntoClient @inline(__always)
  init(
    lstm: @escaping Entry, gru: @escaping Entry, gruResetGates: @escaping Entry, gruResetCandidate: @escaping Entry,
    rnn: @escaping Entry
  ) {
    self.lstm = lstm
    self.gru = gru
    self.gruResetGates = gruResetGates
    self.gruResetCandidate = gruResetCandidate
    self.rnn = rnn
  }
}
