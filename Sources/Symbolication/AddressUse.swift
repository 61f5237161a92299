/// What an address of a recording is, which decides what it is looked up as.
public enum AddressUse: Hashable, Sendable {
  /// An instruction: a program counter.
  case exact
  /// The instruction after a call. The call itself is looked up, one byte before: when the callee
  /// never returns, the address after it can already be the next function.
  case returnAddress
  /// A variable, a lock among them.
  case data

  /// The address to look up for a recorded one.
  func target(of address: UInt64) -> UInt64 {
    self == .returnAddress && address > 0 ? address - 1 : address
  }
}
