// The parameters of a network in one vector, with a name for each tensor: what is trained, saved and averaged.

/// All parameters of a network, or anything with their shapes: gradients, an optimizer's moments.
///
/// A value: copies share memory until one of them is changed.
public struct NetworkParameters<Scalar: RNNScalar>: Sendable {
  let layout: ParameterLayout
  /// The one vector behind the names, `[flatCount]`: the tensors one after the other, in the order of ``infos``,
  /// without padding. Passes refuse a vector of another size.
  public var flat: Tensor<Scalar>

  init(_ layout: ParameterLayout, _ flat: Tensor<Scalar>) {
    self.layout = layout
    self.flat = flat
  }

  /// What each tensor is called, its shape, and where it starts in ``flat``. torch's names and order.
  public var infos: [ParameterInfo] { (0..<layout.count).map { layout.info($0) } }

  /// The tensor called `name`, such as "weight_ih_l0_reverse"; nil if there is none. Does not copy the numbers.
  /// ``set(_:to:)`` changes it: a subscript can't throw when it is set.
  public subscript(name: String) -> Tensor<Scalar>? {
    guard let info = info(name), flat.count == layout.elements else { return nil }
    return Tensor(block: flat.block, start: flat.start + info.offset, shape: info.shape, count: info.elements)
  }

  /// Copies the numbers of `tensor` to those of the tensor called `name`.
  ///
  /// - Throws: ``RNNError/mismatch(_:)`` if there is no such name, ``RNNError/sizeMismatch(_:_:expected:)`` if the
  ///   shapes differ, ``RNNError/countMismatch(_:_:expected:)`` if ``flat`` has been replaced by a vector of another
  ///   length, ``RNNError/outOfMemory(bytes:)``. Nothing has changed then.
  @_specialize(where Scalar == Float)
  @_specialize(where Scalar == Double)
  public mutating func set(_ name: String, to tensor: Tensor<Scalar>) throws(RNNError) {
    guard let info = info(name) else { throw .mismatch("the network has no parameter of this name") }
    try checkSize("parameters.flat")
    guard tensor.shape.count == info.rank else {
      throw .sizeMismatch("the rank of the tensor", tensor.shape.count, expected: info.rank)
    }
    guard tensor.shape[0] == info.rows else {
      throw .sizeMismatch("the number of rows of the tensor", tensor.shape[0], expected: info.rows)
    }
    guard info.rank == 1 || tensor.shape[1] == info.columns else {
      throw .sizeMismatch("the number of columns of the tensor", tensor.shape[1], expected: info.columns)
    }
    try flat.makeUnique()
    // The tensor may be a view of the vector as it was before.
    (flat.pointer + info.offset).update(from: tensor.pointer, count: info.elements)
  }

  private func info(_ name: String) -> ParameterInfo? {
    for index in 0..<layout.count {
      let info = layout.info(index)
      if info.name == name { return info }
    }
    return nil
  }

  func checkSize(_ name: StaticString) throws(RNNError) {
    guard flat.count == layout.elements else { throw .countMismatch(name, flat.count, expected: layout.elements) }
  }

  /// Where each tensor starts, for the passes.
  func pointers(_ name: StaticString) throws(RNNError) -> Block<UnsafeMutableRawPointer?> {
    try checkSize(name)
    let pointers = try Block<UnsafeMutableRawPointer?>(count: layout.count)
    for index in 0..<layout.count {
      pointers.pointer[index] = UnsafeMutableRawPointer(flat.pointer + layout.info(index).offset)
    }
    return pointers
  }
}

extension Network {
  /// Parameters, or something with their shapes, from one flat vector `[flatCount]`; it is not copied.
  ///
  /// - Throws: ``RNNError/countMismatch(_:_:expected:)``
  @_specialize(where Scalar == Float)
  @_specialize(where Scalar == Double)
  public func parameters(flat: Tensor<Scalar>) throws(RNNError) -> NetworkParameters<Scalar> {
    guard flat.count == flatCount else { throw .countMismatch("flat", flat.count, expected: flatCount) }
    return NetworkParameters(layout, try flat.reshaped([flatCount]))
  }

  /// Zeros with the shapes of the parameters: gradients to be added to, moments of an optimizer.
  @_specialize(where Scalar == Float)
  @_specialize(where Scalar == Double)
  public func makeZeros() throws(RNNError) -> NetworkParameters<Scalar> {
    NetworkParameters(layout, try Tensor(repeating: 0, shape: [flatCount]))
  }

  func check(_ parameters: NetworkParameters<Scalar>, _ name: StaticString) throws(RNNError) {
    guard parameters.layout.describesSameTensors(as: layout) else {
      throw .mismatch("the parameters are of another network's configuration")
    }
    try parameters.checkSize(name)
  }
}

extension ParameterLayout {
  /// Threads and dropout do not change what the parameters are.
  func describesSameTensors(as other: ParameterLayout) -> Bool {
    var (own, its) = (configuration, other.configuration)
    (own.threads, its.threads) = (0, 0)
    (own.dropout, its.dropout) = (0, 0)
    return own == its
  }
}
