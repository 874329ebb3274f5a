// All of a safetensors file in memory, as C reads tensors: zero-terminated names, numbers at aligned addresses.
import SwiftRNN

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The tensors and the metadata of a safetensors file, in memory that has addresses as long as the object lives.
///
/// ``SafetensorsFile`` reads and checks the file, which is not trusted. Look-ups by name allocate nothing.
///
/// Immutable: several threads may share one.
@_spi(Door) public final class LoadedTensors: @unchecked Sendable {
  /// A tensor in memory.
  public struct Tensor {
    /// Zero-terminated.
    public let name: UnsafePointer<CChar>
    /// Zero-terminated: the type as the format names it.
    public let type: UnsafePointer<CChar>
    public let rank: Int
    public let shape: UnsafePointer<Int64>
    public let elements: Int
    /// `byteCount` bytes, aligned to 64.
    public let data: UnsafeRawPointer
    public let byteCount: Int
  }

  /// Places of a tensor: bytes in `texts`, elements in `shapes`, bytes in `data`.
  private struct Entry: BitwiseCopyable {
    let name: Int
    let type: Int
    let shape: Int
    let rank: Int
    let elements: Int
    let data: Int
    let byteCount: Int
  }

  /// Places of an entry of the metadata in `texts`.
  private struct MetadataEntry: BitwiseCopyable {
    let key: Int
    let value: Int
    let valueSize: Int
  }

  private static let alignment = 64

  private let path: String
  /// In the order of the data.
  private let entries: GrowingBuffer<Entry>
  /// Indices of `entries`, in the order of the names' bytes.
  private let order: GrowingBuffer<Int>
  private let metadata: GrowingBuffer<MetadataEntry>
  private let texts: GrowingBuffer<UInt8>
  private let shapes: GrowingBuffer<Int64>
  private let data: GrowingBuffer<UInt8>

  /// Reads a file.
  ///
  /// - Throws: ``ModelError/file(path:reason:)``, ``ModelError/format(where:what:)``; ``ModelError/rnn(_:)`` where memory
  ///   is lacking.
  public init(_ path: String) throws(ModelError) {
    let file = try SafetensorsFile(path)
    let texts = try GrowingBuffer<UInt8>()
    func add(_ text: String) throws(ModelError) -> Int {
      let place = texts.count
      for byte in text.utf8 { try texts.append(byte) }
      try texts.append(0)
      return place
    }
    let metadata = try GrowingBuffer<MetadataEntry>(capacity: file.metadata.count)
    for entry in file.metadata {
      try metadata.append(
        MetadataEntry(key: add(entry.key), value: add(entry.value), valueSize: entry.value.utf8.count))
    }
    let entries = try GrowingBuffer<Entry>(capacity: file.tensors.count)
    let shapes = try GrowingBuffer<Int64>()
    var size = 0
    for tensor in file.tensors {
      try entries.append(
        Entry(
          name: add(tensor.name), type: add(tensor.type.rawValue), shape: shapes.count, rank: tensor.shape.count,
          elements: tensor.elements, data: size, byteCount: tensor.bytes.count))
      for extent in tensor.shape { try shapes.append(Int64(extent)) }
      let (end, overflow) = size.addingReportingOverflow(tensor.bytes.count)
      let (padded, overflow2) = end.addingReportingOverflow(Self.alignment - 1)
      guard !overflow, !overflow2 else { throw .rnn(.overflow("the tensors of a file")) }
      size = padded & ~(Self.alignment - 1)
    }
    let data = try GrowingBuffer<UInt8>(capacity: size)
    for (i, tensor) in file.tensors.enumerated() {
      try file.readBytes(
        tensor, into: UnsafeMutableRawBufferPointer(start: data.pointer + entries[i].data, count: tensor.bytes.count))
    }
    let order = try GrowingBuffer<Int>(capacity: file.tensors.count)
    for i in file.tensors.indices.sorted(by: { ByteName(file.tensors[$0].name) < ByteName(file.tensors[$1].name) }) {
      try order.append(i)
    }
    (self.path, self.entries, self.order, self.metadata) = (path, entries, order, metadata)
    (self.texts, self.shapes, self.data) = (texts, shapes, data)
  }

  public var count: Int { entries.count }

  /// The tensor `index`, in 0 ..< ``count``.
  public subscript(index: Int) -> Tensor {
    let entry = entries[index]
    return Tensor(
      name: text(entry.name), type: text(entry.type), rank: entry.rank, shape: shapes.pointer + entry.shape,
      elements: entry.elements, data: UnsafeRawPointer(data.pointer + entry.data), byteCount: entry.byteCount)
  }

  /// The index of the tensor of a zero-terminated name; nil: there is none.
  public func index(of name: UnsafePointer<CChar>) -> Int? {
    var (low, high) = (0, order.count)
    while low < high {
      let middle = low + (high - low) / 2
      let difference = strcmp(text(entries[order[middle]].name), name)
      if difference == 0 { return order[middle] }
      if difference < 0 { low = middle + 1 } else { high = middle }
    }
    return nil
  }

  /// The value of a zero-terminated key in the metadata, valid as long as the object lives; nil: there is none.
  public func value(_ key: UnsafePointer<CChar>) -> UnsafeBufferPointer<UInt8>? {
    for i in 0..<metadata.count where strcmp(text(metadata[i].key), key) == 0 {
      return UnsafeBufferPointer(start: texts.pointer + metadata[i].value, count: metadata[i].valueSize)
    }
    return nil
  }

  /// Addresses of the tensors that are a network's parameters, in the network's order.
  ///
  /// The file must have a tensor for each parameter, in its shape and in the network's type, and no other whose name
  /// begins with `prefix`.
  ///
  /// - Parameters:
  ///   - prefix: the part of the file's names before the network's.
  ///   - out: as many as the network has parameters.
  /// - Throws: ``ModelError/format(where:what:)`` before anything is written
  public func parameters<Scalar: RNNScalar>(
    of network: Network<Scalar>, prefix: String, into out: UnsafeMutableBufferPointer<UnsafeRawPointer?>
  ) throws(ModelError) {
    guard out.count == network.parameterCount else {
      throw .rnn(.sizeMismatch("parameter_count", out.count, expected: network.parameterCount))
    }
    var names: Set<ByteName> = []
    for i in out.indices {
      let info = try parameter(i, of: network)
      _ = try tensor(prefix + info.name, shape: info.shape, type: Scalar.self == Double.self ? .f64 : .f32)
      names.insert(ByteName(info.name))
    }
    try checkOthers(prefix, names)
    for i in out.indices {
      let info = try parameter(i, of: network)
      out[i] = try tensor(prefix + info.name, shape: info.shape, type: Scalar.self == Double.self ? .f64 : .f32)
    }
  }

  private func parameter<Scalar: RNNScalar>(
    _ index: Int, of network: Network<Scalar>
  ) throws(ModelError) -> ParameterInfo {
    try withModelErrors { () throws(RNNError) in try network.parameter(index) }
  }

  /// The address of a tensor's data.
  private func tensor(
    _ name: String, shape: [Int], type: Safetensors.ElementType
  ) throws(ModelError) -> UnsafeRawPointer {
    guard let index = name.withCString({ index(of: $0) }) else {
      throw .format(where: path, what: "the tensor \(ModelError.printable(name)) is missing")
    }
    let tensor = self[index]
    let found = String(cString: tensor.type)
    guard found == type.rawValue else {
      throw .format(
        where: path, what: "tensor \(ModelError.printable(name)): is of \(found), must be of \(type.rawValue)")
    }
    let extents = UnsafeBufferPointer(start: tensor.shape, count: tensor.rank)
    guard extents.elementsEqual(shape.lazy.map(Int64.init)) else {
      // A stranger's shape may have a million extents, of which the message shows eight.
      let has = Safetensors.write(extents.prefix(9).map { Int($0) })
      throw .format(
        where: path,
        what: "tensor \(ModelError.printable(name)): has the shape \(has), must have \(Safetensors.write(shape))")
    }
    return tensor.data
  }

  /// Refuses tensors whose names begin with a prefix, unless one of `names` follows.
  private func checkOthers(_ prefix: String, _ names: Set<ByteName>) throws(ModelError) {
    let size = prefix.utf8.count
    for i in 0..<count {
      let name = text(entries[i].name)
      guard prefix.withCString({ strncmp(name, $0, size) }) == 0 else { continue }
      // Longer than any name of a parameter and than a message shows: a stranger's name may have megabytes.
      let rest = UnsafeBufferPointer(start: name + size, count: strnlen(name + size, 512))
      let ending = rest.withMemoryRebound(to: UInt8.self) { String(decoding: $0, as: UTF8.self) }
      guard names.contains(ByteName(ending)) else {
        throw .format(where: path, what: "the tensor \(ModelError.printable(prefix + ending)) is none of the network's")
      }
    }
  }

  private func text(_ place: Int) -> UnsafePointer<CChar> {
    UnsafeRawPointer(texts.pointer + place).assumingMemoryBound(to: CChar.self)
  }
}
