import Foundation
import TestSupport
import Testing
import TraceAnalysis
import TraceModel

/// The page of `ctrace report --format html`. What a browser makes of it is tested in `tools/browser`.
@Suite struct HTMLReportTests {
  private static let ms: Int64 = 1_000_000

  /// What the scripts read of the timeline.
  private struct Timeline: Decodable {
    struct Track: Decodable {
      var thread: Int
      var first: Int
      var runs: [Int]
    }
    struct Curve: Decodable {
      var name: String
      var unit: String
      var capacity: UInt64?
      var means: [Double]
      var maxima: [Int64]
    }
    var spanNs: Int64
    var partNs: Int64
    var parts: Int
    var threads: [Track]
    var otherThreads: Int
    var waiters: [Curve]
    var depths: [Curve]
    var lockNames: [String: String]
    var threadNames: [String: String]
  }

  private struct LeftOut: Decodable {
    var locks: Int
    var threads: Int
  }

  private struct Data: Decodable {
    var report: Report
    var timeline: Timeline
    var threads: Int
    var leftOut: LeftOut
    var contendedKinds: [String]
  }

  private func page(_ trace: TraceBuilder) throws -> String {
    let folder = try TemporaryFolder()
    let file = try folder.write(try trace.file(), to: "t.ctrace")
    let run = try CTrace.run("report", "--format", "html", "-o", folder.path + "/t.html", file)
    #expect(run.status == 0 && run.output.isEmpty, "\(run.errors)")
    return try String(contentsOfFile: folder.path + "/t.html", encoding: .utf8)
  }

  /// What stands between the tags of the data's element.
  private func json(_ page: String) throws -> Substring {
    let start = try #require(page.firstRange(of: #"<script type="application/json" id="data">"#))
    let rest = page[start.upperBound...]
    return rest[..<(try #require(rest.firstRange(of: "</script>")).lowerBound)]
  }

  private func data(_ page: String) throws -> Data {
    try JSONDecoder().decode(Data.self, from: Foundation.Data(try json(page).utf8))
  }

  /// worker waits half of the run for what holder has, who puts something into a queue meanwhile.
  private func trace(lock: String = "mu", thread: String = "worker") -> TraceBuilder {
    let ms = HTMLReportTests.ms
    var trace = TraceBuilder(duration: 800 * ms, scheduling: .kernel)
    let (holder, worker) = (trace.thread("holder"), trace.thread(thread, from: 200 * ms))
    let (lock, jobs) = (trace.lock(lock), trace.lock("jobs", kind: .queue, capacity: 8))
    trace.come(worker, on: 1, at: 200 * ms)
    trace.come(holder, on: 0, at: 0)
    trace.wait(
      worker, lock, from: 400 * ms, to: 800 * ms, owner: holder, stack: trace.stack("want", "main"))
    trace.sleep(worker, from: 400 * ms, woken: 800 * ms, by: holder, to: 800 * ms, on: 1)
    trace.enqueue(holder, jobs, count: 2, at: 600 * ms)
    return trace
  }

  @Test func `The data is the report and the timeline`() throws {
    let trace = trace()
    let data = try data(try page(trace))
    #expect(data.report.schema == "ctrace-report/1" && data.threads == 2)
    #expect(data.report.locks.map(\.name) == ["mu"])
    #expect(data.report.locks.first?.waiters.first?.stack.map(\.function) == ["want", "main"])
    #expect(data.contendedKinds.contains("mutex") && !data.contendedKinds.contains("condition"))
    #expect(data.leftOut.locks == 0)
    let timeline = data.timeline
    #expect(timeline.parts == 800 && timeline.partNs == HTMLReportTests.ms)
    // Runs of parts: how many, thousandths in each state, lock, holder, what else was waited for.
    let worker = try #require(timeline.threads.first)
    #expect(data.report.threads[worker.thread].name == "worker" && worker.first == 200)
    #expect(
      worker.runs == [200, 1000, 0, 0, 0, 0, 0, 0, 0, 0] + [400, 0, 0, 1000, 0, 0, 0, 1, 1, 0])
    #expect(timeline.lockNames == ["1": "mu"] && timeline.threadNames == ["1": "holder"])
    let waiters = try #require(timeline.waiters.first)
    #expect(waiters.name == "mu" && waiters.maxima[399] == 0 && waiters.maxima[400] == 1)
    let depth = try #require(timeline.depths.first)
    #expect(depth.name == "jobs" && depth.capacity == 8 && depth.means[600] == 2)
  }

  @Test(arguments: [
    "</script><script>alert(1)</script>", "<!--<script>", "]]>{{script}}{{data}}", "\u{2028}\"\\",
    "\u{0}\u{1b}[31m", "<img src=x onerror=alert(1)>", "\u{202e}&lt;/script&gt;",
  ])
  func `No name can break out of the data`(name: String) throws {
    var trace = trace(lock: name, thread: name)
    trace.define(
      .recording(
        Recording(program: [name, name], scheduling: .kernel, duration: 800 * HTMLReportTests.ms)))
    let page = try page(trace)
    let plain = try self.page(self.trace())
    #expect(!(try json(page)).contains("<"))
    let data = try data(page)
    #expect(data.report.locks.map(\.name) == [name])
    #expect(data.report.threads.contains { $0.name == name })
    // The rest of the page is the same, but for its title.
    func frame(_ page: String) throws -> String {
      page.replacing(try json(page), with: "")
        .replacing(/<title>[^<]*<\/title>/, with: "")
    }
    #expect(try frame(page) == (try frame(plain)))
  }

  @Test func `It needs nothing from anywhere`() throws {
    let page = try page(trace())
    #expect(!page.contains(" src=") && !page.contains("@import") && !page.contains("url("))
    let addresses = page.matches(of: /https?:\/\/[^"' )]*/).map { String($0.output) }
    // A name of SVG's, which nothing is read from.
    #expect(addresses == ["http://www.w3.org/2000/svg"])
    #expect(page.contains("default-src 'none'"))
  }

  @Test func `However much was recorded, it stays small`() throws {
    var trace = TraceBuilder(duration: 100_000_000)
    let threads = (0..<300).map { trace.thread("thread \($0)") }
    let long = String(repeating: "template<", count: 60)
    for number in 0..<700 {
      let lock = trace.lock("lock \(number) \(long)")
      let stack = trace.stack((0..<40).map { "\(long)\($0) of \(number)" })
      for (place, thread) in threads.prefix(2).enumerated() {
        let start = Int64(number * 90_000 + place * 5000)
        trace.wait(thread, lock, from: start, to: start + 4000, stack: stack)
      }
    }
    let page = try page(trace)
    #expect(page.utf8.count < 10_000_000)
    let data = try data(page)
    #expect(data.leftOut.locks == 700 - data.report.locks.count)
    #expect((15..<700).contains(data.report.locks.count) && data.timeline.threads.count == 64)
    #expect(data.timeline.threads.allSatisfy { data.report.threads.indices.contains($0.thread) })
    #expect(data.timeline.otherThreads == 236 && data.threads == 300)
  }

  @Test func `It does not go to a terminal`() throws {
    let run = try Program(
      ["script", "-qec", "\(CTrace.path) report --format html t.ctrace", "/dev/null"]
    ).result()
    #expect(run.status == 2)
    #expect(run.output.contains("a page is for a browser, not for a terminal; name a file with -o"))
  }
}
