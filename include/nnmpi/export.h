/* Symbol visibility and linkage: everything is hidden but what is marked NN_API, which C++ calls as
 * C. */
#ifndef NNMPI_EXPORT_H
#define NNMPI_EXPORT_H

#ifdef __cplusplus
#define NN_LINKAGE extern "C"
#else
#define NN_LINKAGE
#endif

#if defined(__GNUC__)
#define NN_API NN_LINKAGE __attribute__((visibility("default")))
#else
#define NN_API NN_LINKAGE
#endif

#endif
