// The command line.

struct Options {
  /// The text to learn.
  var text = ""
  /// How long to train, or for how many steps.
  var budget = Budget.seconds(100)
  var hiddenSize = 256
  var layers = 2
  var seed: UInt64 = 1
  var temperature = 0.7
  /// Bytes to sample.
  var length = 300
  /// Where the parameters go, and where the sample goes.
  var save: String?
  var sample: String?
  /// What the perplexity may at most be, as a share of the bigram model's.
  var largestRatio = Double.infinity

  enum Budget {
    case seconds(Double)
    case steps(Int)
  }

  static let usage = """
    usage: CharacterLanguageModel --text FILE [option...]

    Trains an LSTM to predict the next byte of a text, on its first 90 %, and measures it on the rest.

      --text FILE         what to learn: any file of 4096 bytes or more
      --seconds S         how long to train (default 100)
      --steps N           for how many steps to train, instead of a time
      --hidden N          hidden units per layer (default 256)
      --layers N          layers (default 2)
      --seed N            of the first parameters and of the sample (default 1)
      --temperature X     of the sample: 0 takes the likeliest, 1 the model's own distribution (default 0.7)
      --length N          bytes to sample (default 300)
      --save FILE         where to save the parameters, as safetensors
      --sample FILE       where to save the sample
      --largest-ratio X   fail if the perplexity is above X times that of the bigram model
      --help

    """

  /// Reads the arguments that follow the program's name.
  init(_ arguments: some Sequence<String>) throws(Failure) {
    var rest = arguments.makeIterator()
    while let option = rest.next() {
      func value() throws(Failure) -> String {
        guard let value = rest.next() else { throw Failure("\(option) needs a value") }
        return value
      }
      func number<Number: LosslessStringConvertible & Comparable>(
        _ range: ClosedRange<Number>
      ) throws(Failure) -> Number {
        let value = try value()
        guard let number = Number(value), range.contains(number) else {
          throw Failure("\(option) is \(value), must be in \(range.lowerBound)...\(range.upperBound)")
        }
        return number
      }
      switch option {
      case "--help":
        System.print(Self.usage)
        System.exit(0)
      case "--text": text = try value()
      case "--seconds": budget = .seconds(try number(0.1...1e7))
      case "--steps": budget = .steps(try number(1...1_000_000_000))
      case "--hidden": hiddenSize = try number(1...4096)
      case "--layers": layers = try number(1...16)
      case "--seed": seed = try number(0...UInt64.max)
      case "--temperature": temperature = try number(0...100)
      case "--length": length = try number(0...100_000_000)
      case "--save": save = try value()
      case "--sample": sample = try value()
      case "--largest-ratio": largestRatio = try number(0...1e9)
      default: throw Failure("unknown option \(option); --help lists them")
      }
    }
    guard !text.isEmpty else { throw Failure("--text FILE is missing; --help lists all options") }
  }
}
