#include "plot/svg/svg.h"

#include "base/text.h"
#include "plot/palette.h"

#include <string.h>

/* XML has no control characters but these, no U+FFFE and U+FFFF, and nothing that is no UTF-8. */
static bool is_xml(const char *text, size_t bytes) {
    if (bytes == 1)
        return (unsigned char)*text >= ' ' || strchr("\t\n\r", *text);
    return bytes > 0 && strncmp(text, "\xef\xbf\xbe", 3) != 0 &&
           strncmp(text, "\xef\xbf\xbf", 3) != 0;
}

void svg_text(FILE *out, const char *text) {
    while (text && *text) {
        size_t bytes = nn_text_utf8(text);
        if (!is_xml(text, bytes))
            fputs("\xef\xbf\xbd", out); /* U+FFFD */
        else if (strchr("<&>\"", *text))
            fprintf(out, "&#%d;", *text);
        else
            fwrite(text, 1, bytes, out);
        text += bytes ? bytes : 1;
    }
}

void svg_label(FILE *out, double x, double y, const char *anchor, const char *class,
               const char *text) {
    fprintf(out, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\" class=\"%s\">", x, y, anchor,
            class);
    svg_text(out, text);
    fputs("</text>\n", out);
}

/* As page.css has it within the page. */
static void put_style(FILE *out) {
    fputs("<style>text { font-size: 13px; fill: #1b2330 } .title { font-size: 17px; "
          "font-weight: 600 } .soft { fill: #5b6675 } .inside { font-size: 11px } "
          ".paper { fill: #ffffff } .grid { stroke: #e3e7ed } .axis { stroke: #9aa6b5 } "
          ".halo { stroke: #ffffff } .card { fill: #f6f7f9; stroke: #9aa6b5 }",
          out);
    for (int i = 0; i < NN_COLORS; i++)
        fprintf(out, " .s%d { stroke: %s } .f%d { fill: %s }", i, nn_palette_light[i], i,
                nn_palette_light[i]);
    fputs("</style>\n", out);
}

void svg_begin(const svg_sheet *sheet) {
    FILE *out = sheet->out;
    int top = sheet->within ? TOP - 20 : 0; /* the page has the title */
    if (sheet->within)
        fprintf(out,
                "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" "
                "viewBox=\"0 %d %d %d\" role=\"img\">\n<title>",
                sheet->width, sheet->height - top, top, sheet->width, sheet->height - top);
    else
        fprintf(out,
                "<svg xmlns=\"http://www.w3.org/2000/svg\" "
                "xmlns:xlink=\"http://www.w3.org/1999/xlink\" width=\"%d\" height=\"%d\" "
                "viewBox=\"0 0 %d %d\" role=\"img\" font-family=\"system-ui, 'DejaVu Sans', "
                "sans-serif\">\n<title>",
                sheet->width, sheet->height, sheet->width, sheet->height);
    svg_text(out, sheet->figure->title);
    fputs("</title>\n", out);
    if (sheet->within)
        return;
    put_style(out);
    fputs("<rect width=\"100%\" height=\"100%\" class=\"paper\"/>\n", out);
    svg_label(out, sheet->width == WIDTH ? LEFT : 16, 26, "start", "title", sheet->figure->title);
}

void svg_end(const svg_sheet *sheet) {
    fputs("</svg>\n", sheet->out);
}

void svg_short_label(FILE *out, double x, double y, const char *anchor, const char *class,
                     const char *text, size_t most) {
    char line[256];
    size_t length = 0, characters = 0;
    for (; text[length] && characters < most && length + 8 < sizeof line; characters++) {
        size_t bytes = nn_text_utf8(text + length);
        length += bytes ? bytes : 1;
    }
    memcpy(line, text, length);
    snprintf(line + length, sizeof line - length, "%s", text[length] ? "\xe2\x80\xa6" : "");
    svg_label(out, x, y, anchor, class, line);
}

static void put_key(FILE *out, double x, double y, const nn_series *s) {
    if (s->style == NN_LINE_POINTS)
        fprintf(out, "<circle cx=\"%.1f\" cy=\"%.1f\" r=\"4\" class=\"f%zu\"/>\n", x + 11, y - 4,
                s->color % NN_COLORS);
    else
        fprintf(out, "<path d=\"M%.1f %.1fh22\" class=\"s%zu\" stroke-width=\"3\"%s/>\n", x, y - 4,
                s->color % NN_COLORS,
                s->style == NN_LINE_DASHED ? " stroke-dasharray=\"7 4\"" : "");
    svg_label(out, x + 28, y, "start", "soft", s->name);
}

int svg_legend_height(const nn_figure *figure, int across) {
    return figure->series > 1
               ? (int)((figure->series + (size_t)across - 1) / (size_t)across) * SVG_LEGEND_ROW
               : 0;
}

void svg_legend(FILE *out, const nn_figure *f, int left, int y, int across, int width) {
    for (size_t i = 0; f->series > 1 && i < f->series; i++)
        put_key(out, left + (double)(i % (size_t)across) * width / across,
                y + (int)(i / (size_t)across) * SVG_LEGEND_ROW, &f->serie[i]);
}

void nn_figure_svg(FILE *out, const nn_figure *figure) {
    switch (figure->kind) {
    case NN_FIGURE_LINES:
        svg_lines(out, figure);
        break;
    case NN_FIGURE_BARS:
        svg_bars(out, figure);
        break;
    case NN_FIGURE_IMAGES:
        svg_images(out, figure);
        break;
    case NN_FIGURE_HEAT:
        svg_heat(out, figure);
        break;
    case NN_FIGURE_PLANE:
        svg_plane(out, figure, false);
        break;
    case NN_FIGURE_GRAPH:
        svg_graph(out, figure, false);
        break;
    case NN_FIGURE_TABLE:
        break;
    }
}

void nn_figure_svg_within(FILE *out, const nn_figure *figure) {
    if (figure->kind == NN_FIGURE_PLANE)
        svg_plane(out, figure, true);
    else
        svg_graph(out, figure, true);
}
