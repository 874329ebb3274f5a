// The model: embedding, LSTM, linear layer. And its numbers: one vector for all, with a name for each part.
import SwiftRNN

/// Predicts the next byte from all bytes so far:
///
///     logits = linear(lstm(embedding(bytes)))
struct CharacterModel {
  let embeddingSize: Int
  let network: Network<Float>
  let parameters: Parameters

  var hiddenSize: Int { network.configuration.hiddenSize }

  /// Draws the parameters: the same for a seed on every machine.
  init(embeddingSize: Int, hiddenSize: Int, layers: Int, seed: UInt64) throws {
    self.embeddingSize = embeddingSize
    network = try Network(.lstm(inputSize: embeddingSize, hiddenSize: hiddenSize, layers: layers))
    parameters = try Parameters(network)
    try network.initialize(seed: seed, parameters: parameters.network.constant)
    // A forget gate that starts open lets gradients through from the first step on (Gers, Schmidhuber, Cummins 2000).
    for tensor in parameters.tensors where tensor.name.hasPrefix("lstm.bias_ih") {
      for unit in hiddenSize..<2 * hiddenSize { tensor.values[unit] = 1 }
    }
    let bound = 1 / Float(hiddenSize).squareRoot()
    let philox = Philox(seed: seed)
    func draw(_ values: UnsafeMutableBufferPointer<Float>, stream: UInt64, bound: Float) {
      for i in values.indices {
        values[i] = (2 * Philox.uniform24(philox.words(UInt64(i), stream).0) - 1) * bound
      }
    }
    // The network's own tensors are the streams from 0 on.
    draw(parameters.embedding, stream: .max, bound: 1)
    draw(parameters.weight, stream: .max - 1, bound: bound)
  }

  /// All numbers of the model, or anything with their shapes, such as gradients, as one vector.
  struct Parameters {
    /// A part of the vector, by the name that torch's modules give it.
    struct Tensor {
      let name: String
      let shape: [Int]
      let values: UnsafeMutableBufferPointer<Float>
    }

    let all: Memory<Float>
    /// In the order of the vector.
    let tensors: [Tensor]
    /// Where each tensor of the LSTM is.
    let network: Memory<UnsafeMutableRawPointer?>
    /// `[256, embeddingSize]`
    let embedding: UnsafeMutableBufferPointer<Float>
    /// Of the linear layer, `[256, hiddenSize]`.
    let weight: UnsafeMutableBufferPointer<Float>
    /// `[256]`
    let bias: UnsafeMutableBufferPointer<Float>

    /// Zeros.
    init(_ network: Network<Float>) throws {
      let c = network.configuration
      var shapes = [("embedding.weight", [Corpus.vocabulary, c.inputSize])]
      for index in 0..<network.parameterCount {
        let parameter = try network.parameter(index)
        shapes.append(("lstm.\(parameter.name)", parameter.shape))
      }
      shapes.append(("linear.weight", [Corpus.vocabulary, c.hiddenSize]))
      shapes.append(("linear.bias", [Corpus.vocabulary]))

      let all = Memory<Float>(shapes.reduce(0) { $0 + $1.1.reduce(1, *) })
      var rest = all.mutable[...]
      tensors = shapes.map { name, shape in
        let part = rest.prefix(shape.reduce(1, *))
        rest = rest.dropFirst(part.count)
        return Tensor(name: name, shape: shape, values: UnsafeMutableBufferPointer(rebasing: part))
      }
      self.all = all
      self.network = Memory(nil, network.parameterCount)
      for index in 0..<network.parameterCount {
        self.network.mutable[index] = UnsafeMutableRawPointer(tensors[1 + index].values.baseAddress)
      }
      embedding = tensors[0].values
      weight = tensors[tensors.count - 2].values
      bias = tensors[tensors.count - 1].values
    }

    /// The pointers of the LSTM's tensors, to read.
    var constantNetwork: UnsafeBufferPointer<UnsafeRawPointer?> {
      UnsafeRawBufferPointer(network.constant).assumingMemoryBound(to: UnsafeRawPointer?.self)
    }
  }
}
