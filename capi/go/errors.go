package lsm

import (
	"fmt"
	"strings"
	"syscall"
)

// Code says what kind of failure an error is. Codes are errors themselves, to be looked for with
// [errors.Is]:
//
//	if errors.Is(err, lsm.ErrNotFound) { … }
//
// The numbers are those of lsm.h. A later library may answer one that is not listed here.
type Code int32

// What can go wrong.
const (
	ErrNotFound        Code = 1  // the key is not there
	ErrInvalidArgument Code = 10 // the call was wrong; the message says what is accepted
	ErrCorruption      Code = 11 // the files are damaged; see [CorruptionError]
	ErrIO              Code = 12 // the system refused; errors.Is also sees its errno
	ErrNoSpace         Code = 13 // the disk or the quota is full; works again when there is room
	ErrLocked          Code = 14 // the database is open elsewhere
	ErrReadOnly        Code = 15 // a write on a database that was opened, or became, read-only
	ErrClosed          Code = 16 // the database, snapshot or iterator has been closed
	ErrBusy            Code = 17 // not now: a write or upkeep from inside a progress function
	ErrAborted         Code = 18 // cancelled by its context
	ErrConflict        Code = 19 // reserved for transactions
	ErrOutOfMemory     Code = 20 // memory ran out; nothing was changed
	ErrTooLarge        Code = 21 // a key over 64 KiB - 1, a value over 1 GiB - 1, or a batch
	ErrUnsupported     Code = 22 // written by a newer version of the format
	ErrExists          Code = 23 // [ErrorIfExists], and a database is there
	ErrInternal        Code = 99 // a bug in the library; please report the message
)

var codeTexts = map[Code]string{
	ErrNotFound:        "not found",
	ErrInvalidArgument: "invalid argument",
	ErrCorruption:      "corruption",
	ErrIO:              "input/output error",
	ErrNoSpace:         "no space",
	ErrLocked:          "locked",
	ErrReadOnly:        "read-only",
	ErrClosed:          "closed",
	ErrBusy:            "busy",
	ErrAborted:         "aborted",
	ErrConflict:        "conflict",
	ErrOutOfMemory:     "out of memory",
	ErrTooLarge:        "too large",
	ErrUnsupported:     "unsupported",
	ErrExists:          "exists already",
	ErrInternal:        "internal error",
}

// Error says what the code stands for, in a few words.
func (c Code) Error() string {
	if text, ok := codeTexts[c]; ok {
		return "lsm: " + text
	}
	return fmt.Sprintf("lsm: failure %d (%s)", int32(c), statusName(c))
}

// Error is every failure but a key that is not there. [errors.Is] finds its Code, its Errno (and so
// [io/fs.ErrNotExist] and its kin) and, of a cancelled call, the error of the context.
type Error struct {
	Code      Code
	Message   string        // what happened, what was expected and what to do, in one line
	File      string        // the file at fault, or ""
	Offset    int64         // where in it, in bytes, or -1
	Errno     syscall.Errno // of the system call that failed, or 0
	Retryable bool          // the same call may succeed later with nothing changed

	causes []error
}

func (e *Error) Error() string {
	if e.Message == "" {
		return e.Code.Error()
	}
	return "lsm: " + e.Message
}

// Unwrap gives what [errors.Is] and [errors.As] look at.
func (e *Error) Unwrap() []error {
	all := append([]error{e.Code}, e.causes...)
	if e.Errno != 0 {
		all = append(all, e.Errno)
	}
	return all
}

// CorruptionError is an [Error] whose files are damaged, for [errors.As]:
//
//	var damage *lsm.CorruptionError
//	if errors.As(err, &damage) {
//		log.Printf("restore %s: byte %d is damaged", damage.File, damage.Offset)
//	}
type CorruptionError struct {
	File   string // the damaged file, or "" where none is known
	Offset int64  // where in it, in bytes, or -1
	err    *Error
}

func (e *CorruptionError) Error() string { return e.err.Error() }

// Unwrap gives the *Error.
func (e *CorruptionError) Unwrap() error { return e.err }

func typed(err *Error) error {
	if err.Code == ErrCorruption {
		return &CorruptionError{File: err.File, Offset: err.Offset, err: err}
	}
	return err
}

func fail(code Code, message string) error {
	return &Error{Code: code, Message: message, Offset: -1}
}

func outOfMemory() error {
	return &Error{Code: ErrOutOfMemory, Message: "memory ran out", Offset: -1, Retryable: true}
}

// checkText refuses what C would take for the end of a text.
func checkText(what, text string) error {
	if strings.IndexByte(text, 0) < 0 {
		return nil
	}
	return fail(ErrInvalidArgument, fmt.Sprintf("the %s %q has a NUL byte in it", what, text))
}
