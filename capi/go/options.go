package lsm

import (
	"fmt"
	"strconv"
	"time"
)

// Option is one setting of [Open]: made by a function of this package, or by name,
//
//	lsm.Open(path, lsm.MemoryBudget(64*lsm.MiB), lsm.Option{Name: "block_size", Value: "16KiB"})
//
// An unknown name, or a value out of bounds, fails the Open with a message that lists what is
// known. [OptionTable] has all of them with their defaults and bounds.
type Option struct{ Name, Value string }

// Sizes, in bytes.
const (
	KiB int64 = 1 << 10
	MiB int64 = 1 << 20
	GiB int64 = 1 << 30
)

// CompactionStyle is a value of [Compaction].
type CompactionStyle string

// The styles of compaction.
const (
	Lazy    CompactionStyle = "lazy"    // tiered levels over a leveled last one; the default
	Leveled CompactionStyle = "leveled" // least space
	Tiered  CompactionStyle = "tiered"  // least writing
)

// CreateIfMissing makes the database, and its directory but not the parents, where there is none;
// true by default.
func CreateIfMissing(on bool) Option { return boolOption("create_if_missing", on) }

// ErrorIfExists refuses to open a database that is already there.
func ErrorIfExists(on bool) Option { return boolOption("error_if_exists", on) }

// ReadOnly opens beside other readers and changes no file; what is in the log is replayed in
// memory.
func ReadOnly(on bool) Option { return boolOption("read_only", on) }

// MmapReads reads tables through a memory map, true by default. With false a disk that fails is an
// error instead of a SIGBUS, which no Go program survives.
func MmapReads(on bool) Option { return boolOption("mmap_reads", on) }

// MemoryBudget is the cap, in bytes, over memtables, block cache, and indexes and filters that are
// not mapped; 256 MiB by default.
func MemoryBudget(bytes int64) Option { return intOption("memory_budget", bytes) }

// WriteBufferSize is the size, in bytes, at which a memtable is flushed to a table; by default a
// sixth of the memory budget, at most 64 MiB.
func WriteBufferSize(bytes int64) Option { return intOption("write_buffer_size", bytes) }

// BlockCacheSize is the cap, in bytes, of the cache of decompressed blocks; by default what the
// memory budget leaves.
func BlockCacheSize(bytes int64) Option { return intOption("block_cache_size", bytes) }

// BlockSize is the uncompressed size, in bytes, at which a data block is closed; 4 KiB by default.
func BlockSize(bytes int64) Option { return intOption("block_size", bytes) }

// TableSize is the size, in bytes, at which a compaction starts the next table; 64 MiB by default.
func TableSize(bytes int64) Option { return intOption("table_size", bytes) }

// Compression is "none", "zstd" or "zstd:LEVEL"; "zstd:1" by default.
func Compression(name string) Option { return Option{"compression", name} }

// FilterBitsPerKey is the average size of the Bloom filters; 10 by default, 0 builds none.
func FilterBitsPerKey(bits float64) Option {
	return Option{"filter_bits_per_key", strconv.FormatFloat(bits, 'f', -1, 64)}
}

// Compaction is how tables are merged.
func Compaction(style CompactionStyle) Option { return Option{"compaction_style", string(style)} }

// SizeRatio is how many times larger each level is than the one above it; 8 by default.
func SizeRatio(ratio int) Option { return intOption("size_ratio", int64(ratio)) }

// BackgroundThreads is how many threads compact, beside one that flushes; 2 by default.
func BackgroundThreads(count int) Option { return intOption("background_threads", int64(count)) }

// WALSyncInterval is how often the log is synced without being asked, in whole microseconds; by
// default, 0, that is left to the system.
func WALSyncInterval(interval time.Duration) Option {
	return Option{"wal_sync_interval", fmt.Sprintf("%dus", interval.Microseconds())}
}

// MaxOpenTables is how many table files are kept open at most; 4096 by default.
func MaxOpenTables(count int) Option { return intOption("max_open_tables", int64(count)) }

func boolOption(name string, on bool) Option { return Option{name, strconv.FormatBool(on)} }

func intOption(name string, value int64) Option {
	return Option{name, strconv.FormatInt(value, 10)}
}

// OptionInfo is a row of the library's table of options.
type OptionInfo struct {
	Name    string
	Type    string // "bool", "size", "duration", "number" or "choice"
	Unit    string // of a number without a suffix, or ""
	Default string
	Minimum string // "" where there is no order
	Maximum string
	Summary string // one sentence
}

// OptionTable lists every option that the library knows.
func OptionTable() []OptionInfo { return cOptionTable() }
