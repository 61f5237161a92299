// Two threads and each sort of lock that Rust's library makes of futexes: one holds it, or is late, for
// some milliseconds, and the other waits for it and says for how long.
use std::sync::atomic::{AtomicI32, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Barrier, Condvar, Mutex, Once, RwLock};
use std::thread;
use std::time::{Duration, Instant};

const ROUNDS: u32 = 20;
const HOLD: Duration = Duration::from_millis(5);

static RUST_MUTEX: Mutex<u64> = Mutex::new(0);
static TURN: AtomicU32 = AtomicU32::new(0);
static WANTING: AtomicU32 = AtomicU32::new(0);
static WAITER: AtomicI32 = AtomicI32::new(0);
static HELD: AtomicU64 = AtomicU64::new(0);

extern "C" {
    fn gettid() -> i32;
}

/// Waits for the other without any lock.
fn until(turn: u32) {
    while TURN.load(Ordering::Acquire) < turn {
        thread::sleep(Duration::from_micros(50));
    }
}

fn next() {
    TURN.fetch_add(1, Ordering::Release);
}

/// Whether the waiter sleeps in the kernel.
fn sleeps() -> bool {
    let path = format!("/proc/self/task/{}/stat", WAITER.load(Ordering::Relaxed));
    let text = std::fs::read_to_string(path).unwrap();
    text.rsplit(')').next().unwrap().starts_with(" S")
}

/// Lets the other want it, and holds it for a while from when the other sleeps.
fn hold_for(time: Duration) {
    next();
    let turn = TURN.load(Ordering::Acquire);
    while WANTING.load(Ordering::Acquire) != turn || !sleeps() {
        thread::sleep(Duration::from_micros(50));
    }
    let begin = Instant::now();
    thread::sleep(time);
    HELD.fetch_add(begin.elapsed().as_nanos() as u64, Ordering::Relaxed);
}

/// Something to do after a release, so that it is no jump, which would leave its caller no frame.
fn after() -> u32 {
    TURN.load(Ordering::Relaxed)
}

struct Shared {
    rwlock: RwLock<u64>,
    ready: Mutex<bool>,
    condition: Condvar,
    barrier: Barrier,
    once: Once,
}

#[inline(never)]
fn hold_mutex() -> u32 {
    let mut value = RUST_MUTEX.lock().unwrap();
    hold_for(HOLD);
    *value += 1;
    drop(value);
    after()
}

#[inline(never)]
fn want_mutex() -> Duration {
    let begin = Instant::now();
    let mut value = RUST_MUTEX.lock().unwrap();
    let waited = begin.elapsed();
    *value += 1;
    waited
}

#[inline(never)]
fn hold_rwlock(shared: &Shared) -> u32 {
    let mut value = shared.rwlock.write().unwrap();
    hold_for(HOLD);
    *value += 1;
    drop(value);
    after()
}

#[inline(never)]
fn want_rwlock(shared: &Shared) -> Duration {
    let begin = Instant::now();
    let value = shared.rwlock.read().unwrap();
    let waited = begin.elapsed();
    assert!(*value > 0);
    waited
}

#[inline(never)]
fn tell_condition(shared: &Shared) -> u32 {
    hold_for(HOLD);
    *shared.ready.lock().unwrap() = true;
    shared.condition.notify_one();
    after()
}

#[inline(never)]
fn wait_condition(shared: &Shared) -> Duration {
    let begin = Instant::now();
    let mut ready = shared.ready.lock().unwrap();
    while !*ready {
        ready = shared.condition.wait(ready).unwrap();
    }
    *ready = false;
    begin.elapsed()
}

#[inline(never)]
fn meet_late(shared: &Shared) -> u32 {
    hold_for(HOLD);
    shared.barrier.wait();
    after()
}

#[inline(never)]
fn meet_early(shared: &Shared) -> Duration {
    let begin = Instant::now();
    shared.barrier.wait();
    begin.elapsed()
}

#[inline(never)]
fn run_once(shared: &Shared) -> u32 {
    shared.once.call_once(|| {
        hold_for(HOLD * 6);
    });
    after()
}

#[inline(never)]
fn want_once(shared: &Shared) -> Duration {
    let begin = Instant::now();
    shared.once.call_once(|| unreachable!());
    begin.elapsed()
}

#[inline(never)]
fn park_here() -> Duration {
    let begin = Instant::now();
    thread::park();
    begin.elapsed()
}

fn main() {
    let shared = Arc::new(Shared {
        rwlock: RwLock::new(0),
        ready: Mutex::new(false),
        condition: Condvar::new(),
        barrier: Barrier::new(2),
        once: Once::new(),
    });
    let mine = shared.clone();
    // Each step: the holder begins it, and the waiter follows when it is told to.
    let waiter = thread::Builder::new()
        .name("waiter".into())
        .spawn(move || {
            let mut turn = 0;
            let mut measure = |name: &str, rounds: u32, want: &dyn Fn() -> Duration| {
                let mut waited = Duration::ZERO;
                for _ in 0..rounds {
                    until(turn + 1);
                    WAITER.store(unsafe { gettid() }, Ordering::Relaxed);
                    WANTING.store(turn + 1, Ordering::Release);
                    waited += want();
                    next();
                    turn += 2;
                }
                println!("{} {}", name, waited.as_nanos());
            };
            measure("mutex", ROUNDS, &want_mutex);
            measure("rwlock", ROUNDS, &|| want_rwlock(&mine));
            measure("condition", ROUNDS, &|| wait_condition(&mine));
            measure("barrier", ROUNDS, &|| meet_early(&mine));
            measure("once", 1, &|| want_once(&mine));
            measure("park", ROUNDS, &park_here);
        })
        .unwrap();
    let mut turn = 0;
    let mut hold = |name: &str, rounds: u32, hold: &dyn Fn() -> u32| {
        for _ in 0..rounds {
            assert!(hold() > 0);
            turn += 2;
            until(turn);
        }
        println!("{}_held {}", name, HELD.swap(0, Ordering::Relaxed));
    };
    hold("mutex", ROUNDS, &hold_mutex);
    hold("rwlock", ROUNDS, &|| hold_rwlock(&shared));
    hold("condition", ROUNDS, &|| tell_condition(&shared));
    hold("barrier", ROUNDS, &|| meet_late(&shared));
    hold("once", 1, &|| run_once(&shared));
    hold("park", ROUNDS, &|| {
        hold_for(HOLD);
        waiter.thread().unpark();
        after()
    });
    waiter.join().unwrap();
    println!("rounds {}", ROUNDS);
}
