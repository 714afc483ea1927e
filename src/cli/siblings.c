#define _GNU_SOURCE
#include "cli/siblings.h"

#include "base/system/process.h"

#include <ctype.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Bytes of an environment that are looked through. */
#define ENVIRONMENT ((size_t)1 << 17)

/* What a process was told to be the rank of; -1: nothing. */
static int rank_of(const nn_launch *launch, long process) {
    char text[ENVIRONMENT];
    const char *name = launch->launcher->rank;
    size_t length = nn_process_read(process, "environ", sizeof text, text), used = strlen(name);
    for (const char *at = text; at < text + length; at += strlen(at) + 1)
        if (strncmp(at, name, used) == 0 && at[used] == '=')
            return atoi(at + used + 1);
    return -1;
}

/* The state of a child of `parent` ('R', 'S', 'T' ...), 0 of another process. */
static char state_of(long process, long parent) {
    nn_process found;
    return nn_process_look(process, &found) && found.parent == parent ? found.state : 0;
}

/* Calls `see` for each rank whose parent is that of this one. */
typedef void seer(void *ctx, int rank, long process, char state);

static void for_each(const nn_launch *launch, seer *see, void *ctx) {
    long parent = getppid();
    DIR *folder = opendir("/proc");
    for (struct dirent *item; folder && (item = readdir(folder)) != NULL;) {
        long process = isdigit((unsigned char)*item->d_name) ? atol(item->d_name) : 0;
        char state = process > 0 ? state_of(process, parent) : 0;
        int rank = state ? rank_of(launch, process) : -1;
        if (rank >= 0)
            see(ctx, rank, process, state);
    }
    if (folder)
        closedir(folder);
}

/* Whether the parent is the launcher itself. */
static bool is_launched(const nn_launch *launch) {
    return launch->launcher && launch->local_size > 1 && rank_of(launch, getppid()) < 0;
}

/* One that has ended, and whose end nobody has taken note of, has no environment any more. */
static void count_alive(void *ctx, int rank, long process, char state) {
    int *alive = ctx;
    (void)rank, (void)process;
    *alive += state != 'Z' && state != 'X';
}

bool nn_siblings_missing(const nn_launch *launch) {
    int alive = 0;
    if (!is_launched(launch))
        return false;
    for_each(launch, count_alive, &alive);
    return alive < launch->local_size;
}

static void note_stopped(void *ctx, int rank, long process, char state) {
    char *text = ctx;
    size_t used = strlen(text);
    if (state == 'T' || state == 't')
        snprintf(text + used, NN_SIBLINGS_TEXT - used, " (rank %d, process %ld, is stopped)", rank,
                 process);
}

const char *nn_siblings_stopped(const nn_launch *launch, char text[NN_SIBLINGS_TEXT]) {
    *text = '\0';
    if (is_launched(launch))
        for_each(launch, note_stopped, text);
    return text;
}
