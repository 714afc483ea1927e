#include "cli/cli.h"
#include "comm/comm.h"
#include "io/files/file.h"

#include <nnmpi/generate.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TOGETHER 16                   /* texts that a rank makes at a time */
#define MOST_BYTES ((int64_t)1 << 30) /* of a file of prompts */

typedef struct options {
    const char *checkpoint, *prompt, *prompts;
    nn_generation how;
    bool json;
} options;

#define HOW(member) offsetof(options, how.member)

static const nn_option table[] = {
    {"checkpoint", NN_OPT_STRING, offsetof(options, checkpoint), NULL, NULL,
     "trained model: a checkpoint, or a run folder, whose best or else last one is taken"},
    {"prompt", NN_OPT_STRING, offsetof(options, prompt), "", NULL,
     "beginning of the text; without it the text begins with the stop token"},
    {"prompts", NN_OPT_STRING, offsetof(options, prompts), "", NULL,
     "file with a prompt in each line, which the ranks share; the texts come in their order"},
    {"max_tokens", NN_OPT_INT, HOW(max_tokens), "200", "[1, 16777216]",
     "tokens of each text. A model sees as many as the windows of its training have (context); "
     "whenever a text has more, it reads the latter half of the window anew and goes on"},
    {"temperature", NN_OPT_REAL, HOW(temperature), "1", "[0, inf)",
     "below 1 the likely tokens become likelier, above 1 the others; 0: always the likeliest"},
    {"top_k", NN_OPT_INT, HOW(top_k), "0", "[0, 16777216]",
     "draw from so many likeliest tokens; 0: from all"},
    {"top_p", NN_OPT_REAL, HOW(top_p), "1", "(0, 1]",
     "then draw from the fewest likeliest tokens that have this probability together"},
    {"seed", NN_OPT_INT, HOW(seed), "1", "[0, inf)",
     "seed of the random numbers: the same seed gives the same texts on any number of ranks and "
     "threads"},
    {"stop", NN_OPT_STRING, HOW(stop), "", NULL,
     "token that ends a text; default: <|endoftext|> where the vocabulary has it"},
    {"json", NN_OPT_BOOL, offsetof(options, json), "false", NULL,
     "print a JSON object for each text, with its prompt and what follows"},
    NN_OPTION_END,
};

/* --- prompts --- */

typedef struct prompts {
    size_t count, room;
    nn_prompt *prompt;
} prompts;

static int add_prompt(nn_pool *pool, prompts *p, const char *text) {
    NN_TRY(NN_GROW(pool, &p->prompt, p->count, &p->room));
    p->prompt[p->count++] = (nn_prompt){.text = text};
    return 0;
}

static int read_prompts(const nn_call *call, prompts *p) {
    const options *o = call->options;
    char *text;
    size_t length;
    if (o->prompt && o->prompts)
        return nn_fail(NN_EUSAGE, "--prompt is one prompt, --prompts a file of them: take either");
    if (!o->prompts)
        return add_prompt(call->pool, p, o->prompt ? o->prompt : "");
    NN_TRY(nn_file_read_below(call->pool, o->prompts, MOST_BYTES, &text, &length));
    for (char *end = text + length, *next; text < end; text = next + 1) {
        next = memchr(text, '\n', (size_t)(end - text));
        next = next ? next : end;
        *next = '\0';
        size_t line = (size_t)(next - text);
        line -= line > 0 && text[line - 1] == '\r';
        if (line == 0 || memchr(text, '\0', line))
            return nn_fail(NN_EUSAGE, "%s:%zu: a prompt is a line of text, and this one %s",
                           o->prompts, p->count + 1, line == 0 ? "is empty" : "has a byte 0");
        text[line] = '\0';
        NN_TRY(add_prompt(call->pool, p, text));
    }
    return p->count ? 0 : nn_fail(NN_EUSAGE, "%s: there is no line in it", o->prompts);
}

/* --- texts --- */

/* A text alone is shown as it comes, behind its prompt, which ctx points to until then, and as long
 * as somebody reads it. */
static bool show(void *ctx, size_t i, int32_t token, const char *bytes, size_t length) {
    const char **prompt = ctx;
    (void)i, (void)token;
    if (*prompt)
        fputs(*prompt, stdout);
    *prompt = NULL;
    fwrite(bytes, 1, length, stdout);
    fflush(stdout);
    return !ferror(stdout); /* MPICH takes the buffer away: fflush has nothing to say then */
}

/* What follows prompts. */
typedef struct texts {
    FILE *memory[TOGETHER];
    char *text[TOGETHER];
    size_t length[TOGETHER];
} texts;

static bool keep(void *ctx, size_t i, int32_t token, const char *bytes, size_t length) {
    (void)token;
    return fwrite(bytes, 1, length, ((texts *)ctx)->memory[i]) == length;
}

static int open_texts(texts *t, size_t count) {
    for (size_t i = 0; i < count; i++) {
        t->memory[i] = open_memstream(&t->text[i], &t->length[i]);
        if (!t->memory[i])
            return nn_fail(NN_EMEMORY, "no memory for %zu texts", count);
    }
    return 0;
}

static int close_texts(texts *t, int rc) {
    for (size_t i = 0; i < TOGETHER; i++)
        if (t->memory[i] && fclose(t->memory[i]) != 0 && rc == 0)
            rc = nn_fail(NN_EMEMORY, "no memory for a text");
    return rc;
}

static int put_json(FILE *out, const nn_prompt *prompt, char *text, size_t length) {
    size_t size = 6 * (strlen(prompt->text) + length) + 64; /* a byte takes at most \u00ff */
    char *line;
    nn_json json;
    NN_TRY(NN_NEW(&line, size, "a line"));
    for (size_t i = 0; i < length; i++) /* as other bytes that are no text: U+FFFD */
        text[i] = text[i] ? text[i] : (char)0x80;
    nn_json_init(&json, line, size);
    nn_json_open(&json, NULL, '{');
    nn_json_string(&json, "prompt", prompt->text);
    nn_json_string(&json, "text", text);
    nn_json_close(&json, '}');
    fprintf(out, "%s\n", line);
    nn_free(line);
    return 0;
}

/* Of several texts each begins with its prompt and ends with a line of its own. */
static int put_text(FILE *out, bool json, const nn_prompt *prompt, char *text, size_t length) {
    if (json)
        return put_json(out, prompt, text, length);
    fputs(prompt->text, out);
    fwrite(text, 1, length, out);
    fputs("\n\n", out);
    return 0;
}

/* For prompts from `first` on. */
static nn_generation how_from(const options *o, size_t first) {
    nn_generation how = o->how;
    how.size = sizeof how;
    how.first = first;
    return how;
}

/* The texts of this rank's prompts [begin, end), as they are printed, to `out`. */
static int generate(nn_generator *g, const options *o, const prompts *p, size_t begin, size_t end,
                    FILE *out) {
    const nn_prompt *prompt = p->prompt + begin;
    size_t count = end - begin;
    const nn_generation how = how_from(o, begin);
    texts t = {0};
    int rc = open_texts(&t, count);
    if (rc == 0)
        rc = nn_generate(g, &how, count, prompt, keep, &t);
    rc = close_texts(&t, rc);
    for (size_t i = 0; i < count && rc == 0; i++)
        rc = put_text(out, o->json, &prompt[i], t.text[i], t.length[i]);
    for (size_t i = 0; i < TOGETHER; i++)
        free(t.text[i]);
    return rc;
}

/* Rank 0 prints what every rank has, in their order; all[ranks] is for the lengths. */
static int print_in_order(nn_comm *comm, const char *text, size_t length, size_t *all) {
    size_t size = (size_t)nn_comm_size(comm), most = 0;
    char *bytes = NULL;
    int rc;
    NN_TRY_GOTO(nn_comm_gather(comm, &length, sizeof length, all));
    for (size_t r = 1; r < size; r++)
        most = all[r] > most ? all[r] : most;
    NN_TRY_GOTO(nn_comm_agree(comm, NN_NEW(&bytes, most + 1, "texts")));
    if (nn_comm_rank(comm) > 0) {
        NN_TRY_GOTO(nn_comm_send(comm, 0, text, length));
        goto done;
    }
    fwrite(text, 1, length, stdout);
    for (size_t r = 1; r < size; r++) {
        NN_TRY_GOTO(nn_comm_receive(comm, (int)r, bytes, all[r]));
        fwrite(bytes, 1, all[r], stdout);
    }
    fflush(stdout);
done:
    nn_free(bytes);
    return rc;
}

/* This rank's prompts of a round that begins at `first`, and what they become; all[ranks]. */
static int run_round(const nn_call *call, nn_generator *g, const prompts *p, size_t first,
                     size_t round, size_t *all) {
    size_t size = (size_t)nn_comm_size(call->comm), rank = (size_t)nn_comm_rank(call->comm);
    size_t begin = first + round * rank / size, end = first + round * (rank + 1) / size;
    char *text = NULL;
    size_t length = 0;
    FILE *memory = open_memstream(&text, &length);
    int rc = memory ? generate(g, call->options, p, begin, end, memory)
                    : nn_fail(NN_EMEMORY, "no memory for texts");
    if (memory && fclose(memory) != 0 && rc == 0)
        rc = nn_fail(NN_EMEMORY, "no memory for texts");
    rc = nn_comm_agree(call->comm, rc);
    if (rc == 0)
        rc = print_in_order(call->comm, text, length, all);
    free(text);
    return rc;
}

static int run_rounds(const nn_call *call, nn_generator *g, const prompts *p) {
    size_t size = (size_t)nn_comm_size(call->comm), most = TOGETHER * size, round;
    size_t *all = nn_pool_alloc(call->pool, size * sizeof *all);
    if (!all) /* which others learn in their first round */
        return nn_comm_agree(call->comm, NN_EMEMORY);
    for (size_t first = 0; first < p->count; first += round) {
        round = p->count - first < most ? p->count - first : most;
        NN_TRY(run_round(call, g, p, first, round, all));
    }
    return 0;
}

/* One text is rank 0's. */
static int run_alone(const nn_call *call, nn_generator *g, const prompts *p) {
    const options *o = call->options;
    int rc = 0;
    if (nn_comm_rank(call->comm) == 0) {
        const nn_generation how = how_from(o, 0);
        const char *prompt = p->prompt->text;
        rc = nn_generate(g, &how, 1, p->prompt, show, &prompt);
        if (rc == 0)
            (void)show(&prompt, 0, 0, "\n", 1);
    }
    return nn_comm_agree(call->comm, rc);
}

static int run(const nn_call *call) {
    const options *o = call->options;
    bool alone = !o->prompts && !o->json;
    prompts p = {0};
    nn_generator *g = NULL;
    int threads = nn_comm_threads(call->comm), rc = read_prompts(call, &p);
    if (rc == 0)
        rc = nn_generator_open(o->checkpoint, p.count < TOGETHER ? p.count : TOGETHER, threads, &g);
    rc = nn_comm_agree(call->comm, rc);
    if (rc == 0)
        rc = alone ? run_alone(call, g, &p) : run_rounds(call, g, &p);
    nn_generator_free(g);
    return rc < 0 ? nn_error_frame(rc, __func__) : 0;
}

static const char *const arguments[] = {"checkpoint", NULL};

const nn_verb nn_verb_generate = {
    .entry = {"generate",
              "Continues texts, token by token, with a model that has learned from texts.", table,
              sizeof(options)},
    .usage = "CHECKPOINT --prompt TEXT|--prompts FILE [options]",
    .example = "nnmpi generate run --prompt 'Once upon a time' --temperature 0.8",
    .arguments = arguments,
    .collective = true,
    .run = run,
};
