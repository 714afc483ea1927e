/* Manual pages, from the tables that also parse and check. */
#ifndef NN_CLI_MANUAL_H
#define NN_CLI_MANUAL_H

/* Writes nnmpi.1 and a page for each verb, nnmpi-train.1, nnmpi-data-split.1 ..., into `folder`,
 * which is made. NN_EIO. Local. */
int nn_manual_write(const char *folder);

#endif
