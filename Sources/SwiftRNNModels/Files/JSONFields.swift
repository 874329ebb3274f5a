// The members of an object that comes from a file, one by one: each must be there, of the right kind and in its range, and
// none may be left over.

/// Takes the members of an object.
struct JSONFields {
  private let object: JSON.Object
  private let place: String
  private var taken: Set<ByteName> = []

  /// - Parameter place: what errors call the object, such as a path.
  init(_ json: JSON, _ place: String) throws(ModelError) {
    guard case .object(let object) = json else { throw .format(where: place, what: "is \(json.kind), not an object") }
    (self.object, self.place) = (object, place)
  }

  /// Nil: there is no such key.
  mutating func optional(_ key: String) -> JSON? {
    taken.insert(ByteName(key))
    return object[key]
  }

  mutating func required(_ key: String) throws(ModelError) -> JSON {
    guard let value = optional(key) else { throw .format(where: place, what: "\(key) is missing") }
    return value
  }

  private func wrong(_ key: String, _ value: JSON, _ expected: String) -> ModelError {
    .format(where: place, what: "\(key) is \(value.kind), must be \(expected)")
  }

  mutating func integer(_ key: String, in range: ClosedRange<Int>) throws(ModelError) -> Int {
    let json = try required(key)
    guard case .integer(let number) = json else { throw wrong(key, json, "a whole number") }
    guard let value = Int(exactly: number), range.contains(value) else {
      throw .format(where: place, what: "\(key) is \(number), must be in \(range.lowerBound)...\(range.upperBound)")
    }
    return value
  }

  /// Nil: there is no such key.
  mutating func optionalInteger(_ key: String, in range: ClosedRange<Int>) throws(ModelError) -> Int? {
    optional(key) == nil ? nil : try integer(key, in: range)
  }

  /// An array of whole numbers. Nil: there is no such key.
  mutating func optionalIntegers(_ key: String, in range: ClosedRange<Int>) throws(ModelError) -> [Int]? {
    if optional(key) == nil { return nil }
    var integers: [Int] = []
    for (index, element) in try array(key).enumerated() {
      let name = "\(key)[\(index)]"
      guard case .integer(let number) = element else { throw wrong(name, element, "a whole number") }
      guard let value = Int(exactly: number), range.contains(value) else {
        throw .format(where: place, what: "\(name) is \(number), must be in \(range.lowerBound)...\(range.upperBound)")
      }
      integers.append(value)
    }
    return integers
  }

  /// A number, with or without a fraction.
  mutating func double(_ key: String) throws(ModelError) -> Double {
    let json = try required(key)
    switch json {
    case .double(let value): return value
    case .integer(let value): return Double(value)
    default: throw wrong(key, json, "a number")
    }
  }

  mutating func bool(_ key: String) throws(ModelError) -> Bool {
    let json = try required(key)
    guard case .bool(let value) = json else { throw wrong(key, json, "true or false") }
    return value
  }

  mutating func string(_ key: String) throws(ModelError) -> String {
    let json = try required(key)
    guard case .string(let value) = json else { throw wrong(key, json, "a string") }
    return value
  }

  /// Nil: there is no such key.
  mutating func optionalString(_ key: String) throws(ModelError) -> String? {
    optional(key) == nil ? nil : try string(key)
  }

  mutating func array(_ key: String) throws(ModelError) -> [JSON] {
    let json = try required(key)
    guard case .array(let elements) = json else { throw wrong(key, json, "an array") }
    return elements
  }

  /// An array of strings.
  mutating func strings(_ key: String) throws(ModelError) -> [String] {
    var strings: [String] = []
    for element in try array(key) {
      guard case .string(let string) = element else { throw wrong("an element of \(key)", element, "a string") }
      strings.append(string)
    }
    return strings
  }

  /// Refuses what nobody has taken.
  func end() throws(ModelError) {
    for member in object.members where !taken.contains(ByteName(member.key)) {
      throw .format(where: place, what: "unknown key \"\(ModelError.printable(member.key))\"")
    }
  }
}
