/* How much memory a program may take. */
#ifndef NN_BASE_SYSTEM_LIMITS_H
#define NN_BASE_SYSTEM_LIMITS_H

/* Bytes for all processes of a job on this node: the least of its physical memory, the limits of
 * the control groups (cgroup, v1 and v2) that this process is in, and Slurm's --mem and
 * --mem-per-cpu. *by (may be NULL) is what sets it: "physical memory", "its cgroup" ...; static.
 * `root` is put before the names of system files: "" but in tests. INFINITY: unknown. Local. */
double nn_memory_of_node(const char *root, const char **by);

/* Bytes for this process alone (ulimit -v), INFINITY: no limit. Local. */
double nn_memory_of_process(void);

/* Bytes of this process that are in memory now; NAN: unknown. Local. */
double nn_memory_resident(void);

#endif
