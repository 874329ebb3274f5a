// How a model writes.
import SwiftRNN

/// How tokens are chosen, and when a sequence ends.
public struct GenerationOptions: Sendable, Equatable {
  /// Tokens of a sequence at most, its end token included.
  public var length: Int
  /// The token that a sequence begins with, of models that begin without a prompt: `<bos>`.
  public var start: Int
  /// The token that ends a sequence; nil: none does.
  public var end: Int?
  /// Draws tokens; a temperature of 0 takes the likeliest. Not read with several beams.
  public var sampler: Sampler
  /// Above 1: logits of tokens that the sequence has already are divided by it if they are positive, and multiplied if
  /// they are negative (Keskar, McCann, Varshney, Xiong, Socher 2019). 1: as they are.
  public var repetitionPenalty: Double
  /// Beams of a search; 1: no search, tokens are drawn.
  public var beams: Int
  /// Of a search: α in ((5 + length) / 6)^α, by which the log-probability of a finished sequence is divided (Wu et al.
  /// 2016, eq 14). 0: the most probable sequence, which is a short one more often than not.
  public var lengthPenalty: Double

  public init(
    length: Int, start: Int = 0, end: Int? = nil, sampler: Sampler = Sampler(temperature: 0),
    repetitionPenalty: Double = 1, beams: Int = 1, lengthPenalty: Double = 0
  ) {
    (self.length, self.start, self.end) = (length, start, end)
    (self.sampler, self.repetitionPenalty) = (sampler, repetitionPenalty)
    (self.beams, self.lengthPenalty) = (beams, lengthPenalty)
  }

  /// - Parameter classes: of the model: tokens that it can write.
  /// - Throws: what is wrong with the options.
  public func check(classes: Int) throws(RNNError) {
    guard length >= 0, length <= 1 << 31 else { throw .invalidValue("length", length, low: 0, high: 1 << 31) }
    guard (0..<classes).contains(start) else { throw .invalidValue("start", start, low: 0, high: classes - 1) }
    if let end, !(0..<classes).contains(end) { throw .invalidValue("end", end, low: 0, high: classes - 1) }
    guard repetitionPenalty > 0, repetitionPenalty < .infinity else {
      throw .invalidNumber("repetition_penalty", repetitionPenalty, allowed: "finite and above 0")
    }
    guard (1...4096).contains(beams) else { throw .invalidValue("beams", beams, low: 1, high: 4096) }
    guard lengthPenalty >= 0, lengthPenalty <= 100 else {
      throw .invalidNumber("length_penalty", lengthPenalty, allowed: "in 0...100")
    }
  }
}

/// A sequence that a model has written.
public struct GeneratedSequence: Sendable, Equatable {
  /// Without the prompt or start token; with the end token, if it came.
  public var tokens: [Int]
  /// Sum of log P of the tokens under the model's own distribution, before temperature, penalties and filters. In nats.
  public var logProbability: Double
  /// What sequences of a search are ordered by: log P divided by the length penalty.
  public var score: Double
}
