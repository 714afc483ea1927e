/* Symbol visibility: everything is hidden but what is marked NN_API. */
#ifndef NNMPI_EXPORT_H
#define NNMPI_EXPORT_H

#if defined(__GNUC__)
#define NN_API __attribute__((visibility("default")))
#else
#define NN_API
#endif

#endif
