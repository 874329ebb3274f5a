// Parameters in a file that others read: safetensors.
import SwiftRNN

extension CharacterModel {
  /// Saves sizes and parameters as safetensors (https://huggingface.co/docs/safetensors): 8 bytes, the length of a
  /// header, little-endian; the header, JSON that says where each tensor is; the numbers.
  func save(to path: String) throws {
    let c = network.configuration
    var entries = [
      """
      "__metadata__":{"model":"SwiftRNN character language model","vocabulary":"bytes",\
      "embedding_size":"\(embeddingSize)","hidden_size":"\(c.hiddenSize)","num_layers":"\(c.layers)"}
      """
    ]
    var offset = 0
    for tensor in parameters.tensors {
      let end = offset + tensor.values.count * MemoryLayout<Float>.size
      let shape = tensor.shape.map(String.init).joined(separator: ",")
      entries.append("\"\(tensor.name)\":{\"dtype\":\"F32\",\"shape\":[\(shape)],\"data_offsets\":[\(offset),\(end)]}")
      offset = end
    }
    var header = Array("{\(entries.joined(separator: ","))}".utf8)
    // Spaces until the numbers are aligned.
    header += Array(repeating: UInt8(ascii: " "), count: (8 - header.count % 8) % 8)
    let length = UInt64(header.count).littleEndian
    let numbers = UnsafeRawBufferPointer(parameters.all.constant)
    try withUnsafeBytes(of: length) { length in
      try header.withUnsafeBytes { header in try System.writeFile([length, header, numbers], to: path) }
    }
  }
}
