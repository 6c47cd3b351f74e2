/*
 * Executes instructions one by one on the processor of this machine.
 *
 * Reads fixed-size requests from standard input and answers each on standard output. Instructions run at CODE_ADDRESS
 * with the trap flag set, so that the debug exception after the last one hands over the complete register state.
 * REP-prefixed string instructions trap after every repetition and are resumed until RIP leaves them. Faults arrive
 * as signals whose context names the exception; they end the request. Requests of 0 instructions run up to an INT3, without
 * stopping: x87 pointers do not survive signals on all processors.
 *
 *   cc -O2 -no-pie -o step step.c && ./step < requests > answers
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

enum {
  CODE_PAGE = 0x40000,
  CODE_ADDRESS = CODE_PAGE + 0x800,
  DATA_PAGES = 0x50000,
  PAGE = 4096,
  WINDOW = DATA_PAGES + PAGE - 128,
  WINDOW_SIZE = 256,
  CODE_SIZE = 128,
  MAX_REPETITIONS = 256,
  TRAP_FLAG = 0x100,
  VECTOR_DB = 1,
  VECTOR_BP = 3,
  NO_EXCEPTION = 0xff,
  UNFINISHED = 0xfe,
};

/* RAX RCX RDX RBX RSP RBP RSI RDI R8-R15, RFLAGS */
struct request {
  uint8_t code[CODE_SIZE];
  uint64_t instructions;
  uint64_t registers[17];
  uint8_t window[WINDOW_SIZE];
};

struct answer {
  uint64_t registers[17];
  uint64_t rip;
  uint64_t exception;
  uint64_t error_code;
  uint8_t window[WINDOW_SIZE];
};

static const int POSITIONS[17] = {
    REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI, REG_R8,
    REG_R9,  REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15, REG_EFL,
};

static struct request request;
static struct answer answer;
static gregset_t resume_at;
static int repetitions;
static uint64_t executed;
static greg_t previous_rip;

static void start(int signal, siginfo_t *info, void *context) {
  (void)signal;
  (void)info;
  greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
  memcpy(resume_at, registers, sizeof resume_at);
  for (int i = 0; i < 17; i++) registers[POSITIONS[i]] = (greg_t)request.registers[i];
  registers[REG_EFL] |= (request.instructions == 0 ? 0 : TRAP_FLAG) | 2;
  registers[REG_RIP] = CODE_ADDRESS;
  previous_rip = CODE_ADDRESS;
  executed = 0;
  repetitions = 0;
}

static void stopped(int signal, siginfo_t *info, void *context) {
  (void)signal;
  (void)info;
  greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
  int finished = request.instructions == 0 && registers[REG_TRAPNO] == VECTOR_BP;
  int trapped = finished || registers[REG_TRAPNO] == VECTOR_DB;
  if (finished) registers[REG_RIP]--;
  int repeats = registers[REG_RIP] == previous_rip;
  if (trapped && repeats && ++repetitions < MAX_REPETITIONS) return;
  previous_rip = registers[REG_RIP];
  if (trapped && !repeats && ++executed < request.instructions) return;
  for (int i = 0; i < 17; i++) answer.registers[i] = (uint64_t)registers[POSITIONS[i]];
  answer.rip = (uint64_t)registers[REG_RIP];
  answer.exception = trapped ? NO_EXCEPTION : (uint64_t)registers[REG_TRAPNO];
  if (repetitions == MAX_REPETITIONS) answer.exception = UNFINISHED;
  answer.error_code = trapped ? 0 : (uint64_t)registers[REG_ERR];
  memcpy(registers, resume_at, sizeof resume_at);
}

static void handle(int signal, void (*handler)(int, siginfo_t *, void *)) {
  struct sigaction action = {0};
  action.sa_sigaction = handler;
  action.sa_flags = SA_SIGINFO | SA_ONSTACK;
  sigaction(signal, &action, NULL);
}

static uint8_t *map(uintptr_t address, size_t size, int protection) {
  void *at = mmap((void *)address, size, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
  if (at != (void *)address) {
    perror("mmap");
    exit(1);
  }
  return at;
}

int main(void) {
  static uint8_t stack[65536];
  stack_t alternative = {.ss_sp = stack, .ss_size = sizeof stack};
  sigaltstack(&alternative, NULL);
  handle(SIGUSR1, start);
  static const int FAULTS[] = {SIGTRAP, SIGSEGV, SIGILL, SIGFPE, SIGBUS};
  for (size_t i = 0; i < sizeof FAULTS / sizeof *FAULTS; i++) handle(FAULTS[i], stopped);

  uint8_t *code = map(CODE_PAGE, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC);
  uint8_t *data = map(DATA_PAGES, 2 * PAGE, PROT_READ | PROT_WRITE);
  uint8_t *window = data + (WINDOW - DATA_PAGES);
  while (fread(&request, sizeof request, 1, stdin) == 1) {
    memset(data, 0, 2 * PAGE);
    memcpy(code + (CODE_ADDRESS - CODE_PAGE), request.code, CODE_SIZE);
    memcpy(window, request.window, WINDOW_SIZE);
    raise(SIGUSR1);
    memcpy(answer.window, window, WINDOW_SIZE);
    if (fwrite(&answer, sizeof answer, 1, stdout) != 1) return 1;
  }
  return 0;
}
