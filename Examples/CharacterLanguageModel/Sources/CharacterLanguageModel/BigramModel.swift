// What to beat: the best guess from the last byte alone.

/// An interpolated bigram model (Jelinek, Mercer, "Interpolated estimation of Markov source parameters from sparse
/// data", 1980):
///
///     p(b | a) = w2 count(a, b) / count(a) + w1 count(b) / count + w0 / 256
struct BigramModel {
  /// `[256, 256]`: how often b follows a.
  private var pairs = [Double](repeating: 0, count: Corpus.vocabulary * Corpus.vocabulary)
  /// How often a is followed by anything.
  private var firsts = [Double](repeating: 0, count: Corpus.vocabulary)
  /// How often b is there.
  private var singles = [Double](repeating: 0, count: Corpus.vocabulary)
  private var count = 0.0
  /// w2, w1, w0: positive, their sum is 1.
  private var weights = SIMD3(repeating: 1.0 / 3)

  /// Counts in `range`; the weights are those that fit its last tenth best after counting in the other nine.
  init(_ bytes: [UInt8], _ range: Range<Int>) {
    let tuning = range.upperBound - range.count / 10
    learn(bytes, range.lowerBound..<tuning)
    for _ in 0..<20 { fitWeights(bytes, tuning..<range.upperBound) }
    learn(bytes, tuning..<range.upperBound)
  }

  /// exp(-mean log p) over the bytes of `range`, each given the one before it.
  func perplexity(_ bytes: [UInt8], _ range: Range<Int>) -> Double {
    var sum = 0.0
    for i in range { sum += System.log(terms(bytes, i).sum()) }
    return System.exp(-sum / Double(range.count))
  }

  private mutating func learn(_ bytes: [UInt8], _ range: Range<Int>) {
    for i in range {
      let b = Int(bytes[i])
      singles[b] += 1
      count += 1
      guard i > 0 else { continue }
      let a = Int(bytes[i - 1])
      pairs[a * Corpus.vocabulary + b] += 1
      firsts[a] += 1
    }
  }

  /// The three terms of p for byte i. Where a has never been seen, the other two share its weight.
  private func terms(_ bytes: [UInt8], _ i: Int) -> SIMD3<Double> {
    let (a, b) = (Int(bytes[i - 1]), Int(bytes[i]))
    let uniform = 1 / Double(Corpus.vocabulary)
    if firsts[a] == 0 { return SIMD3(0, weights[1] * singles[b] / count, weights[2] * uniform) / (1 - weights[0]) }
    return weights * SIMD3(pairs[a * Corpus.vocabulary + b] / firsts[a], singles[b] / count, uniform)
  }

  /// One round of expectation and maximisation: each weight becomes its term's mean share of p.
  private mutating func fitWeights(_ bytes: [UInt8], _ range: Range<Int>) {
    // One byte for each term beforehand: none may die out.
    var shares = SIMD3(repeating: 1.0)
    for i in range {
      let terms = terms(bytes, i)
      shares += terms / terms.sum()
    }
    weights = shares / shares.sum()
  }
}
