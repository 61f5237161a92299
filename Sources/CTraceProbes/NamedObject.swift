internal import CProbes

/// What the runtime knows by its address, with the bytes of its name; nothing where the program is not
/// recorded.
struct NamedObject<Value>: ~Copyable, @unchecked Sendable {
  /// The runtime changes it, and nobody else.
  let address: UnsafeMutablePointer<Value>?
  private let name: UnsafeMutablePointer<CChar>?
  private let isLock: Bool

  init(_ name: String, isLock: Bool, _ make: (UnsafePointer<CChar>) -> Value) {
    self.isLock = isLock
    guard api != nil else {
      (address, self.name) = (nil, nil)
      return
    }
    let text = Array(name.utf8CString)
    let bytes = UnsafeMutablePointer<CChar>.allocate(capacity: text.count)
    bytes.initialize(from: text, count: text.count)
    let address = UnsafeMutablePointer<Value>.allocate(capacity: 1)
    address.initialize(to: make(bytes))
    (self.address, self.name) = (address, bytes)
  }

  deinit {
    guard let api, let address else { return }
    api.pointee.gone(address, isLock ? 1 : 0)
    address.deallocate()
    name?.deallocate()
  }
}
