#!/usr/bin/env bash
# full: yes
# timeout: 600
# Several hosts, as tests/comm/hosts.sh, in every combination of ways and numbers of ranks; and a run that
# goes on elsewhere.
# shellcheck source=tests/hosts.sh
. "$SOURCE_DIR/tests/hosts.sh"
make_hosts 4

make_training
for where in host1:2,host2:2 host1:1,host2:1 host1:2,host2:3 host1:3,host2:1 host1:1,host2:1,host3:1,host4:1 \
    host1:2,host3:1,host4:2; do
    for way in node allreduce; do
        train_on "$where" "$way" "$way-$where" -o train.clip_norm=1e3
        close_to "$way-$where" 1e-4
    done
done
for where in host1:2,host2:2 host1:1,host2:1; do # rounded, but not lost: bfloat16 has 8 bits
    train_on "$where" node "bf16-$where" -o train.compress=bf16
    close_to "bf16-$where" 3e-2
    ! close_to "bf16-$where" 1e-5 2>/dev/null || fail "nothing was rounded"
done
launch host1:2,host2:2 "$NNMPI" train net.yaml --run auto -o train.max_steps=7 >out 2>err
expect_line "4 ranks on 2 nodes, reduce: node" err
launch host1:1,host2:2 "$NNMPI" train net.yaml --run auto --resume >out 2>err
expect_line "3 ranks on 2 nodes, reduce: allreduce" err
close_to auto 1e-4
