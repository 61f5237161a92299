import Foundation
import TestSupport
import Testing
import TraceAnalysis

extension RecordingTests {
  /// Queues that the kernel keeps: pipes, local sockets, message queues, semaphores, and waits for any of
  /// several descriptors.
  @Suite struct KernelQueues {
    /// A kind of queue as the workload calls it and as the report does.
    struct Kind: CustomTestStringConvertible, Sendable {
      var word: String
      var name: String
      /// What one message counts as.
      var size: UInt64 = 1
      var capacity: UInt64?
      var testDescription: String { word }
    }
    static let kinds = [
      Kind(word: "pipe", name: "pipe", size: 4096, capacity: 65536),
      Kind(word: "fifo", name: "pipe", size: 4096, capacity: 65536),
      Kind(word: "pair", name: "socket", size: 4096),
      Kind(word: "stream", name: "socket", size: 4096),
      Kind(word: "mq", name: "message-queue", capacity: 8),
      Kind(word: "sysv", name: "system-v-queue"),
    ]

    @Test(arguments: kinds, ["threads", "processes"])
    func `Messages are counted, and waits are timed at both ends`(
      kind: Kind, between: String
    ) throws {
      let program = try Workload.build("kernel_queue")
      // The program times calls, the runtime what they do: where CPUs are scarce, a thread may lose
      // its own between the two.
      for attempt in 1...4 {
        let recording = try TestRecording(program, kind.word, between)
        #expect(recording.run.status == 0, "\(recording.run.errors)")
        // One for all threads and processes, each direction of a socket by itself.
        let queues = try recording.report().queues.filter { $0.kind == kind.name }
        #expect(queues.count == 1, "\(queues.map(\.name))")
        let queue = try #require(queues.first)
        try expectCounts(of: queue, kind, recording)
        let put = try #require(queue.putWaitNs).total, take = try #require(queue.takeWaitNs).total
        #expect(try put >= recording.value("least_put_wait"))
        #expect(try take >= recording.value("least_take_wait"))
        let (putTimed, takeTimed) = (
          try recording.value("put_wait"), try recording.value("take_wait")
        )
        if isClose(put, putTimed), isClose(take, takeTimed) { return }
        #expect(attempt < 4, "put \(put) \(putTimed), take \(take) \(takeTimed)")
      }
    }

    private func expectCounts(
      of queue: QueueSummary, _ kind: Kind, _ recording: TestRecording
    ) throws {
      #expect(queue.enqueued == UInt64(try recording.value("put")) * kind.size)
      #expect(queue.dequeued == UInt64(try recording.value("taken")) * kind.size)
      #expect(queue.capacity == kind.capacity)
      let room = try recording.value("room") * Int64(kind.size)
      // What does not fit in counts as in, unless it is known how much does.
      #expect(queue.depth.max == (kind.capacity == nil ? room + Int64(kind.size) : room))
      if kind.capacity != nil {
        #expect(try #require(queue.depth.fullNs) >= recording.value("least_put_wait"))
      }
      #expect(queue.producers.contains { $0.stack.first?.function == "put_one" })
      #expect(queue.consumers.allSatisfy { $0.stack.first?.function == "take_one" })
      #expect(try recording.report().recording.lostEvents == 0)
    }

    @Test func `A queue is called by its path, or by what made it`() throws {
      for (word, name) in [
        ("pipe", "make_queue"), ("pair", "make_queue#1"), ("sysv", "make_queue"),
      ] {
        let recording = try TestRecording(Workload.build("kernel_queue"), word, "threads")
        #expect(try recording.report().queues.contains { $0.name == name }, "\(word)")
      }
      for word in ["fifo", "stream", "mq"] {
        let recording = try TestRecording(Workload.build("kernel_queue"), word, "threads")
        let start = word == "mq" ? "/ctrace-" : "/tmp/ctrace-"
        #expect(try recording.report().queues.contains { $0.name.hasPrefix(start) }, "\(word)")
      }
    }

    @Test(arguments: [[], ["processes"]])
    func `A million messages go through a pipe, and none is missed`(arguments: [String]) throws {
      let program = try Workload.build("pipe_million")
      let recording = try TestRecording(
        "sh", "-c", "exec \"$0\" $1", program, arguments.joined(separator: " "))
      #expect(recording.run.status == 0, "\(recording.run.errors)")
      let queues = try recording.report().queues.filter { $0.kind == "pipe" }
      #expect(queues.count == 1)
      let queue = try #require(queues.first)
      #expect(queue.enqueued == UInt64(try recording.value("bytes")))
      #expect(queue.dequeued == UInt64(try recording.value("bytes")))
      #expect(queue.depth.max <= 65536)
    }

    @Test func `Both ends of a shell's pipeline are one queue`() throws {
      let program = try Workload.build("pipe_ends")
      let recording = try TestRecording("sh", "-c", "\"$0\" 1234567 | \"$0\"", program)
      #expect(try recording.value("moved") == 1_234_567)
      let queues = try recording.report().queues.filter { $0.kind == "pipe" }
      #expect(queues.count == 1)
      let queue = try #require(queues.first)
      #expect(queue.enqueued == 1_234_567)
      #expect(queue.dequeued == 1_234_567)
      #expect(queue.capacity == 65536)
      #expect(queue.depth.max > 0 && queue.depth.max <= 65536)
    }

    @Test func `What was in a pipe before the recording is known`() throws {
      let program = try Workload.build("pipe_ends")
      let folder = try TemporaryFolder()
      let run = try Program(
        [
          "sh", "-c",
          """
          { "$1" 20000; : > written; } | {
            until [ -e written ]; do :; done
            "$0" record --quiet -o test.ctrace "$1"
          }
          """, CTrace.path, program,
        ], directory: folder.path
      ).result()
      #expect(run.values["moved"] == 20000, "\(run.errors)")
      let queues = try report(folder).queues.filter { $0.kind == "pipe" }
      #expect(queues.count == 1)
      let queue = try #require(queues.first)
      #expect(queue.enqueued == 0 && queue.dequeued == 20000)
      #expect(queue.depth.max == 20000)
    }

    @Test func `Local sockets of programs that know only one end are joined`() throws {
      let recording = try TestRecording(Workload.build("socket_peers"))
      #expect(recording.run.status == 0, "\(recording.run.errors)")
      let queues = try recording.report().queues.filter { $0.kind == "socket" }
      let requested = UInt64(try recording.value("requested"))
      let replied = UInt64(try recording.value("replied"))
      // Two directions of two connections.
      #expect(
        queues.map(\.enqueued).sorted() == [replied, replied, requested, requested],
        "\(queues.map { "\($0.name) \($0.enqueued) \($0.dequeued)" })")
      #expect(queues.allSatisfy { $0.enqueued == $0.dequeued })
      let paths = queues.map(\.name).filter { $0.hasPrefix("/tmp/ctrace-peers-") }
      #expect(paths.count == 2 && paths.count { $0.hasSuffix(" (replies)") } == 1)
    }

    @Test func `The kernel tells what others put in, where it is asked to`() throws {
      let recording = try TestRecording(
        Workload.build("other_writer"), options: ["--no-children", "--queue-depth", "kernel"])
      #expect(recording.run.status == 0, "\(recording.run.errors)")
      let read = UInt64(try recording.value("read"))
      let queue = try #require(try recording.report().queues.first { $0.dequeued == read })
      #expect(queue.enqueued == 0)
      #expect(queue.depth.max == (try recording.value("greatest")))
      // It stays so deep for 20 ms.
      #expect(queue.depth.p99 == queue.depth.max)
    }

    @Test func `Left out, they are not recorded, and the program's own are`() throws {
      for kind in KernelQueues.kinds {
        let recording = try TestRecording(
          Workload.build("kernel_queue"), kind.word, "processes",
          options: ["--queue-depth", "off"])
        #expect(recording.run.status == 0, "\(recording.run.errors)")
        #expect(try recording.report().queues.allSatisfy { $0.kind == "semaphore" }, "\(kind.word)")
      }
      let own = try TestRecording(
        Workload.build("million_items"), options: ["--queue-depth", "off"])
      #expect(try own.queue("items").enqueued == UInt64(try own.value("items")))
    }

    @Test func `Asked or not, what the program does is counted alike`() throws {
      for kind in KernelQueues.kinds {
        let recording = try TestRecording(
          Workload.build("kernel_queue"), kind.word, "processes",
          options: ["--queue-depth", "kernel"])
        #expect(recording.run.status == 0, "\(recording.run.errors)")
        let queue = try #require(try recording.report().queues.first { $0.kind == kind.name })
        #expect(queue.enqueued == UInt64(try recording.value("put")) * kind.size)
        #expect(queue.dequeued == UInt64(try recording.value("taken")) * kind.size)
      }
    }

    @Test func `A bounded buffer of System V semaphores shows its depth`() throws {
      let recording = try TestRecording(Workload.build("system_v_semaphores"))
      #expect(recording.run.status == 0, "\(recording.run.errors)")
      let queues = try recording.report().queues.filter { $0.kind == "system-v-semaphore" }
      let put = UInt64(try recording.value("put")), taken = UInt64(try recording.value("taken"))
      let slots = try recording.value("slots")
      for (name, most) in [("make_set#1", slots), ("make_set#2", slots), ("make_set#3", 1)] {
        let queue = try #require(queues.first { $0.name == name })
        let count = name == "make_set#3" ? put + taken : put
        #expect(queue.enqueued == count && queue.dequeued == count, "\(name)")
        #expect(queue.depth.max == most, "\(name)")
      }
      let items = try recording.lock("make_set#1"), room = try recording.lock("make_set#2")
      #expect(items.acquisitions == taken)
      #expect(room.acquisitions == put)
      #expect(
        isClose(items.waitNs.total, try recording.value("take_wait"), part: 0.2, slack: 5_000_000))
      #expect(
        isClose(room.waitNs.total, try recording.value("put_wait"), part: 0.2, slack: 5_000_000))
    }

    @Test func `Waits for any of several descriptors are idle, and looks are no waits`() throws {
      let recording = try TestRecording(Workload.build("polling"))
      #expect(recording.run.status == 0, "\(recording.run.errors)")
      let rounds = UInt64(try recording.value("rounds"))
      var idle: Int64 = 0
      for (way, name) in [
        ("poll", "by_poll"), ("ppoll", "by_ppoll"), ("select", "by_select"),
        ("pselect", "by_pselect"), ("epoll", "make_epoll"),
      ] {
        let waits = try recording.report().locks.filter {
          $0.kind == "poll" && ($0.name == name || $0.name == name + "#1")
        }
        let wait = try #require(waits.first, "\(way)")
        // A look that another thread interrupted for long is one more.
        #expect(wait.contended >= rounds && wait.contended < rounds + 50, "\(way)")
        #expect(
          isClose(wait.waitNs.total, try recording.value(way), part: 0.2, slack: 5_000_000),
          "\(way)")
        idle += try recording.value(way)
      }
      let event = try #require(try recording.report().queues.first { $0.kind == "eventfd" })
      #expect(event.name == "make_event")
      #expect(event.enqueued == 6 * rounds && event.dequeued == 6 * rounds)
      #expect(event.depth.max == 1)
      let read = try recording.value("reading")
      #expect(isClose(try #require(event.takeWaitNs).total, read, part: 0.2, slack: 5_000_000))
      let thread = try recording.thread("waiter")
      #expect(thread.idleNs >= idle * 9 / 10)
      #expect(thread.queueWaitNs <= read + read / 10 + 3_000_000)
    }

    @Test func `Calls that fail, or move nothing, do so as without ctrace`() throws {
      let program = try Workload.build("kernel_calls")
      let bare = try Program.run(program)
      #expect(bare.status == 0 && bare.output.count > 5000)
      for options in [[], ["--queue-depth", "kernel"]] {
        let recording = try TestRecording(program, options: options)
        #expect(recording.run.status == 0)
        #expect(recording.run.output == bare.output)
        let queues = try recording.report().queues
        // What was put in and taken out by all of the ways, what was copied and looked at too.
        let pipe = try #require(queues.first { $0.kind == "pipe" && $0.capacity == 1 << 17 })
        #expect(pipe.enqueued == pipe.dequeued)
        let other = try #require(queues.first { $0.kind == "pipe" && $0.capacity == 1 << 16 })
        #expect(other.enqueued == 3 + 65536 && other.dequeued == 3 + 300)
        let sockets = queues.filter { $0.kind == "socket" && $0.dequeued > 0 }
        #expect(sockets.map(\.enqueued).sorted() == [10, 300])
        #expect(sockets.allSatisfy { $0.enqueued == $0.dequeued })
        #expect(queues.first { $0.kind == "message-queue" }?.enqueued == 2)
        #expect(queues.first { $0.kind == "message-queue" }?.dequeued == 2)
        #expect(queues.first { $0.kind == "system-v-queue" }?.enqueued == 2)
        #expect(queues.first { $0.kind == "system-v-queue" }?.dequeued == 2)
      }
    }

    @Test func `A number that is given to another file is that file's`() throws {
      let recording = try TestRecording(Workload.build("reused_descriptors"))
      #expect(recording.run.status == 0, "\(recording.run.errors)")
      // Of the one inside popen() it is known only that nothing came out.
      let queues = try recording.report().queues.filter {
        $0.kind == "pipe" && $0.enqueued + $0.dequeued > 0
      }
      #expect(queues.count == Int(try recording.value("pipes")))
      let each = UInt64(try recording.value("bytes_each"))
      for queue in queues {
        #expect(queue.enqueued == queue.dequeued)
        #expect([each, 2 * each].contains(queue.enqueued), "\(queue.name) \(queue.enqueued)")
      }
    }

    @Test func `Calls that are cancelled have been waits`() throws {
      let recording = try TestRecording(Workload.build("cancelled_calls"))
      #expect(recording.run.status == 0, "\(recording.run.errors)")
      #expect(try recording.value("cleaned") == 5)
      for (kind, function) in [
        ("pipe", "in_read"), ("socket", "in_recv"), ("message-queue", "in_mq_receive"),
        ("system-v-queue", "in_msgrcv"), ("poll", "in_poll"),
      ] {
        let lock = try #require(try recording.report().locks.first { $0.kind == kind })
        #expect(lock.contended == 1, "\(kind)")
        #expect(lock.waitNs.total >= 5_000_000, "\(kind)")
        #expect(lock.waiters.first?.stack.first?.function == function, "\(kind)")
      }
    }

    @Test func `A wait that a signal handler jumps out of leaves later ones as they are`() throws {
      let recording = try TestRecording(Workload.build("jumps"))
      #expect(recording.run.status == 0, "\(recording.run.errors)")
      let lock = try #require(try recording.report().locks.first { $0.kind == "pipe" })
      // Those that were left are forgotten, and a writer that loses its CPU to the reader does not wait.
      #expect(lock.waiters.count == 1)
      let waiter = try #require(lock.waiters.first)
      #expect(waiter.stack.first?.function == "wait_for_byte")
      #expect(waiter.count == UInt64(try recording.value("waits")))
      #expect(waiter.waitNs >= (try recording.value("least_wait")))
    }

    @Test(arguments: ["prctl", "syscall"])
    func `A program that confines itself is not ended for a call that is ours`(
      way: String
    ) throws {
      let program = try Workload.build("confined")
      let recording = try TestRecording(
        "sh", "-c", "exec \"$0\" $1", program, way == "syscall" ? way : "",
        options: ["--queue-depth", "kernel"])
      #expect(recording.run.status == 0, "\(recording.run.errors)")
      let queue = try #require(try recording.report().queues.first { $0.kind == "pipe" })
      #expect(queue.enqueued == UInt64(try recording.value("bytes")))
      #expect(queue.dequeued == UInt64(try recording.value("bytes")))
    }

    @Test func `A write that does not fit in at once is one write`() throws {
      let recording = try TestRecording(Workload.build("large_writes"))
      #expect(recording.run.status == 0, "\(recording.run.errors)")
      let queue = try #require(try recording.report().queues.first { $0.kind == "pipe" })
      #expect(queue.enqueued == UInt64(try recording.value("put")))
      #expect(queue.dequeued == UInt64(try recording.value("taken")))
      #expect(queue.depth.max == 65536)
    }

    private func report(_ folder: TemporaryFolder) throws -> Report {
      let result = try CTrace.run("report", "--format", "json", folder.path + "/test.ctrace")
      return try JSONDecoder().decode(Report.self, from: Data(result.output.utf8))
    }
  }
}
