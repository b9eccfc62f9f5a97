package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"net/textproto"
	"net/url"
	"os"
	"strings"
	"time"
)

// The exit codes of curl --fail for what can go wrong.
const (
	exitUsage     = 2
	exitNoName    = 6
	exitNoAnswer  = 7
	exitRefused   = 22
	exitTimedOut  = 28
	exitBrokenOff = 56
)

// How long a question may take, from the name to the end of the answer.
const patience = 5 * time.Second

// How long before the next try where nobody answers: a name and the way to it come some moments after their Service.
const pause = 250 * time.Millisecond

// ask gives what a server said, and the exit code that this is.
func ask(method, address, body string) (string, int) {
	deadline := time.Now().Add(patience)
	target, err := url.Parse(address)
	if err != nil || target.Scheme != "http" || target.Host == "" {
		return "not a URL that can be asked: " + address, exitUsage
	}
	host := target.Host
	if target.Port() == "" {
		host = net.JoinHostPort(target.Hostname(), "80")
	}
	connection, err := connect(host, deadline)
	if err != nil {
		return err.Error(), exitCode(err, exitNoAnswer)
	}
	defer connection.Close()
	connection.SetDeadline(deadline)
	// By this older version of HTTP the answer ends where the connection does.
	_, err = fmt.Fprintf(connection, "%s %s HTTP/1.0\r\nHost: %s\r\nContent-Length: %d\r\n\r\n%s",
		method, target.RequestURI(), target.Host, len(body), body)
	if err != nil {
		return err.Error(), exitCode(err, exitBrokenOff)
	}
	reader := textproto.NewReader(bufio.NewReader(connection))
	status, err := reader.ReadLine()
	if err == nil {
		_, err = reader.ReadMIMEHeader()
	}
	if err != nil {
		return err.Error(), exitCode(err, exitBrokenOff)
	}
	text, err := io.ReadAll(reader.R)
	if err != nil {
		return err.Error(), exitCode(err, exitBrokenOff)
	}
	_, status, _ = strings.Cut(status, " ")
	if !strings.HasPrefix(status, "2") {
		return status + ": " + string(text), exitRefused
	}
	return string(text), 0
}

// connect tries until somebody is there, and then says what kept it.
func connect(host string, deadline time.Time) (net.Conn, error) {
	dialer := net.Dialer{Deadline: deadline}
	for {
		connection, err := dialer.Dial("tcp", host)
		if err == nil || time.Until(deadline) < pause {
			return connection, err
		}
		time.Sleep(pause)
	}
}

func exitCode(err error, otherwise int) int {
	var name *net.DNSError
	switch {
	case errors.As(err, &name) && !name.IsTimeout:
		return exitNoName
	case errors.Is(err, os.ErrDeadlineExceeded):
		return exitTimedOut
	}
	var problem net.Error
	if errors.As(err, &problem) && problem.Timeout() {
		return exitTimedOut
	}
	return otherwise
}
