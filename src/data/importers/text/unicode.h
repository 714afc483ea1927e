/* Classes of characters by their number in Unicode, whatever the locale. */
#ifndef NN_DATA_IMPORTERS_TEXT_UNICODE_H
#define NN_DATA_IMPORTERS_TEXT_UNICODE_H

#include <stdbool.h>
#include <stdint.h>

bool nn_unicode_is_letter(uint32_t c); /* general category L */
bool nn_unicode_is_number(uint32_t c); /* general category N */
bool nn_unicode_is_space(uint32_t c);  /* the property White_Space */

#endif
