/* Signals that ask a run to stop. */
#ifndef NN_CLI_SIGNALS_H
#define NN_CLI_SIGNALS_H

#include <signal.h>

/* From now on SIGTERM, SIGINT, SIGHUP, SIGUSR1 and SIGUSR2 only set the returned flag (to their
 * number); a second SIGINT kills. Signals that were ignored (nohup) stay
 * ignored. SIGPIPE is ignored too: a reader of progress that goes away must not end a run. */
const volatile sig_atomic_t *nn_signals_catch(void);

#endif
