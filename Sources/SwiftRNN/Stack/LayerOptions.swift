// What lies outside of a cell's step: how layers, directions and steps are joined. The same for every cell.

/// How the layers of a network are joined; what a new value has is what torch's networks have. Any combination works.
public struct LayerOptions: Sendable, Equatable {
  /// Connections past layers.
  public enum Skip: Int32, Sendable, CaseIterable {
    case none = 0
    /// Each layer but the first adds what it reads to what it gives out (He 2016; for recurrent layers Wu 2016). Its
    /// output is as wide as its input then.
    case residual = 1
    /// Each layer reads x and the outputs of all layers below, side by side (Huang 2017; for recurrent layers Ding 2018).
    case dense = 2
  }

  /// What becomes of the outputs of two directions.
  public enum Merge: Int32, Sendable, CaseIterable {
    /// Side by side.
    case concatenate = 0
    case sum = 1
    /// Half of the sum.
    case mean = 2
    case product = 3
  }

  /// What a pass does with steps that its mask leaves out: states are carried past them.
  public enum Gaps: Int32, Sendable, CaseIterable {
    /// There is no mask.
    case none = 0
    /// In y each direction repeats what it gave out last, zeros before its first step (Keras).
    case repeated = 1
    /// y is zero (Keras's `zero_output_for_mask`).
    case zero = 2
  }

  /// H of each layer; empty: the configuration's for all. A residual network has one.
  public var hiddenSizes: [Int] = []
  /// k of each layer: the states that a step reads are those from k steps back (Chang 2017); empty: 1 for all.
  public var dilations: [Int] = []
  public var skip = Skip.none
  /// Of two directions, after each layer; of independent ones, after the last.
  public var merge = Merge.concatenate
  /// Each direction reads its own direction's outputs of the layer below, instead of both.
  public var independentDirections = false
  /// States start with parameters, named `initial_h_l0`, where a call gives none.
  public var learnedInitialStates = false
  /// Passes take a mask of steps.
  public var gaps = Gaps.none

  /// A stream has an object for each chain.
  static let largestDilation = 1 << 16

  public init() {}

  /// The same without what says nothing in this configuration.
  ///
  /// - Throws: the first thing that does not fit it.
  func checked(_ c: NetworkConfiguration) throws(RNNError) -> LayerOptions {
    func check(_ name: StaticString, _ list: [Int], most: Int) throws(RNNError) {
      guard list.isEmpty || list.count == c.layers else {
        throw .countMismatch(name, list.count, expected: c.layers)
      }
      for (layer, value) in list.enumerated() where value < 1 || value > most {
        throw .invalidElement(name, index: layer, value, low: 1, high: most)
      }
    }
    try check("layer_hidden_sizes", hiddenSizes, most: NetworkConfiguration.largestSize)
    try check("layer_dilations", dilations, most: Self.largestDilation)
    var options = self
    if hiddenSizes.allSatisfy({ $0 == c.hiddenSize }) { options.hiddenSizes = [] }
    if dilations.allSatisfy({ $0 == 1 }) { options.dilations = [] }
    if c.layers == 1 { options.skip = .none }
    if !c.bidirectional { options.merge = .concatenate }
    // One layer reads x alone.
    if !c.bidirectional || c.layers == 1 { options.independentDirections = false }
    return options
  }

  func hiddenSize(_ c: NetworkConfiguration, layer: Int) -> Int {
    hiddenSizes.isEmpty ? c.hiddenSize : hiddenSizes[layer]
  }

  func dilation(layer: Int) -> Int { dilations.isEmpty ? 1 : dilations[layer] }

  /// Tells options apart; never 0.
  var fingerprint: UInt64 {
    var fingerprint = Fingerprint()
    fingerprint.add(hiddenSizes)
    fingerprint.add(dilations)
    fingerprint.add(Int(skip.rawValue))
    fingerprint.add(Int(merge.rawValue))
    fingerprint.add(independentDirections)
    fingerprint.add(learnedInitialStates)
    fingerprint.add(Int(gaps.rawValue))
    return fingerprint.nonzero
  }
}
