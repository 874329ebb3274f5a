// What a refused call says.

import CSwiftRNN
import SwiftRNN
import Testing

/// The message of the error that `body` throws, or nil.
func message(_ body: () throws(RNNError) -> Void) -> String? {
  do {
    try body()
    return nil
  } catch {
    return error.description
  }
}

/// Expects that `body` throws an error with this message.
func refused(
  _ expected: String, _ location: SourceLocation = #_sourceLocation, _ body: () throws(RNNError) -> Void
) {
  #expect(message(body) == expected, sourceLocation: location)
}

/// Expects that a C function returned `expected`, with this message.
func refused(
  _ status: swiftrnn_status, _ expected: swiftrnn_status, _ text: String, _ location: SourceLocation = #_sourceLocation
) {
  #expect(status == expected, sourceLocation: location)
  #expect(String(cString: swiftrnn_last_error()) == text, sourceLocation: location)
}
