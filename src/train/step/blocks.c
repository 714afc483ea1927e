#include "train/step/blocks.h"

#include "base/mem.h"

/* The lists of blocks while they are made; all are counted first. */
struct listing {
    nn_blocks *blocks;
    bool mine, own, store; /* the slice is this rank's; so is its part; lists are there */
};

static void add_block(const struct listing *c, nn_block b) {
    nn_blocks *blocks = c->blocks;
    b.number = blocks->all++;
    if (c->store)
        blocks->tensor[b.number] = b.tensor;
    if (c->store && c->mine)
        blocks->block[blocks->count] = b;
    blocks->count += c->mine;
}

/* The part of a tensor that is in a slice, at multiples of a block. */
static void add_tensor(const struct listing *c, const nn_param *param, size_t tensor,
                       const nn_slice *slice) {
    size_t begin = param->offset, end = begin + param->count, next;
    begin = begin > slice->begin ? begin : slice->begin;
    end = end < slice->end ? end : slice->end;
    for (; !param->layer->frozen && begin < end; begin = next) {
        next = (begin / NN_BLOCK + 1) * NN_BLOCK;
        next = next < end ? next : end;
        add_block(c, (nn_block){.tensor = tensor,
                                .begin = begin,
                                .count = next - begin,
                                .own = c->own,
                                .at = slice->at + begin - slice->begin});
    }
}

static void add_blocks(const struct listing *c, const nn_model *model, nn_slice slice) {
    const nn_param *const *param;
    size_t params = nn_model_params(model, &param);
    for (size_t i = 0; i < params; i++)
        add_tensor(c, param[i], i, &slice);
}

/* A slice of this rank's, part by part. */
static void add_slice(struct listing *c, const nn_model *model, nn_slice slice, nn_slice part) {
    c->own = false;
    add_blocks(c, model, (nn_slice){slice.begin, part.begin, 0});
    c->own = true;
    add_blocks(c, model, part);
    c->own = false;
    add_blocks(c, model, (nn_slice){part.end, slice.end, 0});
}

/* All blocks, in the order of the vector, which is that of a share too. */
static void list_blocks(nn_blocks *blocks, const nn_model *model, const nn_reducer *reducer,
                        bool store) {
    const nn_partition *shares = nn_reducer_partition(reducer);
    size_t owner;
    nn_reducer_owners(reducer, &owner);
    blocks->count = blocks->all = 0;
    for (size_t k = shares->buckets; k > 0; k--)
        for (size_t o = 0; o < shares->owners; o++) {
            nn_slice slice = nn_partition_slice(shares, k - 1, o);
            struct listing c = {.blocks = blocks, .mine = o == owner, .store = store};
            if (c.mine)
                add_slice(&c, model, slice, nn_reducer_part(reducer, k - 1));
            else
                add_blocks(&c, model, slice);
        }
}

int nn_blocks_init(nn_blocks *blocks, const nn_model *model, const nn_reducer *reducer) {
    *blocks = (nn_blocks){0};
    list_blocks(blocks, model, reducer, false);
    NN_TRY(NN_NEW(&blocks->block, blocks->count + 1, "optimiser"));
    NN_TRY(NN_NEW(&blocks->tensor, blocks->all + 1, "optimiser"));
    list_blocks(blocks, model, reducer, true);
    return 0;
}

void nn_blocks_release(nn_blocks *blocks) {
    nn_free(blocks->block);
    nn_free(blocks->tensor);
}

size_t nn_blocks_find(const nn_blocks *blocks, size_t begin) {
    size_t low = 0, high = blocks->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const nn_block *b = &blocks->block[middle];
        if (b->begin + b->count <= begin)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

bool nn_blocks_part(const nn_blocks *blocks, size_t i, const nn_slice *slice, nn_block *part) {
    size_t begin = slice->begin, end = slice->end;
    if (i == blocks->count || blocks->block[i].begin >= end)
        return false;
    *part = blocks->block[i];
    size_t skip = part->begin < begin ? begin - part->begin : 0;
    part->begin += skip;
    part->at += skip;
    part->count -= skip;
    part->count = part->count < end - part->begin ? part->count : end - part->begin;
    return true;
}
