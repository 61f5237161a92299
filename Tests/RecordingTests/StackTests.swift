import TestSupport
import Testing
import TraceAnalysis

extension RecordingTests {
  @Suite struct Stacks {
    /// How programs are built, with frame pointers and without.
    static let builds = [["-O2", "-fomit-frame-pointer"], ["-O2", "-fno-omit-frame-pointer"]]

    /// The functions that `unwinding` calls on the way to each of its locks.
    static let chains = [
      "chain_mu": (0..<20).map { "link_\($0)" },
      "array_mu": ["in_an_array", "make_array"],
      "aligned_mu": ["sum_aligned", "align"],
      "registers_mu": ["use_registers", "call_with_registers"],
    ]

    @Test(arguments: builds) func `Stacks are whole with and without frame pointers`(
      flags: [String]
    ) throws {
      let recording = try TestRecording(Workload.build("unwinding", flags: flags))
      #expect(recording.run.status == 0, "\(recording.run.errors)")
      for (name, chain) in Stacks.chains {
        let lock = try recording.lock(name)
        let waiter = try #require(lock.waiters.first?.stack.functions)
        #expect(waiter.starts(with: ["want"] + chain + ["wait_for_all"]), "\(name): \(waiter)")
        let holder = try #require(lock.holders.first?.stack.functions)
        #expect(holder.starts(with: ["release", "release_below_array", "main"]), "\(holder)")
      }
      let ways = try recording.lock("ways_mu").waiters
      #expect(ways.map(\.count) == [2, 2, 2])
      for way in [[], ["one_way", "detour"], ["another_way", "detour"]] {
        let chain = ["arrive"] + way + ["take_turns", "wait_for_all"]
        #expect(ways.contains { $0.stack.functions.starts(with: chain) }, "\(way): \(ways)")
      }
      // What is between depends on libc.
      let callback = try #require(recording.lock("callback_mu").waiters.first?.stack.functions)
      #expect(callback.starts(with: ["want", "compare"]), "\(callback)")
      #expect(callback.contains(["sort", "wait_for_all"]), "\(callback)")
      let handler = try #require(recording.lock("handler_mu").waiters.first?.stack.functions)
      #expect(handler.starts(with: ["want", "handle"]), "\(handler)")
      #expect(handler.contains(["raise", "interrupted", "wait_for_all"]), "\(handler)")
    }

    @Test func `Without a symbol the stacks are the same`() throws {
      let flags = ["-O2", "-fomit-frame-pointer"]
      let program = try Workload.build("unwinding", flags: flags)
      let stripped = try Workload.build("unwinding", flags: flags + ["-s"])
      let named = try TestRecording(program), bare = try TestRecording(stripped)
      #expect(bare.run.status == 0)
      let deepest = try #require(
        bare.report().locks.flatMap(\.waiters).map(\.stack).max {
          $0.count < $1.count
        })
      let chain = try #require(named.lock("chain_mu").waiters.first?.stack)
      #expect(deepest.count == chain.count)
      let frames = deepest.filter { $0.module.hasPrefix("unwinding") }
      #expect(frames.count == 22 && frames.allSatisfy { $0.function.isEmpty && $0.offset > 0 })
      // link_0 to link_19 follow each other and are of one length.
      let steps = zip(frames.dropFirst(2), frames.dropFirst()).dropLast().map {
        $0.offset - $1.offset
      }
      #expect(Set(steps).count == 1, "\(steps)")
    }

    @Test func `What takes the place of an unloaded library has rules of its own`() throws {
      let flags = ["-O2", "-fomit-frame-pointer", "-fno-stack-protector", "-shared", "-fPIC"]
      let one = try Workload.build("plugin", flags: flags + ["-DFRAME=1000"])
      let other = try Workload.build("plugin", flags: flags + ["-DFRAME=3000"])
      let recording = try TestRecording(Workload.build("loads_plugin"), one, other)
      #expect(recording.run.status == 0, "\(recording.run.errors)")
      let waiters = try recording.report().locks.filter { $0.name.hasPrefix("plugin_mu") }
        .flatMap(\.waiters)
      #expect(!waiters.isEmpty)
      for waiter in waiters {
        let functions = waiter.stack.functions
        #expect(functions.starts(with: ["plugin_waiter", "plugin_run", "main"]), "\(functions)")
      }
    }

    @Test func `Stacks are those that libgcc finds, at every instruction`() throws {
      for flags in Stacks.builds {
        let program = try Workload.build(
          "unwind_difference", flags: flags + ["-Wl,--no-as-needed", "-lstdc++"])
        let run = try Program([program]).result()
        #expect(run.status == 0, "\(run.errors)")
        #expect(try #require(run.values["compared"]) > 1000)
        #expect(run.values["different"] == 0, "\(run.errors)")
        #expect(run.values["shorter"] == 0, "\(run.errors)")
        // Where the program keeps frame pointers they are made use of.
        #expect(!flags.contains("-fno-omit-frame-pointer") || run.values["by_pointers"] ?? 0 > 100)
      }
    }
  }
}
