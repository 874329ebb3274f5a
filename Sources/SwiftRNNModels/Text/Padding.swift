// Sequences of different lengths side by side in one array, what is missing filled up.

/// The arrays of a batch.
public enum Padding {
  /// The longest of some sequences; 0 of none.
  ///
  /// - Throws: ``ModelError/value(name:reason:)`` for a number that no sequence has.
  public static func longest(_ lengths: [Int], _ numbers: [Int]) throws(ModelError) -> Int {
    var longest = 0
    for number in numbers {
      try check(number, lengths.count)
      longest = max(longest, lengths[number])
    }
    return longest
  }

  private static func check(_ number: Int, _ count: Int) throws(ModelError) {
    guard number >= 0, number < count else {
      throw .value(name: "the number of a sequence", reason: "is \(number), must be in 0..<\(count)")
    }
  }

  /// Puts sequences of ids side by side.
  ///
  /// - Parameters:
  ///   - sequences: all there are.
  ///   - numbers: the N of the batch.
  ///   - steps: T: none of them is longer.
  ///   - padding: what comes behind their ends.
  ///   - out: T · N elements; step t of sequence n is at t · N + n.
  /// - Throws: ``ModelError/value(name:reason:)`` before anything is written; ``ModelError/rnn(_:)`` for an overflow.
  public static func fill(
    _ sequences: [[Int]], _ numbers: [Int], steps: Int, padding: Int, into out: UnsafeMutableBufferPointer<Int>
  ) throws(ModelError) {
    try check(steps, numbers.count, 1, out.count)
    for number in numbers {
      try check(number, sequences.count)
      try check(sequences[number].count, steps, number)
    }
    for (n, number) in numbers.enumerated() {
      let sequence = sequences[number]
      for t in 0..<steps { out[t * numbers.count + n] = t < sequence.count ? sequence[t] : padding }
    }
  }

  /// Puts sequences of features side by side, zeros behind their ends.
  ///
  /// - Parameters:
  ///   - sequences: each with steps · I numbers.
  ///   - numbers: the sequences that are put side by side, by their indices.
  ///   - steps: T, the length of the longest or more.
  ///   - width: I, 1 or more.
  ///   - out: T · N · I elements: feature i of step t of sequence n is at (t · N + n) · I + i.
  /// - Throws: as for ids.
  public static func fill<Scalar: BinaryFloatingPoint & BitwiseCopyable>(
    _ sequences: [[Scalar]], _ numbers: [Int], steps: Int, width: Int, into out: UnsafeMutableBufferPointer<Scalar>
  ) throws(ModelError) {
    guard width >= 1 else { throw .value(name: "width", reason: "is \(width), must be 1 or more") }
    try check(steps, numbers.count, width, out.count)
    for number in numbers {
      try check(number, sequences.count)
      let count = sequences[number].count
      guard count % width == 0 else {
        throw .value(name: "sequence \(number)", reason: "has \(count) numbers, must have a multiple of \(width)")
      }
      try check(count / width, steps, number)
    }
    for (n, number) in numbers.enumerated() {
      let sequence = sequences[number]
      for t in 0..<steps {
        let row = (t * numbers.count + n) * width
        for i in 0..<width { out[row + i] = t * width < sequence.count ? sequence[t * width + i] : 0 }
      }
    }
  }

  private static func check(_ steps: Int, _ batch: Int, _ width: Int, _ count: Int) throws(ModelError) {
    guard steps >= 0 else { throw .value(name: "steps", reason: "is \(steps), must be 0 or more") }
    let (rows, overflow) = steps.multipliedReportingOverflow(by: batch)
    let (elements, overflow2) = rows.multipliedReportingOverflow(by: width)
    guard !overflow, !overflow2 else { throw .rnn(.overflow("a batch")) }
    guard count == elements else {
      throw .value(name: "the batch's memory", reason: "has \(count) elements, must have \(elements)")
    }
  }

  private static func check(_ length: Int, _ steps: Int, _ number: Int) throws(ModelError) {
    guard length <= steps else {
      throw .value(name: "sequence \(number)", reason: "has the length \(length), must have at most \(steps)")
    }
  }
}
