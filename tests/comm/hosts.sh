#!/usr/bin/env bash
# ranks: 4
# timeout: 240
# Several hosts: gradients are added within a node and then between the nodes, also where these have
# different numbers of ranks, and over a slow network. tests/full/hosts.sh tries more combinations.
# shellcheck source=tests/hosts.sh
. "$SOURCE_DIR/tests/hosts.sh"
make_hosts 4
launch host1:2,host2:1 hostname >out 2>err || fail "the launcher does not get to the hosts"
sort out | xargs >names
expect_line '^host1 host1 host2$' names

make_training
train_on host1:2,host2:2 node node-2-2
close_to node-2-2 1e-4
train_on host1:2,host2:1 node rows-2-1 -o train.between_nodes=rows
close_to rows-2-1 1e-4
expect_line '"between_nodes":"rows of fc1, fc2, fc3; sums of the other gradients"' rows-2-1/metrics.jsonl
# also where the ranks of a host do not follow each other
by_node=("host1:2,host2:2" --map-by node)
! is_hydra || by_node=("host1,host2" -n 4)
launch "${by_node[@]}" "$NNMPI" train net.yaml --run by-node -o train.between_nodes=rows >out 2>err
close_to by-node 1e-4
expect_line '"between_nodes":"rows of fc1, fc2, fc3; sums of the other gradients"' by-node/metrics.jsonl
train_on host1:1,host2:2 allreduce allreduce-1-2
close_to allreduce-1-2 1e-4
# two ranks here and one there
train_on host1:2,host2:1 node node-2-1
close_to node-2-1 1e-4
train_on host1:2,host2:1 node rounded-2-1 -o train.compress=bf16
close_to rounded-2-1 3e-2
train_on host1:2,host2:1 node speed-2-1 -o train.balance=speed
close_to speed-2-1 1e-4
# the same bits on one rank, and on four hosts
"$NNMPI" train net.yaml --run exact-1 -q -o train.reproducible=true -o train.max_steps=10 >out
train_on host1:1,host2:1,host3:1,host4:1 allreduce exact-4 -o train.reproducible=true -o train.max_steps=10
train_on host1:2,host2:2 allreduce exact-2-2 -o train.reproducible=true -o train.max_steps=10
train_on host1:2,host2:1 allreduce exact-2-1 -o train.reproducible=true -o train.max_steps=10
# also where each step begins before the one before it is complete
train_on host1:2,host2:2 node exact-ahead -o train.reproducible=true -o train.max_steps=10 -o train.log_every=1000
"$NNMPI" digest exact-{1,4,2-2,2-1,ahead}/last.h5 | cut -c 1-64 | uniq >digests
[ "$(wc -l <digests)" -eq 1 ] || fail "the bits depend on the hosts"

# 1 Gbit/s
limit_rate 1gbit host1 host2 2>rate.txt || skip "no limits of rates in this kernel; the rest is as it should be"
train_on host1:2,host2:2 node slow
close_to slow 1e-4
./agent host1 tc -s qdisc show dev eth0 >rate.txt
expect_line 'overlimits [1-9]' rate.txt # it had to wait
expect_line '"between_nodes":"rows of fc' slow/metrics.jsonl # chosen for this network, as it was measured
train_on host1:2,host2:2 node rounded -o train.compress=bf16
close_to rounded 3e-2
! close_to rounded 1e-5 2>/dev/null || fail "nothing was rounded"
