package lsm

// The calls into C that are too rare to be made quick.

// #include <lsm/lsm.h>
// #include <stdlib.h>
import "C"

import (
	"syscall"
	"unsafe"
)

// ---- Errors

// takeError makes an error of C's its own, and frees it.
func takeError(e *C.lsm_error) error {
	if e == nil {
		return nil
	}
	return newError(e)
}

func newError(e *C.lsm_error) error {
	err := &Error{
		Code:      Code(C.lsm_error_code(e)),
		Message:   C.GoString(C.lsm_error_message(e)),
		Offset:    -1,
		Errno:     syscall.Errno(C.lsm_error_errno(e)),
		Retryable: C.lsm_error_retryable(e) != 0,
	}
	if file := C.lsm_error_file(e); file != nil {
		err.File = C.GoString(file)
	}
	if offset := C.lsm_error_offset(e); offset != C.UINT64_MAX {
		err.Offset = int64(offset)
	}
	C.lsm_error_free(e)
	return typed(err)
}

func statusName(code Code) string {
	return C.GoString(C.lsm_status_name(C.lsm_status(code)))
}

func cVersion() string { return C.GoString(C.lsm_version()) }

// ---- Open and close

func cOptionTable() []OptionInfo {
	table := make([]OptionInfo, C.lsm_option_count())
	for i := range table {
		row := C.lsm_option_info(C.size_t(i))
		if row == nil {
			return nil
		}
		table[i] = OptionInfo{
			Name:    C.GoString(row.name),
			Type:    C.GoString(row._type),
			Unit:    C.GoString(row.unit),
			Default: C.GoString(row.default_value),
			Minimum: C.GoString(row.minimum),
			Maximum: C.GoString(row.maximum),
			Summary: C.GoString(row.summary),
		}
	}
	return table
}

func cOpen(path string, options []Option) (dbHandle, error) {
	set := C.lsm_options_create()
	if set == nil {
		return 0, outOfMemory()
	}
	defer C.lsm_options_destroy(set)
	for _, option := range options {
		if err := cSetOption(set, option); err != nil {
			return 0, err
		}
	}
	name := C.CString(path)
	defer C.free(unsafe.Pointer(name))
	var db *C.lsm_db
	var e *C.lsm_error
	C.lsm_open(name, set, &db, &e)
	return dbHandle(uintptr(unsafe.Pointer(db))), takeError(e)
}

func cSetOption(set *C.lsm_options, option Option) error {
	name, value := C.CString(option.Name), C.CString(option.Value)
	defer C.free(unsafe.Pointer(name))
	defer C.free(unsafe.Pointer(value))
	var e *C.lsm_error
	C.lsm_options_set(set, name, value, &e)
	return takeError(e)
}

func (h dbHandle) property(name string) (string, error) {
	n := C.CString(name)
	defer C.free(unsafe.Pointer(n))
	var text *C.char
	var e *C.lsm_error
	C.lsm_property(h.pointer(), n, &text, &e)
	defer C.lsm_string_free(text)
	return C.GoString(text), takeError(e)
}

func cDestroy(path string) error {
	p := C.CString(path)
	defer C.free(unsafe.Pointer(p))
	var e *C.lsm_error
	C.lsm_destroy(p, &e)
	return takeError(e)
}
