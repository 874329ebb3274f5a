// Descriptions, as `print` shows them, of models, their configurations, trainings and results.
import SwiftRNN

/// Numbers in few digits, for descriptions.
enum FewDigits {
  /// Four significant digits, as `Double` prints them.
  static func text(_ value: Double) -> String {
    let size = abs(value)
    // Outside of these bounds powers of ten are not exact.
    guard size >= 1e-12, size < 1e12 else { return "\(value)" }
    var (power, digits) = (1.0, 0)
    while size * power < 1000, digits < 20 { (power, digits) = (power * 10, digits + 1) }
    let rounded = digits > 0 ? (value * power).rounded() / power : value.rounded()
    return Int(exactly: rounded).map { "\($0)" } ?? "\(rounded)"
  }
}

extension ModelCell: CustomStringConvertible {
  /// The name of the cell, or "equations" for a text.
  public var description: String { text.utf8.contains(UInt8(ascii: "=")) ? "equations" : ModelError.printable(text) }
}

extension ModelConfiguration.Input: CustomStringConvertible {
  /// `100 tokens -> 32`: vocabulary and width of the embedding; `3 features`.
  public var description: String {
    switch self {
    case .tokens(let vocabulary, let embeddingSize): "\(vocabulary) tokens -> \(embeddingSize)"
    case .features(let count): "\(count) \(count == 1 ? "feature" : "features")"
    }
  }
}

extension ModelConfiguration.Recurrent: CustomStringConvertible {
  /// `lstm 64, 2 layers, bidirectional`: cell, hidden units, and what differs from one layer of one direction.
  public var description: String {
    "\(cell) \(hiddenSize)" + (layers == 1 ? "" : ", \(layers) layers") + (bidirectional ? ", bidirectional" : "")
  }
}

extension ModelConfiguration: CustomStringConvertible {
  /// `classifier(100 tokens -> 32, gru 64, pooling mean, 5 classes)`: the kind, what is read, layers, what comes out, and
  /// what differs from a new configuration.
  public var description: String {
    var parts: [String] = []
    if reads { parts += ["\(input)", "\(recurrent)"] }
    if kind == .vectorDecoder { parts.append("vector of \(vectorSize)") }
    if decodes { parts += ["decoder \(decoderInput)", "\(decoder)"] }
    if attention != .none {
      parts.append("attention \(attention.rawValue)" + (attentionUse == .input ? " in the input" : ""))
    }
    if structure == .trees { parts.append("trees") }
    if kind == .classifier || kind == .regressor, structure == .sequences {
      parts.append("pooling \(pooling.rawValue)")
    }
    if dropout > 0 { parts.append("dropout \(FewDigits.text(dropout))") }
    if tiesEmbedding { parts.append("tied embedding") }
    if !adaptiveCutoffs.isEmpty { parts.append("cutoffs \(adaptiveCutoffs)") }
    parts.append("\(outputs) \(predictsNumbers ? "numbers" : "classes")")
    return "\(kind.rawValue)(\(parts.joined(separator: ", ")))"
  }
}

extension Model: CustomStringConvertible {
  /// `Model(tagger(…), 4210 parameters, Float)`: the configuration, and the number of parameters.
  public var description: String {
    "Model(\(configuration), \(parameters.list.flatCount) parameters, \(Scalar.self))"
  }
}

extension Vocabulary: CustomStringConvertible {
  /// `Vocabulary(words, 120 tokens, <unk> <bos>)`: kind, size, and the special tokens.
  public var description: String {
    let names = specials.ownNames.isEmpty ? "" : ", \(specials.ownNames.joined(separator: " "))"
    return "Vocabulary(\(kind.rawValue), \(size) tokens\(names)\(isLowercase ? ", lower case" : ""))"
  }
}

extension ModelLoss: CustomStringConvertible {
  /// `loss 0.6931 over 32`: the mean, and how much counted.
  public var description: String { "loss \(FewDigits.text(mean)) over \(count)" }
}

extension GeneratedSequence: CustomStringConvertible {
  /// `GeneratedSequence([3, 1, 4], log P -2.5)`
  public var description: String { "GeneratedSequence(\(tokens), log P \(FewDigits.text(logProbability)))" }
}

extension TrainerSettings: CustomStringConvertible {
  /// `TrainerSettings(adam, rate 0.003, cosine, clip norm 1)`: the optimizer, its rate, and what shapes rate and gradients.
  public var description: String {
    var parts = [optimizer.rawValue, "rate \(FewDigits.text(rate))"]
    if schedule != .constant { parts.append(schedule.rawValue) }
    if warmUp > 0 { parts.append("warm-up \(warmUp)") }
    if weightDecay > 0 { parts.append("weight decay \(FewDigits.text(weightDecay))") }
    if let clipNorm { parts.append("clip norm \(FewDigits.text(clipNorm))") }
    if let clipValue { parts.append("clip value \(FewDigits.text(clipValue))") }
    return "TrainerSettings(\(parts.joined(separator: ", ")))"
  }
}

extension Trainer: CustomStringConvertible {
  /// `Trainer(Model(…), TrainerSettings(…), step 120)`
  public var description: String { "Trainer(\(model), \(settings), step \(steps))" }
}

extension TrainerStep: CustomStringConvertible {
  /// `loss 0.6931 over 32, gradient norm 1.204, rate 0.003`
  public var description: String {
    "\(loss), gradient norm \(FewDigits.text(gradientNorm)), rate \(FewDigits.text(rate))"
  }
}

extension FitReport: CustomStringConvertible {
  /// `epoch 3, step 120, loss 0.1234, validation 0.2345, rate 0.003`
  public var description: String {
    "epoch \(epoch), step \(step), loss \(FewDigits.text(trainLoss))"
      + (validationLoss.map { ", validation \(FewDigits.text($0))" } ?? "") + ", rate \(FewDigits.text(rate))"
  }
}

extension ModelExamples: CustomStringConvertible {
  public var description: String { "ModelExamples(\(count) \(count == 1 ? "example" : "examples"))" }
}

extension TextStream: CustomStringConvertible {
  /// `TextStream(600 tokens, 4 sequences, 10 steps)`: the text, and the largest batch.
  public var description: String { "TextStream(\(tokens) tokens, \(sequences) sequences, \(steps) steps)" }
}

extension Layers: CustomStringConvertible {
  /// `Layers(embedding, output, 4210 parameters, Float)`: names, and the number of parameters.
  public var description: String {
    let names =
      kinds.map { ModelError.printable($0.name) } + ["\(parameters.list.flatCount) parameters", "\(Scalar.self)"]
    return "Layers(\(names.joined(separator: ", ")))"
  }
}
