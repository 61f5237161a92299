import Symbolication
import TestSupport
import Testing

/// What the library that runs in targets is made of.
@Suite struct ProductTests {
  @Test(arguments: [CTrace.runtime, CTrace.probe])
  func `What is in the target needs libc and what libc itself loads, and no more`(
    path: String
  ) throws {
    let file = try ElfFile(path: path)
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
    g_async_queue_new g_async_queue_new_full g_async_queue_unref g_async_queue_unref_and_unlock
    g_async_queue_push g_async_queue_push_unlocked g_async_queue_push_front
    g_async_queue_push_front_unlocked g_async_queue_push_sorted g_async_queue_push_sorted_unlocked
    g_async_queue_pop g_async_queue_pop_unlocked g_async_queue_try_pop
    g_async_queue_try_pop_unlocked g_async_queue_timeout_pop g_async_queue_timeout_pop_unlocked
    g_async_queue_timed_pop g_async_queue_timed_pop_unlocked g_async_queue_remove
    g_async_queue_remove_unlocked
    g_thread_pool_new g_thread_pool_new_full g_thread_pool_push g_thread_pool_free
    uv_queue_work uv_cancel
    _ZN3tbb6detail2r126allocate_bounded_queue_repEm
    _ZN3tbb6detail2r128deallocate_bounded_queue_repEPhm
    _ZN3tbb6detail2r126wait_bounded_queue_monitorEPNS1_18concurrent_monitorEmlRNS0_2d113delegate_baseE
    _ZN3tbb6detail2r128notify_bounded_queue_monitorEPNS1_18concurrent_monitorEmm
    _ZN3tbb6detail2r115wait_on_addressEPvRNS0_2d113delegate_baseEm
    _ZN3tbb6detail2r117notify_by_addressEPvm _ZN3tbb6detail2r121notify_by_address_allEPv
    _ZN3tbb6detail2r121notify_by_address_oneEPv
    GOMP_parallel GOMP_parallel_reductions GOMP_parallel_sections GOMP_parallel_loop_static
    GOMP_parallel_loop_dynamic GOMP_parallel_loop_guided GOMP_parallel_loop_nonmonotonic_dynamic
    GOMP_parallel_loop_nonmonotonic_guided GOMP_parallel_loop_runtime
    GOMP_parallel_loop_nonmonotonic_runtime GOMP_parallel_loop_maybe_nonmonotonic_runtime
    GOMP_barrier GOMP_barrier_cancel GOMP_loop_end GOMP_loop_end_cancel GOMP_sections_end
    GOMP_sections_end_cancel GOMP_single_copy_start GOMP_taskwait GOMP_taskwait_depend
    GOMP_taskgroup_end GOMP_task
    GOMP_critical_start GOMP_critical_end GOMP_critical_name_start GOMP_critical_name_end
    GOMP_atomic_start GOMP_atomic_end GOMP_ordered_start GOMP_ordered_end
    omp_init_lock omp_destroy_lock omp_set_lock omp_unset_lock omp_test_lock
    omp_init_lock_ omp_destroy_lock_ omp_set_lock_ omp_unset_lock_ omp_test_lock_
    omp_init_nest_lock omp_destroy_nest_lock omp_set_nest_lock omp_unset_nest_lock
    omp_test_nest_lock
    omp_init_nest_lock_ omp_destroy_nest_lock_ omp_set_nest_lock_ omp_unset_nest_lock_
    omp_test_nest_lock_
    __asan_default_options
    dispatch_async dispatch_async_f dispatch_barrier_async dispatch_barrier_async_f
    dispatch_group_async dispatch_group_async_f dispatch_group_notify dispatch_group_notify_f
    dispatch_after dispatch_after_f dispatch_sync dispatch_sync_f
    dispatch_barrier_sync dispatch_barrier_sync_f
    dispatch_async_and_wait dispatch_async_and_wait_f
    dispatch_barrier_async_and_wait dispatch_barrier_async_and_wait_f
    dispatch_apply dispatch_apply_f dispatch_queue_create dispatch_queue_create_with_target
    dispatch_semaphore_create dispatch_semaphore_wait dispatch_semaphore_signal
    dispatch_group_create dispatch_group_wait dispatch_group_leave
    swift_task_switch swift_task_create swift_defaultActor_initialize swift_defaultActor_destroy
    """.split { $0 == " " || $0 == "\n" }.map(String.init))

  @Test func `The runtime exports its hooks, and nothing else that could get in anyone's way`()
    throws
  {
    let exported = try exports()
    let names = Set(exported.map { String($0.prefix { $0 != "@" }) })
    #expect(names.symmetricDifference(ProductTests.hooks) == [])
  }

  @Test func `The probe exports its beginning alone, and wants nothing that not all versions have`()
    throws
  {
    #expect(try exports(of: CTrace.probe) == ["ctrace_probe_start"])
    let symbols = try Program.run("readelf", "--dyn-syms", "--wide", CTrace.probe).output
    let wanted = symbols.split(separator: "\n").compactMap { line -> String? in
      let fields = line.split(separator: " ")
      guard fields.count >= 8, fields[6] == "UND", fields[4] == "GLOBAL" else { return nil }
      return String(fields[7].prefix { $0 != "@" })
    }.filter { $0.hasPrefix("Py") || $0.hasPrefix("_Py") }
    #expect(wanted.count > 20)
    for python in Python.all {
      // The program exports them, or a library that it loads.
      let missing = try Program(
        [
          python.path, "-c",
          "import ctypes, sys; print(*[n for n in sys.argv[1:] if not hasattr(ctypes.pythonapi, n)])",
        ] + wanted
      ).result()
      #expect(missing.status == 0 && missing.output == "\n", "\(python): \(missing.output)")
    }
  }

  @Test func `No part of a hook is moved out of it, where its caller would be another`() throws {
    let result = try Program.run("readelf", "--syms", "--wide", CTrace.runtime)
    try #require(result.status == 0 && result.output.contains("wait_begin"))
    #expect(!result.output.contains(".cold"))
  }

  @Test func `OpenMP's nested locks are those of version 3`() throws {
    let nested = try exports().filter { $0.contains("_nest_lock") }
    #expect(nested.count == 10 && nested.allSatisfy { $0.hasSuffix("@@OMP_3.0") }, "\(nested)")
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
  private func exports(of path: String = CTrace.runtime) throws -> [String] {
    let result = try Program.run("readelf", "--dyn-syms", "--wide", path)
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
