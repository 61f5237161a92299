import Testing

@testable import Symbolication

@Suite struct ReadableNameTests {
  @Test(arguments: [
    ("main", "main"), ("", ""), ("_", "_"), ("@", "@"), ("memcpy@@GLIBC_2.14", "memcpy"),
    ("work.constprop.0", "work"), ("work.part.0.cold", "work"), ("mu.1", "mu"),
    ("main.work.func1", "main.work.func1"), (".hidden", ".hidden"), ("a\u{1b}[1mb", "a?[1mb"),
    ("größe", "größe"),
  ])
  func `Names of C lose what compilers and linkers add`(mangled: String, readable: String) {
    #expect(readableName(mangled.utf8) == readable)
  }

  @Test(arguments: [
    ("_ZN3Foo3barEi", "Foo::bar"), ("_Z3fooIiEvT_", "foo<int>"), ("_ZZ3foovE2mu", "foo()::mu"),
    ("_ZZN5Cache3getERKSsENKUlvE_clEv", "Cache::get()::{lambda()#1}::operator()"),
    ("_ZN12_GLOBAL__N_13barEv", "(anonymous namespace)::bar"),
    ("_ZN3FoocvmEv", "Foo::operator unsigned long"),
    ("_ZN3FoolsERKS_", "Foo::operator<<"), ("_ZN3FoolsIiEEvT_", "Foo::operator<< <int>"),
    ("_ZN3FooclEi", "Foo::operator()"),
    ("_ZN3FooptEv", "Foo::operator->"), ("_ZN3FooixEm", "Foo::operator[]"),
    ("_ZN3FoonwEm", "Foo::operator new"), ("_Z3fooIiEPFviET_", "void (*foo<int>(int))(int)"),
    ("_ZTV3Foo", "vtable for Foo"), ("_ZGVZ3foovE2mu", "guard variable for foo()::mu"),
    ("_ZThn8_N3Foo3barEv", "non-virtual thunk to Foo::bar"), ("_Z3foov.cold", "foo"),
    ("_Z3foov.constprop.0", "foo"), ("_ZN3FooC2Ev", "Foo::Foo"), ("_ZN3FooD0Ev", "Foo::~Foo"),
    ("_ZNK3Foo3getB5cxx11Ev", "Foo::get"), ("_Zli3_kmy", "operator\"\" _km"),
    ("_ZNKSt8functionIFvvEEclEv", "std::function<void ()>::operator()"),
    (
      "_ZNSt6vectorINSt7__cxx1112basic_stringIcSt11char_traitsIcESaIcEEESaIS5_EE9push_backEOS5_",
      "std::vector<std::string, std::allocator<std::string > >::push_back"
    ),
    ("_ZN9operation6oracleEv", "operation::oracle"), ("_ZN3Foo", "_ZN3Foo"), ("_Z", "_Z"),
  ])
  func `Names of C++ say which function, not its type`(mangled: String, readable: String) {
    #expect(readableName(mangled.utf8) == readable)
  }

  @Test(arguments: [
    ("_ZN4prog4work17h2a90310c1dfa9ab7E", "prog::work"),
    (
      "_ZN4core3ptr42drop_in_place$LT$alloc..string..String$GT$17h0123456789abcdefE",
      "core::ptr::drop_in_place<alloc::string::String>"
    ),
    (
      "_ZN51_$LT$prog..Job$u20$as$u20$core..ops..drop..Drop$GT$4drop17h0123456789abcdefE",
      "<prog::Job as core::ops::drop::Drop>::drop"
    ),
    (
      "_ZN4prog4main28_$u7b$$u7b$closure$u7d$$u7d$17h0123456789abcdefE.llvm.1234",
      "prog::main::{{closure}}"
    ),
    ("_RINvCs6GmmlP4bgsG_1r4workAhj3_EB2_", "r::work::<[u8; 3]>"),
    ("_RINvCs6GmmlP4bgsG_1r4workReEB2_", "r::work::<&str>"),
    ("_RNCNvXCs6GmmlP4bgsG_1rINtB4_1SxENtB4_2Tr2go0B4_", "<r::S<i64> as r::Tr>::go::{closure#0}"),
    (
      "_RNvMs2_NtCslNYArtu3iFV_5alloc7raw_vecNtB5_11RawVecInner10deallocateCsduwmD7cSIQq_5gimli",
      "<alloc::raw_vec::RawVecInner>::deallocate"
    ),
    ("_RINvC1a1fTlFEuDNtB2_1TEL_EE", "a::f::<(i32, fn(), dyn a::T)>"),
    ("_R", "_R"), ("_RNv", "_RNv"), ("_RB_", "_RB_"), ("_RNvB_1a", "_RNvB_1a"),
  ])
  func `Names of Rust lose their hashes`(mangled: String, readable: String) {
    #expect(readableName(mangled.utf8) == readable)
  }

  @Test func `A name of Rust that expands without end is left alone`() {
    // Each tuple holds the one before it twice.
    func name(tuples: Int) -> String {
      let digits = Array("0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
      var name = "IC1aTllE"
      var last = 4
      for _ in 1..<tuples {
        let value = last - 1
        let back = "B" + (value < 62 ? "" : "\(digits[value / 62])") + "\(digits[value % 62])_"
        last = name.utf8.count
        name += "T\(back)\(back)E"
      }
      return "_R\(name)E"
    }
    #expect(readableName(name(tuples: 2).utf8) == "a::<(i32, i32), ((i32, i32), (i32, i32))>")
    #expect(readableName(name(tuples: 8).utf8).hasPrefix("a::<(i32, i32), ((i32"))
    #expect(readableName(name(tuples: 60).utf8) == name(tuples: 60))
  }

  @Test(arguments: [
    ("s.(helper in _490C5507844F)(x: Swift.Int) async throws -> Swift.Int", "s.helper(x:)"),
    (
      "(1) await resume partial function for static s.Main.main() async throws -> ()",
      "static s.Main.main()"
    ),
    (
      "(extension in s):Swift.Array<A where A == Swift.Int>.(total in _490C)() -> Swift.Int",
      "Swift.Array.total()"
    ),
    (
      "closure #1 (Swift.Int) -> A in static s.Counter.zip<A where A: Swift.Hashable>(_: A, with: A) -> (Swift.Int) -> A",
      "closure #1 in static s.Counter.zip(_:with:)"
    ),
    (
      "partial apply forwarder for closure #1 () -> () in s.f(g: (Swift.Int, b: (Swift.Int) -> ()) -> [Swift.Int], Swift.String) -> ()",
      "closure #1 in s.f(g:_:)"
    ),
    (
      "generic specialization <Swift.Int, ()> of Swift.Collection.map<A, B where B: Swift.Error>((A.Element) throws(B) -> A1) throws(B) -> [A1]",
      "Swift.Collection.map(_:)"
    ),
    (
      "function signature specialization <Arg[0] = Dead> of dispatch thunk of s.Counter.add(by: Swift.Int) -> ()",
      "s.Counter.add(by:)"
    ),
    ("s.Counter.size.getter : Swift.Int", "s.Counter.size.getter"),
    ("static s.G.lock : Synchronization.Mutex<Swift.Int>", "static s.G.lock"),
    ("static s.G.< infix(s.G, s.G) -> Swift.Bool", "static s.G.< infix(_:_:)"),
    ("type metadata accessor for s.Counter", "type metadata accessor for s.Counter"),
    (
      "protocol witness for s.P.p(Swift.Int) -> () in conformance s.G : s.P in s",
      "protocol witness for s.P.p(_:) in conformance s.G"
    ),
    ("s.f(", "s.f("),
  ])
  func `Names of Swift keep their labels`(demangled: String, readable: String) {
    #expect(shortSwiftName(Array(demangled.utf8)) == readable)
  }

  @Test func `Names of Swift are demangled`() {
    #expect(
      readableName("$ss5print_9separator10terminatoryypd_S2StF".utf8)
        == "Swift.print(_:separator:terminator:)"
    )
    #expect(readableName("$s".utf8) == "$s")
  }

  @Test func `No bytes are too strange for a name`() {
    var generator = SplitMix(state: 1)
    let starts = ["_Z", "_ZN", "_R", "$s", "", "_ZN1a17h"]
    let alphabet = Array("_0123456789NIETSRBC$.@<>()[]{} aZsvKLXMYhEFDG\u{e9}".utf8)
    for _ in 0..<20_000 {
      let length = Int(generator.next() % 24)
      let rest = (0..<length).map { _ in alphabet[Int(generator.next() % UInt64(alphabet.count))] }
      let name = Array(starts[Int(generator.next() % 6)].utf8) + rest
      _ = readableName(name)
      _ = shortCxxName(rest, isSpecial: false)
      _ = shortSwiftName(rest)
    }
  }
}

/// Numbers that are the same in every run (Steele, Lea and Flood, "Fast splittable pseudorandom
/// number generators", 2014).
struct SplitMix: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var mixed = state
    mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
    mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
    return mixed ^ (mixed >> 31)
  }
}
