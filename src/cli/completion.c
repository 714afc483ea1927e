#include "cli/completion.h"

#include "cli/args.h"
#include "cli/cli.h"
#include "train/config/places.h"

#include <string.h>

enum { BASH = 1, ZSH, FISH }; /* the places in NN_COMPLETION_SHELLS */

/* "--every-steps" */
static void put_flag(FILE *out, const nn_option *option) {
    for (const char *c = option->key; *c; c++)
        fputc(*c == '_' ? '-' : *c, out);
}

/* Inside single quotes; for zsh, whose descriptions stand in brackets, without what would end them.
 */
static void put_quoted(FILE *out, const char *text, int shell) {
    for (; *text; text++)
        if (*text == '\'')
            fputs(shell == FISH ? "\\'" : "'\\''", out);
        else if (*text == '\\' || (shell == ZSH && strchr("[]:", *text)))
            fprintf(out, "\\%c", *text);
        else
            fputc(*text, out);
}

static void put_choices(FILE *out, const nn_option *option) {
    for (const char *c = option->range; *c; c++)
        fputc(*c == '|' ? ' ' : *c, out);
}

/* One script being written, and the verb whose options are visited. */
typedef struct script {
    FILE *out;
    int shell;
    const nn_verb *verb;
} script;

typedef void visit_option(const script *s, const nn_option *option);

static void visit_table(const script *s, const nn_option *option, visit_option *visit) {
    for (; option && option->key; option++)
        if (!nn_is_argument(s->verb->arguments, option->key))
            visit(s, option);
}

/* The options of the verb, of what it stands on, of all its kinds, and those that every verb takes.
 */
static void visit_options(const script *s, visit_option *visit) {
    const nn_verb *verb = s->verb;
    visit_table(s, verb->entry.options, visit);
    visit_table(s, verb->base ? verb->base->options : NULL, visit);
    for (const nn_entry *const *row = verb->kinds ? verb->kinds->rows : NULL; row && *row; row++)
        visit_table(s, (*row)->options, visit);
    visit_table(s, nn_common_table, visit);
}

/* What stands below the verb as words: verbs of a group, or kinds. */
static const nn_entry *const *rows_below(const nn_verb *verb) {
    static const nn_entry *const none[] = {NULL};
    return verb->verbs ? verb->verbs->rows : verb->kinds ? verb->kinds->rows : none;
}

/* "data import" of "nnmpi data import" */
static const char *words_of(const nn_verb *verb, char title[NN_VERB_TITLE]) {
    nn_verb_title(verb, ' ', title);
    return title + strlen("nnmpi ");
}

/* ---- configuration keys, as -o takes them ---------------------------------------------------- */

static void put_key(void *ctx, const nn_place *place) {
    bool is_key = place->option && place->option->type != NN_OPT_NODE && !strchr(place->path, '*');
    if (is_key &&
        (place->section || place->family->beside || strncmp(place->path, "train.", 6) == 0))
        fprintf(ctx, " %s=", *place->brief ? place->brief : place->path);
}

/* ---- bash and zsh: which verb the words before the cursor name ------------------------------- */

/* `case` lines that follow the words: " train" where no verb is known yet, "data split". */
static void put_verb_case(void *ctx, const nn_verb *verb) {
    char title[NN_VERB_TITLE];
    const char *words = words_of(verb, title);
    fprintf(ctx, "        \"%s%s\") verb=\"%s\" ;;\n", strchr(words, ' ') ? "" : " ", words, words);
}

static void bash_flag(const script *s, const nn_option *option) {
    char letter = nn_short_flag(option->key);
    if (letter)
        fprintf(s->out, " -%c", letter);
    fputs(" --", s->out);
    put_flag(s->out, option);
}

static void bash_choices(const script *s, const nn_option *option) {
    if (option->type != NN_OPT_CHOICE)
        return;
    fputs("        --", s->out);
    put_flag(s->out, option);
    fputs(") words=\"", s->out);
    put_choices(s->out, option);
    fputs("\" ;;\n", s->out);
}

static void bash_verb(void *ctx, const nn_verb *verb) {
    script s = {.out = ctx, .shell = BASH, .verb = verb};
    char title[NN_VERB_TITLE];
    fprintf(s.out, "    \"%s\")\n        words=\"", words_of(verb, title));
    for (const nn_entry *const *row = rows_below(verb); *row; row++)
        fprintf(s.out, "%s ", (*row)->name);
    visit_options(&s, bash_flag);
    fputs("\"\n        case \"$before\" in\n", s.out);
    visit_options(&s, bash_choices);
    fputs("        esac ;;\n", s.out);
}

static void write_bash(FILE *out) {
    fputs("# Written by nnmpi help --completion bash.\n"
          "_nnmpi() {\n"
          "    local current=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}\n"
          "    local verb= word words=\n"
          "    for word in \"${COMP_WORDS[@]:1:COMP_CWORD - 1}\"; do\n"
          "        case \"$verb $word\" in\n",
          out);
    nn_verbs_visit(put_verb_case, out);
    fputs("        esac\n    done\n    case \"$verb\" in\n    \"\") words=\"", out);
    for (const nn_entry *const *row = nn_verbs.rows; *row; row++)
        fprintf(out, "%s ", (*row)->name);
    fputs("--version\" ;;\n", out);
    nn_verbs_visit(bash_verb, out);
    fputs("    esac\n"
          "    case \"$before\" in\n"
          "    -o | --set)\n"
          "        compopt -o nospace\n"
          "        words=\"",
          out);
    nn_places_visit(put_key, out);
    fputs("\" ;;\n"
          "    esac\n"
          "    mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$current\")\n"
          "    [[ ${#COMPREPLY[@]} -gt 0 || $current == -* ]] ||\n"
          "        mapfile -t COMPREPLY < <(compgen -f -- \"$current\")\n"
          "}\n"
          "complete -o filenames -F _nnmpi nnmpi\n",
          out);
}

static void put_described(const script *s, const nn_entry *const *rows) {
    for (; *rows; rows++) {
        fprintf(s->out, " '%s:", (*rows)->name);
        put_quoted(s->out, (*rows)->help, ZSH);
        fputc('\'', s->out);
    }
}

static void zsh_flag(const script *s, const nn_option *option) {
    char letter = nn_short_flag(option->key);
    fputs(" \\\n            ", s->out);
    if (letter)
        fprintf(s->out, "'(-%c --%s)'{-%c,--%s}'", letter, option->key, letter, option->key);
    else {
        fputs("'--", s->out);
        put_flag(s->out, option);
    }
    fputc('[', s->out);
    put_quoted(s->out, option->help, ZSH);
    fputc(']', s->out);
    if (strcmp(option->key, "set") == 0)
        fputs(":key:_nnmpi_keys", s->out);
    else if (option->type == NN_OPT_CHOICE) {
        fputs(":choice:(", s->out);
        put_choices(s->out, option);
        fputc(')', s->out);
    } else if (option->type != NN_OPT_BOOL)
        fputs(":value:_files", s->out);
    fputc('\'', s->out);
}

static void zsh_verb(void *ctx, const nn_verb *verb) {
    script s = {.out = ctx, .shell = ZSH, .verb = verb};
    char title[NN_VERB_TITLE];
    fprintf(s.out, "    \"%s\")\n", words_of(verb, title));
    if (*rows_below(verb)) {
        fputs("        rows=(", s.out);
        put_described(&s, rows_below(verb));
        fputs(")\n        _describe name rows\n", s.out);
    }
    fputs("        _arguments -S", s.out);
    visit_options(&s, zsh_flag);
    fputs(" \\\n            '*:file:_files' ;;\n", s.out);
}

static void write_zsh(FILE *out) {
    script s = {.out = out, .shell = ZSH};
    fputs("#compdef nnmpi\n# Written by nnmpi help --completion zsh.\n"
          "_nnmpi_keys() {\n    compadd -S '' --",
          out);
    nn_places_visit(put_key, out);
    fputs("\n}\n_nnmpi() {\n    local verb= word\n    local -a rows\n"
          "    for word in ${words[2,CURRENT-1]}; do\n        case \"$verb $word\" in\n",
          out);
    nn_verbs_visit(put_verb_case, out);
    fputs("        esac\n    done\n    case $verb in\n    \"\")\n        rows=(", out);
    put_described(&s, nn_verbs.rows);
    fputs(")\n        _describe verb rows\n        _files ;;\n", out);
    nn_verbs_visit(zsh_verb, out);
    fputs("    esac\n}\n_nnmpi \"$@\"\n", out);
}

/* ---- fish: a line for each word, with the verb that must have been given ----------------------
 */

static void fish_begin(const script *s) {
    char title[NN_VERB_TITLE];
    fprintf(s->out, "complete -c nnmpi -n '__nnmpi_verb \"%s\"'",
            s->verb ? words_of(s->verb, title) : "");
}

static void fish_words(const script *s, const nn_entry *const *rows) {
    for (; *rows; rows++) {
        fish_begin(s);
        fprintf(s->out, " -a %s -d '", (*rows)->name);
        put_quoted(s->out, (*rows)->help, FISH);
        fputs("'\n", s->out);
    }
}

static void fish_flag(const script *s, const nn_option *option) {
    char letter = nn_short_flag(option->key);
    fish_begin(s);
    if (letter)
        fprintf(s->out, " -s %c", letter);
    fputs(" -l ", s->out);
    put_flag(s->out, option);
    if (strcmp(option->key, "set") == 0)
        fputs(" -x -a '(__nnmpi_keys)'", s->out);
    else if (option->type == NN_OPT_CHOICE) {
        fputs(" -x -a '", s->out);
        put_choices(s->out, option);
        fputc('\'', s->out);
    } else if (option->type != NN_OPT_BOOL)
        fputs(" -r", s->out);
    fputs(" -d '", s->out);
    put_quoted(s->out, option->help, FISH);
    fputs("'\n", s->out);
}

static void fish_verb(void *ctx, const nn_verb *verb) {
    script s = {.out = ctx, .shell = FISH, .verb = verb};
    fish_words(&s, rows_below(verb));
    visit_options(&s, fish_flag);
}

static void fish_case(void *ctx, const nn_verb *verb) {
    char title[NN_VERB_TITLE];
    const char *words = words_of(verb, title);
    fprintf(ctx, "            case '%s%s'\n                set verb '%s'\n",
            strchr(words, ' ') ? "" : " ", words, words);
}

static void write_fish(FILE *out) {
    script s = {.out = out, .shell = FISH};
    fputs("# Written by nnmpi help --completion fish.\n"
          "function __nnmpi_verb\n    set -l verb\n    set -l words (commandline -opc)\n"
          "    for word in $words[2..-1]\n        switch \"$verb $word\"\n",
          out);
    nn_verbs_visit(fish_case, out);
    fputs("        end\n    end\n    test \"$verb\" = \"$argv[1]\"\nend\n"
          "function __nnmpi_keys\n    printf '%s\\n'",
          out);
    nn_places_visit(put_key, out);
    fputs("\nend\n", out);
    fish_words(&s, nn_verbs.rows);
    nn_verbs_visit(fish_verb, out);
}

void nn_completion_write(FILE *out, int shell) {
    static void (*const write[])(FILE *) = {
        [BASH] = write_bash, [ZSH] = write_zsh, [FISH] = write_fish};
    write[shell](out);
}
