/* Linked into sanitized programs in the place of libc's dlclose: MPI's plug-ins stay loaded to the
 * end, so that a leak's stack keeps its function names and the suppressions match. */
int dlclose(void *handle);

int dlclose(void *handle) {
    (void)handle;
    return 0;
}
