// lsm.h stands on its own as strict C11, warning-free, and keeps its promise. Compiled with the
// strictest warnings as errors; most of what it checks is checked by the compiler.

#include "capi/lsm.h"
// Twice, on purpose: the guard holds.
#include <string.h>

#include "capi/lsm.h"
#include "tests/capi/header_contract.h"

int main(void) { return strcmp(kContract.status_name(LSM_OK), "LSM_OK") == 0 ? 0 : 1; }
