// Where tokens begin and end. Whether a byte begins one depends on the bytes from the token before on, and on few of
// them, so that a text can be read from any token on, in pieces.

/// Cuts a text into tokens.
///
/// - `bytes`: each byte is one.
/// - `characters`: each Unicode scalar is one. (Scalars, not grapheme clusters: those change with the version of Unicode,
///   and may be of any length.)
/// - `words`: white space (the property White_Space) separates tokens and is none. Letters, marks and numbers (general
///   categories L, M and N) side by side are a word; every other scalar, punctuation above all, is a token of its own. A
///   word whose text would have more than 1024 bytes is cut before the scalar that is too many, and what follows is the
///   next word. With `isLowercase` each scalar of a word is replaced by its lower case (Unicode's full mapping, without
///   regard to neighbours or language).
/// - `whitespace`: white space separates tokens and is none; all else side by side is one token, cut as a long word is.
/// - `lines`: line feeds and carriage returns separate tokens and are none; all else side by side is one token, cut as a
///   long word is.
///
/// Bytes that are no UTF-8 count as U+FFFD, once for each ill-formed sequence, but in `bytes`.
struct Tokenizer: Sendable, Equatable {
  let kind: Vocabulary.Kind
  let isLowercase: Bool

  /// The most bytes of a word's text.
  static let longestWord = 1024
  /// Bytes that must be there from a token's beginning on, unless the text ends before: a scalar of three bytes may be one
  /// of one byte in lower case, and one scalar behind the word is looked at.
  static let lookahead = 4 * longestWord
  /// Room for a token's text: that, and a scalar in lower case.
  static let roomForToken = longestWord + 64

  /// What comes next in a text.
  struct Piece {
    /// Bytes up to its end, 1 or more.
    let length: Int
    /// The token, until the text or the scratch memory changes; nil: white space.
    let token: UnsafeBufferPointer<UInt8>?
  }

  private static let replacement: StaticString = "\u{fffd}"

  /// Reads a piece at the beginning of `text`.
  ///
  /// - Parameters:
  ///   - count: how many bytes there are, 1 or more: ``lookahead``, or all up to the text's end.
  ///   - scratch: ``roomForToken`` bytes.
  @inline(__always)
  func next(_ text: UnsafePointer<UInt8>, _ count: Int, scratch: UnsafeMutablePointer<UInt8>) -> Piece {
    switch kind {
    case .bytes: Piece(length: 1, token: UnsafeBufferPointer(start: text, count: 1))
    case .characters:
      if text[0] < 0x80 {
        Piece(length: 1, token: UnsafeBufferPointer(start: text, count: 1))
      } else {
        Self.scalar(text, UTF8Scalar(text, count))
      }
    case .words: word(text, count, scratch)
    case .whitespace: run(text, count, scratch) { Self.group($0) == .space }
    case .lines: run(text, count, scratch) { $0.value == 0x0a || $0.value == 0x0d }
    }
  }

  private static func scalar(_ text: UnsafePointer<UInt8>, _ scalar: UTF8Scalar) -> Piece {
    let token =
      scalar.isWellFormed
      ? UnsafeBufferPointer(start: text, count: scalar.length)
      : UnsafeBufferPointer(start: replacement.utf8Start, count: replacement.utf8CodeUnitCount)
    return Piece(length: scalar.length, token: token)
  }

  @inline(never)
  private func word(_ text: UnsafePointer<UInt8>, _ count: Int, _ scratch: UnsafeMutablePointer<UInt8>) -> Piece {
    var end = 0
    while end < count {
      let scalar = UTF8Scalar(text + end, count - end)
      guard Self.group(scalar) == .space else { break }
      end += scalar.length
    }
    if end > 0 { return Piece(length: end, token: nil) }
    var used = 0
    while end < count {
      let scalar = UTF8Scalar(text + end, count - end)
      guard Self.group(scalar) == .word else { break }
      if isLowercase {
        let size = Self.writeLowercase(scalar, text + end, scratch + used)
        guard used + size <= Self.longestWord else { break }
        used += size
      } else {
        guard end + scalar.length <= Self.longestWord else { break }
      }
      end += scalar.length
    }
    if end == 0 { return Self.scalar(text, UTF8Scalar(text, count)) }
    let token =
      isLowercase
      ? UnsafeBufferPointer(start: UnsafePointer(scratch), count: used) : UnsafeBufferPointer(start: text, count: end)
    return Piece(length: end, token: token)
  }

  /// Scalars up to a separator, or separators up to what is none.
  @inline(__always)
  private func run(
    _ text: UnsafePointer<UInt8>, _ count: Int, _ scratch: UnsafeMutablePointer<UInt8>,
    _ separates: (UTF8Scalar) -> Bool
  ) -> Piece {
    var (end, used) = (0, 0)
    let isToken = !separates(UTF8Scalar(text, count))
    while end < count {
      let scalar = UTF8Scalar(text + end, count - end)
      guard separates(scalar) != isToken else { break }
      if isToken {
        guard let bytes = Self.scalar(text + end, scalar).token, let from = bytes.baseAddress,
          used + bytes.count <= Self.longestWord
        else { break }
        (scratch + used).update(from: from, count: bytes.count)
        used += bytes.count
      } else if end >= Self.longestWord {
        break
      }
      end += scalar.length
    }
    return Piece(length: end, token: isToken ? UnsafeBufferPointer(start: UnsafePointer(scratch), count: used) : nil)
  }

  private enum Group {
    case space
    case word
    case other
  }

  @inline(__always)
  private static func group(_ scalar: UTF8Scalar) -> Group {
    let value = scalar.value
    guard value < 0x80 else { return longGroup(value) }
    if value | 0x20 >= 0x61 && value | 0x20 <= 0x7a || value >= 0x30 && value <= 0x39 { return .word }
    return value == 0x20 || value >= 0x09 && value <= 0x0d ? .space : .other
  }

  @inline(never)
  private static func longGroup(_ value: UInt32) -> Group {
    guard let scalar = Unicode.Scalar(value) else { return .other }
    switch scalar.properties.generalCategory {
    case .uppercaseLetter, .lowercaseLetter, .titlecaseLetter, .modifierLetter, .otherLetter, .nonspacingMark,
      .spacingMark, .enclosingMark, .decimalNumber, .letterNumber, .otherNumber:
      return .word
    default: return scalar.properties.isWhitespace ? .space : .other
    }
  }

  /// Writes a scalar's lower case. Returns its bytes; Unicode has none of more than three scalars.
  @inline(__always)
  private static func writeLowercase(
    _ scalar: UTF8Scalar, _ text: UnsafePointer<UInt8>, _ out: UnsafeMutablePointer<UInt8>
  ) -> Int {
    guard scalar.value >= 0x80 else {
      out[0] = text[0] >= 0x41 && text[0] <= 0x5a ? text[0] | 0x20 : text[0]
      return 1
    }
    guard let unicode = Unicode.Scalar(scalar.value) else { return 0 }
    var size = 0
    for byte in unicode.properties.lowercaseMapping.utf8.prefix(16) {
      out[size] = byte
      size += 1
    }
    return size
  }
}
