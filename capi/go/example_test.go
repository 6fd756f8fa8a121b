package lsm_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"

	"lsm"
)

// temporary is a directory for a database of an example.
func temporary() (path string, remove func()) {
	dir, err := os.MkdirTemp("", "lsm")
	if err != nil {
		log.Fatal(err)
	}
	return dir + "/db", func() { os.RemoveAll(dir) }
}

func Example() {
	path, remove := temporary()
	defer remove()

	db, err := lsm.Open(path)
	if err != nil {
		log.Fatal(err)
	}
	defer db.Close()

	if err := db.Put([]byte("fruit/apple"), []byte("red"), lsm.Sync); err != nil {
		log.Fatal(err)
	}
	var batch lsm.Batch
	batch.Put([]byte("fruit/lemon"), []byte("yellow"))
	batch.Put([]byte("fruit/plum"), []byte("blue"))
	batch.Delete([]byte("fruit/pear"))
	if err := db.Write(&batch); err != nil {
		log.Fatal(err)
	}

	value, err := db.Get([]byte("fruit/apple"))
	fmt.Printf("apple is %s, %v\n", value, err)
	_, err = db.Get([]byte("fruit/pear"))
	fmt.Println("no pear:", errors.Is(err, lsm.ErrNotFound))

	for row, err := range db.Prefix([]byte("fruit/")) {
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%s is %s\n", row.Key, row.Value)
	}
	// Output:
	// apple is red, <nil>
	// no pear: true
	// fruit/apple is red
	// fruit/lemon is yellow
	// fruit/plum is blue
}

func ExampleDB_Snapshot() {
	path, remove := temporary()
	defer remove()
	db, _ := lsm.Open(path)
	defer db.Close()

	db.Put([]byte("a"), []byte("before"))
	snapshot, err := db.Snapshot()
	if err != nil {
		log.Fatal(err)
	}
	defer snapshot.Close()
	db.Put([]byte("a"), []byte("after"))

	then, _ := snapshot.Get([]byte("a"))
	now, _ := db.Get([]byte("a"))
	fmt.Printf("%s, %s\n", then, now)
	// Output: before, after
}

func ExampleDB_GetInto() {
	path, remove := temporary()
	defer remove()
	db, _ := lsm.Open(path)
	defer db.Close()
	db.Put([]byte("a"), []byte("first"))
	db.Put([]byte("b"), []byte("second"))

	var buffer []byte
	for _, key := range []string{"a", "b"} {
		var err error
		if buffer, err = db.GetInto([]byte(key), buffer[:0]); err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%s\n", buffer)
	}
	// Output:
	// first
	// second
}

func ExampleIterator() {
	path, remove := temporary()
	defer remove()
	db, _ := lsm.Open(path)
	defer db.Close()
	for _, key := range []string{"a", "c", "e"} {
		db.Put([]byte(key), nil)
	}

	it, err := db.NewIterator(nil, nil)
	if err != nil {
		log.Fatal(err)
	}
	defer it.Close()
	for ok := it.Seek([]byte("b")); ok; ok = it.Next() {
		fmt.Printf("%s ", it.Key())
	}
	for ok := it.SeekForPrev([]byte("d")); ok; ok = it.Prev() {
		fmt.Printf("%s ", it.Key())
	}
	fmt.Println(it.Err())
	// Output: c e c a <nil>
}

func ExampleDB_Compact() {
	path, remove := temporary()
	defer remove()
	db, _ := lsm.Open(path)
	defer db.Close()
	db.Put([]byte("a"), []byte("1"))

	ctx, cancel := context.WithCancel(context.Background())
	err := db.Compact(ctx, nil, nil, func(now lsm.Progress) { cancel() })
	fmt.Println(errors.Is(err, context.Canceled), errors.Is(err, lsm.ErrAborted))
	// Output: true true
}

func ExampleCorruptionError() {
	path, remove := temporary()
	defer remove()
	db, _ := lsm.Open(path)
	db.Put([]byte("a"), []byte("1"))
	db.Flush()
	db.Close()

	file := path + "/CURRENT"
	if entries, err := os.ReadDir(path); err == nil {
		for _, entry := range entries {
			if len(entry.Name()) > 4 && entry.Name()[len(entry.Name())-4:] == ".sst" {
				file = path + "/" + entry.Name()
			}
		}
	}
	os.WriteFile(file, []byte("not what it was"), 0o600)

	err := lsm.Verify(context.Background(), path, nil)
	var damage *lsm.CorruptionError
	if errors.As(err, &damage) {
		fmt.Println("restore", damage.File == file)
	}
	// Output: restore true
}
