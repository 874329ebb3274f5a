// Why a text is not a cell: where it is wrong, what was expected there, and the line with a caret below.

/// A text of equations that was refused.
public struct CellError: Error, Sendable, Equatable {
  /// The cell of the library whose line this is, by `like`; nil: the text that was given.
  public let cell: String?
  /// From 1.
  public let line: Int
  /// From 1, in bytes.
  public let column: Int
  public let message: String
  /// The line, or what is near `column` of a long one, with a caret below.
  public let excerpt: String

  init(_ message: String, at place: CellPlace) {
    let (line, start, end) = place.source.line(at: place.offset)
    self.cell = place.source.name
    self.line = line
    self.column = place.offset - start + 1
    self.message = message
    let bytes = place.source.bytes
    let first = max(start, place.offset - Self.shown / 2)
    let shown = bytes[first..<min(end, first + Self.shown)].map { $0 < 32 ? UInt8(ascii: " ") : $0 }
    // As many columns as the reader sees: what goes on a character has none of its own.
    let before = shown.prefix(place.offset - first).filter { $0 & 0xc0 != 0x80 }.count
    excerpt = "  \(String(decoding: shown, as: UTF8.self))\n  \(String(repeating: " ", count: before))^"
  }

  /// Bytes of a line that are shown at most.
  private static let shown = 96
}

extension CellError: CustomStringConvertible {
  public var description: String {
    "\(cell.map { "cell \($0), " } ?? "")line \(line), column \(column): \(message)\n\(excerpt)"
  }
}

/// A text, and the name of the library's cell that it is.
final class CellSource: Sendable {
  let name: String?
  let bytes: [UInt8]

  init(name: String? = nil, _ bytes: [UInt8]) {
    self.name = name
    self.bytes = bytes
  }

  /// The number, from 1, of the line that holds the byte at `offset`, and where it starts and ends.
  func line(at offset: Int) -> (number: Int, start: Int, end: Int) {
    let newline = UInt8(ascii: "\n")
    let before = bytes[..<min(offset, bytes.count)]
    let start = before.lastIndex(of: newline).map { $0 + 1 } ?? 0
    let end = bytes[start...].firstIndex(of: newline) ?? bytes.count
    return (1 + before.reduce(0) { $0 + ($1 == newline ? 1 : 0) }, start, end)
  }
}

/// A byte of a text: its last one's successor is where the text ends.
struct CellPlace: Sendable {
  let source: CellSource
  let offset: Int

  func error(_ message: String) -> CellError { CellError(message, at: self) }

  /// The line as a message about another place calls it: `line 3`, or `line 3 of gru` if that is another text.
  func line(from other: CellPlace) -> String {
    let number = source.line(at: offset).number
    return source === other.source ? "line \(number)" : "line \(number) of \(source.name ?? "the text")"
  }
}

/// Names like the one that was not found.
enum Suggestion {
  /// ` (did you mean "tanh"?)`, or nothing where no candidate is near.
  static func text(for name: String, among candidates: some Sequence<String>) -> String {
    let wanted = Array(name.utf8.prefix(64))
    var best: (name: String, distance: Int)?
    let most = max(1, wanted.count / 3)
    for candidate in candidates where abs(candidate.utf8.count - wanted.count) <= most {
      let distance = editDistance(wanted, Array(candidate.utf8.prefix(64)))
      if distance < best?.distance ?? .max { best = (candidate, distance) }
    }
    guard let best, best.distance <= most else { return "" }
    return " (did you mean \"\(best.name)\"?)"
  }

  /// Letters to insert, delete or replace (Levenshtein 1966); two neighbours in the wrong order count as one.
  static func editDistance(_ a: [UInt8], _ b: [UInt8]) -> Int {
    var rows = [[Int]](repeating: [Int](repeating: 0, count: b.count + 1), count: a.count + 1)
    for i in 0...a.count { rows[i][0] = i }
    for j in 0...b.count { rows[0][j] = j }
    for i in a.indices {
      for j in b.indices {
        let replaced = rows[i][j] + (a[i] == b[j] ? 0 : 1)
        rows[i + 1][j + 1] = min(replaced, rows[i][j + 1] + 1, rows[i + 1][j] + 1)
        if i > 0, j > 0, a[i] == b[j - 1], a[i - 1] == b[j] {
          rows[i + 1][j + 1] = min(rows[i + 1][j + 1], rows[i - 1][j - 1] + 1)
        }
      }
    }
    return rows[a.count][b.count]
  }
}
