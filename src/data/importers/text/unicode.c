#include "data/importers/text/unicode.h"

#include "data/importers/text/unicode_ranges.h"

#include <stddef.h>

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
