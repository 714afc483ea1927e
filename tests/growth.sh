# shellcheck shell=bash
# What a run must not have more and more of; after tests/lib.sh.

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
# of a checkpoint; the least of five looks, as there is more of all while a checkpoint is written.
growth() {
    local folder=$1 pid
    shift
    for _ in 1 2 3 4 5; do
        for pid in "$@"; do
            printf '%s %s ' "$(memory_of "$pid")" "$(descriptors_of "$pid")"
        done
        printf '%s %s\n' "$(files_in "$folder")" "$(stat -Lc %s "$folder/last.h5")"
        sleep 0.02
    done | awk '{ for (i = 1; i <= NF; i++) if (NR == 1 || $i < least[i]) least[i] = $i }
        END { for (i = 1; i <= NF; i++) printf "%d%s", least[i], i < NF ? " " : "\n" }'
}

# expect_no_growth LINE LINE KIB: memory may differ by KIB, files by the best checkpoint, which is one of the newest
# at times, bytes of a checkpoint by 2048, a line of its history.
expect_no_growth() {
    local -a earlier later
    local i allowed
    read -ra earlier <<< "$1"
    read -ra later <<< "$2"
    [ "${#earlier[@]}" -eq "${#later[@]}" ] || fail "$1 and $2"
    for ((i = 0; i < ${#earlier[@]}; i++)); do
        case $((${#earlier[@]} - i)) in
        1) allowed=2048 ;;
        2) allowed=1 ;;
        *) allowed=$((i % 2 == 0 ? $3 : 0)) ;;
        esac
        [ "${later[i]}" -le $((earlier[i] + allowed)) ] || fail "number $((i + 1)) of these grew:
$1
$2"
    done
}
