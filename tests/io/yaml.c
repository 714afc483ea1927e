/* YAML in and out: places, errors, round trips. */
#define _GNU_SOURCE
#include "io/yaml/yaml.h"

#include "check.h"

#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static nn_pool pool;

static nn_node *parse(const char *text) {
    nn_node *root = NULL;
    nn_error_clear();
    CHECK_EQ_INT(nn_yaml_parse(&pool, "recipe.yaml", text, strlen(text), &root), 0);
    CHECK_STR(nn_error_message(), "");
    return root;
}

static void expect_error(const char *text, const char *message) {
    nn_node *root = NULL;
    CHECK_EQ_INT(nn_yaml_parse(&pool, "recipe.yaml", text, strlen(text), &root), NN_EUSAGE);
    CHECK_STR(nn_error_message(), message);
}

static const char *text_at(const nn_node *map, const char *key) {
    const nn_node *node = nn_node_get(map, key);
    return node != NULL ? node->text : NULL;
}

static void places(void) {
    const nn_node *root = parse("# a comment\n"
                                "train:\n"
                                "  lr: 0.1\n"
                                "  sizes: [3, 'x']\n"
                                "last: {a: null, b: ~, c: , d: 'null', \"e f\": !!str 5}\n");
    const nn_node *train = nn_node_get(root, "train");
    const nn_node *lr = nn_node_get(train, "lr");
    CHECK_EQ_INT(root->kind, NN_NODE_MAP);
    CHECK_STR(lr->text, "0.1");
    CHECK_STR(lr->file, "recipe.yaml");
    CHECK_STR(lr->key, "lr");
    CHECK_EQ_INT(lr->line, 3);
    CHECK_EQ_INT(lr->column, 7);
    CHECK_EQ_INT(lr->key_line, 3);
    CHECK_EQ_INT(lr->key_column, 3);
    CHECK(!lr->quoted);
    const nn_node *sizes = nn_node_get(train, "sizes");
    CHECK_EQ_INT(sizes->kind, NN_NODE_LIST);
    CHECK_EQ_INT(sizes->count, 2);
    CHECK_EQ_INT(sizes->item[1]->line, 4);
    CHECK_EQ_INT(sizes->item[1]->column, 14);
    CHECK(sizes->item[1]->quoted && !sizes->item[0]->quoted);
    const nn_node *last = nn_node_get(root, "last");
    CHECK_STR(text_at(last, "a"), "");
    CHECK_STR(text_at(last, "b"), "");
    CHECK_STR(text_at(last, "c"), "");
    CHECK_STR(text_at(last, "d"), "null");
    CHECK_STR(text_at(last, "e f"), "5");
    CHECK(nn_node_get(last, "e f")->quoted);
}

static void aliases(void) {
    const nn_node *root = parse("a: &layer {units: 5, more: [1, 2]}\n"
                                "b: *layer\n"
                                "c: &n 7\n"
                                "d: *n\n");
    nn_node *a = nn_node_get(root, "a");
    nn_node *b = nn_node_get(root, "b");
    CHECK_STR(text_at(b, "units"), "5");
    CHECK_STR(nn_node_get(b, "more")->item[1]->text, "2");
    CHECK_STR(text_at(root, "d"), "7");
    CHECK_EQ_INT(b->line, 2);
    CHECK_EQ_INT(b->column, 4);
    CHECK_EQ_INT(nn_node_get(b, "units")->line, 1);
    CHECK_EQ_INT(nn_node_get(b, "units")->key_column, 12);
    CHECK_EQ_INT(nn_node_add(b, "bias", nn_node_scalar(&pool, "true")), 0);
    CHECK(nn_node_get(a, "bias") == NULL); /* a copy, not the same map twice */
}

static void errors(void) {
    expect_error("train:\n  a: 1\n  b: 2\n  lr: 3\n\n\n  lr: 5\n",
                 "recipe.yaml:7:3: key 'lr' stands twice, first at line 4");
    expect_error("a: 1\n---\nb: 2\n",
                 "recipe.yaml:2:1: a second document begins here, only one is read");
    expect_error("# only a comment\n", "recipe.yaml: nothing stands in it");
    expect_error("", "recipe.yaml: nothing stands in it");
    expect_error("a:\n  <<: {x: 1}\n",
                 "recipe.yaml:2:3: merge keys ('<<') are not supported: write the keys out");
    expect_error("a: *b\n", "recipe.yaml:1:4: '*b' has no '&b' above it");
    expect_error("a: &b [1, *b]\n", "recipe.yaml:1:11: '*b' stands inside of '&b'");
    expect_error("? [1, 2]\n: 3\n", "recipe.yaml:1:3: a key must be a word");
    expect_error("a: !python/object 3\n",
                 "recipe.yaml:1:4: the tag '!python/object' means nothing here");
    expect_error("a: \"x\\0y\"\n", "recipe.yaml:1:4: a NUL character stands in the text");
    expect_error("train:\n\tlr: 1\n",
                 "recipe.yaml:2:1: found character that cannot start any token: "
                 "indent with blanks, not with tabs");
    expect_error("a: [1, 2\nb: 3\n",
                 "recipe.yaml:2:2: did not find expected ',' or ']', while parsing a flow sequence "
                 "that begins at line 1");
    expect_error("a: 1\n b: 2\n",
                 "recipe.yaml:2:3: mapping values are not allowed in this context");
    expect_error("a: 'never closed\n",
                 "recipe.yaml:2:1: found unexpected end of stream, while scanning a quoted scalar "
                 "that begins at line 1");
    expect_error("ok: 1\nb\xc3\xa4r: \xff\n",
                 "recipe.yaml:2:6: invalid leading UTF-8 octet: the file must be UTF-8 text");
}

/* A document that a few lines blow up, and one that is only deep. */
static void bombs(void) {
    char text[4096], *end = text;
    nn_node *root = NULL;
    end += sprintf(end, "a0: &a0 [x,x,x,x,x,x,x,x,x,x]\n");
    for (int i = 1; i < 9; i++)
        end += sprintf(end, "a%d: &a%d [*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d,*a%d]\n", i, i,
                       i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1, i - 1);
    CHECK_EQ_INT(nn_yaml_parse(&pool, "bomb", text, strlen(text), &root), NN_EUSAGE);
    CHECK_CONTAINS(nn_error_message(), "aliases unfold to more than 100000 values");
    memset(text, '[', sizeof text);
    CHECK_EQ_INT(nn_yaml_parse(&pool, "deep", text, sizeof text, &root), NN_EUSAGE);
    CHECK_STR(nn_error_message(), "deep:1:101: nested deeper than 100 levels");
    nn_pool_release(&pool);
}

static bool same(const nn_node *a, const nn_node *b) {
    if (a->kind != b->kind || a->count != b->count || strcmp(a->text, b->text) != 0 ||
        (a->key == NULL) != (b->key == NULL) || (a->key != NULL && strcmp(a->key, b->key) != 0))
        return false;
    /* what the emitter quotes for its own reasons (": ") may come back quoted, never the reverse */
    if (a->quoted && !b->quoted)
        return false;
    for (size_t i = 0; i < a->count; i++)
        if (!same(a->item[i], b->item[i]))
            return false;
    return true;
}

static char *emit(const nn_node *root) {
    char *text = NULL;
    CHECK_EQ_INT(nn_yaml_emit(&pool, root, &text), 0);
    return text;
}

static void round_trips(void) {
    const nn_node *root = parse("data: {path: mnist.h5, name: '5', on: 'true', none: , e: ''}\n"
                                "model:\n"
                                "- conv2d: {filters: 20, kernel: [5, 3]}\n"
                                "- flatten\n"
                                "- {}\n"
                                "- []\n"
                                "text: |\n  two\n  lines\n\n  'and' \"quotes\"\n"
                                "odd: \"a: b # c\\t\\u00e9 \\u2713\"\n"
                                "'<<': x\n");
    char *text = emit(root);
    nn_node *again = NULL;
    CHECK_EQ_INT(nn_yaml_parse(&pool, "emitted", text, strlen(text), &again), 0);
    CHECK(again != NULL && same(root, again));
    CHECK_STR(emit(again), text);
    text = emit(parse("a: one\n\n\n  two"));
    CHECK_STR(text, "a: \"one\\n\\ntwo\"\n");
    CHECK_STR(emit(parse(text)), text);
    CHECK_STR(emit(parse("{a: 1, b: '1', c: ~, l: [x, {y: z}], m: {}}")),
              "a: 1\nb: '1'\nc: null\nl:\n- x\n- y: z\nm: {}\n");
}

static void long_strings(void) {
    enum { LENGTH = 200000 };
    char *word = malloc(LENGTH + 1);
    for (size_t i = 0; i < LENGTH; i++)
        word[i] = i % 7 == 6 ? ' ' : 'a';
    word[LENGTH - 1] = 'z';
    word[LENGTH] = '\0';
    nn_node *root = nn_node_map(&pool);
    nn_node *value = nn_node_scalar(&pool, word);
    CHECK_EQ_INT(nn_node_add(root, "long", value), 0);
    char *text = emit(root);
    CHECK_EQ_INT(strlen(text), LENGTH + strlen("long: \n"));
    CHECK_STR(text_at(parse(text), "long"), word);
    free(word);
}

static void not_utf8(void) {
    static const char *const wrong[] = {
        "b\xff",           "\x80", "\xc3", "\xc3(", "\xc0\x80", "\xe2\x82", "\xf5\x80\x80\x80",
        "\xf4\x90\x80\x80"};
    char *text = NULL;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        CHECK_EQ_INT(nn_yaml_emit(&pool, nn_node_scalar(&pool, wrong[i]), &text), NN_EUSAGE);
        CHECK_CONTAINS(nn_error_message(), "not UTF-8");
    }
    const char *right = "\xf0\x9f\x98\x80 \xe2\x82\xac";
    CHECK_STR(parse(emit(nn_node_scalar(&pool, right)))->text, right);
}

static void files(void) {
    nn_node *root = NULL;
    CHECK_EQ_INT(nn_yaml_load(&pool, "no/such.yaml", &root), NN_EUSAGE);
    CHECK_STR(nn_error_message(), "cannot open 'no/such.yaml': No such file or directory");
    char name[] = "io_yaml.XXXXXX";
    int fd = mkstemp(name);
    CHECK(fd >= 0 && write(fd, "a: 5\n", 5) == 5);
    close(fd);
    CHECK_EQ_INT(nn_yaml_load(&pool, name, &root), 0);
    CHECK_STR(text_at(root, "a"), "5");
    CHECK_STR(root->file, name);
    unlink(name);
}

enum { KEYS = 100000, LINE = 24 };

/* Writes a map of so many keys and reads it; returns the processor time that reading took. */
static double read_long_map(nn_pool *own, char *text, int keys, nn_node **root) {
    size_t length = 0;
    for (int i = 0; i < keys; i++)
        length += (size_t)snprintf(text + length, LINE, "key%d: %d\n", i, i);
    clock_t begin = clock();
    CHECK_EQ_INT(nn_yaml_parse(own, "long.yaml", text, length, root), 0);
    return (double)(clock() - begin);
}

/* Long maps are read in a time that grows with their length, not with its square, and still know
 * each key. */
static void long_maps(void) {
    char *text = malloc((size_t)KEYS * LINE + LINE), key[LINE];
    nn_pool own = {0};
    nn_node *root = NULL;
    double shorter = read_long_map(&own, text, KEYS / 8, &root);
    nn_pool_release(&own);
    double longer = read_long_map(&own, text, KEYS, &root);
    CHECK(longer < 24 * shorter);
    CHECK_EQ_INT(root != NULL ? root->count : 0, KEYS);
    for (int i = 0; i < KEYS; i += 33333) {
        snprintf(key, sizeof key, "key%d", i);
        CHECK_STR(nn_node_get(root, key)->text, key + 3);
    }
    nn_pool_release(&own);
    size_t length = strlen(text);
    length += (size_t)snprintf(text + length, LINE, "key77777: 1\n");
    CHECK_EQ_INT(nn_yaml_parse(&own, "long.yaml", text, length, &root), NN_EUSAGE);
    CHECK_CONTAINS(nn_error_message(),
                   "long.yaml:100001:1: key 'key77777' stands twice, first at line 77778");
    nn_pool_release(&own);
    free(text);
}

int main(void) {
    places();
    aliases();
    errors();
    bombs();
    long_maps();
    round_trips();
    long_strings();
    not_utf8();
    files();
    nn_pool_release(&pool);
    return check_done();
}
