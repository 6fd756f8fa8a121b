package lsm

import (
	"math/rand/v2"
	"testing"
	"time"
)

// FuzzModel does what the bytes say to a database and to a sorted map: go test -fuzz Model.
func FuzzModel(f *testing.F) {
	f.Add([]byte{})
	f.Add([]byte("\x01\x31a\x10\x0a\x07\x00\x00\x0f\x0d\x1f\x02\x03\x04\x05"))
	f.Fuzz(func(t *testing.T, program []byte) { runProgram(t, program) })
}

// Long random programs, another one each time.
func TestModel(t *testing.T) {
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	programs := 30
	if testing.Short() {
		programs = 3
	}
	for range programs {
		program := make([]byte, 3000)
		for i := range program {
			program[i] = byte(random.Uint32())
		}
		runProgram(t, program)
	}
}
