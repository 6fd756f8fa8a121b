module lsm

// 1.24: #cgo noescape and nocallback, which halve what a call costs, and runtime.AddCleanup.
go 1.24
