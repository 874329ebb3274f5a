// Batches of sequences of different lengths: those of about the same length together, so that little is padding, and
// drawn anew in each epoch.
import SwiftRNN

/// Batches of a set of sequences, as lists of their numbers.
///
/// Sequences whose lengths, of inputs and of targets, are equal when rounded up to a multiple of `width` are a bucket. In
/// each epoch the sequences of a bucket are shuffled; the buckets, one after the other by length, are cut into batches as
/// large as the bounds allow; the batches are shuffled. Each sequence is in one batch of each epoch.
///
/// A function of the seed and the epoch: a checkpoint keeps both, and the number of the batch.
public struct Buckets: Sendable {
  /// The most elements of a batch: its sequences times the length of the longest, plus, with targets, its sequences times
  /// the length of the longest target.
  public let tokenLimit: Int
  /// The most sequences of a batch.
  public let sequenceLimit: Int
  private let lengths: [Int]
  private let targetLengths: [Int]
  private let width: Int
  private let philox: Philox

  /// - Parameters:
  ///   - lengths: each 0 or more.
  ///   - targetLengths: as many; empty where targets take no room of their own.
  ///   - tokenLimit: 1 or more; no sequence may be larger by itself.
  ///   - sequenceLimit: 1 or more.
  ///   - width: 1 or more: the larger, the more differ the batches of one epoch from those of another, and the more is
  ///     padding.
  ///   - seed: of all shuffling.
  /// - Throws: ``ModelError/value(name:reason:)``
  public init(
    lengths: [Int], targetLengths: [Int] = [], tokenLimit: Int, sequenceLimit: Int = .max, width: Int = 8,
    seed: UInt64 = 0
  ) throws(ModelError) {
    guard tokenLimit >= 1 else { throw .value(name: "tokenLimit", reason: "is \(tokenLimit), must be 1 or more") }
    guard sequenceLimit >= 1 else {
      throw .value(name: "sequenceLimit", reason: "is \(sequenceLimit), must be 1 or more")
    }
    guard width >= 1 else { throw .value(name: "width", reason: "is \(width), must be 1 or more") }
    guard targetLengths.isEmpty || targetLengths.count == lengths.count else {
      throw .value(
        name: "targetLengths", reason: "has \(targetLengths.count) elements, must have \(lengths.count), or none")
    }
    for i in lengths.indices {
      let target = targetLengths.isEmpty ? 0 : targetLengths[i]
      // Neither is negative, nor above the limit: no sum below overflows.
      guard lengths[i] >= 0, target >= 0 else {
        throw .value(name: "lengths", reason: "of sequence \(i) are \(lengths[i]) and \(target), must be 0 or more")
      }
      let (sum, overflow) = lengths[i].addingReportingOverflow(target)
      guard !overflow, sum <= tokenLimit else {
        throw .value(
          name: "sequence \(i)",
          reason: "has the length \(lengths[i]) and a target of \(target), more than tokenLimit, \(tokenLimit)")
      }
    }
    (self.lengths, self.targetLengths) = (lengths, targetLengths)
    (self.tokenLimit, self.sequenceLimit, self.width) = (tokenLimit, sequenceLimit, width)
    philox = Philox(seed: seed)
  }

  private func target(_ number: Int) -> Int { targetLengths.isEmpty ? 0 : targetLengths[number] }

  /// The batches of an epoch, each with numbers of sequences, the longest of which may be anywhere in it.
  ///
  /// - Parameters:
  ///   - epoch: 0 or more; negative ones have batches, too.
  ///   - shuffles: false: by length, then by number, and the same in all epochs.
  public func batches(epoch: Int, shuffles: Bool = true) -> [[Int]] {
    var order = Array(lengths.indices)
    if shuffles { shuffle(&order, epoch, part: 0) }
    // Dividing rounds down; lengths of 1...width are the first bucket.
    func bucket(_ length: Int) -> Int { length == 0 ? -1 : (length - 1) / width }
    func isBefore(_ a: Int, _ b: Int) -> Bool {
      if !shuffles && (lengths[a], target(a)) != (lengths[b], target(b)) {
        return (lengths[a], target(a)) < (lengths[b], target(b))
      }
      return (bucket(lengths[a]), bucket(target(a))) < (bucket(lengths[b]), bucket(target(b)))
    }
    // With the place as the last key: the standard library does not promise a stable sort.
    let places = order.indices.sorted { a, b in
      if isBefore(order[a], order[b]) { return true }
      return !isBefore(order[b], order[a]) && a < b
    }
    var batches: [[Int]] = []
    var (batch, longest, longestTarget): ([Int], Int, Int) = ([], 0, 0)
    for place in places {
      let number = order[place]
      let (length, target) = (max(longest, lengths[number]), max(longestTarget, target(number)))
      // Neither is above the limit; their sum is no overflow unless the limit is near it.
      let (sum, overflow) = length.addingReportingOverflow(target)
      let room = overflow ? 0 : sum == 0 ? Int.max : tokenLimit / sum
      if !batch.isEmpty && batch.count >= min(room, sequenceLimit) {
        batches.append(batch)
        (batch, longest, longestTarget) = ([], lengths[number], self.target(number))
      } else {
        (longest, longestTarget) = (length, target)
      }
      batch.append(number)
    }
    if !batch.isEmpty { batches.append(batch) }
    if shuffles { shuffle(&batches, epoch, part: 1) }
    return batches
  }

  /// Fisher and Yates' shuffle (Durstenfeld 1964). A number below n is the upper half of a product with 64 random bits,
  /// which prefers some by n / 2^64 at most.
  private func shuffle<Element>(_ elements: inout [Element], _ epoch: Int, part: UInt64) {
    let high = UInt64(truncatingIfNeeded: epoch) &* 2 &+ part
    for i in stride(from: elements.count - 1, to: 0, by: -1) {
      let words = philox.words(UInt64(i), high)
      let bits = UInt64(words.1) << 32 | UInt64(words.0)
      elements.swapAt(i, Int(bits.multipliedFullWidth(by: UInt64(i + 1)).high))
    }
  }
}
