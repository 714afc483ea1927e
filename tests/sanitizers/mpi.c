/* Linked into sanitized programs: what MPI keeps to the end is no leak of ours. To skip it by name,
 * in a list of suppressions, would take a second at the end of every program. */
#include <stddef.h>

/* Absent where the program does not use MPI, or the sanitizer does not look for leaks. */
__attribute__((weak)) int PMPI_Init_thread(int *argc, char ***argv, int required, int *provided);
__attribute__((weak)) void __lsan_disable(void);
__attribute__((weak)) void __lsan_enable(void);

__attribute__((visibility("default"))) int dlclose(void *handle);
int MPI_Init_thread(int *argc, char ***argv, int required, int *provided);

/* In the place of libc's: MPI's plug-ins stay loaded, so that a leak's stack keeps its names. */
int dlclose(void *handle) {
    (void)handle;
    return 0;
}

int MPI_Init_thread(int *argc, char ***argv, int required, int *provided) {
    int rc;

    if (__lsan_disable)
        __lsan_disable();
    rc = PMPI_Init_thread(argc, argv, required, provided);
    if (__lsan_enable)
        __lsan_enable();
    return rc;
}
