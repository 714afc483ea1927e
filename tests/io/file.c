/* Files that survive: every step of publishing fails once, and what stood there still stands. */
#define _GNU_SOURCE
#include "io/files/file.h"

#include "base/system/progress.h"
#include "check.h"
#include "io/digest.h"
#include "io/files/descriptor.h"
#include "io/files/folder.h"
#include "shim/fault.c"

#include <dirent.h>
#include <sys/resource.h>
#include <sys/stat.h>

static nn_pool pool;

static const char *contents(const char *path) {
    char *text = NULL;
    size_t length = 0;
    CHECK_EQ_INT(nn_file_read(&pool, path, &text, &length), 0);
    CHECK_EQ_INT(text != NULL ? strlen(text) : 0, length);
    return text;
}

static int files_here(void) {
    DIR *folder = opendir(".");
    int count = -2; /* . and .. */
    while (readdir(folder) != NULL)
        count++;
    closedir(folder);
    return count;
}

static void folders(void) {
    CHECK_EQ_INT(nn_dir_make("a/b//c/"), 0);
    CHECK_EQ_INT(nn_dir_make("a/b/c"), 0);
    CHECK_EQ_INT(nn_dir_make("."), 0);
    CHECK(nn_file_exists("a/b/c") && !nn_file_exists("a/c"));
    CHECK_EQ_INT(nn_file_write("a/file", "x", 1), 0);
    CHECK_EQ_INT(nn_dir_make("a/file"), NN_EIO);
    CHECK_STR(nn_error_message(), "cannot make the folder 'a/file': a file stands in its way");
    CHECK_EQ_INT(nn_dir_make("a/file/d"), NN_EIO);
    CHECK_STR(nn_error_message(), "cannot make the folder 'a/file': a file stands in its way");
    CHECK_EQ_INT(nn_dir_make(""), NN_EIO);
    fault_arm("mkdir", 2, false, ENOSPC, "");
    CHECK_EQ_INT(nn_dir_make("n/m"), NN_EIO);
    CHECK_STR(nn_error_message(),
              "cannot make the folder 'n/m': the disk is full (No space left on "
              "device)");
    fault_arm(NULL, 0, false, 0, NULL);
    CHECK_EQ_INT(rmdir("n"), 0);
    CHECK_EQ_INT(unlink("a/file"), 0);
    CHECK(rmdir("a/b/c") == 0 && rmdir("a/b") == 0 && rmdir("a") == 0);
}

static void reading(void) {
    enum { LENGTH = 1000003 };
    char *text = NULL, *big = malloc(LENGTH);
    size_t length = 0;
    for (size_t i = 0; i < LENGTH; i++)
        big[i] = (char)(i % 251);
    CHECK_EQ_INT(nn_file_write("big", big, LENGTH), 0);
    CHECK_EQ_INT(nn_file_read(&pool, "big", &text, &length), 0);
    CHECK_EQ_INT(length, LENGTH);
    CHECK(memcmp(text, big, LENGTH) == 0 && text[LENGTH] == '\0');
    CHECK_EQ_INT(nn_file_write("empty", "", 0), 0);
    CHECK_STR(contents("empty"), "");
    CHECK_EQ_INT(nn_file_read(&pool, "nothing", &text, &length), NN_EIO);
    CHECK_STR(nn_error_message(), "cannot open 'nothing': No such file or directory");
    CHECK_EQ_INT(nn_file_read(&pool, ".", &text, &length), NN_EIO);
    CHECK_STR(nn_error_message(), "'.' is a folder, but a regular file is wanted");
    fault_arm("read", 1, false, EINTR, "big");
    CHECK_EQ_INT(nn_file_read(&pool, "big", &text, &length), 0);
    fault_arm("read", 1, false, FAULT_SHORT, "big");
    CHECK_EQ_INT(nn_file_read(&pool, "big", &text, &length), 0);
    CHECK_EQ_INT(length, LENGTH);
    CHECK(memcmp(text, big, LENGTH) == 0);
    fault_arm("read", 1, false, EIO, "big");
    CHECK_EQ_INT(nn_file_read(&pool, "big", &text, &length), NN_EIO);
    CHECK_STR(nn_error_message(), "cannot read 'big': Input/output error");
    fault_arm(NULL, 0, false, 0, NULL);
    CHECK(unlink("big") == 0 && unlink("empty") == 0);
    free(big);
}

/* What may never end is refused, also a pipe whose other end nobody opens; what is too long, too.
 */
static void reading_no_files(void) {
    char *text = NULL;
    size_t length = 0;
    CHECK_EQ_INT(mkfifo("pipe", 0600), 0);
    CHECK_EQ_INT(nn_file_read(&pool, "pipe", &text, &length), NN_EIO);
    CHECK_STR(nn_error_message(), "'pipe' is a pipe, but a regular file is wanted");
    CHECK_EQ_INT(nn_file_read(&pool, "/dev/zero", &text, &length), NN_EIO);
    CHECK_STR(nn_error_message(), "'/dev/zero' is a device, but a regular file is wanted");
    CHECK_EQ_INT(nn_file_check("pipe", NN_EFORMAT), NN_EFORMAT);
    CHECK_EQ_INT(unlink("pipe"), 0);
    CHECK_EQ_INT(nn_file_write("long", "12345", 5), 0);
    CHECK_EQ_INT(nn_file_read_below(&pool, "long", 5, &text, &length), 0);
    CHECK_EQ_INT(nn_file_read_below(&pool, "long", 4, &text, &length), NN_EIO);
    CHECK_STR(nn_error_message(), "'long' has 5 bytes, more than 4: is it the right file?");
    CHECK_EQ_INT(unlink("long"), 0);
}

/* No name that somebody else can know, and nothing that stands there is written through. */
static void temporary_names(void) {
    const char *one = nn_file_temporary(&pool, "name"), *two = nn_file_temporary(&pool, "name");
    CHECK(strcmp(one, two) != 0 && strncmp(one, "name.", 5) == 0);
    CHECK(nn_file_is_temporary(one) && nn_file_is_temporary(two));
    CHECK(!nn_file_is_temporary("name") && !nn_file_is_temporary("name.tmp"));
    CHECK(!nn_file_is_temporary(".tmp") && !nn_file_is_temporary("name.ABCDEFGH.tmp"));
    CHECK_EQ_INT(nn_file_write("victim", "safe", 4), 0);
    CHECK_EQ_INT(symlink("victim", "name.tmp"), 0); /* where the name was known once */
    CHECK_EQ_INT(nn_file_write("name", "new", 3), 0);
    CHECK_STR(contents("victim"), "safe");
    char *copy = NULL;
    const char *target = NULL;
    CHECK_EQ_INT(nn_file_replace(&pool, "copy", NULL, &target, &copy), 0);
    CHECK_EQ_INT(nn_file_copy("victim", copy), 0);
    CHECK_EQ_INT(nn_file_publish(copy, target), 0);
    CHECK_STR(contents("copy"), "safe");
    CHECK_EQ_INT(symlink("victim", "link"), 0);
    CHECK_EQ_INT(nn_file_copy("name", "link"), NN_EIO);
    CHECK_EQ_INT(nn_file_copy("name", "copy"), NN_EIO);
    CHECK_STR(contents("victim"), "safe");
    CHECK_STR(contents("copy"), "safe");
    CHECK(unlink("victim") == 0 && unlink("name") == 0 && unlink("name.tmp") == 0 &&
          unlink("copy") == 0 && unlink("link") == 0);
}

static mode_t mode_of(const char *path) {
    struct stat status;
    return stat(path, &status) == 0 ? status.st_mode & 0777 : 0;
}

/* The file that comes is never less private than the one that goes. */
static void replacing(void) {
    const char *target = NULL;
    char *temporary = NULL;
    CHECK_EQ_INT(nn_file_write("old", "old", 3), 0);
    CHECK_EQ_INT(chmod("old", 0640), 0);
    CHECK_EQ_INT(nn_file_replace(&pool, "old", NULL, &target, &temporary), 0);
    CHECK_STR(target, "old");
    CHECK_EQ_INT((int)mode_of(temporary), 0640);
    CHECK_EQ_INT(unlink(temporary), 0);
    fault_arm("fchown", 1, true, EPERM, ""); /* the group cannot be kept either */
    CHECK_EQ_INT(nn_file_replace(&pool, "old", NULL, &target, &temporary), 0);
    fault_arm(NULL, 0, false, 0, NULL);
    CHECK_EQ_INT((int)mode_of(temporary), 0600);
    CHECK_EQ_INT(unlink(temporary), 0);
    CHECK_EQ_INT(nn_file_write("old", "new", 3), 0);
    CHECK_EQ_INT((int)mode_of("old"), 0640);
    CHECK_EQ_INT(nn_file_replace(&pool, "new", "old", &target, &temporary), 0);
    CHECK_EQ_INT((int)(mode_of(temporary) & ~0640u), 0);
    CHECK_EQ_INT(unlink(temporary), 0);
    CHECK_EQ_INT(unlink("old"), 0);
}

/* One call of `what` after the other fails with `error`, until none is left to fail. */
static void each_step_fails(const char *what, int error, const char *words) {
    for (long at = 1;; at++) {
        CHECK_EQ_INT(nn_file_write("kept", "old", 3), 0);
        fault_arm(what, at, false, error, "");
        int rc = nn_file_write("kept", "new text", 8);
        long calls = fault_calls();
        fault_arm(NULL, 0, false, 0, NULL);
        CHECK_EQ_INT(files_here(), 1); /* no temporary file left */
        if (calls < at) {
            CHECK_EQ_INT(rc, 0);
            CHECK(at > 1);
            break;
        }
        if (rc == 0 && strcmp(what, "close") == 0) { /* of the lock, once all is done */
            CHECK_STR(contents("kept"), "new text");
            continue;
        }
        CHECK_EQ_INT(rc, NN_EIO);
        CHECK_CONTAINS(nn_error_message(), "kept");
        CHECK_CONTAINS(nn_error_message(), words);
        const char *now = contents("kept");
        bool folder = strstr(nn_error_message(), "durable") != NULL;
        CHECK_STR(now, folder ? "new text" : "old");
    }
    CHECK_EQ_INT(unlink("kept"), 0);
}

static void durable_writing(void) {
    each_step_fails("open", EMFILE, "Too many open files");
    each_step_fails("write", ENOSPC, "the disk is full");
    each_step_fails("fsync", EIO, "Input/output error");
    each_step_fails("close", ENOSPC, "the disk is full");
    each_step_fails("rename", EROFS, "Read-only file system");
    static const char *const interrupted[] = {"open", "write", "fsync"};
    for (size_t i = 0; i < 3; i++) {
        fault_arm(interrupted[i], 1, false, EINTR, "");
        CHECK_EQ_INT(nn_file_write("kept", "interrupted", 11), 0);
        CHECK_STR(contents("kept"), "interrupted");
    }
    fault_arm("write", 1, false, FAULT_SHORT, "");
    CHECK_EQ_INT(nn_file_write("kept", "in two parts", 12), 0);
    CHECK_STR(contents("kept"), "in two parts");
    fault_arm("fsync", 0, false, 0, "");
    CHECK_EQ_INT(nn_file_write("kept", "x", 1), 0);
    CHECK_EQ_INT(fault_calls(), 2); /* the file, then the folder */
    fault_arm(NULL, 0, false, 0, NULL);
    CHECK_EQ_INT(unlink("kept"), 0);
}

/* The kernel's own limit on the size of files. */
static void file_too_large(void) {
    static char bytes[100000];
    struct rlimit limit;
    getrlimit(RLIMIT_FSIZE, &limit);
    rlim_t before = limit.rlim_cur;
    signal(SIGXFSZ, SIG_IGN);
    limit.rlim_cur = 5000;
    CHECK_EQ_INT(setrlimit(RLIMIT_FSIZE, &limit), 0);
    CHECK_EQ_INT(nn_file_write("large", bytes, sizeof bytes), NN_EIO);
    CHECK_STR(nn_error_message(), "cannot write 'large': File too large");
    CHECK_EQ_INT(files_here(), 0);
    limit.rlim_cur = before;
    CHECK_EQ_INT(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void links(void) {
    CHECK_EQ_INT(nn_file_write("one", "1", 1), 0);
    CHECK_EQ_INT(nn_file_write("two", "2", 1), 0);
    CHECK_EQ_INT(nn_symlinks_publish("one", &(const char *){"last"}, 1), 0);
    CHECK_STR(contents("last"), "1");
    CHECK_EQ_INT(nn_symlinks_publish("two", &(const char *){"last"}, 1), 0);
    CHECK_STR(contents("last"), "2");
    fault_arm("rename", 1, false, EIO, "last");
    CHECK_EQ_INT(nn_symlinks_publish("one", &(const char *){"last"}, 1), NN_EIO);
    fault_arm("symlink", 1, false, ENOSPC, "last");
    CHECK_EQ_INT(nn_symlinks_publish("one", &(const char *){"last"}, 1), NN_EIO);
    CHECK_STR(nn_error_message(),
              "cannot make the link 'last': the disk is full (No space left on device)");
    fault_arm(NULL, 0, false, 0, NULL);
    CHECK_STR(contents("last"), "2");
    CHECK_EQ_INT(files_here(), 3);
    CHECK(unlink("one") == 0 && unlink("two") == 0 && unlink("last") == 0);
}

static void free_space(void) {
    uint64_t here = 0, below = 0;
    CHECK_EQ_INT(nn_disk_free(".", &here), 0);
    CHECK_EQ_INT(nn_disk_free("not/yet/there", &below), 0);
    CHECK_NEAR(here, below, (double)(1 << 28)); /* others write, too */
    CHECK_EQ_INT(nn_disk_free("/not/there", &below), 0);
    CHECK_EQ_INT(nn_disk_free("", &below), NN_EIO);
}

static void digests(void) {
    char hex[NN_DIGEST_HEX];
    nn_digest *digest = NULL;
    CHECK_EQ_INT(nn_digest_new(&digest), 0);
    nn_digest_end(digest, hex);
    CHECK_STR(hex, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    CHECK_EQ_INT(nn_digest_new(&digest), 0);
    nn_digest_add(digest, "a", 1);
    nn_digest_add(digest, "bc", 2);
    nn_digest_end(digest, hex); /* FIPS 180-4, "abc" */
    CHECK_STR(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

static void count(void *ctx) {
    ++*(int *)ctx;
}

/* A disk that takes minutes for a large file is no stall. */
static void signs_of_life(void) {
    int signs = 0;
    CHECK_EQ_INT(nn_file_write("large", "x", 1), 0);
    CHECK(truncate("large", (off_t)640 << 20) == 0); /* a hole */
    nn_progress_target_set((nn_progress_target){count, &signs});
    CHECK_EQ_INT(nn_path_sync("large", O_RDONLY), 0);
    nn_progress_target_set((nn_progress_target){NULL, NULL});
    CHECK_EQ_INT(signs, 9);
    CHECK(unlink("large") == 0);
}

int main(void) {
    char folder[] = "io_file.XXXXXX";
    if (mkdtemp(folder) == NULL || chdir(folder) != 0)
        return 1;
    folders();
    reading();
    reading_no_files();
    temporary_names();
    replacing();
    durable_writing();
    file_too_large();
    signs_of_life();
    links();
    free_space();
    digests();
    nn_pool_release(&pool);
    CHECK(files_here() == 0 && chdir("..") == 0 && rmdir(folder) == 0);
    return check_done();
}
