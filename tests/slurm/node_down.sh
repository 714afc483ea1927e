#!/usr/bin/env bash
# timeout: 400
# A node among four loses its power: the job goes on with the three that are left, without the queue, and has lost no
# more than the steps behind the last checkpoint.
# shellcheck source=tests/cluster.sh
. "$SOURCE_DIR/tests/cluster.sh"

cluster_up 4 2
prepare_jobs

submit power train.sbatch --no-kill -N 4 -n 4
middle power
said power '^nnmpi: 4 ranks on 4 nodes' || fail "power: ranks are elsewhere"
saved=$(readlink power/run/last.h5) saved=${saved##*-}
node_down n3
within 90 said power '^nnmpi: 3 ranks on 3 nodes' || fail "power: it does not go on with three nodes"
rm power/slow
completes power 0
lost_nothing power "${saved%.h5}"
node_up n3
within 60 all_idle 4 || fail "n3 does not come back"
