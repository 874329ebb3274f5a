// Identity of the data of a training: a checkpoint has it, and only a training on the same data goes on from there.
import SwiftRNN

extension ModelExamples {
  /// The CRC-32 of all examples, in their order, with the token that a decoder's sequence begins with.
  var checksum: UInt32 {
    var sum = Checksum()
    func add(_ number: Int) { withUnsafeBytes(of: number) { sum.add($0) } }
    func add(_ values: ModelExample<Scalar>.Values?) {
      switch values {
      case .tokens(let tokens):
        add(tokens.count)
        tokens.withUnsafeBytes { sum.add($0) }
      case .numbers(let numbers):
        // A count of its own: as many numbers as there are bytes in tokens are other data.
        add(~numbers.count)
        numbers.withUnsafeBytes { sum.add($0) }
      case nil: add(-1)
      }
    }
    add(start)
    for example in examples {
      add(example.input)
      add(example.target)
    }
    return sum.value
  }
}

extension ExampleBatches {
  func identity() -> JSON {
    [
      "examples": .integer(Int64(examples.count)), "batch_size": .integer(Int64(buckets.sequenceLimit)),
      "token_limit": .integer(Int64(buckets.tokenLimit)), "checksum": .integer(Int64(examples.checksum)),
    ]
  }
}

extension TextPieces {
  /// Reads the text once.
  func identity() throws(ModelError) -> JSON {
    var sum = Checksum()
    try text.seek(to: 0)
    while let piece = try text.next() {
      piece.inputs.withUnsafeBytes { sum.add($0) }
      piece.targets.withUnsafeBytes { sum.add($0) }
    }
    return [
      "tokens": .integer(Int64(text.tokens)), "sequences": .integer(Int64(text.sequences)),
      "steps": .integer(Int64(text.steps)), "checksum": .integer(Int64(sum.value)),
    ]
  }
}

extension FitProgress {
  /// Members of two objects that differ, for a message: "rate was 0.02, is 0.1"; nil: none do.
  static func difference(_ before: JSON, _ now: JSON) -> String? {
    guard case .object(let old) = before, case .object(let new) = now else {
      return before == now ? nil : "was \(text(before)), is \(text(now))"
    }
    let keys = old.members.map(\.key) + new.members.map(\.key).filter { old[$0] == nil }
    let found = keys.filter { old[$0] != new[$0] }.map { key in
      "\(ModelError.printable(key)) was \(text(old[key])), is \(text(new[key]))"
    }
    return found.isEmpty ? nil : found.joined(separator: "; ")
  }

  private static func text(_ json: JSON?) -> String {
    guard let json, json != .null else { return "none" }
    return ModelError.printable((try? json.text()) ?? "?")
  }
}
