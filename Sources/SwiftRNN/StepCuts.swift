// Passes over a part of the steps whose gradients have the bits of a pass over all steps: what the checkpointing of
// activations (Chen, Xu, Zhang, Guestrin, "Training deep nets with sublinear memory cost", 2016) needs.
//
//     forward, first to last part:     states at each part's first step
//     backward, last to first part:    carriedOut of each part is carriedIn of the one before, which has that step as its last
//     backward, first to last part:    gradients of the parameters, accumulated over `gradientRows` in the order of all steps
//
// A gradient of the state at a cut would not do: dL/dh of a step begins with dL/dy and goes on over the gates of the next
// step, in one chain. So the next step's gate gradients are carried, of every layer.
import Kernels

extension Network {
  /// Whether passes may be cut between steps by ``Backward/carriedIn``: one direction, no layer options, and a cell that has
  /// kernels or is one of those in other words.
  public var cutsSteps: Bool { interpreter == nil && stack == nil && !configuration.bidirectional }

  /// Elements of ``Backward/carriedIn`` and ``Backward/carriedOut``.
  ///
  /// - Throws: ``RNNError/overflow(_:)``, and ``RNNError/unsupported(_:)`` without ``cutsSteps``.
  public func carriedElements(sequences: Int) throws(RNNError) -> Int {
    guard cutsSteps else { throw Self.uncut }
    try Check.size("sequences", sequences)
    return try Size.product(sequences, executed.layers &* carriedRow, of: "carried gradients")
  }

  /// Elements of a sequence and layer: gate gradients; dL/dc, or the part of dL/dh without a product; with projection dL/dh.
  var carriedRow: Int {
    let width = PanelLayout(lanes: plan.lanes, units: executed.stateWidth).paddedUnits
    return plan.gradientSegments &* plan.paddedHidden &+ (executed.cell.tapeGates > 0 ? plan.paddedHidden : 0)
      &+ (executed.projectionSize > 0 ? width : 0)
  }

  private static var uncut: RNNError {
    .unsupported("a pass over a part of the steps is for one direction of cells with kernels, without layer options")
  }

  func checkFirstStep(_ firstStep: Int, steps: Int) throws(RNNError) {
    guard firstStep != 0 else { return }
    let largest = (1 << 32) - steps
    guard (0...max(0, largest)).contains(firstStep) else {
      throw .invalidValue("first_step", firstStep, low: 0, high: largest)
    }
    guard cutsSteps else { throw Self.uncut }
  }

  func check(cut b: Backward) throws(RNNError) {
    try checkFirstStep(b.firstStep, steps: b.steps)
    guard b.carriedIn != nil || b.carriedOut != nil || b.gradientRows != nil else { return }
    guard cutsSteps else { throw Self.uncut }
    try Check.aligned(b.carriedIn, "carried_in")
    try Check.aligned(b.carriedOut, "carried_out")
    guard b.carriedIn == nil || b.steps > 0 else { throw .invalidSize("steps", b.steps, low: 1, high: .max) }
  }

  /// Number of steps within the lengths.
  static func validRows(_ lengths: UnsafePointer<Int64>?, steps: Int, sequences: Int) -> Int {
    guard let lengths else { return steps &* sequences }
    return (0..<sequences).reduce(0) { $0 &+ Int(lengths[$1]) }
  }
}
