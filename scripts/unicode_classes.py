#!/usr/bin/env python3
"""Writes src/data/importers/text/unicode.c: which characters are letters and which are numbers."""
import sys
import unicodedata

HEAD = """/* Classes of characters, of Unicode %s. Written by scripts/unicode_classes.py. */
#include "data/importers/text/unicode.h"

#include <stddef.h>

struct range {
    uint32_t first, last;
};

/* clang-format off */
"""

TAIL = """/* clang-format on */

static bool is_in(const struct range *range, size_t count, uint32_t c) {
    size_t low = 0, high = count;

    while (low < high) {
        size_t middle = (low + high) / 2;
        if (range[middle].last < c)
            low = middle + 1;
        else
            high = middle;
    }
    return low < count && range[low].first <= c;
}

bool nn_unicode_is_letter(uint32_t c) {
    return is_in(letters, sizeof letters / sizeof *letters, c);
}

bool nn_unicode_is_number(uint32_t c) {
    return is_in(numbers, sizeof numbers / sizeof *numbers, c);
}

bool nn_unicode_is_space(uint32_t c) {
    return (c >= 0x9 && c <= 0xd) || c == 0x20 || c == 0x85 || c == 0xa0 || c == 0x1680 ||
           (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f ||
           c == 0x205f || c == 0x3000;
}
"""


def ranges(letter):
    """Runs of code points whose general category begins with `letter`."""
    found = []
    for code in range(0x110000):
        if unicodedata.category(chr(code))[0] != letter:
            continue
        if found and found[-1][1] == code - 1:
            found[-1][1] = code
        else:
            found.append([code, code])
    return found


def table(name, found):
    lines = ["static const struct range %s[] = {" % name, "   "]
    for first, last in found:
        item = " {%#x, %#x}," % (first, last)
        if len(lines[-1]) + len(item) > 100:
            lines.append("   ")
        lines[-1] += item
    return "\n".join(lines + ["};", ""])


out = HEAD % unicodedata.unidata_version
out += table("letters", ranges("L")) + "\n" + table("numbers", ranges("N")) + TAIL
sys.stdout.write(out)
