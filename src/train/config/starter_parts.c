/* Of a table some columns of which are categories: which columns of x become vectors. */
#include "io/yaml/yaml.h"
#include "train/config/starter.h"

#include <math.h>

enum {
    MANY_CATEGORIES = 30 /* of a column */,
    MOST_PARTS = 8 /* inputs of a layer */,
    MOST_UNITS = 64 /* of a vector */
};

/* Where the columns of x end that are categories of one column of the table, of which `first` is
 * one; first + 1: it is none, or the only one. */
static size_t end_of_categories(const nn_starter *s, size_t first) {
    size_t end = first + 1;

    while (s->one_hot[first] > 0 && end < s->data->features && s->one_hot[end] == s->one_hot[first])
        end++;
    return end;
}

/* What becomes of neighbouring columns of x. */
typedef enum part_kind { PART_PLAIN, PART_ONE_HOT, PART_NUMBERS } part_kind;

static part_kind kind_of_part(const nn_starter *s, size_t first) {
    const nn_categories *c = &s->data->categories;

    if (c->columns == s->data->features && c->count[first] > 0)
        return PART_NUMBERS;
    return end_of_categories(s, first) - first >= MANY_CATEGORIES ? PART_ONE_HOT : PART_PLAIN;
}

/* The next part of x: the categories of a column that gets vectors, or what is between such. */
static size_t end_of_part(const nn_starter *s, size_t first) {
    size_t end = end_of_categories(s, first);

    while (kind_of_part(s, first) == PART_PLAIN && end < s->data->features &&
           kind_of_part(s, end) == PART_PLAIN)
        end = end_of_categories(s, end);
    return end;
}

/* Numbers of the vector of a category. */
static double vector_units(double categories) {
    double units = ceil(sqrt(categories));

    return units < (double)MOST_UNITS ? units : (double)MOST_UNITS;
}

static void write_part(const nn_starter *s, FILE *out, size_t part, size_t first, size_t end) {
    part_kind kind = kind_of_part(s, first);
    double categories = (double)(end - first);

    fprintf(out, "  - slice: {name: %s%zu, inputs: input, begin: %zu, end: %zu}\n",
            kind == PART_PLAIN ? "part" : "categories", part, first, end);
    if (kind == PART_ONE_HOT)
        fprintf(out, "  - dense: {name: part%zu, units: %.0f, bias: false}\n", part,
                vector_units(categories));
    if (kind != PART_NUMBERS)
        return;
    categories = s->data->categories.count[first];
    fprintf(out,
            "  - embedding: {vocabulary: %.0f, units: %.0f, padding_idx: 0} # 0: not seen\n"
            "  - flatten: {name: part%zu}\n",
            categories + 1, vector_units(categories), part);
}

/* Of up to MOST_PARTS inputs each, the result of the one before being one of them. */
static void write_joins(FILE *out, size_t parts) {
    for (size_t done = 0, join = 1; done < parts; join++) {
        size_t end = done + MOST_PARTS - (join > 1);
        end = end < parts ? end : parts;
        fputs("  - concat: {", out);
        if (end < parts)
            fprintf(out, "name: parts%zu, ", join);
        fputs("inputs: [", out);
        if (join > 1)
            fprintf(out, "parts%zu, ", join - 1);
        for (; done < end; done++)
            fprintf(out, "part%zu%s", done + 1, done + 1 < end ? ", " : "]}\n");
    }
}

void nn_starter_write_parts(const nn_starter *s, FILE *out) {
    size_t columns = s->one_hot ? s->data->features : 0, parts = 0;

    if (columns == 0 || (end_of_part(s, 0) == columns && kind_of_part(s, 0) == PART_PLAIN))
        return;
    nn_yaml_comment(out, 2,
                    "Each category of a column that has many gets a vector (an embedding), shorter "
                    "than the columns of 0 and 1 that say which one it is; other columns stay.");
    for (size_t first = 0, end; first < columns; first = end) {
        end = end_of_part(s, first);
        write_part(s, out, ++parts, first, end);
    }
    if (parts > 1)
        write_joins(out, parts);
}
