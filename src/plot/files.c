#include "io/files/file.h"
#include "plot/writers.h"

#include <stdio.h>
#include <stdlib.h>

static const struct {
    const char *end;
    nn_figure_writer *write;
    bool tables; /* it can show what is words */
} formats[] = {
    [NN_PLOT_SVG] = {"svg", nn_figure_svg, false}, [NN_PLOT_CSV] = {"csv", nn_figure_csv, true}};

static int write_figure(const nn_figure *figure, nn_figure_writer *write, const char *path) {
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    if (!out)
        return nn_fail(NN_EMEMORY, "no memory for '%s'", path);
    write(out, figure);
    int rc = fclose(out) == 0 ? nn_file_write(path, text, length)
                              : nn_fail(NN_EMEMORY, "no memory for '%s'", path);
    free(text);
    return rc;
}

int nn_plot_files(const nn_plot *plot, nn_plot_format format, const char *stem,
                  nn_plot_written_fn *written, void *ctx) {
    for (size_t i = 0; i < plot->figures; i++) {
        const nn_figure *figure = &plot->figure[i];
        if (figure->kind == NN_FIGURE_TABLE && !formats[format].tables)
            continue;
        const char *path =
            nn_pool_printf(plot->pool, "%s-%s.%s", stem, figure->id, formats[format].end);
        if (!path)
            return NN_EMEMORY;
        NN_TRY(write_figure(figure, formats[format].write, path));
        NN_TRY(written(ctx, path));
    }
    return 0;
}
