// Every way in which the models' floor refuses something: files, what is in them, configurations, values, and what the
// floor below refuses.
import SwiftRNN

/// Why a call of the models' floor was refused.
public enum ModelError: Error, Sendable {
  /// A file or folder could not be read or written; `reason` is the system's, mostly.
  case file(path: String, reason: String)
  /// What was read is not what it should be. `where` names the file or text, `what` says what is wrong, and at which byte
  /// if that helps.
  case format(where: String, what: String)
  /// A field of a configuration makes no sense.
  case configuration(field: String, reason: String)
  /// An argument makes no sense.
  case value(name: String, reason: String)
  /// The floor below refused.
  case rnn(RNNError)
}

extension ModelError: CustomStringConvertible {
  /// What is wrong, in one line. Text that comes from files is cut and made printable.
  public var description: String {
    switch self {
    case .file(let path, let reason): "\(Self.printable(path, limit: 1024)): \(reason)"
    case .format(let place, let what): "\(Self.printable(place, limit: 1024)): \(what)"
    case .configuration(let field, let reason): "\(field) \(reason)"
    case .value(let name, let reason): "\(name) \(reason)"
    case .rnn(let error): error.description
    }
  }

  /// Text that someone else wrote, for a message: at most `limit` scalars, and of control and format characters, line
  /// separators and unassigned ones question marks, so that a file's names do not reach a terminal raw.
  static func printable(_ text: String, limit: Int = 64) -> String {
    var out = String.UnicodeScalarView()
    var count = 0
    for scalar in text.unicodeScalars {
      if count == limit {
        out.append("\u{2026}")
        break
      }
      switch scalar.properties.generalCategory {
      case .control, .format, .lineSeparator, .paragraphSeparator, .privateUse, .surrogate, .unassigned: out.append("?")
      default: out.append(scalar)
      }
      count += 1
    }
    return String(out)
  }
}

/// Runs what the floor below offers, with its errors as those of this floor.
public func withModelErrors<Result: ~Copyable>(_ body: () throws(RNNError) -> Result) throws(ModelError) -> Result {
  do throws(RNNError) {
    return try body()
  } catch {
    throw .rnn(error)
  }
}
