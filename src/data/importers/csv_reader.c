#include "data/importers/csv_reader.h"

#include "base/text.h"
#include "data/importers/gz.h"

#include <csv.h>
#include <inttypes.h>
#include <string.h>

#define PIECE ((size_t)1 << 16)
#define MAX_ROW_BYTES ((size_t)1 << 30)

typedef struct place {
    int64_t line, column;
} place;

typedef struct reader {
    const char *path;
    char delimiter;
    nn_csv_fn *fn;
    void *ctx;
    int rc;
    struct csv_parser parser;
    place here, start; /* the byte to come next; where the field under way began */
    bool begun;        /* the field under way has more than blanks and line breaks */
    bool after_cr;
    /* the row under way: texts one after the other, each with its NUL */
    char *text;
    size_t text_size, text_used;
    nn_csv_field *field;
    size_t field_size, fields;
    size_t *offset; /* of each field's text: the buffer may move while the row grows */
} reader;

/* Doubles a buffer until it holds `need` elements. */
static int grow(void **buffer, size_t *size, size_t used, size_t need, size_t element) {
    size_t more = *size ? *size : 64;
    void *moved = NULL;

    if (need <= *size)
        return NN_OK;
    while (more < need)
        more *= 2;
    NN_TRY(nn_alloc(&moved, more, element, "row"));
    if (used)
        memcpy(moved, *buffer, used * element);
    nn_free(*buffer);
    *buffer = moved;
    *size = more;
    return NN_OK;
}

static int add_field(reader *r, const char *text, size_t length) {
    size_t offsets = r->field_size;
    nn_csv_field at = {NULL, r->start.line, r->start.column};

    if (memchr(text, '\0', length))
        return nn_csv_fail(r->path, &at, "%s", "a NUL byte: this is no text in UTF-8 or ASCII");
    if (r->text_used + length + 1 > MAX_ROW_BYTES)
        return nn_csv_fail(r->path, &at, "%s", "the row is longer than 1 GiB");
    NN_TRY(grow((void **)&r->text, &r->text_size, r->text_used, r->text_used + length + 1, 1));
    NN_TRY(grow((void **)&r->offset, &offsets, r->fields, r->fields + 1, sizeof *r->offset));
    NN_TRY(grow((void **)&r->field, &r->field_size, r->fields, r->fields + 1, sizeof *r->field));
    r->offset[r->fields] = r->text_used;
    r->field[r->fields++] = at;
    memcpy(r->text + r->text_used, text, length);
    r->text[r->text_used + length] = '\0';
    r->text_used += length + 1;
    return NN_OK;
}

static void on_field(void *text, size_t length, void *ctx) {
    reader *r = ctx;

    if (r->rc >= 0)
        r->rc = add_field(r, text ? text : "", length);
    r->start = r->here;
    r->begun = false;
}

static void on_row(int end, void *ctx) {
    reader *r = ctx;

    (void)end;
    for (size_t i = 0; i < r->fields; i++)
        r->field[i].text = r->text + r->offset[i];
    if (r->rc >= 0)
        r->rc = r->fn(r->ctx, &(nn_csv_row){r->fields, r->field});
    r->fields = 0;
    r->text_used = 0;
    r->start = r->here;
}

static void advance(reader *r, const char *text, size_t length) {
    char last = text[length - 1];
    bool second = last == '\n' && r->after_cr && length == 1; /* of a CR LF pair */

    if (last == '\n' || last == '\r') {
        r->here.line += second ? 0 : 1;
        r->here.column = 1;
    } else {
        r->here.column += (int64_t)length;
    }
    r->after_cr = last == '\r';
}

static int fail_parse(reader *r, place where) {
    nn_csv_field at = {NULL, where.line, where.column};
    int code = csv_error(&r->parser);

    if (code == CSV_EPARSE)
        return nn_csv_fail(r->path, &at, "%s",
                           "a quote where none can be; a field that holds quotes is written "
                           "\"...\" with each quote in it doubled");
    return nn_csv_fail(r->path, &at, "%s", csv_strerror(code));
}

/* Bytes up to and including the first that can end a field: libcsv gives no positions, so it is fed
 * up to each possible end of a field, and we know where a field began. */
static int feed_piece(reader *r, const char *text, size_t length) {
    place before = r->here;
    size_t parsed;
    bool blank = true, line_end = text[length - 1] == '\n' || text[length - 1] == '\r';

    for (size_t i = 0; i < length && blank; i++)
        blank = strchr(" \t\r\n", text[i]) != NULL && text[i] != r->delimiter;
    r->begun = r->begun || !blank;
    advance(r, text, length);
    parsed = csv_parse(&r->parser, text, length, on_field, on_row, r);
    if (parsed != length)
        return fail_parse(r, (place){before.line, before.column + (int64_t)parsed});
    if (line_end && !r->begun && r->fields == 0)
        r->start = r->here;
    return r->rc;
}

static int feed(reader *r, const char *text, size_t length) {
    const char ends[] = {r->delimiter, '\n', '\r', '"', '\0'};

    while (length > 0) {
        size_t n = 0;
        while (n < length && (text[n] == '\0' || !strchr(ends, text[n])))
            n++;
        n += n < length;
        NN_TRY(feed_piece(r, text, n));
        text += n;
        length -= n;
    }
    return NN_OK;
}

static int read_all(reader *r, nn_gz *file, char *buffer) {
    static const char mark[] = "\xef\xbb\xbf"; /* byte order mark of UTF-8 */
    bool first = true;
    size_t got = PIECE;

    while (got == PIECE) {
        size_t skip;
        NN_TRY(nn_gz_read(file, buffer, PIECE, &got));
        skip = first && got >= 3 && memcmp(buffer, mark, 3) == 0 ? 3 : 0;
        first = false;
        NN_TRY(feed(r, buffer + skip, got - skip));
    }
    if (csv_fini(&r->parser, on_field, on_row, r) != 0) {
        nn_csv_field at = {NULL, r->start.line, r->start.column};
        return nn_csv_fail(r->path, &at, "%s", "the quote that opens here is never closed");
    }
    return r->rc;
}

bool nn_csv_has_name(const char *path) {
    static const char *const endings[] = {".csv", ".tsv", ".csv.gz", ".tsv.gz", NULL};

    return nn_text_has_ending(path, endings);
}

#define CANDIDATES "\t;|," /* a semicolon goes before the comma of decimals */
enum { CANDIDATE_COUNT = sizeof CANDIDATES - 1, GUESS_LINES = 20 };

typedef struct tally {
    size_t first[CANDIDATE_COUNT], here[CANDIDATE_COUNT]; /* in the first line; in this one */
    bool even[CANDIDATE_COUNT];                           /* as often in every line so far */
    int lines;
} tally;

static void end_line(tally *t, bool blank) {
    if (blank)
        return;
    for (size_t i = 0; i < CANDIDATE_COUNT; i++) {
        if (t->lines == 0)
            t->first[i] = t->here[i];
        t->even[i] = t->here[i] > 0 && t->here[i] == t->first[i] && (t->lines == 0 || t->even[i]);
        t->here[i] = 0;
    }
    t->lines++;
}

/* What stands in quotes separates nothing. A last line that is cut off does not count. */
static void count_candidates(tally *t, const char *text, size_t length, bool whole) {
    bool quoted = false, blank = true;

    for (size_t i = 0; i < length && t->lines < GUESS_LINES; i++) {
        const char *candidate = text[i] ? strchr(CANDIDATES, text[i]) : NULL;
        bool ends = !quoted && (text[i] == '\n' || text[i] == '\r');
        quoted = text[i] == '"' ? !quoted : quoted;
        if (ends)
            end_line(t, blank);
        else if (!quoted && candidate)
            t->here[candidate - CANDIDATES]++;
        blank = ends || (blank && text[i] == ' ');
    }
    if (whole || t->lines == 0)
        end_line(t, blank);
}

static char best_candidate(const tally *t) {
    size_t best = CANDIDATE_COUNT - 1;

    for (size_t i = 0; i < CANDIDATE_COUNT; i++)
        if (t->even[i])
            return CANDIDATES[i];
    for (size_t i = 0; i < CANDIDATE_COUNT; i++)
        if (t->first[i] > t->first[best])
            best = i;
    return CANDIDATES[best];
}

int nn_csv_guess(const char *path, char *delimiter) {
    tally t = {.lines = 0};
    nn_gz *file = NULL;
    char *buffer = NULL;
    size_t got = 0;
    int rc;

    NN_TRY_GOTO(nn_gz_open(path, &file));
    NN_TRY_GOTO(NN_NEW(&buffer, PIECE, "CSV"));
    NN_TRY_GOTO(nn_gz_read(file, buffer, PIECE, &got));
    count_candidates(&t, buffer, got, got < PIECE);
    *delimiter = best_candidate(&t);
done:
    nn_gz_close(file);
    nn_free(buffer);
    return rc;
}

int nn_csv_read(const char *path, char delimiter, nn_csv_fn *fn, void *ctx) {
    reader r = {.path = path,
                .delimiter = delimiter,
                .fn = fn,
                .ctx = ctx,
                .here = {1, 1},
                .start = {1, 1}};
    nn_gz *file = NULL;
    char *buffer = NULL;
    int rc;

    if (csv_init(&r.parser, CSV_STRICT | CSV_STRICT_FINI) != 0)
        return nn_fail(NN_EMEMORY, "%s: the CSV parser does not start", path);
    csv_set_delim(&r.parser, (unsigned char)delimiter);
    NN_TRY_GOTO(nn_gz_open(path, &file));
    NN_TRY_GOTO(NN_NEW(&buffer, PIECE, "CSV"));
    NN_TRY_GOTO(read_all(&r, file, buffer));
done:
    csv_free(&r.parser);
    nn_gz_close(file);
    nn_free(buffer);
    nn_free(r.text);
    nn_free(r.field);
    nn_free(r.offset);
    return rc;
}
