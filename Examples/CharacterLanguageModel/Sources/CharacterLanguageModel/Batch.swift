// A batch: pieces of text side by side, and the memory for their way through the model.
import SwiftRNN

/// `sequences` pieces of text, read `steps` bytes at a time; the LSTM's state is carried from one reading to the next,
/// so that a piece may be as long as one likes. All arrays are dense `[steps, sequences, …]`, and allocated once.
final class Batch {
  let model: CharacterModel
  let steps: Int
  let sequences: Int
  /// The bytes, and those that follow them; `CrossEntropy.ignoredTarget` where that doesn't count.
  let inputs: Memory<Int>
  let targets: Memory<Int>
  let embedded: Memory<Float>
  let outputs: Memory<Float>
  /// Also their gradients: cross-entropy writes these in the same place.
  let logits: Memory<Float>
  /// The state before this reading, and after it.
  private(set) var before: State
  private(set) var after: State

  /// h and c, each `[layers, sequences, hiddenSize]`; zeros at first.
  struct State {
    let h: Memory<Float>
    let c: Memory<Float>
    var states: States<Float> { States(h: h.mutable.baseAddress, c: c.mutable.baseAddress) }
  }

  init(_ model: CharacterModel, steps: Int, sequences: Int) {
    let tokens = steps * sequences
    let units = model.network.configuration.layers * sequences * model.hiddenSize
    self.model = model
    self.steps = steps
    self.sequences = sequences
    inputs = Memory(tokens)
    targets = Memory(tokens)
    embedded = Memory(tokens * model.embeddingSize)
    outputs = Memory(tokens * model.hiddenSize)
    logits = Memory(tokens * Corpus.vocabulary)
    before = State(h: Memory(units), c: Memory(units))
    after = State(h: Memory(units), c: Memory(units))
  }

  /// Reads the next byte of every piece at every step: `position(sequence, step)` is where the byte to be predicted is,
  /// and whether it counts.
  func read(_ bytes: [UInt8], _ position: (_ sequence: Int, _ step: Int) -> (target: Int, counts: Bool)) {
    for step in 0..<steps {
      for sequence in 0..<sequences {
        let (target, counts) = position(sequence, step)
        inputs.mutable[step * sequences + sequence] = Int(bytes[target - 1])
        targets.mutable[step * sequences + sequence] = counts ? Int(bytes[target]) : CrossEntropy.ignoredTarget
      }
    }
  }

  /// The logits of all inputs. `setUp` says how the LSTM is to run: its weights and memory.
  func forward(_ setUp: (inout Network<Float>.Forward) -> Void) throws {
    try Embedding.forward(
      weight: UnsafeBufferPointer(model.parameters.embedding), vocabulary: Corpus.vocabulary,
      width: model.embeddingSize, ids: inputs.constant, out: embedded.mutable)
    var pass = Network<Float>.Forward(steps: steps, sequences: sequences)
    pass.x = embedded.constant.baseAddress
    pass.y = outputs.mutable.baseAddress
    pass.initial = before.states
    pass.final = after.states
    setUp(&pass)
    try model.network.forward(pass)
    try Linear.forward(
      rows: steps * sequences, inputs: model.hiddenSize, outputs: Corpus.vocabulary, x: outputs.constant,
      weight: UnsafeBufferPointer(model.parameters.weight), bias: UnsafeBufferPointer(model.parameters.bias),
      y: logits.mutable)
  }

  /// The next reading begins where this one ended.
  func carryState() { swap(&before, &after) }
}
