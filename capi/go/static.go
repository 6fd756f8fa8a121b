//go:build lsm_static

package lsm

// With -tags lsm_static the program holds the library: what comes first is taken first, and then
// nothing is left for the shared one to give.

// #cgo LDFLAGS: -l:liblsm.a -lstdc++ -lm -lpthread -Wl,--as-needed
import "C"
