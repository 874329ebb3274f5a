// What is seen meanwhile, and at the end.

/// Where training is: how much of the time or of the steps has gone, how fast, how well.
struct Progress {
  private let budget: Options.Budget
  private let bytesPerStep: Int
  private let start = ContinuousClock.now
  private var lastShown = Duration.zero
  private var step = 0
  /// How much is done, 0 ... 1.
  private(set) var fraction = 0.0
  /// All losses so far, in nats per byte.
  private(set) var losses: [Double] = []
  /// The same, smoothed.
  private(set) var loss = 0.0

  init(_ budget: Options.Budget, bytesPerStep: Int) {
    self.budget = budget
    self.bytesPerStep = bytesPerStep
  }

  /// Takes note of a step, and shows it now and then: on a terminal as a bar that stays in its place, elsewhere as a
  /// line every ten seconds.
  mutating func record(_ loss: Double) {
    step += 1
    losses.append(loss)
    // The mean of all at first, later of the last fifty or so.
    self.loss += (loss - self.loss) / Double(min(step, 50))
    let elapsed = ContinuousClock.now - start
    fraction =
      switch budget {
      case .seconds(let seconds): min(1, elapsed / .seconds(seconds))
      case .steps(let steps): Double(step) / Double(steps)
      }
    let pause = Duration.seconds(System.isTerminal ? 0.1 : 10)
    if step == 1 || fraction == 1 || elapsed - lastShown >= pause {
      lastShown = elapsed
      show(elapsed)
    }
  }

  /// At most 79 columns.
  private func show(_ elapsed: Duration) {
    let seconds = elapsed / .seconds(1)
    let left = Int((seconds / max(fraction, 1e-9) - seconds).rounded())
    let speed = Double(step * bytesPerStep) / seconds
    let line = """
      \(bar) step \(step)  loss \(self.loss.formatted(3))  \
      perplexity \(System.exp(self.loss).formatted(2))  \(speed.formatted(0)) bytes/s  \
      \(left / 60):\((left % 60 < 10 ? "0" : ""))\(left % 60) left
      """
    // Back to the line's start, and what is behind it away.
    System.print(System.isTerminal ? "\r\(line)\u{1b}[K\(fraction == 1 ? "\n" : "")" : "\(line)\n")
  }

  private var bar: String {
    let width = 10
    let full = Int(fraction * Double(width))
    return String(repeating: "█", count: full) + String(repeating: "░", count: width - full)
  }
}

/// Numbers as a row of little bars, each the mean of its share of them.
func sparkline(_ values: [Double], width: Int = 48) -> String {
  let levels = Array("▁▂▃▄▅▆▇█")
  let width = min(width, values.count)
  let means = (0..<width).map { column in
    let part = values[column * values.count / width..<(column + 1) * values.count / width]
    return part.reduce(0, +) / Double(part.count)
  }
  guard let low = means.min(), let high = means.max(), high > low else { return "" }
  return String(means.map { levels[Int((($0 - low) / (high - low) * Double(levels.count - 1)).rounded())] })
}
