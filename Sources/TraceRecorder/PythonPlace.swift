internal import TraceModel

/// A place in a program of Python's: a line of a function.
struct PythonPlace {
  var file: String
  var function: String
  var line: UInt32

  /// As a frame of a stack.
  var symbol: Symbol {
    Symbol(function: function, file: file, line: line, module: Symbol.pythonModule)
  }
}
