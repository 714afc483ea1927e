#!/usr/bin/env bash
# full: yes
# timeout: 600
# Several hosts, as tests/comm/hosts.sh, in every combination of ways and numbers of ranks; and a run that
# goes on elsewhere.
# shellcheck source=tests/hosts.sh
. "$SOURCE_DIR/tests/hosts.sh"
. "$SOURCE_DIR/tests/growth.sh"
make_hosts 4

make_training
for where in host1:2,host2:2 host1:1,host2:1 host1:2,host2:3 host1:3,host2:1 host1:1,host2:1,host3:1,host4:1 \
    host1:2,host3:1,host4:2; do
    for way in 'node gradients' 'node rows' 'allreduce auto'; do
        read -r reduce between <<<"$way"
        train_on "$where" "$reduce" "$reduce-$between-$where" -o train.clip_norm=1e3 -o train.between_nodes="$between"
        close_to "$reduce-$between-$where" 1e-4
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
expect_line "3 ranks on 2 nodes, reduce: node" err
close_to auto 1e-4

# the same bits wherever the ranks are and whatever travels, also of a run that is stopped and goes on elsewhere
exact=(-o train.reproducible=true -o train.log_every=1000) # so that steps are left to the next ones
"$NNMPI" train net.yaml --run exact -q "${exact[@]}" >out
"$NNMPI" digest exact/last.h5 | cut -c 1-64 >want
places='host1:2 host1:1,host2:1 host1:2,host2:2 host1:1,host2:1,host3:1,host4:1 host1:2,host3:1'
for where in $places; do
    for between in gradients rows; do
        launch "$where" "$NNMPI" train net.yaml --run "exact-$between-$where" -q "${exact[@]}" \
            -o train.between_nodes=$between -o train.max_steps=11 >out 2>err
        launch host1:1,host2:1 "$NNMPI" train net.yaml --run "exact-$between-$where" -q --resume "${exact[@]}" \
            -o train.between_nodes=auto >out 2>err
        "$NNMPI" digest "exact-$between-$where/last.h5" | cut -c 1-64 >got
        expect_same want got
    done
done

# and of one that loses a rank in each of these places, and each time goes on in the next
exact+=(-o train.epochs=100000000 -o checkpoint.every_steps=20)
step=0
for where in $places; do
    for between in rows gradients; do
        launch "$where" "$NNMPI" train net.yaml --run moved -q --resume "${exact[@]}" \
            -o train.between_nodes=$between -o train.max_steps=100000000 >out 2>err &
        launcher=$!
        wait_for_step moved $((step + 100)) "$launcher"
        kill -s KILL "$(ranks_on host1 nnmpi | tail -n 1)"
        ! wait "$launcher" || fail "$where, $between: nobody noticed that a rank was killed"
        step=$(last_step moved)
    done
done
exact+=(-o train.max_steps=$((step + 100)))
launch host1:1,host2:1 "$NNMPI" train net.yaml --run moved -q --resume "${exact[@]}" >out 2>err
"$NNMPI" train net.yaml --run straight -q "${exact[@]}" >out
expect_same <("$NNMPI" digest moved/last.h5 | cut -c 1-64) <("$NNMPI" digest straight/last.h5 | cut -c 1-64)
