#!/usr/bin/env bash
# timeout: 400
# full: yes
# A slurmd is killed and does not come back. What it had started trains on, and the job that Slurm starts again
# elsewhere waits for the run folder.
# shellcheck source=tests/cluster.sh
. "$SOURCE_DIR/tests/cluster.sh"

cluster_up 2 2
prepare_jobs

submit gone train.sbatch -n 2
middle gone
on "$(field gone NodeList)" pkill -KILL -x slurmd
within 120 said gone 'is training in the run folder' || fail "nothing starts elsewhere"
rm gone/slow
within 120 is_in gone COMPLETED || fail "$(field gone JobState)"
completes gone "$(field gone Restarts)"
