// The numbers of a model: all parameters in one vector, and a second vector for gradients.
import SwiftRNN

/// The parameters of a model and their gradients, each one flat vector at an address that never changes: optimizers,
/// files, C and numpy see the same memory.
///
/// Calls of the model read and write both without locks: one thread at a time.
public final class ParameterStore<Scalar: RNNScalar>: @unchecked Sendable {
  /// Names, shapes and places.
  public let list: ParameterList
  private let memory = (Buffer<Scalar>(), Buffer<Scalar>())
  /// All parameters, `list.flatCount` elements.
  public let values: UnsafeMutableBufferPointer<Scalar>
  /// Gradients of the last loss, in the places of the parameters; zeros at first.
  public let gradients: UnsafeMutableBufferPointer<Scalar>

  /// Zeros.
  init(_ list: ParameterList) throws(RNNError) {
    self.list = list
    values = try memory.0.take(list.flatCount)
    gradients = try memory.1.take(list.flatCount)
    values.update(repeating: 0)
    gradients.update(repeating: 0)
  }

  /// Elements of the tensor called `name`; nil: there is none.
  public func values(of name: String) -> UnsafeMutableBufferPointer<Scalar>? { part(of: values, name) }

  /// Gradient elements of the tensor called `name`; nil: there is none.
  public func gradients(of name: String) -> UnsafeMutableBufferPointer<Scalar>? { part(of: gradients, name) }

  private func part(
    of flat: UnsafeMutableBufferPointer<Scalar>, _ name: String
  ) -> UnsafeMutableBufferPointer<Scalar>? {
    guard let info = list[name] else { return nil }
    return flat.part(info.offset..<info.offset + info.elements)
  }

  /// A copy of the tensor called `name`; nil: there is none.
  ///
  /// - Throws: `RNNError/outOfMemory(bytes:)`
  public func tensor(_ name: String) throws(RNNError) -> Tensor<Scalar>? {
    guard let info = list[name], let from = values(of: name) else { return nil }
    return try Tensor(shape: info.shape) { to in _ = to.update(fromContentsOf: from) }
  }
}

/// A tensor of a layer within a model: its numbers, and where its gradient goes. Keeps the memory of both alive: a caller may
/// have a layer and no more of its model.
struct Parameter<Scalar: RNNScalar> {
  private let store: ParameterStore<Scalar>
  let values: UnsafeBufferPointer<Scalar>
  let gradient: UnsafeMutableBufferPointer<Scalar>

  /// - Parameter name: of a tensor that the model's list has.
  init(_ store: ParameterStore<Scalar>, _ name: String) throws(RNNError) {
    guard let values = store.values(of: name), let gradient = store.gradients(of: name) else {
      throw .mismatch("the model lacks one of its own parameters")
    }
    (self.store, self.values, self.gradient) = (store, values.constant, gradient)
  }
}
