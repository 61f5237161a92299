// What recording an item of a dispatch queue costs: `async FORM ITEMS-PER-ROUND ROUNDS`, where FORM is
// `async`, `sync` or `actor`.
//
// async: the queue is suspended while the items are put in, and then resumed: both are done by one thread
// at a time, so that the time of a round is all the work there was. sync: nobody else uses the queue.
// actor: messages from one task, which waits for each. A pause between rounds lets the recorder empty
// the rings.
import Dispatch
import Glibc

@inline(never) func nothing() {}

func async(_ queue: DispatchQueue, _ items: Int) {
  queue.suspend()
  for _ in 0..<items { queue.async { nothing() } }
  queue.resume()
  queue.sync {}
}

func sync(_ queue: DispatchQueue, _ items: Int) {
  for _ in 0..<items { queue.sync { nothing() } }
}

actor Counter {
  var count = 0
  func increment() { count += 1 }
}

let arguments = CommandLine.arguments
guard arguments.count == 4, let items = Int(arguments[2]), let count = Int(arguments[3]) else {
  print("usage: async async|sync|actor ITEMS-PER-ROUND ROUNDS")
  exit(2)
}
let queue = DispatchQueue(label: "benchmark.queue")
let counter = Counter()
let clock = ContinuousClock()
var rounds: [Double] = []
for _ in 0..<count {
  let start = clock.now
  switch arguments[1] {
  case "sync": sync(queue, items)
  case "actor": for _ in 0..<items { await counter.increment() }
  default: async(queue, items)
  }
  let time = clock.now - start
  rounds.append(Double(time.components.attoseconds) / 1e9 / Double(items))
  usleep(10000)
}
rounds.sort()
print("best \(rounds[0]) median \(rounds[rounds.count / 2])")
