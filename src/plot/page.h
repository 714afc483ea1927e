/* The page that CMake makes of src/plot/page: what stands before the data, and behind. */
#ifndef NN_PLOT_PAGE_H
#define NN_PLOT_PAGE_H

extern const char nn_page_head[], nn_page_tail[];

#endif
