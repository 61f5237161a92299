import Testing

@testable import TraceAnalysis

@Suite struct CandidatesTests {
  private func locks(_ candidates: Candidates) -> [Int?] { (0..<4).map { candidates.lock(at: $0) } }

  @Test func `The first locks take the free places`() {
    var candidates = Candidates()
    #expect(locks(candidates) == [nil, nil, nil, nil])
    for lock in 10..<14 {
      let freed = candidates.note(lock, waited: 1)
      #expect(freed == nil)
    }
    #expect(locks(candidates) == [10, 11, 12, 13])
    #expect(candidates.index(of: 12) == 2 && candidates.index(of: 99) == nil)
  }

  @Test func `A lock takes the place of one that cost less than half as much`() {
    var candidates = Candidates()
    for (lock, waited) in [(10, 900), (11, 100), (12, 800), (13, 700)] as [(Int, Int64)] {
      _ = candidates.note(lock, waited: waited)
    }
    let early = candidates.note(14, waited: 201)
    #expect(early == nil && candidates.index(of: 14) == nil)
    let freed = candidates.note(14, waited: 202)
    #expect(freed == 1)
    #expect(locks(candidates) == [10, 14, 12, 13])
  }

  @Test func `What a lock has cost since it got its place counts`() {
    var candidates = Candidates()
    for lock in 10..<14 { _ = candidates.note(lock, waited: 100) }
    for lock in 10..<13 { _ = candidates.note(lock, waited: 1000) }
    let freed = candidates.note(14, waited: 500)
    #expect(freed == 3)
    let none = candidates.note(15, waited: 900)
    #expect(none == nil)
    #expect(locks(candidates) == [10, 11, 12, 14])
  }
}
