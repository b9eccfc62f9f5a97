// Command greeter is the application inside plumbline's sample images: small enough to be in each of them, and able to
// fail in every way that a cluster should notice.
//
//	greeter               answers HTTP at port 8080
//	greeter ask URL       asks, prints the answer, and ends with the exit code that curl --fail would
//	greeter fault JSON    puts a fault into the greeter of the same pod, as a POST to /fault does
//
// What it says, and a fault that it has from the start, are files of the image or of a volume:
// /etc/<application>/greeting, /etc/<application>/version and /etc/<application>/fault.
//
// It speaks HTTP by itself: the library's server, with all that it brings along, would be twice the size.
package main

import (
	"log"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
)

const port = "8080"

// Where Kubernetes looks for the last words of a container.
const lastWords = "/dev/termination-log"

func main() {
	log.SetFlags(0)
	switch arguments := os.Args[1:]; {
	case len(arguments) == 0:
		log.Fatal(serve())
	case len(arguments) == 2 && arguments[0] == "ask":
		os.Exit(tell(ask("GET", arguments[1], "")))
	case len(arguments) == 2 && arguments[0] == "fault":
		os.Exit(tell(ask("POST", "http://127.0.0.1:"+port+"/fault", arguments[1])))
	default:
		log.Printf("usage: greeter [ask URL | fault JSON], not %q", arguments)
		os.Exit(exitUsage)
	}
}

func serve() error {
	// The first process of a container gets no signal that it does not ask for.
	ending := make(chan os.Signal, 1)
	signal.Notify(ending, syscall.SIGTERM, syscall.SIGINT)
	go func() {
		log.Printf("ending: %s", <-ending)
		os.Exit(0)
	}()
	greeter := &greeter{}
	if text := applicationFile("fault"); text != "" {
		if err := greeter.become(strings.NewReader(text)); err != nil {
			return err
		}
	}
	return greeter.listen()
}

// applicationFile reads the file of that name of the one application in the image.
func applicationFile(name string) string {
	files, _ := filepath.Glob("/etc/*/" + name)
	for _, file := range files {
		if text, err := os.ReadFile(file); err == nil {
			return string(text)
		}
	}
	return ""
}

// tell prints what came of a question, also to where the pod's status takes it from.
func tell(said string, code int) int {
	os.Stdout.WriteString(said)
	if file, err := os.OpenFile(lastWords, os.O_WRONLY, 0); err == nil {
		file.WriteString(said)
		file.Close()
	}
	return code
}
