// Four goroutines hold a lock in turn, 5 ms at a time: what "hello, contention" is in Go.
package main

import (
	"fmt"
	"sync"
	"time"
)

var mu sync.Mutex

//go:noinline
func holdIt() {
	mu.Lock()
	time.Sleep(5 * time.Millisecond)
	mu.Unlock()
}

func main() {
	var group sync.WaitGroup
	for worker := 0; worker < 4; worker++ {
		group.Add(1)
		go func() {
			defer group.Done()
			for round := 0; round < 20; round++ {
				holdIt()
			}
		}()
	}
	group.Wait()
	fmt.Println("rounds", 80)
}
