/* Edge lists: files with the edges of a graph. */
#ifndef NN_DATA_EDGE_LIST_H
#define NN_DATA_EDGE_LIST_H

#include "base/options/node.h"

/* Replaces `edges`, the name of a file with a pair of nodes a line, by the list of pairs. NN_EIO,
 * NN_EUSAGE with the line. Local. */
int nn_edge_list_read(nn_node *edges);

#endif
