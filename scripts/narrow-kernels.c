/*
 * Hides AVX-512 (and AMX, AVX-VNNI) from every program that it is preloaded into, so that ONNX Runtime picks the kernels of an AVX2 machine.
 *
 * ONNX Runtime has no setting for this: it asks the CPUID instruction. Linux can make that instruction fault (arch_prctl ARCH_SET_CPUID, processors
 * with "cpuid_fault"); the fault is answered here with the wide units' bits cleared. Everything else runs at full speed. Node sets all signals to
 * their defaults when it starts, so sigaction for SIGSEGV is taken over, and faults that are not CPUID's go to whoever asked for them.
 */
#define _GNU_SOURCE
#include <cpuid.h>
#include <dlfcn.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#define ARCH_SET_CPUID 0x1012
#define BIT(n) (1u << (n))

static struct sigaction others = {.sa_handler = SIG_DFL};

static long allow_cpuid(unsigned long allowed) { return syscall(SYS_arch_prctl, ARCH_SET_CPUID, allowed); }

static int real_sigaction(int signal, const struct sigaction *wanted, struct sigaction *before) {
  static int (*next)(int, const struct sigaction *, struct sigaction *);
  if (!next) next = dlsym(RTLD_NEXT, "sigaction");
  return next(signal, wanted, before);
}

int sigaction(int signal, const struct sigaction *wanted, struct sigaction *before) {
  if (signal != SIGSEGV) return real_sigaction(signal, wanted, before);
  struct sigaction known = others;
  if (wanted) others = *wanted;
  if (before) *before = known;
  return 0;
}

static void pass_on(int signal, siginfo_t *info, void *context) {
  if (others.sa_flags & SA_SIGINFO) {
    others.sa_sigaction(signal, info, context);
  } else if (others.sa_handler != SIG_DFL && others.sa_handler != SIG_IGN) {
    others.sa_handler(signal);
  } else {
    struct sigaction plain = {.sa_handler = SIG_DFL};
    real_sigaction(SIGSEGV, &plain, NULL); /* the instruction runs again and ends the process as it would have */
  }
}

static void on_fault(int signal, siginfo_t *info, void *context) {
  greg_t *at = ((ucontext_t *)context)->uc_mcontext.gregs;
  const unsigned char *code = (const unsigned char *)at[REG_RIP];
  if (info->si_code != SI_KERNEL || code[0] != 0x0f || code[1] != 0xa2) return pass_on(signal, info, context);
  unsigned leaf = at[REG_RAX], sub = at[REG_RCX], a, b, c, d;
  allow_cpuid(1);
  __cpuid_count(leaf, sub, a, b, c, d);
  allow_cpuid(0);
  if (leaf == 7 && sub == 0) { /* AVX512 F, DQ, IFMA, PF, ER, CD, BW, VL; VBMI, VBMI2, VNNI, BITALG, VPOPCNTDQ; 4VNNIW, 4FMAPS, VP2INTERSECT, AMX, FP16 */
    b &= ~(BIT(16) | BIT(17) | BIT(21) | BIT(26) | BIT(27) | BIT(28) | BIT(30) | BIT(31));
    c &= ~(BIT(1) | BIT(6) | BIT(11) | BIT(12) | BIT(14));
    d &= ~(BIT(2) | BIT(3) | BIT(8) | BIT(22) | BIT(23) | BIT(24) | BIT(25));
  }
  if (leaf == 7 && sub == 1) a &= ~(BIT(4) | BIT(5) | BIT(21) | BIT(23)); /* AVX-VNNI, AVX512-BF16, AMX-FP16, AVX-IFMA */
  at[REG_RAX] = a;
  at[REG_RBX] = b;
  at[REG_RCX] = c;
  at[REG_RDX] = d;
  at[REG_RIP] += 2;
}

__attribute__((constructor)) static void hide(void) {
  struct sigaction answer = {.sa_sigaction = on_fault, .sa_flags = SA_SIGINFO | SA_NODEFER | SA_ONSTACK};
  real_sigaction(SIGSEGV, &answer, NULL);
  if (allow_cpuid(0) == 0) return;
  fputs("narrow kernels: this processor or kernel cannot hide its vector units (no cpuid_fault).\n", stderr);
  _exit(1);
}
