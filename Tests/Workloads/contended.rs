// Two threads and a POSIX mutex: one holds it for 5 ms ten times, the other waits for it each time.
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Barrier;
use std::thread;
use std::time::Duration;

#[repr(C, align(16))]
struct Mutex([u8; 64]);

extern "C" {
    fn pthread_mutex_lock(mutex: *mut Mutex) -> i32;
    fn pthread_mutex_unlock(mutex: *mut Mutex) -> i32;
}

static mut RUST_MU: Mutex = Mutex([0; 64]);
static DONE: AtomicBool = AtomicBool::new(false);

fn mutex() -> *mut Mutex {
    unsafe { std::ptr::addr_of_mut!(RUST_MU) }
}

#[inline(never)]
fn hold_it(turn: &Barrier) {
    unsafe { pthread_mutex_lock(mutex()) };
    turn.wait();
    thread::sleep(Duration::from_millis(5));
    unsafe { pthread_mutex_unlock(mutex()) };
    turn.wait();
}

#[inline(never)]
fn want_it(turn: &Barrier) {
    turn.wait();
    unsafe { pthread_mutex_lock(mutex()) };
    unsafe { pthread_mutex_unlock(mutex()) };
    turn.wait();
    DONE.store(true, Ordering::Relaxed);
}

fn main() {
    let turn = Barrier::new(2);
    thread::scope(|scope| {
        scope.spawn(|| (0..10).for_each(|_| hold_it(&turn)));
        scope.spawn(|| (0..10).for_each(|_| want_it(&turn)));
    });
    println!("done {}", DONE.load(Ordering::Relaxed) as i32);
}
