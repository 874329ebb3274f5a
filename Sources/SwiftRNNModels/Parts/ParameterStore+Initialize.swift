// First values of the layers beside networks.
import SwiftRNN

extension ParameterStore {
  /// Draws a tensor: of an embedding from N(0, deviation²), else from U(-1/sqrt(inputs), 1/sqrt(inputs)), as torch does; a
  /// bias as the matrix before it.
  ///
  /// - Parameters:
  ///   - number: of the tensor in the list.
  ///   - deviation: of an embedding; nil: the tensor is of another layer.
  func draw(_ number: Int, embedding deviation: Double?, seed: UInt64) throws(RNNError) {
    let info = list.infos[number]
    guard let values = values(of: info.name) else { return }
    let columns = info.shape.count == 2 ? info.shape[1] : 1
    var inputs = columns
    let distribution: Initializer.Distribution
    if let deviation {
      distribution = .normal(deviation: deviation)
    } else {
      if info.shape.count == 1, number > 0, info.name.split(separator: ".").last?.hasPrefix("bias") == true {
        inputs = list.infos[number - 1].shape.last ?? 1
      }
      distribution = .uniform(bound: 1 / Double(max(inputs, 1)).squareRoot())
    }
    try distribution.fill(values, rows: info.shape[0], columns: columns, hidden: inputs, seed: seed, tensor: number)
  }
}
