#include "io/tensors/zip.h"

#include "base/bytes.h"

#include <string.h>
#include <zlib.h>

/* Signatures, and bytes of what they begin without names; APPNOTE.TXT 6.3 says what stands where.
 */
#define LOCAL 0x04034b50
#define CENTRAL 0x02014b50
#define END 0x06054b50
#define WIDE_END 0x06064b50 /* ZIP64's, ... */
#define LOCATOR 0x07064b50  /* ... and where that one stands */
enum { LOCAL_SIZE = 30, CENTRAL_SIZE = 46, END_SIZE = 22, WIDE_END_SIZE = 56, LOCATOR_SIZE = 20 };
enum { STORED = 0, DEFLATED = 8, ENCRYPTED = 1, UTF8 = 0x800 /* flags */, LONG_COMMENT = 65535 };
enum { DEFLATE_MOST = 1032 /* bytes that one deflated byte can become */ };
/* ZIP64: a number that has these stands elsewhere, with 8 bytes; the field of a header that has it.
 */
#define WIDE 0xffffffffu
#define WIDE_COUNT 0xffffu
enum { WIDE_FIELD = 1, FIELD_HEAD = 4 };
enum { VERSION = 20, WIDE_VERSION = 45 };

/* ---- reading --------------------------------------------------------------------------------- */

typedef struct archive {
    nn_pool *pool;
    const char *file;
    const unsigned char *bytes;
    size_t size;
} archive;

static int damaged(const archive *a, const char *what) {
    return nn_fail(NN_EFORMAT, "%s is no ZIP archive, or is damaged: %s", a->file, what);
}

/* The record at the end of the file, before a comment; NULL: there is none. */
static const unsigned char *find_end(const archive *a) {
    for (size_t back = END_SIZE; back <= a->size && back <= END_SIZE + LONG_COMMENT; back++) {
        const unsigned char *at = a->bytes + a->size - back;
        if (nn_bytes_get(at, 4) == END && nn_bytes_get(at + 20, 2) == back - END_SIZE)
            return at;
    }
    return NULL;
}

/* A member as the directory has it. */
typedef struct entry {
    const char *name;
    unsigned flags, method;
    size_t crc, packed_size, size, offset; /* offset: of its own header in the file */
} entry;

/* Counts the bytes that it becomes, or puts them into `out`. It is an error that they are not as
 * many as the directory says. */
static int inflate_member(const archive *a, const entry *m, const unsigned char *packed,
                          unsigned char *out) {
    unsigned char piece[1 << 16];
    size_t left = m->packed_size, done = 0;
    z_stream stream = {0};
    int rc = inflateInit2(&stream, -MAX_WBITS);
    if (rc != Z_OK)
        return nn_fail(NN_EMEMORY, "no memory to inflate '%s' of %s", m->name, a->file);
    while (rc == Z_OK && done <= m->size) {
        if (stream.avail_in == 0) { /* zlib counts in 32 bits */
            stream.next_in = (unsigned char *)(uintptr_t)(packed + m->packed_size - left);
            stream.avail_in = left < sizeof piece ? (uInt)left : sizeof piece;
            left -= stream.avail_in;
        }
        stream.next_out = piece;
        stream.avail_out = sizeof piece;
        rc = inflate(&stream, Z_NO_FLUSH);
        size_t got = sizeof piece - stream.avail_out;
        if (out && got <= m->size - done)
            memcpy(out + done, piece, got);
        done += got;
    }
    inflateEnd(&stream);
    if (rc == Z_STREAM_END && done == m->size)
        return 0;
    return nn_fail(NN_EFORMAT, "%s: '%s' cannot be inflated to its %zu bytes", a->file, m->name,
                   m->size);
}

/* The bytes of a member as they were before they went into the archive. They are counted before
 * there is memory for all of them. */
static int unpack(const archive *a, const entry *m, const unsigned char *packed,
                  const unsigned char **out) {
    *out = packed;
    if (m->method == STORED && m->packed_size == m->size)
        return 0;
    if (m->method != DEFLATED)
        return nn_fail(NN_EFORMAT,
                       "%s: '%s' is packed by method %u; it should be stored (0) or "
                       "deflated (8)",
                       a->file, m->name, m->method);
    if (m->size / DEFLATE_MOST > m->packed_size)
        return nn_fail(NN_EFORMAT, "%s: '%s' cannot have %zu bytes, as %zu are its packed ones",
                       a->file, m->name, m->size, m->packed_size);
    NN_TRY(inflate_member(a, m, packed, NULL));
    unsigned char *bytes = nn_pool_alloc(a->pool, m->size + 1);
    *out = bytes;
    return bytes ? inflate_member(a, m, packed, bytes) : NN_EMEMORY;
}

/* Where a member's bytes begin, behind its own header; NULL: not within the file. */
static const unsigned char *data_of(const archive *a, const entry *m) {
    if (m->offset > a->size || a->size - m->offset < LOCAL_SIZE)
        return NULL;
    const unsigned char *at = a->bytes + m->offset;
    size_t head = LOCAL_SIZE + nn_bytes_get(at + 26, 2) + nn_bytes_get(at + 28, 2);
    size_t left = a->size - m->offset;
    bool inside = head <= left && m->packed_size <= left - head;
    return nn_bytes_get(at, 4) == LOCAL && inside ? at + head : NULL;
}

typedef int take_fn(void *ctx, const char *name, const unsigned char *bytes, size_t size);

static int read_member(const archive *a, const entry *m, take_fn *take, void *ctx) {
    const unsigned char *packed, *bytes;
    if (m->flags & ENCRYPTED)
        return nn_fail(NN_EFORMAT, "%s: '%s' is encrypted", a->file, m->name);
    packed = data_of(a, m);
    if (!packed)
        return nn_fail(NN_EFORMAT, "%s: '%s' is not where the directory says", a->file, m->name);
    NN_TRY(unpack(a, m, packed, &bytes));
    if (crc32_z(0, bytes, m->size) != m->crc)
        return nn_fail(NN_EFORMAT, "%s: '%s' is damaged: its CRC-32 is another one", a->file,
                       m->name);
    return take(ctx, m->name, bytes, m->size);
}

/* The field of ZIP64 in an entry, *bytes of it; NULL: there is none. */
static const unsigned char *find_wide(const unsigned char *field, size_t left, size_t *bytes) {
    while (left >= FIELD_HEAD) {
        *bytes = nn_bytes_get(field + 2, 2);
        if (*bytes > left - FIELD_HEAD)
            return NULL;
        if (nn_bytes_get(field, 2) == WIDE_FIELD)
            return field + FIELD_HEAD;
        field += FIELD_HEAD + *bytes;
        left -= FIELD_HEAD + *bytes;
    }
    return NULL;
}

/* Takes the numbers that have no room in the entry from there, where they stand in this order;
 * false: they do not. */
static bool widen(const unsigned char *field, size_t left, entry *m) {
    size_t *const number[] = {&m->size, &m->packed_size, &m->offset};
    size_t bytes = 0;
    const unsigned char *wide = find_wide(field, left, &bytes);
    for (size_t i = 0; i < sizeof number / sizeof *number; i++) {
        if (*number[i] != WIDE)
            continue;
        if (!wide || bytes < 8)
            return false;
        *number[i] = nn_bytes_get(wide, 8);
        wide += 8;
        bytes -= 8;
    }
    return true;
}

/* An entry of the directory, which is at *at; *at goes behind it. */
static int read_entry(const archive *a, size_t *at, entry *m) {
    size_t left = *at < a->size ? a->size - *at : 0;
    const unsigned char *from = a->bytes + *at;
    if (left < CENTRAL_SIZE || nn_bytes_get(from, 4) != CENTRAL)
        return damaged(a, "its directory is cut off");
    size_t name = nn_bytes_get(from + 28, 2), fields = nn_bytes_get(from + 30, 2);
    size_t size = CENTRAL_SIZE + name + fields + nn_bytes_get(from + 32, 2);
    if (size > left)
        return damaged(a, "its directory is cut off");
    *m = (entry){.flags = (unsigned)nn_bytes_get(from + 8, 2),
                 .method = (unsigned)nn_bytes_get(from + 10, 2),
                 .crc = nn_bytes_get(from + 16, 4),
                 .packed_size = nn_bytes_get(from + 20, 4),
                 .size = nn_bytes_get(from + 24, 4),
                 .offset = nn_bytes_get(from + 42, 4)};
    m->name = nn_pool_printf(a->pool, "%.*s", (int)name, (const char *)from + CENTRAL_SIZE);
    if (!m->name)
        return NN_EMEMORY;
    if (!widen(from + CENTRAL_SIZE + name, fields, m))
        return nn_fail(NN_EFORMAT, "%s: '%s' lacks its sizes of ZIP64", a->file, m->name);
    *at += size;
    return 0;
}

/* How many members the directory has, and where it begins; those of ZIP64, where that is used. */
static int find_directory(const archive *a, size_t *members, size_t *at) {
    const unsigned char *end = find_end(a);
    if (!end)
        return damaged(a, "it has no directory at its end");
    *members = nn_bytes_get(end + 10, 2);
    *at = nn_bytes_get(end + 16, 4);
    if (*members != WIDE_COUNT && *at != WIDE && nn_bytes_get(end + 12, 4) != WIDE)
        return 0;
    const unsigned char *locator = end - LOCATOR_SIZE;
    if (end - a->bytes < LOCATOR_SIZE || nn_bytes_get(locator, 4) != LOCATOR)
        return *at == WIDE ? damaged(a, "its directory of ZIP64 is not there") : 0;
    size_t wide = nn_bytes_get(locator + 8, 8);
    if (wide > a->size || a->size - wide < WIDE_END_SIZE ||
        nn_bytes_get(a->bytes + wide, 4) != WIDE_END)
        return damaged(a, "its directory of ZIP64 is not there");
    *members = nn_bytes_get(a->bytes + wide + 32, 8);
    *at = nn_bytes_get(a->bytes + wide + 48, 8);
    return 0;
}

/* Members may not share bytes, or a small file could have many large ones. */
static int read_directory(const archive *a, take_fn *take, void *ctx) {
    size_t members, at, left = a->size;
    entry m;
    NN_TRY(find_directory(a, &members, &at));
    for (size_t i = 0; i < members; i++) {
        NN_TRY(read_entry(a, &at, &m));
        if (m.packed_size > left)
            return damaged(a, "its members take more bytes than it has");
        left -= m.packed_size;
        NN_TRY(read_member(a, &m, take, ctx));
    }
    return 0;
}

int nn_zip_read(nn_pool *pool, const char *file, take_fn *take, void *ctx) {
    archive a = {.pool = pool, .file = file};
    char *text;
    NN_TRY(nn_file_read(pool, file, &text, &a.size));
    a.bytes = (const unsigned char *)text;
    return read_directory(&a, take, ctx);
}

/* ---- writing --------------------------------------------------------------------------------- */

static size_t size_of(const nn_zip_member *member) {
    return member->part[0].count + member->part[1].count;
}

static bool is_wide(const nn_zip_member *member) {
    return size_of(member) >= WIDE;
}

/* Bytes of the header in front of a member. */
static size_t head_of(const nn_zip_member *member) {
    return LOCAL_SIZE + strlen(member->name) + (is_wide(member) ? FIELD_HEAD + 16 : 0);
}

/* What headers and the directory have in common: version, flags, method, date (1980-01-01, so that
 * equal models are equal files), CRC-32, sizes, length of the name. */
static void put_sizes(nn_bytes *out, const nn_zip_member *member) {
    size_t size = is_wide(member) ? WIDE : size_of(member);
    unsigned long crc = crc32_z(0, member->part[0].bytes, member->part[0].count);
    if (member->part[1].count)
        crc = crc32_z(crc, member->part[1].bytes, member->part[1].count);
    bool plain = true;
    for (const char *at = member->name; *at; at++)
        plain = plain && (unsigned char)*at < 0x80;
    nn_bytes_number(out, is_wide(member) ? WIDE_VERSION : VERSION, 2);
    nn_bytes_number(out, plain ? 0 : UTF8, 2);
    nn_bytes_number(out, STORED, 2);
    nn_bytes_number(out, 0, 2);
    nn_bytes_number(out, 1 << 5 | 1, 2);
    nn_bytes_number(out, crc, 4);
    nn_bytes_number(out, size, 4);
    nn_bytes_number(out, size, 4);
    nn_bytes_number(out, strlen(member->name), 2);
}

/* The numbers that had no room, which a field of `bytes` bytes holds. */
static void put_wide(nn_bytes *out, const nn_zip_member *member, size_t bytes, size_t offset) {
    if (bytes == 0)
        return;
    nn_bytes_number(out, WIDE_FIELD, 2);
    nn_bytes_number(out, bytes, 2);
    for (int i = 0; i < 2 && is_wide(member); i++)
        nn_bytes_number(out, size_of(member), 8);
    if (bytes % 16)
        nn_bytes_number(out, offset, 8);
}

static void put_local(nn_bytes *out, const nn_zip_member *member) {
    size_t wide = is_wide(member) ? 16 : 0;
    nn_bytes_number(out, LOCAL, 4);
    put_sizes(out, member);
    nn_bytes_number(out, wide ? FIELD_HEAD + wide : 0, 2);
    nn_bytes_put_text(out, member->name);
    put_wide(out, member, wide, 0);
}

static void put_central(nn_bytes *out, const nn_zip_member *member, size_t offset) {
    size_t wide = (is_wide(member) ? 16U : 0U) + (offset >= WIDE ? 8U : 0U);
    nn_bytes_number(out, CENTRAL, 4);
    nn_bytes_number(out, WIDE_VERSION, 2);
    put_sizes(out, member);
    nn_bytes_number(out, wide ? FIELD_HEAD + wide : 0, 2);
    nn_bytes_number(out, 0, 10); /* no comment, one disk, no attributes */
    nn_bytes_number(out, offset >= WIDE ? WIDE : offset, 4);
    nn_bytes_put_text(out, member->name);
    put_wide(out, member, wide, offset);
}

/* The record and its locator that the end has no room for. */
static void put_wide_end(nn_bytes *out, size_t members, size_t size, size_t offset) {
    nn_bytes_number(out, WIDE_END, 4);
    nn_bytes_number(out, WIDE_END_SIZE - 12, 8); /* bytes behind this number */
    nn_bytes_number(out, WIDE_VERSION, 2);
    nn_bytes_number(out, WIDE_VERSION, 2);
    nn_bytes_number(out, 0, 8);
    nn_bytes_number(out, members, 8);
    nn_bytes_number(out, members, 8);
    nn_bytes_number(out, size, 8);
    nn_bytes_number(out, offset, 8);
    nn_bytes_number(out, LOCATOR, 4);
    nn_bytes_number(out, 0, 4);
    nn_bytes_number(out, offset + size, 8);
    nn_bytes_number(out, 1, 4);
}

static void put_end(nn_bytes *out, size_t members, size_t size, size_t offset) {
    bool wide = members >= WIDE_COUNT || size >= WIDE || offset >= WIDE;
    if (wide)
        put_wide_end(out, members, size, offset);
    nn_bytes_number(out, END, 4);
    nn_bytes_number(out, 0, 4);
    nn_bytes_number(out, wide ? WIDE_COUNT : members, 2);
    nn_bytes_number(out, wide ? WIDE_COUNT : members, 2);
    nn_bytes_number(out, wide ? WIDE : size, 4);
    nn_bytes_number(out, wide ? WIDE : offset, 4);
    nn_bytes_number(out, 0, 2);
}

/* Three pieces a member, its header being among `headers`, and one for the directory. */
static int write_pieces(const char *file, const nn_zip_member *member, size_t members,
                        const nn_bytes *headers, const nn_bytes *directory, nn_piece *piece) {
    const unsigned char *head = headers->at;
    for (size_t i = 0; i < members; i++) {
        piece[3 * i] = (nn_piece){head, head_of(&member[i])};
        piece[3 * i + 1] = member[i].part[0];
        piece[3 * i + 2] = member[i].part[1];
        head += piece[3 * i].count;
    }
    piece[3 * members] = (nn_piece){directory->at, directory->count};
    return nn_file_write_pieces(file, piece, 3 * members + 1);
}

int nn_zip_write(const char *file, const nn_zip_member *member, size_t members) {
    nn_bytes headers = {0}, directory = {0};
    nn_piece *piece = NULL;
    size_t size = 0;
    int rc = 0;
    for (size_t i = 0; i < members; i++) {
        if (strlen(member[i].name) > UINT16_MAX)
            NN_TRY_GOTO(nn_fail(NN_EIO, "%s: the name '%.20s...' has more than %d bytes", file,
                                member[i].name, UINT16_MAX));
        put_central(&directory, &member[i], size);
        put_local(&headers, &member[i]);
        size += head_of(&member[i]) + size_of(&member[i]);
    }
    put_end(&directory, members, directory.count, size);
    if (headers.failed || directory.failed)
        NN_TRY_GOTO(NN_EMEMORY);
    NN_TRY_GOTO(NN_NEW(&piece, 3 * members + 1, "an archive"));
    NN_TRY_GOTO(write_pieces(file, member, members, &headers, &directory, piece));
done:
    nn_bytes_release(&headers);
    nn_bytes_release(&directory);
    nn_free(piece);
    return rc;
}
