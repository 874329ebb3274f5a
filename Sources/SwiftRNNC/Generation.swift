// The door to what models write.
import CSwiftRNN
import SwiftRNN
@_spi(Door) import SwiftRNNModels

extension Argument {
  fileprivate static func generation(
    _ options: UnsafePointer<swiftrnn_generation_options>?
  ) throws(RNNError) -> GenerationOptions {
    let given = try settings("options", options)
    let seed = try self.seed(given.seed, seeded: given.seeded, given.reserved)
    guard given.end >= -1 else { throw .invalidValue("end", Int(given.end), low: -1, high: Int.max) }
    return GenerationOptions(
      length: Int(given.length), start: Int(given.start), end: given.end == -1 ? nil : Int(given.end),
      sampler: Sampler(
        temperature: given.temperature, topK: Int(given.top_k), topP: given.top_p, seed: seed),
      repetitionPenalty: given.repetition_penalty == 0 ? 1 : given.repetition_penalty,
      beams: given.beams == 0 ? 1 : Int(given.beams), lengthPenalty: given.length_penalty)
  }

  /// The prompts of a batch: the first tokens of each sequence.
  fileprivate static func prompts<Scalar: RNNScalar>(_ batch: ModelBatch<Scalar>) throws(RNNError) -> [[Int]] {
    let (steps, sequences) = (batch.steps, batch.sequences)
    var prompts: [[Int]] = []
    for n in 0..<sequences {
      let length = batch.lengths.map { Int($0[n]) } ?? steps
      guard (0...steps).contains(length) else { throw .invalidLength(index: n, length, steps: steps) }
      if length == 0 {
        prompts.append([])
        continue
      }
      guard let ids = batch.ids else { throw .nullPointer("ids") }
      prompts.append((0..<length).map { ids[$0 * sequences + n] })
    }
    return prompts
  }
}

/// Memory for generated sequences: as many rows for each as there are beams.
private struct GenerationOutputs {
  let length: Int
  let beams: Int
  let tokens: UnsafeMutableBufferPointer<Int>
  let lengths: UnsafeMutableBufferPointer<Int64>
  let logProbabilities: UnsafeMutableBufferPointer<Double>?
  let scores: UnsafeMutableBufferPointer<Double>?

  func write(_ found: [[GeneratedSequence]]) {
    tokens.update(repeating: 0)
    lengths.update(repeating: -1)
    logProbabilities?.update(repeating: 0)
    scores?.update(repeating: 0)
    for (n, sequences) in found.enumerated() {
      for (b, sequence) in sequences.prefix(beams).enumerated() {
        let row = n * beams + b
        lengths[row] = Int64(sequence.tokens.count)
        logProbabilities?[row] = sequence.logProbability
        scores?[row] = sequence.score
        for (t, token) in sequence.tokens.prefix(length).enumerated() { tokens[row * length + t] = token }
      }
    }
  }
}

@implementation @_cdecl("swiftrnn_model_generate")
public func swiftrnn_model_generate(
  _ model: OpaquePointer!, _ batch: UnsafePointer<swiftrnn_model_batch>!,
  _ options: UnsafePointer<swiftrnn_generation_options>!, _ out_tokens: UnsafeMutablePointer<Int64>!,
  _ out_lengths: UnsafeMutablePointer<Int64>!, _ out_log_probabilities: UnsafeMutablePointer<Double>!,
  _ out_scores: UnsafeMutablePointer<Double>!
) -> swiftrnn_status {
  func generate<Scalar: RNNScalar>(_ model: Model<Scalar>, _ pass: PassArguments<Scalar>) throws(RNNError) {
    let options = try Argument.generation(options)
    try options.check(classes: model.configuration.outputs)
    let rows = try Argument.count("out_tokens", pass.batch.sequences, options.beams, of: Int64.self)
    let out = GenerationOutputs(
      length: options.length, beams: options.beams,
      tokens: try Argument.output("out_tokens", out_tokens, rows, options.length, of: Int.self),
      lengths: try Argument.output("out_lengths", out_lengths, rows, of: Int64.self),
      logProbabilities: try Argument.wanted("out_log_probabilities", out_log_probabilities, rows, of: Double.self),
      scores: try Argument.wanted("out_scores", out_scores, rows, of: Double.self))
    try withReserve(Reserve.pass(model.spareBytes(pass.batch, options))) { () throws(RNNError) in
      out.write(
        model.configuration.decodes
          ? try model.generate(pass.batch, options)
          : try model.generate(prompts: Argument.prompts(pass.batch), options))
    }
  }
  return run { () throws(RNNError) in
    switch try Handle.object(ModelHandle.self, model, "model").model {
    case .float(let model): try generate(model, Argument.pass(model, batch, nil))
    case .double(let model): try generate(model, Argument.pass(model, batch, nil))
    }
  }
}
