// Texts to ids and back.

extension Vocabulary {
  /// The ids of a text.
  ///
  /// - Parameters:
  ///   - text: the text.
  ///   - framed: whether `<bos>` comes before and `<eos>` behind, as far as the vocabulary has them.
  /// - Throws: ``ModelError/value(name:reason:)`` for a token that the vocabulary does not have, if it has no `<unk>`.
  public func encode(_ text: String, framed: Bool = false) throws(ModelError) -> [Int] {
    try encode(Array(text.utf8), framed: framed)
  }

  /// The same for bytes that may be anything.
  public func encode(_ bytes: [UInt8], framed: Bool = false) throws(ModelError) -> [Int] {
    try bytes.withUnsafeBufferPointer { (bytes) throws(ModelError) in
      var ids: [Int] = []
      if framed, let beginning { ids.append(beginning) }
      try forEachID(in: bytes) { ids.append($0) }
      if framed, let end { ids.append(end) }
      return ids
    }
  }

  /// How many ids a text has. Allocates nothing that depends on the text.
  ///
  /// - Throws: as ``encode(_:framed:)-(String,_)``
  public func count(_ bytes: UnsafeBufferPointer<UInt8>) throws(ModelError) -> Int {
    var count = 0
    try forEachID(in: bytes) { _ in count += 1 }
    return count
  }

  /// Writes the ids of a text. Allocates nothing that depends on the text.
  ///
  /// - Parameters:
  ///   - bytes: the text in UTF-8.
  ///   - framed: as for ``encode(_:framed:)-(String,_)``
  ///   - ids: receives the first ids, as many as it has elements.
  /// - Returns: how many ids the text has.
  /// - Throws: as ``encode(_:framed:)-(String,_)``; some ids may have been written.
  public func encode(
    _ bytes: UnsafeBufferPointer<UInt8>, framed: Bool = false, prefix ids: UnsafeMutableBufferPointer<Int>
  ) throws(ModelError) -> Int {
    var count = 0
    func write(_ id: Int) {
      if count < ids.count { ids[count] = id }
      count += 1
    }
    if framed, let beginning { write(beginning) }
    try forEachID(in: bytes) { write($0) }
    if framed, let end { write(end) }
    return count
  }

  @inline(__always)
  private func forEachID(in bytes: UnsafeBufferPointer<UInt8>, _ body: (Int) -> Void) throws(ModelError) {
    guard let text = bytes.baseAddress else { return }
    try withUnsafeTemporaryAllocation(of: UInt8.self, capacity: Tokenizer.roomForToken) { (room) throws(ModelError) in
      guard let scratch = room.baseAddress else { return }
      let tokenizer = tokenizer
      var at = 0
      while at < bytes.count {
        let piece = tokenizer.next(text + at, bytes.count - at, scratch: scratch)
        if let token = piece.token { body(try requiredID(of: token, "the text", at)) }
        at += piece.length
      }
    }
  }

  /// The id of a token, that of `<unk>` if need be.
  @inline(__always)
  func requiredID(
    of token: UnsafeBufferPointer<UInt8>, _ text: @autoclosure () -> String, _ offset: @autoclosure () -> Int
  ) throws(ModelError) -> Int {
    if let id = id(of: token) { return id }
    if let unknown { return unknown }
    let written = ModelError.printable(String(decoding: token, as: UTF8.self))
    throw .value(
      name: text(),
      reason: "has \"\(written)\" at byte \(offset()), which the vocabulary lacks, and it has no <unk>")
  }

  /// The text of ids: of bytes, exactly those that were encoded; of characters, the text; of words, the tokens with one
  /// space between them, of lines with a line feed, which has the same ids again.
  ///
  /// - Parameters:
  ///   - ids: each in `0..<size`.
  ///   - writesSpecials: whether special tokens are written, by their names; else they are left out.
  /// - Throws: ``ModelError/value(name:reason:)``
  public func decode(_ ids: [Int], writesSpecials: Bool = false) throws(ModelError) -> [UInt8] {
    var bytes: [UInt8] = []
    try ids.withUnsafeBufferPointer { (ids) throws(ModelError) in
      try forEachByte(of: ids, writesSpecials) { bytes.append($0) }
    }
    return bytes
  }

  /// Writes the text of ids. Allocates nothing that depends on their number.
  ///
  /// - Parameters:
  ///   - ids: ids of this vocabulary.
  ///   - writesSpecials: whether special tokens are written by their names.
  ///   - bytes: receives the first bytes, as many as it has elements.
  /// - Returns: how many bytes the text has.
  /// - Throws: as ``decode(_:writesSpecials:)``; nothing has been written then.
  public func decode(
    _ ids: UnsafeBufferPointer<Int>, writesSpecials: Bool = false, prefix bytes: UnsafeMutableBufferPointer<UInt8>
  ) throws(ModelError) -> Int {
    var count = 0
    try forEachByte(of: ids, writesSpecials) {
      if count < bytes.count { bytes[count] = $0 }
      count += 1
    }
    return count
  }

  @inline(__always)
  private func forEachByte(
    of ids: UnsafeBufferPointer<Int>, _ writesSpecials: Bool, _ body: (UInt8) -> Void
  ) throws(ModelError) {
    // Before anything is written.
    for (i, id) in ids.enumerated() where id < 0 || id >= size {
      throw .value(name: "ids[\(i)]", reason: "is \(id), must be in 0..<\(size)")
    }
    let names = specials.ownNames
    var isFirst = true
    for id in ids {
      let number = id - names.count
      if number < 0 && !writesSpecials { continue }
      if let separator = kind.separator, !isFirst { body(separator) }
      isFirst = false
      if number < 0 {
        for byte in names[id].utf8 { body(byte) }
      } else if kind == .bytes {
        body(UInt8(truncatingIfNeeded: number))
      } else {
        for byte in table[number] { body(byte) }
      }
    }
  }

  /// The same as a string; of bytes that are no UTF-8, with U+FFFD for what is ill-formed.
  public func decodeText(_ ids: [Int], writesSpecials: Bool = false) throws(ModelError) -> String {
    String(decoding: try decode(ids, writesSpecials: writesSpecials), as: UTF8.self)
  }
}
