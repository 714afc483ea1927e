#include "plot/palette.h"

const char *const nn_palette_light[NN_COLORS] = {"#1f6feb", "#d1570a", "#0b8a63", "#b5408f",
                                                 "#8a6d00", "#2f9bd1", "#6b4fd8", "#5b6675"};
const char *const nn_palette_dark[NN_COLORS] = {"#6cb0ff", "#ff9d57", "#3ecf9f", "#f08bd0",
                                                "#e8c547", "#7fd3ff", "#b39dff", "#a9b4c2"};
