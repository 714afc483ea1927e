/* Counters that the ranks of a node wait for. */
#include "comm/reduce/node/node.h"

bool node_reached(const struct node *node, size_t rank, int counter, uint64_t value) {
    return atomic_load(&node->flags[rank]->counter[counter].value) >= value;
}

bool node_all_reached(const struct node *node, int counter, uint64_t value) {
    for (size_t p = 0; p < node->ranks; p++)
        if (!node_reached(node, p, counter, value))
            return false;
    return true;
}

/* Sleepers wait for all ranks to reach `goal`: the last one to come there rings. Stores and loads
 * are sequentially consistent, or of two who come at once none might think it is the last. */
void node_publish_until(const nn_reducer *r, int counter, uint64_t value, uint64_t goal) {
    const struct node *node = r->state;
    atomic_store(&node->flags[node->me]->counter[counter].value, value);
    if (r->wakeup && (counter == BROADCAST || node_all_reached(node, counter, goal)))
        nn_wakeup_signal(r->wakeup);
}

void node_publish(const nn_reducer *r, int counter, uint64_t value) {
    node_publish_until(r, counter, value, value);
}

void node_publish_bucket(const nn_reducer *r, int counter, size_t k) {
    const struct node *node = r->state;
    atomic_store(&node->buckets[node->me][(size_t)counter * r->partition.buckets + k],
                 node->opened[k]);
}

bool node_all_reached_bucket(const nn_reducer *r, int counter, size_t k) {
    const struct node *node = r->state;
    for (size_t p = 0; p < node->ranks; p++)
        if (atomic_load(&node->buckets[p][(size_t)counter * r->partition.buckets + k]) <
            node->opened[k])
            return false;
    return true;
}
