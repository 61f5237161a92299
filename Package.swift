// swift-tools-version: 6.2
import PackageDescription

/// Swift 6, and every warning is an error.
let strict: [SwiftSetting] = [
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
  .treatAllWarnings(as: .error),
]
/// Code that reads bytes nobody vouches for: each unsafe expression is marked as one.
let memorySafe =
  strict + [.strictMemorySafety(), .enableExperimentalFeature("Lifetimes")]

/// C of our own: warnings are errors there too.
let c: [CSetting] = [
  .define("_GNU_SOURCE"), .unsafeFlags(["-std=gnu17", "-Wall", "-Wextra"]),
  .treatAllWarnings(as: .error),
]

/// C that runs in the target. The optimiser is on in debug builds too: it is the same everywhere.
let inTarget: [CSetting] = [
  .unsafeFlags([
    "-O2", "-fvisibility=hidden", "-fexceptions", "-fno-omit-frame-pointer",
    "-ftls-model=initial-exec",
    // Code that is moved out of a hook would take its own caller for that of the hook.
    "-Xclang", "-fno-split-cold-code",
  ])
]

extension LinkerSetting {
  /// Keeps libswiftCore, which SwiftPM links into every dynamic library, out of the programs that are
  /// recorded.
  static func inTarget(_ name: String) -> LinkerSetting {
    .unsafeFlags([
      "-enable-experimental-feature", "Embedded", "-Xlinker",
      "--version-script=\(Context.packageDirectory)/Sources/\(name)/exports.map",
    ])
  }
}

let system = Target.Dependency.product(name: "SystemPackage", package: "swift-system")

let package = Package(
  name: "ctrace",
  products: [
    .executable(name: "ctrace", targets: ["ctrace"]),
    .library(name: "ctrace-runtime", type: .dynamic, targets: ["CTraceRuntime"]),
    .library(name: "ctrace-python", type: .dynamic, targets: ["CTracePython"]),
    // For programs that tell of themselves.
    .library(name: "CTraceProbes", targets: ["CTraceProbes"]),
    .library(name: "CTraceObservability", targets: ["CTraceObservability"]),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-system", from: "1.8.1"),
    .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift", from: "0.2.0"),
    .package(url: "https://github.com/apple/swift-numerics", from: "1.1.1"),
    .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
    .package(url: "https://github.com/apple/swift-distributed-tracing", from: "1.7.3"),
    .package(url: "https://github.com/jpsim/Yams", from: "6.2.2"),
  ],
  targets: [
    // In the target.
    .target(name: "CTraceABI"),
    .target(name: "CTraceHeader"),
    // Nothing may depend on these two: their linker settings would travel along.
    .target(
      name: "CTraceRuntime",
      dependencies: ["CTraceABI", "CTraceHeader"],
      exclude: ["exports.map"],
      cSettings: c + inTarget,
      linkerSettings: [.inTarget("CTraceRuntime")]),
    .target(
      name: "CTracePython",
      dependencies: ["CTraceABI"],
      exclude: ["exports.map"],
      cSettings: c + inTarget,
      linkerSettings: [.inTarget("CTracePython")]),

    // In programs that tell of themselves.
    .target(name: "CProbes", dependencies: ["CTraceHeader"], cSettings: c),
    .target(name: "CTraceProbes", dependencies: ["CProbes"], swiftSettings: strict),
    .target(
      name: "CTraceObservability",
      dependencies: [
        "CTraceProbes", .product(name: "CoreMetrics", package: "swift-metrics"),
        .product(name: "Tracing", package: "swift-distributed-tracing"),
      ],
      swiftSettings: strict),

    // The system.
    .target(name: "CLinux", dependencies: ["CTraceABI"], cSettings: c),
    .systemLibrary(name: "CElf", pkgConfig: "libdw", providers: [.apt(["libdw-dev"])]),
    .systemLibrary(name: "CZstd", pkgConfig: "libzstd", providers: [.apt(["libzstd-dev"])]),
    .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
    .target(name: "LinuxSystem", dependencies: ["CLinux", system], swiftSettings: strict),

    // The trace.
    .target(name: "TraceModel", swiftSettings: strict),
    .target(
      name: "TraceFile", dependencies: ["TraceModel", "CZstd", "CZlib"],
      swiftSettings: memorySafe),

    // Recording.
    .target(
      name: "Symbolication", dependencies: ["TraceModel", "CElf", "CZlib"],
      swiftSettings: memorySafe,
      // For its demangler.
      linkerSettings: [.linkedLibrary("stdc++")]),
    .target(
      name: "TraceRecorder",
      dependencies: [
        "CLinux", "CTraceABI", "LinuxSystem", "Symbolication", "TraceFile", "TraceModel", system,
      ],
      swiftSettings: strict),

    // What is made of a trace.
    .target(
      name: "TraceAnalysis",
      dependencies: [
        "TraceModel", .product(name: "Histogram", package: "hdrhistogram-swift"),
        .product(name: "RealModule", package: "swift-numerics"),
      ],
      swiftSettings: strict),
    .target(name: "TraceExport", dependencies: ["TraceModel"], swiftSettings: strict),

    // The command.
    .target(
      name: "CommandLine",
      dependencies: [
        "CZlib", "LinuxSystem", "TraceAnalysis", "TraceExport", "TraceFile", "TraceModel",
        "TraceRecorder", system, .product(name: "ArgumentParser", package: "swift-argument-parser"),
        .product(name: "Yams", package: "Yams"),
      ],
      // Into the binary, which may be moved.
      resources: [
        "page.html", "page.css", "words.js", "links.js", "tables.js", "timeline.js", "flame.js",
        "page.js", "comparison.html", "comparison.css",
      ].map { .embedInCode("HTML/\($0)") },
      swiftSettings: strict),
    .executableTarget(name: "ctrace", dependencies: ["CommandLine"], swiftSettings: strict),

    // Tests.
    .target(
      name: "TestSupport", dependencies: ["TraceAnalysis", "TraceFile", "TraceModel"],
      path: "Tests/TestSupport", swiftSettings: strict),
    .testTarget(name: "StyleTests", swiftSettings: strict),
    .testTarget(
      name: "LinuxSystemTests", dependencies: ["LinuxSystem", system], swiftSettings: strict),
    .testTarget(
      name: "SymbolicationTests", dependencies: ["CElf", "Symbolication"], swiftSettings: strict),
    .testTarget(
      name: "TraceFileTests", dependencies: ["TraceFile", "TestSupport"], swiftSettings: strict),
    .testTarget(
      name: "TraceAnalysisTests", dependencies: ["TraceAnalysis", "TestSupport"],
      swiftSettings: strict),
    .testTarget(
      name: "TraceExportTests", dependencies: ["TraceExport", "TestSupport"],
      swiftSettings: strict),
    .testTarget(
      name: "TraceRecorderTests",
      dependencies: ["CTraceABI", "LinuxSystem", "TraceFile", "TraceModel", "TraceRecorder"],
      swiftSettings: strict),
    // A program to be recorded.
    .executableTarget(
      name: "SwiftWords",
      dependencies: [
        "CTraceObservability", "CTraceProbes", .product(name: "Metrics", package: "swift-metrics"),
        .product(name: "Tracing", package: "swift-distributed-tracing"),
      ],
      path: "Tests/SwiftWords", swiftSettings: strict),
    // They run the products from outside.
    .testTarget(
      name: "RecordingTests",
      dependencies: ["SwiftWords", "Symbolication", "TestSupport", "TraceAnalysis"],
      swiftSettings: strict),
    .testTarget(
      name: "CommandLineTests", dependencies: ["TestSupport", "TraceAnalysis", "TraceModel"],
      swiftSettings: strict),
  ],
  swiftLanguageModes: [.v6],
  cLanguageStandard: .gnu17
)
