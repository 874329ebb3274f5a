// The parameters of a model: the tensors of its layers, by name, in one flat vector.
import SwiftRNN

/// A parameter tensor of a model.
public struct ModelParameterInfo: Sendable, Equatable {
  /// The layer's name, a dot, and the tensor's: "embedding.weight", "network.weight_ih_l0_reverse".
  public let name: String
  public let shape: [Int]
  /// Where it starts in the flat vector, in elements.
  public let offset: Int

  public var elements: Int { shape.reduce(1, *) }
}

/// Names, shapes and places of all parameters of a model, in the order in which its layers were added.
public struct ParameterList: Sendable, Equatable {
  public private(set) var infos: [ModelParameterInfo] = []
  /// Elements of all parameters: those of a flat vector that holds them.
  public private(set) var flatCount = 0
  private var numbers: [String: Int] = [:]

  public init() {}

  /// Where the tensor called `name` is; nil: there is none.
  public subscript(name: String) -> ModelParameterInfo? { numbers[name].map { infos[$0] } }

  /// The elements of the layer called `name`: its tensors follow each other.
  public func range(of layer: String) -> Range<Int> {
    let own = infos.filter { $0.name.hasPrefix(layer + ".") }
    guard let first = own.first, let last = own.last else { return 0..<0 }
    return first.offset..<last.offset + last.elements
  }

  /// Adds the tensors of a layer.
  ///
  /// - Parameters:
  ///   - layer: without a dot; not added before.
  ///   - tensors: names within the layer, and shapes.
  /// - Throws: `RNNError/overflow(_:)` for more elements than memory can have.
  mutating func add(_ layer: String, _ tensors: [(name: String, shape: [Int])]) throws(RNNError) {
    for tensor in tensors {
      let name = "\(layer).\(tensor.name)"
      let info = ModelParameterInfo(name: name, shape: tensor.shape, offset: flatCount)
      var elements = 1
      for size in tensor.shape {
        let (product, overflow) = elements.multipliedReportingOverflow(by: size)
        guard !overflow, product >= 0 else { throw .overflow("the parameters") }
        elements = product
      }
      let (sum, overflow) = flatCount.addingReportingOverflow(elements)
      guard !overflow, sum <= Int.max / 8 else { throw .overflow("the parameters") }
      numbers[name] = infos.count
      infos.append(info)
      flatCount = sum
    }
  }
}
