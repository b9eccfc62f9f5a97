package main

import (
	"bufio"
	"fmt"
	"io"
	"log"
	"net"
	"net/textproto"
	"os"
	"strconv"
	"strings"
	"time"
)

// How long a client may take to ask.
const patienceWithClients = 10 * time.Second

// The largest body of a question that is read.
const largestBody = 64 * 1024

var statusTexts = map[int]string{
	200: "OK",
	400: "Bad Request",
	404: "Not Found",
	503: "Service Unavailable",
}

func (greeter *greeter) listen() error {
	listener, err := net.Listen("tcp", ":"+port)
	if err != nil {
		return err
	}
	log.Printf("listening at port %s", port)
	for {
		connection, err := listener.Accept()
		if err != nil {
			return err
		}
		go greeter.converse(connection)
	}
}

// converse answers the one question of a connection.
func (greeter *greeter) converse(connection net.Conn) {
	defer connection.Close()
	connection.SetReadDeadline(time.Now().Add(patienceWithClients))
	reader := textproto.NewReader(bufio.NewReader(connection))
	line, err := reader.ReadLine()
	if err != nil {
		return // Who only looks whether the port is open asks nothing.
	}
	headers, err := reader.ReadMIMEHeader()
	if err != nil {
		return
	}
	words := strings.Fields(line)
	if len(words) != 3 {
		respond(connection, 400, "not HTTP: "+line)
		return
	}
	length, _ := strconv.ParseInt(headers.Get("Content-Length"), 10, 64)
	body := io.LimitReader(reader.R, min(length, largestBody))
	path, _, _ := strings.Cut(words[1], "?")
	question := words[0] + " " + path
	if greeter.now().Hang && question != "POST /fault" {
		// Until the client goes, which is how it ends.
		connection.SetReadDeadline(time.Time{})
		io.Copy(io.Discard, connection)
		return
	}
	status, text := greeter.answer(question, body)
	respond(connection, status, text)
}

func (greeter *greeter) answer(question string, body io.Reader) (int, string) {
	switch question {
	case "GET /":
		return 200, greeting()
	case "GET /version":
		if version := applicationFile("version"); version != "" {
			return 200, version
		}
		return 404, "this application has no version"
	case "GET /hostname":
		name, _ := os.Hostname()
		return 200, name + "\n"
	case "GET /healthz":
		return 200, "ok\n"
	case "GET /readyz":
		if greeter.now().Unready {
			return 503, "not ready\n"
		}
		return 200, "ok\n"
	case "POST /fault":
		if err := greeter.become(body); err != nil {
			return 400, err.Error()
		}
		return 200, ""
	}
	return 404, "nothing answers " + question
}

func greeting() string {
	for _, name := range []string{"greeting", "version"} {
		if text := applicationFile(name); text != "" {
			return text
		}
	}
	return "greeter\n"
}

func respond(connection net.Conn, status int, text string) {
	fmt.Fprintf(connection, "HTTP/1.1 %d %s\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s",
		status, statusTexts[status], len(text), text)
}
