// From a thrown error to a status and the thread's message.
import CPrimitives
import CSwiftRNN
import SwiftRNN

/// The status that a refusal becomes.
func status(of error: RNNError) -> swiftrnn_status {
  switch error {
  case .nullPointer: SWIFTRNN_STATUS_NULL_POINTER
  case .invalidValue, .invalidNumber, .invalidRow, .invalidElement: SWIFTRNN_STATUS_INVALID_VALUE
  case .invalidSize, .invalidLength, .sizeMismatch, .countMismatch, .overlappingRows: SWIFTRNN_STATUS_INVALID_SIZE
  case .overflow: SWIFTRNN_STATUS_OVERFLOW
  case .bufferTooSmall: SWIFTRNN_STATUS_BUFFER_TOO_SMALL
  case .misaligned: SWIFTRNN_STATUS_MISALIGNED
  case .mismatch, .tapeMismatch, .cycle: SWIFTRNN_STATUS_MISMATCH
  case .outOfMemory: SWIFTRNN_STATUS_OUT_OF_MEMORY
  case .unsupported: SWIFTRNN_STATUS_UNSUPPORTED
  case .cell: SWIFTRNN_STATUS_INVALID_VALUE
  }
}

/// The calling thread's 1024 bytes for its last message; nil: there are none yet, and cannot be had. Never inlined: the C
/// function behind it is `static inline`, and each object file that calls it would have buffers of its own.
@inline(never)
func lastMessage(make: Bool) -> UnsafeMutablePointer<CChar>? { swiftrnn_error_text(make) }

/// Writes the message of `error` for the calling thread.
@inline(never)
func record(_ error: RNNError) {
  lastMessage(make: true)?.withMemoryRebound(to: UInt8.self, capacity: 1024) { text in
    error.write(to: UnsafeMutableBufferPointer(start: text, count: 1024), naming: .c)
  }
}

/// The body of every fallible function of the library: OK, or the status of what it throws, with the message written.
/// Already the checks and the message run with the library's floating-point control: a caller may have unmasked
/// exceptions, and printing 0.3 is inexact.
///
/// - Parameter bytes: of the reserve that `body` runs with, if any: see `withReserve()`.
@inline(__always)
func run(reserving bytes: Int? = nil, _ body: () throws(RNNError) -> Void) -> swiftrnn_status {
  let before = swiftrnn_float_control_enter()
  defer { swiftrnn_float_control_leave(before) }
  do {
    if let bytes { try withReserve(bytes, body) } else { try body() }
    return SWIFTRNN_STATUS_OK
  } catch {
    record(error)
    return status(of: error)
  }
}
