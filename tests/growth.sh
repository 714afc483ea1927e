# shellcheck shell=bash
# What a run must not have more and more of; after tests/lib.sh.

# smallest COMMAND...: the smallest of ten numbers within a second: what is there between two checkpoints.
smallest() { for _ in $(seq 10); do "$@" && sleep 0.1; done | sort -n | head -n 1; }

# Without the pages of files, libraries among them, of which the system keeps as many as it likes.
memory_of() { awk '/^Rss(Anon|Shmem):/ { kib += $2 } END { print kib }' "/proc/$1/status"; }
descriptors_of() { find "/proc/$1/fd" -mindepth 1 | wc -l; }
files_in() { find "$1" -mindepth 1 | wc -l; }
last_step() { readlink "$1/last.h5" 2> /dev/null | sed 's/checkpoint-//; s/\.h5//' || true; }

# wait_for_step FOLDER STEP LAUNCHER: until that much is saved.
wait_for_step() {
    until [ "$(last_step "$1")" -ge "$2" ] 2> /dev/null; do
        kill -0 "$3" 2> /dev/null || fail "the run ended before step $2"
        sleep 0.05
    done
}

# growth FOLDER PIDS...: a line of: KiB of memory and descriptors of each process, files in the folder, bytes
# of a checkpoint.
growth() {
    local folder=$1 pid
    shift
    for pid in "$@"; do
        printf '%s %s ' "$(smallest memory_of "$pid")" "$(smallest descriptors_of "$pid")"
    done
    printf '%s %s\n' "$(smallest files_in "$folder")" "$(stat -Lc %s "$folder/last.h5")"
}

# expect_no_growth LINE LINE: KiB may differ by 512, bytes of a checkpoint by 2048, a line of its history.
expect_no_growth() {
    local -a earlier later
    local i last
    read -ra earlier <<< "$1"
    read -ra later <<< "$2"
    [ "${#earlier[@]}" -eq "${#later[@]}" ] || fail "$1 and $2"
    last=$((${#earlier[@]} - 1))
    for ((i = 0; i <= last; i++)); do
        local allowed=0
        [ "$i" -lt "$last" ] || allowed=2048
        [ $((i % 2)) -eq 1 ] || [ "$i" -ge $((last - 1)) ] || allowed=512
        [ "${later[i]}" -le $((earlier[i] + allowed)) ] || fail "number $((i + 1)) of these grew:
$1
$2"
    done
}
