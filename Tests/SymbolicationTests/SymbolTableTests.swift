import Testing
import TraceModel

@testable import Symbolication

@Suite struct SymbolTableTests {
  @Test func `Flattened ranges agree with a search through all symbols`() {
    var generator = SplitMix(state: 3)
    for _ in 0..<300 {
      let symbols = (0..<12).map { index in
        FlatRanges.Symbol(
          ElfSymbol(
            kind: .function,
            address: generator.next() % 40,
            size: 1 + generator.next() % 20,
            sectionEnd: 50,
            binding: 1,
            name: UInt32(index)
          ),
          name: UInt32(index),
          underscores: index
        )
      }
      let ranges = FlatRanges(symbols)
      for address in UInt64(0)..<60 {
        // The best of each start (here the one with the smallest index), then the last start.
        let best = Dictionary(symbols.map { ($0.start, $0) }) { first, _ in first }.values
        let expected = best.filter { $0.start <= address && address < $0.end }
          .max { $0.start < $1.start }
        #expect(ranges.symbol(at: address)?.name == expected?.name)
      }
    }
  }

  @Test func `Many nested symbols cost a look-up no more than one`() {
    let count: UInt64 = 100_000
    let ranges = FlatRanges(
      (0..<count).map { index in
        FlatRanges.Symbol(
          ElfSymbol(
            kind: .function,
            address: index,
            size: 2 * (count - index),
            sectionEnd: .max,
            binding: 1,
            name: UInt32(index)
          ),
          name: UInt32(index),
          underscores: 0
        )
      }
    )
    // All of them cover each of these; quadratic work would not come back.
    for address in count..<(2 * count) {
      #expect(ranges.symbol(at: address)?.start == min(count - 1, 2 * count - address - 1))
    }
  }
}

@Suite struct ModuleMapTests {
  private func module(
    _ path: String,
    _ start: UInt64,
    _ end: UInt64,
    loaded: Int64 = 0
  ) -> Module {
    Module(
      process: ProcessID(rawValue: 1),
      bias: start,
      start: start,
      end: end,
      path: path,
      loaded: Timestamp(nanoseconds: loaded)
    )
  }

  @Test func `An address belongs to the module around it`() {
    let map = ModuleMap([module("b", 30, 40), module("a", 10, 20), module("none", 25, 25)])
    let found = [0, 9, 10, 19, 20, 25, 29, 30, 39, 40, .max].map {
      map.module(containing: $0)?.path
    }
    #expect(found == [nil, nil, "a", "a", nil, nil, nil, "b", "b", nil, nil])
    #expect(ModuleMap([]).module(containing: 0) == nil)
  }

  @Test func `A module loaded over another replaces it from then on`() {
    let map = ModuleMap([
      module("second", 15, 30, loaded: 100), module("first", 10, 20, loaded: 50),
      module("same", 15, 18, loaded: 100),
    ])
    func path(_ address: UInt64, _ time: Int64?) -> String? {
      map.module(containing: address, at: time.map { Timestamp(nanoseconds: $0) })?.path
    }
    #expect(path(17, nil) == "same")
    #expect(path(19, nil) == "second")
    #expect(path(19, 99) == "first")
    #expect(path(19, 100) == "second")
    #expect(path(12, 500) == "first")
    #expect(path(25, 10) == "second", "seen late, but nothing else was there")
    #expect(path(17, 10) == "first", "the first one that was seen")
  }

  @Test func `The map agrees with a search through all modules`() {
    var generator = SplitMix(state: 5)
    for _ in 0..<200 {
      let modules = (0..<9).map { index in
        let start = generator.next() % 30
        return module(
          "\(index)",
          start,
          start + generator.next() % 12,
          loaded: Int64(generator.next() % 5)
        )
      }
      let map = ModuleMap(modules)
      let ordered = modules.enumerated().sorted {
        ($0.element.loaded, $0.offset) < ($1.element.loaded, $1.offset)
      }.map(\.element)
      for address in UInt64(0)..<45 {
        let around = ordered.filter { $0.start <= address && address < $0.end }
        #expect(map.module(containing: address) == around.last)
        for nanoseconds in Int64(-1)..<6 {
          let time = Timestamp(nanoseconds: nanoseconds)
          let expected = around.last { $0.loaded <= time } ?? around.first
          #expect(map.module(containing: address, at: time) == expected)
        }
      }
    }
  }
}
