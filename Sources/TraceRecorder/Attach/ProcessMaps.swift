internal import LinuxSystem
internal import Symbolication
internal import TraceModel

/// The programs and libraries that a running process has mapped, as /proc tells.
enum ProcessMaps {
  /// A line of /proc/PID/maps with a file.
  private struct Mapping {
    var start: UInt64
    var end: UInt64
    var isCode: Bool
    var offset: UInt64
    var path: String
  }

  /// The modules of a process; none when it has ended, or may not be looked into.
  static func modules(of process: Process, at time: Timestamp) -> [Module] {
    guard let bytes = try? readSmallFile("/proc/\(process.pid)/maps") else { return [] }
    let mappings = String(decoding: bytes, as: UTF8.self).split(separator: "\n")
      .compactMap(mapping)
    var modules: [Module] = []
    for code in mappings where code.isCode {
      // The file itself, also where another has its name by now; for root alone.
      let exact =
        "/proc/\(process.pid)/map_files/\(String(code.start, radix: 16))-"
        + String(code.end, radix: 16)
      let deleted = " (deleted)"
      let path =
        code.path.hasSuffix(deleted) ? String(code.path.dropLast(deleted.count)) : code.path
      guard let file = elfFile(exact) ?? elfFile("/proc/\(process.pid)/root\(path)"),
        let address = file.address(ofFileOffset: code.offset)
      else { continue }
      let bias = code.start &- address
      let range = file.addressRange
      modules.append(
        Module(
          process: process.id, bias: bias, start: bias &+ range.lowerBound,
          end: bias &+ range.upperBound, path: path, buildID: file.buildID, loaded: time))
    }
    return modules
  }

  private static func elfFile(_ path: String) -> ElfFile? { try? ElfFile(path: path) }

  /// `55d0c0a00000-55d0c0a21000 r-xp 00002000 fe:00 1234  /usr/bin/prog`
  private static func mapping(_ line: Substring) -> Mapping? {
    let fields = line.split(separator: " ", maxSplits: 5)
    guard fields.count == 6 else { return nil }
    let bounds = fields[0].split(separator: "-").compactMap { UInt64($0, radix: 16) }
    let path = fields[5].drop { $0 == " " }
    guard bounds.count == 2, let offset = UInt64(fields[2], radix: 16), path.hasPrefix("/") else {
      return nil
    }
    return Mapping(
      start: bounds[0], end: bounds[1], isCode: fields[1].contains("x"), offset: offset,
      path: String(path))
  }
}
