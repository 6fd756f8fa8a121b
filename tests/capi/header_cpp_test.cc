// lsm.h stands on its own as C++, warning-free, with C linkage and the same promise.

#include "capi/lsm.h"
// Twice, on purpose: the guard holds.
#include <cstring>

#include "capi/lsm.h"
#include "tests/capi/header_contract.h"

int main() { return std::strcmp(kContract.status_name(LSM_OK), "LSM_OK") == 0 ? 0 : 1; }
