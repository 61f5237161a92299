internal import TraceModel

extension Symbol {
  /// `function (file:line)` as far as that is known, otherwise the place in the module.
  var frameText: String {
    let hexOffset = "0x" + String(offset, radix: 16)
    if function.isEmpty { return module.isEmpty ? hexOffset : "\(module)+\(hexOffset)" }
    if !file.isEmpty { return line > 0 ? "\(function) (\(file):\(line))" : "\(function) (\(file))" }
    return module.isEmpty ? function : "\(function)+\(hexOffset) (\(module))"
  }
}
