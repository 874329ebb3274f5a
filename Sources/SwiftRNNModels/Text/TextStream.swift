// Ids for training a language model: a text cut into as many parts as a batch has sequences, which are read side by side,
// a few steps at a time, so that states carry over from one batch to the next.

/// Batches of a text.
///
/// The text's tokens, K of them, are N sequences of L = K / N, rounded down: sequence n has the tokens n L ..< (n + 1) L.
/// What is left over, fewer than N, is not read. Each call of ``next(inputs:targets:)`` gives the next T tokens of all
/// sequences, and as targets the tokens that follow each. Of the L tokens the first L - 1 are inputs; the last batch may
/// have fewer steps.
///
/// Of a file only a part of each sequence is in memory: 64 KB, of more than 256 sequences less, 10 KB at least; and 512 KB
/// to find tokens again. For characters and words the file is read once when the stream is made, because only so it is
/// known where tokens are. The file must not change as long as the stream lives.
///
/// To be used by one thread at a time.
public final class TextStream {
  /// N.
  public let sequences: Int
  /// T.
  public let steps: Int
  /// K.
  public let tokens: Int
  /// L.
  public let length: Int
  /// How many tokens of each sequence have been inputs, in `0...length - 1`: all that a checkpoint must keep.
  public private(set) var position = 0

  private enum Source {
    case ids([Int])
    case file(TextFile, windows: [TextWindow])
  }
  private let source: Source
  /// Of a file, the token of each sequence at `position`.
  private var current: [Int]
  /// Whether windows and `current` are at `position`: not after an error.
  private var isPlaced = false

  /// Batches of ids that are in memory.
  ///
  /// - Parameters:
  ///   - ids: the tokens of the text.
  ///   - sequences: 1 or more; each must have two tokens.
  ///   - steps: 1 or more.
  /// - Throws: ``ModelError/value(name:reason:)``
  public convenience init(ids: [Int], sequences: Int, steps: Int) throws(ModelError) {
    try self.init(.ids(ids), tokens: ids.count, sequences, steps)
  }

  /// Batches of a text file: the same as those of ``Vocabulary/encode(_:framed:)-(String,_)`` of all its bytes.
  ///
  /// - Parameters:
  ///   - path: a regular file.
  ///   - vocabulary: splits the text into tokens.
  ///   - sequences: in `1...65536`; each must have two tokens.
  ///   - steps: 1 or more.
  /// - Throws: ``ModelError/file(path:reason:)``; ``ModelError/value(name:reason:)``, also for a token that the vocabulary
  ///   does not have, if it has no `<unk>`; ``ModelError/rnn(_:)`` where memory is lacking
  public convenience init(
    file path: String, _ vocabulary: Vocabulary, sequences: Int, steps: Int
  ) throws(ModelError) {
    let text = try TextFile(path, vocabulary)
    // Before windows: no memory for more sequences than the text has tokens.
    try Self.check(text.tokens, sequences, steps)
    guard sequences <= Self.fileLimit else {
      throw .value(name: "sequences", reason: "is \(sequences), must be in 1...\(Self.fileLimit) for a file")
    }
    var windows: [TextWindow] = []
    for _ in 0..<sequences {
      windows.append(try TextWindow(text.file, vocabulary.tokenizer, capacity: min(1 << 16, 1 << 24 / sequences)))
    }
    try self.init(.file(text, windows: windows), tokens: text.tokens, sequences, steps)
  }

  /// The most sequences of a file: their windows are 600 MB.
  static let fileLimit = 1 << 16

  private static func check(_ tokens: Int, _ sequences: Int, _ steps: Int) throws(ModelError) {
    guard sequences >= 1 else { throw .value(name: "sequences", reason: "is \(sequences), must be 1 or more") }
    guard steps >= 1 else { throw .value(name: "steps", reason: "is \(steps), must be 1 or more") }
    guard tokens / sequences >= 2 else {
      throw .value(name: "the text", reason: "has \(tokens) tokens, too few for \(sequences) sequences of 2")
    }
  }

  private init(_ source: Source, tokens: Int, _ sequences: Int, _ steps: Int) throws(ModelError) {
    try Self.check(tokens, sequences, steps)
    (self.source, self.tokens, self.sequences, self.steps) = (source, tokens, sequences, steps)
    length = tokens / sequences
    if case .file = source {
      current = [Int](repeating: 0, count: sequences)
    } else {
      current = []
    }
  }

  /// How many batches there are from the beginning to the end.
  public var batches: Int { (length - 2) / steps + 1 }

  /// The next batch.
  ///
  /// - Parameters:
  ///   - inputs: T · N elements each, which do not overlap. Step t of sequence n is at t · N + n.
  ///   - targets: T · N elements each, which do not overlap. Step t of sequence n is at t · N + n.
  /// - Returns: how many steps there are, and were written: T, or fewer in the last batch; 0 at the end.
  /// - Throws: ``ModelError/value(name:reason:)`` before anything is written; ``ModelError/file(path:reason:)`` where some
  ///   may have been written. The position stays then.
  public func next(
    inputs: UnsafeMutableBufferPointer<Int>, targets: UnsafeMutableBufferPointer<Int>
  ) throws(ModelError) -> Int {
    let (elements, overflow) = steps.multipliedReportingOverflow(by: sequences)
    guard !overflow else { throw .rnn(.overflow("a batch")) }
    for (name, count) in [("inputs", inputs.count), ("targets", targets.count)] where count != elements {
      throw .value(name: name, reason: "has \(count) elements, must have \(elements)")
    }
    let now = min(steps, length - 1 - position)
    guard now > 0 else { return 0 }
    switch source {
    case .ids(let ids):
      for n in 0..<sequences {
        let first = n * length + position
        for t in 0..<now {
          inputs[t * sequences + n] = ids[first + t]
          targets[t * sequences + n] = ids[first + t + 1]
        }
      }
    case .file(let text, let windows):
      if !isPlaced { try place(text, windows) }
      isPlaced = false
      for n in 0..<sequences {
        var token = current[n]
        for t in 0..<now {
          inputs[t * sequences + n] = token
          token = try text.next(windows[n])
          targets[t * sequences + n] = token
        }
        current[n] = token
      }
      isPlaced = true
    }
    position += now
    return now
  }

  /// A batch of its own memory.
  public struct Batch: Sendable, Equatable {
    public let steps: Int
    /// steps · N elements each; step t of sequence n is at t · N + n.
    public let inputs: [Int]
    public let targets: [Int]
  }

  /// The next batch; nil: the end.
  ///
  /// - Throws: as ``next(inputs:targets:)``
  public func next() throws(ModelError) -> Batch? {
    // One that is as long as the text has no more steps than that.
    let (elements, overflow) = steps.multipliedReportingOverflow(by: sequences)
    guard !overflow else { throw .rnn(.overflow("a batch")) }
    let inputs = try GrowingBuffer<Int>(capacity: elements)
    let targets = try GrowingBuffer<Int>(capacity: elements)
    let now = try next(
      inputs: UnsafeMutableBufferPointer(start: inputs.pointer, count: elements),
      targets: UnsafeMutableBufferPointer(start: targets.pointer, count: elements))
    guard now > 0 else { return nil }
    inputs.setCount(now * sequences)
    targets.setCount(now * sequences)
    return Batch(steps: now, inputs: inputs.array, targets: targets.array)
  }

  /// Goes to a ``position`` of before: the next batch begins there, with the same tokens as then. 0 is the beginning.
  ///
  /// - Throws: ``ModelError/value(name:reason:)``
  public func seek(to position: Int) throws(ModelError) {
    guard position >= 0, position < length else {
      throw .value(name: "position", reason: "is \(position), must be in 0...\(length - 1)")
    }
    self.position = position
    isPlaced = false
  }

  private func place(_ text: TextFile, _ windows: [TextWindow]) throws(ModelError) {
    for n in 0..<sequences {
      try text.place(windows[n], at: n * length + position)
      current[n] = try text.next(windows[n])
    }
    isPlaced = true
  }
}
