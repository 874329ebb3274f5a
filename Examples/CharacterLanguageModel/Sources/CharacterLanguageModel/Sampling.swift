// Writing: each byte is drawn from what the model expects after the ones before it.
import SwiftRNN

extension CharacterModel {
  /// `length` bytes that follow a line's end. The same for a seed and a temperature in every language that calls the
  /// library: bindings/c/sample.c does the same in C.
  func sample(length: Int, seed: UInt64, temperature: Double) throws -> [UInt8] {
    let stream = try Stream(
      network, weights: PackedWeights(network, parameters: parameters.constantNetwork), sequences: 1)
    var sampler = Sampler(temperature: temperature, seed: seed)
    let output = Memory<Float>(hiddenSize)
    let logits = Memory<Float>(Corpus.vocabulary)
    let byte = Memory<Int>(1)
    byte.mutable[0] = Int(UInt8(ascii: "\n"))
    var text: [UInt8] = []
    for _ in 0..<length {
      let row = parameters.embedding[byte.mutable[0] * embeddingSize..<(byte.mutable[0] + 1) * embeddingSize]
      try stream.step(UnsafeBufferPointer(rebasing: row), into: output.mutable)
      try Linear.forward(
        rows: 1, inputs: hiddenSize, outputs: Corpus.vocabulary, x: output.constant,
        weight: UnsafeBufferPointer(parameters.weight), bias: UnsafeBufferPointer(parameters.bias), y: logits.mutable)
      try sampler.sample(logits: logits.constant, classes: Corpus.vocabulary, ids: byte.mutable)
      text.append(UInt8(byte.mutable[0]))
    }
    return text
  }
}
