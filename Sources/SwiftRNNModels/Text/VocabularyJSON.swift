// A vocabulary as JSON, for the metadata of a model's file, and back from what may come from anyone.

extension Vocabulary {
  /// `{"kind": "words", "lowercase": true, "specials": ["<unk>"], "tokens": ["the", ...]}`, tokens in the order of their
  /// ids behind the special ones. Only words have `lowercase`; bytes have no `tokens`.
  public var json: JSON {
    var object = JSON.Object()
    object.append("kind", .string(kind.rawValue))
    if kind == .words { object.append("lowercase", .bool(isLowercase)) }
    object.append("specials", .array(specials.ownNames.map { .string($0) }))
    if kind != .bytes {
      object.append(
        "tokens", .array((0..<table.count).map { .string(String(decoding: table[$0], as: UTF8.self)) }))
    }
    return .object(object)
  }

  /// Reads what ``json`` gives. Refused are unknown keys, special tokens in another order, tokens that are there twice,
  /// tokens that no text can have, and more than ``largestSize`` of them.
  ///
  /// - Parameters:
  ///   - json: the object.
  ///   - name: what errors call it, such as a path.
  /// - Throws: ``ModelError/format(where:what:)``; ``ModelError/rnn(_:)`` where memory is lacking
  public init(_ json: JSON, name: String = "the vocabulary") throws(ModelError) {
    var fields = try JSONFields(json, name)
    let word = try fields.string("kind")
    guard let kind = Kind(rawValue: word) else {
      throw .format(where: name, what: "unknown kind \"\(ModelError.printable(word))\"")
    }
    let isLowercase = kind == .words ? try fields.bool("lowercase") : false
    let names = try fields.strings("specials")
    var specials: Specials = []
    for special in names {
      guard let number = Specials.names.firstIndex(of: special) else {
        throw .format(where: name, what: "unknown special token \"\(ModelError.printable(special))\"")
      }
      specials.insert(Specials(rawValue: 1 << number))
    }
    guard specials.ownNames == names else {
      throw .format(
        where: name, what: "special tokens must be there once, in the order \(Specials.names.joined(separator: " "))")
    }
    let tokens = kind == .bytes ? [] : try fields.strings("tokens")
    try fields.end()
    guard tokens.count <= Self.largestSize - specials.count else {
      throw .format(where: name, what: "has \(tokens.count) tokens, must have at most \(Self.largestSize)")
    }
    let tokenizer = Tokenizer(kind: kind, isLowercase: isLowercase)
    let table = try TokenTable()
    for (i, token) in tokens.enumerated() {
      try Array(token.utf8).withUnsafeBufferPointer { (bytes) throws(ModelError) in
        guard tokenizer.isToken(bytes) else {
          let written = ModelError.printable(token)
          throw .format(where: name, what: "tokens[\(i)] is \"\(written)\", which is no token of \(kind.rawValue)")
        }
        guard try table.add(bytes).isNew else {
          throw .format(where: name, what: "tokens[\(i)], \"\(ModelError.printable(token))\", is there twice")
        }
      }
    }
    self.init(tokenizer, specials, table)
  }
}

extension Tokenizer {
  /// Whether a text is one token, and of the same bytes as that.
  func isToken(_ bytes: UnsafeBufferPointer<UInt8>) -> Bool {
    guard let text = bytes.baseAddress, !bytes.isEmpty else { return false }
    return withUnsafeTemporaryAllocation(of: UInt8.self, capacity: Self.roomForToken) { room in
      guard let scratch = room.baseAddress else { return false }
      let piece = next(text, bytes.count, scratch: scratch)
      guard piece.length == bytes.count, let token = piece.token else { return false }
      return token.elementsEqual(bytes)
    }
  }
}
