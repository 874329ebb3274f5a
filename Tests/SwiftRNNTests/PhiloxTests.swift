import Testing

@testable import SwiftRNN

@Suite struct PhiloxTests {
  /// The known answers that Random123, the authors' library, publishes for philox4x32-10.
  @Test func knownAnswers() {
    #expect(Philox(seed: 0).words(0, 0, 0, 0) == (0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8))
    let ones = UInt32.max
    #expect(
      Philox(seed: .max).words(ones, ones, ones, ones) == (0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd))
    let pi = Philox(seed: 0x299f_31d0_a409_3822)
    #expect(
      pi.words(0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344)
        == (0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1))
    #expect(
      pi.words(0x85a3_08d3_243f_6a88, 0x0370_7344_1319_8a2e)
        == (0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1))
  }

  @Test func uniformNumbersStayBelowOne() {
    #expect(Philox.uniform24(0) == 0)
    #expect(Philox.uniform24(.max) == 1 - 0x1p-24)
    #expect(Philox.uniform53(0, 0) == 0)
    #expect(Philox.uniform53(.max, .max) == 1 - 0x1p-53)
    #expect(Philox.uniform53(0x7ff, 0) == 0)
    #expect(Philox.uniform53(0x800, 0) == 0x1p-53)
  }
}
