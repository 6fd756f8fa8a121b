package lsm

import (
	"bytes"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"
)

func collect(t testing.TB, rows iter.Seq2[Row, error]) (got []string) {
	t.Helper()
	for row, err := range rows {
		check(t, err)
		got = append(got, string(row.Key)+"="+string(row.Value))
	}
	return got
}

func checkRows(t testing.TB, rows iter.Seq2[Row, error], want ...string) {
	t.Helper()
	if got := collect(t, rows); !slices.Equal(got, want) {
		t.Fatalf("the rows are %q, not %q", got, want)
	}
}

func putAll(t testing.TB, db *DB, rows ...string) {
	t.Helper()
	for _, row := range rows {
		key, value, _ := strings.Cut(row, "=")
		check(t, db.Put([]byte(key), []byte(value)))
	}
}

func TestScanBoundsAndDirections(t *testing.T) {
	db := openTemp(t)
	putAll(t, db, "=0", "a=1", "b=2", "c=3")
	b, c := []byte("b"), []byte("c")
	snapshot, err := db.Snapshot()
	check(t, err)
	defer snapshot.Close()
	putAll(t, db, "bb=later")
	for _, r := range []Reader{snapshot, db} {
		later := []string{}
		if r == Reader(db) {
			later = []string{"bb=later"}
		}
		checkRows(t, r.Scan(nil, nil),
			slices.Concat([]string{"=0", "a=1", "b=2"}, later, []string{"c=3"})...)
		checkRows(t, r.ScanReverse(nil, nil),
			slices.Concat([]string{"c=3"}, later, []string{"b=2", "a=1", "=0"})...)
		checkRows(t, r.Scan(nil, b), "=0", "a=1")
		checkRows(t, r.Scan(c, nil), "c=3")
		checkRows(t, r.ScanReverse(nil, b), "a=1", "=0")
		checkRows(t, r.Scan(b, b))
		checkRows(t, r.Scan(nil, []byte{}))
		checkRows(t, r.ScanReverse([]byte{}, []byte("a")), "=0")
	}
	checkRows(t, db.Prefix(b), "b=2", "bb=later")
	checkRows(t, db.PrefixReverse(b), "bb=later", "b=2")
	checkRows(t, snapshot.Prefix(b), "b=2")
	checkRows(t, snapshot.PrefixReverse([]byte("c")), "c=3")
	checkRows(t, snapshot.Prefix(nil), "=0", "a=1", "b=2", "c=3")
}

func TestPrefixRange(t *testing.T) {
	for _, c := range []struct{ prefix, hi string }{
		{"", ""}, {"a", "b"}, {"a\xff", "b"}, {"\xff\xff", ""}, {"a\xff\xffb", "a\xff\xffc"},
	} {
		lo, hi := PrefixRange([]byte(c.prefix))
		if string(lo) != c.prefix || string(hi) != c.hi || (hi == nil) != (c.hi == "") {
			t.Errorf("the range of %q is [%q, %q)", c.prefix, lo, hi)
		}
	}
	db := openTemp(t)
	putAll(t, db, "a=1", "\xff=2", "\xff\xffz=3")
	checkRows(t, db.Prefix([]byte("\xff\xff")), "\xff\xffz=3")
	checkRows(t, db.Prefix([]byte("\xff")), "\xff=2", "\xff\xffz=3")
}

// Rows of every size cross every bound of the chunks, and a loop may end anywhere.
func TestScanOfManySizes(t *testing.T) {
	db := openTemp(t)
	want := []string{}
	for i := range 3000 {
		size := i % 50
		switch {
		case i%700 == 0:
			size = 100_000 // more than a chunk
		case i == 1234:
			size = 3 << 20
		}
		row := fmt.Sprintf("%05d=%s", i, strings.Repeat("x", size))
		putAll(t, db, row)
		want = append(want, row)
	}
	checkRows(t, db.Scan(nil, nil), want...)
	check(t, db.Flush())
	checkRows(t, db.Scan(nil, nil), want...)
	slices.Reverse(want)
	checkRows(t, db.ScanReverse(nil, nil), want...)
	before := children.Load()
	for _, limit := range []int{1, 15, 16, 17, 100, 2999, 3000} {
		rows := 0
		for _, err := range db.Scan(nil, nil) {
			check(t, err)
			if rows++; rows == limit {
				break
			}
		}
		if rows != limit {
			t.Errorf("%d rows of %d", rows, limit)
		}
	}
	func() {
		defer func() { recover() }()
		for range db.Scan(nil, nil) {
			panic("out of the loop")
		}
	}()
	next, stop := iter.Pull2(db.Scan(nil, nil))
	if row, _, ok := next(); !ok || string(row.Key) != "00000" {
		t.Error("iter.Pull2 gives no first row")
	}
	stop()
	if children.Load() != before {
		t.Error("a cursor is left")
	}
}

func checkAt(t testing.TB, it *Iterator, ok bool, want string) {
	t.Helper()
	if !ok || !it.Valid() || string(it.Key()) != want || it.Err() != nil {
		t.Fatalf("on %q (%v, %v), not on %q", it.Key(), ok, it.Err(), want)
	}
}

func checkOff(t testing.TB, it *Iterator, ok bool) {
	t.Helper()
	if ok || it.Valid() || it.Key() != nil || it.Value() != nil || it.Err() != nil {
		t.Fatalf("on %q (%v, %v), not at the end", it.Key(), ok, it.Err())
	}
}

func TestIterator(t *testing.T) {
	db := openTemp(t)
	for i := range 100 {
		putAll(t, db, fmt.Sprintf("%02d=v", i))
	}
	it, err := db.NewIterator([]byte("10"), []byte("90"))
	check(t, err)
	defer it.Close()
	check(t, db.DeleteRange(nil, nil)) // which it does not see
	checkAt(t, it, it.Next(), "10")
	checkOff(t, it, it.Prev())
	checkOff(t, it, it.Next()) // stays there
	checkAt(t, it, it.Last(), "89")
	checkOff(t, it, it.Next())
	checkOff(t, it, it.Prev())
	checkAt(t, it, it.First(), "10")
	checkAt(t, it, it.Seek([]byte("455")), "46")
	checkAt(t, it, it.Prev(), "45")
	checkAt(t, it, it.Prev(), "44")
	checkAt(t, it, it.Next(), "45")
	checkAt(t, it, it.SeekForPrev([]byte("455")), "45")
	checkAt(t, it, it.Next(), "46")
	checkAt(t, it, it.Seek(nil), "10")
	checkOff(t, it, it.Seek([]byte("90")))
	checkOff(t, it, it.SeekForPrev([]byte("0")))
	checkAt(t, it, it.SeekForPrev([]byte("zz")), "89")
	for i := 88; i >= 10; i-- {
		checkAt(t, it, it.Prev(), fmt.Sprint(i))
	}
	checkOff(t, it, it.Prev())

	again, err := db.NewIterator(nil, nil)
	check(t, err)
	checkOff(t, again, again.Prev()) // an empty database
	check(t, again.Close())
	if again.Seek(nil) || again.Err() != ErrClosed || again.Close() != error(ErrClosed) {
		t.Error("a closed iterator moves")
	}
}

// A machine does what the bytes of a program say to a database and to a sorted map, and compares.
type machine struct {
	t         testing.TB
	db        *DB
	model     map[string]string
	snapshots []*Snapshot
	frozen    []map[string]string // what each snapshot sees
	program   []byte
}

func (m *machine) byte() byte {
	if len(m.program) == 0 {
		return 0
	}
	b := m.program[0]
	m.program = m.program[1:]
	return b
}

// key is short, so that keys meet.
func (m *machine) key() []byte {
	b := m.byte()
	return bytes.Repeat([]byte{'a' + b%5}, int(b>>4)%4)
}

func (m *machine) bound() []byte {
	if m.byte()%4 == 0 {
		return nil
	}
	return append([]byte{}, m.key()...)
}

func inRange(key string, lo, hi []byte) bool {
	return key >= string(lo) && (hi == nil || key < string(hi))
}

func (m *machine) deleteRange(lo, hi []byte) {
	for key := range m.model {
		if inRange(key, lo, hi) {
			delete(m.model, key)
		}
	}
}

func isBackwards(lo, hi []byte) bool { return hi != nil && bytes.Compare(lo, hi) > 0 }

func clone(model map[string]string) map[string]string {
	same := map[string]string{}
	for key, value := range model {
		same[key] = value
	}
	return same
}

func (m *machine) step() {
	switch op := m.byte() % 16; op {
	case 0, 1, 2, 3, 4:
		key, value := m.key(), bytes.Repeat([]byte{m.byte()}, int(m.byte())*int(op))
		check(m.t, m.db.Put(key, value))
		m.model[string(key)] = string(value)
	case 5, 6:
		key := m.key()
		check(m.t, m.db.Delete(key))
		delete(m.model, string(key))
	case 7:
		lo, hi := m.bound(), m.bound()
		if err := m.db.DeleteRange(lo, hi); (err != nil) != isBackwards(lo, hi) {
			m.t.Fatalf("DeleteRange(%q, %q): %v", lo, hi, err)
		} else if err == nil {
			m.deleteRange(lo, hi)
		}
	case 8, 9:
		m.batch()
	case 10:
		s, err := m.db.Snapshot()
		check(m.t, err)
		m.snapshots, m.frozen = append(m.snapshots, s), append(m.frozen, clone(m.model))
	case 11:
		if len(m.snapshots) != 0 {
			check(m.t, m.snapshots[0].Close())
			m.snapshots, m.frozen = m.snapshots[1:], m.frozen[1:]
		}
	case 12:
		check(m.t, m.db.Flush())
	case 13:
		m.walk(m.db, m.model)
	case 14:
		m.compare(m.db, m.model)
	case 15:
		for i, s := range m.snapshots {
			m.compare(s, m.frozen[i])
			m.walk(s, m.frozen[i])
		}
	}
}

func (m *machine) batch() {
	var batch Batch
	after := clone(m.model)
	m.model, after = after, m.model
	for range m.byte() % 8 {
		key := m.key()
		switch m.byte() % 4 {
		case 0:
			batch.Delete(key)
			delete(m.model, string(key))
		case 1:
			if end := m.bound(); !isBackwards(key, end) {
				batch.DeleteRange(key, end)
				m.deleteRange(key, end)
			}
		default:
			value := []byte{m.byte()}
			batch.Put(key, value)
			m.model[string(key)] = string(value)
		}
	}
	check(m.t, m.db.Write(&batch))
}

func sorted(model map[string]string, lo, hi []byte) (rows []string) {
	for key, value := range model {
		if inRange(key, lo, hi) {
			rows = append(rows, key+"="+value)
		}
	}
	slices.Sort(rows)
	return rows
}

func (m *machine) compare(r Reader, model map[string]string) {
	m.t.Helper()
	lo, hi := m.bound(), m.bound()
	if !isBackwards(lo, hi) {
		want := sorted(model, lo, hi)
		checkRows(m.t, r.Scan(lo, hi), want...)
		slices.Reverse(want)
		checkRows(m.t, r.ScanReverse(lo, hi), want...)
	}
	prefix := m.key()
	rows := []string{}
	for _, row := range sorted(model, nil, nil) {
		if strings.HasPrefix(row, string(prefix)) {
			rows = append(rows, row)
		}
	}
	checkRows(m.t, r.Prefix(prefix), rows...)
	key := m.key()
	if value, ok := model[string(key)]; ok {
		checkGet(m.t, r, string(key), value)
	} else {
		checkMissing(m.t, r, string(key))
	}
	has, err := r.Has(key)
	if _, ok := model[string(key)]; err != nil || has != ok {
		m.t.Fatalf("Has(%q) is %v, %v", key, has, err)
	}
}

// walk moves an iterator about; `at` is where it should stand among the sorted keys, -1 off a row.
func (m *machine) walk(r Reader, model map[string]string) {
	m.t.Helper()
	lo, hi := m.bound(), m.bound()
	if isBackwards(lo, hi) {
		return
	}
	keys := []string{}
	for key := range model {
		if inRange(key, lo, hi) {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	it, err := r.NewIterator(lo, hi)
	check(m.t, err)
	defer it.Close()
	at, placed := -1, false
	for range m.byte() % 32 {
		var ok bool
		key := m.key()
		found, exact := slices.BinarySearch(keys, string(key))
		switch op := m.byte() % 10; {
		case op == 0:
			ok, at = it.First(), 0
		case op == 1:
			ok, at = it.Last(), len(keys)-1
		case op == 2:
			ok, at = it.Seek(key), found
		case op == 3:
			ok, at = it.SeekForPrev(key), found-1
			if exact {
				at = found
			}
		case op <= 6:
			if ok = it.Next(); !placed {
				at = 0 // before the first row
			} else if at >= 0 {
				at++
			}
		default:
			if ok = it.Prev(); !placed {
				at = len(keys) - 1
			} else if at >= 0 {
				at--
			}
		}
		placed = true
		if at < 0 || at >= len(keys) {
			at = -1
			checkOff(m.t, it, ok)
			continue
		}
		checkAt(m.t, it, ok, keys[at])
		if string(it.Value()) != model[keys[at]] {
			m.t.Fatalf("the value of %q is %q", it.Key(), it.Value())
		}
	}
}

func runProgram(t testing.TB, program []byte) {
	path := t.TempDir() + "/db"
	m := machine{t: t, model: map[string]string{}, program: program}
	m.db = mustOpen(t, path, small...)
	for len(m.program) != 0 {
		m.step()
	}
	for _, s := range m.snapshots {
		check(t, s.Close())
	}
	m.compare(m.db, m.model)
	check(t, m.db.Close())
	m.db = mustOpen(t, path, small...)
	m.compare(m.db, m.model)
	check(t, m.db.Close())
}
