// A character language model: an LSTM learns to predict the next byte of a text, is measured on text that it has not
// seen, beside a bigram model, and writes some itself.
import SwiftRNN
import SwiftRNNModels

func run(_ options: Options) throws {
  let corpus = try Corpus(options.text)
  for path in [options.save, options.sample] {
    if let path { try System.checkWritable(path) }
  }
  let model = try Model<Float>(
    .languageModel(
      vocabulary: Corpus.vocabulary, embeddingSize: 64,
      .init(.lstm, hiddenSize: options.hiddenSize, layers: options.layers)))
  // A forget gate that starts open lets gradients through from the first step on (Gers, Schmidhuber, Cummins 2000).
  var initializer = Initializer()
  initializer.forgetGate = .constant(1)
  try model.initialize(initializer, seed: options.seed)
  System.print(
    """
    \(corpus.bytes.count) bytes of text, the last \(corpus.heldOut.count) held out.
    LSTM of \(options.layers) layers, \(options.hiddenSize) hidden units each: \
    \(model.parameters.values.count) parameters. \
    Running on \(try InstructionSet.current), \(Threads.count) threads.

    """)

  let progress = try train(model, corpus, options.budget)
  System.print(
    """

    Loss  \(progress.losses[0].formatted(2)) \(sparkline(progress.losses)) \(progress.loss.formatted(2)) nats per byte

    """)

  let perplexity = try perplexity(model, corpus)
  let bigram = BigramModel(corpus.bytes, corpus.training).perplexity(corpus.bytes, corpus.heldOut)
  let ratio = perplexity / bigram
  System.print(
    """

    Perplexity per byte on the held-out text
      LSTM                 \(perplexity.formatted(3).padded(8))
      interpolated bigram  \(bigram.formatted(3).padded(8))
      ratio                \(ratio.formatted(3).padded(8))

    """)

  // Bytes that follow a line's end; bindings/c/sample.c writes the same with the saved model.
  let vocabulary = try Vocabulary(.bytes, specials: [])
  let written = try model.generate(
    prompts: [vocabulary.encode("\n")],
    GenerationOptions(
      length: options.length, sampler: Sampler(temperature: options.temperature, seed: options.seed)))
  let text = try vocabulary.decode(written[0][0].tokens)
  System.print("\n\(text.count) bytes, sampled at temperature \(options.temperature):\n\n")
  System.print(text)
  System.print("\n")
  if let path = options.sample { try text.withUnsafeBytes { try System.writeFile([$0], to: path) } }
  if let path = options.save {
    try ModelFile.save(model, to: path, vocabulary: vocabulary)
    System.print("\nParameters saved as \(path)\n")
  }
  guard ratio <= options.largestRatio else {
    throw Failure(
      """
      the perplexity is \(ratio.formatted(3)) times the bigram model's after \(progress.losses.count) steps, which is \
      above \(options.largestRatio)
      """)
  }
}

/// Learns the first 90 % of the text. Pieces begin evenly spread over the text and run on for as long as training goes,
/// each with its own state; gradients reach back over the steps of one batch.
///
/// Few and short pieces: many small steps. On a text of 700 kB, 16 pieces of 32 bytes came to a perplexity of 5.9 where
/// 32 of 64 were at 18 after as many bytes.
func train(_ model: Model<Float>, _ corpus: Corpus, _ budget: Options.Budget) throws -> Progress {
  let text = try TextStream(ids: corpus.bytes[corpus.training].map { Int($0) }, sequences: 16, steps: 32)
  var settings = TrainerSettings(.adamw, rate: 1, clipNorm: 1)
  (settings.beta2, settings.weightDecay) = (0.99, 0.01)
  let trainer = try Trainer(model, settings)
  let state = try model.makeState()
  var progress = Progress(budget, bytesPerStep: text.sequences * text.steps)
  while progress.fraction < 1 {
    guard let piece = try text.next() else {
      try text.seek(to: 0)  // the text begins anew
      continue
    }
    // Follows the time that has gone, if that is the budget.
    trainer.rateFactor = learningRate(progress.fraction)
    let loss = try trainer.step(piece, state: state).loss.mean
    guard loss.isFinite else { throw Failure("the loss of step \(trainer.steps) is \(loss)") }
    progress.record(loss)
  }
  return progress
}

/// A short warm-up, then half a cosine down to almost nothing.
func learningRate(_ fraction: Double) -> Double {
  let (peak, warmUp) = (4e-3, 0.05)
  guard fraction > warmUp else { return peak * (fraction + 0.002) / (warmUp + 0.002) }
  return peak * (0.01 + 0.99 * (1 + System.cos(Double.pi * (fraction - warmUp) / (1 - warmUp))) / 2)
}

/// exp(mean loss) over the held-out bytes, in pieces side by side, each with its state carried.
func perplexity(_ model: Model<Float>, _ corpus: Corpus) throws -> Double {
  let ids = corpus.bytes[corpus.heldOut].map { Int($0) }
  let text = try TextStream(ids: ids, sequences: min(32, max(1, ids.count / 8192)), steps: 64)
  let state = try model.makeState()
  var (sum, count) = (0.0, 0)
  while let piece = try text.next() {
    let loss = try model.evaluate(piece, state: state)
    sum += loss.total
    count += loss.count
    if System.isTerminal {
      let isDone = text.position == text.length - 1
      System.print("\rMeasuring \(100 * text.position / text.length) %\u{1b}[K\(isDone ? "\r\u{1b}[K" : "")")
    }
  }
  return System.exp(sum / Double(count))
}

do {
  try run(try Options(CommandLine.arguments.dropFirst()))
} catch {
  System.print("CharacterLanguageModel: \(error)\n", error: true)
  System.exit(1)
}
