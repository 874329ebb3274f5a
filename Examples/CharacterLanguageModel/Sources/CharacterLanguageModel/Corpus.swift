// The text: bytes, whatever they stand for, and the part that nobody may look at before the end.

struct Corpus {
  /// The whole text. A byte is a token: the vocabulary are the 256 values, so that every file will do.
  let bytes: [UInt8]
  /// The first 90 %: all that models learn from.
  let training: Range<Int>
  /// The last 10 %.
  let heldOut: Range<Int>

  static let vocabulary = 256
  private static let shortest = 4096

  init(_ path: String) throws(Failure) {
    bytes = try System.readFile(path)
    guard bytes.count >= Self.shortest else {
      throw Failure("\(path) has \(bytes.count) bytes; at least \(Self.shortest) are needed to learn and to test")
    }
    let split = bytes.count - bytes.count / 10
    training = 0..<split
    heldOut = split..<bytes.count
  }
}
