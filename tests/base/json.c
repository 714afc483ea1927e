/* JSON text, numbers that read back as themselves, whatever the locale; clocks. */
#include "base/json/json.h"

#include "base/numbers/rng.h"
#include "base/system/clock.h"
#include "base/text.h"
#include "check.h"

#include <locale.h>
#include <stdlib.h>

static void check_document(void) {
    char text[512];
    nn_json json;

    nn_json_init(&json, text, sizeof text);
    nn_json_open(&json, NULL, '{');
    nn_json_string(&json, "event", "train");
    nn_json_int(&json, "step", INT64_MIN);
    nn_json_real(&json, "loss", 0.1);
    nn_json_real(&json, "nan", NAN);
    nn_json_real(&json, "inf", -INFINITY);
    nn_json_bool(&json, "ok", true);
    nn_json_open(&json, "list", '[');
    nn_json_close(&json, ']');
    nn_json_open(&json, "items", '[');
    nn_json_int(&json, NULL, 1);
    nn_json_bool(&json, NULL, false);
    nn_json_open(&json, NULL, '{');
    nn_json_string(&json, "none", NULL);
    nn_json_close(&json, '}');
    nn_json_real(&json, NULL, -0.0);
    nn_json_close(&json, ']');
    nn_json_real(&json, "after", 5e-324);
    nn_json_close(&json, '}');
    CHECK(!json.overflow);
    CHECK_EQ_INT(json.length, strlen(text));
    CHECK_STR(text, "{\"event\":\"train\",\"step\":-9223372036854775808,\"loss\":0.1,\"nan\":null,"
                    "\"inf\":null,\"ok\":true,\"list\":[],\"items\":[1,false,{\"none\":null},-0],"
                    "\"after\":4.94065645841247e-324}");
}

static void check_string(const char *value, const char *expected) {
    char text[128];
    nn_json json;

    nn_json_init(&json, text, sizeof text);
    nn_json_string(&json, NULL, value);
    CHECK_STR(text, expected);
}

static void check_strings(void) {
    check_string("", "\"\"");
    check_string("a\"b\\c/d", "\"a\\\"b\\\\c/d\"");
    check_string("\b\f\n\r\t\x01\x1f\x7f", "\"\\b\\f\\n\\r\\t\\u0001\\u001f\x7f\"");
    check_string("\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80",
                 "\"\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80\"");
    check_string("\xff\x80x", "\"\\ufffd\\ufffdx\"");          /* no UTF-8 */
    check_string("\xc0\xaf", "\"\\ufffd\\ufffd\"");            /* overlong */
    check_string("\xed\xa0\x80", "\"\\ufffd\\ufffd\\ufffd\""); /* a surrogate */
    check_string("\xe2\x82", "\"\\ufffd\\ufffd\"");            /* cut off */
    check_string("\xf4\x90\x80\x80", "\"\\ufffd\\ufffd\\ufffd\\ufffd\"");
}

/* Whatever the room, never a byte too far, and the flag says so. */
static void check_overflow(void) {
    char text[64];

    for (size_t size = 0; size < 40; size++) {
        nn_json json;
        memset(text, '#', sizeof text);
        nn_json_init(&json, text, size);
        nn_json_open(&json, NULL, '{');
        nn_json_string(&json, "key", "a \"text\"");
        nn_json_real(&json, "x", 1.5);
        nn_json_close(&json, '}');
        CHECK_EQ_INT(json.overflow, size < strlen("{\"key\":\"a \\\"text\\\"\",\"x\":1.5}") + 1);
        CHECK(text[size] == '#');
        CHECK(size == 0 || memchr(text, '\0', size) != NULL);
    }
}

static void check_round_trip(void) {
    nn_rng rng = nn_rng_stream(1, NN_RNG_TEST, 0, 0);

    for (uint64_t i = 0; i < 20000; i++) {
        uint32_t word[2];
        uint64_t bits;
        double value, back = 0;
        size_t length;
        char text[NN_TEXT_REAL];
        nn_rng_bits(&rng, 2 * i, 2, word);
        bits = (uint64_t)word[0] << 32 | word[1];
        memcpy(&value, &bits, sizeof value);
        if (!isfinite(value))
            continue;
        length = nn_text_from_real(text, value);
        CHECK_EQ_INT(length, strlen(text));
        if (!CHECK(nn_text_to_real(text, &back) && memcmp(&back, &value, sizeof back) == 0))
            fprintf(stderr, "  %a became %s\n", value, text);
    }
}

static void check_numbers(void) {
    double real = 0;
    int64_t whole = 0;

    CHECK(nn_text_to_real("-.INF", &real) && real < 0 && isinf(real));
    CHECK(nn_text_to_real("1E-3", &real));
    CHECK_NEAR(real, 1e-3, 0);
    CHECK(!nn_text_to_real("", &real) && !nn_text_to_real("-", &real));
    CHECK(!nn_text_to_real("1,5", &real) && !nn_text_to_real(" 1", &real));
    CHECK(!nn_text_to_real("nan", &real) && !nn_text_to_real(".nan", &real));
    CHECK(nn_text_to_int("-9223372036854775808", &whole) && whole == INT64_MIN);
    CHECK(!nn_text_to_int("9223372036854775808", &whole));
    CHECK(nn_text_to_int("6e4", &whole) && whole == 60000);
    CHECK(!nn_text_to_int("1e17", &whole)); /* above 2^53 */
    CHECK(!nn_text_to_int("inf", &whole) && !nn_text_to_int("1-2", &whole));
    CHECK(!nn_text_to_int("1.5", &whole) && !nn_text_to_int("", &whole));
}

/* A program with a comma for the decimal point changes neither what is read nor what is written. */
static void check_locale(void) {
    static const char *const names[] = {"de_DE.UTF-8", "fr_FR.UTF-8", "de_DE.utf8"};
    char text[NN_TEXT_REAL];
    double real = 0;

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (!setlocale(LC_ALL, names[i]))
            continue;
        nn_text_from_real(text, 1.5);
        CHECK_STR(text, "1.5");
        CHECK(nn_text_to_real("2.5", &real) && real > 2.4);
    }
    setlocale(LC_ALL, "C");
}

static void check_clocks(void) {
    double before = nn_seconds();
    char stamp[21], too_small[5];
    int year, month, day, hour, minute, second, used = 0;

    CHECK(nn_seconds() >= before);
    nn_timestamp(stamp, sizeof stamp);
    CHECK_EQ_INT(sscanf(stamp, "%4d-%2d-%2dT%2d:%2d:%2dZ%n", &year, &month, &day, &hour, &minute,
                        &second, &used),
                 6);
    CHECK_EQ_INT(used, 20);
    nn_timestamp(too_small, sizeof too_small);
    CHECK_STR(too_small, "");
}

/* 0 / 0 has its sign set on some processors. */
static void check_nan(void) {
    char text[NN_TEXT_REAL];

    nn_text_from_real(text, copysign(NAN, -1));
    CHECK_STR(text, "nan");
    snprintf(text, sizeof text, "%.4g %.4g", nn_plain_nan(copysign(NAN, -1)), nn_plain_nan(-0.5));
    CHECK_STR(text, "nan -0.5");
}

int main(void) {
    check_document();
    check_strings();
    check_overflow();
    check_round_trip();
    check_numbers();
    check_nan();
    check_locale();
    check_clocks();
    return check_done();
}
