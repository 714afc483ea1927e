/* Which calls are made by nnmpi's own code: those that return into the program itself or into
 * libnnmpi. The sanitizers of clang are part of the program, where their functions stand before the
 * C library's for all libraries: of their calls it counts who called them. */
#ifndef NN_SHIM_OWN_H
#define NN_SHIM_OWN_H

#include <dlfcn.h>
#include <link.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <unwind.h>

enum { OWN_RANGES = 32 };

static struct {
    uintptr_t begin, end;
    bool is_program;
} own_range[OWN_RANGES];
static int own_ranges;
static bool own_has_sanitizer; /* in the program */

static int own_add(struct dl_phdr_info *info, size_t size, void *ctx) {
    bool is_program = info->dlpi_name[0] == '\0';
    (void)size;
    (void)ctx;
    if (!is_program && strstr(info->dlpi_name, "/libnnmpi.") == NULL)
        return 0;
    for (int i = 0; i < info->dlpi_phnum && own_ranges < OWN_RANGES; i++) {
        const ElfW(Phdr) *header = &info->dlpi_phdr[i];
        if (header->p_type != PT_LOAD || (header->p_flags & PF_X) == 0)
            continue;
        own_range[own_ranges].begin = info->dlpi_addr + header->p_vaddr;
        own_range[own_ranges].end = own_range[own_ranges].begin + header->p_memsz;
        own_range[own_ranges].is_program = is_program;
        own_ranges++;
    }
    return 0;
}

/* The range of an address, -1: none. */
static int own_range_of(uintptr_t at) {
    for (int i = 0; i < own_ranges; i++)
        if (at >= own_range[i].begin && at < own_range[i].end)
            return i;
    return -1;
}

static bool own_is_program(uintptr_t at) {
    int range = own_range_of(at);
    return range >= 0 && own_range[range].is_program;
}

/* Before main, once. */
static void own_find(void) {
    dl_iterate_phdr(own_add, NULL);
    own_has_sanitizer =
        own_is_program((uintptr_t)dlsym(RTLD_DEFAULT, "__sanitizer_print_stack_trace"));
}

/* Such a program exports what is the sanitizer's, and nothing else. */
static bool own_is_sanitizer(uintptr_t at) {
    Dl_info info;
    return own_has_sanitizer && own_is_program(at) && dladdr((void *)at, &info) != 0 &&
           info.dli_sname != NULL;
}

/* An address on the stack, and the first one behind it that is no sanitizer's. */
struct own_walk {
    uintptr_t from, caller;
    bool passed;
};

static _Unwind_Reason_Code own_step(struct _Unwind_Context *frame, void *ctx) {
    struct own_walk *walk = ctx;
    uintptr_t at = _Unwind_GetIP(frame);
    walk->passed = walk->passed || at == walk->from;
    if (!walk->passed || own_is_sanitizer(at))
        return _URC_NO_REASON;
    walk->caller = at;
    return _URC_END_OF_STACK;
}

static bool own_is(const void *caller) {
    struct own_walk walk = {(uintptr_t)caller, (uintptr_t)caller, false};
    if (own_is_sanitizer(walk.from))
        _Unwind_Backtrace(own_step, &walk);
    return own_range_of(walk.caller) >= 0;
}

#endif
