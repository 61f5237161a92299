import CommandLine

@main
enum CTrace {
  static func main() { runCTrace() }
}
