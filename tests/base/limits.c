/* Limits of memory: the least of what the machine has and what control groups and Slurm allow. */
#include "base/system/limits.h"

#include "check.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static char root[64];

/* Writes a file below the root, with the folders above it. */
__attribute__((format(printf, 2, 3))) static void put(const char *path, const char *format, ...) {
    char command[512], name[256];
    va_list args;

    snprintf(command, sizeof command, "mkdir -p \"$(dirname %s%s)\"", root, path);
    CHECK(system(command) == 0);
    snprintf(name, sizeof name, "%s%s", root, path);
    FILE *file = fopen(name, "w");
    if (!CHECK(file))
        return;
    va_start(args, format);
    vfprintf(file, format, args);
    va_end(args);
    fclose(file);
}

static void expect(double bytes, const char *by) {
    const char *found;

    CHECK_NEAR(nn_memory_of_node(root, &found), bytes, 0.5);
    CHECK_STR(found, by);
}

static void machine(void) {
    put("/proc/meminfo", "MemTotal:       16000 kB\nMemFree:  100 kB\n");
    expect(16000 * 1024.0, "physical memory");
    CHECK_NEAR(nn_memory_of_node(root, NULL), 16000 * 1024.0, 0.5);
}

static void groups(void) {
    /* version 1, and a group above with less */
    put("/proc/self/cgroup", "5:cpu,cpuacct:/job\n4:memory:/job/step\n1:name=memory:/other\n");
    put("/sys/fs/cgroup/memory/job/step/memory.limit_in_bytes", "9223372036854771712\n");
    expect(16000 * 1024.0, "physical memory");
    put("/sys/fs/cgroup/memory/job/memory.limit_in_bytes", "5000000\n");
    put("/sys/fs/cgroup/memory/other/memory.limit_in_bytes", "1000\n");
    expect(5e6, "its cgroup");

    /* version 2, where the group is the mounted one */
    put("/proc/self/cgroup", "0::/slice/job\n");
    put("/sys/fs/cgroup/slice/job/memory.max", "max\n");
    expect(16000 * 1024.0, "physical memory");
    put("/sys/fs/cgroup/slice/memory.max", "4000000\n");
    expect(4e6, "its cgroup");
    put("/sys/fs/cgroup/memory.max", "3000000\n");
    expect(3e6, "its cgroup");
}

static void slurm(void) {
    setenv("SLURM_MEM_PER_NODE", "2", 1);
    expect(2 * 1048576.0, "SLURM_MEM_PER_NODE");
    setenv("SLURM_MEM_PER_NODE", "0", 1); /* all of the node */
    expect(3e6, "its cgroup");
    unsetenv("SLURM_MEM_PER_NODE");
    setenv("SLURM_MEM_PER_CPU", "1", 1);
    expect(3e6, "its cgroup"); /* nobody says how many */
    setenv("SLURM_CPUS_ON_NODE", "2", 1);
    expect(2 * 1048576.0, "SLURM_MEM_PER_CPU");
}

static void process(void) {
    struct rlimit limit, before;

    CHECK(getrlimit(RLIMIT_AS, &limit) == 0);
    before = limit;
    if (limit.rlim_cur == RLIM_INFINITY)
        CHECK(isinf(nn_memory_of_process()));
    limit.rlim_cur = (rlim_t)1 << 40;
    if (setrlimit(RLIMIT_AS, &limit) == 0)
        CHECK_NEAR(nn_memory_of_process(), 1099511627776.0, 0.5);
    setrlimit(RLIMIT_AS, &before); /* sanitizers take more */
}

int main(void) {
    char command[128];

    unsetenv("SLURM_MEM_PER_NODE");
    unsetenv("SLURM_MEM_PER_CPU");
    unsetenv("SLURM_CPUS_ON_NODE");
    snprintf(root, sizeof root, "/tmp/nnmpi-limits.XXXXXX");
    if (!CHECK(mkdtemp(root)))
        return check_done();
    machine();
    groups();
    slurm();
    process();
    snprintf(command, sizeof command, "rm -rf '%s'", root);
    CHECK(system(command) == 0);
    return check_done();
}
