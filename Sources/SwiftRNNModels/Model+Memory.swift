// Memory that calls of a model take of Swift's own allocator: the C library has a reserve of as many bytes.
@_spi(Door) import SwiftRNN

extension Model {
  /// Bytes that the small arrays and objects of a pass have at most: some for each layer, a few numbers for each sequence
  /// and step, and for classes that are drawn.
  @_spi(Door)
  public func spareBytes(_ batch: ModelBatch<Scalar>, sampledClasses: Int = 0) -> Int {
    // Sizes that a shape refuses need no memory.
    let sequences = min(batch.sequences, 1 << 31)
    let steps = min(batch.steps, 1 << 31) &+ min(batch.targetSteps, 1 << 31)
    let perLayer = networks.reduce(0) { $0 &+ 4 &* $1.spareBytes(isStream: true) &+ $1.configuration.layers &* 8192 }
    let (rows, overflow) = sequences.multipliedReportingOverflow(by: steps)
    return perLayer &+ sequences &* 128 &+ steps &* 128 &+ (overflow ? 1 << 40 : min(rows, 1 << 40))
      &+ max(0, min(sampledClasses, configuration.outputs)) &* 128
  }

  /// Bytes for sequences that are written: lists of their tokens, those of prompts, and the tokens of each sequence
  /// that are made less likely.
  ///
  /// - Parameter options: checked.
  /// - Throws: `RNNError/overflow(_:)`
  @_spi(Door)
  public func spareBytes(_ batch: ModelBatch<Scalar>, _ options: GenerationOptions) throws(RNNError) -> Int {
    let promptSteps = configuration.kind == .languageModel ? batch.steps : 0
    let (steps, overflow) = promptSteps.addingReportingOverflow(options.length)
    guard !overflow else { throw .overflow("the tokens") }
    let different = options.repetitionPenalty == 1 ? 0 : min(steps, configuration.outputs)
    let prompts = try Sizes.product(batch.sequences, promptSteps, 32, name: "the prompts")
    let rows = try Sizes.product(batch.sequences, options.beams, name: "the beams")
    // Lists of a search are copied at each step, those of one sequence grow by doubling.
    let each = try Sizes.product(options.length, 48, name: "the tokens") &+ 512
    let written = try Sizes.product(rows, each, name: "the tokens")
    let penalised = try Sizes.product(batch.sequences, different, 96, name: "the tokens")
    var sum = spareBytes(batch)
    for part in [prompts, written, penalised] {
      let (next, overflow) = sum.addingReportingOverflow(part)
      guard !overflow else { throw .overflow("the tokens") }
      sum = next
    }
    return sum
  }

  /// Bytes for a look inside: a norm for each state of each layer after each step, as a number and as text.
  @_spi(Door)
  public func inspectionBytes(_ batch: ModelBatch<Scalar>) throws(RNNError) -> Int {
    var numbers = 0
    for network in networks {
      let c = network.configuration
      numbers &+= c.layers &* (c.bidirectional ? 2 : 1) &* (network.stateCount &+ 8)
    }
    let steps = max(batch.steps, batch.targetSteps)
    let (padded, overflow) = steps.addingReportingOverflow(64)
    guard !overflow else { throw .overflow("the steps") }
    let (sum, overflow2) = try Sizes.product(numbers, padded, 256, name: "the norms").addingReportingOverflow(
      spareBytes(batch))
    guard !overflow2 else { throw .overflow("the norms") }
    return sum
  }

  private var networks: [Network<Scalar>] { [reader?.part.network, decoder?.part.network].compactMap { $0 } }
}

extension ModelConfiguration {
  /// Layers of all networks.
  @_spi(Door)
  public var layerCount: Int { (reads ? recurrent.layers : 0) &+ (decodes ? decoder.layers : 0) }
}

extension Vocabulary {
  /// Bytes of the texts of all tokens.
  @_spi(Door)
  public var textBytes: Int { table.textBytes }
}

extension Safetensors {
  /// Bytes of a file's header, as its first eight bytes say; 0 where there is no such file, or none that can be right.
  @_spi(Door)
  public static func headerBytes(_ path: String) -> Int {
    do throws(ModelError) {
      let file = try InputFile(path)
      guard file.size >= 8 else { return 0 }
      var prefix: UInt64 = 0
      try withUnsafeMutableBytes(of: &prefix) { (bytes) throws(ModelError) in try file.read(bytes, at: 0) }
      let size = UInt64(littleEndian: prefix)
      return size <= UInt64(min(headerLimit, file.size - 8)) ? Int(size) : 0
    } catch {
      return 0
    }
  }
}
