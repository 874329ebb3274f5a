// A character language model: an LSTM learns to predict the next byte of a text, is measured on text that it has not
// seen, beside a bigram model, and writes some itself.
import SwiftRNN

func run(_ options: Options) throws {
  let corpus = try Corpus(options.text)
  for path in [options.save, options.sample] {
    if let path { try System.checkWritable(path) }
  }
  let model = try CharacterModel(
    embeddingSize: 64, hiddenSize: options.hiddenSize, layers: options.layers, seed: options.seed)
  System.print(
    """
    \(corpus.bytes.count) bytes of text, the last \(corpus.heldOut.count) held out.
    LSTM of \(options.layers) layers, \(options.hiddenSize) hidden units each: \
    \(model.parameters.all.constant.count) parameters. \
    Running on \(try InstructionSet.current), \(Threads.count) threads.

    """)

  let trainer = try Trainer(model, corpus)
  var progress = Progress(options.budget, bytesPerStep: trainer.bytesPerStep)
  while progress.fraction < 1 {
    let loss = try trainer.step(rate: learningRate(progress.fraction))
    guard loss.isFinite else { throw Failure("the loss of step \(trainer.step) is \(loss)") }
    progress.record(loss)
  }
  System.print(
    """

    Loss  \(progress.losses[0].formatted(2)) \(sparkline(progress.losses)) \(progress.loss.formatted(2)) nats per byte

    """)

  let perplexity = try model.perplexity(corpus.bytes, corpus.heldOut) { done in
    if System.isTerminal {
      System.print("\rMeasuring \((100 * done).formatted(0)) %\u{1b}[K\(done == 1 ? "\r\u{1b}[K" : "")")
    }
  }
  let bigram = BigramModel(corpus.bytes, corpus.training).perplexity(corpus.bytes, corpus.heldOut)
  let ratio = perplexity / bigram
  System.print(
    """

    Perplexity per byte on the held-out text
      LSTM                 \(perplexity.formatted(3).padded(8))
      interpolated bigram  \(bigram.formatted(3).padded(8))
      ratio                \(ratio.formatted(3).padded(8))

    """)

  let text = try model.sample(length: options.length, seed: options.seed, temperature: options.temperature)
  System.print("\n\(text.count) bytes, sampled at temperature \(options.temperature):\n\n")
  System.print(text)
  System.print("\n")
  if let path = options.sample { try text.withUnsafeBytes { try System.writeFile([$0], to: path) } }
  if let path = options.save {
    try model.save(to: path)
    System.print("\nParameters saved as \(path)\n")
  }
  guard ratio <= options.largestRatio else {
    throw Failure(
      """
      the perplexity is \(ratio.formatted(3)) times the bigram model's after \(trainer.step) steps, which is above \
      \(options.largestRatio)
      """)
  }
}

/// A short warm-up, then half a cosine down to almost nothing.
func learningRate(_ fraction: Double) -> Double {
  let (peak, warmUp) = (4e-3, 0.05)
  guard fraction > warmUp else { return peak * (fraction + 0.002) / (warmUp + 0.002) }
  return peak * (0.01 + 0.99 * (1 + System.cos(Double.pi * (fraction - warmUp) / (1 - warmUp))) / 2)
}

do {
  try run(try Options(CommandLine.arguments.dropFirst()))
} catch {
  System.print("CharacterLanguageModel: \(error)\n", error: true)
  System.exit(1)
}
