// Training: truncated back-propagation through time over many places of the text at once.
import SwiftRNN

/// Learns a text with Adam. The batch's pieces begin evenly spread over it and run on for as long as training goes,
/// each with its own state; gradients reach back over the steps of one reading.
final class Trainer {
  /// Bytes of one step.
  var bytesPerStep: Int { batch.steps * batch.sequences }
  private(set) var step = 0

  private let model: CharacterModel
  private let bytes: [UInt8]
  private let training: Range<Int>
  private let batch: Batch
  private let gradients: CharacterModel.Parameters
  private let dOutputs: Memory<Float>
  private let dEmbedded: Memory<Float>
  private let tape: Memory<UInt8>
  private let workspace: Memory<UInt8>
  private var adam = Adam(beta2: 0.99, weightDecay: 0.01, decoupled: true)
  private let first: Memory<Float>
  private let second: Memory<Float>

  /// Few and short pieces: many small steps. On a text of 700 kB, 16 pieces of 32 bytes came to a perplexity of 5.9
  /// where 32 of 64 were at 18 after as many bytes.
  init(_ model: CharacterModel, _ corpus: Corpus, steps: Int = 32, sequences: Int = 16) throws {
    let network = model.network
    self.model = model
    bytes = corpus.bytes
    training = corpus.training
    batch = Batch(model, steps: steps, sequences: sequences)
    gradients = try CharacterModel.Parameters(network)
    dOutputs = Memory(batch.outputs.constant.count)
    dEmbedded = Memory(batch.embedded.constant.count)
    tape = Memory(bytes: try network.tapeSize(steps: steps, sequences: sequences))
    workspace = Memory(
      bytes: max(
        try network.workspaceSize(.forward, steps: steps, sequences: sequences),
        try network.workspaceSize(.backward, steps: steps, sequences: sequences)))
    first = Memory(model.parameters.all.constant.count)
    second = Memory(model.parameters.all.constant.count)
  }

  /// One step at a learning rate. Returns the loss before it, in nats per byte.
  func step(rate: Double) throws -> Double {
    let pieceLength = training.count / batch.sequences
    batch.read(bytes) { [step, batch, training] sequence, t in
      // At its end the text begins anew. Its first byte has none before it to be predicted from.
      let place = (sequence * pieceLength + step * batch.steps + t) % (training.count - 1)
      return (training.lowerBound + 1 + place, true)
    }
    let loss = try forward()
    try backward()
    batch.carryState()
    try GradientClipping.clip([gradients.all.mutable], maxNorm: 1)
    step += 1
    adam.rate = rate
    try adam.step(
      step, gradient: gradients.all.constant, parameter: model.parameters.all.mutable, first: first.mutable,
      second: second.mutable)
    return loss
  }

  /// The loss; its gradient takes the place of the logits.
  private func forward() throws -> Double {
    try batch.forward { pass in
      pass.parameters = model.parameters.constantNetwork
      pass.tape = tape.pointer
      pass.tapeBytes = tape.constant.count
      pass.workspace = workspace.pointer
      pass.workspaceBytes = workspace.constant.count
    }
    return try CrossEntropy.evaluate(
      logits: batch.logits.constant, classes: Corpus.vocabulary, targets: batch.targets.constant,
      dlogits: batch.logits.mutable
    ).loss
  }

  /// The gradients of all parameters: the way back through linear layer, LSTM and embedding.
  private func backward() throws {
    try Linear.backward(
      rows: bytesPerStep, inputs: model.hiddenSize, outputs: Corpus.vocabulary, x: batch.outputs.constant,
      weight: UnsafeBufferPointer(model.parameters.weight), dy: batch.logits.constant, accumulate: false,
      dx: dOutputs.mutable, dweight: gradients.weight, dbias: gradients.bias)
    var pass = Network<Float>.Backward(steps: batch.steps, sequences: batch.sequences)
    pass.x = batch.embedded.constant.baseAddress
    pass.dy = dOutputs.constant.baseAddress
    pass.dx = dEmbedded.mutable.baseAddress
    pass.initial = batch.before.states
    pass.parameters = model.parameters.constantNetwork
    pass.gradients = gradients.network.constant
    pass.tape = UnsafeRawPointer(tape.pointer)
    pass.tapeBytes = tape.constant.count
    pass.workspace = workspace.pointer
    pass.workspaceBytes = workspace.constant.count
    try model.network.backward(pass)
    try Embedding.backward(
      ids: batch.inputs.constant, dout: dEmbedded.constant, vocabulary: Corpus.vocabulary, width: model.embeddingSize,
      dweight: gradients.embedding)
  }
}
