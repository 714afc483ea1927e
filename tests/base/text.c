/* Names in columns, words for a shell; and pixels of numbers that are none. */
#include "base/text.h"

#include "check.h"
#include "train/filters.h"

#include <stdlib.h>

static void check_cell(const char *name, int width, const char *expected) {
    char *text;
    size_t length;
    FILE *out = open_memstream(&text, &length);
    nn_text_put_cell(out, name, width);
    fclose(out);
    CHECK_STR(text, expected);
    free(text);
}

static void check_shell(const char *word, const char *expected) {
    char text[NN_SHELL_TEXT];
    CHECK_STR(nn_text_shell(word, text), expected);
}

static void check_pixels(void) {
    const nn_real largest = sizeof(nn_real) == sizeof(float) ? (nn_real)3e38 : (nn_real)1.7e308;
    const nn_real x[] = {0, NAN, INFINITY, 1, -INFINITY, 2}, far[] = {-largest, 0, largest},
                  none[] = {NAN, NAN};
    unsigned char pixels[6];
    nn_picture_pixels(6, x, pixels);
    CHECK(pixels[0] == 0 && pixels[1] == 0 && pixels[2] == 0 && pixels[4] == 0);
    CHECK(pixels[3] == 127 && pixels[5] == 255);
    nn_picture_pixels(3, far, pixels);
    CHECK(pixels[0] == 0 && pixels[1] == 127 && pixels[2] == 255);
    nn_picture_pixels(2, none, pixels);
    CHECK(pixels[0] == 0 && pixels[1] == 0);
}

int main(void) {
    static char quotes[NN_SHELL_TEXT];
    char text[NN_SHELL_TEXT];
    check_cell("Öl", 4, "  Öl");
    check_cell("Blüten", 6, "Blüten");
    check_cell("Blütenblatt", 8, "Blüte...");
    check_cell("a\x1b\xc2\x9b", 4, " a  ");
    check_shell("runs/a-1_b.c", "runs/a-1_b.c");
    check_shell("a b", "'a b'");
    check_shell("it's", "'it'\\''s'");
    check_shell("", "''");
    check_shell("~x", "'~x'");
    memset(quotes, '\'', sizeof quotes - 1);
    CHECK(strlen(nn_text_shell(quotes, text)) < sizeof text);
    check_pixels();
    return check_done();
}
