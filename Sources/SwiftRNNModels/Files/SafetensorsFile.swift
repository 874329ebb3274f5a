// Tensors from a file of safetensors, which may come from anyone, into the caller's memory.

/// A file of safetensors that is open for reading.
///
/// Whatever the file says is checked before memory is asked for or anything is read for it: the size of the header, its
/// JSON (no key twice, nothing unknown), dtypes and shapes, sizes without overflow; that the tensors' data neither overlap
/// nor leave holes, and that the file ends where they do. Files of this library have a checksum in their metadata
/// (``Safetensors/checksumKey``), which is compared when the file is opened; so one damaged byte is found, wherever it is
/// but in that key itself.
/// Files without that key are taken as they are.
///
/// Several threads may read from one.
public final class SafetensorsFile: Sendable {
  public let path: String
  /// In the order of their data.
  public let tensors: [Safetensors.Tensor]
  /// Key and value, in the order of the file.
  public let metadata: [(key: String, value: String)]
  private let numbers: [ByteName: Int]
  private let file: InputFile
  /// Where the header ends.
  private let start: Int

  /// Opens a file and reads its header.
  ///
  /// - Parameters:
  ///   - path: the file.
  ///   - headerLimit: the largest header, in bytes. What it takes in memory is in proportion to it (`JSON`).
  ///   - verifies: whether all data are read and compared with the checksum, if there is one.
  /// - Throws: ``ModelError/file(path:reason:)``, ``ModelError/format(where:what:)``; ``ModelError/rnn(_:)`` where memory is
  ///   lacking.
  public init(
    _ path: String, headerLimit: Int = Safetensors.headerLimit, verifies: Bool = true
  ) throws(ModelError) {
    let file = try InputFile(path)
    guard file.size >= 8 else {
      throw .format(
        where: path, what: "not a safetensors file: it has \(file.size) bytes, and the header's length alone takes 8")
    }
    var prefix: UInt64 = 0
    try withUnsafeMutableBytes(of: &prefix) { (bytes) throws(ModelError) in try file.read(bytes, at: 0) }
    let size = UInt64(littleEndian: prefix)
    let length = "its first 8 bytes, the length of the header, stand for \(size) bytes"
    guard size <= UInt64(file.size - 8) else {
      throw .format(
        where: path,
        what: "not a safetensors file, or only the beginning of one: \(length), and the whole file has \(file.size)")
    }
    guard size <= UInt64(max(headerLimit, 0)) else {
      throw .format(where: path, what: "not a safetensors file: \(length), and at most \(headerLimit) are allowed")
    }
    let headerSize = Int(size)
    let text = try GrowingBuffer<UInt8>(capacity: headerSize)
    try file.read(UnsafeMutableRawBufferPointer(start: text.pointer, count: headerSize), at: 8)
    text.setCount(headerSize)
    let start = 8 + headerSize
    let header = try text.withElements { (text) throws(ModelError) in
      try SafetensorsHeader(UnsafeRawBufferPointer(text), dataSize: file.size - start, path: path)
    }
    (self.path, self.file, self.start) = (path, file, start)
    (tensors, metadata) = (header.tensors, header.metadata)
    var numbers: [ByteName: Int] = [:]
    for (i, tensor) in header.tensors.enumerated() { numbers[ByteName(tensor.name)] = i }
    self.numbers = numbers
    if verifies { try verify() }
  }

  /// The value of a key in the metadata; nil: there is none.
  public func value(_ key: String) -> String? {
    metadata.first { $0.key.utf8.elementsEqual(key.utf8) }?.value
  }

  /// The tensor of a name; nil: there is none.
  public subscript(name: String) -> Safetensors.Tensor? { numbers[ByteName(name)].map { tensors[$0] } }

  /// Refuses a file that lacks one of these tensors, or has others.
  ///
  /// - Throws: ``ModelError/format(where:what:)``
  public func check(names: [String]) throws(ModelError) {
    var expected: Set<ByteName> = []
    for name in names {
      guard self[name] != nil else {
        throw .format(where: path, what: "the tensor \(ModelError.printable(name)) is missing")
      }
      expected.insert(ByteName(name))
    }
    for tensor in tensors where !expected.contains(ByteName(tensor.name)) {
      throw .format(where: path, what: "the tensor \(ModelError.printable(tensor.name)) is none of the model's")
    }
  }

  // MARK: Numbers

  /// Reads a tensor of F32, F16 or BF16.
  ///
  /// - Parameters:
  ///   - name: the name of the tensor.
  ///   - shape: the one that it must have.
  ///   - out: as many elements as the shape has; row-major.
  /// - Throws: ``ModelError/format(where:what:)`` and ``ModelError/value(name:reason:)`` before anything is written;
  ///   ``ModelError/file(path:reason:)`` where the file cannot be read any more, and some of `out` may have been written.
  public func read(_ name: String, shape: [Int], into out: UnsafeMutableBufferPointer<Float>) throws(ModelError) {
    try read(check(name, shape, out.count, isDouble: false), into: out) { Float(bitPattern: $0) }
  }

  /// The same for a tensor of F64, F32, F16 or BF16.
  public func read(_ name: String, shape: [Int], into out: UnsafeMutableBufferPointer<Double>) throws(ModelError) {
    try read(check(name, shape, out.count, isDouble: true), into: out) { Double(floatBits: $0) }
  }

  /// Reads all tensors of a list into the flat vector of a model. The file must have these tensors in these shapes, and,
  /// unless `allowsOthers`, no others; all of that is checked first.
  ///
  /// - Parameters:
  ///   - parameters: the tensors.
  ///   - prefix: what names have in the file before those of the list.
  ///   - allowsOthers: whether the file may have other tensors.
  ///   - out: `parameters.flatCount` elements.
  /// - Throws: as ``read(_:shape:into:)-(_,_,UnsafeMutableBufferPointer<Float>)``
  public func read(
    _ parameters: ParameterList, prefix: String = "", allowsOthers: Bool = false,
    into out: UnsafeMutableBufferPointer<Float>
  ) throws(ModelError) {
    try check(parameters, prefix, allowsOthers, out.count, isDouble: false)
    for info in parameters.infos {
      let rows = UnsafeMutableBufferPointer(rebasing: out[info.offset..<info.offset + info.elements])
      try read(prefix + info.name, shape: info.shape, into: rows)
    }
  }

  /// The same in double precision.
  public func read(
    _ parameters: ParameterList, prefix: String = "", allowsOthers: Bool = false,
    into out: UnsafeMutableBufferPointer<Double>
  ) throws(ModelError) {
    try check(parameters, prefix, allowsOthers, out.count, isDouble: true)
    for info in parameters.infos {
      let rows = UnsafeMutableBufferPointer(rebasing: out[info.offset..<info.offset + info.elements])
      try read(prefix + info.name, shape: info.shape, into: rows)
    }
  }

  private func check(
    _ parameters: ParameterList, _ prefix: String, _ allowsOthers: Bool, _ count: Int, isDouble: Bool
  ) throws(ModelError) {
    guard count == parameters.flatCount else {
      throw .value(name: "parameters", reason: "has \(count) elements, must have \(parameters.flatCount)")
    }
    if !allowsOthers { try check(names: parameters.infos.map { prefix + $0.name }) }
    for info in parameters.infos {
      _ = try check(prefix + info.name, info.shape, info.elements, isDouble: isDouble)
    }
  }

  private func check(
    _ name: String, _ shape: [Int], _ count: Int, isDouble: Bool
  ) throws(ModelError) -> Safetensors.Tensor {
    guard let tensor = self[name] else {
      throw .format(where: path, what: "the tensor \(ModelError.printable(name)) is missing")
    }
    let subject = "tensor \(ModelError.printable(name))"
    switch tensor.type {
    case .f32, .f16, .bf16: break
    case .f64 where isDouble: break
    default:
      let types = isDouble ? "F64, F32, F16 or BF16" : "F32, F16 or BF16"
      throw .format(where: path, what: "\(subject): is of \(tensor.type.rawValue), must be of \(types)")
    }
    guard tensor.shape == shape else {
      let (has, must) = (Safetensors.write(tensor.shape), Safetensors.write(shape))
      throw .format(where: path, what: "\(subject): has the shape \(has), must have \(must)")
    }
    guard count == tensor.elements else {
      throw .value(name: "the memory for \(subject)", reason: "has \(count) elements, must have \(tensor.elements)")
    }
    return tensor
  }

  /// A tensor of the caller's type straight into its memory, others piece by piece through a little of the stack.
  ///
  /// - Parameter widened: a number of float32, which is given by its bits: what the caller's control word says about
  ///   subnormal numbers has no say here.
  private func read<Scalar: BitwiseCopyable>(
    _ tensor: Safetensors.Tensor, into out: UnsafeMutableBufferPointer<Scalar>, widened: (UInt32) -> Scalar
  ) throws(ModelError) {
    let offset = start + tensor.bytes.lowerBound
    if tensor.type.bits == 8 * MemoryLayout<Scalar>.size {
      return try file.read(UnsafeMutableRawBufferPointer(out), at: offset)
    }
    let size = tensor.type.bits / 8
    let piece = 2048
    try withUnsafeTemporaryAllocation(byteCount: piece * size, alignment: 8) { (bytes) throws(ModelError) in
      for first in stride(from: 0, to: out.count, by: piece) {
        let numbers = min(piece, out.count - first)
        try file.read(UnsafeMutableRawBufferPointer(rebasing: bytes[..<(numbers * size)]), at: offset + first * size)
        for i in 0..<numbers {
          out[first + i] =
            switch tensor.type {
            case .f32: widened(bytes.load(fromByteOffset: 4 * i, as: UInt32.self))
            case .bf16: widened(UInt32(bytes.load(fromByteOffset: 2 * i, as: UInt16.self)) << 16)
            default: widened(Float(halfBits: bytes.load(fromByteOffset: 2 * i, as: UInt16.self)).bitPattern)
            }
        }
      }
    }
  }

  /// Reads a tensor's bytes as they are in the file.
  ///
  /// - Parameters:
  ///   - tensor: one of ``tensors``.
  ///   - out: as many bytes as the tensor has. On an error they may have been written in part.
  /// - Throws: ``ModelError/file(path:reason:)``
  func readBytes(_ tensor: Safetensors.Tensor, into out: UnsafeMutableRawBufferPointer) throws(ModelError) {
    try file.read(out, at: start + tensor.bytes.lowerBound)
  }

  // MARK: Checksum

  private func verify() throws(ModelError) {
    guard let expected = value(Safetensors.checksumKey) else { return }
    let buffer = try GrowingBuffer<UInt8>(capacity: 1 << 18)
    defer { withExtendedLifetime(buffer) {} }
    let found = try Safetensors.checksum(metadata: metadata, tensors: tensors) {
      (number, checksum) throws(ModelError) in
      let bytes = tensors[number].bytes
      for first in stride(from: bytes.lowerBound, to: bytes.upperBound, by: buffer.capacity) {
        let piece = UnsafeMutableRawBufferPointer(
          start: buffer.pointer, count: min(buffer.capacity, bytes.upperBound - first))
        try file.read(piece, at: start + first)
        checksum.add(UnsafeRawBufferPointer(piece))
      }
    }
    guard found == expected else {
      throw .format(
        where: path,
        what: "is damaged: its checksum is \(found), but \(Safetensors.checksumKey) in its metadata says "
          + "\(ModelError.printable(expected)); whoever changes the file must take that key away")
    }
  }
}

extension Float {
  /// A number of IEEE 754's binary16, by its bits. (Swift's Float16 is not there on all machines.)
  init(halfBits bits: UInt16) {
    let sign = UInt32(bits & 0x8000) << 16
    let (exponent, fraction) = (UInt32(bits >> 10 & 0x1f), UInt32(bits & 0x3ff))
    switch exponent {
    case 0x1f: self.init(bitPattern: sign | 0x7f80_0000 | fraction << 13)
    case 0 where fraction == 0: self.init(bitPattern: sign)
    case 0:
      // Subnormal: normal as a float, by its highest bit.
      let shift = UInt32(fraction.leadingZeroBitCount) - 21
      self.init(bitPattern: sign | (113 - shift) << 23 | (fraction << shift & 0x3ff) << 13)
    default: self.init(bitPattern: sign | (exponent + 112) << 23 | fraction << 13)
    }
  }
}

extension Double {
  /// A number of float32, by its bits.
  init(floatBits bits: UInt32) {
    let sign = UInt64(bits & 0x8000_0000) << 32
    let (exponent, fraction) = (UInt64(bits >> 23 & 0xff), UInt64(bits & 0x7f_ffff))
    switch exponent {
    case 0xff: self.init(bitPattern: sign | 0x7ff0_0000_0000_0000 | fraction << 29)
    case 0 where fraction == 0: self.init(bitPattern: sign)
    case 0:
      let shift = UInt64(fraction.leadingZeroBitCount) - 40
      self.init(bitPattern: sign | (897 - shift) << 52 | (fraction << shift & 0x7f_ffff) << 29)
    default: self.init(bitPattern: sign | (exponent + 896) << 52 | fraction << 29)
    }
  }
}
