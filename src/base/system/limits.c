#define _GNU_SOURCE
#include "base/system/limits.h"

#include <fcntl.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define PATH_SIZE 4096

typedef struct least {
    double bytes;
    const char *by;
} least;

static void lower(least *found, double bytes, const char *by) {
    if (bytes > 0 && bytes < found->bytes)
        *found = (least){bytes, by};
}

/* The number that a file holds, INFINITY when there is none ("max"). */
static double read_number(const char *path) {
    FILE *file = fopen(path, "re");
    double bytes;

    if (!file)
        return INFINITY;
    if (fscanf(file, "%lf", &bytes) != 1)
        bytes = INFINITY;
    fclose(file);
    return bytes;
}

static void add_physical(least *found, const char *root) {
    char path[PATH_SIZE], line[256];
    double kib = NAN;

    snprintf(path, sizeof path, "%s/proc/meminfo", root);
    FILE *file = fopen(path, "re");
    while (file && isnan(kib) && fgets(line, sizeof line, file))
        if (sscanf(line, "MemTotal: %lf kB", &kib) != 1)
            kib = NAN;
    if (file)
        fclose(file);
    if (isnan(kib))
        kib = (double)sysconf(_SC_PHYS_PAGES) * (double)sysconf(_SC_PAGESIZE) / 1024;
    lower(found, kib * 1024, "physical memory");
}

/* Every group above has a limit of its own. Inside of a container the upper ones are not seen. */
static void add_groups(least *found, const char *mount, char *group, const char *file) {
    char path[PATH_SIZE];

    for (;;) {
        char *slash = strrchr(group, '/');
        snprintf(path, sizeof path, "%s%s/%s", mount, group, file);
        lower(found, read_number(path), "its cgroup");
        if (!slash)
            return;
        *slash = '\0';
    }
}

/* Whether "cpu,memory" has "memory". */
static bool has_memory(const char *controllers) {
    const char *found = strstr(controllers, "memory");

    return found && (found == controllers || found[-1] == ',') &&
           (found[6] == '\0' || found[6] == ',');
}

/* A line of /proc/self/cgroup: "4:memory:/a/b" of version 1, "0::/a/b" of version 2. */
static void add_line(least *found, const char *root, char *line) {
    char mount[PATH_SIZE], *controllers = strchr(line, ':');
    char *group = controllers ? strchr(controllers + 1, ':') : NULL;

    if (!group)
        return;
    *group++ = '\0';
    group[strcspn(group, "\n")] = '\0';
    if (controllers[1] == '\0') {
        snprintf(mount, sizeof mount, "%s/sys/fs/cgroup", root);
        add_groups(found, mount, group, "memory.max");
    } else if (has_memory(controllers + 1)) {
        snprintf(mount, sizeof mount, "%s/sys/fs/cgroup/memory", root);
        add_groups(found, mount, group, "memory.limit_in_bytes");
    }
}

static void add_cgroups(least *found, const char *root) {
    char path[PATH_SIZE], line[PATH_SIZE];

    snprintf(path, sizeof path, "%s/proc/self/cgroup", root);
    FILE *file = fopen(path, "re");
    while (file && fgets(line, sizeof line, file))
        add_line(found, root, line);
    if (file)
        fclose(file);
}

/* A variable as a number; 0 when it is absent or none. */
static double variable(const char *name) {
    const char *text = getenv(name);

    return text ? strtod(text, NULL) : 0;
}

static void add_slurm(least *found) {
    const double mib = 1048576;

    lower(found, variable("SLURM_MEM_PER_NODE") * mib, "SLURM_MEM_PER_NODE");
    lower(found, variable("SLURM_MEM_PER_CPU") * variable("SLURM_CPUS_ON_NODE") * mib,
          "SLURM_MEM_PER_CPU");
}

double nn_memory_of_node(const char *root, const char **by) {
    least found = {INFINITY, "nothing"};

    add_physical(&found, root);
    add_cgroups(&found, root);
    add_slurm(&found);
    if (by)
        *by = found.by;
    return found.bytes;
}

double nn_memory_of_process(void) {
    struct rlimit limit;

    if (getrlimit(RLIMIT_AS, &limit) < 0 || limit.rlim_cur == RLIM_INFINITY)
        return INFINITY;
    return (double)limit.rlim_cur;
}

/* The second number of statm counts pages (proc(5)). Without stdio, which would allocate. */
double nn_memory_resident(void) {
    char text[128], *end;
    int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return NAN;
    ssize_t length = read(fd, text, sizeof text - 1);
    close(fd);
    text[length > 0 ? length : 0] = '\0';
    strtoull(text, &end, 10);
    unsigned long long pages = strtoull(end, NULL, 10);
    return pages > 0 ? (double)pages * (double)sysconf(_SC_PAGESIZE) : NAN;
}
