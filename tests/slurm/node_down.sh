#!/usr/bin/env bash
# timeout: 400
# A node among four loses its power: the job goes on with those that are left, three nodes with four ranks, and has
# lost no more than the steps behind the last checkpoint.
# shellcheck source=tests/cluster.sh
. "$SOURCE_DIR/tests/cluster.sh"

cluster_up 4 2
prepare_jobs

submit power train.sbatch -N 3-4 -n 4
middle power
said power '^nnmpi: 4 ranks on 4 nodes' || fail "power: ranks are elsewhere"
before=$(steps power)
node_down n3
rm power/slow
within 120 is_in power COMPLETED || fail "power: $(field power JobState)"
completes power "$(field power Restarts)"
said power '^nnmpi: 4 ranks on 3 nodes' || fail "power: it did not go on with three nodes"
lost_nothing power $((before - before % 20))
node_up n3
within 60 all_idle 4 || fail "n3 does not come back"
