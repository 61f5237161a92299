import SystemPackage
import Testing

@testable import LinuxSystem

@Suite struct TracepointTests {
  /// As /sys/kernel/tracing/events/sched/sched_switch/format has it, with two fields added that others
  /// have.
  private static let format = """
    name: sched_switch
    ID: 316
    format:
    \tfield:unsigned short common_type;\toffset:0;\tsize:2;\tsigned:0;
    \tfield:unsigned char common_flags;\toffset:2;\tsize:1;\tsigned:0;
    \tfield:int common_pid;\toffset:4;\tsize:4;\tsigned:1;

    \tfield:char prev_comm[16];\toffset:8;\tsize:16;\tsigned:0;
    \tfield:pid_t prev_pid;\toffset:24;\tsize:4;\tsigned:1;
    \tfield:long prev_state;\toffset:32;\tsize:8;\tsigned:1;
    \tfield:u32 __user * uaddr;\toffset:40;\tsize:8;\tsigned:0;
    \tfield:const char *name;\toffset:48;\tsize:8;\tsigned:0;

    print fmt: "prev_comm=%s field:int fake; offset:99;", REC->prev_comm
    """

  @Test func `Fields are where the kernel says`() {
    let point = Tracepoint(number: 316, format: TracepointTests.format)
    #expect(point.number == 316)
    let expected: [(String, Int?)] = [
      ("common_type", 0), ("common_flags", 2), ("common_pid", 4), ("prev_comm", 8),
      ("prev_pid", 24), ("prev_state", 32), ("uaddr", 40), ("name", 48), ("fake", nil),
      ("next_pid", nil), ("", nil),
    ]
    for (field, offset) in expected { #expect(point.offset(of: field) == offset, "\(field)") }
  }

  @Test(
    arguments: [
      "", ";;;", "\tfield:", "\tfield:int a;", "\tfield:int a;\toffset:;", "field:;offset:3;",
      "\tfield:int a;\toffset:99999999999999999999;", "\tfield:int a;\tsize:4;\toffset:3;",
    ])
  func `A format of another form has no fields`(format: String) {
    let point = Tracepoint(number: 1, format: format)
    #expect(point.offset(of: "a") == nil)
    #expect(point.offset(of: "") == nil)
  }

  @Test(
    .enabled(if: (try? TracepointCatalog()) != nil, "the kernel's tracepoints need root"))
  func `This kernel's own tracepoints have the fields of all kernels`() throws {
    let catalog = try TracepointCatalog()
    let point = try catalog.tracepoint("sched/sched_switch")
    #expect(point.number > 0)
    #expect(point.offset(of: "common_pid") == 4)
    #expect(try #require(point.offset(of: "prev_pid")) > 0)
    #expect(throws: Errno.noSuchFileOrDirectory) { try catalog.tracepoint("sched/none") }
  }
}
