#include "cli/manual.h"

#include "base/error.h"
#include "cli/cli.h"
#include "io/files/file.h"
#include "io/files/folder.h"
#include "train/config/settings.h"

#include <nnmpi/version.h>

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

/* The pages that are being written: where, and what went wrong. */
typedef struct manual {
    const char *folder;
    int rc;
} manual;

static void begin_page(FILE *out, const char *name, const char *help) {
    fputs(".TH ", out);
    for (const char *c = name; *c; c++)
        fputc(toupper((unsigned char)*c), out);
    fprintf(out, " 1 \"\" \"nnmpi " NNMPI_VERSION "\" \"nnmpi\"\n.SH NAME\n%s \\- %s\n", name,
            help);
}

static void end_page(FILE *out) {
    fputs(".SH EXIT STATUS\n.TP\n\\fB0\\fR\ndone\n", out);
#define STATUS(name, value, status, meaning) fprintf(out, ".TP\n\\fB%d\\fR\n%s\n", status, meaning);
    NN_ERRORS(STATUS)
#undef STATUS
    fputs(".SH SEE ALSO\n", out);
}

/* Writes what `fill` prints as the page of this name. */
static int write_page(const char *folder, const char *name,
                      void (*fill)(FILE *out, const char *name, const nn_verb *verb),
                      const nn_verb *verb) {
    char path[4096], *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    if (!out)
        return nn_fail(NN_EMEMORY, "no memory for a manual page");
    fill(out, name, verb);
    int rc = fclose(out) == 0 ? 0 : nn_fail(NN_EMEMORY, "no memory for a manual page");
    snprintf(path, sizeof path, "%s/%s.1", folder, name);
    if (rc == 0)
        rc = nn_file_write(path, text, length);
    free(text);
    return rc;
}

static void see_also(void *ctx, const nn_verb *verb) {
    char name[NN_VERB_TITLE];
    nn_verb_title(verb, '-', name);
    fprintf(ctx, "%s\\fB%s\\fR(1)", verb == &nn_verb_train ? "" : ", ", name);
}

static void fill_overview(FILE *out, const char *name, const nn_verb *verb) {
    (void)verb;
    begin_page(out, name, "trains neural networks on CPU clusters");
    fputs(".SH SYNOPSIS\n\\fBnnmpi\\fR VERB [options]\n.br\n\\fBmpirun \\-n 8 nnmpi\\fR "
          "[train] [CONFIG] [options]\n.SH DESCRIPTION\nRanks of MPI train one model on shares "
          "of each minibatch. Without a verb nnmpi trains, and without a configuration the model "
          "that is built in. \\fBnnmpi help TOPIC\\fR explains every verb and every key of a "
          "configuration.\n.SH VERBS\n",
          out);
    nn_help_rows(out, &nn_verbs, NN_HELP_ROFF);
    fputs(".SH CONFIGURATION\nA YAML file with these sections:\n", out);
    for (const nn_section *s = nn_sections; s->name; s++)
        if (*s->name)
            nn_help_item(out, s->name, s->help, NN_HELP_ROFF);
    end_page(out);
    nn_verbs_visit(see_also, out);
    fputc('\n', out);
}

static void fill_verb(FILE *out, const char *name, const nn_verb *verb) {
    begin_page(out, name, verb->entry.help);
    nn_help_verb(out, verb, NN_HELP_ROFF);
    end_page(out);
    fputs("\\fBnnmpi\\fR(1)\n", out);
}

static void write_verb(void *ctx, const nn_verb *verb) {
    manual *m = ctx;
    char name[NN_VERB_TITLE];
    nn_verb_title(verb, '-', name);
    if (m->rc == 0)
        m->rc = write_page(m->folder, name, fill_verb, verb);
}

int nn_manual_write(const char *folder) {
    manual m = {.folder = folder};
    NN_TRY(nn_dir_make(folder));
    m.rc = write_page(folder, "nnmpi", fill_overview, NULL);
    nn_verbs_visit(write_verb, &m);
    return m.rc;
}
