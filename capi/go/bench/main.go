// Command bench measures what the work of an application costs through one engine, in ns per row.
//
//	bench --engine lsm|pebble --dir DIR --rows N --works put,batch_put,get_hit,…
//
// prints a line of JSON for each work. The data and the works are those of the programs in the
// other languages, so that the lines can stand side by side.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// engine is a database as the works use it: each through its own natural calls.
type engine interface {
	put(key, value []byte) error
	// batchPut writes count rows as one batch.
	batchPut(count int, row func(i int) (key, value []byte)) error
	// settle flushes and compacts until nothing is left to do.
	settle() error
	// get answers the first byte of the value, or false where the key is not there.
	get(key []byte) (first byte, found bool, err error)
	// scan visits up to limit rows from a key on, nil the first, and sums up the first bytes of
	// keys and values.
	scan(from []byte, limit int) (rows int, sum uint64, err error)
	close() error
}

var engines = map[string]func(dir string) (engine, error){
	"lsm":      func(dir string) (engine, error) { return openLSM(dir, false) },
	"lsm_into": func(dir string) (engine, error) { return openLSM(dir, true) },
	"pebble":   openPebble,
}

const (
	repeats   = 5
	gets      = 200_000
	scans     = 2_000
	batchRows = 100
	valueSize = 100
)

func splitmix64(i uint64) uint64 {
	z := i*0x9E3779B97F4A7C15 + 0x9E3779B97F4A7C15
	z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9
	z = (z ^ (z >> 27)) * 0x94D049BB133111EB
	return z ^ (z >> 31)
}

// setKey makes key i: 16 hexadecimal digits.
func setKey(key *[16]byte, i uint64) {
	const digits = "0123456789abcdef"
	z := splitmix64(i)
	for j := len(key) - 1; j >= 0; j-- {
		key[j] = digits[z&15]
		z >>= 4
	}
}

// setValue makes the value of a key: the key, over and over.
func setValue(value, key []byte) {
	for n := 0; n < len(value); n += len(key) {
		copy(value[n:], key)
	}
}

type bench struct {
	engine engine
	rows   int
	sink   uint64
	key    [16]byte
	value  [valueSize]byte
}

func (b *bench) row(i int) (key, value []byte) {
	setKey(&b.key, uint64(i))
	setValue(b.value[:], b.key[:])
	return b.key[:], b.value[:]
}

func (b *bench) put() (rows int, err error) {
	for i := 0; i < b.rows; i++ {
		if err := b.engine.put(b.row(i)); err != nil {
			return 0, err
		}
	}
	return b.rows, nil
}

func (b *bench) batchPut() (rows int, err error) {
	for i := 0; i < b.rows; i += batchRows {
		count := min(batchRows, b.rows-i)
		err := b.engine.batchPut(count, func(j int) (key, value []byte) { return b.row(i + j) })
		if err != nil {
			return 0, err
		}
	}
	return b.rows, nil
}

func (b *bench) get(at func(j uint64) uint64, want bool) (rows int, err error) {
	for j := uint64(0); j < gets; j++ {
		setKey(&b.key, at(j))
		first, found, err := b.engine.get(b.key[:])
		if err != nil {
			return 0, err
		}
		if found != want {
			return 0, fmt.Errorf("key %d: found is %v", at(j), found)
		}
		b.sink += uint64(first)
	}
	return gets, nil
}

func (b *bench) getHit() (rows int, err error) {
	return b.get(func(j uint64) uint64 { return splitmix64(j+1<<40) % uint64(b.rows) }, true)
}

func (b *bench) getMiss() (rows int, err error) {
	return b.get(func(j uint64) uint64 { return uint64(b.rows) + j }, false)
}

func (b *bench) scanShort() (rows int, err error) {
	for j := uint64(0); j < scans; j++ {
		setKey(&b.key, splitmix64(j+1<<41)%uint64(b.rows))
		got, sum, err := b.engine.scan(b.key[:], 100)
		if err != nil {
			return 0, err
		}
		rows += got
		b.sink += sum
	}
	return rows, nil
}

func (b *bench) scanAll() (rows int, err error) {
	rows, sum, err := b.engine.scan(nil, b.rows+1)
	if err == nil && rows != b.rows {
		err = fmt.Errorf("%d of %d rows are there", rows, b.rows)
	}
	b.sink += sum
	return rows, err
}

// measure prints the median of some runs of a work.
func measure(engine, name string, times int, work func() (int, error)) error {
	var all []float64
	rows := 0
	for range times {
		start := time.Now()
		n, err := work()
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		all = append(all, float64(time.Since(start).Nanoseconds())/float64(max(n, 1)))
		rows = n
	}
	slices.Sort(all)
	return json.NewEncoder(os.Stdout).Encode(map[string]any{
		"language": "go", "engine": engine, "work": name, "rows": rows,
		"ns_per_row": all[len(all)/2],
	})
}

func run(name, dir string, rows int, works []string) error {
	open, ok := engines[name]
	if !ok {
		return fmt.Errorf("no engine %q; there are lsm, lsm_into and pebble", name)
	}
	path := filepath.Join(dir, "go-"+name)
	if err := os.RemoveAll(path); err != nil {
		return err
	}
	defer os.RemoveAll(path)
	e, err := open(path)
	if err != nil {
		return err
	}
	b := &bench{engine: e, rows: rows}
	table := []struct {
		name  string
		times int
		work  func() (int, error)
	}{
		{"put", 1, b.put}, {"batch_put", 1, b.batchPut}, {"", 0, nil},
		{"get_hit", repeats, b.getHit}, {"get_miss", repeats, b.getMiss},
		{"scan_100", repeats, b.scanShort}, {"scan_all", repeats, b.scanAll},
	}
	for _, w := range table {
		switch {
		case w.work == nil:
			err = e.settle()
		case slices.Contains(works, w.name):
			err = measure(name, w.name, w.times, w.work)
		case w.name == "put" && !slices.Contains(works, "batch_put"):
			_, err = w.work() // The other works need the rows.
		}
		if err != nil {
			return err
		}
	}
	return e.close()
}

func main() {
	engine := flag.String("engine", "lsm", "lsm, lsm_into (GetInto instead of Get) or pebble")
	dir := flag.String("dir", os.TempDir(), "where the database is made")
	rows := flag.Int("rows", 1_000_000, "how many rows")
	works := flag.String("works", "put,batch_put,get_hit,get_miss,scan_100,scan_all", "which works")
	flag.Parse()
	if *rows < 1 {
		fmt.Fprintln(os.Stderr, "bench: --rows is at least 1")
		os.Exit(2)
	}
	if err := run(*engine, *dir, *rows, strings.Split(*works, ",")); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}
