/* Which calls are made by nnmpi's own code: those that return into the program itself or into
 * libnnmpi. */
#ifndef NN_SHIM_OWN_H
#define NN_SHIM_OWN_H

#include <link.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum { OWN_RANGES = 32 };

static struct { uintptr_t begin, end; } own_range[OWN_RANGES];
static int own_ranges;

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
        own_ranges++;
    }
    return 0;
}

/* Before main, once. */
static void own_find(void) {
    dl_iterate_phdr(own_add, NULL);
}

static bool own_is(const void *caller) {
    uintptr_t at = (uintptr_t)caller;
    for (int i = 0; i < own_ranges; i++)
        if (at >= own_range[i].begin && at < own_range[i].end)
            return true;
    return false;
}

#endif
