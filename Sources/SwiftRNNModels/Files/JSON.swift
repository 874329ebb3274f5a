// JSON (RFC 8259, 2017) as a value: what JSONParser.swift makes of bytes, and JSONWriter.swift makes bytes of.

/// A value of JSON.
///
/// Numbers without fraction and exponent are integers, and exact; all others are doubles. Equality of objects is that of
/// their members, in order.
public enum JSON: Sendable, Equatable {
  case null
  case bool(Bool)
  case integer(Int64)
  case double(Double)
  case string(String)
  case array([JSON])
  case object(Object)

  /// Default limit on the nesting of objects and arrays.
  public static let depthLimit = 64

  /// The members of an object, in order, each key once. Keys are compared byte by byte.
  public struct Object: Sendable, Equatable {
    /// A key and its value.
    public struct Member: Sendable, Equatable {
      public let key: String
      public internal(set) var value: JSON
    }

    public private(set) var members: [Member] = []
    /// Where each key is; only of objects with more members than are compared in no time.
    private var numbers: [ByteName: Int] = [:]
    private static let comparable = 8

    public init() {}

    public var count: Int { members.count }

    public static func == (a: Object, b: Object) -> Bool { a.members == b.members }

    func number(of key: String) -> Int? {
      if members.count > Self.comparable { return numbers[ByteName(key)] }
      return members.firstIndex { $0.key.utf8.elementsEqual(key.utf8) }
    }

    /// The value of a key. Setting one that is there keeps its place, a new one comes last, and nil takes it away.
    public subscript(key: String) -> JSON? {
      get { number(of: key).map { members[$0].value } }
      set {
        switch (number(of: key), newValue) {
        case (let number?, let value?): members[number].value = value
        case (nil, let value?): append(key, value)
        case (let number?, nil):
          members.remove(at: number)
          numbers = [:]
          if members.count > Self.comparable { index(from: 0) }
        case (nil, nil): break
        }
      }
    }

    /// Adds a key that is not there.
    mutating func append(_ key: String, _ value: JSON) {
      members.append(Member(key: key, value: value))
      if members.count == Self.comparable + 1 {
        index(from: 0)
      } else if members.count > Self.comparable {
        index(from: members.count - 1)
      }
    }

    private mutating func index(from first: Int) {
      for i in first..<members.count { numbers[ByteName(members[i].key)] = i }
    }
  }

  /// The value of a member; nil: this is no object, or has no such key.
  public subscript(key: String) -> JSON? {
    if case .object(let object) = self { return object[key] }
    return nil
  }

  /// Name of the kind, for messages.
  var kind: String {
    switch self {
    case .null: "null"
    case .bool: "true or false"
    case .integer: "a whole number"
    case .double: "a number with a fraction or exponent"
    case .string: "a string"
    case .array: "an array"
    case .object: "an object"
    }
  }
}

extension JSON: ExpressibleByNilLiteral, ExpressibleByBooleanLiteral, ExpressibleByIntegerLiteral,
  ExpressibleByFloatLiteral, ExpressibleByStringLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
  public init(nilLiteral: ()) { self = .null }
  public init(booleanLiteral value: Bool) { self = .bool(value) }
  public init(integerLiteral value: Int64) { self = .integer(value) }
  public init(floatLiteral value: Double) { self = .double(value) }
  public init(stringLiteral value: String) { self = .string(value) }
  public init(arrayLiteral elements: JSON...) { self = .array(elements) }
  /// Keeps the last value of a key that is there twice.
  public init(dictionaryLiteral elements: (String, JSON)...) {
    var object = Object()
    for (key, value) in elements { object[key] = value }
    self = .object(object)
  }
}
