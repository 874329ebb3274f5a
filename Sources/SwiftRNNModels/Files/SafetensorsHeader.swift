// The header of a file of safetensors that may come from anyone.

/// What a header says, checked.
struct SafetensorsHeader {
  /// In the order of their data.
  let tensors: [Safetensors.Tensor]
  /// In the order of the file.
  let metadata: [(key: String, value: String)]

  /// - Parameters:
  ///   - text: the header.
  ///   - dataSize: bytes behind it; all of them must belong to a tensor.
  ///   - path: for errors.
  /// - Throws: ``ModelError/format(where:what:)``
  init(_ text: UnsafeRawBufferPointer, dataSize: Int, path: String) throws(ModelError) {
    // The header's object, a tensor in that, the tensor's shape in that.
    let json = try JSON(parsing: text, name: path + ": header", depth: 3)
    guard case .object(let members) = json else {
      throw .format(where: path, what: "the header is \(json.kind), not an object")
    }
    var tensors: [Safetensors.Tensor] = []
    var metadata: [(key: String, value: String)] = []
    for member in members.members {
      if member.key.utf8.elementsEqual("__metadata__".utf8) {
        metadata = try Self.metadata(member.value, path)
      } else {
        tensors.append(try Self.tensor(member.key, member.value, path))
      }
    }
    // Empty tensors come before what has data at the same place.
    tensors.sort { ($0.bytes.lowerBound, $0.bytes.upperBound) < ($1.bytes.lowerBound, $1.bytes.upperBound) }
    var end = 0
    for tensor in tensors {
      guard tensor.bytes.lowerBound == end else {
        let problem = tensor.bytes.lowerBound < end ? "overlaps another's" : "leaves a hole"
        throw Self.fail(
          tensor.name, path,
          "its data \(problem): it begins at \(tensor.bytes.lowerBound), the data before ends at \(end)")
      }
      end = tensor.bytes.upperBound
    }
    guard end <= dataSize else { throw .format(where: path, what: "the file ends \(end - dataSize) bytes early") }
    guard end == dataSize else {
      throw .format(where: path, what: "\(dataSize - end) bytes behind the last tensor")
    }
    (self.tensors, self.metadata) = (tensors, metadata)
  }

  private static func fail(_ tensor: String, _ path: String, _ what: String) -> ModelError {
    .format(where: path, what: "tensor \(ModelError.printable(tensor)): \(what)")
  }

  /// A zero character would end the string in C, and a name be another one there.
  private static func checkZero(_ text: String, _ path: String) throws(ModelError) {
    guard !text.utf8.contains(0) else {
      throw .format(where: path, what: "a zero character in \"\(ModelError.printable(text))\"")
    }
  }

  /// {"name": "value", ...}
  private static func metadata(_ json: JSON, _ path: String) throws(ModelError) -> [(key: String, value: String)] {
    guard case .object(let object) = json else {
      throw .format(where: path, what: "__metadata__ is \(json.kind), not an object")
    }
    var metadata: [(key: String, value: String)] = []
    for member in object.members {
      guard case .string(let value) = member.value else {
        throw .format(
          where: path, what: "\(ModelError.printable(member.key)) in the metadata is \(member.value.kind), not a string"
        )
      }
      try checkZero(member.key, path)
      try checkZero(value, path)
      metadata.append((member.key, value))
    }
    return metadata
  }

  /// {"dtype": "F32", "shape": [...], "data_offsets": [begin, end]}, in any order.
  private static func tensor(_ name: String, _ json: JSON, _ path: String) throws(ModelError) -> Safetensors.Tensor {
    try checkZero(name, path)
    var fields = try JSONFields(json, "\(path): tensor \(ModelError.printable(name))")
    let word = try fields.string("dtype")
    guard let type = Safetensors.ElementType(rawValue: word) else {
      throw fail(name, path, "unknown dtype \(ModelError.printable(word))")
    }
    let shape = try numbers(fields.array("shape"), "shape", name, path)
    let offsets = try numbers(fields.array("data_offsets"), "data_offsets", name, path)
    try fields.end()
    guard offsets.count == 2 else {
      throw fail(name, path, "data_offsets has \(offsets.count) numbers, must have 2")
    }
    guard let size = type.bytes(of: shape) else {
      throw fail(name, path, "its size is no whole number of bytes, or too large")
    }
    // Both are 0 or more: their difference cannot overflow.
    guard offsets[1] - offsets[0] == size else {
      throw fail(
        name, path, "data_offsets are [\(offsets[0]), \(offsets[1])], but dtype and shape make \(size) bytes")
    }
    return Safetensors.Tensor(name: name, type: type, shape: shape, bytes: offsets[0]..<offsets[1])
  }

  private static func numbers(
    _ elements: [JSON], _ key: String, _ tensor: String, _ path: String
  ) throws(ModelError) -> [Int] {
    var numbers: [Int] = []
    numbers.reserveCapacity(elements.count)
    for element in elements {
      guard case .integer(let value) = element, let number = Int(exactly: value), number >= 0 else {
        throw fail(tensor, path, "\(key) has what is no whole number of 0 or more")
      }
      numbers.append(number)
    }
    return numbers
  }
}
