#!/usr/bin/env bash
# timeout: 300
# A sweep: each task of an array trains with options of its own, and is put back by itself.
# shellcheck source=tests/cluster.sh
. "$SOURCE_DIR/tests/cluster.sh"

cluster_up 2 4
prepare_jobs

cat > list << 'LIST'
-o train.seed=1
-o train.seed=2 -o train.lr=0.02
-o 'train.optimizer={sgd: {momentum: 0.5}}'
LIST
mkdir sweep
touch sweep/slow
array=$(cd sweep && sbatch --parsable --array=1-4 -n 1 "$SOURCE_DIR/slurm/array.sbatch" ../net.yaml runs ../list)
for task in 1 2 3 4; do job[$task]=${array}_$task; done

within 60 [ -s sweep/runs/1/last.h5 ] || fail "it does not begin"
scontrol requeue "${job[1]}"
rm sweep/slow
for task in 2 3; do ends "$task" COMPLETED 0; done
ends 1 COMPLETED 1
ends 4 FAILED 0
said sweep 'list has no line 4' || fail "the fourth task says nothing"

digest() { "$NNMPI" digest "$1/last.h5" | cut -c 1-64; }
for task in 2 3; do
    line=$(sed -n "${task}p" list)
    eval "\"$NNMPI\" train net.yaml --run straight-$task -q $line" > /dev/null
    [ "$(digest "sweep/runs/$task")" = "$(digest "straight-$task")" ] || fail "task $task: another digest"
done
[ "$(digest sweep/runs/1)" = "$(digest undisturbed)" ] || fail "task 1: another digest"
[ "$(digest sweep/runs/2)" != "$(digest undisturbed)" ] || fail "task 2 has not seen its options"
