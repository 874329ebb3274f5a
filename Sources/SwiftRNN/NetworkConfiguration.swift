// What a network is: the cell, the sizes, and what follows from them. Checked here, once.

/// The recurrent cells with kernels of their own, equations in docs/equations.md, and those that a text gives.
public enum CellKind: Int32, Sendable, CaseIterable {
  /// `h = tanh(W x + b + U h + d)` (Elman 1990)
  case rnnTanh = 1
  /// `h = max(0, W x + b + U h + d)`
  case rnnRelu = 2
  /// Gers, Schmidhuber, Cummins 2000; rows i f g o. With a projection: Sak, Senior, Beaufays 2014.
  case lstm = 3
  /// Cho 2014 v1, torch: the reset gate scales the product with h. Rows r z n.
  case gru = 4
  /// Cho 2014 v3: the reset gate scales h before the product. Rows r z n.
  case gruResetBefore = 5
  /// A ``Cell``: docs/cells.md.
  case equations = 6

  /// Rows of the weights per hidden unit.
  public var gates: Int {
    switch self {
    case .rnnTanh, .rnnRelu: 1
    case .lstm: 4
    case .gru, .gruResetBefore: 3
    case .equations: 0
    }
  }

  /// State tensors: h, and c for LSTM. Those of equations a network knows: ``Network/states``.
  public var states: Int { self == .lstm ? 2 : self == .equations ? 0 : 1 }

  /// Numbers that the tape holds per unit, beside h: the gates, and c for LSTM.
  var tapeGates: Int {
    switch self {
    case .rnnTanh, .rnnRelu, .equations: 0
    case .lstm: 5
    case .gru: 4
    case .gruResetBefore: 3
    }
  }
}

/// A network: `layers` layers of one cell, in one or both directions.
public struct NetworkConfiguration: Sendable, Equatable {
  public var cell: CellKind
  /// I, features of the input.
  public var inputSize: Int
  /// H, hidden units per layer and direction.
  public var hiddenSize: Int
  /// P < H for LSTM with projection, 0: none.
  public var projectionSize = 0
  /// L, 1 … 1024.
  public var layers = 1
  /// Both directions: outputs are [forward, reverse] side by side.
  public var bidirectional = false
  public var bias = true
  /// In [0, 1): on each layer's output but the last one's, in training.
  public var dropout = 0.0
  /// Threads of one call; 0: `Threads.count` at the call.
  public var threads = 0
  /// Of equations: what a step gives out, and a number that tells cells and their sizes apart. Set with the cell.
  var equationsWidth = 0
  var equationsFingerprint: UInt64 = 0
  /// Of an LSTM that a text gives: its first state is c.
  var startsWithC = false
  /// Of layer options: a number that tells them apart, 0 for none, and the width of y. Set with them.
  var optionsFingerprint: UInt64 = 0
  var optionsOutput = 0
  /// The one direction is the reverse one: in a layer of a network whose directions are independent.
  var isReverse = false

  public init(_ cell: CellKind, inputSize: Int, hiddenSize: Int) {
    self.cell = cell
    self.inputSize = inputSize
    self.hiddenSize = hiddenSize
  }

  /// A vanilla RNN (Elman 1990) with tanh or relu.
  public static func rnn(
    inputSize: Int, hiddenSize: Int, layers: Int = 1, relu: Bool = false, bias: Bool = true, dropout: Double = 0,
    bidirectional: Bool = false, threads: Int = 0
  ) -> NetworkConfiguration {
    make(relu ? .rnnRelu : .rnnTanh, inputSize, hiddenSize, layers, bias, dropout, bidirectional, 0, threads)
  }

  /// An LSTM (Gers, Schmidhuber, Cummins 2000), with a projection if `projectionSize` is above 0 (Sak 2014).
  public static func lstm(
    inputSize: Int, hiddenSize: Int, layers: Int = 1, bias: Bool = true, dropout: Double = 0,
    bidirectional: Bool = false, projectionSize: Int = 0, threads: Int = 0
  ) -> NetworkConfiguration {
    make(.lstm, inputSize, hiddenSize, layers, bias, dropout, bidirectional, projectionSize, threads)
  }

  /// A GRU (Cho 2014), the reset gate after the product as in torch, or before it.
  public static func gru(
    inputSize: Int, hiddenSize: Int, layers: Int = 1, resetAfter: Bool = true, bias: Bool = true, dropout: Double = 0,
    bidirectional: Bool = false, threads: Int = 0
  ) -> NetworkConfiguration {
    make(resetAfter ? .gru : .gruResetBefore, inputSize, hiddenSize, layers, bias, dropout, bidirectional, 0, threads)
  }

  private static func make(
    _ cell: CellKind, _ inputSize: Int, _ hiddenSize: Int, _ layers: Int, _ bias: Bool, _ dropout: Double,
    _ bidirectional: Bool, _ projectionSize: Int, _ threads: Int
  ) -> NetworkConfiguration {
    var configuration = NetworkConfiguration(cell, inputSize: inputSize, hiddenSize: hiddenSize)
    configuration.layers = layers
    configuration.bias = bias
    configuration.dropout = dropout
    configuration.bidirectional = bidirectional
    configuration.projectionSize = projectionSize
    configuration.threads = threads
    return configuration
  }

  /// D, 1 or 2.
  public var directions: Int { bidirectional ? 2 : 1 }
  /// P, or H without projection: the width of h. Of equations, that of a step's output.
  public var stateWidth: Int {
    cell == .equations ? equationsWidth : projectionSize > 0 ? projectionSize : hiddenSize
  }
  /// D * P: the width of y; the largest Int where that is larger, in a configuration that no network accepts.
  public var outputSize: Int {
    if optionsFingerprint != 0 { return optionsOutput }
    let (width, overflow) = directions.multipliedReportingOverflow(by: stateWidth)
    return overflow ? .max : width
  }
  func isReverse(_ direction: Int) -> Bool { isReverse || direction == 1 }
  /// Features that layer `layer` reads.
  func inputSize(ofLayer layer: Int) -> Int { layer == 0 ? inputSize : outputSize }
  /// The width of state tensor `state`: h, then c.
  public func width(ofState state: Int) -> Int { state == 0 ? stateWidth : hiddenSize }

  static let largestSize = 1 << 31
  static let mostLayers = 1024

  /// - Throws: the first thing that is wrong, with its number.
  func check() throws(RNNError) {
    func check(_ name: StaticString, _ value: Int, _ low: Int, _ high: Int) throws(RNNError) {
      guard value >= low, value <= high else { throw .invalidSize(name, value, low: low, high: high) }
    }
    try check("input_size", inputSize, 1, Self.largestSize)
    try check("hidden_size", hiddenSize, 1, Self.largestSize)
    try check("num_layers", layers, 1, Self.mostLayers)
    guard cell != .equations || equationsFingerprint != 0 else {
      throw .unsupported(
        """
        a network of equations is made with its cell: Network(Cell(text), configuration), in C by \
        swiftrnn_network_create_equations
        """)
    }
    if cell == .lstm {
      try check("projection_size", projectionSize, 0, hiddenSize - 1)
    } else if projectionSize != 0 {
      throw .invalidSize("projection_size of a cell other than LSTM", projectionSize, low: 0, high: 0)
    }
    guard dropout >= 0, dropout < 1 else { throw .invalidNumber("dropout", dropout, allowed: "in [0, 1)") }
    guard (0...Threads.limit).contains(threads) else {
      throw .invalidValue("num_threads", threads, low: 0, high: Threads.limit)
    }
  }
}
