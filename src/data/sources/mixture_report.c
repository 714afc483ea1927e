/* What is said of a mixture: its parts and their shares. */
#include "data/sources/mixture.h"

#include <inttypes.h>

/* Of a split, which it may not have. */
static int64_t samples_of(const nn_part *part, const char *split) {
    const nn_split *own = nn_dataset_split(part->ds, split);

    return own ? own->samples : 0;
}

/* Of its training samples, how many times an epoch takes each. */
static double passes_of(const nn_dataset *ds, const nn_part *part) {
    double all = (double)ds->split[0].samples;

    return part->weight > 0 ? part->weight * all / (double)samples_of(part, "train") : 1;
}

void nn_mixture_text(const nn_dataset *ds, const char *first, const char *next, FILE *out) {
    for (size_t k = 0; k < ds->parts; k++) {
        const nn_part *part = &ds->part[k];
        int64_t samples = samples_of(part, "train");
        double share =
            part->weight > 0 ? part->weight : (double)samples / (double)ds->split[0].samples;
        fprintf(out, "%s%5.4g %% of %s, %" PRId64 " samples, each %.3g times an epoch\n",
                k ? next : first, 100 * share, part->ds->path, samples, passes_of(ds, part));
    }
}

void nn_mixture_json(const nn_dataset *ds, nn_json *json) {
    if (ds->parts == 0)
        return;
    nn_json_open(json, "mixture", '[');
    for (size_t k = 0; k < ds->parts; k++) {
        nn_json_open(json, NULL, '{');
        nn_json_string(json, "path", ds->part[k].ds->path);
        if (ds->part[k].weight > 0)
            nn_json_real(json, "weight", ds->part[k].weight);
        nn_json_open(json, "samples", '{');
        for (size_t i = 0; i < ds->splits; i++)
            nn_json_int(json, ds->split[i].name, samples_of(&ds->part[k], ds->split[i].name));
        nn_json_close(json, '}');
        nn_json_real(json, "passes", passes_of(ds, &ds->part[k]));
        nn_json_close(json, '}');
    }
    nn_json_close(json, ']');
}
