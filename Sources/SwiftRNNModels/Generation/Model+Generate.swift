// Writing: of language models behind prompts, of decoders from sequences or vectors.
@_spi(Door) import SwiftRNN

extension Model {
  /// Goes on from prompts: of language models.
  ///
  /// - Parameters:
  ///   - prompts: a sequence of tokens each; an empty one is the start token of `options`.
  ///   - options: lengths, drawing or search.
  /// - Returns: for each prompt what was written, the best first; one sequence without a search, else as many as have
  ///   been found, `options.beams` at most.
  /// - Throws: `RNNError` for tokens outside the vocabulary and options that make no sense.
  @_specialize(where Scalar == Float)
  @_specialize(where Scalar == Double)
  public func generate(prompts: [[Int]], _ options: GenerationOptions) throws(RNNError) -> [[GeneratedSequence]] {
    let control = FloatControl()
    defer { control.leave() }
    guard configuration.kind == .languageModel, let reader else {
      throw .unsupported("prompts are of language models; a decoder is given a batch")
    }
    try options.check(classes: configuration.outputs)
    if prompts.isEmpty { return [] }
    let copies = options.beams
    let writer = try TokenWriter(self, reader, sequences: prompts.count * copies)
    let prompts = prompts.map { $0.isEmpty ? [options.start] : $0 }
    // The prompts' states, and the output of the last token of each.
    let (count, steps) = (prompts.count, prompts.reduce(0) { max($0, $1.count) })
    var ids = [Int](repeating: options.start, count: steps * count)
    for (n, prompt) in prompts.enumerated() {
      for (t, id) in prompt.enumerated() { ids[t * count + n] = id }
    }
    let lengths = prompts.map { Int64($0.count) }
    let states = StateBuffers(reader.part.network)
    let final = try states.take(sequences: count)
    let width = reader.part.outputSize
    let rows = Buffer<Scalar>()
    // Pointers to both are read below, after the last use of the objects.
    defer { withExtendedLifetime((states, rows)) {} }
    let last = try rows.take(Sizes.product(count, copies, width, name: "y"))
    try ids.withUnsafeBufferPointer { (ids) throws(RNNError) in
      try lengths.withUnsafeBufferPointer { (lengths) throws(RNNError) in
        let shape = try BatchShape(steps: steps, sequences: count, lengths: lengths.baseAddress)
        let y = try reader.forward(
          shape, SequenceInput(ids: ids), initial: States(), final: final, seed: nil)
        guard let from = y.baseAddress, let to = last.baseAddress else { return }
        for n in 0..<count * copies {
          let source = n / copies
          (to + n * width).update(from: from + ((prompts[source].count - 1) * count + source) * width, count: width)
        }
      }
    }
    try writer.start(
      initial: final, vector: nil, vectorSize: 0, attention: nil, sources: count, copies: copies)
    let logits = try output.forward(last.constant, rows: count * copies)
    return try write(writer, options, sources: count, logits, seen: prompts)
  }

  /// Writes a sequence for each of a batch: of decoders. Targets are not looked at.
  ///
  /// - Returns: as ``generate(prompts:_:)``.
  @_specialize(where Scalar == Float)
  @_specialize(where Scalar == Double)
  public func generate(_ batch: ModelBatch<Scalar>, _ options: GenerationOptions) throws(RNNError)
    -> [[GeneratedSequence]]
  {
    let control = FloatControl()
    defer { control.leave() }
    guard let decoder else { throw .unsupported("a batch is for decoders; a language model is given prompts") }
    try options.check(classes: configuration.outputs)
    if batch.sequences == 0 { return [] }
    let (count, copies) = (batch.sequences, options.beams)
    let writer = try TokenWriter(self, decoder, sequences: Sizes.product(count, copies, name: "the beams"))
    let start = try startOfDecoder(batch, copies: copies)
    let usesVector = configuration.kind == .vectorDecoder && configuration.vectorUse == .input
    try writer.start(
      initial: start.initial, vector: usesVector ? batch.features?.baseAddress : nil,
      vectorSize: configuration.vectorSize, attention: start.attention, sources: count, copies: copies)
    let logits = try writer.step([Int](repeating: options.start, count: count * copies))
    return try write(writer, options, sources: count, logits, seen: [[Int]](repeating: [], count: count))
  }

  private func write(
    _ writer: TokenWriter<Scalar>, _ options: GenerationOptions, sources: Int,
    _ logits: UnsafeMutableBufferPointer<Scalar>, seen: [[Int]]
  ) throws(RNNError) -> [[GeneratedSequence]] {
    options.beams > 1
      ? try search(writer, options, sources: sources, logits, seen)
      : try draw(writer, options, logits, seen)
  }

  // MARK: One token after the other

  private func draw(
    _ writer: TokenWriter<Scalar>, _ options: GenerationOptions, _ first: UnsafeMutableBufferPointer<Scalar>,
    _ seen: [[Int]]
  ) throws(RNNError) -> [[GeneratedSequence]] {
    let classes = writer.classes
    var sampler = options.sampler
    var sequences = [GeneratedSequence](
      repeating: GeneratedSequence(tokens: [], logProbability: 0, score: 0), count: seen.count)
    var isOpen = [Bool](repeating: options.length > 0, count: seen.count)
    var penalties = seen.map { RepetitionPenalty(options.repetitionPenalty, $0) }
    let memory = Buffer<Scalar>()
    defer { withExtendedLifetime(memory) {} }
    var (logits, ids) = (first, [Int](repeating: 0, count: seen.count))
    while isOpen.contains(true) {
      let own = try memory.take(logits.count)
      _ = own.update(fromContentsOf: logits)
      try LogSoftmax.apply(own, rows: seen.count, classes: classes)
      for n in seen.indices { penalties[n].apply(logits.part(n * classes..<(n + 1) * classes)) }
      try ids.withUnsafeMutableBufferPointer { (ids) throws(RNNError) in
        try sampler.sample(logits: logits.constant, classes: classes, ids: ids)
      }
      for n in seen.indices where isOpen[n] {
        sequences[n].tokens.append(ids[n])
        sequences[n].logProbability += Double(own[n * classes + ids[n]])
        penalties[n].add(ids[n])
        isOpen[n] = ids[n] != options.end && sequences[n].tokens.count < options.length
      }
      if isOpen.contains(true) { logits = try writer.step(ids) }
    }
    return sequences.map { sequence in
      var sequence = sequence
      sequence.score = sequence.logProbability / BeamSearch.lengthPenalty(sequence.tokens.count, options.lengthPenalty)
      return [sequence]
    }
  }

  // MARK: Search

  private func search(
    _ writer: TokenWriter<Scalar>, _ options: GenerationOptions, sources: Int,
    _ first: UnsafeMutableBufferPointer<Scalar>, _ seen: [[Int]]
  ) throws(RNNError) -> [[GeneratedSequence]] {
    let (classes, beams) = (writer.classes, options.beams)
    var searches = [BeamSearch](repeating: BeamSearch(options), count: sources)
    var logits = first
    let penalised = options.repetitionPenalty != 1
    // Log-probabilities before penalties.
    let memory = Buffer<Scalar>()
    defer { withExtendedLifetime(memory) {} }
    while searches.contains(where: { !$0.isDone }) {
      var own = logits
      if penalised {
        own = try memory.take(logits.count)
        _ = own.update(fromContentsOf: logits)
        try LogSoftmax.apply(own, rows: sources * beams, classes: classes)
        for n in 0..<sources {
          for (beam, sequence) in searches[n].alive.enumerated() {
            let row = (n * beams + beam) * classes
            RepetitionPenalty(options.repetitionPenalty, seen[n] + sequence.tokens)
              .apply(logits.part(row..<row + classes))
          }
        }
      }
      try LogSoftmax.apply(logits, rows: sources * beams, classes: classes)
      var places = Array(0..<sources * beams)
      var ids = [Int](repeating: options.start, count: sources * beams)
      for n in 0..<sources where !searches[n].isDone {
        let (rows, ownRows) = (logits, own)
        let from = searches[n].step(
          classes: classes, own: { beam, token in Double(ownRows[(n * beams + beam) * classes + token]) },
          by: { beam, token in Double(rows[(n * beams + beam) * classes + token]) })
        guard !searches[n].alive.isEmpty || !searches[n].finished.isEmpty else {
          throw .invalidNumber("a logit", .nan, allowed: "a number")
        }
        for (beam, sequence) in searches[n].alive.enumerated() {
          places[n * beams + beam] = n * beams + from[beam]
          ids[n * beams + beam] = sequence.tokens[sequence.tokens.count - 1]
        }
      }
      guard searches.contains(where: { !$0.isDone }) else { break }
      try writer.reorder(places)
      logits = try writer.step(ids)
    }
    return searches.map { search in
      var search = search
      search.stop()
      return search.finished
    }
  }
}

/// Makes tokens less likely that a sequence has already (Keskar, McCann, Varshney, Xiong, Socher 2019).
struct RepetitionPenalty {
  private let factor: Double
  private var tokens: Set<Int>

  init(_ factor: Double, _ tokens: [Int]) {
    self.factor = factor
    self.tokens = factor == 1 ? [] : Set(tokens)
  }

  mutating func add(_ token: Int) {
    if factor != 1 { tokens.insert(token) }
  }

  func apply<Scalar: RNNScalar>(_ logits: UnsafeMutableBufferPointer<Scalar>) {
    for token in tokens {
      let logit = logits[token]
      logits[token] = logit > 0 ? logit / Scalar(factor) : logit * Scalar(factor)
    }
  }
}
