/* seeds TARGET: writes the seeds of a fuzz target into the working folder. */
#include "seeds.h"

#include "sandbox.h"
#include "train/config/places.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

/* ---- configurations: the example of every key ---- */

static bool starts(const char *text, const char *key) {
    return strncmp(text, key, strlen(key)) == 0;
}

static void put_example(void *ctx, const nn_place *place) {
    char example[2048] = "", text[4096], name[NN_PLACE_PATH + 8];
    FILE *out = fmemopen(example, sizeof example, "w");

    (void)ctx;
    if (!out)
        return;
    nn_place_example(out, place, 0);
    fclose(out);
    if (starts(example, "nnmpi data"))
        return;
    snprintf(text, sizeof text, "%s%s%s%s", example,
             starts(example, "data:") ? "" : "data: {source: iris}\n",
             starts(example, "model:") ? "" : "model: [dense: {units: 3}]\n",
             starts(example, "loss:") ? "" : "loss: cross_entropy\n");
    snprintf(name, sizeof name, "%s.yaml", place->path);
    for (char *c = name; *c; c++)
        *c = *c == '*' || *c == '/' ? '_' : *c;
    sandbox_put(name, text, strlen(text));
}

void seeds_yaml(void) {
    nn_places_visit(put_example, NULL);
}

/* ---- tables ---- */

static void put_gz(const char *name, const void *bytes, size_t size) {
    gzFile file = gzopen(name, "wb");

    sandbox_expect(file && gzwrite(file, bytes, (unsigned)size) == (int)size &&
                       gzclose(file) == Z_OK,
                   "a compressed seed can be written");
}

void seeds_csv(void) {
    static const char *const files[] = {
        "a1.5,2,x\n3,4,y\n5,6,x\n",
        "bwidth,species,height\n1,ape,2\n3,\"b,\"\"e\"\"e\",4e-3\n",
        "c0,1,2\r\n1,3,4\r\n",
        "did\tkind\tx\n1\t-1\t2\n2\t1\t3\n",
        "e1;2,5\n3;4,5\n",
        "fa,b,c,d\n1,2,3,4\n-5,inf,7,8\n",
        "g\xef\xbb\xbf\"a\nb\",c\n1,2\n\n3,4\n",
        "i1;2;a\n3;4;b\n",
        "j1\t2\t0\n3\t4\t1\n",
        "k1|2|0\n\n",
        "l0,1\n1,2\n2,0\n",
        "mzip,age,kind,y\n1,,red,a\n2,5,NA,b\n1,3,blue,a\n",
        "ny,age,kind\n1,2,red\n2,,blue\n3,?,red\n4,4,red\n",
        "oc,id,b,a\n1,7,x,2\n,8,y,3\n",
    };
    char name[16];

    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        snprintf(name, sizeof name, "%zu", i);
        sandbox_put(name, files[i], strlen(files[i]));
    }
    put_gz("gz", files[0] + 1, strlen(files[0]) - 1);
}

/* The files of `count` labels and images as the target takes them, `kind` being the images' type.
 */
static void put_idx(const char *name, unsigned char kind, size_t element, bool flat) {
    unsigned char bytes[256] = {14, 0, 0, 8, 1, 0, 0, 0, 6, 0, 1, 2, 0, 1, 2};
    unsigned char head[] = {0, 0, kind, flat ? 2 : 3, 0, 0, 0, 6, 0, 0, 0, 2, 0, 0, 0, 1};
    size_t length = flat ? sizeof head - 4 : sizeof head;

    memcpy(bytes + 15, head, length);
    for (size_t i = 0; i < 12 * element; i++)
        bytes[15 + length + i] = (unsigned char)(17 * i);
    sandbox_put(name, bytes, 15 + length + 12 * element);
}

void seeds_idx(void) {
    put_idx("bytes", 0x08, 1, false);
    put_idx("table", 0x09, 1, true);
    put_idx("shorts", 0x0b, 2, false);
    put_idx("reals", 0x0d, 4, true);
    put_idx("doubles", 0x0e, 8, false);
}

int main(int argc, char **argv) {
    static const struct {
        const char *target;
        void (*write)(void);
    } all[] = {{"yaml", seeds_yaml},       {"csv", seeds_csv},   {"idx", seeds_idx},
               {"import", seeds_import},   {"hdf5", seeds_hdf5}, {"checkpoint", seeds_checkpoint},
               {"tensors", seeds_tensors}, {"onnx", seeds_onnx}};

    for (size_t i = 0; argc == 2 && i < sizeof all / sizeof *all; i++) {
        if (strcmp(argv[1], all[i].target) == 0) {
            all[i].write();
            return 0;
        }
    }
    fprintf(stderr, "usage: seeds TARGET\n");
    return 2;
}
