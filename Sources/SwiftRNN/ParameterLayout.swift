// The parameters of a network: names, shapes and order, those of torch's `_flat_weights`.
import Kernels

/// A parameter tensor of a network.
public struct ParameterInfo: Sendable, Equatable {
  enum Kind: Int, Sendable { case weightIH, weightHH, biasIH, biasHH, weightHR }

  /// The name without its layer: torch's, or the equations'.
  public let stem: String
  public let layer: Int
  /// 0 forward, 1 reverse.
  public let direction: Int
  public let rows: Int
  /// 1 for a vector.
  public let columns: Int
  /// 1 for a vector or number, 2 for a matrix. Diagonal blocks are a matrix: the rows of all, the columns of one.
  public let rank: Int
  /// Where it starts in a flat vector of all parameters, in elements.
  public let offset: Int

  public var elements: Int { rows * columns }
  public var shape: [Int] { rank == 1 ? [rows] : [rows, columns] }

  /// As torch does it: "weight_ih_l0_reverse".
  public var name: String { "\(stem)_l\(layer)\(direction == 1 ? "_reverse" : "")" }
}

extension ParameterInfo.Kind {
  var stem: String {
    switch self {
    case .weightIH: "weight_ih"
    case .weightHH: "weight_hh"
    case .biasIH: "bias_ih"
    case .biasHH: "bias_hh"
    case .weightHR: "weight_hr"
    }
  }
}

/// The parameters of one direction of a layer of equations.
struct EquationsShapes: Sendable {
  struct Shape: Sendable {
    let stem: String
    let rows: Int
    let columns: Int
    let rank: Int
    /// Among those of its direction, in elements.
    let offset: Int
  }

  /// Of the first layer, and of the others.
  let layers: ([Shape], [Shape])

  func shapes(_ layer: Int) -> [Shape] { layer == 0 ? layers.0 : layers.1 }
}

/// Where each parameter is. All arithmetic: nothing here grows with the number of layers.
struct ParameterLayout: Sendable {
  let configuration: NetworkConfiguration
  /// Tensors per layer and direction.
  let perDirection: Int
  /// Elements of all tensors.
  let elements: Int
  /// Of equations.
  private let shapes: EquationsShapes?
  /// Of a network with layer options: all tensors, whose number depends on the layer.
  private var tensors: [ParameterInfo]?

  init(_ c: NetworkConfiguration, tensors: [ParameterInfo]) {
    configuration = c
    (perDirection, shapes) = (0, nil)
    elements = tensors.last.map { $0.offset + $0.elements } ?? 0
    self.tensors = tensors
  }

  init(_ c: NetworkConfiguration, shapes: EquationsShapes) throws(RNNError) {
    configuration = c
    self.shapes = shapes
    perDirection = shapes.layers.0.count
    func elements(_ shapes: [EquationsShapes.Shape]) throws(RNNError) -> Int {
      var sum = 0
      for shape in shapes {
        sum = try Size.sum(sum, Size.product(shape.rows, shape.columns, of: "parameters"), of: "parameters")
      }
      return sum
    }
    let others = try Size.product(elements(shapes.layers.1), c.layers - 1, of: "parameters")
    let layers = try Size.sum(elements(shapes.layers.0), others, of: "parameters")
    self.elements = try Size.product(layers, c.directions, of: "parameters")
    _ = try Size.product(self.elements, 16, of: "parameters")
  }

  init(_ c: NetworkConfiguration) throws(RNNError) {
    configuration = c
    shapes = nil
    perDirection = 2 + (c.bias ? 2 : 0) + (c.projectionSize > 0 ? 1 : 0)
    // The last tensor's end is the sum of all; counted once here without overflow, the plain arithmetic below is safe.
    let first = try Self.elements(c, inputs: c.inputSize)
    let others = try Self.elements(c, inputs: c.outputSize)
    let layers = try Size.sum(first, Size.product(others, c.layers - 1, of: "parameters"), of: "parameters")
    elements = try Size.product(layers, c.directions, of: "parameters")
    _ = try Size.product(elements, 16, of: "parameters")
  }

  /// Elements of one direction of a layer.
  private static func elements(_ c: NetworkConfiguration, inputs: Int) throws(RNNError) -> Int {
    let rows = try Size.product(c.cell.gates, c.hiddenSize, of: "parameters")
    let width = try Size.sum(inputs, c.stateWidth, c.bias ? 2 : 0, of: "parameters")
    let projection = try Size.product(c.projectionSize, c.hiddenSize, of: "parameters")
    return try Size.sum(Size.product(rows, width, of: "parameters"), projection, of: "parameters")
  }

  var count: Int { tensors?.count ?? perDirection * configuration.directions * configuration.layers }

  /// The tensors of one direction, in order.
  private func kind(_ slot: Int) -> ParameterInfo.Kind {
    if slot < 2 { return slot == 0 ? .weightIH : .weightHH }
    if configuration.bias && slot < 4 { return slot == 2 ? .biasIH : .biasHH }
    return .weightHR
  }

  private func shape(_ kind: ParameterInfo.Kind, layer: Int) -> (rows: Int, columns: Int) {
    let c = configuration
    let gates = c.cell.gates &* c.hiddenSize
    return switch kind {
    case .weightIH: (gates, c.inputSize(ofLayer: layer))
    case .weightHH: (gates, c.stateWidth)
    case .biasIH, .biasHH: (gates, 1)
    case .weightHR: (c.projectionSize, c.hiddenSize)
    }
  }

  /// The index of the first tensor of a direction.
  func first(layer: Int, direction: Int) -> Int { (layer &* configuration.directions &+ direction) &* perDirection }

  private func info(_ index: Int, _ shapes: EquationsShapes) -> ParameterInfo {
    let (layer, direction) = (
      index / perDirection / configuration.directions, index / perDirection % configuration.directions
    )
    func size(_ layer: Int) -> Int {
      shapes.shapes(layer).last.map { $0.offset &+ $0.rows &* $0.columns } ?? 0
    }
    let shape = shapes.shapes(layer)[index % perDirection]
    let before = layer == 0 ? 0 : configuration.directions &* (size(0) &+ (layer &- 1) &* size(1))
    return ParameterInfo(
      stem: shape.stem, layer: layer, direction: direction, rows: shape.rows, columns: shape.columns, rank: shape.rank,
      offset: before &+ direction &* size(layer) &+ shape.offset)
  }

  /// Describes tensor `index`, 0 ..< count.
  func info(_ index: Int) -> ParameterInfo {
    if let tensors { return tensors[index] }
    if let shapes { return info(index, shapes) }
    let slot = index % perDirection
    let pseudoLayer = index / perDirection
    let layer = pseudoLayer / configuration.directions
    let direction = pseudoLayer % configuration.directions
    func perDirectionElements(_ layer: Int) -> Int {
      (0..<perDirection).reduce(0) {
        let (rows, columns) = shape(kind($1), layer: layer)
        return $0 &+ rows &* columns
      }
    }
    var offset = direction &* perDirectionElements(layer)
    if layer > 0 {
      offset &+= configuration.directions &* (perDirectionElements(0) &+ (layer &- 1) &* perDirectionElements(1))
    }
    for earlier in 0..<slot {
      let (rows, columns) = shape(kind(earlier), layer: layer)
      offset &+= rows &* columns
    }
    let (rows, columns) = shape(kind(slot), layer: layer)
    return ParameterInfo(
      stem: kind(slot).stem, layer: layer, direction: direction, rows: rows, columns: columns,
      rank: kind(slot) == .biasIH || kind(slot) == .biasHH ? 1 : 2, offset: offset)
  }
}
