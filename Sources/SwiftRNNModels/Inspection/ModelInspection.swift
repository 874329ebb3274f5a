// A look inside of a model, as numbers: how gradients go back in time, what recurrent matrices do to them, and which gates
// are shut or open.
@_spi(Door) import SwiftRNN

/// Result of ``Model/inspect(_:state:)``: a loss, and an entry for each direction of each layer.
public struct ModelInspection: Sendable, Equatable {
  /// Norms of the gradient of the loss with respect to a state, over the steps.
  public struct Gradients: Sendable, Equatable {
    /// The cell's name of the state: "h", "c".
    public let state: String
    /// `[T]`: element t is the 2-norm, over the units of all sequences that have a step t, of the gradient of the batch's
    /// loss with respect to the state after step t. Of the reverse direction, too, t counts from the beginning of the
    /// sequence: its gradients go back towards larger t.
    public let norms: [Double]
    /// Whether the state is the output of its steps too, so that ``norms`` has the gradients from above and from the later
    /// steps; else those of the later steps alone.
    public let isOutput: Bool
  }

  /// The spectral radius of a recurrent matrix that is square for each gate (Pascanu, Mikolov, Bengio 2013): below 1, and with it the slopes of the
  /// activations, gradients vanish; above 1 they may explode.
  public struct Radius: Sendable, Equatable {
    /// The parameter's name in ``Model/parameters``: "network.weight_hh_l0".
    public let parameter: String
    /// The gate whose block it is: "i", "f", "g", "o"; "r", "z", "n"; of cells of equations the block's number if the
    /// parameter has several, else "".
    public let gate: String
    public let value: Double
  }

  /// Share of the activations of all steps that lie at the ends of their range, where their slope is nearly 0 (after
  /// Karpathy, Johnson, Fei-Fei 2015, who count gates below 0.1 and above 0.9).
  public struct Saturation: Sendable, Equatable {
    /// The gate's letter; "tanh(c)" of the LSTM; "h" of the RNN; "y", the outputs, of cells of equations.
    public let name: String
    /// Share of sigmoid gates below 0.05, of tanh below -0.95, of relu that is 0.
    public let low: Double
    /// Share of sigmoid gates and tanh above 0.95; of relu 0.
    public let high: Double
  }

  /// One direction of one layer.
  public struct Layer: Sendable, Equatable {
    /// "network"; of encoders and decoders "encoder_network" and "decoder_network".
    public let network: String
    public let layer: Int
    /// 0: forward, 1: reverse.
    public let direction: Int
    /// Gradients of each state of the cell, in the cell's order.
    public internal(set) var gradients: [Gradients] = []
    public internal(set) var radii: [Radius] = []
    public internal(set) var saturations: [Saturation] = []
  }

  /// Loss of the batch, without dropout.
  public let loss: ModelLoss
  public let layers: [Layer]
}

extension Model {
  /// A look inside: gradients step by step, spectral radii, saturation. Without dropout; parameters, gradients and the
  /// state are as before.
  ///
  /// The gradients are exact: a backward pass over one step after the other, for each direction of each layer, with the
  /// gradient of the states carried from step to step. Sums of squares are in Double, in the order of steps, sequences
  /// and units. It takes a copy of the model, and the time of some passes of single steps: something to do now and then.
  ///
  /// A network with output feedback runs freely: by teacher forcing it has no gradients back in time.
  ///
  /// - Parameters:
  ///   - batch: as for ``loss(_:state:_:)-(ModelBatch<Scalar>,_,_)``, targets included.
  ///   - state: where the sequences begin, of ``makeState(lookBack:)``; is not moved on. nil: where the cell does.
  /// - Throws: `RNNError/unsupported(_:)` for models over trees, decoders with attention in their
  ///   input, and cells that draw masks, such as zoneout, or use statistics of the batch, whose
  ///   passes for training differ from those of inference; and what a loss throws.
  @_specialize(where Scalar == Float)
  @_specialize(where Scalar == Double)
  public func inspect(
    _ batch: ModelBatch<Scalar>, state: ModelState<Scalar>? = nil
  ) throws(RNNError) -> ModelInspection {
    let control = FloatControl()
    defer { control.leave() }
    guard configuration.structure == .sequences else { throw .unsupported("trees have no steps back in time") }
    guard attending == nil else {
      throw .unsupported(
        "gradients of a decoder whose input has attention go back through attention, too: no look inside")
    }
    var plain = configuration
    plain.dropout = 0
    let twin = try Model(plain)
    var own: ModelState<Scalar>?
    // The inspections read memory of both behind their last use.
    defer { withExtendedLifetime((twin, own)) {} }
    _ = twin.parameters.values.update(fromContentsOf: parameters.values)
    guard state?.lookBack ?? 0 == 0 else { throw .unsupported("a state that looks back is for training") }
    if let state, let network = twin.reader?.part.network {
      _ = try state.places(reader?.part.network ?? network, sequences: batch.sequences)
      own = try state.copy(to: network)
    }
    var inspections: [NetworkInspection<Scalar>] = []
    let prefix = configuration.decodes ? "encoder_" : ""
    if let part = twin.reader?.part {
      inspections.append(try NetworkInspection(part, configuration.readerLayers, name: "\(prefix)network"))
    }
    if let part = twin.decoder?.part {
      inspections.append(try NetworkInspection(part, configuration.decoder, name: "decoder_network"))
    }
    let loss =
      try feedback == nil
      ? twin.loss(batch, state: own, TrainingOptions(seed: 0)) : twin.loss(batch, feedback: .outputs, state: own)
    var layers: [ModelInspection.Layer] = []
    for inspection in inspections { layers += try inspection.layers() }
    return ModelInspection(loss: loss, layers: layers)
  }
}
