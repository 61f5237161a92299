import Symbolication
import TestSupport
import Testing

/// What the library that runs in targets is made of.
@Suite struct ProductTests {
  @Test func `The runtime needs libc and what libc itself loads, and no more`() throws {
    let file = try ElfFile(path: CTrace.runtime)
    let allowed: Set = [
      "libc.so.6", "libgcc_s.so.1", "ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1",
    ]
    for library in file.neededLibraries { #expect(allowed.contains(library), "\(library)") }
    #expect(file.neededLibraries.contains("libc.so.6"))
  }

  /// What the runtime stands in for, by the headers of libc that declare it.
  static let hooks: Set<String> = Set(
    """
    pthread_mutex_lock pthread_mutex_trylock pthread_mutex_timedlock pthread_mutex_clocklock
    pthread_mutex_unlock pthread_mutex_init pthread_mutex_destroy
    pthread_rwlock_init pthread_rwlock_destroy pthread_rwlock_rdlock pthread_rwlock_tryrdlock
    pthread_rwlock_timedrdlock pthread_rwlock_clockrdlock pthread_rwlock_wrlock
    pthread_rwlock_trywrlock pthread_rwlock_timedwrlock pthread_rwlock_clockwrlock
    pthread_rwlock_unlock
    pthread_spin_init pthread_spin_destroy pthread_spin_lock pthread_spin_trylock
    pthread_spin_unlock
    pthread_cond_init pthread_cond_destroy pthread_cond_wait pthread_cond_timedwait
    pthread_cond_clockwait pthread_cond_signal pthread_cond_broadcast
    sem_init sem_open sem_wait sem_trywait sem_timedwait sem_clockwait sem_post sem_close
    sem_destroy
    pthread_barrier_init pthread_barrier_wait pthread_barrier_destroy pthread_once
    pthread_create pthread_join pthread_timedjoin_np pthread_clockjoin_np pthread_tryjoin_np
    pthread_detach pthread_exit pthread_setname_np
    mtx_init mtx_destroy mtx_lock mtx_timedlock mtx_trylock mtx_unlock
    cnd_init cnd_destroy cnd_wait cnd_timedwait cnd_signal cnd_broadcast
    thrd_create thrd_join thrd_detach call_once
    dlopen dlmopen dlclose
    fork execl execle execlp execv execve execveat execvp execvpe fexecve posix_spawn posix_spawnp
    syscall
    read __read_chk write readv writev send sendto sendmsg sendmmsg recv __recv_chk recvfrom
    __recvfrom_chk recvmsg recvmmsg splice tee vmsplice sendfile sendfile64
    eventfd eventfd_read eventfd_write pipe pipe2 socketpair dup dup2 dup3 fcntl fcntl64
    close close_range closefrom fclose pclose freopen freopen64
    poll __poll_chk ppoll __ppoll_chk select pselect
    epoll_create epoll_create1 epoll_wait epoll_pwait epoll_pwait2
    mq_open __mq_open_2 mq_close mq_send mq_timedsend mq_receive mq_timedreceive
    prctl
    msgget msgsnd msgrcv semget semop semtimedop semctl
    __asan_default_options
    """.split { $0 == " " || $0 == "\n" }.map(String.init))

  @Test func `The runtime exports its hooks, and nothing else that could get in anyone's way`()
    throws
  {
    let exported = try exports()
    let names = Set(exported.map { String($0.prefix { $0 != "@" }) })
    #expect(names.symmetricDifference(ProductTests.hooks) == [])
  }

  #if arch(x86_64)
    @Test func `Conditions are there in both of their versions`() throws {
      let exported = Set(try exports())
      for name in ["init", "destroy", "wait", "timedwait", "signal", "broadcast"] {
        #expect(exported.contains("pthread_cond_\(name)@@GLIBC_2.3.2"))
        #expect(exported.contains("pthread_cond_\(name)@GLIBC_2.2.5"))
      }
    }
  #endif

  /// Dynamic symbols that others bind to.
  private func exports() throws -> [String] {
    let result = try Program.run("readelf", "--dyn-syms", "--wide", CTrace.runtime)
    try #require(result.status == 0)
    return result.output.split(separator: "\n").compactMap { line in
      let fields = line.split(separator: " ")
      guard fields.count >= 8, fields[4] == "GLOBAL" || fields[4] == "WEAK", fields[6] != "UND",
        fields[6] != "ABS", !["_edata", "_end", "__bss_start"].contains(fields[7])
      else { return nil }
      return String(fields[7])
    }
  }
}
