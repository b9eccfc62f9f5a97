package main

import (
	"encoding/json"
	"fmt"
	"io"
	"log"
	"os"
	"sync"
)

// A fault to be had from now on. What it does not name is sound again.
type fault struct {
	// Unready has /readyz say no.
	Unready bool `json:"unready"`
	// Hang leaves every question without an answer.
	Hang bool `json:"hang"`
	// Exit ends the program at once, by that code.
	Exit *int `json:"exit"`
	// Allocate takes that many MiB of memory, and touches them.
	Allocate int `json:"allocate"`
}

// greeter answers questions, as far as its fault lets it.
type greeter struct {
	mutex  sync.Mutex
	fault  fault
	memory []byte
}

// become takes over the fault that the text describes.
func (greeter *greeter) become(text io.Reader) error {
	decoder := json.NewDecoder(text)
	decoder.DisallowUnknownFields()
	var wanted fault
	if err := decoder.Decode(&wanted); err != nil {
		return fmt.Errorf("this is no fault: %w", err)
	}
	if wanted.Exit != nil {
		log.Printf("ending, as asked, by %d", *wanted.Exit)
		os.Exit(*wanted.Exit)
	}
	log.Printf("from now on: unready %t, hanging %t, %d MiB", wanted.Unready, wanted.Hang, wanted.Allocate)
	greeter.mutex.Lock()
	defer greeter.mutex.Unlock()
	greeter.fault = wanted
	greeter.memory = make([]byte, max(wanted.Allocate, 0)<<20)
	for place := 0; place < len(greeter.memory); place += os.Getpagesize() {
		greeter.memory[place] = 1
	}
	return nil
}

func (greeter *greeter) now() fault {
	greeter.mutex.Lock()
	defer greeter.mutex.Unlock()
	return greeter.fault
}
