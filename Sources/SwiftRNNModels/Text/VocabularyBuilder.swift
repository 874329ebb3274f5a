// Vocabularies from texts: how often each token is there, in a text or in a file that is larger than memory.

/// Counts the tokens of texts, and makes a vocabulary of them. To be used by one thread at a time.
///
/// Its memory is in proportion to the tokens that differ.
public final class VocabularyBuilder {
  private let tokenizer: Tokenizer
  private let table: TokenTable
  private let counts: GrowingBuffer<Int>

  /// - Parameters:
  ///   - kind: how texts are split into tokens.
  ///   - isLowercase: whether words are put into lower case; of no meaning for other kinds.
  /// - Throws: ``ModelError/rnn(_:)`` where memory is lacking
  public init(_ kind: Vocabulary.Kind, isLowercase: Bool = false) throws(ModelError) {
    tokenizer = Tokenizer(kind: kind, isLowercase: kind == .words && isLowercase)
    table = try TokenTable()
    counts = try GrowingBuffer()
  }

  /// Counts the tokens of a text. No token begins in one text and ends in the next.
  ///
  /// - Throws: ``ModelError/rnn(_:)`` where memory is lacking
  public func add(_ text: String) throws(ModelError) {
    try Array(text.utf8).withUnsafeBufferPointer { (bytes) throws(ModelError) in try add(bytes) }
  }

  /// The same for bytes that may be anything.
  public func add(_ bytes: UnsafeBufferPointer<UInt8>) throws(ModelError) {
    guard tokenizer.kind != .bytes, let text = bytes.baseAddress else { return }
    try withUnsafeTemporaryAllocation(of: UInt8.self, capacity: Tokenizer.roomForToken) { (room) throws(ModelError) in
      guard let scratch = room.baseAddress else { return }
      var at = 0
      while at < bytes.count {
        let piece = tokenizer.next(text + at, bytes.count - at, scratch: scratch)
        if let token = piece.token { try count(token) }
        at += piece.length
      }
    }
  }

  /// Counts the tokens of a file, which is read piece by piece.
  ///
  /// - Throws: ``ModelError/file(path:reason:)``, ``ModelError/rnn(_:)``; some of the file may have been counted.
  public func add(file path: String) throws(ModelError) {
    let file = try InputFile(path)
    guard tokenizer.kind != .bytes else { return }
    let window = try TextWindow(file, tokenizer)
    while let piece = try window.next() {
      if let token = piece.token { try count(token) }
    }
  }

  private func count(_ token: UnsafeBufferPointer<UInt8>) throws(ModelError) {
    try counts.reserve(1)
    let (number, isNew) = try table.add(token)
    if isNew {
      try counts.append(1)
    } else {
      counts[number] += 1
    }
  }

  /// A vocabulary of the tokens that were counted: the most frequent first, and of those that are as frequent, in the order
  /// of their code points. Counting goes on behind it.
  ///
  /// - Parameters:
  ///   - specials: which special tokens it has.
  ///   - minimumCount: how often a token must have been there, 0 or more.
  ///   - maximumSize: how many ids it may have, special tokens included; nil: ``Vocabulary/largestSize``. Of no meaning
  ///     for bytes, which are always 256.
  /// - Throws: ``ModelError/value(name:reason:)`` for numbers that make no sense; ``ModelError/rnn(_:)`` where memory is
  ///   lacking
  public func build(
    specials: Vocabulary.Specials = .unknown, minimumCount: Int = 1, maximumSize: Int? = nil
  ) throws(ModelError) -> Vocabulary {
    guard minimumCount >= 0 else {
      throw .value(name: "minimumCount", reason: "is \(minimumCount), must be 0 or more")
    }
    let own = specials.intersection(.all)
    let size = maximumSize ?? Vocabulary.largestSize
    guard size >= own.count, size <= Vocabulary.largestSize else {
      throw .value(name: "maximumSize", reason: "is \(size), must be in \(own.count)...\(Vocabulary.largestSize)")
    }
    let order = try GrowingBuffer<Int>()
    for number in 0..<table.count where counts[number] >= minimumCount { try order.append(number) }
    var numbers = UnsafeMutableBufferPointer(start: order.pointer, count: order.count)
    // In place: no memory of the runtime's own.
    numbers.sort {
      counts[$0] != counts[$1] ? counts[$0] > counts[$1] : table[$0].lexicographicallyPrecedes(table[$1])
    }
    let kept = try TokenTable()
    for number in numbers.prefix(size - own.count) { _ = try kept.add(table[number]) }
    return withExtendedLifetime(order) { Vocabulary(tokenizer, own, kept) }
  }
}

extension Vocabulary {
  /// A vocabulary of the tokens of texts: ``VocabularyBuilder`` for them all.
  ///
  /// Words: white space (Unicode's property White_Space) separates tokens and is none. Letters, marks and numbers (general
  /// categories L, M, N) side by side are a word; every other scalar, punctuation above all, is a token of its own: `don't`
  /// is three. A word of more than 1024 bytes is cut there. Lower case is Unicode's full mapping of each scalar by itself.
  ///
  /// Bytes that are no UTF-8 count as U+FFFD, once for each ill-formed sequence, but in the kind `bytes`.
  ///
  /// - Throws: as ``VocabularyBuilder/build(specials:minimumCount:maximumSize:)``
  public init(
    _ kind: Kind, texts: [String] = [], specials: Specials = .unknown, isLowercase: Bool = false,
    minimumCount: Int = 1, maximumSize: Int? = nil
  ) throws(ModelError) {
    let builder = try VocabularyBuilder(kind, isLowercase: isLowercase)
    for text in texts { try builder.add(text) }
    self = try builder.build(specials: specials, minimumCount: minimumCount, maximumSize: maximumSize)
  }
}
