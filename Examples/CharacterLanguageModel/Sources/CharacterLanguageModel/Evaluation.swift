// What the model is worth: its perplexity on text that it has not learned from.
import SwiftRNN

extension CharacterModel {
  /// exp(mean loss) over all bytes of `range`, each predicted once, with the state carried.
  ///
  /// To use the whole machine the range is cut into pieces that run side by side. Each begins `context` bytes early, so
  /// that its first bytes are predicted from something too.
  ///
  /// - Parameter progress: called now and then with how much is done, 0 ... 1.
  func perplexity(_ bytes: [UInt8], _ range: Range<Int>, progress: (Double) -> Void) throws -> Double {
    let context = 256
    let sequences = min(32, max(1, range.count / 2048))
    let batch = Batch(self, steps: 64, sequences: sequences)
    let weights = try PackedWeights(network, parameters: parameters.constantNetwork)
    let workspace = Memory(
      bytes: try network.workspaceSize(.forwardWeights, steps: batch.steps, sequences: sequences))
    let pieceLength = (range.count + sequences - 1) / sequences
    var (sum, count) = (0.0, 0)
    for start in stride(from: -context, to: pieceLength, by: batch.steps) {
      batch.read(bytes) { sequence, step in
        let target = range.lowerBound + sequence * pieceLength + start + step
        let counts = start + step >= 0 && start + step < pieceLength && range.contains(target)
        return (min(max(target, 1), bytes.count - 1), counts)
      }
      try batch.forward { pass in
        pass.weights = weights
        pass.workspace = workspace.pointer
        pass.workspaceBytes = workspace.constant.count
      }
      batch.carryState()
      let result = try CrossEntropy.evaluate(
        logits: batch.logits.constant, classes: Corpus.vocabulary, targets: batch.targets.constant)
      sum += result.loss * Double(result.count)
      count += result.count
      progress(Double(count) / Double(range.count))
    }
    guard count == range.count else { throw Failure("\(count) of \(range.count) held-out bytes were predicted") }
    return System.exp(sum / Double(count))
  }
}
