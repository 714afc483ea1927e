#include "io/zip.h"

#include "base/bytes.h"

#include <string.h>
#include <zlib.h>

/* Signatures, and bytes of what they begin without names; APPNOTE.TXT 6.3 says what stands where.
 */
#define LOCAL 0x04034b50
#define CENTRAL 0x02014b50
#define END 0x06054b50
enum { LOCAL_SIZE = 30, CENTRAL_SIZE = 46, END_SIZE = 22 };
enum { STORED = 0, DEFLATED = 8, ENCRYPTED = 1, UTF8 = 0x800 /* flags */, LONG_COMMENT = 65535 };
enum { DEFLATE_MOST = 1032 /* bytes that one deflated byte can become */ };
#define ZIP64 0xffffffffu /* in the place of a size that stands elsewhere */

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

/* Does it become so many bytes? Found piece by piece, before there is memory for all of them. */
static bool becomes(const unsigned char *packed, size_t packed_size, size_t size) {
    unsigned char piece[1 << 16];
    z_stream stream = {.next_in = (unsigned char *)(uintptr_t)packed,
                       .avail_in = (uInt)packed_size};
    int rc = inflateInit2(&stream, -MAX_WBITS);
    if (rc != Z_OK)
        return false;
    while (rc == Z_OK && stream.total_out <= size) {
        stream.next_out = piece;
        stream.avail_out = sizeof piece;
        rc = inflate(&stream, Z_NO_FLUSH);
    }
    size_t total = stream.total_out;
    inflateEnd(&stream);
    return rc == Z_STREAM_END && total == size;
}

static int inflate_member(const archive *a, const char *name, const unsigned char *packed,
                          size_t packed_size, unsigned char *out, size_t size) {
    z_stream stream = {.next_in = (unsigned char *)(uintptr_t)packed,
                       .avail_in = (uInt)packed_size,
                       .next_out = out,
                       .avail_out = (uInt)size};
    if (inflateInit2(&stream, -MAX_WBITS) != Z_OK)
        return nn_fail(NN_EMEMORY, "no memory to inflate '%s' of %s", name, a->file);
    int end = inflate(&stream, Z_FINISH);
    inflateEnd(&stream);
    if (end == Z_STREAM_END && stream.total_out == size)
        return 0;
    return nn_fail(NN_EFORMAT, "%s: '%s' cannot be inflated to its %zu bytes", a->file, name, size);
}

/* The bytes of a member as they were before they went into the archive. */
static int unpack(const archive *a, const char *name, int method, const unsigned char *packed,
                  size_t packed_size, size_t size, const unsigned char **out) {
    if (method == STORED && packed_size == size) {
        *out = packed;
        return 0;
    }
    if (method != DEFLATED)
        return nn_fail(NN_EFORMAT,
                       "%s: '%s' is packed by method %d; it should be stored (0) or "
                       "deflated (8)",
                       a->file, name, method);
    if (size / DEFLATE_MOST > packed_size)
        return nn_fail(NN_EFORMAT, "%s: '%s' cannot have %zu bytes, as %zu are its packed ones",
                       a->file, name, size, packed_size);
    if (!becomes(packed, packed_size, size))
        return nn_fail(NN_EFORMAT, "%s: '%s' cannot be inflated to its %zu bytes", a->file, name,
                       size);
    unsigned char *bytes = nn_pool_alloc(a->pool, size + 1);
    if (!bytes)
        return NN_EMEMORY;
    *out = bytes;
    return inflate_member(a, name, packed, packed_size, bytes, size);
}

/* Where a member's bytes begin, behind its own header; NULL: not within the file. */
static const unsigned char *data_of(const archive *a, size_t offset, size_t packed_size) {
    if (offset > a->size || a->size - offset < LOCAL_SIZE)
        return NULL;
    const unsigned char *at = a->bytes + offset;
    size_t head = LOCAL_SIZE + nn_bytes_get(at + 26, 2) + nn_bytes_get(at + 28, 2);
    size_t left = a->size - offset;
    return nn_bytes_get(at, 4) == LOCAL && head <= left && packed_size <= left - head ? at + head
                                                                                      : NULL;
}

typedef int take_fn(void *ctx, const char *name, const unsigned char *bytes, size_t size);

/* `at` is its entry in the central directory, of which the name is in the file. */
static int read_member(const archive *a, const unsigned char *at, take_fn *take, void *ctx) {
    const unsigned char *packed, *bytes;
    size_t packed_size = nn_bytes_get(at + 20, 4), size = nn_bytes_get(at + 24, 4);
    size_t offset = nn_bytes_get(at + 42, 4);
    char *name = nn_pool_printf(a->pool, "%.*s", (int)nn_bytes_get(at + 28, 2),
                                (const char *)at + CENTRAL_SIZE);
    if (!name)
        return NN_EMEMORY;
    if (packed_size == ZIP64 || size == ZIP64 || offset == ZIP64)
        return nn_fail(NN_EFORMAT, "%s: '%s' has 4 GiB or more, which only safetensors may have",
                       a->file, name);
    if (nn_bytes_get(at + 8, 2) & ENCRYPTED)
        return nn_fail(NN_EFORMAT, "%s: '%s' is encrypted", a->file, name);
    packed = data_of(a, offset, packed_size);
    if (!packed)
        return nn_fail(NN_EFORMAT, "%s: '%s' is not where the directory says", a->file, name);
    NN_TRY(unpack(a, name, (int)nn_bytes_get(at + 10, 2), packed, packed_size, size, &bytes));
    if (crc32_z(0, bytes, size) != nn_bytes_get(at + 16, 4))
        return nn_fail(NN_EFORMAT, "%s: '%s' is damaged: its CRC-32 is another one", a->file, name);
    return take(ctx, name, bytes, size);
}

/* Members may not share bytes, or a small file could have many large ones. */
static int read_directory(const archive *a, const unsigned char *end, take_fn *take, void *ctx) {
    size_t members = nn_bytes_get(end + 10, 2), at = nn_bytes_get(end + 16, 4), packed = 0;
    for (size_t i = 0; i < members; i++) {
        size_t left = at < a->size ? a->size - at : 0;
        const unsigned char *entry = a->bytes + at;
        if (left < CENTRAL_SIZE || nn_bytes_get(entry, 4) != CENTRAL)
            return damaged(a, "its directory is cut off");
        size_t entry_size = CENTRAL_SIZE + nn_bytes_get(entry + 28, 2) +
                            nn_bytes_get(entry + 30, 2) + nn_bytes_get(entry + 32, 2);
        packed += nn_bytes_get(entry + 20, 4);
        if (entry_size > left || packed > a->size)
            return damaged(a, "its members take more bytes than it has");
        NN_TRY(read_member(a, entry, take, ctx));
        at += entry_size;
    }
    return 0;
}

int nn_zip_read(nn_pool *pool, const char *file, take_fn *take, void *ctx) {
    archive a = {.pool = pool, .file = file};
    char *text;
    NN_TRY(nn_file_read(pool, file, &text, &a.size));
    a.bytes = (const unsigned char *)text;
    const unsigned char *end = find_end(&a);
    if (!end)
        return damaged(&a, "it has no directory at its end");
    return read_directory(&a, end, take, ctx);
}

/* ---- writing --------------------------------------------------------------------------------- */

/* What headers and the directory have in common: version, flags, method, date (1980-01-01, so that
 * equal models are equal files), CRC-32, sizes, length of the name. */
static void put_facts(nn_bytes *out, const nn_zip_member *member) {
    size_t size = member->part[0].count + member->part[1].count;
    unsigned long crc = crc32_z(0, member->part[0].bytes, member->part[0].count);
    if (member->part[1].count)
        crc = crc32_z(crc, member->part[1].bytes, member->part[1].count);
    bool plain = true;
    for (const char *at = member->name; *at; at++)
        plain = plain && (unsigned char)*at < 0x80;
    nn_bytes_number(out, 20, 2);
    nn_bytes_number(out, plain ? 0 : UTF8, 2);
    nn_bytes_number(out, STORED, 2);
    nn_bytes_number(out, 0, 2);
    nn_bytes_number(out, 1 << 5 | 1, 2);
    nn_bytes_number(out, crc, 4);
    nn_bytes_number(out, size, 4);
    nn_bytes_number(out, size, 4);
    nn_bytes_number(out, strlen(member->name), 2);
}

static void put_local(nn_bytes *out, const nn_zip_member *member) {
    nn_bytes_number(out, LOCAL, 4);
    put_facts(out, member);
    nn_bytes_number(out, 0, 2);
    nn_bytes_put_text(out, member->name);
}

static void put_central(nn_bytes *out, const nn_zip_member *member, size_t offset) {
    nn_bytes_number(out, CENTRAL, 4);
    nn_bytes_number(out, 20, 2);
    put_facts(out, member);
    nn_bytes_number(out, 0, 12); /* no more fields, no comment, one disk, no attributes */
    nn_bytes_number(out, offset, 4);
    nn_bytes_put_text(out, member->name);
}

static void put_end(nn_bytes *out, size_t members, size_t size, size_t offset) {
    nn_bytes_number(out, END, 4);
    nn_bytes_number(out, 0, 4);
    nn_bytes_number(out, members, 2);
    nn_bytes_number(out, members, 2);
    nn_bytes_number(out, size, 4);
    nn_bytes_number(out, offset, 4);
    nn_bytes_number(out, 0, 2);
}

/* Three pieces a member, its header being `head` bytes of `headers`, and one for the directory. */
static int write_pieces(const char *file, const nn_zip_member *member, size_t members,
                        const nn_bytes *headers, const nn_bytes *directory, nn_piece *piece) {
    const unsigned char *head = headers->at;
    for (size_t i = 0; i < members; i++) {
        piece[3 * i] = (nn_piece){head, LOCAL_SIZE + strlen(member[i].name)};
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
        put_central(&directory, &member[i], size);
        put_local(&headers, &member[i]);
        size +=
            LOCAL_SIZE + strlen(member[i].name) + member[i].part[0].count + member[i].part[1].count;
    }
    if (members > UINT16_MAX || size + directory.count >= ZIP64)
        NN_TRY_GOTO(
            nn_fail(NN_EIO, "%s: more than 65535 tensors or 4 GiB; safetensors holds them", file));
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
