#!/usr/bin/env python3
"""Writes src/data/importers/text/unicode_ranges.h: which characters are letters and which are numbers."""
import sys
import unicodedata

HEAD = """/* Letters and numbers of Unicode %s. Written by scripts/unicode_ranges.py. */
#ifndef NN_DATA_IMPORTERS_TEXT_UNICODE_RANGES_H
#define NN_DATA_IMPORTERS_TEXT_UNICODE_RANGES_H

#include <stdint.h>

struct range {
    uint32_t first, last;
};

/* clang-format off */
"""

TAIL = """/* clang-format on */

#endif
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
