// Tensors from the caller's memory to a file of safetensors, which appears whole or not at all.

extension Safetensors {
  /// A tensor to be written: where its numbers are, row-major, until the call returns.
  public struct Source {
    public let name: String
    public let shape: [Int]
    let type: ElementType
    let bytes: UnsafeRawBufferPointer

    public init(_ name: String, shape: [Int], _ numbers: UnsafeBufferPointer<Float>) {
      (self.name, self.shape, type, bytes) = (name, shape, .f32, UnsafeRawBufferPointer(numbers))
    }

    public init(_ name: String, shape: [Int], _ numbers: UnsafeBufferPointer<Double>) {
      (self.name, self.shape, type, bytes) = (name, shape, .f64, UnsafeRawBufferPointer(numbers))
    }
  }

  /// The tensors of a model's flat vector.
  ///
  /// - Parameters:
  ///   - parameters: the tensors.
  ///   - prefix: what is put before their names.
  ///   - numbers: `parameters.flatCount` elements.
  /// - Throws: ``ModelError/value(name:reason:)``
  public static func sources(
    _ parameters: ParameterList, prefix: String = "", _ numbers: UnsafeBufferPointer<Float>
  ) throws(ModelError) -> [Source] {
    try check(parameters, numbers.count)
    return parameters.infos.map {
      let own = UnsafeBufferPointer(rebasing: numbers[$0.offset..<$0.offset + $0.elements])
      return Source(prefix + $0.name, shape: $0.shape, own)
    }
  }

  /// The same in double precision.
  public static func sources(
    _ parameters: ParameterList, prefix: String = "", _ numbers: UnsafeBufferPointer<Double>
  ) throws(ModelError) -> [Source] {
    try check(parameters, numbers.count)
    return parameters.infos.map {
      let own = UnsafeBufferPointer(rebasing: numbers[$0.offset..<$0.offset + $0.elements])
      return Source(prefix + $0.name, shape: $0.shape, own)
    }
  }

  private static func check(_ parameters: ParameterList, _ count: Int) throws(ModelError) {
    guard count == parameters.flatCount else {
      throw .value(name: "parameters", reason: "has \(count) elements, must have \(parameters.flatCount)")
    }
  }

  /// Writes a file: the same bytes for the same tensors and metadata, in whatever order the metadata are.
  ///
  /// The file is written under another name in the same folder and takes its own when all of it is on the disk; on an error
  /// the file that was there is as it was. The data begin at a multiple of 64 bytes; tensors of F64 come first, so that all
  /// numbers are aligned, and each type in the order of `tensors`.
  ///
  /// - Parameters:
  ///   - tensors: the tensors, in the order of the file.
  ///   - metadata: without ``checksumKey``, which is added.
  ///   - path: the file, which is replaced if there is one.
  /// - Throws: ``ModelError/value(name:reason:)`` for names or keys that are there twice, are reserved or have zero
  ///   characters, and for shapes that do not fit the numbers; ``ModelError/file(path:reason:)``;
  ///   ``ModelError/rnn(_:)`` where memory is lacking.
  public static func write(
    _ tensors: [Source], metadata: [(key: String, value: String)] = [], to path: String
  ) throws(ModelError) {
    try write(tensors, metadata: metadata, to: path, calls: WritingCalls())
  }

  static func write(
    _ sources: [Source], metadata: [(key: String, value: String)], to path: String, calls: WritingCalls
  ) throws(ModelError) {
    let ordered = sources.filter { $0.type == .f64 } + sources.filter { $0.type != .f64 }
    let tensors = try layOut(ordered)
    var entries = metadata
    try checkNames(entries.map(\.key), "the metadata's key", reserved: checksumKey)
    for entry in entries where entry.value.utf8.contains(0) {
      throw .value(name: "the metadata's \(ModelError.printable(entry.key))", reason: "has a zero character")
    }
    let checksum = try checksum(metadata: metadata, tensors: tensors) { (number, sum) throws(ModelError) in
      sum.add(ordered[number].bytes)
    }
    entries.append((checksumKey, checksum))
    let header = try header(tensors, entries)
    let file = try AtomicFile(path, calls: calls)
    try header.withUnsafeBufferPointer { (bytes) throws(ModelError) in try file.write(UnsafeRawBufferPointer(bytes)) }
    for source in ordered { try file.write(source.bytes) }
    try file.commit()
  }

  /// Where the data of each tensor is.
  private static func layOut(_ sources: [Source]) throws(ModelError) -> [Tensor] {
    try checkNames(sources.map(\.name), "the tensor's name", reserved: "__metadata__")
    var tensors: [Tensor] = []
    var end = 0
    for source in sources {
      let name = "the tensor \(ModelError.printable(source.name))"
      guard let size = source.type.bytes(of: source.shape), size == source.bytes.count else {
        let (shape, bits) = (write(source.shape), source.type.bits)
        throw .value(name: name, reason: "has the shape \(shape), but \(source.bytes.count * 8 / bits) numbers")
      }
      let (sum, overflow) = end.addingReportingOverflow(size)
      guard !overflow, sum <= Int.max / 2 else { throw .rnn(.overflow("a file of tensors")) }
      tensors.append(Tensor(name: source.name, type: source.type, shape: source.shape, bytes: end..<sum))
      end = sum
    }
    return tensors
  }

  private static func checkNames(_ names: [String], _ what: String, reserved: String) throws(ModelError) {
    var known: Set<ByteName> = [ByteName(reserved)]
    for name in names {
      guard !name.utf8.contains(0) else {
        throw .value(name: "\(what) \(ModelError.printable(name))", reason: "has a zero character")
      }
      guard known.insert(ByteName(name)).inserted else {
        throw .value(name: "\(what) \(ModelError.printable(name))", reason: "is there twice, or reserved")
      }
    }
  }

  /// The header with its size before it, and spaces behind it up to a multiple of 64 bytes.
  private static func header(
    _ tensors: [Tensor], _ metadata: [(key: String, value: String)]
  ) throws(ModelError) -> [UInt8] {
    var entries = JSON.Object()
    for entry in metadata.sorted(by: { ByteName($0.key) < ByteName($1.key) }) {
      entries.append(entry.key, .string(entry.value))
    }
    var object = JSON.Object()
    object.append("__metadata__", .object(entries))
    for tensor in tensors {
      object.append(
        tensor.name,
        [
          "dtype": .string(tensor.type.rawValue),
          "shape": .array(tensor.shape.map { .integer(Int64($0)) }),
          "data_offsets": [.integer(Int64(tensor.bytes.lowerBound)), .integer(Int64(tensor.bytes.upperBound))],
        ])
    }
    let text = try JSON.object(object).bytes()
    let padding = (64 - (8 + text.count) % 64) % 64
    let size = text.count + padding
    guard size <= headerLimit else {
      throw .value(name: "names and metadata", reason: "make a header of \(size) bytes, must be at most \(headerLimit)")
    }
    var header: [UInt8] = []
    header.reserveCapacity(8 + size)
    for i in 0..<8 { header.append(UInt8(truncatingIfNeeded: size >> (8 * i))) }
    header.append(contentsOf: text)
    header.append(contentsOf: repeatElement(UInt8(ascii: " "), count: padding))
    return header
  }
}
