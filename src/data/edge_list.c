/* `edges: FILE` of a graph_conv becomes the list of pairs that the file holds, which the
 * checkpoint's configuration keeps: a trained model needs the file no more. */
#include "data/edge_list.h"

#include "base/text.h"
#include "io/files/file.h"

#include <string.h>

/* What may stand between the two nodes of a line, and around them. */
#define BLANKS " \t,;\r"

static nn_node *new_end(nn_node *list, char *text, const nn_node *place) {
    nn_node *node = nn_node_scalar(list->pool, text);
    if (node) {
        node->file = place->file;
        node->line = place->line;
        node->column = 1;
    }
    return node;
}

/* Appends the pair of a line; empty ones and comments (#) hold none. */
static int add_pair(nn_node *list, char *line, const nn_node *place) {
    char *rest, *first = strtok_r(line, BLANKS, &rest);
    char *second = first ? strtok_r(NULL, BLANKS, &rest) : NULL;
    int64_t number;
    if (!first || *first == '#')
        return 0;
    if (!second || strtok_r(NULL, BLANKS, &rest) || !nn_text_to_int(first, &number) ||
        !nn_text_to_int(second, &number))
        return nn_node_fail(place, "an edge is a line with two numbers of nodes, e.g. 0,1");
    nn_node *pair = nn_node_list(list->pool);
    nn_node *from = new_end(list, first, place), *to = new_end(list, second, place);
    if (!pair || !from || !to)
        return NN_EMEMORY;
    pair->file = place->file;
    pair->line = place->line;
    pair->column = 1;
    NN_TRY(nn_node_add(pair, NULL, from));
    NN_TRY(nn_node_add(pair, NULL, to));
    return nn_node_add(list, NULL, pair);
}

int nn_edge_list_read(nn_node *edges) {
    nn_node place = {.file = edges->text, .column = 1};
    char *text, *rest;
    size_t length;
    if (!nn_file_exists(edges->text))
        return nn_node_fail(edges,
                            "edges is a list of pairs of nodes, or a file with a pair a line; "
                            "there is no file '%s'",
                            edges->text);
    int rc = nn_file_read(edges->pool, edges->text, &text, &length);
    if (rc < 0)
        return nn_node_prefix(rc, edges);
    edges->kind = NN_NODE_LIST;
    for (char *line = text; line; line = rest) {
        rest = strchr(line, '\n');
        if (rest)
            *rest++ = '\0';
        place.line++;
        NN_TRY(add_pair(edges, line, &place));
    }
    return 0;
}
