internal import Foundation

/// A library that some workloads link.
public struct Library: Sendable {
  /// What a compiler needs to find it; nil where it is not installed.
  private let found: [String]?

  /// - Parameter package: Its name for pkg-config.
  public init(package: String) {
    let result = try? Program.run("pkg-config", "--cflags", "--libs", package)
    found =
      result.flatMap { result in
        result.status == 0
          ? ["-Wl,--no-as-needed"]
            + result.output.split { $0 == " " || $0 == "\n" }.map(String.init) : nil
      }
  }

  /// Whether a program can be linked with it.
  public var isInstalled: Bool { found != nil }
  /// What a compiler is to be given, before the source.
  public var flags: [String] { found ?? [] }

  /// Debian's libglib2.0-dev.
  public static let glib = Library(package: "glib-2.0")
  /// Debian's libuv1-dev.
  public static let libuv = Library(package: "libuv")
  /// Debian's libtbb-dev.
  public static let tbb = Library(package: "tbb")

  /// Whether the compiler has OpenMP, which comes with GCC.
  public static let hasOpenMP: Bool =
    (try? Program.run("sh", "-c", "echo 'int main(){}' | cc -fopenmp -x c - -o /dev/null").status
      == 0)
    ?? false
}
