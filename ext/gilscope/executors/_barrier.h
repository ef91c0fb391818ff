/* The barrier of _barrier.pyx. */
#ifndef GS_BARRIER_H
#define GS_BARRIER_H
#include "_virtual.h"
#include <stdint.h>
#if defined(_WIN32)
  #include <windows.h>
  static int64_t gs_now(void) {
      LARGE_INTEGER f, c; QueryPerformanceFrequency(&f); QueryPerformanceCounter(&c);
      return (int64_t)((double)c.QuadPart * 1e9 / (double)f.QuadPart);
  }
  static void gs_block(uint32_t *word, uint32_t value) { (void)word; (void)value; Sleep(0); }
  static void gs_wake(uint32_t *word) { (void)word; }
#else
  #include <time.h>
  #include <unistd.h>
  /* The clock of time.perf_counter_ns(). */
  static int64_t gs_now(void) {
  #if defined(__APPLE__)
      return (int64_t)clock_gettime_nsec_np(CLOCK_UPTIME_RAW);
  #else
      struct timespec t; clock_gettime(CLOCK_MONOTONIC, &t);
      return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
  #endif
  }
  #if defined(__linux__)
    #if __has_include(<linux/futex.h>)
    #include <linux/futex.h>
    #else /* the kernel's headers are a package of their own on some systems (Alpine); its interface is fixed */
    #define FUTEX_WAIT 0
    #define FUTEX_WAKE 1
    #endif
    #include <sys/syscall.h>
    /* No FUTEX_PRIVATE_FLAG: the word is shared between processes. Spurious returns are fine, the caller re-checks. */
    static void gs_block(uint32_t *word, uint32_t value) {
        syscall(SYS_futex, word, FUTEX_WAIT, value, NULL, NULL, 0);
    }
    static void gs_wake(uint32_t *word) { syscall(SYS_futex, word, FUTEX_WAKE, 0x7fffffff, NULL, NULL, 0); }
  #else
    static void gs_block(uint32_t *word, uint32_t value) {
        struct timespec t = {0, 20000}; (void)word; (void)value; nanosleep(&t, NULL);
    }
    static void gs_wake(uint32_t *word) { (void)word; }
  #endif
#endif

#if defined(__x86_64__) || defined(__i386__)
  #define gs_pause() __builtin_ia32_pause()
#elif defined(__aarch64__)
  #define gs_pause() __asm__ __volatile__("yield")
#else
  #define gs_pause() ((void)0)
#endif

#if defined(_MSC_VER)
  #define gs_load(p) (*(volatile uint32_t *)(p))
  #define gs_store(p, v) InterlockedExchange((volatile LONG *)(p), (LONG)(v))
  #define gs_increment(p) ((uint32_t)InterlockedIncrement((volatile LONG *)(p)))
  #define gs_fetch_add(p) ((int64_t)InterlockedExchangeAdd64((volatile LONG64 *)(p), 1))
  #define gs_load64(p) (*(volatile int64_t *)(p))
  #define gs_swap64(p, old, v) (InterlockedCompareExchange64((volatile LONG64 *)(p), (v), (old)) == (old))
#else
  #define gs_load(p) __atomic_load_n((p), __ATOMIC_ACQUIRE)
  #define gs_store(p, v) __atomic_store_n((p), (v), __ATOMIC_RELEASE)
  #define gs_increment(p) __atomic_add_fetch((p), 1, __ATOMIC_ACQ_REL)
  #define gs_fetch_add(p) __atomic_fetch_add((p), 1, __ATOMIC_RELAXED)
  #define gs_load64(p) __atomic_load_n((p), __ATOMIC_RELAXED)
  static int gs_swap64(int64_t *p, int64_t old, int64_t v) {
      return __atomic_compare_exchange_n(p, &old, v, 0, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED);
  }
#endif

/* Each word on a cache line of its own: arrivals must not disturb those who spin on the generation. */
typedef struct {
    uint32_t generation; char pad0[60];
    uint32_t arrived;    char pad1[60];
    uint32_t aborted;    char pad2[60];
    int64_t last_arrival; char pad3[56];
    int64_t taken;       char pad4[56];
    int64_t latest[2];   char pad5[48]; /* virtual time of the latest arrival, of even and odd generations */
} gs_barrier;

typedef struct { int64_t arrived, last_arrival, released, spun; } gs_passage;

static void gs_raise_to(int64_t *word, int64_t value) {
    int64_t old = gs_load64(word);
    while (old < value && !gs_swap64(word, old, value)) old = gs_load64(word);
}

/* `start`: the start barrier, which counts nothing and begins the virtual clock anew. */
static int gs_wait(gs_barrier *b, uint32_t parties, int64_t spin_ns, int start, gs_virtual *clock, gs_passage *out) {
    uint32_t generation = gs_load(&b->generation);
    int64_t now = out->arrived = gs_now(), *latest = &b->latest[generation & 1];
    int blocked = 0;
    out->spun = 0;
    if (start) gs_virtual_start(clock, now);
    else gs_raise_to(latest, gs_virtual_advance(clock, now, 0));
    if (gs_load(&b->aborted)) return -1;
    if (gs_increment(&b->arrived) == parties) {
        /* It may have lost its CPU since it looked at the clock: leaving a system call is where schedulers take it. */
        out->arrived = b->last_arrival = gs_now();
        if (!start) gs_raise_to(latest, gs_virtual_advance(clock, b->last_arrival, 0));
        b->latest[~generation & 1] = 0; /* that of the generation before: all have read it, for they are here */
        if (start) b->taken = *latest = 0; /* seen by all once the generation has advanced */
        gs_store(&b->arrived, 0);
        gs_store(&b->generation, generation + 1);
        gs_wake(&b->generation);
    } else {
        int64_t limit = now + spin_ns;
        int turns = 0;
        while (gs_load(&b->generation) == generation && now < limit) {
            gs_pause();
            if (++turns % 64 == 0) now = gs_now();
        }
        out->spun = now - out->arrived;
        for (; gs_load(&b->generation) == generation; blocked = 1) gs_block(&b->generation, generation);
    }
    if (gs_load(&b->aborted)) return -1;
    out->last_arrival = b->last_arrival;
    out->released = gs_now();
    gs_virtual_resume(clock, start ? 0 : *latest, out->last_arrival, out->released, blocked || start);
    if (start) clock->queued = clock->stolen = 0;
    return 0;
}

static int64_t gs_take(gs_barrier *b) { return gs_fetch_add(&b->taken); }

static void gs_abort(gs_barrier *b) {
    gs_store(&b->aborted, 1);
    gs_increment(&b->generation);
    gs_wake(&b->generation);
}
#endif
