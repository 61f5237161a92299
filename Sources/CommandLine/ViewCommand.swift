internal import ArgumentParser
internal import Glibc
internal import LinuxSystem
internal import SystemPackage

/// `ctrace view`.
struct ViewCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "view",
    abstract: "Open a recording's timeline in Perfetto.",
    usage: "ctrace view [<option> ...] <file>",
    discussion: """
      Serves the timeline to the browser on this machine alone, under a link that nobody \
      can guess, and ends when it was fetched. The page comes from ui.perfetto.dev, the \
      trace goes nowhere; --ui takes the page from a folder, for machines without network. \
      Over SSH it prints the link, and how to forward the port.

      Examples:
        ctrace view prog.ctrace
        ctrace view --no-browser prog.ctrace   print the link only
        ctrace view --ui ~/perfetto-ui prog.ctrace
        ctrace view prog.json.gz               what was exported before
      """
  )

  /// The form in which a recording is shown.
  private static let form = ExportForm.perfetto
  /// How files end that viewers open as they are.
  private static let ready = [".json", ".pftrace", ".perfetto-trace"].flatMap { [$0, $0 + ".gz"] }

  @Option(
    help: ArgumentHelp(
      "Show it in the Perfetto UI that lies in this folder.", valueName: "folder"))
  var ui: String?

  @Option(
    parsing: .unconditional,
    help: ArgumentHelp(
      "The port to serve on: 9001, or any with --ui, unless another is given.",
      valueName: "port"))
  var port: UInt16?

  @Flag(name: .customLong("no-browser"), help: "Print the link without opening it.")
  var noBrowser = false

  @Flag(help: "Serve until Ctrl-C, so that the page can be loaded again.")
  var keep = false

  @Argument(
    help: ArgumentHelp(
      "The recording, or a file that 'ctrace export' made of one.", valueName: "file"))
  var file: String

  func run() throws {
    let viewer = try ui.map(ViewerFolder.init)
    // Before the work that may take long.
    let listener = try listen()
    let (trace, name) = try openTrace()
    let site = TraceSite(trace: trace, name: name, viewer: viewer)
    // The public viewer reads from one port only, whichever leads to us from there.
    let portOfLink = ui == nil ? TraceSite.publicViewerPort : listener.port
    let link = site.link(port: portOfLink)
    let signals = try HeldSignals()
    Terminal.write(link + "\n", to: .standardOutput)
    explain(port: listener.port, portOfLink: portOfLink)
    if !noBrowser, hasDisplay { openBrowser(link, signals.before) }
    let server = try TraceServer(site, endsOnDelivery: !keep, hasViewer: ui != nil)
    server.run(on: listener, signals: signals.descriptor)
  }

  private func listen() throws -> LoopbackListener {
    let wanted = port ?? (ui == nil ? TraceSite.publicViewerPort : 0)
    do throws(Errno) { return try LoopbackListener(port: wanted) } catch {
      guard error == .addressInUse else {
        throw Failure(message: "port \(wanted) cannot be had: \(error); choose one with --port")
      }
      throw Failure(
        message: ui == nil && port == nil
          ? "port \(wanted) is taken, perhaps by another 'ctrace view', and ui.perfetto.dev reads "
            + "from no other; end that one, or use --ui DIR"
          : "port \(wanted) is taken; choose another with --port")
    }
  }

  /// The trace as viewers take it, and its name.
  private func openTrace() throws -> (trace: FileSource, name: String) {
    let name = file.split(separator: "/").last.map(String.init) ?? file
    if ViewCommand.ready.contains(where: name.hasSuffix) {
      let trace = try TraceInput.explaining(file) { try FileSource(path: file) }
      guard trace.byteCount > 0 else { throw Failure(message: "\(file) is empty") }
      return (trace, name)
    }
    let input = try TraceInput(path: file)
    // A file without a name goes with us, however we end.
    let descriptor = try temporaryFile()
    let destination = try ResultOutput(descriptor, isCompressed: true)
    try ViewCommand.form.write(input, to: destination)
    try destination.commit()
    let plain = name.hasSuffix(".ctrace") ? String(name.dropLast(7)) : name
    return (try FileSource(descriptor), "\(plain).\(ViewCommand.form.suffix).gz")
  }

  private func temporaryFile() throws -> FileDescriptor {
    let folder = Terminal.environment("TMPDIR") ?? "/tmp"
    // mkstemp puts the name in the place of the six letters.
    var template = Array("\(folder)/ctrace-view-XXXXXX".utf8CString)
    let descriptor = mkstemp(&template)
    guard descriptor >= 0 else {
      throw Failure(
        message: "\(folder) takes no file: \(Errno(rawValue: errno)); set TMPDIR to another folder")
    }
    unlink(template)
    return FileDescriptor(rawValue: descriptor)
  }

  /// Tells people what to do with the link.
  private func explain(port: UInt16, portOfLink: UInt16) {
    let ends = keep ? "Ctrl-C ends it" : "it ends when the trace was fetched, or on Ctrl-C"
    var text = "ctrace: open the link in a browser; \(ends)\n"
    let connection = Terminal.environment("SSH_CONNECTION")?.split(separator: " ") ?? []
    if connection.count == 4 || !hasDisplay || port != portOfLink {
      var command = "ssh -L \(portOfLink):127.0.0.1:\(port) "
      if connection.count == 4, connection[3] != "22" { command += "-p \(connection[3]) " }
      command += connection.count == 4 ? String(connection[2]) : hostName
      text += "ctrace: from another machine, run there first: \(command)\n"
    }
    Terminal.write(text, to: .standardError)
  }

  private var hostName: String {
    var name = [CChar](repeating: 0, count: 256)
    guard gethostname(&name, name.count - 1) == 0 else { return "HOST" }
    return String(decoding: name.prefix { $0 != 0 }.map(UInt8.init(bitPattern:)), as: UTF8.self)
  }

  private var hasDisplay: Bool {
    Terminal.environment("DISPLAY") != nil || Terminal.environment("WAYLAND_DISPLAY") != nil
  }

  /// Opens the link as the desktop does. Where that does not work, the link is there to be clicked.
  private func openBrowser(_ link: String, _ mask: SignalMask) {
    let command = ["/bin/sh", "-c", "exec xdg-open \"$0\" </dev/null >/dev/null 2>&1", link]
    let browser = try? ChildProcess(command, environment: ownEnvironment(), signalMask: mask)
    guard let browser else { return }
    try? browser.release()
  }
}
