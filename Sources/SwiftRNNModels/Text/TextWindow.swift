// A part of a text file in memory, which moves on: tokens one after the other, none of them cut where a part ends.

/// Reads the tokens of a file from any token on. To be used by one thread at a time.
final class TextWindow {
  private let file: InputFile
  private let tokenizer: Tokenizer
  /// The window, and room for a token's text behind it.
  private let buffer: GrowingBuffer<UInt8>
  private let capacity: Int
  /// Where in the file the buffer starts.
  @exclusivity(unchecked) private var start = 0
  @exclusivity(unchecked) private var filled = 0
  @exclusivity(unchecked) private var at = 0

  static let smallest = 2 * Tokenizer.lookahead

  /// - Parameter capacity: bytes in memory; at least ``smallest`` are taken.
  /// - Throws: ``ModelError/rnn(_:)`` where memory is lacking
  init(_ file: InputFile, _ tokenizer: Tokenizer, capacity: Int = 1 << 16) throws(ModelError) {
    (self.file, self.tokenizer) = (file, tokenizer)
    self.capacity = max(capacity, Self.smallest)
    buffer = try GrowingBuffer(capacity: self.capacity + Tokenizer.roomForToken)
  }

  /// Where in the file the next piece begins.
  var offset: Int { start + at }

  /// Goes on at the token that begins at `offset`.
  func seek(to offset: Int) {
    if offset >= start && offset <= start + filled {
      at = offset - start
    } else {
      (start, filled, at) = (offset, 0, 0)
    }
  }

  /// The next piece; nil: the file ends here. An error leaves the place where it was.
  ///
  /// - Throws: ``ModelError/file(path:reason:)``
  @inline(__always)
  func next() throws(ModelError) -> Tokenizer.Piece? {
    if filled - at < Tokenizer.lookahead {
      try fill()
      if filled == at { return nil }
    }
    let piece = tokenizer.next(buffer.pointer + at, filled - at, scratch: buffer.pointer + capacity)
    at += piece.length
    return piece
  }

  @inline(never)
  private func fill() throws(ModelError) {
    let more = min(file.size - start - filled, capacity - (filled - at))
    guard more > 0 else { return }
    let rest = filled - at
    buffer.pointer.update(from: buffer.pointer + at, count: rest)
    (start, filled, at) = (start + at, rest, 0)
    try file.read(UnsafeMutableRawBufferPointer(start: buffer.pointer + rest, count: more), at: start + rest)
    filled += more
  }
}

/// A text file whose tokens have numbers: any of them is found without reading what is before.
final class TextFile {
  let file: InputFile
  let vocabulary: Vocabulary
  /// Tokens in all.
  let tokens: Int
  /// Where each token begins whose number is a multiple of `spacing`; none for bytes.
  private let offsets: GrowingBuffer<Int>
  private let spacing: Int

  /// The most places that are kept: half a megabyte of them.
  static let largestIndex = 1 << 16

  /// Reads the file once, but for bytes.
  ///
  /// - Throws: ``ModelError/file(path:reason:)``; ``ModelError/value(name:reason:)`` for a token that the vocabulary does
  ///   not have, if it has no `<unk>`; ``ModelError/rnn(_:)``
  init(_ path: String, _ vocabulary: Vocabulary) throws(ModelError) {
    let file = try InputFile(path)
    (self.file, self.vocabulary) = (file, vocabulary)
    let offsets = try GrowingBuffer<Int>()
    var (tokens, spacing) = (0, 16)
    if vocabulary.kind == .bytes {
      tokens = file.size
    } else {
      let window = try TextWindow(file, vocabulary.tokenizer)
      var begin = 0
      while let piece = try window.next() {
        defer { begin = window.offset }
        guard let token = piece.token else { continue }
        if vocabulary.unknown == nil { _ = try vocabulary.requiredID(of: token, path, begin) }
        if tokens % spacing == 0 {
          if offsets.count == Self.largestIndex {
            // Every second one stays.
            for i in 0..<offsets.count / 2 { offsets[i] = offsets[2 * i] }
            offsets.setCount(offsets.count / 2)
            spacing *= 2
          }
          if tokens % spacing == 0 { try offsets.append(begin) }
        }
        tokens += 1
      }
    }
    (self.tokens, self.offsets, self.spacing) = (tokens, offsets, spacing)
  }

  /// Makes a token of ``tokens`` the next one of a window.
  func place(_ window: TextWindow, at token: Int) throws(ModelError) {
    guard vocabulary.kind != .bytes else { return window.seek(to: token) }
    window.seek(to: offsets[token / spacing])
    for _ in 0..<token % spacing { _ = try next(window) }
  }

  /// The id of a window's next token.
  @inline(__always)
  func next(_ window: TextWindow) throws(ModelError) -> Int {
    while true {
      let begin = window.offset
      guard let piece = try window.next() else {
        throw .file(path: file.path, reason: "has changed: fewer tokens than when it was opened")
      }
      if let token = piece.token { return try vocabulary.requiredID(of: token, file.path, begin) }
    }
  }
}
