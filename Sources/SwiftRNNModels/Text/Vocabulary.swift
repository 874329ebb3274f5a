// What a model's numbers of tokens mean: ids for texts, and texts for ids.

/// Tokens and their ids.
///
/// Ids are numbers from 0 on: first the special tokens that there are, in the order `<pad> <unk> <bos> <eos>`; then those of
/// texts. A text never gives special tokens by having their names in it: `<pad>` is three tokens in words.
public struct Vocabulary: Sendable {
  /// What a token is.
  public enum Kind: String, Sendable, CaseIterable {
    /// A byte: 256 tokens, whatever the text. Decoding gives exactly the bytes that were encoded, be they UTF-8 or not.
    case bytes
    /// A Unicode scalar (not a grapheme cluster). Decoding gives the text.
    case characters
    /// A word, or a scalar that belongs to none, such as punctuation: see ``init(_:texts:specials:isLowercase:minimumCount:maximumSize:)``.
    /// Decoding gives the tokens with one space between them.
    case words
    /// Anything between white space: for texts that are cut into tokens already, tags and phonemes. Decoding gives the
    /// tokens with one space between them.
    case whitespace
    /// A line: for labels, which may be of several words. Empty lines are no tokens. Decoding gives the tokens with a line
    /// feed between them.
    case lines

    /// Written between tokens when they are decoded; nil: nothing is.
    var separator: UInt8? {
      switch self {
      case .bytes, .characters: nil
      case .words, .whitespace: UInt8(ascii: " ")
      case .lines: UInt8(ascii: "\n")
      }
    }
  }

  /// Tokens that are not text.
  public struct Specials: OptionSet, Sendable, Hashable {
    public let rawValue: Int
    public init(rawValue: Int) { self.rawValue = rawValue }
    /// `<pad>`: fills what is shorter than others.
    public static let padding = Specials(rawValue: 1)
    /// `<unk>`: stands for tokens that the vocabulary does not have.
    public static let unknown = Specials(rawValue: 2)
    /// `<bos>`: before a text.
    public static let beginning = Specials(rawValue: 4)
    /// `<eos>`: behind a text.
    public static let end = Specials(rawValue: 8)
    public static let all: Specials = [.padding, .unknown, .beginning, .end]

    static let names = ["<pad>", "<unk>", "<bos>", "<eos>"]

    var count: Int { (rawValue & 15).nonzeroBitCount }

    /// The id of one special token; nil: is not there.
    func id(of special: Specials) -> Int? {
      contains(special) ? (rawValue & (special.rawValue - 1)).nonzeroBitCount : nil
    }

    /// The names of those that are there, in the order of their ids.
    var ownNames: [String] { Self.names.indices.filter { rawValue >> $0 & 1 == 1 }.map { Self.names[$0] } }
  }

  /// The most ids, special tokens included.
  public static let largestSize = 1 << 24

  public let kind: Kind
  public let specials: Specials
  /// Whether words are in lower case; false for other kinds.
  public let isLowercase: Bool
  /// Ids in all: those of `0..<size`.
  public let size: Int
  private let tokens: FrozenTokens

  /// Not changed once it is in a vocabulary.
  private final class FrozenTokens: @unchecked Sendable {
    let table: TokenTable
    init(_ table: TokenTable) { self.table = table }
  }

  /// - Parameter table: in the order of ids; none for bytes. Nobody changes it from here on.
  init(_ tokenizer: Tokenizer, _ specials: Specials, _ table: TokenTable) {
    (kind, isLowercase) = (tokenizer.kind, tokenizer.isLowercase)
    self.specials = specials.intersection(.all)
    tokens = FrozenTokens(table)
    size = self.specials.count + (tokenizer.kind == .bytes ? 256 : table.count)
  }

  var tokenizer: Tokenizer { Tokenizer(kind: kind, isLowercase: isLowercase) }
  var table: TokenTable { tokens.table }

  public var padding: Int? { specials.id(of: .padding) }
  public var unknown: Int? { specials.id(of: .unknown) }
  public var beginning: Int? { specials.id(of: .beginning) }
  public var end: Int? { specials.id(of: .end) }

  /// The id of a token of texts; nil: the vocabulary does not have it.
  @inline(__always)
  func id(of token: UnsafeBufferPointer<UInt8>) -> Int? {
    if kind == .bytes { return specials.count + Int(token[0]) }
    return table.number(of: token).map { $0 + specials.count }
  }

  /// The id of a token by its text, or of a special one by its name; nil: the vocabulary does not have it.
  public func id(of token: String) -> Int? {
    if let special = Specials.names.firstIndex(of: token) { return specials.id(of: Specials(rawValue: 1 << special)) }
    let bytes = Array(token.utf8)
    return bytes.withUnsafeBufferPointer { kind != .bytes || $0.count == 1 ? id(of: $0) : nil }
  }

  /// The bytes of a token, or the name of a special one; nil: no id.
  public func token(_ id: Int) -> [UInt8]? {
    guard id >= 0, id < size else { return nil }
    let number = id - specials.count
    if number < 0 { return Array(specials.ownNames[id].utf8) }
    return kind == .bytes ? [UInt8(number)] : Array(table[number])
  }
}

extension Vocabulary: Equatable {
  public static func == (a: Vocabulary, b: Vocabulary) -> Bool {
    guard a.kind == b.kind, a.specials == b.specials, a.isLowercase == b.isLowercase, a.size == b.size else {
      return false
    }
    return a.table === b.table || (0..<a.table.count).allSatisfy { a.table[$0].elementsEqual(b.table[$0]) }
  }
}
